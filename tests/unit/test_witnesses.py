"""Who changed what, as the log of the server says: only where it names the very thing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from plan_world import person, wanted

from syncd.model import LoggedEdit
from syncd.plan.rivals import TakenGrant
from syncd.plan.witnesses import said_of_grants, said_of_permissions, who_took
from syncd.targets.airflow.naming import permission

AT = datetime(2026, 3, 1, 10, 14, tzinfo=UTC)
ANN = TakenGrant("ann", "fin")
WANTED = wanted(person("Ann", "fin"))
EMAIL = WANTED.users["ann"].email
POOLS = permission("can_edit", "Pools")


def edit(account: str = "", *roles: str, takes: bool = True, permissions: tuple[str, ...] = ()) -> LoggedEdit:
    return LoggedEdit(AT, "root on vm", "airflow ...", takes, account, frozenset(roles), frozenset(permissions))


@pytest.mark.parametrize(
    ("seen", "is_it"),
    [
        pytest.param(edit("ann", "fin"), True, id="the very grant"),
        pytest.param(edit("ANN", "fin"), True, id="a name in other letters is the same"),
        pytest.param(edit(EMAIL.upper(), "fin"), True, id="by their e-mail"),
        pytest.param(edit("ann"), True, id="the account went"),
        pytest.param(edit("ann", "ops"), False, id="another role"),
        pytest.param(edit("bob", "fin"), False, id="another account"),
        pytest.param(edit("ann", "fin", takes=False), False, id="it was given"),
        pytest.param(edit("", "fin"), False, id="a role was changed"),
    ],
)
def test_only_the_edit_that_took_just_that_is_told(seen: LoggedEdit, is_it: bool) -> None:
    assert ({ANN: seen} if is_it else {}) == who_took([ANN], [seen], WANTED)


def test_the_newest_edit_counts() -> None:
    older = LoggedEdit(AT - timedelta(hours=1), "eve", "airflow ...", True, "ann", frozenset({"fin"}))
    assert {ANN: edit("ann", "fin")} == who_took([ANN], [edit("ann", "fin"), older], WANTED)


def test_who_is_named_with_the_time_and_the_command() -> None:
    seen = LoggedEdit(AT, "root on vm", "airflow users delete -u ann", True, "ann")
    assert [
        "who took fin from ann, see from ann: root on vm did, with `airflow users delete -u ann` at 2026-03-01 10:14 UTC, as the "
        "event log of that server says"
    ] == list(said_of_grants({ANN: seen, TakenGrant("ann", "see"): seen}))


def test_permissions_of_a_role_are_told_with_who_took_or_gave_them() -> None:
    took, gave = edit("", "fin", permissions=(str(POOLS),)), edit("", "fin", takes=False, permissions=(str(POOLS),))
    of = {"fin": frozenset({POOLS})}
    assert [f"who took can_edit on Pools from role fin: {took}"] == list(said_of_permissions(of, {}, [gave, took]))
    assert [f"who gave can_edit on Pools to role fin: {gave}"] == list(said_of_permissions({}, of, [took, gave]))
    assert [] == list(
        said_of_permissions(of, {}, [gave, edit("", "ops", permissions=(str(POOLS),)), edit("ann", "fin")])
    )
