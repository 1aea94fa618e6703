"""`rollback` as people type it: shown first, done with --yes, and kept by a pause."""

from __future__ import annotations

import re

import pytest
from test_cli_commands import EVERYBODY, Desk, Typed, airflow, desk

__all__ = ["airflow", "desk"]


def last_run(desk: Desk) -> str:
    return str(max(row["run"] for row in desk.reads("audit")))


def test_a_run_is_undone_as_it_was_shown_and_stays_so_until_the_pause_is_over(desk: Desk) -> None:
    desk.types("apply")
    desk.members(*EVERYBODY, "new")
    desk.types("apply")
    run = last_run(desk)
    code, out, _ = desk.types("rollback", run, "--reason", "ticket 12")
    assert (2, True) == (code, "nothing was done; --yes does it" in out), out
    assert f"rollback of run {run}" in out
    assert f"{desk.team}.new" in out
    assert f"{desk.team}.user1" not in out
    assert [] == desk.reads("pauses")["pauses"]

    code, out, _ = desk.types("rollback", run, "--reason", "ticket 12", "--yes", "--for", "2h")
    assert 0 == code, out
    [pause] = desk.reads("pauses")["pauses"]
    assert ("dev", "rolled back: ticket 12") == (pause["scope"], pause["reason"])
    assert f"resume {pause['id']}" in out
    assert [] == [row for row in desk.reads("audit", "--holders", "-u", f"{desk.team}.new") if row["until"] is None]
    assert 6 == desk.types("apply")[0], "what its lines still give is not given again"

    code, out, _ = desk.types("rollback", run, "--reason", "ticket 12", "--yes")
    assert (0, True) == (code, "none of it is there any more" in out)
    assert 0 == desk.types("resume", str(pause["id"]))[0]
    assert 0 == desk.types("apply")[0]
    assert [True] * 1 == [row["until"] is None for row in desk.reads("audit", "--holders", "-u", f"{desk.team}.new")][
        -1:
    ]


def test_where_somebody_paused_nothing_is_rolled_back(desk: Desk) -> None:
    desk.types("apply")
    desk.types("pause", "--fleet", "--for", "2h", "--reason", "month end")
    code, _, err = desk.types("rollback", "--since", "1h", "--reason", "ticket 12", "--yes")
    assert 6 == code
    assert "a rollback is a change too: end that first" in err
    assert 1 == len(desk.reads("pauses")["pauses"])
    desk.types("resume", "--all")


def test_what_a_limit_held_of_a_rollback_passes_by_the_same_command_with_its_digest(desk: Desk) -> None:
    desk.types("apply")
    run, why = last_run(desk), ("--reason", "ticket 12", "--yes")
    code, out, _ = desk.types("rollback", run, *why)
    assert 4 == code, out
    said = re.search(r"to let exactly this pass: the same `syncd rollback` command with --approve (\w+)", out)
    assert said, out
    assert [] == desk.reads("hold", "list")["holds"], "a rollback is in force nowhere, so it is nothing of the inbox's"
    [pause] = desk.reads("pauses")["pauses"]

    desk.types("pause", "--fleet", "--for", "30d", "--reason", "month end")
    assert 6 == desk.types("rollback", run, *why, "--approve", said[1])[0], "a pause of somebody else's is obeyed"
    desk.types("resume", str(pause["id"] + 1))

    code, out, _ = desk.types("rollback", run, *why, "--approve", said[1])
    assert 0 == code, out
    assert [pause] == desk.reads("pauses")["pauses"], "its own pause goes on as it was"
    assert [] == [row for row in desk.reads("audit", "--holders") if row["until"] is None]
    desk.types("resume", "--all")


@pytest.mark.finding("N-670")
def test_nothing_is_paused_without_a_yes_where_a_limit_holds_all_of_a_rollback(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("syncd.cli.confirm.at_terminal", lambda: True)
    desk.types("apply")
    run = last_run(desk)
    monkeypatch.setattr("sys.stdin", Typed("n\n"))
    code, out, _ = desk.types("rollback", run, "--reason", "ticket 12")
    assert (2, True) == (code, out.endswith("Pause? [y/N] nothing was done; --yes does it\n")), out
    assert "dev: nothing is taken from anybody now, and all changes are paused for 24h" in out
    assert [] == desk.reads("pauses")["pauses"]
    monkeypatch.setattr("sys.stdin", Typed("y\n"))
    assert 4 == desk.types("rollback", run, "--reason", "ticket 12")[0]
    assert 1 == len(desk.reads("pauses")["pauses"])
    desk.types("resume", "--all")


def test_one_change_is_undone(desk: Desk) -> None:
    desk.types("apply")
    [one] = [row["id"] for row in desk.reads("audit", "-u", f"{desk.team}.user3")]
    code, out, _ = desk.types("rollback", "--change", str(one), "--reason", "x", "--yes")
    assert 0 == code, out
    held = {row["username"] for row in desk.reads("audit", "--holders") if row["until"] is None}
    assert EVERYBODY == sorted({name.partition(".")[2] for name in held} | {"user3"})
    assert f"{desk.team}.user3" not in held
    desk.types("resume", "--all")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("1",), "say why"),
        (("--reason", "x"), "say what is to be undone"),
        (("1", "--since", "1h", "--reason", "x"), "say what is to be undone"),
        (("--since", "soon", "--reason", "x"), "is no time"),
        (("1", "-d", "nowhere", "--reason", "x"), 'no deployment "nowhere"'),
    ],
)
def test_what_is_no_rollback_is_told(desk: Desk, words: tuple[str, ...], said: str) -> None:
    code, _, err = desk.types("rollback", *words)
    assert (3, True) == (code, said in " ".join(err.split())), err


def test_of_what_the_journal_does_not_have_nothing_is_undone(desk: Desk) -> None:
    code, out, _ = desk.types("rollback", "4711", "--reason", "x", "--yes")
    assert (0, True) == (code, "the journal has nothing of it" in out)
    assert [] == desk.reads("pauses")["pauses"]
