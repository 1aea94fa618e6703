"""How ownership moves with the status of a change, on every database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from store_samples import at, created, left, made, moved, planned, role

from syncd.model import Change, Outcome, Owned, Status
from syncd.store import Stores
from syncd.store.ownership import BATCH

NOTHING = Owned()


def grants(**roles: set[str]) -> Mapping[str, frozenset[str]]:
    return {name: frozenset(held) for name, held in roles.items()}


ANNA = Owned(users=frozenset({"anna"}), grants=grants(anna={"Viewer"}))
"""Everything that making the account `Anna` with the role Viewer brings."""


@pytest.mark.parametrize(
    ("status", "owned"),
    [
        (Status.APPLIED, ANNA),
        (Status.UNKNOWN, ANNA),
        (Status.FAILED, NOTHING),
        (Status.SKIPPED, NOTHING),
        (Status.PENDING, ANNA),
    ],
)
@pytest.mark.parametrize("by", ["conclude", "settle"])
def test_what_a_change_brings(store: Stores, status: Status, owned: Owned, by: str) -> None:
    change = created("Anna", "Viewer")
    with store.ledger.entries(planned(store, change)) as entries:
        entry = entries.begin(change, now=at(0))
        entry.before("POST")
        assert ANNA == store.holdings.owned("prod")
        if by == "conclude":
            entry.conclude(Outcome(change, status), now=at(1))
        else:
            assert entry.id is not None
            store.ledger.settle(entry.id, status, "", now=at(1))
    assert owned == store.holdings.owned("prod")


@pytest.mark.parametrize(
    ("status", "taken"),
    [
        (Status.APPLIED, True),
        (Status.UNKNOWN, False),
        (Status.FAILED, False),
        (Status.SKIPPED, False),
        (Status.PENDING, False),
    ],
)
def test_what_a_change_takes(store: Stores, status: Status, taken: bool) -> None:
    made(store, created("Anna", "Viewer", "Op"))
    before = store.holdings.owned("prod")
    made(store, moved("Anna", {"Viewer", "Op"}, {"Viewer"}), status)
    assert (ANNA if taken else before) == store.holdings.owned("prod")
    made(store, left("Anna", "Viewer"), status)
    assert (NOTHING if taken else before) == store.holdings.owned("prod")


def test_what_was_owned_before_a_failed_change_stays_owned(store: Stores) -> None:
    made(store, created("anna", "Viewer"))
    made(store, moved("anna", {"Op"}, {"Op", "Viewer", "User"}), Status.FAILED)
    assert ANNA == store.holdings.owned("prod")


def test_an_account_that_was_there_is_not_owned_by_a_grant(store: Stores) -> None:
    made(store, moved("anna", set(), {"Viewer"}))
    assert Owned(grants=grants(anna={"Viewer"})) == store.holdings.owned("prod")


def test_taking_what_is_not_owned_takes_nothing_else(store: Stores) -> None:
    made(store, created("anna", "Viewer"))
    made(store, moved("anna", {"Viewer", "Op"}, {"Viewer"}))
    made(store, left("bob", "Viewer"))
    assert ANNA == store.holdings.owned("prod")


def test_a_role_is_owned_from_its_creation_to_its_end(store: Stores) -> None:
    made(store, Change(None, role("x", "DAG:a")))
    made(store, Change(role("x", "DAG:a"), role("x", "DAG:b")))
    made(store, Change(role("y"), role("y", "DAG:b")))
    assert frozenset({"x"}) == store.holdings.owned("prod").roles
    made(store, created("anna", "x", "Viewer"))
    made(store, Change(role("x"), None))
    assert replace(ANNA, once=frozenset({"x"})) == store.holdings.owned("prod")


def test_a_role_that_was_owned_is_remembered_until_it_is_owned_again(store: Stores) -> None:
    make, end = Change(None, role("x")), Change(role("x"), None)
    made(store, make, Status.FAILED)
    assert frozenset() == store.holdings.owned("prod").once
    made(store, make)
    made(store, end)
    assert (frozenset(), frozenset({"x"})) == (store.holdings.owned("prod").roles, store.holdings.owned("prod").once)
    assert frozenset() == store.holdings.owned("test").once
    made(store, make)
    assert (frozenset({"x"}), frozenset()) == (store.holdings.owned("prod").roles, store.holdings.owned("prod").once)


def test_ownership_ends_at_the_deployment(store: Stores) -> None:
    for deployment in ("prod", "test"):
        made(store, created("anna", "Viewer"), deployment=deployment)
    made(store, left("anna", "Viewer"), deployment="test")
    assert (ANNA, NOTHING) == (store.holdings.owned("prod"), store.holdings.owned("test"))


def test_adopted_things_are_owned_and_adopting_twice_is_adopting_once(store: Stores) -> None:
    found = Owned(frozenset({"Anna"}), frozenset({"X"}), {"Anna": frozenset({"Viewer", "X"})})
    store.holdings.adopt("prod", found)
    store.holdings.adopt("prod", found)
    assert Owned(frozenset({"anna"}), frozenset({"X"}), grants(anna={"Viewer", "X"})) == store.holdings.owned("prod")


def test_a_grant_that_is_given_again_is_owned_again(store: Stores) -> None:
    made(store, moved("anna", set(), {"Viewer"}))
    made(store, moved("anna", {"Viewer"}, set()))
    assert NOTHING == store.holdings.owned("prod")
    made(store, moved("anna", set(), {"Viewer"}))
    assert grants(anna={"Viewer"}) == store.holdings.owned("prod").grants


GIVE = moved("anna", set(), {"Viewer"})


@pytest.mark.parametrize("second", [Status.APPLIED, Status.FAILED])
@pytest.mark.parametrize("first", [Status.APPLIED, Status.FAILED])
@pytest.mark.parametrize("order", ["first settles first", "second settles first"])
def test_two_open_changes_that_bring_the_same_leave_it_owned_if_one_was_made(
    store: Stores, first: Status, second: Status, order: str
) -> None:
    open_first = made(store, GIVE, Status.UNKNOWN)
    open_second = made(store, GIVE, Status.UNKNOWN)
    ends = [(open_first, first), (open_second, second)]
    for number, status in ends if order == "first settles first" else reversed(ends):
        store.ledger.settle(number, status, "", now=at(1))
    expected = grants(anna={"Viewer"}) if Status.APPLIED in (first, second) else {}
    assert expected == store.holdings.owned("prod").grants


def test_a_failed_change_does_not_lose_what_was_adopted_meanwhile(store: Stores) -> None:
    number = made(store, GIVE, Status.UNKNOWN)
    store.holdings.adopt("prod", Owned(grants=grants(anna={"Viewer"})))
    store.ledger.settle(number, Status.FAILED, "", now=at(1))
    assert grants(anna={"Viewer"}) == store.holdings.owned("prod").grants


# --- of some people ---------------------------------------------------------------------------------------------------


def test_of_some_people_only_their_grants_are_given_and_how_many_people_have_any(store: Stores) -> None:
    roles = frozenset({"x"})
    store.holdings.adopt(
        "prod", Owned(frozenset({"anna", "zoe"}), roles, grants(anna={"x", "Viewer"}, bob={"x"}, carol={"x"}))
    )
    store.holdings.adopt("test", Owned(grants=grants(dora={"x"})))
    made(store, left("carol", "x"))
    found = store.holdings.owned("prod", usernames=frozenset({"anna", "nobody"}))
    assert Owned(frozenset({"anna"}), roles, grants(anna={"x", "Viewer"}), people=2, accounts=2) == found
    assert replace(found, users=frozenset(), grants={}) == store.holdings.owned("prod", usernames=frozenset())
    assert (None, None) == (store.holdings.owned("prod").people, store.holdings.owned("prod").accounts)


def test_very_many_people_can_be_asked_for(store: Stores) -> None:
    everybody = {f"user{n}": {"x"} for n in range(BATCH + 10)}
    store.holdings.adopt("prod", Owned(grants=grants(**everybody)))
    found = store.holdings.owned("prod", usernames=frozenset(everybody) - {"user7"})
    assert (set(everybody) - {"user7"}, BATCH + 10) == (set(found.grants), found.people)
