"""Who a user of Graph is, and what a member is."""

from __future__ import annotations

import pytest

from syncd.errors import SourceUnavailable
from syncd.model import Identity
from syncd.sources.entra.people import Member, TenantPeople, identity, invited

ANNA: dict[str, object] = {
    "id": "a",
    "userPrincipalName": "anna@contoso.example",
    "mail": "anna.schmidt@contoso.example",
    "givenName": "Anna",
    "surname": "Schmidt",
    "displayName": "Schmidt, Anna",
    "accountEnabled": True,
    "userType": "Member",
}


def test_everything_is_taken_under_our_names() -> None:
    expected = Identity("entra", "a", "anna@contoso.example", "anna.schmidt@contoso.example", "Anna", "Schmidt", True)
    assert expected == identity("entra", ANNA)


@pytest.mark.parametrize(
    ("changes", "field", "expected"),
    [
        ({"accountEnabled": False}, "active", False),
        ({"mail": None}, "email", "anna@contoso.example"),
        ({"mail": "  "}, "email", "anna@contoso.example"),
        ({"mail": None, "userPrincipalName": "a_b_x.example#EXT#@contoso.example"}, "email", "a_b@x.example"),
        ({"givenName": None}, "given_name", ""),
        ({"givenName": None, "surname": None}, "given_name", "Schmidt, Anna"),
        ({"givenName": None, "surname": None, "displayName": None}, "given_name", ""),
        ({"surname": None}, "family_name", ""),
    ],
)
def test_what_is_missing_is_made_up_for(changes: dict[str, object], field: str, expected: object) -> None:
    assert expected == getattr(identity("entra", ANNA | changes), field)


@pytest.mark.finding("C-14")
@pytest.mark.parametrize("hidden", ["accountEnabled", "userPrincipalName"])
@pytest.mark.parametrize("gone", [True, False])
def test_one_hidden_person_is_in_doubt(hidden: str, gone: bool) -> None:
    fields = {k: v for k, v in ANNA.items() if k != hidden} if gone else ANNA | {hidden: None}
    people = TenantPeople("entra")
    people.person(ANNA | {"id": "other"})
    assert ANNA["id"] == people.person(fields)
    assert {ANNA["id"]: f"{hidden} is null"} == people.doubts
    people.check()
    people.person(ANNA)
    assert {} == people.doubts, "seen elsewhere"


def test_that_all_are_hidden_is_an_error_that_names_the_permission() -> None:
    people = TenantPeople("entra")
    people.person(ANNA | {"accountEnabled": None})
    with pytest.raises(SourceUnavailable, match=r"User\.Read\.All"):
        people.check()


@pytest.mark.parametrize(
    ("login", "address"),
    [
        ("anna_partner.com#EXT#@contoso.onmicrosoft.com", "anna@partner.com"),
        ("anna_b_partner.com#EXT#@contoso.onmicrosoft.com", "anna_b@partner.com"),
        ("anna@contoso.example", "anna@contoso.example"),
        ("anna_b@contoso.example", "anna_b@contoso.example"),
        ("strange#EXT#@contoso.example", "strange#EXT#@contoso.example"),
    ],
)
def test_the_invited_address_is_read_from_the_login(login: str, address: str) -> None:
    assert address == invited(login)


def test_members_say_what_they_are() -> None:
    people = TenantPeople("entra")
    assert Member("user", "a") == people.member(ANNA | {"@odata.type": "#microsoft.graph.user"})
    assert Member("device", "d") == people.member({"@odata.type": "#microsoft.graph.device", "id": "d"})
    assert {"a"} == people.found.keys()
    with pytest.raises(ValueError, match="without a type"):
        people.member(ANNA)


def test_guests_are_known_as_they_were_last_seen() -> None:
    people = TenantPeople("entra")
    people.person(ANNA | {"userType": "Guest"})
    assert {"a"} == people.guests
    people.person(ANNA | {"userType": None})
    assert set() == people.guests
