"""A daemon in this process among stand-ins: three Airflow servers, an Okta, a folder of people, a database, a clock.

The clock can be moved: `Time.pass_` lets time go by, `Time.jump` sets the clock of the wall wrong, as an administrator does.
Each Airflow looks into the journal whenever somebody writes to it, so a write that was not announced is seen at once.
"""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import ExitStack, closing, contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from apscheduler.schedulers import base as apscheduler
from journal_rows import calls_of
from postgres_server import answers, find_binaries
from prometheus_client.parser import text_string_to_metric_families
from waiting import until

from syncd.control import DaemonState, DeploymentState, Job, JobState
from syncd.daemon.loaded import LoadedFiles, last_good_files, read_files
from syncd.daemon.service import Daemon, Host
from syncd.daemon.systemd import Notify
from syncd.errors import InvalidInput
from syncd.model import key
from syncd.sandbox.airflow import StandIn, serve_all
from syncd.sandbox.okta import OktaStandIn
from syncd.store import Stores

SERVERS = {"prod": "3.3.2", "lab": "2.11.2", "test": "3.3.2"}
BYSTANDERS = {"local": {"Op"}, "auditor": {"Viewer", "by_hand"}}
"""Accounts that people made by hand on each server, and the roles that they gave them."""
TICK_S = 0.1
READ_S = 20.0
"""How long the daemon waits for any answer: no server that is well takes so long, however busy the machine is."""
HASTY_S = 0.4
"""How long it waits for one that a test lets hang."""

HEAD = """
[daemon]
impatient = true
poll = "150ms"
sweep = "600ms"
slow_sweep = "600ms"
dags = "1h"
stale_after = "2s"
workers = 6
{extra}
[sources.okta]
type = "okta"
url = "{okta}"
auth = {{kind = "token", token = {{env = "SYNCD_TEST_TOKEN"}}}}
groups = {{all = true}}
attempts = 1
deadline_s = {deadline_s}
overlap_s = 1
timeouts = {{connect_s = 20, read_s = {okta_read_s}}}
[sources.people]
type = "file"
directory = "people"
[join]
precedence = ["people", "okta"]
[defaults]
mode = "enforce"
limits = {{{limits}}}
rate_limit = {{calls_per_s = 500, burst = 500}}
"""
DEPLOYMENT = """
[deployments.{name}]
url = "{url}"
auth = {{kind = "{kind}", username = "admin", password = {{file = "password"}}}}
timeouts = {{connect_s = 20, read_s = {read_s}}}
"""
ROLES = "roles: {team: {dags: [{level: trigger, tag: finance}]}}\n"
BINDINGS = (("okta:team", "team", ""), ("people:crew", "Op", ""), ("people:crew", "team", ""))
"""Group, role, until."""


@dataclass
class Time:
    """What the daemon and everything in it take for the time."""

    wall_s: float = 0.0
    """How far the clock on the wall is ahead of the real one."""
    passed_s: float = 0.0

    def now(self) -> datetime:
        return datetime.fromtimestamp(time.time() + self.wall_s, UTC)

    def monotonic(self) -> float:
        return time.monotonic() + self.passed_s

    def pass_(self, seconds: float) -> None:
        """Let time go by, on every clock."""
        self.passed_s += seconds
        self.wall_s += seconds

    def jump(self, seconds: float) -> None:
        """Set the clock on the wall, forward or back; no time goes by."""
        self.wall_s += seconds

    def datetime(self) -> type[datetime]:
        """Give a `datetime` whose `now` reads this clock, for a library that takes no clock."""
        this = self

        class Told(datetime):
            @classmethod
            def now(cls, tz: Any = None) -> Any:
                return this.now().astimezone(tz)

        return Told


class Watched(StandIn):
    """An Airflow that asks at each write whether the journal announced it, and remembers the writes that came."""

    def __init__(self, name: str, preset: str, announced: Callable[[str, str, str], bool]) -> None:
        super().__init__(preset)
        self.name = name
        self.writes: list[tuple[str, str]] = []
        self.unannounced: list[tuple[str, str]] = []
        self._announced = announced
        for username, roles in BYSTANDERS.items():
            self.state.roles.setdefault("by_hand", set())
            self.state.add_user(username, password="x", roles=roles)

    async def __call__(
        self, scope: MutableMapping[str, Any], receive: Callable[[], Any], send: Callable[[Any], Any]
    ) -> None:
        method, path = scope["method"], scope["path"]
        if method != "GET" and not path.endswith("/token"):
            self.writes.append((method, path))
            if not self._announced(self.name, method, path):
                self.unannounced.append((method, path))
        await super().__call__(scope, receive, send)

    def holders(self, role: str) -> set[str]:
        return {name for name, account in self.state.users.items() if role in account.roles} - BYSTANDERS.keys()

    def kept(self) -> dict[str, object]:
        """Give what is not ours, to be compared later."""
        found = {name: self.state.users[name] for name in (*BYSTANDERS, "admin")}
        users: dict[str, object] = {
            name: (a.id, a.email, a.first_name, a.last_name, a.password, a.active, frozenset(a.roles))
            for name, a in found.items()
        }
        return users | {name: set(found) for name, found in self.state.roles.items() if name != "team"}


@dataclass
class Rig:
    """One installation. A test edits people, takes things away, and waits for what it wants to see."""

    folder: Path
    time: Time
    okta: OktaStandIn
    servers: dict[str, Watched]
    urls: dict[str, str]
    database: str
    bindings: list[tuple[str, str, str]] = field(default_factory=lambda: list(BINDINGS))
    extra: str = ""
    limits: str = "floor = 5, share = 0.5, gain_share = 1.0"
    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    files: dict[str, list[str]] = field(default_factory=dict)
    """The groups of the folder, and who is in them."""
    before: dict[str, dict[str, object]] = field(default_factory=dict)
    group: str = ""
    more: dict[str, Callable[[], set[str]]] = field(default_factory=dict)
    """Groups of other sources, and the account names of who is in them."""
    ids: dict[str, str] = field(default_factory=dict)
    """Of people in Okta, by login."""
    hasty: set[str] = field(default_factory=set)
    """Deployments, and `okta`, whose answers the daemon does not wait for long."""
    store: Stores | None = None
    daemon: Daemon | None = None
    _okta_listens: ExitStack = field(default_factory=ExitStack)
    _ticked_at: float = 0.0

    # --- what there is ------------------------------------------------------------------------------------------------

    def write_config(self, *names: str) -> None:
        """Write the configuration, with these deployments (default: all)."""
        text = HEAD.format(
            okta=self.okta.url,
            extra=self.extra,
            limits=self.limits,
            okta_read_s=self._read_s("okta"),
            deadline_s=5 if "okta" in self.hasty else 600,
        )
        for name in names or self.servers:
            kind = "basic" if SERVERS[name] == "2.11.2" else "token"
            text += DEPLOYMENT.format(name=name, url=self.urls[name], kind=kind, read_s=self._read_s(name))
        self.write("config.toml", text)

    def _read_s(self, name: str) -> float:
        return HASTY_S if name in self.hasty else READ_S

    @contextmanager
    def hasty_with(self, name: str) -> Iterator[None]:
        """Let the daemon, which runs, not wait long for the answers of one that is about to hang."""
        self.hasty.add(name)
        self.use_config()
        yield
        self.hasty.remove(name)
        self.use_config()

    def use_config(self) -> None:
        """Write the configuration anew, and wait until it is in use."""
        before = self.it.fleet.now
        self.write_config(*self.configured())

        def is_used() -> bool:
            self.time.pass_(0.5)  # as the watch over the files wants it
            return self.it.fleet.now is not before

        self.until("the files are in use", is_used)

    def write_mapping(self) -> None:
        lines = [
            f"  - {{group: '{group}', roles: [{role}], deployments: all, privileged: true"
            f"{f', until: {until}' if until else ''}}}\n"
            for group, role, until in self.bindings
        ]
        self.write("mappings/all.yaml", f"{ROLES}bindings:\n{''.join(lines)}")

    def write_people(self) -> None:
        """Write the folder's people and groups."""
        names = sorted({name for members in self.files.values() for name in members} | {"fred", "fay", "felix"})
        people = "".join(f"  - {{id: '{n}', login: {n}, email: {n}@files.example}}\n" for n in names)
        groups = "".join(f"  - {{id: {g}, name: {g}, members: [{', '.join(m)}]}}\n" for g, m in self.files.items())
        self.write("people/all.yaml", f"people:\n{people}groups:\n{groups}")

    def write(self, name: str, text: str) -> None:
        """Write a file in one go, as a careful person does."""
        place = self.folder / name
        place.parent.mkdir(exist_ok=True)
        fresh = place.with_name(f".{place.name}")
        fresh.write_text(text)
        fresh.replace(place)

    def join(self, *logins: str) -> None:
        """Let people come to Okta, and into the team."""
        for login in logins:
            self.ids[login] = self.okta.org.add_user(f"{login}@okta.example", email=f"{login}@okta.example")
        self.okta.org.join(self.group, *(self.ids[login] for login in logins))

    def leave(self, *logins: str) -> None:
        self.okta.org.leave(self.group, *(self.ids[login] for login in logins))

    def listen(self, port: int = 0) -> None:
        """Let Okta be reached."""
        self._okta_listens.enter_context(self.okta.serve(port=port))

    @contextmanager
    def deaf(self) -> Iterator[None]:
        """Let connections to Okta be refused for a while."""
        port = urlsplit(self.okta.url).port or 0
        self._okta_listens.close()
        with closing(socket.socket()) as kept:  # else somebody else on this machine may be given the port
            kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            kept.bind(("127.0.0.1", port))
            try:
                yield
            finally:
                self.listen(port)

    @contextmanager
    def lying(self, kind: str, area: str = "*") -> Iterator[None]:
        """Let Okta answer wrongly for a while."""
        with self.hasty_with("okta") if kind == "hang" else nullcontext():
            self.okta.lie(kind, area, times=None)
            yield
            self.okta.faults.clear()

    def wanted(self, role: str) -> set[str]:
        """Work out from groups and bindings who should hold a role now, in the simplest way there is."""
        team = self.okta.org.teams[self.group].members
        groups = {f"people:{name}": set(members) for name, members in self.files.items()}
        groups["okta:team"] = {f"{login}@okta.example" for login, id_ in self.ids.items() if id_ in team}
        groups |= {name: members() for name, members in self.more.items()}
        alive = [b for b in self.bindings if not b[2] or datetime.fromisoformat(b[2]) > self.time.now()]
        return {key(name) for group, given, _ in alive if given == role for name in groups.get(group, ())}

    # --- the daemon -----------------------------------------------------------------------------------------------------

    def start(self, *, meanwhile: Callable[[], None] | None = None) -> Daemon:
        """Start it; `meanwhile` happens after the files were read, while the database is opened."""
        files = read_files(self.folder / "config.toml")
        if meanwhile is not None:
            meanwhile()
        self.store = Stores.open(self.database, clock=self.time.now)
        return self._start(files)

    def start_again(self) -> Daemon:
        """Start while a file is bad."""
        self.store = Stores.open(self.database, clock=self.time.now)
        with pytest.raises(InvalidInput) as caught:
            read_files(self.folder / "config.toml")
        kept = last_good_files(self.store, self.folder / "config.toml", str(caught.value))
        assert kept is not None
        return self._start(kept)

    def _start(self, files: LoadedFiles) -> Daemon:
        assert self.store is not None
        self.daemon = Daemon(
            files,
            self.store,
            Host(self.emit, Notify(), verbose=True),
            clock=self.time.now,
            monotonic=self.time.monotonic,
        )
        self.daemon.start()
        return self.daemon

    def stop(self) -> None:
        if self.daemon is not None and self.store is not None:
            self.daemon.stop()
            self.store.close()
        self.daemon = self.store = None

    def emit(self, event: str, /, **facts: object) -> None:
        self.events.append((event, facts))

    def heard(self, event: str) -> list[dict[str, Any]]:
        return [facts for name, facts in self.events if name == event]

    @property
    def all(self) -> tuple[Watched, ...]:
        return tuple(self.servers.values())

    @property
    def it(self) -> Daemon:
        assert self.daemon is not None, "it does not run"
        return self.daemon

    @property
    def state(self) -> DaemonState:
        return self.it.state()

    def deployment(self, name: str) -> DeploymentState:
        return next(d for d in self.state.deployments if d.name == name)

    def until(self, what: str, condition: Callable[[], object]) -> None:
        """Wait until something is so, and keep the daemon ticking."""

        def is_so() -> object:
            self.tick()
            return condition()

        until(what, is_so, told=self.told)

    def watch(self, seconds: float, what: str, condition: Callable[[], object]) -> None:
        """See that something stays so for a while."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.tick()
            assert condition(), f"no longer: {what}\n{self.told()}"
            time.sleep(0.02)  # that it stays so for all of the time is what is tested

    def tick(self) -> None:
        if self.daemon is not None and time.monotonic() - self._ticked_at > TICK_S:
            self._ticked_at = time.monotonic()
            self.daemon.tick()

    def told(self) -> str:
        """Say how things stand, for whoever reads of a test that failed."""
        lines = [f"{event} {facts}"[:300] for event, facts in self.events if event not in _DULL][-40:]
        alarms = (
            [f"ALARM {a.kind} {a.subject}: {a.text}"[:300] for a in self.it.alarms.current()] if self.daemon else []
        )
        held = [f"{n}: team={sorted(s.holders('team'))} Op={sorted(s.holders('Op'))}" for n, s in self.servers.items()]
        return "\n".join([*lines, *alarms, *held])

    def settle(self, job: Job) -> Job:
        """Wait for the end of what was ordered."""
        self.until(f"job {job.id} ends", lambda: self.it.job(job.id).state is JobState.DONE)
        return self.it.job(job.id)

    # --- what it says -----------------------------------------------------------------------------------------------------

    def figure(self, name: str, **labels: str) -> float | None:
        """Give one figure of /metrics; None where it is absent."""
        for family in text_string_to_metric_families(self.it.metrics().decode()):
            for sample in family.samples:
                if sample.name == name and labels.items() <= sample.labels.items():
                    return float(sample.value)
        return None

    def alarmed(self, kind: str, subject: str = "") -> bool:
        """Say whether an alarm is raised, and see that /metrics says the same of its kind."""
        found = [a for a in self.it.alarms.current() if a.kind == kind and subject in ("", a.subject)]
        return bool(found) and bool(self.figure("syncd_alarms", kind=kind))

    def quiet(self) -> bool:
        return not self.it.alarms.current()

    # --- how it should be in the end ----------------------------------------------------------------------------------------

    def is_converged(self, *names: str) -> bool:
        chosen = [self.servers[name] for name in names or self.configured()]
        return all(self.wanted(role) == server.holders(role) for server in chosen for role in ("team", "Op"))

    def configured(self) -> tuple[str, ...]:
        return tuple(self.it.fleet.now.targets)

    def converge(self, *names: str) -> None:
        """Wait until every server is as the mapping says, and nothing is open in the journal."""
        self.until(f"{names or 'all'} converge", lambda: self.is_converged(*names))
        assert self.store is not None
        self.until("the journal is closed", lambda: not any(self.open_changes(n) for n in names or self.configured()))

    def open_changes(self, name: str) -> tuple[Any, ...]:
        assert self.store is not None
        return self.store.ledger.unsettled(name)

    def see(self) -> None:
        """See that the promises were kept: call it when everything is back and has converged."""
        for name, server in self.servers.items():
            assert self.before[name] == server.kept(), f"{name}: something that is not ours was touched"
            assert [] == server.unannounced, f"{name}: written without an intent"
            given = {n: a.roles for n, a in server.state.users.items() if n not in {*BYSTANDERS, "admin"}}
            undue = {n: r for n, roles in given.items() for r in roles if n not in self.wanted(r)}
            assert {} == {n: r for n, r in undue.items() if name in self.configured()}, (
                f"{name}: given by no mapping line"
            )
            self._see_steps(name, server)
        assert [] == self.heard("pass_failed"), self.heard("pass_failed")
        assert [] == self.heard("alarms_failed"), self.heard("alarms_failed")
        assert [] == [facts for facts in self.heard("job_failed") if "exc_info" in facts]
        self.until("it ticks after a jump", lambda: self.it.alive() == "")
        self.until("it is ready", lambda: not self.it.unready())
        assert 0 == self.figure("syncd_journal_unsettled_changes")

    def _see_steps(self, name: str, server: Watched) -> None:
        """See that there are as many announced calls in the journal as calls came."""
        assert self.store is not None
        rows = self.store.queries.audit(deployment=name, limit=100_000)
        calls = [call.split()[:2] for row in rows for call, _ in calls_of(self.store, row.id)]
        steps = Counter((method, place) for method, place in calls)
        came = Counter((method, place) for method, path in server.writes for place in [_place(path)])
        assert {} == came - steps, f"{name}: more calls came than were announced"
        open_ = [row for row in rows if row.status in {"intent", "unknown"}]
        assert [] == open_, f"{name}: open changes: {open_}"


_DULL = {"poll_ended", "run_started", "run_ended", "deployment_observed", "snapshot_read", "plan_made", "sweep_ended"}


def _place(path: str) -> str:
    for area in ("/users", "/roles"):
        if area in path:
            return area + path.partition(area)[2]
    return path


@contextmanager
def rig(
    folder: Path, patch: pytest.MonkeyPatch, *, database: str = "", busy_s: int = 60, extra: str = ""
) -> Iterator[Rig]:
    """Give an installation with a team of three in Okta and a crew of three in a folder; nothing runs yet.

    `busy_s` is how long a database file that somebody else has locked is waited for.
    """
    patch.setenv("SYNCD_TEST_TOKEN", "good")
    clock = Time()
    patch.setattr(apscheduler, "datetime", clock.datetime())  # the scheduler reads the clock of the wall by itself
    url = database or f"sqlite:///{folder}/syncd.db?timeout={busy_s}"
    servers = {name: Watched(name, preset, _asks(url)) for name, preset in SERVERS.items()}
    okta = OktaStandIn()
    okta.ssws.add("good")
    with ExitStack() as stack:
        urls = stack.enter_context(serve_all(*servers.values()))
        made = Rig(folder, clock, okta, servers, dict(zip(servers, urls, strict=True)), url, extra=extra)
        made.listen()
        stack.callback(made._okta_listens.close)
        made.group = okta.org.add_group("team")
        made.join("anna", "bert", "cleo")
        made.files = {"crew": ["fred", "fay", "felix"], "guests": []}
        made.write("password", "admin")
        made.before = {name: server.kept() for name, server in servers.items()}
        made.write_people()
        made.write_mapping()
        made.write_config()
        stack.callback(made.stop)
        yield made


# --- databases that go away -----------------------------------------------------------------------------------------------


def _asks(url: str) -> Callable[[str, str, str], bool]:
    """Say how a server finds out whether a call was announced: by a look into the file, while the call is on its way."""
    if not url.startswith("sqlite"):
        return lambda _deployment, _method, _path: True  # the calls are counted in the end
    place = url.removeprefix("sqlite:///").partition("?")[0]

    def announced(deployment: str, method: str, path: str) -> bool:
        with closing(sqlite3.connect(f"file:{place}?mode=ro", uri=True, timeout=60)) as connection:
            rows = connection.execute(_OPEN_CALLS, (deployment,)).fetchall()
        return any((method, _place(path)) == tuple(call.split()[:2]) for (call,) in rows)

    return announced


_OPEN_CALLS = (
    "SELECT call FROM steps JOIN changes ON changes.id = change_id JOIN plans ON plans.id = plan_id"
    " WHERE deployment = ? AND changes.status = 'intent' AND answer IS NULL"
)


@contextmanager
def locked(rig: Rig) -> Iterator[None]:
    """Keep the database file locked, as a backup that goes wrong does."""
    with closing(sqlite3.connect(_file(rig), isolation_level=None, timeout=60)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        yield
        connection.execute("ROLLBACK")


@contextmanager
def full(rig: Rig, *tables: str, when: str = "INSERT") -> Iterator[None]:
    """Let writing to these tables (default: to all) fail as on a disk that is full."""
    with closing(sqlite3.connect(_file(rig), isolation_level=None, timeout=60)) as connection:
        found = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        chosen = tables or [name for (name,) in found if not name.startswith("sqlite_")]
        connection.execute("BEGIN IMMEDIATE")
        for table in chosen:
            says = "SELECT RAISE(ABORT, 'database or disk is full')"
            connection.execute(f"CREATE TRIGGER full_{table} BEFORE {when} ON {table} BEGIN {says}; END")
        connection.execute("COMMIT")
        yield
        connection.execute("BEGIN IMMEDIATE")
        for table in chosen:
            connection.execute(f"DROP TRIGGER full_{table}")
        connection.execute("COMMIT")


def _file(rig: Rig) -> str:
    return rig.database.removeprefix("sqlite:///").partition("?")[0]


@contextmanager
def stopped_postgres(server_url: str) -> Iterator[None]:
    """Stop a PostgreSQL server that `boot_postgres` started, and start it again."""
    stop_postgres(server_url)
    yield
    folder = _folder(server_url)
    owner, is_root = folder.stat(), os.geteuid() == 0
    who: Mapping[str, Any] = {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []} if is_root else {}
    start = f"-k {folder} -c listen_addresses= -F"
    command: list[str | Path] = [find_binaries() / "pg_ctl", "-D", folder / "data", "-l", folder / "data" / "log"]
    command += ["-s", "-W", "-o", start, "start"]
    subprocess.run(command, check=True, cwd=folder, **who)
    until("PostgreSQL answers", lambda: answers(server_url))


def stop_postgres(server_url: str) -> None:
    """End a server, where it runs."""
    of_process = _folder(server_url) / "data" / "postmaster.pid"
    if of_process.exists():
        os.kill(int(of_process.read_text().splitlines()[0]), signal.SIGINT)
        until("PostgreSQL has ended", lambda: not of_process.exists())


def _folder(server_url: str) -> Path:
    return Path(parse_qs(urlsplit(server_url).query)["host"][0])
