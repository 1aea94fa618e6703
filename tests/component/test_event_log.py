"""Airflow's event log names who used its command line, and what an account did; where it may not be read nothing is said."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from airflow_world import DAGS, World, world
from stages import DAGS as MEMORY_DAGS
from stages import NOW, People, Stage

from syncd.errors import TargetUnavailable
from syncd.model import LoggedAct, LoggedEdit
from syncd.sandbox.airflow import StandIn
from syncd.store import Stores
from syncd.targets.airflow import AirflowTarget
from syncd.targets.airflow.event_log import ACTS, PAGES
from syncd.targets.airflow.examine import examine
from syncd.targets.memory import MemoryTarget

AT = datetime(2026, 3, 1, 10, 14, tzinfo=UTC)
SINCE = AT - timedelta(minutes=15)
USERS, PERMS = "cli_users_manage_role", "cli_roles_del_perms"


@pytest.fixture(params=["2.11.2", "3.3.2"])
def there(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    with world(StandIn(request.param, dags=DAGS), tmp_path) as w:
        yield w


def reader(w: World) -> AirflowTarget:
    target = w.target()
    target.look()
    target.inventory()
    return target


def took(account: str = "", *roles: str, of: tuple[str, ...] = (), takes: bool = True) -> LoggedEdit:
    permissions = frozenset(f"{action} on Pools" for action in of)
    return LoggedEdit(AT, "root on vm", "", takes, account, frozenset(roles), permissions)


@pytest.mark.finding("N-613")
@pytest.mark.parametrize(
    ("event", "command", "found"),
    [
        (USERS, "users remove-role -u ann -r fin", took("ann", "fin")),
        (USERS, "users remove-role --username=ann --role=fin", took("ann", "fin")),
        (USERS, "users add-role -e a@x.y -r fin", took("a@x.y", "fin", takes=False)),
        ("cli_users_delete", "users delete -u ann", took("ann")),
        ("cli_roles_delete", "roles delete a b", took("", "a", "b")),
        (PERMS, "roles del-perms fin -a can_read can_edit -r Pools", took("", "fin", of=("can_read", "can_edit"))),
        (
            "cli_roles_add_perms",
            "roles add-perms fin -a can_read -r Pools",
            took("", "fin", of=("can_read",), takes=False),
        ),
        ("cli_roles_add_perms", "roles add-perms -a can_read -r Pools fin", None),
        (USERS, "users remove-role -u ann -u bob -r fin", None),
        (USERS, "users remove-role -u ann", None),
        ("cli_users_import", "users import all.json", None),
        ("cli_sync_perm", "sync-perm", None),
    ],
)
def test_what_is_plain_from_a_command_is_read(there: World, event: str, command: str, found: LoggedEdit | None) -> None:
    there.server.state.log_command(event, *command.split(), at=AT)
    with closing(reader(there)) as target:
        said = f"airflow {command}"
        assert ((replace(found, said=said),) if found else ()) == target.edits(SINCE)
        assert () == target.edits(AT), "only what came after that"


@pytest.mark.parametrize("extra", [None, "", "{}", "[", '{"full_command": "1 +"}', '{"full_command": "[1, 2]"}'])
def test_what_cannot_be_read_of_a_row_says_nothing(there: World, extra: str | None) -> None:
    there.server.state.log(USERS, "root", at=AT, extra=extra)
    with closing(reader(there)) as target:
        assert () == target.edits(SINCE)


@pytest.mark.finding("N-665")
def test_a_row_of_a_time_that_cannot_be_told_in_utc_says_nothing(there: World) -> None:
    there.server.state.log_command("cli_users_delete", "users", "delete", "-u", "ann", at=AT, owner="emergency")
    there.server.state.events[-1]["when"] = "9999-12-31T23:59:59-14:00"
    with closing(reader(there)) as target:
        assert ((), ()) == (target.edits(SINCE), target.acts("emergency", SINCE))


@pytest.mark.finding("N-665")
def test_the_words_of_a_row_are_told_short_and_endless_commands_not_at_all(there: World) -> None:
    state = there.server.state
    state.log_command("cli_users_delete", "users", "delete", "-u", "ann", at=AT, owner="o" * 10_000)
    state.log_command("cli_roles_delete", "roles", "delete", *(f"r{n}" for n in range(10_000)), at=AT)
    state.log("e" * 10_000, "emergency", at=AT)
    with closing(reader(there)) as target:
        assert ["o" * 200] == [edit.by for edit in target.edits(SINCE) or ()]
        assert ["e" * 200] == [act.what for act in target.acts("emergency", SINCE)]


def test_the_newest_rows_are_read_and_no_more_than_two_pages(there: World) -> None:
    for number in range(350):
        there.server.state.log_command(USERS, "users", "remove-role", "-u", f"u{number}", "-r", "fin", at=AT)
    with closing(reader(there)) as target:
        before = target.calls
        found = target.edits(SINCE)
        assert found is not None
        assert ("u349", 200, PAGES) == (found[0].account, len(found), target.calls - before)


def test_where_it_may_not_be_read_it_is_asked_once_and_doctor_tells(there: World) -> None:
    for name, role in there.server.state.roles.items():
        there.server.state.roles[name] = {p for p in role if p.resource != "Audit Logs"}
    with closing(reader(there)) as target:
        before = target.calls
        assert (None, None, ()) == (target.edits(SINCE), target.edits(SINCE), target.acts("emergency", SINCE))
        assert {"2.11.2": 2, "3.3.2": 1}[there.server.abilities.version] == target.calls - before, (
            "a refused cookie is tried anew"
        )
    told = {
        f.check: f for f in examine("prod", there.settings(kinds=("basic", "token")), now=lambda: datetime.now(UTC))
    }
    assert told["event log"].ok is None
    assert "give the account can_read on Audit Logs where you want that" in told["event log"].detail


def test_what_an_account_did_is_read(there: World) -> None:
    state = there.server.state
    state.log("trigger_dag_run", "emergency", at=AT, dag_id="fin_00")
    state.log("trigger_dag_run", "anna", at=AT, dag_id="fin_00")
    for _ in range(ACTS):
        state.log("post_variable", "emergency", at=AT)
    with closing(reader(there)) as target:
        found = target.acts("emergency", SINCE)
    assert (LoggedAct(AT, "post_variable"),) * ACTS == found, "the newest of them"


# --- in a pass ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with closing(Stores.open(f"sqlite:///{tmp_path / 'syncd.db'}")) as store:
        it = Stage(
            store, People({"finance": ["anna", "bob"]}), {"prod": MemoryTarget("prod", dags=MEMORY_DAGS)}, now=NOW
        )
        it.apply()
        it.now += timedelta(minutes=15)
        yield it


def taken_from_anna(stage: Stage) -> tuple[str, ...]:
    stage.prod.users["anna"] = replace(stage.prod.users["anna"], roles=frozenset({"Viewer"}))
    return stage.apply().deployments[0].culprits


@pytest.mark.finding("N-613")
def test_drift_names_who_did_it_and_when(stage: Stage) -> None:
    at, ran = stage.now - timedelta(minutes=2), "airflow users remove-role -u anna -r finance"
    stage.prod.logged = [LoggedEdit(at, "eve on vm", ran, True, "anna", frozenset({"finance"}))]
    said = f"eve on vm did, with `{ran}` at 2026-03-01 12:13 UTC, as the event log of that server says"
    assert (f"who took finance from anna: {said}",) == taken_from_anna(stage)


def test_an_edit_of_before_the_last_look_is_not_blamed(stage: Stage) -> None:
    stage.prod.logged = [LoggedEdit(NOW, "eve on vm", "airflow ...", True, "anna", frozenset({"finance"}))]
    [said] = taken_from_anna(stage)
    assert "eve on vm" not in said
    assert "most likely somebody takes them in the user interface or by the API" in said


def test_where_the_log_cannot_be_read_the_pass_goes_on(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_self: object, _since: object) -> None:
        raise TargetUnavailable("500")

    monkeypatch.setattr(MemoryTarget, "edits", refused)
    [said] = taken_from_anna(stage)
    assert "most likely" in said
    assert {"finance", "Viewer"} == set(stage.prod.users["anna"].roles)
    assert "event_log_unread" in stage.events


def test_it_is_not_asked_where_there_is_nothing_to_explain(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    monkeypatch.setattr(MemoryTarget, "edits", lambda _self, since: asked.append(since))
    stage.people.members = {"finance": ["anna", "bob", "carol"]}
    stage.apply()
    assert [] == asked
