"""Roles that the code of DAGs may name: what is told of one that goes, and when there is a sign of such code."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from plan_world import person, role

from syncd.model import EVERYTHING, Change, Loss, Note, Plan
from syncd.plan.contested import YIELD_AFTER
from syncd.plan.named import goes, signs, warned
from syncd.targets.airflow.naming import NAMING, permission

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
FIN = role("fin", "b", "a")
FIN_GOES = Change(FIN, None)
BEFORE = Note("role_held_by_others", "zoe")


def plan(*changes: Change) -> Plan:
    return Plan("prod", EVERYTHING, changes, notes=(BEFORE,))


@pytest.mark.parametrize(
    ("change", "is_one"),
    [
        (FIN_GOES, True),
        (Change(FIN, role("fin", "a")), False),
        (Change(None, FIN), False),
        (Change(person("fin", "fin"), None), False),
        (Change(person("ann", "fin"), person("ann")), False),
    ],
    ids=["deleted", "shrinks", "made", "an account of that name", "taken from somebody"],
)
def test_a_role_goes_by_its_deletion_alone(change: Change, is_one: bool) -> None:
    assert is_one is goes(change)
    note = Note("role_goes", "role fin goes: it breaks; look at those it has permissions on (a, b) before")
    assert tuple(sorted({BEFORE, *([note] if is_one else [])})) == warned(plan(change), breaks="it breaks").notes


@pytest.mark.parametrize(
    ("dags", "where"),
    [
        ((), "at your DAGs"),
        (("a",), "at those it has permissions on (a)"),
        (tuple("gfedcba"), "at those it has permissions on (a, b, c, d, e and 2 more)"),
    ],
    ids=["no DAG", "one DAG", "many DAGs"],
)
def test_it_is_told_where_to_look_before_a_role_goes(dags: tuple[str, ...], where: str) -> None:
    fin = role("fin", *dags)
    going = replace(fin, permissions=fin.permissions | {permission("can_read", "Pools")})
    told = warned(plan(Change(going, None)), breaks="it breaks").notes
    assert Note("role_goes", f"role fin goes: it breaks; look {where} before") in told


def test_nothing_is_told_where_nothing_breaks_or_nothing_goes() -> None:
    assert plan(FIN_GOES) == warned(plan(FIN_GOES), breaks="")
    unsorted = replace(plan(), notes=(Note("z", "1"), Note("a", "2")))
    assert unsorted == warned(unsorted, breaks="it breaks")


def loss(name: str, times: int, resource: str = "DAG:a") -> Loss:
    return Loss(name, permission("can_read", resource), times, NOW)


@pytest.mark.parametrize(
    ("losses", "named"),
    [
        ((), set()),
        ((loss("fin", YIELD_AFTER - 1),), set()),
        ((loss("fin", YIELD_AFTER),), {"fin"}),
        ((loss("fin", YIELD_AFTER, "Pools"),), set()),
        ((loss("ops", YIELD_AFTER),), set()),
        ((loss("other", YIELD_AFTER + 1), loss("fin", YIELD_AFTER + 1)), {"fin"}),
    ],
    ids=[
        "nothing went",
        "once, maybe by hand",
        "again, so by code",
        "on no DAG",
        "of a role that stays",
        "of one that does not go",
    ],
)
def test_what_went_again_from_a_role_that_goes_is_the_sign_of_code(losses: tuple[Loss, ...], named: set[str]) -> None:
    changes = FIN_GOES, Change(role("ops", "a", "b"), role("ops", "a")), Change(person("other"), None)
    assert named == signs(plan(*changes), losses, NAMING)
