"""What a person is given for a time: it comes like a line of the mapping, and goes at its end, with its person, and for good."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from grants_world import Staff
from memory_journal import MemoryJournal
from stages import Stage, planned, put, roles_of

from syncd.model import GrantRequest, GrantState, GrantWord, Owned, TimedGrant, User, What
from syncd.reconcile import apply, plan
from syncd.store import Stores
from syncd.targets.memory import MemoryTarget

HOUR = timedelta(hours=1)


@pytest.fixture(params=["memory", "database"])
def stage(request: pytest.FixtureRequest, store: Stores) -> Stage:
    staff = Staff({"finance": ["anna"]}, everybody=["anna", "bob", "carol"])
    journal = MemoryJournal() if request.param == "memory" else store
    return Stage(journal, staff, {"prod": MemoryTarget("prod")})


def given(
    stage: Stage, name: str = "bob", role: str = "Op", *, lasts: timedelta = HOUR, waits: bool = False
) -> TimedGrant:
    expires = stage.now + HOUR if waits else None
    asked = GrantWord("root", "host", stage.now)
    request = GrantRequest("prod", role, ("people", name), name, lasts, "incident 7", asked, "INC-7", expires)
    grant = stage.store.grants.ask(request)
    assert isinstance(grant, TimedGrant)
    return grant


def test_a_grant_gives_its_role_with_its_own_reason(stage: Stage) -> None:
    stage.apply()
    given(stage)

    [change] = planned(plan(stage.world())).changes
    said = "people:bob (grant 1, granted by root until 2026-03-01 13:00 UTC because incident 7, INC-7)"

    assert [("Op", said)] == [(why.role, why.text) for why in change.because]
    assert 0 == stage.apply().exit_code()
    assert {"Op"} == roles_of(stage.prod, "bob")
    assert () == stage.apply().deployments[0].outcomes, "one pass converges"


def test_what_was_given_goes_at_its_end_and_says_so(stage: Stage) -> None:
    given(stage)
    stage.apply()
    stage.now += HOUR

    [change] = planned(report := stage.apply()).changes

    assert (0, set()) == (report.exit_code(), roles_of(stage.prod, "bob"))
    assert [What.GRANT_ENDED] == [why.what for why in change.because]
    assert {"finance", "Viewer"} == roles_of(stage.prod, "anna")


def test_it_goes_at_its_end_while_the_provider_is_down(stage: Stage) -> None:
    given(stage)
    stage.apply()
    stage.people.down = "cannot be reached"
    stage.apply()
    assert {"Op"} == roles_of(stage.prod, "bob"), "nothing is taken on doubt"
    stage.now += HOUR
    stage.apply()
    assert set() == roles_of(stage.prod, "bob")


def test_what_waits_or_was_ended_gives_nothing(stage: Stage) -> None:
    stage.apply()
    grants = stage.store.grants
    grant = given(stage, waits=True)
    assert GrantState.WAITING is grant.state(stage.now)
    stage.apply()
    assert "bob" not in stage.prod.users
    stage.now += timedelta(minutes=30)
    grant = grants.give(grant.id, GrantWord("eve", "host", stage.now))
    assert stage.now + HOUR == grant.until, "it lasts from when it was let pass"
    stage.apply()
    assert {"Op"} == roles_of(stage.prod, "bob")
    assert grants.end(grant.id, GrantWord("eve", "host", stage.now), "done") is not None
    stage.apply()
    assert set() == roles_of(stage.prod, "bob")
    assert None is grants.give(grant.id, GrantWord("eve", "host", stage.now)), "what is over is over"


def test_nobody_lets_pass_what_waited_too_long(stage: Stage) -> None:
    grant = given(stage, waits=True)
    stage.now += HOUR
    assert None is stage.store.grants.give(grant.id, GrantWord("eve", "host", stage.now))


@pytest.mark.parametrize("leaves", ["deactivated", "deleted"])
def test_a_grant_never_survives_that_its_person_leaves(stage: Stage, leaves: str) -> None:
    staff = stage.people
    assert isinstance(staff, Staff)
    grant = given(stage, lasts=HOUR * 9)
    stage.apply()
    gone = replace(staff, inactive={"bob"}) if leaves == "deactivated" else replace(staff, everybody=["anna", "carol"])
    stage.people = gone
    stage.apply()
    assert set() == roles_of(stage.prod, "bob")
    stage.people = staff
    stage.apply()
    assert set() == roles_of(stage.prod, "bob"), "who comes back does not find it again"
    assert GrantState.OVER is stage.store.grants.get(grant.id).state(stage.now)


def test_who_is_not_seen_in_a_read_that_is_not_whole_keeps_a_grant(stage: Stage) -> None:
    staff = stage.people
    assert isinstance(staff, Staff)
    given(stage, lasts=HOUR * 9)
    stage.apply()
    stage.people = replace(staff, everybody=["anna", "carol"], whole=False)
    stage.apply()
    assert {"Op"} == roles_of(stage.prod, "bob")
    assert "grant_ended" not in stage.events


def test_a_clock_that_is_set_back_brings_nothing_back(stage: Stage) -> None:
    given(stage)
    stage.apply()
    stage.now += HOUR
    stage.apply()
    stage.now -= HOUR
    stage.apply()
    assert set() == roles_of(stage.prod, "bob")


def test_a_plan_ends_nothing(stage: Stage) -> None:
    grant = given(stage)
    stage.now += HOUR
    plan(stage.world())
    assert None is stage.store.grants.get(grant.id).ended


def test_a_role_of_the_mapping_that_no_line_gives_is_made_and_goes(stage: Stage) -> None:
    stage.people.members = {"finance": []}
    given(stage, role="finance")
    stage.apply()
    stage.apply()
    assert {"finance"} == roles_of(stage.prod, "bob")


def test_a_role_that_the_mapping_does_not_have_any_more_is_not_given(stage: Stage) -> None:
    given(stage, role="gone")
    report = stage.apply()
    assert (0, False) == (report.exit_code(), "bob" in stage.prod.users)


def test_what_another_hand_gave_stays_when_a_grant_ends(stage: Stage) -> None:
    put(stage.prod, User("bob", "bob@example.com", "Bob", "Test", frozenset({"Public"})))
    given(stage)
    stage.apply()
    stage.now += HOUR
    stage.apply()
    assert {"Public"} == roles_of(stage.prod, "bob")


def test_a_line_that_gives_the_same_role_keeps_it_when_a_grant_ends(stage: Stage) -> None:
    given(stage, "anna", "Viewer")
    stage.apply()
    stage.now += HOUR
    stage.apply()
    assert {"finance", "Viewer"} == roles_of(stage.prod, "anna")


def test_a_database_that_was_lost_owns_nothing_so_the_role_stays_and_is_told(stage: Stage) -> None:
    given(stage)
    stage.apply()
    stage.store = MemoryJournal()
    report = stage.apply()
    assert (0, {"Op"}) == (report.exit_code(), roles_of(stage.prod, "bob"))


def test_a_grant_that_comes_while_a_pass_runs_is_seen_by_its_read_back(stage: Stage) -> None:
    asked: list[TimedGrant] = []

    def emit(event: str, /, **_: object) -> None:
        if event == "plan_made" and not asked:
            asked.append(given(stage, "anna"))
            put(stage.prod, User("anna", "anna@example.com", "Anna", "Test", frozenset({"Op"})))
            stage.store.holdings.adopt("prod", Owned(grants={"anna": frozenset({"Op"})}))

    report = apply(replace(stage.world(), emit=emit))
    assert () == report.deployments[0].not_converged
    assert {"finance", "Viewer", "Op"} >= roles_of(stage.prod, "anna") >= {"Op"}


@pytest.mark.finding("N-576")
def test_what_a_hand_gave_before_stays_at_the_end_of_a_grant(stage: Stage) -> None:
    put(stage.prod, User("bob", "bob@example.com", "bob", "Test", frozenset({"Op"})))
    stage.apply()
    given(stage)
    stage.apply()
    stage.now += HOUR
    stage.apply()
    assert {"Op"} == roles_of(stage.prod, "bob"), "whoever may grant it for a minute may not take it"
