"""The small parts of the daemon: shares, jobs, lasting sessions, the clock."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from syncd.control import DeploymentResult, JobState, NotKnown, Order
from syncd.daemon.assignment import Assignment
from syncd.daemon.jobs import KEPT, MOST_IN_ALL, SAMPLE, Jobs
from syncd.daemon.scheduler import Scheduler
from syncd.daemon.sessions import Sessions
from syncd.model import Dag, Learned
from syncd.ports import TargetSession
from syncd.targets.memory import MemoryTarget

NOW = datetime(2026, 3, 1, tzinfo=UTC)


class Beats:
    """Where replicas hear of each other."""

    def __init__(self) -> None:
        self.here: set[str] = set()

    def beat(self, replica: str, *, ttl: timedelta) -> tuple[str, ...]:
        assert ttl > timedelta(0)
        self.here.add(replica)
        return tuple(sorted(self.here))

    def leave(self, replica: str) -> None:
        self.here.discard(replica)

    def living(self) -> tuple[str, ...]:
        return tuple(sorted(self.here))


def nothing(_event: str, **_facts: object) -> None: ...


DEPLOYMENTS = [f"d{n}" for n in range(300)]


def test_each_deployment_is_one_replicas_and_the_shares_are_alike() -> None:
    beats = Beats()
    replicas = [Assignment(name, beats, emit=nothing) for name in ("x", "y", "z")]
    for _ in range(2):
        for replica in replicas:
            replica.beat()
    owners = Counter(r.name for d in DEPLOYMENTS for r in replicas if r.is_ours(d))
    assert len(DEPLOYMENTS) == sum(owners.values())
    assert all(60 < number < 140 for number in owners.values()), owners


def test_only_what_a_replica_had_moves_when_it_goes() -> None:
    beats = Beats()
    x, y, z = (Assignment(name, beats, emit=nothing) for name in ("x", "y", "z"))
    for replica in (x, y, z, x, y, z):
        replica.beat()
    before = {d: x.is_ours(d) for d in DEPLOYMENTS}
    z.leave()
    assert x.beat()
    assert not x.beat(), "nothing changed since"
    assert all(x.is_ours(d) for d, mine in before.items() if mine)


def test_replicas_that_come_and_go_are_told() -> None:
    said = []
    beats = Beats()
    x = Assignment("x", beats, emit=lambda event, **facts: said.append((event, facts["replica"])))
    beats.here.add("y")
    x.beat()
    beats.here.discard("y")
    x.beat()
    assert [("replica_joined", "y"), ("replica_left", "y")] == said


# --- jobs -------------------------------------------------------------------------------------------------------------


def test_a_job_is_done_when_every_deployment_is() -> None:
    jobs = Jobs(lambda: NOW)
    id_ = jobs.open(Order(), ("a", "b")).id
    jobs.begun(id_)
    jobs.add(id_, DeploymentResult("b", 4))
    assert JobState.RUNNING is jobs.get(id_).state
    jobs.add(id_, DeploymentResult("a", 0))
    done = jobs.get(id_)
    assert (JobState.DONE, NOW, ["a", "b"], 4) == (
        done.state,
        done.ended_at,
        [r.deployment for r in done.results],
        done.exit_code,
    )


def test_the_first_result_of_a_deployment_counts() -> None:
    jobs = Jobs(lambda: NOW)
    id_ = jobs.open(Order(), ("a", "b")).id
    jobs.add(id_, DeploymentResult("a", 5))
    jobs.add(id_, DeploymentResult("a", 0))
    assert [5] == [r.exit_code for r in jobs.get(id_).results]


def test_jobs_are_forgotten_an_hour_after_their_end() -> None:
    now = [NOW]
    jobs = Jobs(lambda: now[0])
    ended = jobs.open(Order(), ()).id
    waiting = jobs.open(Order(), ("a",)).id
    now[0] += KEPT + timedelta(seconds=1)
    jobs.open(Order(), ())
    assert JobState.WAITING is jobs.get(waiting).state
    with pytest.raises(NotKnown, match=f"no job {ended}"):
        jobs.get(ended)


# --- sessions ---------------------------------------------------------------------------------------------------------


class Lasting(MemoryTarget):
    """A deployment in memory that notes how its session is used."""

    def __init__(self, name: str, dags: tuple[Dag, ...] = ()) -> None:
        super().__init__(name, dags=dags)
        self.said: list[str] = []

    def forget(self, *, looked: bool = False) -> None:
        self.said.append(f"forget {looked}")

    def close(self) -> None:
        self.said.append("close")


def opened(sessions: Sessions, made: list[Lasting]) -> TargetSession:
    def open_new(_known: Learned | None) -> Lasting:
        made.append(Lasting("a", (Dag("x"),)))
        return made[-1]

    return sessions.opener("a", open_new)(None)


def test_a_session_is_used_again() -> None:
    sessions, made = Sessions(), list[Lasting]()
    opened(sessions, made).close()
    opened(sessions, made).close()
    assert [["forget False", "forget False"]] == [one.said for one in made]


def test_a_session_that_was_dropped_in_use_ends_when_it_is_given_back() -> None:
    sessions, made = Sessions(), list[Lasting]()
    lent = opened(sessions, made)
    sessions.drop("a")
    assert [] == made[0].said, "a pass is at work with it"
    lent.close()
    assert ["close"] == made[0].said
    opened(sessions, made)
    assert 2 == len(made)


def test_a_session_that_nobody_uses_is_dropped_at_once() -> None:
    sessions, made = Sessions(), list[Lasting]()
    opened(sessions, made).close()
    sessions.drop("a")
    assert ["forget False", "close"] == made[0].said


def test_calls_are_counted_pass_by_pass() -> None:
    sessions, made = Sessions(), list[Lasting]()
    first = opened(sessions, made)
    assert frozenset({Dag("x")}) == frozenset(first.inventory())
    used = first.calls
    first.close()
    assert (1, 0) == (used, opened(sessions, made).calls)
    assert frozenset({Dag("x")}) == sessions.inventory("a")


def reach(sessions: Sessions, way: str, made: list[str]) -> Callable[[], TargetSession]:
    """Give what a reading of the files gives: how to open the deployment in the way that they say."""

    def open_new(_known: Learned | None) -> Lasting:
        made.append(way)
        return Lasting("a")

    opener = sessions.opener("a", open_new, way=way)
    return lambda: opener(None)


@pytest.mark.finding("H-E12")
def test_a_pass_that_began_before_a_reload_leaves_its_session_to_nobody() -> None:
    sessions, made = Sessions(), list[str]()
    before = reach(sessions, "old address", made)
    before().close()
    after = reach(sessions, "new address", made)
    sessions.keep_only({"a": "new address"})
    late = before()
    late.close()
    after().close()
    after().close()
    assert ["old address", "old address", "new address"] == made


@pytest.mark.finding("H-E12")
def test_a_session_of_the_old_way_is_closed_when_it_comes_back() -> None:
    sessions, made = Sessions(), list[Lasting]()
    lent = opened(sessions, made)
    sessions.keep_only({"a": "new address"})
    assert [] == made[0].said, "a pass is at work with it"
    lent.close()
    assert ["close"] == made[0].said


@pytest.mark.finding("H-E12")
def test_a_reload_that_changes_nothing_keeps_sessions() -> None:
    sessions, made = Sessions(), list[str]()
    reach(sessions, "address", made)().close()
    again = reach(sessions, "address", made)
    sessions.keep_only({"a": "address"})
    again().close()
    assert ["address"] == made


# --- the clock --------------------------------------------------------------------------------------------------------


def utc() -> datetime:
    return datetime.now(UTC)


def unheard(_name: str, _error: Exception) -> None: ...


def test_what_a_job_runs_into_does_not_end_the_clock() -> None:
    failed, ran = [], threading.Event()
    scheduler = Scheduler(threads=2, clock=utc, failed=lambda name, error: failed.append((name, str(error))))
    times = []

    def do() -> None:
        times.append(1)
        if len(times) == 1:
            raise ValueError("boom")
        ran.set()

    scheduler.every("job", timedelta(milliseconds=20), do)
    scheduler.start()
    assert ran.wait(60)
    scheduler.stop()
    assert [("job", "boom")] == failed


def test_what_takes_longer_than_its_interval_is_not_begun_twice() -> None:
    running, most, done = [], [], threading.Event()
    scheduler = Scheduler(threads=4, clock=utc, failed=unheard)

    def do() -> None:
        running.append(1)
        most.append(len(running))
        done.wait(0.05)
        running.pop()
        if len(most) > 3:
            done.set()

    scheduler.every("job", timedelta(milliseconds=5), do)
    scheduler.start()
    assert done.wait(60)
    scheduler.stop()
    assert {1} == set(most)


def test_after_a_jump_of_the_clock_everything_is_done_soon() -> None:
    offset, ran = [timedelta(0)], threading.Event()
    scheduler = Scheduler(threads=1, clock=lambda: utc() + offset[0], failed=unheard)
    scheduler.every("job", timedelta(hours=1), ran.set, first=timedelta(hours=1))
    scheduler.start()
    assert not ran.wait(0.05)
    scheduler.wake()
    assert ran.wait(60)
    assert timedelta(hours=1) == scheduler.interval("job")
    scheduler.stop()


def test_a_time_that_is_over_is_now() -> None:
    ran = threading.Event()
    scheduler = Scheduler(threads=1, clock=utc, failed=unheard)
    scheduler.start()
    scheduler.at("job", utc() - timedelta(days=1), ran.set)
    assert ran.wait(60)
    scheduler.stop()


# --- bounds -------------------------------------------------------------------------------------------------------------


def large(number: int, run: int = 7, *, letters: int = 500) -> DeploymentResult:
    changes = [{"name": f"person{n}", "because": ["x" * letters]} for n in range(number)]
    return DeploymentResult("a", 0, applied=number, run=run, plan={"deployment": "a", "plan": {"changes": changes}})


def kept(jobs: Jobs, id_: int) -> int:
    return len(json.dumps(jobs.get(id_).results[0].plan))


@pytest.mark.finding("H-E18")
def test_a_large_result_keeps_its_counts_and_says_where_the_rest_is() -> None:
    jobs = Jobs(lambda: NOW)
    small, big = jobs.open(Order(), ("a",)).id, jobs.open(Order(), ("a",)).id
    jobs.add(small, large(1000))
    jobs.add(big, large(20_000))
    assert large(1000) == jobs.get(small).results[0]
    [result] = jobs.get(big).results
    plan: Any = result.plan
    assert (20_000, SAMPLE) == (result.applied, len(plan["plan"]["changes"]))
    assert 20_000 - SAMPLE == plan["left_out"]["plan.changes"]
    assert "run=7" in plan["left_out"]["see"]


@pytest.mark.finding("H-E18")
def test_all_results_together_are_bounded_and_the_newest_stays_whole() -> None:
    jobs = Jobs(lambda: NOW)
    numbers = [jobs.open(Order(), ("a",)).id for _ in range(14)]
    for id_ in numbers:
        jobs.add(id_, large(500, letters=5000))
    assert sum(kept(jobs, id_) for id_ in numbers) <= MOST_IN_ALL < len(numbers) * kept(jobs, numbers[-1])
    assert large(500, letters=5000) == jobs.get(numbers[-1]).results[0]
    assert 500 == jobs.get(numbers[0]).results[0].applied


@pytest.mark.finding("X-F11")
def test_no_more_connections_are_kept_than_fit_and_the_last_used_stay() -> None:
    sessions, made = Sessions(most=2), dict[str, Lasting]()

    def use(name: str) -> None:
        def open_new(_known: Learned | None) -> Lasting:
            made[name] = Lasting(name)
            return made[name]

        sessions.opener(name, open_new)(None).close()

    for name in ("a", "b", "a", "c"):
        use(name)
    assert {"a": False, "b": True, "c": False} == {name: "close" in one.said for name, one in made.items()}
