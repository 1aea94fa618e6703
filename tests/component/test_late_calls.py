"""Calls that the server carries out after syncd gave up: what they bring is ours, and goes when no line gives it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from stages import DAGS, NOW, People, Stage, put, roles_of
from store_samples import at, begun, created, moved, planned

from syncd.errors import DeploymentBusy, StoreError
from syncd.model import Deployment, Outcome, Owned, Permission, Role, Scope, Status, User
from syncd.reconcile import apply
from syncd.store import Stores
from syncd.targets.airflow.naming import NAMING
from syncd.targets.memory import MemoryTarget

pytestmark = pytest.mark.finding("X-F4")


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with closing(Stores.open(f"sqlite:///{tmp_path / 'syncd.db'}", clock=lambda: NOW)) as store:
        yield Stage(store, People({"finance": ["anna", "bob"]}), {"prod": MemoryTarget("prod", dags=DAGS)})


def lose_answers(stage: Stage, *names: str) -> None:
    """Make one pass whose writes about these names get no answer and are not carried out yet."""
    stage.prod.late = frozenset(names)
    stage.apply()
    stage.prod.late = frozenset()


def leave(stage: Stage, *names: str) -> None:
    stage.people.members = {"finance": [n for n in stage.people.members["finance"] if n not in names]}


@pytest.mark.parametrize("scope", [Scope(), Scope.people(["bob"])])
def test_a_leaver_who_is_given_a_role_late_loses_it_at_the_next_pass(stage: Stage, scope: Scope) -> None:
    put(stage.prod, User("bob", "bob@example.com", "Bob", "Test", frozenset({"Op"})))
    lose_answers(stage, "bob")
    leave(stage, "bob")
    stage.apply(scope=scope)
    assert () == stage.store.ledger.unsettled("prod")
    assert {"bob": frozenset[str]()} == {"bob": stage.store.holdings.owned("prod").grants.get("bob", frozenset())}
    stage.prod.carry_out_late()
    assert {"Op", "finance", "Viewer"} == roles_of(stage.prod, "bob")
    stage.apply(scope=scope)
    assert {"Op"} == roles_of(stage.prod, "bob")
    statuses = [(row.status, row.detail) for row in stage.store.queries.audit(user="bob")]
    assert ("applied", "found by looking: the call was carried out late") in statuses


def test_an_account_that_is_made_late_is_ours_with_all_that_it_holds(stage: Stage) -> None:
    stage.deployment = Deployment("prod", delete_leavers=True, naming=NAMING)
    lose_answers(stage, "bob")
    leave(stage, "bob")
    stage.apply()
    stage.prod.carry_out_late()
    stage.apply()
    assert ["anna"] == sorted(stage.prod.users)


def test_a_role_that_is_made_late_is_ours_and_goes_when_no_line_gives_it(stage: Stage) -> None:
    lose_answers(stage, "finance")
    rules = stage.world().rules
    nothing = replace(rules, bindings=())
    apply(replace(stage.world(), rules=nothing))
    assert "finance" not in stage.prod.roles
    stage.prod.carry_out_late()
    assert "finance" in stage.prod.roles
    apply(replace(stage.world(), rules=nothing))
    assert "finance" not in stage.prod.roles


def test_what_the_late_call_repeats_of_what_was_ours_then_is_ours_too(stage: Stage) -> None:
    stage.apply()
    put(stage.prod, replace(stage.prod.users["bob"], roles=frozenset({"finance"})))
    lose_answers(stage, "bob")  # sends finance and Viewer
    leave(stage, "bob")
    stage.apply()
    assert set() == roles_of(stage.prod, "bob")
    stage.prod.carry_out_late()
    assert {"finance", "Viewer"} == roles_of(stage.prod, "bob")
    stage.apply()
    assert set() == roles_of(stage.prod, "bob")


def test_what_comes_late_and_is_wanted_by_then_is_ours_and_stays(stage: Stage) -> None:
    put(stage.prod, User("bob", "bob@example.com", "Bob", "Test", frozenset()))
    lose_answers(stage, "bob")
    stage.store.ledger.settle(stage.store.ledger.unsettled("prod")[0].id, Status.FAILED, "", now=NOW)
    stage.prod.carry_out_late()
    assert () == stage.apply().deployments[0].outcomes
    assert frozenset({"finance", "Viewer"}) == stage.store.holdings.owned("prod").grants["bob"]
    assert () == stage.store.ledger.awaited("prod")


@pytest.mark.parametrize(("hours", "kept"), [(1, False), (25, True)])
def test_nothing_is_awaited_for_longer_than_a_day(stage: Stage, hours: float, kept: bool) -> None:
    put(stage.prod, User("bob", "bob@example.com", "Bob", "Test", frozenset()))
    lose_answers(stage, "bob")
    leave(stage, "bob")
    stage.apply()
    stage.now += timedelta(hours=hours)
    stage.apply()
    assert (not kept) == bool(stage.store.ledger.awaited("prod"))
    put(stage.prod, replace(stage.prod.users["bob"], roles=frozenset({"Viewer"})))
    stage.apply()
    assert kept == ("Viewer" in roles_of(stage.prod, "bob")), "by hand, a day later, it is somebody else's grant"


def test_an_account_that_is_gone_is_given_nothing_any_more(stage: Stage) -> None:
    put(stage.prod, User("bob", "bob@example.com", "Bob", "Test", frozenset()))
    lose_answers(stage, "bob")
    leave(stage, "bob")
    del stage.prod.users["bob"]
    stage.apply()
    stage.apply()
    assert () == stage.store.ledger.awaited("prod")


@pytest.mark.finding("H-E22")
def test_an_account_that_a_person_made_while_our_call_was_silent_is_not_ours(stage: Stage) -> None:
    stage.deployment = Deployment("prod", delete_leavers=True, naming=NAMING)
    lose_answers(stage, "bob")
    put(stage.prod, User("bob", "robert@elsewhere.example", "Robert", "B", frozenset({"finance", "Viewer"})))
    leave(stage, "bob")
    stage.apply()
    stage.apply()
    assert "bob" not in stage.store.holdings.owned("prod").users
    assert {"finance", "Viewer"} == roles_of(stage.prod, "bob")


@pytest.mark.finding("H-E22")
def test_an_account_that_we_made_and_that_lacks_roles_yet_stays_ours(stage: Stage) -> None:
    lose_answers(stage, "bob")
    stage.prod.carry_out_late()
    put(stage.prod, replace(stage.prod.users["bob"], roles=frozenset()))
    stage.apply()
    assert "bob" in stage.store.holdings.owned("prod").users
    assert {"finance", "Viewer"} == roles_of(stage.prod, "bob")


# --- in the database --------------------------------------------------------------------------------------------------

GIVE = moved("anna", {"Op"}, {"Op", "Viewer"})


@pytest.mark.parametrize("answer", [None, ("504", False), ("500", False), ("200", False), ("403", True)])
def test_only_a_call_that_was_refused_is_not_awaited(store: Stores, answer: tuple[str, bool] | None) -> None:
    with store.ledger.entries(planned(store, GIVE)) as entries:
        entry = entries.begin(GIVE, now=at(0))
        step = entry.before("PATCH")
        if answer:
            entry.after(step, answer[0], refused=answer[1])
        entry.conclude(Outcome(GIVE, Status.FAILED), now=at(1))
    refused = answer is not None and answer[1]
    assert ([] if refused else [frozenset({"Viewer"})]) == [late.roles for late in store.ledger.awaited("prod")]
    assert Owned() == store.holdings.owned("prod"), "and it does not count as held"


def test_what_comes_late_is_ours_by_its_change(store: Stores) -> None:
    number = begun(store, planned(store, GIVE), GIVE)
    store.ledger.settle(number, Status.FAILED, "", now=at(1))
    [late] = store.ledger.awaited("prod")
    store.ledger.came("prod", {late.change_id: Owned(grants={"anna": frozenset({"Viewer"})})}, now=at(2))
    assert {"anna": frozenset({"Viewer"})} == store.holdings.owned("prod").grants
    assert ((), ["applied"]) == (
        store.ledger.awaited("prod"),
        [row.status for row in store.queries.audit(user="anna")],
    )


def test_a_change_that_can_bring_nothing_is_not_awaited(store: Stores) -> None:
    number = begun(store, planned(store, GIVE), GIVE)
    store.ledger.settle(number, Status.FAILED, "", now=at(1), final=True)
    takes = moved("bob", {"Op"}, set())
    other = begun(store, planned(store, takes), takes)
    store.ledger.settle(other, Status.FAILED, "", now=at(1))
    assert () == store.ledger.awaited("prod")


@pytest.mark.finding("X-F3")
def test_a_process_that_wakes_up_after_another_settled_its_change_ends_in_order(store: Stores) -> None:
    change = created("anna", "Viewer")
    settled_by_another = pytest.raises(DeploymentBusy, match="settled by another process")
    with settled_by_another, store.ledger.entries(planned(store, change)) as entries:
        entry = entries.begin(change, now=at(0))
        entry.before("POST")
        assert entry.id is not None
        store.ledger.settle(entry.id, Status.FAILED, "", now=at(1))
        entry.conclude(Outcome(change, Status.APPLIED), now=at(2))
    not_open = pytest.raises(StoreError, match="is not open")
    with not_open, store.ledger.entries(planned(store, change)) as entries:
        entry = entries.begin(change, now=at(0))
        entry.conclude(Outcome(change, Status.FAILED), now=at(1))
        entry.conclude(Outcome(change, Status.APPLIED), now=at(2))


def test_a_role_of_a_late_call_that_somebody_else_made_meanwhile_is_theirs(stage: Stage) -> None:
    lose_answers(stage, "finance")
    leave(stage, "anna", "bob")
    nothing = replace(stage.world().rules, bindings=())
    apply(replace(stage.world(), rules=nothing))
    put(stage.prod, Role("finance", frozenset({Permission("can_read", "Pools")})))
    apply(replace(stage.world(), rules=nothing))
    assert "finance" in stage.prod.roles
