"""Processes of syncd in this process and thread: the daemon turned by hand, and commands; and what can happen to them.

A process has its own store, sources, sessions and daemon, as a real one has. Nothing in it waits: time passes when a move
says so. At each of its events (a call, a commit, a statement, a wait) a `Mishap` may happen: it dies there, the call gets
lost, or the whole world moves on while it stands still.
"""

from __future__ import annotations

import logging
import sqlite3
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import TYPE_CHECKING, Any, Final, TypeVar

import requests
from chance import Chance
from servers import Wire, is_write
from sqlalchemy import event
from sqlalchemy.exc import OperationalError
from truth import SOURCES, UNTOLD, Due, Face, Lent, Line, Team, Telling, due

import syncd.daemon.service
from syncd import app, reconcile
from syncd.config import load
from syncd.control import NotKnown, NotNow, Order
from syncd.daemon.service import Daemon, Host
from syncd.daemon.systemd import Notify
from syncd.errors import CursorLost, DeploymentBusy, SourceUnavailable, StoreError, SyncdError
from syncd.http.backoff import Retries
from syncd.model import EVERYONE, Certificate, Group, Identity, Learned, Snapshot
from syncd.plan.approval import approvals_of
from syncd.plan.rulings import HoldRuling
from syncd.sandbox.airflow.answers import AirflowAnswer
from syncd.sandbox.airflow.request import RouteCall
from syncd.store import Stores
from syncd.targets.airflow import AirflowTarget, Timing
from syncd.targets.kind import TargetSurroundings

if TYPE_CHECKING:
    from installation import Installation

T = TypeVar("T")
MOST_PASSES: Final = 60
"""In one turn of a daemon; whoever makes more goes round in circles."""
PATIENCE_S: Final = 20.0
"""How long in all a turn waits for passes that are put off."""


class Killed(BaseException):
    """The process dies here: nothing in the product may catch it."""


class Stalled(Exception):
    """The daemon would wait now."""


@dataclass(frozen=True, slots=True)
class Mishap:
    """What happens at the `at`-th event of a kind: `write`, `read` (calls), `commit`, `statement`, `pause`."""

    kind: str
    at: int
    what: str
    seed: int = 0


class Time:
    """The clock of everything; nobody moves it but the moves, and whoever waits."""

    def __init__(self) -> None:
        self.passed_s = 0.0
        self._start = datetime(2026, 3, 1, tzinfo=UTC)

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self.passed_s)

    def timestamp(self) -> float:
        return self.now().timestamp()

    def monotonic(self) -> float:
        return 1000.0 + self.passed_s

    def pass_(self, seconds: float) -> None:
        self.passed_s += max(0.0, seconds)


class Clockwork:
    """Stands for the daemon's scheduler, with its words; `turn` does what is due."""

    def __init__(self, time: Time, failed: Callable[[str, Exception], None]) -> None:
        self._time, self._failed = time, failed
        self._jobs: dict[str, tuple[float, float | None, Callable[[], None]]] = {}
        self.is_running = False

    def start(self) -> None:
        self.is_running = True

    def stop(self) -> None:
        self.is_running = False
        self._jobs.clear()

    def every(
        self,
        name: str,
        interval: timedelta,
        do: Callable[[], None],
        *,
        first: timedelta = timedelta(0),
        jitter: float = 0,
    ) -> None:
        self._jobs[name] = (self._time.passed_s + first.total_seconds(), interval.total_seconds(), do)
        _ = jitter

    def at(self, name: str, when: datetime, do: Callable[[], None]) -> None:
        self._jobs[name] = (self._time.passed_s + (when - self._time.now()).total_seconds(), None, do)

    def later(self, name: str, delay: timedelta, do: Callable[[], None]) -> None:
        self.at(name, self._time.now() + delay, do)

    def drop(self, name: str) -> None:
        self._jobs.pop(name, None)

    def names(self) -> frozenset[str]:
        return frozenset(self._jobs)

    def interval(self, name: str) -> timedelta | None:
        job = self._jobs.get(name)
        return timedelta(seconds=job[1]) if job and job[1] is not None else None

    def wake(self) -> None:
        self._jobs = {n: (self._time.passed_s if e else at, e, do) for n, (at, e, do) in self._jobs.items()}

    def turn(self) -> None:
        """Do once what is due, the earliest first."""
        due_now = sorted((at, name) for name, (at, _, _) in self._jobs.items() if at <= self._time.passed_s)
        for _, name in due_now:
            job = self._jobs.pop(name, None)
            if job is None:
                continue
            _, every, do = job
            if every is not None:
                self._jobs[name] = (self._time.passed_s + every, every, do)
            try:
                do()
            except Exception as error:  # noqa: BLE001 - as the scheduler does: told to the daemon
                self._failed(name, error)


# --- sources ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Lie:
    """What a source says wrongly. `cut` and `count` are seen by its certificate; nobody is so kind as to say which group."""

    what: str = ""
    teams: frozenset[str] = frozenset()


class Mouth:
    """A source as one process hears it; it notes what it told. Reads of everything and of changes differ in no word."""

    def __init__(self, name: str, life: Life) -> None:
        self.name = name
        self.ignored: Mapping[str, int] = {}
        self._life = life

    @property
    def feed(self) -> Mouth:
        return self

    def close(self) -> None:
        """Do nothing."""

    def read(self) -> Snapshot:
        return self._say(self._told())

    def read_from_here(self, earlier: Snapshot | None = None) -> tuple[Snapshot, str]:
        _ = earlier
        return self.read(), "cursor"

    def refresh(self, earlier: Snapshot, cursor: str) -> tuple[Snapshot, str]:
        _ = earlier, cursor
        if self._life.home.lies.get(self.name, Lie()).what == "lost":
            raise CursorLost(f"{self.name}: the cursor is not known any more")
        return self.read_from_here()

    def _told(self) -> Telling:
        """Say what the source shows now, with what may be so besides."""
        home = self._life.home
        self._life.event("source", self.name)
        lie, truth = home.lies.get(self.name, Lie()), home.truth.sources[self.name]
        if lie.what:
            home.faults[f"source is heard: {lie.what}"] += 1
        if lie.what == "down":
            self._life.heard(self.name, None)
            raise SourceUnavailable(f"{self.name}: no answer")
        if lie.what == "broken":
            self._life.heard(self.name, None)
            raise ValueError(f"{self.name}: what is this?")
        people = truth.people
        if lie.what == "unknown":  # members of whom it says nothing
            people = {id_: face for n, (id_, face) in enumerate(sorted(people.items())) if n % 5}
        teams = {id_: self._team(id_, team, lie) for id_, team in truth.teams.items()}
        told = Telling({**self._earlier(teams), **people}, teams)
        self._life.heard(self.name, told)
        home.leave(self.name, people)
        return replace(told, people=people)

    def _earlier(self, teams: Mapping[str, Team]) -> dict[str, Face]:
        """Name those who may still be in a group, as they were known when it was last read whole."""
        perhaps = frozenset().union(*(team.perhaps for team in teams.values()))
        saved = self._life.home.saved[self.name]
        return {id_: face for old in saved for id_, face in old.people.items() if id_ in perhaps}

    def _team(self, id_: str, team: Team, lie: Lie) -> Team:
        if id_ not in lie.teams or lie.what not in {"cut", "count"}:
            return team
        shown = frozenset(sorted(team.sure)[::2]) if lie.what == "cut" else team.sure
        saved = [old.teams[id_] for old in self._life.home.saved[self.name] if id_ in old.teams]
        whole = [old for old in saved if old.known]
        perhaps = frozenset().union(*(old.members for old in saved)) - shown
        return Team(team.name, shown, perhaps, known=bool(whole))

    def _say(self, told: Telling) -> Snapshot:
        now, lie = self._life.home.time.now(), self._life.home.lies.get(self.name, Lie())
        groups = []
        for id_, team in told.teams.items():
            doubtful = id_ in lie.teams and lie.what in {"cut", "count"}
            number = len(team.sure) + (1 if lie.what == "count" else 0)
            why = "a page is missing" if lie.what == "cut" else f"{number} members by the count"
            seal = Certificate(1, len(team.sure), number, now, not doubtful, why if doubtful else "")
            groups.append(Group(self.name, id_, team.name, team.sure, seal))
        people = [Identity(self.name, f.id, f.login, f.email, f.login, "X", f.active) for f in told.people.values()]
        if lie.what != "unknown":
            groups.append(self._everybody(told, now))
        return Snapshot(self.name, tuple(people), tuple(groups), now)

    def _everybody(self, told: Telling, now: datetime) -> Group:
        """Say who is there at all."""
        ids = frozenset(told.people)
        seal = Certificate(1, len(ids), None, now, complete=True)
        return Group(self.name, EVERYONE, EVERYONE, ids, seal)


# --- one life of a process --------------------------------------------------------------------------------------------


class Life:
    """One process from its start to its end.

    `told[source]` is what it may believe: one telling, or several where a failure came between hearing and keeping.
    """

    def __init__(self, home: Installation, name: str) -> None:
        self.home, self.name = home, name
        self.dead = False
        self.store: Stores | None = None
        self.daemon: Daemon | None = None
        self.clockwork: Clockwork | None = None
        self.events: deque[str] = deque(maxlen=300)
        self.lines: tuple[Line, ...] = home.truth.lines
        self.told: dict[str, list[Telling]] = {s: list(home.saved[s]) or [UNTOLD] for s in SOURCES}
        self.approving: set[str] = set()
        self.rejected: dict[str, set[tuple[str, str]]] = {}
        """What somebody had rejected by site when its pass began."""
        self.in_pass = False
        self.lent: list[tuple[Lent, ...]] = [home.lent]
        """What people were given for a time, as it may know it: as it stands, and as it was when it looked last."""
        self._learned: dict[str, list[Telling]] = {}
        """What polls told while a pass was made, which goes by what was known when it began."""
        self._heard: dict[str, Telling | None] = {}
        self._mishaps: list[Mishap] = []
        self._seen: Counter[str] = Counter()

    # --- what may happen ------------------------------------------------------------------------------------------------

    @contextmanager
    def expecting(self, mishaps: Iterable[Mishap]) -> Iterator[None]:
        self._mishaps, self._seen = list(mishaps), Counter()
        self.home.acting.append(self)
        try:
            yield
        finally:
            self.home.acting.pop()
            self._mishaps = []

    def event(self, kind: str, what: str) -> Mishap | None:
        """Hear that something is about to be done; gives what is to happen instead, dies, or lets the world move on."""
        if self.dead:
            raise Killed
        self._seen[kind] += 1
        for mishap in self._mishaps:
            if (mishap.kind, mishap.at) == (kind, self._seen[kind]):
                self._mishaps.remove(mishap)
                self.home.log(f"    {self.name}: {mishap.what} at {kind} {mishap.at} ({what})")
                self.home.faults[f"{mishap.what} at {kind}"] += 1
                return self._happens(mishap)
        return None

    def _happens(self, mishap: Mishap) -> Mishap | None:
        if mishap.what == "kill":
            self.dead = True
            raise Killed
        if mishap.what == "polls":
            if self.clockwork is not None and self.in_pass:
                self.home.time.pass_(16)
                self.clockwork.turn()
            return None
        if mishap.what in {"meanwhile", "overtaken"}:
            self.home.meanwhile(self, mishap.seed, overtaken=mishap.what == "overtaken")
            if self.dead:
                raise Killed
            return None
        return mishap

    # --- what it believes -----------------------------------------------------------------------------------------------

    def heard(self, source: str, told: Telling | None) -> None:
        """A source answered, or not (None): until that is kept, it may go by what it knew, or by this."""
        self._heard[source] = told
        new = [told] if told is not None else self.home.saved[source] or [UNTOLD]
        self.told[source] = list(new) if self.daemon is None else _joined(self.told[source], new)

    def kept(self, source: str) -> None:
        """A poll ended well: it goes by what it heard; or by what is saved, where it heard nothing."""
        told = self._heard.pop(source, None)
        now = [told] if told is not None else list(self.home.saved[source]) or self.told[source]
        self.told[source] = _joined(self.told[source], now) if self.in_pass else now
        if self.in_pass:
            self._learned[source] = now

    @contextmanager
    def passing(self) -> Iterator[None]:
        """Hold on to what is known now until a pass has ended."""
        self.in_pass = True
        try:
            yield
        finally:
            self.in_pass = False
            self.told |= self._learned
            self._learned = {}
            self.lent = self.lent[-1:]

    def saved(self, source: str, *, surely: bool) -> None:
        told = self._heard.get(source)
        if told is not None:
            self.home.saved[source] = [told] if surely else _joined(self.home.saved[source], [told])

    def dues(self, site: str, *, lent: bool = True) -> tuple[Due, ...]:
        """Give who should hold what there, for everything that it may believe; by what is given for a time, or without."""
        home, joins = self.home, self.home.journal.joins()
        known = dict.fromkeys((*self.lent, home.lent)) if lent else [()]
        found = []
        for tellings in product(*(self.told[source][-3:] for source in SOURCES)):
            told = dict(zip(SOURCES, tellings, strict=True))
            for lines in {self.lines, home.lines_in_use.get(self.name, self.lines)}:
                for grants in known:
                    now = home.time.timestamp()
                    found.append(due(home.sites[site], lines, told, home.pins, joins=joins, now=now, lent=grants))
        return tuple(found)

    # --- its wires ------------------------------------------------------------------------------------------------------

    def open(self, known: Learned | None, settings: Any, throttle: Any) -> AirflowTarget:
        """Open a session over the wire of this process."""
        time, site = self.home.time, settings.deployment.name
        target = AirflowTarget(
            site,
            settings.settings,
            TargetSurroundings(settings.deployment.protected, throttle),
            known=known,
            timing=Timing(Retries(attempts=2), time.timestamp, time.monotonic, self._pause),
        )
        if throttle is not None:
            throttle._pause = self._pause
        target._session._chance = _half
        target._session._transport._adapter = Wire(lambda call: self.ask(site, call))
        return target

    def _pause(self, seconds: float) -> None:
        self.home.time.pass_(seconds)
        self.event("pause", f"{seconds:.1f} s")

    def ask(self, site: str, call: RouteCall) -> AirflowAnswer:
        """Bring one call to a server, or not."""
        server, court = self.home.servers[site], self.home.court
        if not is_write(call):
            mishap = self.event("read", f"{site} {call.path}")
            if server.down or (mishap is not None and mishap.what != "crash"):
                raise requests.ConnectionError("refused") from ConnectionRefusedError("refused")
            return server.answer(call) if mishap is None else AirflowAnswer(500, b"", None)
        self.home.journal.look(self, site, call)
        court.obeyed(site, call, self.home.journal.pauses_on(site))
        court.asked(site, call, protected=server.site.protected)
        mishap = self.event("write", f"{site} {call.method} {call.path}")
        if server.down or (mishap and mishap.what == "refused"):
            raise requests.ConnectionError("refused") from ConnectionRefusedError("refused")
        return self._write(site, call, mishap.what if mishap else "")

    def _write(self, site: str, call: RouteCall, what: str) -> AirflowAnswer:
        server, dues, approved = self.home.servers[site], self.dues(site), site in self.approving
        spared = any(self.home.journal.pauses_on(site).values())
        if what == "late":
            server.late.append((call, dues, approved))
            raise requests.ReadTimeout("timed out")
        if what == "crash":
            return AirflowAnswer(500, b"Internal Server Error", "text/plain; charset=utf-8")
        if what == "gateway":
            return AirflowAnswer(502, b"", None)
        before = server.holdings()
        given = server.answer(call)
        if given.status < 300:
            self.home.court.called(site, call, before, dues, approved=approved)
            self.home.court.spared(site, call, before, paused=spared)
            self.home.court.heeded(site, call, before, self.rejected.get(site, set()))
        if what == "died":
            self.dead = True
            raise Killed
        if what == "silent":
            raise requests.ReadTimeout("timed out")
        return given

    def source(self, name: str) -> Mouth:
        return Mouth(name, self)

    # --- its database -----------------------------------------------------------------------------------------------------

    def open_store(self) -> Stores:
        """Open the database.

        Raises:
            StoreError: it is away.
        """
        self._database_there()
        store = Stores.open(self.home.database, clock=self.home.time.now, witness=self.home.witness)
        store.leases._every_s = 1e6  # it is renewed before each call; no thread of its own is wanted here
        engine = store.database._engine
        event.listen(engine, "connect", _hasty)
        engine.dispose()
        event.listen(engine, "before_cursor_execute", self._statement)
        event.listen(engine, "commit", lambda _: self._commit())
        save = store.readings.save_snapshot

        def save_snapshot(snapshot: Snapshot, **more: Any) -> None:
            try:
                save(snapshot, **more)
            except BaseException:
                self.saved(snapshot.source, surely=False)
                raise
            self.saved(snapshot.source, surely=True)

        setattr(store.readings, "save_snapshot", save_snapshot)  # noqa: B010 - mypy knows that a method is no attribute
        self.store = store
        return store

    def _statement(self, _connection: object, _cursor: object, statement: str, *_: object) -> None:
        if self.dead:
            raise Killed
        self._database_there()
        if self.event("statement", statement[:60].replace("\n", " ")) is not None:
            raise OperationalError("statement", None, Exception("disk I/O error"))

    def _commit(self) -> None:
        if self.event("commit", "") is not None:
            raise OperationalError("commit", None, Exception("disk I/O error"))

    def _database_there(self) -> None:
        if self.home.database_away:
            raise_away()

    # --- its end ----------------------------------------------------------------------------------------------------------

    def bury(self) -> None:
        """End as a killed process does: nothing is tidied up."""
        self.dead = True
        if self.store is not None:
            self.store.close()  # as the system does with the sockets of a dead process

    def emit(self, name: str, /, **facts: object) -> None:
        if name == "grants_changed":
            self.lent = [*(self.lent if self.in_pass else ()), self.home.lent]
        self.events.append(f"{name} {facts}"[:400])
        if "exc_info" in facts and name != "source_failed" and not isinstance(facts["exc_info"], SyncdError):
            self.home.court.broken("g", f"{self.name}: {name} {facts}")


def _hasty(connection: Any, _record: object) -> None:
    """Let SQLite wait for no disk: whoever dies here takes no page of the file along."""
    if isinstance(connection, sqlite3.Connection):
        connection.execute("PRAGMA synchronous=OFF")


def raise_away() -> None:
    raise OperationalError("connect", None, Exception("connection refused"))


def _joined(some: list[Telling], more: list[Telling]) -> list[Telling]:
    return some + [one for one in more if not any(one is other for other in some)]


# --- what processes do --------------------------------------------------------------------------------------------------


def start_daemon(life: Life) -> None:
    """Begin as the daemon does, but for its threads.

    Raises:
        SyncdError: it cannot start.
    """
    home = life.home
    try:
        store = life.open_store()
    except OperationalError as error:
        raise StoreError(str(error)) from error
    daemon = Daemon(
        load(home.config),
        store,
        Host(life.emit, Notify(), verbose=True),
        clock=home.time.now,
        monotonic=home.time.monotonic,
    )
    assert isinstance(daemon.scheduler, Clockwork)
    life.clockwork, life.daemon = daemon.scheduler, daemon
    daemon._workers = []
    daemon.queue._chance = _half
    setattr(daemon.alarms, "start", lambda: None)  # noqa: B010
    setattr(daemon.queue._changed, "wait", _stall)  # noqa: B010
    orders = daemon._orders
    setattr(orders._pool, "give", lambda work: work())  # noqa: B010
    setattr(orders._sources, "asked", lambda names, **_: list(map(orders._poll, names)))  # noqa: B010
    for method in ("poll", "follow"):
        setattr(daemon.cache, method, _noting(life, getattr(daemon.cache, method)))
    daemon.start()


def _half() -> float:
    return 0.5


def _stall(_timeout: float | None = None) -> bool:
    raise Stalled


def _noting(life: Life, do: Callable[..., Any]) -> Callable[..., Any]:
    """Take note of a poll that ended well: what it heard is what the daemon goes by."""

    def polled(source: Any, *args: Any, **more: Any) -> Any:
        found = do(source, *args, **more)
        life.kept(source if isinstance(source, str) else source.name)
        return found

    return polled


def turn(life: Life) -> None:
    """Let a daemon do what is due: its clock, then the passes that wait, each when its time has come."""
    daemon, clockwork = life.daemon, life.clockwork
    assert daemon is not None
    assert clockwork is not None
    _tick(life)
    clockwork.turn()
    waits_s, passes = 0.0, 0
    while (wait_s := _waits(daemon, life.home.time)) is not None and waits_s <= PATIENCE_S:
        waits_s, passes = waits_s + wait_s, 0 if wait_s else passes + 1
        life.home.time.pass_(wait_s)
        if not _one_pass(life):
            return
        if passes > MOST_PASSES:
            life.home.court.broken("g", f"{life.name}: {MOST_PASSES} passes and no end")
            return
        clockwork.turn()


def _waits(daemon: Daemon, time: Time) -> float | None:
    """Say how long until there is a pass to be made; None: none waits."""
    waiting = [item for name in daemon.fleet.now.targets for item in daemon.queue.look(name).waiting]
    return min((max(0.0, item.not_before - time.monotonic()) for item in waiting), default=None)


def _tick(life: Life) -> None:
    daemon, home = life.daemon, life.home
    assert daemon is not None
    if home.lines_in_use.get(life.name) != home.truth.lines:
        error = daemon.reload()
        home.lines_in_use[life.name] = life.lines = home.truth.lines
        if error:
            home.court.broken("g", f"the files cannot be used: {error}")


def _one_pass(life: Life) -> bool:
    daemon = life.daemon
    assert daemon is not None
    try:
        found = daemon.queue.take()
    except Stalled:
        return False
    if found is None:
        return False
    name, item = found
    life.home.look(life, name)
    if approvals_of(item.mode) or name in life.home.journal.approved():
        life.approving.add(name)
    life.rejected[name] = life.home.journal.rejected(name)
    try:
        with life.passing():
            daemon.worker.carry_out(name, item, daemon.worker.make(name, item))
    except Exception as error:
        life.home.court.broken("g", f"{life.name}: a pass on {name} ended with {error!r}")
        raise
    finally:
        life.approving.discard(name)
    return True


def order(life: Life, wanted: Order) -> None:
    """Ask the daemon for something, as a person does."""
    assert life.daemon is not None
    try:
        life.daemon.reconcile(wanted)
    except (NotKnown, NotNow):
        return
    turn(life)


def approve(life: Life, site: str, digest: str) -> bool:
    """Let go what is held there."""
    assert life.daemon is not None
    try:
        life.daemon.approve(site, digest, by="somebody")
    except (NotKnown, NotNow, StoreError):
        return False
    turn(life)
    return True


def rule(life: Life, hold: str, ruling: HoldRuling) -> None:
    """Say something of what is held."""
    assert life.daemon is not None
    try:
        life.daemon.rule(hold, ruling, by="somebody")
    except (NotKnown, NotNow, StoreError):
        return
    turn(life)


def idle_daemon(home: Installation, chance: Chance) -> Life | None:
    """Choose a daemon that is not at work just now."""
    idle = [name for name, life in sorted(home.lives.items()) if life.daemon is not None and life not in home.acting]
    return home.lives[chance.choice(idle)] if idle else None


def spoken(home: Installation, say: Callable[[Stores], object], mishaps: Iterable[Mishap] = ()) -> None:
    """Let somebody say something to the database by a command of their own."""
    life = Life(home, "command")

    def speak() -> None:
        try:
            say(life.open_store())
        except OperationalError as error:
            raise StoreError(str(error)) from error
        finally:
            if not life.dead and life.store is not None:
                life.store.close()

    home.run(life, speak, mishaps)


def command(life: Life, *, plan: bool, approved: frozenset[str] = frozenset()) -> reconcile.Report | None:
    """Run `syncd plan` or `syncd apply` from here, without a daemon."""
    home = life.home
    settings = load(home.config)
    try:
        world = replace(app.build(settings, life.open_store(), emit=life.emit, clock=home.time.now), workers=1)
        life.told = {source: [UNTOLD] for source in SOURCES}
        for site in home.sites:
            home.look(life, site)
        life.approving.update(home.sites if approved else home.journal.approved())
        life.rejected = {site: home.journal.rejected(site) for site in home.sites}
        report = reconcile.plan(world) if plan else reconcile.apply(world, approvals=approved)
    except (SyncdError, DeploymentBusy, OperationalError):
        return None
    finally:
        if not life.dead and life.store is not None:
            life.store.close()
    for this in report.deployments:
        if this.error is not None and "this is a defect" in str(this.error):
            home.court.broken("g", str(this.error))
    return report


@contextmanager
def by_hand(home: Installation) -> Iterator[None]:
    """Put everything that would wait or begin a thread under our control, for as long as the context lasts."""

    def source(settings: Any, _around: object) -> Mouth:
        return home.acting[-1].source(settings.name)

    def open_target(settings: Any, known: Learned | None, *, throttle: Any = None, **_: Any) -> AirflowTarget:
        return home.acting[-1].open(known, settings, throttle)

    def scheduler(*, failed: Callable[[str, Exception], None], **_: object) -> Clockwork:
        return Clockwork(home.time, failed)

    places: list[tuple[Any, str, Any]] = [
        (app, "open_source", source),
        (app, "open_target", open_target),
        (syncd.daemon.service, "Scheduler", scheduler),
        (syncd.daemon.service, "new_name", lambda: home.new_name()),
    ]
    before = [(module, name, getattr(module, name)) for module, name, _ in places]
    for module, name, ours in places:
        setattr(module, name, ours)
    try:
        yield
    finally:
        for module, name, theirs in before:
            setattr(module, name, theirs)


logging.getLogger("urllib3").setLevel(logging.CRITICAL)
