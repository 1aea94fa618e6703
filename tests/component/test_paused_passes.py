"""A pause: nothing is changed, or nothing is taken, where somebody said so, by whichever process, until it is over."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from stages import DAGS, NOW, People, Stage, put, roles_of

from syncd.errors import ApprovalRefused
from syncd.model import Change, Deployment, Outcome, Pause, Paused, Role, Scope, Status, User
from syncd.plan.limits import Limits
from syncd.ports import Recorder
from syncd.reconcile import plan
from syncd.store import Stores
from syncd.targets.airflow.naming import NAMING
from syncd.targets.memory import MemoryTarget

HOUR = timedelta(hours=1)
FLEET, REMOVALS = Paused(), Paused(removals_only=True)


class Clock:
    """The clock of the database, which stands still until it is moved."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def stage(database_url: str, clock: Clock) -> Iterator[Stage]:
    with closing(Stores.open(database_url, clock=clock)) as store:
        it = Stage(store, People({"finance": ["anna", "bob"]}), {"prod": MemoryTarget("prod", dags=DAGS)})
        it.deployment = Deployment("prod", labels={"env": "prod"}, naming=NAMING)
        yield it


def pause(stage: Stage, of: Paused = FLEET, *, until: datetime | None = NOW + HOUR) -> Pause:
    made: Pause = stage.store.pauses.pause(of, until=until, reason="ticket 12", by="anna")
    return made


def leave(stage: Stage, *names: str) -> None:
    stage.people.members = {"finance": [n for n in stage.people.members["finance"] if n not in names]}


@pytest.mark.parametrize(
    "of", [FLEET, Paused("env", "prod"), Paused("name", "prod")], ids=["fleet", "label", "deployment"]
)
def test_a_pause_of_all_stops_everything_and_says_who_until_when_and_why(stage: Stage, of: Paused) -> None:
    pause(stage, of)
    report = stage.apply()
    assert (6, {}, {}) == (report.exit_code(), stage.prod.users, stage.prod.roles)
    assert {("skipped", "paused until 2026-03-01 13:00 UTC by anna: ticket 12")} == {
        (o.status.value, o.detail) for o in report.deployments[0].outcomes
    }
    assert ["finance", "anna", "bob"] == [change.name for change in report.deployments[0].paused]
    assert 6 == plan(stage.world()).exit_code(check=True)


@pytest.mark.parametrize("of", [Paused("env", "dev"), Paused("name", "other"), Paused("team", "prod")])
def test_a_pause_of_others_stops_nothing(stage: Stage, of: Paused) -> None:
    pause(stage, of)
    assert (0, {"anna", "bob"}) == (stage.apply().exit_code(), set(stage.prod.users))


def test_a_pause_ends_by_itself_and_everything_is_done_then(stage: Stage, clock: Clock) -> None:
    pause(stage)
    stage.apply()
    clock.now += HOUR
    assert (0, {"anna", "bob"}) == (stage.apply().exit_code(), set(stage.prod.users))


def test_a_pause_is_ended_once_and_its_row_says_by_whom(stage: Stage) -> None:
    made = pause(stage, until=None)
    ended = stage.store.pauses.resume(made.id, by="bob", reason="it was a false alarm")
    assert ended is not None
    assert (NOW, "bob", "it was a false alarm") == (ended.ended_at, ended.ended_by, ended.ended_reason)
    assert None is stage.store.pauses.resume(made.id, by="eve")
    assert (ended,) == stage.store.pauses.every()
    assert () == stage.store.pauses.standing()
    assert 0 == stage.apply().exit_code()


def test_a_pause_and_its_end_are_in_the_chain(stage: Stage) -> None:
    made = pause(stage, REMOVALS)
    stage.store.pauses.resume(made.id, by="bob", reason="over")
    begun, ended = (json.loads(line) for _, line in stage.store.records.lines())
    assert ("pause", "anna", "ticket 12", True) == tuple(
        begun[name] for name in ("kind", "by", "reason", "removals_only")
    )
    assert ("resume", "bob", ["pause", made.id]) == tuple(ended[name] for name in ("kind", "by", "about"))
    assert 2 == stage.store.records.verify().count


def test_an_observed_deployment_is_not_paused(stage: Stage) -> None:
    pause(stage)
    stage.enforce = False
    assert (0, ()) == (stage.apply().exit_code(), stage.apply().deployments[0].paused)


def test_a_pause_of_removals_gives_and_takes_nothing(stage: Stage) -> None:
    stage.apply()
    pause(stage, REMOVALS)
    stage.people.members = {"finance": ["anna", "carol"]}
    report = stage.apply()
    assert 6 == report.exit_code()
    assert {"finance", "Viewer"} == roles_of(stage.prod, "bob") == roles_of(stage.prod, "carol")
    this = report.deployments[0]
    assert ["bob"] == [change.name for change in this.paused]
    assert this.paused_effects is not None
    assert 1 == this.paused_effects.loses.people
    assert () == this.not_converged


def test_a_pause_of_removals_cuts_what_gives_and_takes_in_two(stage: Stage) -> None:
    stage.apply()
    pause(stage, REMOVALS)
    good = stage.prod.roles["finance"]
    odd = next(iter(good.permissions))
    more = replace(odd, resource="DAG:other")
    put(stage.prod, Role("finance", (good.permissions - {odd}) | {more}))
    assert 6 == stage.apply().exit_code()
    assert good.permissions | {more} == stage.prod.roles["finance"].permissions


def test_once_it_is_over_the_removals_are_made(stage: Stage, clock: Clock) -> None:
    stage.apply()
    pause(stage, REMOVALS)
    leave(stage, "bob")
    stage.apply()
    clock.now += HOUR
    assert (0, set()) == (stage.apply().exit_code(), roles_of(stage.prod, "bob"))


class TargetInWhichSomebodyPauses(MemoryTarget):
    """A deployment that is paused while a change of this person is under way, before its call or between two of them."""

    stage: Stage
    who: str
    paused: Paused
    calls_first: int = 0

    def apply(self, change: Change, record: Recorder) -> Outcome:
        if change.name == self.who:
            for _ in range(self.calls_first):
                record.after(record.before("a first call"), "done")
            pause(self.stage, self.paused)
        return super().apply(change, record)


def in_the_middle(stage: Stage, of: Paused, *, calls_first: int = 0, who: str = "anna") -> TargetInWhichSomebodyPauses:
    target = TargetInWhichSomebodyPauses("prod", dags=DAGS)
    target.stage, target.who, target.paused, target.calls_first = stage, who, of, calls_first
    stage.targets = {"prod": target}
    return target


def test_a_pause_stops_a_pass_that_runs_before_its_next_call(stage: Stage) -> None:
    in_the_middle(stage, FLEET)
    report = stage.apply()
    assert {"finance": Status.APPLIED, "anna": Status.SKIPPED, "bob": Status.SKIPPED} == stage.statuses(report)
    assert ({"finance"}, {}) == (set(stage.prod.roles), stage.prod.users)
    assert (6, ["anna", "bob"]) == (report.exit_code(), [c.name for c in report.deployments[0].paused])
    assert () == stage.store.ledger.unsettled("prod")


def test_a_change_that_is_under_way_makes_no_further_call_and_goes_on_afterwards(stage: Stage, clock: Clock) -> None:
    in_the_middle(stage, FLEET, calls_first=1)
    report = stage.apply()
    assert Status.PENDING is stage.statuses(report)["anna"]
    assert {} == stage.prod.users
    clock.now += HOUR
    stage.targets = {
        "prod": MemoryTarget("prod", dags=DAGS, users=dict(stage.prod.users), roles=dict(stage.prod.roles))
    }
    assert (0, {"anna", "bob"}) == (stage.apply().exit_code(), set(stage.prod.users))


def test_a_pause_of_removals_lets_a_pass_that_runs_give_on(stage: Stage) -> None:
    in_the_middle(stage, REMOVALS)
    assert 0 == stage.apply().exit_code()
    assert {"anna", "bob"} == set(stage.prod.users)


def test_nothing_is_announced_after_the_pause(stage: Stage) -> None:
    """Whatever the journal has after it is an end, not a call."""
    in_the_middle(stage, FLEET)
    stage.apply()
    rows = {row.change.name: row.status for row in stage.store.queries.audit(status="planned")}
    assert {"anna": "planned", "bob": "planned"} == rows


def test_an_approval_waits_for_the_end_and_is_not_used_up(stage: Stage, clock: Clock) -> None:
    stage.limits = Limits(removals=0, share=0, floor=0)
    stage.apply()
    leave(stage, "bob")
    held = stage.apply().deployments[0].held
    assert held is not None
    pause(stage)
    with pytest.raises(
        ApprovalRefused, match="prod is paused until 2026-03-01 13:00 UTC by anna: ticket 12; approve it"
    ):
        stage.apply(approved=(held.digest,))
    assert {"finance", "Viewer"} == roles_of(stage.prod, "bob")
    clock.now += HOUR
    assert (0, set()) == (stage.apply(approved=(held.digest,)).exit_code(), roles_of(stage.prod, "bob"))


def test_a_pass_over_one_person_is_paused_too(stage: Stage) -> None:
    stage.apply()
    pause(stage)
    leave(stage, "bob")
    assert 6 == stage.apply(scope=Scope.people(["bob"])).exit_code()
    assert {"finance", "Viewer"} == roles_of(stage.prod, "bob")


def test_what_another_hand_did_meanwhile_counts_when_it_is_over(stage: Stage, clock: Clock) -> None:
    stage.apply()
    pause(stage)
    leave(stage, "bob")
    stage.apply()
    put(stage.prod, User("bob", "bob@example.com", "Bob", "Test", frozenset()))
    clock.now += HOUR
    assert (0, ()) == ((report := stage.apply()).exit_code(), report.deployments[0].outcomes)
