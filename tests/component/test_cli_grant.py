"""`syncd grant`: what people type and read, on a stand-in Airflow."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from test_cli_commands import Desk

from syncd.model import GrantWord
from syncd.sandbox.airflow import StandIn, serve
from syncd.store import Stores

ALLOW = """
[[grants.allow]]
by = ["*"]
roles = ["Op"]
longest = "4h"

[[grants.allow]]
by = ["*"]
roles = ["Admin"]
longest = "1h"
approvers = ["eve"]
"""


@pytest.fixture(scope="module")
def airflow() -> Iterator[str]:
    with serve(StandIn("3.3.2")) as url:
        yield url


@pytest.fixture
def desk(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    airflow: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Desk:
    """A desk whose deployment was brought to what the mapping says."""
    monkeypatch.setenv("SYNCD_DEV_PASSWORD", "admin")
    folder = tmp_path / request.node.name.removeprefix("test_").replace("_", "-")[:24]
    folder.mkdir()
    desk = Desk(folder, airflow, capsys)
    config = (folder / "config.toml").read_text(encoding="utf-8")
    desk.write("config.toml", f"{config}{ALLOW}")
    assert 0 == desk.types("apply")[0]
    return desk


def give(desk: Desk, role: str = "Op", *more: str) -> tuple[int, str, str]:
    return desk.types(
        "grant", f"{desk.team}.user1", role, "--on", "dev", "--for", "2h", "--reason", "incident 7", *more
    )


def test_a_role_is_given_for_a_time_and_shown_everywhere(desk: Desk) -> None:
    code, out, err = give(desk, "Op", "--ticket", "INC-7")
    assert (0, "") == (code, err)
    assert f"grant 1: Op on dev for {desk.team}.user1 (people)" == out.splitlines()[0]
    assert "  because incident 7, INC-7" in out.splitlines()
    assert "no daemon runs" in out

    said = "(grant 1, granted by "
    assert said in desk.types("plan")[1]
    assert 0 == desk.types("apply", "--yes")[0]
    assert said in desk.types("explain", f"{desk.team}.user1")[1]
    assert said in desk.types("who", "--role", "Op")[1]
    assert said in desk.types("audit", "--role", "Op")[1]
    stands = f"grant 1: Op on dev for {desk.team}.user1, active until "
    assert stands in desk.types("status", "--offline")[1]

    [listed] = desk.reads("grant", "list")["grants"]
    assert ("active", "Op", "dev", 7200) == tuple(listed[key] for key in ("state", "role", "deployment", "lasts_s"))
    assert listed == desk.reads("grant", "show", "1")
    assert [listed] == desk.reads("status", "--offline")["grants"]


def test_a_grant_is_ended_by_hand(desk: Desk) -> None:
    give(desk)
    desk.types("apply", "--yes")
    code, out, _ = desk.types("grant", "revoke", "1", "--reason", "all is well")
    assert 0 == code
    assert "  over: all is well" in out.splitlines()
    assert "  no daemon runs: the role goes only when somebody runs: syncd " in out
    planned = desk.types("plan")[1]
    assert "was given by" in planned
    assert "the grant ended" in planned
    assert "no grant is active" in desk.types("grant", "list")[1]
    assert ["over"] == [one["state"] for one in desk.reads("grant", "list", "--all")["grants"]]
    code, _, err = desk.types("grant", "revoke", "1", "--reason", "again")
    assert (3, "syncd: grant 1 is over already; syncd grant show 1\n") == (code, err)


@pytest.mark.finding("N-575")
@pytest.mark.parametrize("allowed", [True, False])
def test_who_leaves_loses_it_also_where_nothing_may_be_given_any_more(desk: Desk, *, allowed: bool) -> None:
    """What was given before stays until its end, so everybody is read as long as anything of it is open."""
    give(desk)
    desk.types("apply", "--yes")
    config = (desk.folder / "config.toml").read_text(encoding="utf-8")
    desk.write("config.toml", config if allowed else config.replace(ALLOW, ""))
    people = json.loads((desk.folder / "people/people.yaml").read_text(encoding="utf-8"))
    left = f"{desk.team}.user1"
    people["people"] = [one for one in people["people"] if one["login"] != left]
    people["groups"] = [{**one, "members": [n for n in one["members"] if n != left]} for one in people["groups"]]
    desk.write("people/people.yaml", json.dumps(people))
    assert 0 == desk.types("apply", "--yes")[0]
    assert f"over: {left} left people" in desk.types("grant", "show", "1")[1]


def test_what_wants_another_word_waits_for_it(desk: Desk) -> None:
    assert "it may last 1h at most, not 2h" in give(desk, "Admin")[2]
    code, out, err = desk.types(
        "grant", f"{desk.team}.user1", "Admin", "--on", "dev", "--for", "1h", "--reason", "incident 7"
    )
    assert (0, "") == (code, err)
    assert "another person lets it pass: syncd --config" in out
    assert "nothing to do" in desk.types("plan")[1]
    code, _, err = desk.types("grant", "approve", "1")
    assert 3 == code
    assert "another person has to let it pass" in err
    with closing(Stores.open(f"sqlite:///{desk.folder}/syncd.db")) as store:
        assert store.grants.give(1, GrantWord("eve", "host", datetime.now(UTC))) is not None
    assert "(grant 1, granted by " in desk.types("plan")[1]


REFUSED = {
    "no such role": (("bob", "Opp"), 'no mapping file defines a role "Opp"'),
    "nobody": (("nobody-at-all", "Op"), 'no source knows "nobody-at-all"'),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_given_is_one_sentence(desk: Desk, case: str) -> None:
    words, said = REFUSED[case]
    code, out, err = desk.types("grant", *words, "--on", "dev", "--for", "2h", "--reason", "x")
    assert (3, "") == (code, out)
    assert said in err


@pytest.mark.parametrize("span", ["2", "two hours", "-1h", "9h"])
def test_a_span_that_is_none_or_too_long_is_told(desk: Desk, span: str) -> None:
    code, out, err = desk.types(
        "grant", f"{desk.team}.user1", "Op", "--on", "dev", f"--for={span}", "--reason", "incident"
    )
    assert (3, "") == (code, out)
    assert ("a number and a unit" in err) is (span != "9h")


def test_a_grant_whose_time_is_over_is_over_without_anybody(desk: Desk) -> None:
    give(desk)
    desk.types("apply", "--yes")
    with closing(Stores.open(f"sqlite:///{desk.folder}/syncd.db")) as store:
        [grant] = store.grants.open()
        past = datetime.now(UTC) - timedelta(hours=3)
        asked = GrantWord("root", "host", past)
        store.grants.end(grant.id, asked, "replaced")
        store.grants.ask(replace(grant.request, asked=asked))
    assert "no grant is active" in desk.types("grant", "list")[1]
    assert 0 == desk.types("apply", "--yes")[0]
    assert "its time is over" in desk.types("grant", "show", "2")[1]
    assert json.loads(desk.types("explain", f"{desk.team}.user1", "-o", "json")[1])["ways"] != []


@pytest.mark.parametrize("preset", ["3.3.2", "2.11.2"])
def test_a_sign_in_of_an_account_for_emergencies_is_told(
    preset: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SYNCD_DEV_PASSWORD", "admin")
    (tmp_path / "glass").mkdir()
    standin = StandIn(preset)
    standin.state.add_user("emergency", password="secret", roles={"Admin"})
    with serve(standin) as url:
        desk = Desk(tmp_path / "glass", url, capsys)
        config = (desk.folder / "config.toml").read_text(encoding="utf-8")
        config = config.replace("[deployments.dev]\n", '[deployments.dev]\nbreak_glass = ["emergency"]\n')
        desk.write("config.toml", config.replace('kind = "token"', 'kind = "basic"') if preset < "3" else config)
        assert 0 == desk.types("apply")[0]
        assert "break_glass" not in desk.types("plan")[1]
        account = standin.state.users["emergency"]
        account.login_count, account.last_login = 1, datetime(2026, 3, 1, tzinfo=UTC)
        assert "the break-glass account emergency signed in once, the last time at 2026-03-01" in desk.types("plan")[1]
        assert {"Admin"} == account.roles
