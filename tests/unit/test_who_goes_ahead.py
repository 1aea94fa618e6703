"""Who goes ahead of a long pass, and what that pass then knows of them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from syncd.daemon.ahead import OVERTAKEN, Ahead
from syncd.daemon.work_item import Urgency, WorkItem
from syncd.daemon.work_queue import WorkQueue
from syncd.model import EVERYTHING, Directory, Scope
from syncd.plan.approval import Apply, Mode, PlanOnly
from syncd.reconcile import PassRequest, Report, Within, World

# --- in the daemon ------------------------------------------------------------------------------------------------------


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


SWEEP = WorkItem(EVERYTHING, "sweep", Urgency.WHOLE)


def people(*names: str, urgency: Urgency = Urgency.LOSS) -> WorkItem:
    return WorkItem(Scope.people(names), "people", urgency)


def order(*names: str, job: int = 7) -> WorkItem:
    return WorkItem(Scope.people(names) if names else EVERYTHING, "reconcile", Urgency.ORDER, job=job)


def within(_world: World, _directory: Directory, _request: PassRequest, /) -> Report:
    raise AssertionError("the daemon's own `make` decides how")


@pytest.mark.finding("X-F9")
def test_the_daemon_makes_what_goes_ahead_and_knows_who_moved() -> None:
    queue, made = WorkQueue(2, monotonic=Clock()), list[WorkItem]()
    queue.put("a", SWEEP)
    queue.take()

    def make(item: WorkItem, _within: Within) -> None:
        made.append(item)
        queue.ended("a")

    ahead = Ahead("a", SWEEP, queue, make=make, is_over=lambda: False)
    assert "" == ahead.let_ahead(within, few=False)
    queue.put("a", people("bob"))
    queue.put("a", people("joe", urgency=Urgency.GAIN))
    queue.put("a", replace(SWEEP, command="mapping"))
    assert ("", ["bob", "joe"]) == (
        ahead.let_ahead(within, few=False),
        sorted(n for t in made for n in t.scope.usernames or ()),
    )
    assert frozenset({"bob", "joe"}) == ahead.moved()
    assert ["mapping"] == [t.command for t in queue.look("a").waiting]
    assert queue.look("a").running == (SWEEP,)


def test_a_pass_that_began_after_somebody_moved_knows_it_already() -> None:
    queue = WorkQueue(2, monotonic=Clock())
    queue.put("a", SWEEP)
    queue.take()
    queue.put("a", people("bob"))
    later = Ahead("a", SWEEP, queue, make=lambda *_: None, is_over=lambda: False)
    assert frozenset() == later.moved()


def test_whom_a_pass_was_about_that_went_ahead_is_not_done_again_although_it_waited_before() -> None:
    queue = WorkQueue(2, monotonic=Clock())
    queue.put("a", SWEEP)
    queue.take()
    queue.put("a", people("bob"))
    ahead = Ahead("a", SWEEP, queue, make=lambda *_: void(queue.ended("a")), is_over=lambda: False)
    assert "" == ahead.let_ahead(within, few=False)
    assert frozenset({"bob"}) == ahead.moved()


@pytest.mark.parametrize(("mode", "says"), [(Apply(), OVERTAKEN), (PlanOnly(), "")])
def test_a_pass_over_everything_that_went_ahead_leaves_nothing_to_do(mode: Mode, says: str) -> None:
    queue = WorkQueue(2, monotonic=Clock())
    queue.put("a", SWEEP)
    queue.take()
    queue.put("a", replace(order(), mode=mode))
    ahead = Ahead("a", SWEEP, queue, make=lambda *_: void(queue.ended("a")), is_over=lambda: False)
    assert says == ahead.let_ahead(within, few=False)
    assert says == ahead.let_ahead(within, few=False)


@pytest.mark.finding("N-651")
def test_of_a_pass_that_makes_what_was_approved_only_a_few_people_go_ahead() -> None:
    """What a person let pass is used up by it: a pass over everything in its middle would hold the rest again."""
    queue, made = WorkQueue(2, monotonic=Clock()), list[WorkItem]()
    queue.put("a", SWEEP)
    queue.take()

    def make(item: WorkItem, _within: Within) -> None:
        made.append(item)
        queue.ended("a")

    queue.put("a", order())
    queue.put("a", people("bob"))
    ahead = Ahead("a", SWEEP, queue, make=make, is_over=lambda: False)
    assert "" == ahead.let_ahead(within, few=True)
    assert [Scope.people(["bob"])] == [item.scope for item in made]
    assert [order()] == list(queue.look("a").waiting)


def void(_: object) -> None:
    """Take what is of no use here."""


@pytest.mark.parametrize(
    ("waits", "runs", "goes"),
    [
        (people("bob"), SWEEP, True),
        (people("bob"), order(), True),
        (people("bob"), WorkItem(EVERYTHING, "approve", Urgency.ORDER, mode=Apply(frozenset({"x"})), job=1), True),
        (people("bob"), WorkItem(EVERYTHING, "people", Urgency.LOSS), True),
        (people("bob"), people("joe"), False),
        (people("bob"), people("joe", urgency=Urgency.GAIN), True),
        (order("bob"), SWEEP, True),
        (order(), SWEEP, True),
        (order(), order(job=8), False),
        (order("bob"), order(job=8), False),
        (WorkItem(EVERYTHING, "people", Urgency.LOSS), SWEEP, True),
        (WorkItem(EVERYTHING, "people", Urgency.LOSS), order(), False),
        (people("joe", urgency=Urgency.GAIN), SWEEP, True),
        (WorkItem(EVERYTHING, "people", Urgency.GAIN), SWEEP, False),
        (SWEEP, WorkItem(Scope.of_dags(["x"]), "dags", Urgency.DAGS), False),
    ],
)
@pytest.mark.finding("X-F9")
def test_who_goes_ahead_of_whom(waits: WorkItem, runs: WorkItem, goes: bool) -> None:
    assert goes == waits.goes_ahead_of(runs)
