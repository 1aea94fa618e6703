"""The questions of an auditor and of `syncd status`, on every database."""

from __future__ import annotations

from contextlib import closing
from datetime import datetime
from typing import Any

import pytest
from journal_rows import all_runs
from store_samples import NOW, at, begun, created, left, made, moved, opened, plan_of, planned, role

from syncd.model import (
    EVERYTHING,
    Change,
    DesiredState,
    Held,
    Kept,
    Note,
    Outcome,
    Owned,
    Plan,
    Scope,
    Status,
    Why,
)
from syncd.store import Stores
from syncd.store.changes import KEPT_PLANS


@pytest.fixture
def store(database_url: str) -> Any:
    """A store whose own clock (adoptions) stands at the start of the story."""
    with closing(Stores.open(database_url, clock=lambda: NOW)) as opened:
        yield opened


@pytest.fixture
def story(store: Stores) -> Stores:
    """Bob is adopted; anna joins with Viewer (1), moves to Op (2), fails to get User (3) and leaves (4)."""
    store.holdings.adopt("prod", Owned(grants={"bob": frozenset({"Viewer"})}))
    made(store, created("Anna", "Viewer"), now=at(1))
    made(store, moved("Anna", {"Viewer"}, {"Op"}), now=at(2))
    made(store, moved("Anna", {"Op"}, {"Op", "User"}), Status.FAILED, now=at(3))
    made(store, left("Anna", "Op"), now=at(4))
    made(store, created("carol", "Viewer"), deployment="test", now=at(5))
    return store


# --- audit ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "minutes"),
    [
        ({}, [5, 4, 3, 2, 1]),
        ({"deployment": "prod"}, [4, 3, 2, 1]),
        ({"user": "ANNA"}, [4, 3, 2, 1]),
        ({"user": "nobody"}, []),
        ({"role": "Viewer"}, [5, 2, 1]),
        ({"role": "User"}, [3]),
        ({"role": "Viewer", "deployment": "prod"}, [2, 1]),
        ({"since": at(2), "until": at(4)}, [3, 2]),
        ({"status": Status.FAILED}, [3]),
        ({"status": "planned"}, []),
        ({"limit": 2}, [5, 4]),
        ({"limit": 2, "offset": 2}, [3, 2]),
        ({"run": 1}, [1]),
        ({"user": None, "status": None}, [5, 4, 3, 2, 1]),
    ],
)
def test_audit(story: Stores, wanted: dict[str, Any], minutes: list[int]) -> None:
    assert [at(m) for m in minutes] == [row.at for row in story.queries.audit(**wanted)]


def test_an_audit_row_says_what_was_done_when_by_whom_and_why(story: Stores) -> None:
    row = story.queries.audit(user="anna")[-1]
    assert (created("Anna", "Viewer"), (Why("Anna joins"),)) == (row.change, row.change.because)
    assert ("prod", "apply", "applied", "as told") == (row.deployment, row.command, row.status, row.detail)
    assert (at(1), at(1), False) == (row.intent_at, row.ended_at, row.settled_by_looking)
    assert plan_of(created("Anna", "Viewer")).digest == row.digest
    assert all_runs(story)[-1].by == row.by
    assert (None, None) == (row.approved, row.approved_by)


def test_an_audit_shows_who_approved(store: Stores) -> None:
    change = left("anna", "Viewer")
    run = store.ledger.start_run("apply", scope=EVERYTHING, now=NOW)
    plan = store.ledger.record_plan(run, plan_of(change), held=None, approved="abc123", now=NOW)
    begun(store, plan, change)
    row = store.queries.audit()[0]
    assert ("abc123", row.by) == (row.approved, row.approved_by)


def test_what_was_only_planned_is_shown_when_it_is_asked_for(store: Stores) -> None:
    held, free = left("anna", "Viewer"), created("bob")
    planned(store, held, free, held=Held((held,), ("too many",), "prod"))
    assert [held] == [row.change for row in store.queries.audit()]
    assert [free] == [row.change for row in store.queries.audit(status="planned")]


def test_changes_of_a_role_are_found_by_its_name(store: Stores) -> None:
    made(store, Change(None, role("x", "DAG:a")))
    made(store, created("x", "Viewer"))
    assert [Change(None, role("x", "DAG:a"))] == [row.change for row in store.queries.audit(role="x")]
    assert [created("x", "Viewer")] == [row.change for row in store.queries.audit(user="x")]


# --- how a deployment stands ------------------------------------------------------------------------------------------


def test_a_deployment_without_a_plan_does_not_stand_anywhere(store: Stores) -> None:
    assert (None, None) == (store.queries.last_plan("prod"), store.queries.held("prod"))


def test_how_a_deployment_stands(store: Stores) -> None:
    go, stay = created("bob"), left("anna", "Viewer")
    plan = Plan("prod", EVERYTHING, (go, stay), (Kept("carol", "Op", "cut page"),), (Note("code", "text"),))
    run = store.ledger.start_run("apply", scope=EVERYTHING, now=NOW)
    number = store.ledger.record_plan(
        run, plan, held=Held((stay,), ("1 of 2 accounts",), "prod"), approved=None, now=at(1)
    )
    opened(store, number, go, now=at(1)).conclude(Outcome(go, Status.APPLIED), now=at(1))
    store.ledger.end_run(run, exit_code=4, summary={"held": 1}, now=at(2))
    found = store.queries.last_plan("prod")
    assert found is not None
    assert ({"applied": 1, "held": 1}, plan.digest, at(1)) == (found.counts, found.digest, found.made_at)
    assert (plan.kept, plan.notes, EVERYTHING) == (found.kept, found.notes, found.scope)
    assert (4, {"held": 1}) == (found.run.exit_code, found.run.summary)
    assert (None, None) == (found.reached_at, found.reached_run)
    assert found.held is not None
    assert Held((stay,), ("1 of 2 accounts",), "prod") == found.held.held
    assert found.held.held.digest == found.held.digest


def test_when_a_deployment_last_was_as_wanted(store: Stores) -> None:
    run = store.ledger.start_run("apply", scope=EVERYTHING, now=NOW)
    store.ledger.record_plan(run, plan_of(), held=None, approved=None, now=at(1))
    store.memory.save_desired(run, DesiredState("prod", {}, {}, {}))
    found = store.queries.last_plan("prod")
    assert found is not None
    assert (NOW, run) == (found.reached_at, found.reached_run)


def test_a_plan_for_some_people_does_not_hide_what_is_held(store: Stores) -> None:
    stay = left("anna", "Viewer")
    first = planned(store, stay, held=Held((stay,), ("why",), "prod"))
    run = store.ledger.start_run("apply", scope=Scope.people(["bob"]), now=at(1))
    store.ledger.record_plan(run, plan_of(scope=Scope.people(["bob"])), held=None, approved=None, now=at(1))
    found = store.queries.held("prod")
    assert found is not None
    assert first == found.plan
    planned(store, created("carol"))
    assert store.queries.held("prod") is None


def test_since_when_the_same_is_held(store: Stores) -> None:
    stay, other = left("anna", "Viewer"), left("bob", "Viewer")

    def held_since() -> tuple[datetime, datetime] | None:
        found = store.queries.held("prod")
        return (found.since, found.made_at) if found else None

    for minute in (0, 1, 2):
        planned(store, stay, held=Held((stay,), ("why",), "prod"), now=at(minute))
        planned(store, stay, deployment="test", now=at(minute))
    assert (at(0), at(2)) == held_since()
    planned(store, now=at(3))
    assert held_since() is None
    planned(store, stay, held=Held((stay,), ("why",), "prod"), now=at(4))
    assert (at(4), at(4)) == held_since(), "nothing was held in between"
    planned(store, stay, other, held=Held((stay, other), ("why",), "prod"), now=at(5))
    assert (at(5), at(5)) == held_since(), "it is not the same"


def test_what_is_held_is_kept_however_many_people_come_and_go(store: Stores) -> None:
    stay = left("anna", "Viewer")
    planned(store, stay, held=Held((stay,), ("why",), "prod"))
    run = store.ledger.start_run("people", scope=Scope.people(["bob"]), now=at(1))
    for _ in range(KEPT_PLANS + 2):
        store.ledger.record_plan(
            run, plan_of(created("bob"), scope=Scope.people(["bob"])), held=None, approved=None, now=at(1)
        )
    found = store.queries.held("prod")
    assert found is not None
    assert ((stay,), found.digest) == (found.held.changes, found.held.digest)


# --- who held what ----------------------------------------------------------------------------------------------------


def test_a_holding_says_from_when_to_when_and_why_at_both_ends(story: Stores) -> None:
    held = story.queries.history(user="Anna", role="Viewer")[0]
    assert ("prod", "anna", "Viewer", at(1), at(2)) == (
        held.deployment,
        held.username,
        held.role,
        held.since,
        held.until,
    )
    assert (("Anna joins",), ("Anna moves",), True) == (held.because, held.ended_because, held.proven)
    assert story.queries.audit(user="anna", status="applied")[-1].id == held.change
    assert (1, all_runs(story)[-1].by) == (held.run, held.by)


def test_an_adopted_holding_has_no_change(story: Stores) -> None:
    held = story.queries.history(user="bob")[0]
    assert (NOW, None, None, (), True) == (held.since, held.until, held.change, held.because, held.proven)


@pytest.mark.parametrize(
    ("wanted", "held"),
    [
        ({}, ["carol Viewer", "anna Op", "anna Viewer", "bob Viewer"]),
        ({"deployment": "prod"}, ["anna Op", "anna Viewer", "bob Viewer"]),
        ({"role": "Viewer", "deployment": "prod"}, ["anna Viewer", "bob Viewer"]),
        ({"since": at(2), "deployment": "prod"}, ["anna Op", "bob Viewer"]),
        ({"until": at(2)}, ["anna Viewer", "bob Viewer"]),
        ({"limit": 1, "offset": 1}, ["anna Op"]),
    ],
)
def test_history(story: Stores, wanted: dict[str, Any], held: list[str]) -> None:
    assert held == [f"{h.username} {h.role}" for h in story.queries.history(**wanted)]


def test_a_holding_whose_change_is_open_is_not_proven(store: Stores) -> None:
    made(store, created("anna", "Viewer"), Status.UNKNOWN)
    assert [False] == [h.proven for h in store.queries.history(deployment="prod")]
