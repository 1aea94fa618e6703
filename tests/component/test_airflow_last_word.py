"""Whether a call may still be made is asked as the last thing before it goes out, after every wait."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from airflow_world import person, world

from syncd.errors import DeploymentBusy, TargetUnavailable
from syncd.http.answer import Answer
from syncd.model import Change, Lookalikes, Scope, Status, User
from syncd.ports import Recorder
from syncd.sandbox.airflow import StandIn
from syncd.sandbox.airflow.faults import UNAUTHORIZED, on
from syncd.targets.airflow.calls import LOOKS, Calls, Fence
from syncd.targets.airflow.wire import Area
from syncd.throttle import RateLimit, Throttle


@dataclass
class Said:
    """A recorder that keeps what it is told, in one list with whatever else happens, and may have lost its lease."""

    events: list[str]
    lost_after: int = 10**9

    def before(self, call: str, *, makes: str = "") -> int:  # noqa: ARG002
        if len(self.events) >= self.lost_after:
            raise DeploymentBusy("prod: the lease was lost")
        self.events.append(f"announced {call.split()[0]}")
        return len(self.events)

    def after(self, step: int, answer: str, *, refused: bool = False) -> None:  # noqa: ARG002 - the protocol's words
        self.events.append(f"{answer.split()[0]} to {step}")

    def gone(self, name: str) -> None:
        self.events.append(f"{name} is gone")


class Turns(Throttle):
    """Says when a call was let in: all its waiting is over then."""

    def __init__(self, events: list[str]) -> None:
        super().__init__(RateLimit(calls_per_s=1000, burst=1000))
        self._events = events

    def enter(self) -> None:
        super().enter()
        self._events.append("let in")


@pytest.mark.finding("X-F3")
def test_a_call_is_announced_after_it_waited_for_its_turn(tmp_path: Path) -> None:
    events: list[str] = []
    with world(StandIn("3.3.2"), tmp_path) as this:
        this.server.state.add_user("anna", password="x", roles={"Viewer"})
        target = this.target(throttle=Turns(events))
        target.look()
        anna = target.observe(_only("anna"), role_names=frozenset()).users["anna"]
        events.clear()
        target.apply(Change(anna, _with(anna, "Op")), Said(events))
    announced = events.index("announced PATCH")
    assert "200 to " in events[announced + 1], "nothing was waited for between the announcement and the call"
    assert "let in" == events[announced - 1]


@pytest.mark.finding("X-F3")
def test_what_waited_until_the_lease_was_lost_is_not_sent(tmp_path: Path) -> None:
    events: list[str] = []
    with world(StandIn("3.3.2"), tmp_path) as this:
        this.server.state.add_user("anna", password="x", roles={"Viewer"})
        target = this.target(throttle=Turns(events))
        anna = target.observe(_only("anna"), role_names=frozenset()).users["anna"]
        with pytest.raises(DeploymentBusy):
            target.apply(Change(anna, _with(anna, "Op")), Said(events, lost_after=0))
        assert {"Viewer"} == this.server.state.users["anna"].roles


@pytest.mark.finding("X-F3")
def test_a_call_that_is_made_a_second_time_is_announced_a_second_time(tmp_path: Path) -> None:
    events: list[str] = []
    with world(StandIn("2.11.2"), tmp_path) as this:
        this.server.state.add_user("anna", password="x", roles={"Viewer"})
        target = this.target(kinds=("basic",))
        anna = target.observe(_only("anna"), role_names=frozenset()).users["anna"]
        this.server.faults.add(UNAUTHORIZED, on("PATCH", "*"), times=1)
        outcome = target.apply(Change(anna, _with(anna, "Op")), Said(events))
        assert Status.APPLIED is outcome.status
    assert 2 == events.count("announced PATCH")
    assert ["refused; to 1", "200 to 3"] == [e for e in events if " to " in e]


@dataclass
class Sent:
    """Sends nothing; asks for the last word as the real one does."""

    sent: list[str] = field(default_factory=list)

    def write(self, _area: Area, method: str, _name: str | None, *, ready: Callable[[], None], **_: Any) -> Answer:
        ready()
        self.sent.append(method)
        return Answer("PATCH /users", 200, "application/json")


def calls(record: Recorder, wire: Sent, *times: tuple[float, float]) -> Calls:
    told = iter(times)
    fence = Fence(Lookalikes(()), Lookalikes(()))
    return Calls(wire, record, fence, now=lambda: next(told))  # type: ignore[arg-type]


@pytest.mark.finding("X-F3")
@pytest.mark.parametrize("woken", [(25.0, 25.0), (0.1, 25.0)], ids=["SIGSTOP", "the machine slept"])
def test_a_process_that_was_stopped_while_it_announced_a_call_announces_it_anew(woken: tuple[float, float]) -> None:
    events: list[str] = []
    wire = Sent()
    later = woken[0] + 0.1, woken[1] + 0.1
    calls(Said(events), wire, (0.0, 0.0), woken, woken, later).send(Area.USERS, "PATCH", "anna", what="roles=1")
    assert ["announced PATCH", "not to 1", "announced PATCH", "200 to 3"] == events
    assert ["PATCH"] == wire.sent


@pytest.mark.finding("X-F3")
def test_who_wakes_up_without_the_lease_sends_nothing() -> None:
    wire = Sent()
    with pytest.raises(DeploymentBusy):
        calls(Said([], lost_after=2), wire, (0.0, 0.0), (25.0, 25.0), (25.0, 25.0)).send(
            Area.USERS, "PATCH", "anna", what="roles=1"
        )
    assert [] == wire.sent


@pytest.mark.finding("X-F3")
def test_a_database_that_is_always_slow_lets_nothing_out() -> None:
    wire = Sent()
    slow = [(float(n), float(n)) for n in range(0, 4 * LOOKS, 2)]
    with pytest.raises(TargetUnavailable, match="too long to note it"):
        calls(Said([]), wire, *slow).send(Area.USERS, "PATCH", "anna", what="roles=1")
    assert [] == wire.sent


def _only(name: str) -> Scope:
    return Scope.people([name])


def _with(user: User, role: str) -> User:
    return person(user.username, *user.roles, role)
