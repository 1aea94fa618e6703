"""A stand-in Airflow and a target that talks to it, for tests of the adapter."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from syncd.http.backoff import Retries
from syncd.http.connection import Connection
from syncd.http.secrets import Secret
from syncd.model import Change, Learned, Level, Outcome, Permission, Role, Scope, User
from syncd.sandbox.airflow import DagFile, StandIn, serve
from syncd.targets.airflow import AirflowSettings, AirflowTarget, Credential, Timing
from syncd.targets.kind import TargetSurroundings
from syncd.throttle import Throttle

DAGS = tuple(DagFile(f"fin_{n:02}", tags=("fin",)) for n in range(30))
MANAGEABLE = (
    "2.8.4",
    "2.9.3",
    "2.10.0",
    "2.10.2",
    "2.10.5",
    "2.11.2",
    "3.0.2",
    "3.0.6",
    "3.1.8+3.0.3",
    "3.1.8+3.1.1",
    "3.1.8+3.4.0",
    "3.2.2+3.5.0",
    "3.2.2+3.6.5",
    "3.2.2+3.7.3",
    "3.3.2",
)


MADE: set[str] = set()
"""The second roles that were announced to be made in the present world, as the database would know them."""


class Killed(BaseException):
    """The process dies here."""


@dataclass
class Steps:
    """A recorder that keeps what it is told, and can die at its n-th word."""

    die_at: int = -1
    words: list[str] = field(default_factory=list)
    makes: str = ""

    def before(self, call: str, *, makes: str = "") -> int:
        self._word(call)
        self.makes = makes
        MADE.update({makes} - {""})
        return len(self.words)

    def after(self, step: int, answer: str, *, refused: bool = False) -> None:  # noqa: ARG002 - the protocol's words
        self._word(answer)
        MADE.difference_update({self.makes} if refused else ())

    def gone(self, name: str) -> None:
        MADE.discard(name)

    def _word(self, word: str) -> None:
        if len(self.words) == self.die_at:
            raise Killed
        self.words.append(word)


@dataclass
class World:
    """One stand-in and how to reach it."""

    server: StandIn
    url: str
    password: Path

    def __post_init__(self) -> None:
        state = self.server.state
        self._start = copy.deepcopy((state.roles, state.users, state.pairs))

    def reset(self) -> None:
        """Make everything on the server as it was in the beginning."""
        state = self.server.state
        state.roles, state.users, state.pairs = copy.deepcopy(self._start)
        MADE.clear()

    def settings(
        self, *, kinds: tuple[str, ...] = ("basic", "token"), username: str = "admin", timeout_s: float = 10.0
    ) -> AirflowSettings:
        secret = Secret("file", (str(self.password),))
        credentials = tuple(Credential(kind, username, secret) for kind in kinds)
        return AirflowSettings(Connection(self.url, timeout_s=timeout_s), credentials)

    def target(
        self,
        known: Learned | None = None,
        *,
        kinds: tuple[str, ...] = ("basic", "token"),
        username: str = "admin",
        timeout_s: float = 10.0,
        throttle: Throttle | None = None,
        protected: tuple[str, ...] = (),
        now: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = lambda _: None,
    ) -> AirflowTarget:
        return AirflowTarget(
            "prod",
            self.settings(kinds=kinds, username=username, timeout_s=timeout_s),
            TargetSurroundings(frozenset(protected), throttle),
            known=known,
            timing=Timing(Retries(attempts=2), now, monotonic, pause),
        )

    def permissions_of(self, username: str) -> frozenset[Permission]:
        return self.server.state.permissions_of(self.server.state.users[username])


@contextmanager
def world(server: StandIn, tmp_path: Path) -> Iterator[World]:
    password = tmp_path / "password"
    password.write_text("admin\n")
    MADE.clear()
    with serve(server) as url:
        yield World(server, url, password)


def finance(target: AirflowTarget, *, dags: int = 30, level: Level = Level.TRIGGER) -> Role:
    """Give a role as mapping evaluation would make it for this server."""
    spelled = target.dialect()
    wanted = set(spelled.every_role)
    for included in level.included:
        everywhere, templates = spelled.levels[included]
        wanted |= everywhere
        wanted |= {Permission(p.action, p.resource.format(dag=dag.id)) for p in templates for dag in DAGS[:dags]}
    return Role("finance", frozenset(wanted))


def person(name: str, *roles: str) -> User:
    return User(name, f"{name}@example.com", name.title(), "Doe", frozenset(roles))


def apply(target: AirflowTarget, before: User | Role | None, after: User | Role | None) -> Outcome:
    return target.apply(Change(before, after), Steps())


def everything(target: AirflowTarget, *names: str) -> tuple[dict[str, User], dict[str, Role], tuple[str, ...]]:
    seen = target.observe(Scope(), role_names=frozenset(names), members=frozenset(MADE))
    return dict(seen.users), dict(seen.roles), tuple(seen.leftovers)
