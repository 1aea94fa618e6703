"""What ports.Journal promises, on every database."""

from __future__ import annotations

from dataclasses import replace

import pytest
from journal_rows import calls_of
from store_samples import NOW, at, begun, created, made, moved, opened, plan_of, planned, role, snapshot, user

from syncd.errors import StoreError
from syncd.model import (
    EVERYTHING,
    Change,
    DesiredState,
    Held,
    Learned,
    Loss,
    Outcome,
    Permission,
    Reason,
    Scope,
    Status,
    Why,
)
from syncd.plan.contested import Tally
from syncd.ports import Journal, Unsettled
from syncd.store import Stores
from syncd.store.changes import KEPT_PLANS
from syncd.store.snapshots import KEPT
from syncd.targets.airflow.naming import permission

READ_A, READ_B = permission("can_read", "DAG:a"), permission("can_read", "DAG:b")


def test_a_store_is_a_journal(store: Stores) -> None:
    journal: Journal = store
    assert () == journal.ledger.unsettled("prod")


# --- snapshots --------------------------------------------------------------------------------------------------------


def test_a_source_that_was_never_read_has_no_snapshot(store: Stores) -> None:
    assert store.readings.last_snapshot("okta") is None


def test_the_newest_snapshot_of_a_source_is_given(store: Stores) -> None:
    store.readings.save_snapshot(snapshot(members=frozenset({"1"})))
    newest = snapshot(members=frozenset({"1", "2"}), taken_at=at(1))
    store.readings.save_snapshot(newest)
    assert newest == store.readings.last_snapshot("okta")
    assert store.readings.last_snapshot("entra") is None


def test_an_equal_read_moves_the_times_of_the_read_and_of_each_certificate(store: Stores) -> None:
    store.readings.save_snapshot(snapshot())
    later = snapshot(taken_at=at(5), certified_at=at(4))
    store.readings.save_snapshot(later)
    assert later == store.readings.last_snapshot("okta")


def test_an_equal_read_does_not_write_the_body_again(store: Stores) -> None:
    for minute in range(3):
        store.readings.save_snapshot(snapshot(taken_at=at(minute)))
    assert 1 == _rows(store, "snapshots")


def test_a_read_that_is_as_an_older_one_becomes_the_newest(store: Stores) -> None:
    for number in (1, 2, 1):
        store.readings.save_snapshot(snapshot(members=frozenset(map(str, range(number)))))
    assert snapshot(members=frozenset({"0"})) == store.readings.last_snapshot("okta")
    assert 2 == _rows(store, "snapshots")


def test_a_clock_that_goes_back_does_not_make_an_older_read_the_newest(store: Stores) -> None:
    store.readings.save_snapshot(snapshot(members=frozenset({"1"}), taken_at=at(10)))
    newest = snapshot(members=frozenset({"2"}), taken_at=at(0))
    store.readings.save_snapshot(newest)
    assert newest == store.readings.last_snapshot("okta")


def test_only_so_many_snapshots_are_kept(store: Stores) -> None:
    for number in range(KEPT + 3):
        store.readings.save_snapshot(snapshot(members=frozenset({str(number)})))
    assert KEPT == _rows(store, "snapshots")
    assert snapshot(members=frozenset({str(KEPT + 2)})) == store.readings.last_snapshot("okta")


def _rows(store: Stores, table: str) -> int:
    with store.database.read() as connection:
        return int(connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one())


# --- what is known of a deployment ------------------------------------------------------------------------------------


def test_what_was_learned_is_kept_per_deployment_as_it_was_written_and_replaced(store: Stores) -> None:
    store.memory.save_learned("prod", Learned("what the target wrote"))
    store.memory.save_learned("prod", Learned("and wrote anew"))
    store.memory.save_learned("prod", Learned("not known yet"), only_new=True)
    assert ("and wrote anew", None) == (store.memory.learned("prod"), store.memory.learned("test"))


def test_the_last_desired_state_is_given_with_its_reasons(store: Stores) -> None:
    run = store.ledger.start_run("apply", scope=EVERYTHING, now=NOW)
    reason = Reason("okta", "g1", "finance", "mappings/a.yaml:3", until=at(9), reason="audit", stale=True)
    reason = replace(reason, during="only mon-fri UTC", owner="data@example.com", ticket="FIN-1")
    wanted = DesiredState(
        "prod", {"anna": user("Anna", "Viewer")}, {"x": role("x", "DAG:a")}, {"anna": {"Viewer": (reason,)}}
    )
    store.memory.save_desired(run, replace(wanted, users={}, because={}))
    store.memory.save_desired(run, wanted)
    store.memory.save_desired(run, wanted)
    assert (wanted, None) == (store.memory.last_desired("prod"), store.memory.last_desired("test"))


def tally(*counted: Permission, right: tuple[Permission, ...] = (), old: tuple[Permission, ...] = ()) -> Tally:
    of = {"x": frozenset(counted)}, {"x": frozenset(right)}, {"x": frozenset(old)}
    return Tally(*({role: found for role, found in table.items() if found} for table in of))


def test_what_another_hand_does_is_counted_and_forgotten(store: Stores) -> None:
    store.memory.contest("prod", losses=tally(READ_A, READ_B), gains=tally(), now=NOW)
    store.memory.contest("prod", losses=tally(READ_A), gains=tally(READ_B), now=at(1))
    assert (Loss("x", READ_A, 2, at(1), back=False), Loss("x", READ_B, 1, NOW, back=False)) == store.memory.losses(
        "prod"
    )
    assert (Loss("x", READ_B, 1, at(1), back=False),) == store.memory.gains("prod")
    store.memory.contest("prod", losses=tally(right=(READ_B,), old=(READ_A,)), gains=tally(), now=at(2))
    assert (Loss("x", READ_B, 1, NOW),) == store.memory.losses("prod")
    assert ((), ()) == (store.memory.losses("test"), store.memory.gains("test"))


def test_a_change_that_was_begun_is_unsettled_until_its_outcome_is_known(store: Stores) -> None:
    change = created("anna", "Viewer")
    with store.ledger.entries(planned(store, change)) as entries:
        entry = entries.begin(change, now=NOW)
        assert () == store.ledger.unsettled("prod"), "nothing is written before it has to be"
        entry.before("POST")
        assert [change] == [u.change for u in store.ledger.unsettled("prod")]
        assert () == store.ledger.unsettled("test")
        entry.conclude(Outcome(change, Status.APPLIED), now=at(1))
    assert () == store.ledger.unsettled("prod")


def test_an_unsettled_change_comes_back_with_its_reasons(store: Stores) -> None:
    change = created("anna", "Viewer")
    begun(store, planned(store, change), change)
    assert (Why("anna joins"),) == store.ledger.unsettled("prod")[0].change.because


def test_an_unknown_outcome_stays_unsettled_until_a_look_settles_it(store: Stores) -> None:
    change = created("anna", "Viewer")
    number = made(store, change, Status.UNKNOWN)
    assert (Unsettled(number, change),) == store.ledger.unsettled("prod")
    store.ledger.settle(number, Status.APPLIED, "it is there", now=at(1))
    assert () == store.ledger.unsettled("prod")
    assert (True, "it is there") == (
        store.queries.audit()[0].settled_by_looking,
        store.queries.audit()[0].detail,
    )


def test_unsettled_changes_come_oldest_first(store: Stores) -> None:
    first, second = created("zoe"), created("anna")
    plan = planned(store, second, first)
    numbers = [begun(store, plan, c, now=at(n)) for n, c in enumerate((first, second))]
    assert numbers == [u.id for u in store.ledger.unsettled("prod")]


def test_a_change_that_no_plan_has_cannot_be_begun(store: Stores) -> None:
    plan = planned(store, created("anna"))
    with pytest.raises(StoreError, match="has no create of user 'bob' that waits to be made"):
        begun(store, plan, created("bob"), now=NOW)


def test_a_change_cannot_be_begun_twice(store: Stores) -> None:
    change = created("anna")
    plan = planned(store, change)
    begun(store, plan, change, now=NOW)
    with pytest.raises(StoreError, match="waits to be made"):
        begun(store, plan, change, now=NOW)


def test_a_held_change_cannot_be_begun(store: Stores) -> None:
    held, free = created("anna"), created("bob")
    plan = planned(store, held, free, held=Held((held,), ("too many",), "prod"))
    begun(store, plan, free, now=NOW)
    with pytest.raises(StoreError, match="waits to be made"):
        begun(store, plan, held, now=NOW)


@pytest.mark.parametrize("status", [Status.APPLIED, Status.FAILED])
def test_a_change_that_ended_cannot_end_again(store: Stores, status: Status) -> None:
    change = created("anna")
    number = made(store, change, status)
    with pytest.raises(StoreError, match="is not open"):
        store.ledger.settle(number, Status.FAILED, "", now=NOW)


def test_a_change_that_was_only_planned_cannot_end(store: Stores) -> None:
    planned(store, created("anna"))
    with pytest.raises(StoreError, match="is not open"):
        store.ledger.settle(1, Status.APPLIED, "", now=NOW)


def test_of_a_change_that_is_held_in_part_the_rest_can_be_made(store: Stores) -> None:
    whole = moved("anna", {"Op"}, {"Viewer"})
    gives, takes = moved("anna", {"Op"}, {"Op", "Viewer"}), moved("anna", {"Op", "Viewer"}, {"Viewer"})
    plan = planned(store, whole, held=Held((takes,), ("too many",), "prod"))
    opened(store, plan, gives).conclude(Outcome(gives, Status.APPLIED), now=NOW)
    assert {(gives, "applied"), (takes, "held")} == {(row.change, row.status) for row in store.queries.audit()}


def test_what_was_never_begun_is_kept_of_so_many_plans_only(store: Stores) -> None:
    change = created("anna", "Viewer")
    begun = made(store, change)
    for _ in range(KEPT_PLANS + 3):
        planned(store, change, created("bob"), held=Held((created("bob"),), ("too many",), "prod"))
    assert 2 * KEPT_PLANS + 1 == _rows(store, "changes")
    assert KEPT_PLANS + 1 == _rows(store, "touches")
    assert begun == store.queries.audit(status="applied")[0].id
    planned(store, change, deployment="test")
    assert 2 * KEPT_PLANS + 2 == _rows(store, "changes")


def test_two_changes_of_one_person_in_one_plan_are_told_apart(store: Stores) -> None:
    take, delete = moved("anna", {"Viewer"}, set()), Change(user("anna"), None)
    plan = planned(store, take, delete)
    numbers = [begun(store, plan, c, now=NOW) for c in (delete, take)]
    assert [delete, take] == [
        u.change for u in sorted(store.ledger.unsettled("prod"), key=lambda u: numbers.index(u.id))
    ]


def test_a_plan_and_a_run_are_found_again_as_they_were(store: Stores) -> None:
    run = store.ledger.start_run("apply", scope=Scope.people(["Anna"]), now=NOW)
    store.ledger.record_plan(
        run, plan_of(created("anna"), scope=Scope.people(["Anna"])), held=None, approved=None, now=at(1)
    )
    store.ledger.end_run(run, exit_code=2, summary={"changes": 1, "at": NOW}, now=at(2))
    last = store.queries.last_plan("prod")
    assert last is not None
    found = last.run
    assert ("apply", Scope.people(["anna"]), NOW, at(2), 2) == (
        found.command,
        found.scope,
        found.started_at,
        found.ended_at,
        found.exit_code,
    )
    assert {"changes": 1, "at": str(NOW)} == found.summary


def test_the_calls_of_a_change_are_taken_down_before_and_after(store: Stores) -> None:
    change = created("anna")

    def calls() -> list[tuple[str, str | None]]:
        return calls_of(store, entry.id or 0)

    with store.ledger.entries(planned(store, change)) as entries:
        entry = entries.begin(change, now=NOW)
        entry.after(entry.before("POST /users"), "200")
        assert [("POST /users", None)] == calls(), "an answer may wait for the next commit"
        entry.after(entry.before("GET /users/anna"), "404")
        assert [("POST /users", "200"), ("GET /users/anna", None)] == calls()
        entry.conclude(Outcome(change, Status.FAILED), now=NOW)
    assert [("POST /users", "200"), ("GET /users/anna", "404")] == calls()


def test_text_that_a_database_refuses_is_kept_readable(store: Stores) -> None:
    change = created("anna\x00b")
    with store.ledger.entries(planned(store, change)) as entries:
        entry = entries.begin(change, now=NOW)
        entry.after(entry.before("POST \x00"), "\ud800 body")
        entry.conclude(Outcome(change, Status.FAILED, "bad \x00 name"), now=NOW)
    row = store.queries.audit()[0]
    assert (change, "bad \ufffd name") == (row.change, row.detail)
    assert [("POST \ufffd", "? body")] == calls_of(store, row.id)


def test_a_time_without_a_zone_is_refused(store: Stores) -> None:
    with pytest.raises(StoreError, match="without a zone"):
        store.ledger.start_run("plan", scope=EVERYTHING, now=NOW.replace(tzinfo=None))
