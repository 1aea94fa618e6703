"""Which names are one name, which are surely two, and which may be either."""

from __future__ import annotations

import pytest

from syncd.model import DesiredState, Lookalikes, ObservedState, Owned, Reason, Role, Scope, User, key, skeletons
from syncd.plan.clashes import set_aside
from syncd.sandbox.airflow.collation import Names, compared, lowered

SAME = [("anna", "ANNA"), ("Böb", "BöB")]
ALIKE = [
    ("straße", "strasse"),
    ("straße", "strase"),
    ("ﬁona", "fiona"),
    ("ſam", "sam"),
    ("Ärger", "ärger"),
    ("josé", "jose\u0301"),
    ("boss", "bóss"),
    ("boss", "boss "),
    ("ｂｏｓｓ", "boss"),
    ("søren", "soren"),
    ("a\u200bb", "ab"),
]
APART = [("anna", "anne"), ("ross", "ros"), ("李", "王"), (" boss", "boss")]


@pytest.mark.finding("A-F2")
@pytest.mark.finding("H-E20")
@pytest.mark.parametrize(("one", "other"), SAME)
def test_names_that_differ_in_a_to_z_alone_are_one(one: str, other: str) -> None:
    assert key(one) == key(other)


@pytest.mark.finding("A-F2")
@pytest.mark.finding("H-E20")
@pytest.mark.parametrize(("one", "other"), ALIKE)
def test_names_that_some_database_may_take_for_one_are_alike_and_not_the_same(one: str, other: str) -> None:
    assert key(one) != key(other)
    assert skeletons(one) & skeletons(other)
    assert (other,) == Lookalikes([other, "eve"]).of(one)


@pytest.mark.parametrize(("one", "other"), APART)
def test_other_names_are_not_alike(one: str, other: str) -> None:
    assert one not in Lookalikes([other])


@pytest.mark.parametrize("names", ["sqlite", "postgresql", "mysql"])
def test_what_a_database_takes_for_one_name_is_alike(names: Names) -> None:
    words = sorted({word for pair in (*SAME, *ALIKE, *APART) for word in pair})
    for one in words:
        for other in words:
            if lowered(one, names) == lowered(other, names) or compared(one, names) == compared(other, names):
                assert skeletons(one) & skeletons(other), (one, other)
            if key(one) == key(other):
                assert lowered(one, names) == lowered(other, names)


def state(*names: str, roles: tuple[str, ...] = (), unclear: dict[str, str] | None = None) -> ObservedState:
    users = {key(n): User(n, "", "", "", frozenset()) for n in names}
    return ObservedState("prod", users, {r: Role(r, frozenset()) for r in roles}, unclear=unclear or {})


def wanted(*names: str, roles: tuple[str, ...] = ("fin",)) -> DesiredState:
    why = (Reason("people", "g", "g", "m.yaml:1"),)
    users = {key(n): User(n, "", "", "", frozenset(roles)) for n in names}
    return DesiredState(
        "prod", users, {r: Role(r, frozenset()) for r in roles}, {n: dict.fromkeys(roles, why) for n in users}
    )


@pytest.mark.finding("A-F2")
@pytest.mark.finding("H-E20")
def test_what_resembles_something_that_is_there_is_set_aside() -> None:
    found = set_aside(wanted("strasse", "anna"), state("straße", roles=("Fin",)), owned=Owned(), scope=Scope())
    assert ("fin", "strasse") == found.blocked
    assert (["anna"], {}) == (list(found.desired.users), dict(found.desired.roles))
    assert frozenset() == found.desired.users["anna"].roles
    assert ["name_clash", "username_clash"] == sorted(note.code for note in found.notes)


@pytest.mark.finding("A-F2")
@pytest.mark.finding("H-E20")
def test_what_is_there_by_its_own_name_is_not() -> None:
    want = wanted("strasse")
    found = set_aside(want, state("strasse", "straße", roles=("fin", "Fin")), owned=Owned(), scope=Scope())
    assert (want, ()) == (found.desired, found.blocked)


@pytest.mark.finding("A-F2")
@pytest.mark.finding("H-E20")
def test_of_an_unclear_account_only_what_should_change_blocks() -> None:
    there = state("anna", unclear={"bob": "two of them", "eve": "two of them", "zoe": "two of them"})
    owned = Owned(grants={"eve": frozenset({"fin"})})
    found = set_aside(wanted("anna", "bob"), there, owned=owned, scope=Scope())
    assert ("bob", "eve") == found.blocked
    assert {"username_clash"} == {note.code for note in found.notes}
    assert () == set_aside(wanted("anna", "bob"), there, owned=owned, scope=Scope.people(["anna"])).blocked
