"""What no path and no database takes: names that cannot be addressed, halves of characters, servers that fail for a moment."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from airflow_world import apply, person, world

from syncd.errors import TargetUnavailable
from syncd.model import Identity, Permission, Scope, Status, User
from syncd.sandbox.airflow import PRESETS, StandIn
from syncd.sandbox.airflow.faults import CRASH, on
from syncd.targets.airflow.examine import examine
from syncd.targets.airflow.naming import NAMING

UNREACHABLE = [
    "corp/eve",
    "../x",
    ".",
    "..",
    "",
    "x" * 513,
    "tab\tbed",
    "nul\x00",
    "half\ud83d",
    "line\u2028",
    "c1\x85",
]


@pytest.mark.finding("C-47")
@pytest.mark.parametrize("preset", ["2.11.2", "3.1.8+3.1.1", "3.3.2"])
def test_a_name_that_cannot_be_addressed_is_no_account_and_no_request(preset: str, tmp_path: Path) -> None:
    with world(StandIn(preset), tmp_path) as w:
        target = w.target()
        target.look()
        w.server.calls.clear()
        seen = target.observe(Scope.people(UNREACHABLE), role_names=frozenset())
        assert ({}, {}) == (seen.users, seen.unclear)
        for name in UNREACHABLE:
            account = User(name, "e@x", "E", "X", frozenset({"Viewer"}))
            for before, after in ((None, account), (account, replace(account, roles=frozenset())), (account, None)):
                assert Status.FAILED == apply(target, before, after).status
        assert [] == w.server.calls


@pytest.mark.finding("C-47")
def test_others_are_served_beside_a_name_that_cannot_be_addressed(tmp_path: Path) -> None:
    with world(StandIn("3.3.2"), tmp_path) as w:
        seen = w.target().observe(Scope.people(["admin", "corp/eve"]), role_names=frozenset())
        assert ["admin"] == list(seen.users)


def identity(**fields: str) -> Identity:
    return replace(Identity("okta", "1", "bob", "bob@example.com", "Bob", "Doe"), **fields)  # type: ignore[arg-type]


@pytest.mark.finding("C-12")
@pytest.mark.parametrize("bad", ["\ud83d", "\x00", "\x07", "\x85", "\u2028"])
def test_what_cannot_be_written_of_a_person_is_replaced(bad: str, tmp_path: Path) -> None:
    who = identity(given_name=f"Bob {bad}by", family_name=f"D{bad}oe", email=f"bob{bad}@example.com")
    account = NAMING.account(who, "bob", frozenset({"Viewer"}))
    assert ("Bob \ufffdby", "D\ufffdoe", "bob@example.invalid") == (
        account.first_name,
        account.last_name,
        account.email,
    )
    with world(StandIn("3.3.2"), tmp_path) as w:
        assert Status.APPLIED == apply(w.target(), None, account).status
        assert {"Viewer"} == w.server.state.users["bob"].roles


@pytest.mark.finding("C-12")
def test_the_stand_in_fails_over_half_a_character_as_the_server_does(tmp_path: Path) -> None:
    with world(StandIn("3.3.2"), tmp_path) as w:
        outcome = apply(w.target(), None, replace(person("bob", "Viewer"), first_name="Bob \ud83d"))
        assert (Status.FAILED, True) == (outcome.status, "500" in outcome.detail)
        assert "bob" not in w.server.state.users


# --- a failure of the moment ------------------------------------------------------------------------------------------


@pytest.mark.finding("R-F6")
def test_a_server_that_fails_once_is_not_called_a_release_that_always_does(tmp_path: Path) -> None:
    with world(StandIn("3.3.2"), tmp_path) as w:
        w.server.faults.add(CRASH, on("GET", "*/users*"))
        with pytest.raises(TargetUnavailable, match="the server, or a proxy before it, is broken"):
            w.target().look()
        w.server.faults.clear()
        assert w.target().capabilities.users_readable


@pytest.mark.finding("R-F6")
def test_a_credential_that_is_refused_after_a_failure_is_not_what_is_told(tmp_path: Path) -> None:
    with world(StandIn(PRESETS["3.1.8+3.1.1"]), tmp_path) as w:
        w.server.faults.add(CRASH, on("GET", "*/users*"), times=2)
        with pytest.raises(TargetUnavailable) as refused:
            w.target().look()
        assert "the server, or a proxy before it, is broken" in str(refused.value)
        assert "AUTH_BACKENDS" not in str(refused.value)


@pytest.mark.finding("P9")
def test_the_doctor_asks_for_the_right_to_see_upgrades(tmp_path: Path) -> None:
    with world(StandIn("3.3.2"), tmp_path) as w:
        w.server.state.roles["Admin"].discard(Permission("can_read", "Providers"))
        found = examine("prod", w.settings(), now=lambda: datetime.now(UTC))
        rights = next(f for f in found if f.check == "rights")
        abilities = next(f for f in found if f.check == "abilities")
        assert (False, "it lacks can_read on Providers") == (rights.ok, rights.detail)
        assert "FAB provider unknown (can_read on Providers would tell)" in abilities.detail
