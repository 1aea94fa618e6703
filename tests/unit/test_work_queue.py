"""Waiting work: what is urgent goes first, one pass at a time on a deployment, and failures wait on a ladder."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from syncd.daemon.work_item import BUSY_S, MOST_PEOPLE, Urgency, WorkItem
from syncd.daemon.work_queue import CLAIM_S, LADDER_S, WorkQueue
from syncd.model import EVERYTHING, DesiredState, Scope, User
from syncd.plan.approval import Apply, PlanOnly


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def queue(clock: Clock, workers: int = 4) -> WorkQueue:
    return WorkQueue(workers, monotonic=clock, chance=lambda: 0.5)


def people(*names: str, urgency: Urgency = Urgency.GAIN, seen_at: float | None = None) -> WorkItem:
    return WorkItem(Scope.people(names), "people", urgency, seen_at=seen_at, bound_at=seen_at)


SWEEP = WorkItem(EVERYTHING, "sweep", Urgency.WHOLE)


def taken(these: WorkQueue) -> tuple[str, WorkItem]:
    found = these.take()
    assert found is not None
    return found


def failed(these: WorkQueue, name: str, *, again: WorkItem) -> int:
    failures = these.failing(name)
    these.failed(name, again, failures=failures)
    return failures


def test_the_urgent_goes_first() -> None:
    these = queue(Clock())
    these.put("a", SWEEP)
    these.put("b", people("anna"))
    these.put("c", WorkItem(EVERYTHING, "reconcile", Urgency.ORDER, job=1))
    these.put("d", people("bob", urgency=Urgency.LOSS))
    assert ["d", "c", "b", "a"] == [taken(these)[0] for _ in range(4)]


def test_what_was_seen_first_goes_first_among_equals() -> None:
    these = queue(Clock())
    these.put("late", people("a", seen_at=9.0))
    these.put("early", people("b", seen_at=3.0))
    assert "early" == taken(these)[0]


def test_one_pass_at_a_time_on_a_deployment() -> None:
    clock = Clock()
    these = queue(clock)
    these.put("a", people("anna"))
    name, first = taken(these)
    these.put("a", people("bob"))
    these.put("b", SWEEP)
    assert "b" == taken(these)[0], "a is at work"
    these.ended("a")
    assert ("a", frozenset({"bob"})) == (name, taken(these)[1].scope.usernames)
    assert frozenset({"anna"}) == first.scope.usernames


def test_people_who_wait_for_the_same_deployment_become_one_pass() -> None:
    these = queue(Clock())
    these.put("a", people("anna", seen_at=5.0))
    these.put("a", people("bob", urgency=Urgency.LOSS, seen_at=7.0))
    _, item = taken(these)
    assert (frozenset({"anna", "bob"}), Urgency.LOSS, 5.0) == (item.scope.usernames, item.urgency, item.seen_at)


def test_reasons_of_the_first_change_are_kept_when_a_second_joins_it() -> None:
    def state(role: str) -> DesiredState:
        user = User("anna", "", "", "", frozenset({role}))
        return DesiredState("a", {"anna": user}, {}, {"anna": {role: ()}})

    first = replace(people("anna"), earlier=state("Viewer"))
    both = first.with_(replace(people("anna"), earlier=state("Op")))
    assert both is not None
    assert both.earlier is not None
    assert {"anna": {"Viewer": ()}} == dict(both.earlier.because)


def test_what_somebody_waits_for_is_a_pass_of_its_own() -> None:
    these = queue(Clock())
    these.put("a", WorkItem(Scope.people(["anna"]), "reconcile", Urgency.ORDER, job=1))
    these.put("a", WorkItem(Scope.people(["anna"]), "reconcile", Urgency.ORDER, job=2))
    jobs = []
    for _ in range(2):
        jobs.append(taken(these)[1].job)
        these.ended("a")
    assert [1, 2] == jobs


def test_an_approval_is_not_given_to_another_pass() -> None:
    approving = WorkItem(EVERYTHING, "approve", Urgency.ORDER, mode=Apply(frozenset({"abc"})))
    assert SWEEP.with_(approving) is None


def test_a_list_of_dags_and_people_are_two_passes() -> None:
    listing = WorkItem(Scope.of_dags(()), "dags", Urgency.DAGS)
    assert people("anna").with_(listing) is None
    assert listing == listing.with_(listing)


def test_for_many_people_everything_is_looked_at() -> None:
    these = queue(Clock())
    these.put("a", people(*(f"p{n}" for n in range(MOST_PEOPLE))))
    these.put("a", people("one-more"))
    assert taken(these)[1].scope.everything


def test_sweeps_leave_workers_for_people() -> None:
    these = queue(Clock(), workers=4)
    for name in "abcd":
        these.put(name, SWEEP)
    for _ in range(3):
        taken(these)
    these.put("e", people("anna"))
    assert "e" == taken(these)[0], "the fourth sweep waits"


def test_failures_wait_on_a_ladder_with_a_top_and_no_end() -> None:
    clock = Clock()
    these = queue(clock)
    waits = []
    item = people("anna")
    these.put("a", item)
    for _ in range(len(LADDER_S) + 3):
        _, item = taken(these)
        failed(these, "a", again=item)
        waits.append(these.look("a").not_before - clock.now)
        clock.now = these.look("a").not_before
    assert [*LADDER_S, *[LADDER_S[-1]] * 3] == pytest.approx(waits)


def test_success_ends_the_ladder() -> None:
    clock = Clock()
    these = queue(clock)
    these.put("a", SWEEP)
    taken(these)
    assert 1 == failed(these, "a", again=SWEEP)
    clock.now += LADDER_S[0]
    taken(these)
    assert 1 == these.ended("a")
    assert 0 == these.look("a").failures


def test_a_person_need_not_wait_for_the_ladder() -> None:
    these = queue(Clock())
    these.put("a", SWEEP)
    taken(these)
    failed(these, "a", again=SWEEP)
    these.put("a", WorkItem(EVERYTHING, "reconcile", Urgency.ORDER, job=1))
    assert 1 == taken(these)[1].job


def test_closing_ends_the_waiting() -> None:
    these = queue(Clock())
    ended = threading.Event()

    def wait() -> None:
        assert these.take() is None
        ended.set()

    thread = threading.Thread(target=wait)
    thread.start()
    these.close()
    thread.join(60)
    assert ended.is_set()
    assert these.wait_idle(1)


def test_idle_is_waited_for() -> None:
    these = queue(Clock())
    these.put("a", SWEEP)
    taken(these)
    assert not these.wait_idle(0.01)
    these.ended("a")
    assert these.wait_idle(0.01)


def test_queues_of_deployments_that_are_gone_are_forgotten() -> None:
    these = queue(Clock())
    these.put("a", SWEEP)
    these.put("b", people("anna"))
    assert (("a", SWEEP),) == these.keep_only(["b"])
    assert "b" == taken(these)[0]


@pytest.mark.finding("H-E6")
def test_an_order_lets_nobody_else_wait_and_nobody_for_long() -> None:
    clock = Clock()
    these = queue(clock)
    fay = people("fay", urgency=Urgency.LOSS)
    with these.claimed(["a", "b"], frozenset({"anna"})):
        these.put("a", people("anna", urgency=Urgency.LOSS))
        these.put("a", fay)
        assert fay == taken(these)[1]
        these.ended("a")
        clock.now += CLAIM_S
        assert frozenset({"anna"}) == taken(these)[1].scope.usernames, "the order is still at it"


@pytest.mark.finding("H-E6")
def test_orders_about_everything_claim_nobody() -> None:
    these = queue(Clock())
    with these.claimed(["a"], frozenset()), these.claimed(["a"], frozenset()):
        these.put("a", people("anna", urgency=Urgency.LOSS))
        assert "a" == taken(these)[0]


def test_an_order_does_the_waiting_work_on_its_people() -> None:
    these = queue(Clock())
    these.put("a", people("anna", urgency=Urgency.LOSS, seen_at=3.0))
    these.put("a", WorkItem(Scope.people(["anna", "bob"]), "reconcile", Urgency.ORDER, job=1))
    _, item = taken(these)
    assert (1, 3.0) == (item.job, item.seen_at)
    these.ended("a")
    assert [] == these.look("a").waiting


def test_an_order_leaves_other_peoples_work_and_a_dry_run_leaves_all() -> None:
    these = queue(Clock())
    these.put("a", people("anna", "zoe", urgency=Urgency.LOSS))
    these.put("a", WorkItem(Scope.people(["anna"]), "reconcile", Urgency.ORDER, job=1))
    these.put("b", people("anna"))
    these.put("b", WorkItem(Scope.people(["anna"]), "reconcile", Urgency.ORDER, mode=PlanOnly(), job=2))
    assert [2, 2] == [len(these.look(name).waiting) for name in "ab"]


LOSS_OF_ALICE = people("alice", urgency=Urgency.LOSS)


@pytest.mark.finding("H-E11")
@pytest.mark.parametrize(
    "other",
    [
        WorkItem(Scope.people(["bob"]), "reconcile", Urgency.ORDER, job=7),
        WorkItem(EVERYTHING, "reconcile", Urgency.ORDER, mode=PlanOnly(), job=7),
        people("bob", urgency=Urgency.LOSS),
    ],
)
def test_nobody_waits_for_the_ladder_of_others(other: WorkItem) -> None:
    these = queue(Clock())
    these.put("a", LOSS_OF_ALICE)
    taken(these)
    failed(these, "a", again=LOSS_OF_ALICE)
    these.put("a", other)
    assert other == taken(these)[1]


@pytest.mark.finding("H-E11")
def test_new_work_that_fails_too_climbs_no_ladder_and_joins_what_waits() -> None:
    clock = Clock()
    these = queue(clock)
    for n in range(9):
        these.put("a", people(f"p{n}", urgency=Urgency.LOSS))
        _, item = taken(these)
        assert 1 == failed(these, "a", again=item)
    clock.now += LADDER_S[0]
    assert frozenset(f"p{n}" for n in range(9)) == taken(these)[1].scope.usernames


@pytest.mark.finding("H-E11")
def test_what_waited_is_tried_as_soon_as_anything_works_there() -> None:
    these = queue(Clock())
    these.put("a", LOSS_OF_ALICE)
    taken(these)
    failed(these, "a", again=LOSS_OF_ALICE)
    these.put("a", people("bob", urgency=Urgency.LOSS))
    taken(these)
    these.ended("a")
    assert LOSS_OF_ALICE == taken(these)[1]


def test_what_is_not_urgent_waits_for_the_ladder() -> None:
    clock = Clock()
    these = queue(clock)
    these.put("a", LOSS_OF_ALICE)
    taken(these)
    failed(these, "a", again=LOSS_OF_ALICE)
    these.put("a", people("bob"))
    these.put("a", SWEEP)
    these.put("b", SWEEP)
    assert "b" == taken(these)[0]
    clock.now += LADDER_S[0]
    assert frozenset({"alice", "bob"}) == taken(these)[1].scope.usernames


def test_another_writer_is_asked_again_soon_not_at_once() -> None:
    clock = Clock()
    these = queue(clock)
    order = WorkItem(EVERYTHING, "reconcile", Urgency.ORDER, job=1)
    these.put("a", order)
    these.put("b", SWEEP)
    taken(these)
    these.postponed("a", order)
    assert "b" == taken(these)[0]
    clock.now += BUSY_S
    assert "a" == taken(these)[0]
