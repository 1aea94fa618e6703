"""`pause`, `pauses` and `resume` as people type them, and where a pause is shown."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from test_cli_commands import EVERYBODY, Desk, airflow, desk

__all__ = ["airflow", "desk"]


@pytest.fixture
def paused(desk: Desk) -> Iterator[Desk]:
    desk.types("apply")
    assert 0 == desk.types("pause", "-d", "dev", "--for", "2h", "--reason", "ticket 12", "--as", "anna")[0]
    yield desk
    assert 0 == desk.types("resume", "--all")[0]


def test_apply_obeys_says_why_and_has_an_exit_code_of_its_own(paused: Desk) -> None:
    paused.members(*EVERYBODY[1:])
    code, out, _ = paused.types("apply")
    assert 6 == code, out
    assert "all changes on dev paused until " in out
    assert "by anna (via " in out
    assert "): ticket 12\n" in out
    assert "until then 1 person keeps access that no line gives any more" in out
    assert "to end it now: syncd --config " in out
    assert "apply: 1 paused (1 deployment, " in out, "what waits was not skipped"
    code, out, _ = paused.types("plan", "-o", "json")
    [this] = json.loads(out)["deployments"]
    assert (6, [f"{paused.team}.user0"]) == (code, [change["name"] for change in this["paused"]["changes"]])
    assert (1, "ticket 12") == (this["paused"]["effects"]["loses"]["people"], this["pause"]["reason"])
    code, out, _ = paused.types("reconcile")
    assert 6 == code, out
    assert "dev: 1 paused\n" in out, "it says why nothing was done"
    assert "all changes on dev paused until " in out
    assert "resume " in out
    assert "reconcile: 1 paused (" in out


def test_it_is_shown_everywhere_and_resumed_once(paused: Desk) -> None:
    [row] = paused.reads("pauses")["pauses"]
    assert ("dev", False, "ticket 12") == (row["scope"], row["removals_only"], row["reason"])
    until = datetime.fromisoformat(row["until"]) - datetime.now(UTC)
    assert timedelta(hours=1, minutes=59) < until <= timedelta(hours=2)
    status = paused.reads("status", "--offline")
    assert [[row], [row]] == [status["pauses"], [d["pause"] for d in status["deployments"]]]
    _, out, _ = paused.types("status", "--offline")
    assert "all changes paused" in out
    assert "all changes on dev paused until" in out
    _, out, _ = paused.types("doctor")
    assert "note" in next(line for line in out.splitlines() if "ticket 12" in line)
    code, out, _ = paused.types("resume", str(row["id"]), "--reason", "it was nothing")
    assert (0, True) == (code, "no daemon runs: what waited is done by the next apply" in out)
    assert 3 == paused.types("resume", str(row["id"]))[0]
    assert [] == paused.reads("pauses")["pauses"]
    assert "nothing is paused" in paused.types("pauses")[1]
    assert "by " in paused.types("pauses", "--all")[1]
    [past] = paused.reads("pauses", "--all")["pauses"]
    assert "it was nothing" == past["ended_reason"]
    paused.members(*EVERYBODY[1:])
    assert 0 == paused.types("apply")[0]


def test_a_pause_of_removals_goes_on_giving(desk: Desk) -> None:
    desk.types("apply")
    desk.types("pause", "--fleet", "--removals-only", "--for", "90m", "--reason", "the HR import is wrong")
    desk.members(*EVERYBODY[1:], "new")
    code, out, _ = desk.types("apply")
    assert 6 == code
    assert "removals on the fleet paused until " in out
    assert "+ " in out
    assert "1 applied, 1 paused" in out
    desk.types("resume", "--all")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--fleet", "--for", "2h"), "say why"),
        (("--fleet", "--for", "2h", "--reason", " "), "say why"),
        (("--fleet", "--reason", "x"), "say when it ends, in one way"),
        (("--fleet", "--reason", "x", "--for", "2h", "--until", "2099-01-01"), "say when it ends, in one way"),
        (("--fleet", "--reason", "x", "--until", "2020-01-01"), "it is over already"),
        (("--fleet", "--reason", "x", "--for", "soon"), "90m, 12h, 7d from now"),
        (("--fleet", "--reason", "x", "--for", "31d"), "a pause lasts at most 30d here ([pause] longest)"),
        (("--fleet", "--reason", "x", "--until-resumed"), "[pause] open_ended = true"),
        (("--reason", "x", "--for", "2h"), "say what: --fleet, or --label and --deployment"),
        (("--fleet", "-d", "dev", "--reason", "x", "--for", "2h"), "say what: --fleet, or --label and --deployment"),
        (("-d", "nowhere", "--reason", "x", "--for", "2h"), 'no deployment "nowhere"'),
        (("--label", "env", "--reason", "x", "--for", "2h"), "write KEY=VALUE"),
        (
            ("--label", "env=moon", "--reason", "x", "--for", "2h"),
            "no deployment has the label env=moon; there are env=",
        ),
        (("--fleet", "--reason", "x", "--for", "2h", "--as", "a b"), "write 1 to 64 letters"),
    ],
)
def test_what_is_no_pause_is_told_and_nothing_is_paused(desk: Desk, words: tuple[str, ...], said: str) -> None:
    code, _, err = desk.types("pause", *words)
    assert (3, True) == (code, said in " ".join(err.replace("│", " ").split())), err
    assert [] == desk.reads("pauses")["pauses"]


def test_a_pause_without_an_end_is_one_where_the_configuration_allows_it(desk: Desk) -> None:
    text = (desk.folder / "config.toml").read_text(encoding="utf-8")
    desk.write("config.toml", f'{text}\n[pause]\nopen_ended = true\nlongest = "1h"\n')
    assert 3 == desk.types("pause", "--fleet", "--reason", "x", "--for", "2h")[0]
    code, out, _ = desk.types("pause", "--fleet", "--reason", "x", "--until-resumed")
    assert (0, True) == (code, "until it is resumed" in out)
    assert [None] == [row["until"] for row in desk.reads("pauses")["pauses"]]
    desk.types("resume", "--all")


def test_a_pause_needs_no_mapping_that_can_be_used(desk: Desk) -> None:
    desk.write("mappings/access.yaml", "roles: [")
    assert 3 == desk.types("apply")[0]
    assert 0 == desk.types("pause", "--fleet", "--reason", "x", "--for", "2h")[0]
    assert 0 == desk.types("resume", "--all")[0]
    assert 3 == desk.types("resume")[0]
