"""How soon does a change in the directory reach 100 deployments, and what does `syncd run` cost while nothing happens?

100 stand-in deployments (Airflow 2.11.2 and 3.3.2 in turn) in one process, an Okta with 10,000 people in another, 50 ms each
way; `syncd run` is a child process with default settings, but for the spans of time that are named. One after the other:
10,000 accounts with a role each, made on empty deployments; joiners and leavers who are on all deployments; a quiet hour and
an hour of churn at 60-fold speed, which means that every span is divided by 60 and every rate multiplied. Then, on
fleets of their own: people who are suspended one by one while a single deployment gets its first 5,000 accounts; and 500 people
who are suspended at once, held on each of 100 deployments, approved there, and out. The floor for the first and for the last is
the same calls in the same order with nothing around them.
Run: python benchmarks/fleet.py [--quick] [--part NAME]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import aiohttp
import psutil

from syncd.sandbox.fleet import HOST, TOKEN, Remote, started

SPEED = 60
EVERYWHERE = "everywhere"
TEAM = "team"
PATIENCE_S = 300.0
PRODUCTION = {"poll": 15.0, "sweep": 900.0, "slow_sweep": 3600.0, "dags": 300.0, "upkeep": 3600.0}
NO_LIMITS = "removals = 10000\nshare = 1.0"
API_TOKEN = "bench-" + "x" * 40
MORE = {"hold_expires": "24h", "stale_after": "10m"}
"""Spans that nothing here depends on."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured. `poll_s` is the poll while lag is measured; `quiet_s` and `churn_s` are seconds of this clock."""

    deployments: int = 100
    people: int = 10_000
    latency_s: float = 0.05
    workers: int = 32
    repeats: int = 20
    poll_s: float = 3.0
    quiet_s: float = 60.0
    churn_s: float = 60.0
    moves_per_s: float = 5.0
    first: int = 5_000
    """Accounts of a first apply on one deployment."""
    mass: int = 500
    """People who are suspended at once; twice as many hold the role."""


QUICK = Size(
    deployments=10,
    people=200,
    latency_s=0.01,
    repeats=3,
    poll_s=1.0,
    quiet_s=8.0,
    churn_s=10.0,
    first=300,
    mass=20,
)


# --- the world --------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class World:
    """The fleet, the org, and what the org should have made of the fleet."""

    size: Size
    folder: Path
    fleet: Remote
    okta: Remote
    port: int
    teams: dict[str, set[str]] = field(default_factory=dict)
    everywhere: set[str] = field(default_factory=set)
    inactive: set[str] = field(default_factory=set)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.fleet.told["deployments"])

    def team_of(self, deployment: str) -> str:
        return f"team-{deployment.removeprefix('d')}"

    def people(self) -> list[str]:
        return [f"p{n:05}" for n in range(self.size.people)]

    def join(self, group: str, person: str) -> float:
        self._members(group).add(person)
        return self._at("join", group=group, people=[person])

    def leave(self, group: str, person: str) -> float:
        self._members(group).discard(person)
        return self._at("leave", group=group, people=[person])

    def deactivate(self, *people: str) -> float:
        self.inactive.update(people)
        return self._at("status", people=people, status="SUSPENDED")

    def activate(self, person: str) -> float:
        self.inactive.discard(person)
        return self._at("status", people=[person], status="ACTIVE")

    def _at(self, what: str, **asked: object) -> float:
        return float(self.okta.ask(what, **asked)["at"])

    def _members(self, group: str) -> set[str]:
        return self.everywhere if group == EVERYWHERE else self.teams[group]

    def wanted(self, role: str) -> dict[str, list[str]]:
        """Give who should hold a role on each deployment."""
        if role == EVERYWHERE:
            return {name: _accounts(self.everywhere - self.inactive) for name in self.names}
        return {name: _accounts(self.teams[self.team_of(name)] - self.inactive) for name in self.names}

    def wrong(self) -> list[str]:
        """Name the deployments where somebody holds what they should not, or does not hold what they should."""
        found = {role: self.fleet.ask("holders", role=role) for role in (TEAM, EVERYWHERE)}
        wanted = {role: self.wanted(role) for role in found}
        return [name for name in self.names if any(found[role][name] != wanted[role][name] for role in found)]


def username(person: str) -> str:
    """Say what the account of a person is called."""
    return f"okta_00u{int(person[1:]):017}"


def _accounts(people: set[str]) -> list[str]:
    return sorted(username(person) for person in people)


@contextmanager
def world(size: Size) -> Iterator[World]:
    """Start the fleet and the org, and write a configuration and a mapping for them."""
    options = {"deployments": size.deployments, "latency": size.latency_s}
    with (
        tempfile.TemporaryDirectory(prefix="syncd-bench-") as folder,
        started("airflow", **options) as fleet,
        started("okta", people=size.people, **options) as okta,
    ):
        made = World(size, Path(folder), fleet, okta, _free_port())
        for n, name in enumerate(made.names):
            made.teams[made.team_of(name)] = set(made.people()[n :: size.deployments])
        (made.folder / "mappings").mkdir()
        (made.folder / "mappings" / "all.yaml").write_text(_mapping(made))
        yield made


def _free_port() -> int:
    with socket.create_server((HOST, 0)) as probe:
        return int(probe.getsockname()[1])


def _mapping(this: World) -> str:
    lines = ["roles:", f"  {TEAM}: {{dags: [{{level: trigger, id: 'dag_00*'}}]}}"]
    lines += [f"  {EVERYWHERE}: {{dags: [{{level: view, id: 'dag_*'}}]}}", "bindings:"]
    lines += [f"  - {{group: 'okta:{EVERYWHERE}', roles: [{EVERYWHERE}], deployments: all}}"]
    for name in this.names:
        lines += [f"  - {{group: 'okta:{this.team_of(name)}', roles: [{TEAM}], deployments: {{name: {name}}}}}"]
    return "\n".join(lines)


def configure(this: World, *, poll_s: float, speed: float = 1.0, limits: str = NO_LIMITS) -> Path:
    """Write the configuration; `speed` divides every span and multiplies every rate."""
    spans = {**{name: f"{seconds / speed:g}s" for name, seconds in PRODUCTION.items()}, **MORE}
    spans["poll"] = f"{poll_s:g}s"
    rows = ["[mappings]", 'directory = "mappings"', "[limits]", limits, "[http]"]
    rows += [f'listen = "{HOST}:{this.port}"', "[http.tokens.bench]", 'secret = {env = "BENCH_API"}']
    rows += ['rights = ["read", "approve"]', "[daemon]", "impatient = true", f"workers = {this.size.workers}"]
    rows += [f'{name} = "{span}"' for name, span in spans.items()]
    rows += ["[sources.okta]", 'type = "okta"', f'url = "{this.okta.url}"', "groups = {all = true}", "leave_free = 0.0"]
    rows += ['auth = {kind = "token", token = {env = "BENCH_TOKEN"}}', "[defaults]", 'mode = "enforce"']
    rows += ['username = "okta_{id}"', f"rate_limit = {{calls_per_s = {10 * speed:g}, burst = {20 * speed:g}}}"]
    for name, version in this.fleet.told["deployments"].items():
        kind = "basic" if version.startswith("2") else "token"
        login = f'{{kind = "{kind}", username = "admin", password = {{env = "BENCH_PASSWORD"}}}}'
        rows += [f"[deployments.{name}]", f'url = "{this.fleet.url}/{name}"', f"auth = {login}"]
    path = this.folder / "config.toml"
    path.write_text("\n".join(rows))
    return path


# --- the daemon -------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Daemon:
    """A running `syncd run`."""

    this: World
    process: subprocess.Popen[bytes]
    log: Path
    started_at: float

    @property
    def rss_mib(self) -> float:
        return float(psutil.Process(self.process.pid).memory_info().rss) / 2**20

    @property
    def cpu_s(self) -> float:
        times = psutil.Process(self.process.pid).cpu_times()
        return float(times.user + times.system)

    def until(self, what: str, reached: Callable[[], bool], *, every_s: float = 0.1) -> None:
        """Wait until something is so."""
        ends = time.monotonic() + PATIENCE_S
        while not reached():
            if self.process.poll() is not None:
                raise SystemExit(f"syncd ended with {self.process.returncode} before {what}:\n{self.tail()}")
            if time.monotonic() > ends:
                raise SystemExit(f"not within {PATIENCE_S:g} s: {what}\n{self.tail()}")
            time.sleep(every_s)

    def swept(self) -> bool:
        """Say whether every deployment was looked at whole."""
        return self.metrics().get("syncd_deployment_sweep_timestamp_seconds", 0) >= len(self.this.names)

    def metrics(self) -> Counter[str]:
        """Count the series of each metric; empty while nobody answers."""
        try:
            with urllib.request.urlopen(f"http://{HOST}:{self.this.port}/metrics", timeout=30) as answer:
                return Counter(re.findall(r"^(\w+)", answer.read().decode(), re.MULTILINE))
        except OSError:
            return Counter()

    def api(self, path: str, *, method: str = "GET") -> Any:
        """Ask the daemon's API."""
        headers = {"Authorization": f"Bearer {API_TOKEN}", "Content-Type": "application/json"}
        address = f"http://{HOST}:{self.this.port}/api/v1/{path}"
        request = urllib.request.Request(address, headers=headers, method=method)
        with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310 - our own address
            return json.loads(answer.read())

    def tail(self) -> str:
        return "\n".join(self.log.read_text().splitlines()[-15:])


@contextmanager
def daemon(this: World, config: Path) -> Iterator[Daemon]:
    """Run the daemon for as long as the context lasts; prints how long it takes to stop."""
    log = this.folder / "syncd.log"
    environ = {**os.environ, "BENCH_TOKEN": TOKEN, "BENCH_PASSWORD": "admin", "BENCH_API": API_TOKEN}
    command = [sys.executable, "-m", "syncd", "--config", str(config), "run"]
    with log.open("wb") as out, subprocess.Popen(command, stdout=out, stderr=out, env=environ) as process:
        try:
            yield Daemon(this, process, log, time.monotonic())
        finally:
            began = time.monotonic()
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
            print(f"stopped: {time.monotonic() - began:.1f} s after SIGTERM, exit code {process.wait()} (goal 10 s)")


@dataclass(slots=True)
class Accepted:
    """The writes of accounts that the fleet accepted and that are `fit`: the first for each deployment and account."""

    fleet: Remote
    fit: Callable[[Mapping[str, Any]], bool]
    times: dict[tuple[str, str], float] = field(default_factory=dict)
    known: int = 0

    def count(self) -> int:
        """Ask for what is new; gives how many there are."""
        for write in self.fleet.ask("writes", after=self.known):
            self.known += 1
            if self.fit(write):
                self.times.setdefault((write["deployment"], write["username"]), write["at"])
        return len(self.times)

    @property
    def first(self) -> float:
        return min(self.times.values())

    @property
    def last(self) -> float:
        return max(self.times.values())


# --- 10,000 assignments -----------------------------------------------------------------------------------------------


def measure_assignments(this: World) -> None:
    """Let the daemon find empty deployments, and make the same calls once more without it."""
    wanted = sum(map(len, this.wanted(TEAM).values()))
    made = Accepted(this.fleet, lambda write: TEAM in write["roles"])
    with daemon(this, configure(this, poll_s=PRODUCTION["poll"])) as running:
        running.until("every assignment is made", lambda: made.count() == wanted, every_s=0.25)
        cpu = running.cpu_s
        running.until("every deployment is swept", running.swept)
        rss = running.rss_mib
    assert not this.wrong(), this.wrong()
    seen: Mapping[str, Sequence[tuple[str, str, str]]] = this.fleet.ask("seen")
    calls = sum(map(len, seen.values()))
    writes = sum(1 for rows in seen.values() for method, path, _ in rows if "/users" in path and method != "GET")
    size, ours_s, bare_s = this.size, made.last - running.started_at, floor(this.size, seen)
    print(
        f"{wanted:,} assignments to fresh accounts on {size.deployments} deployments, {size.workers} workers, "
        f"{size.latency_s * 1000:.0f} ms each way: {ours_s:.1f} s from the start of the process, "
        f"{made.last - made.first:.1f} s from the first to the last (goal 120 s)"
    )
    print(
        f"  one assignment costs {writes / wanted:.2f} writing calls, {calls / wanted:.2f} with all that is looked at; "
        f"{cpu / wanted * 1000:.1f} ms of processor time; RSS {rss:.0f} MiB"
    )
    print(
        f"  floor, the same {calls:,} calls in the same order, {size.workers} at a time: {bare_s:.1f} s; "
        f"ratio {ours_s / bare_s:.2f}"
    )


def floor(
    size: Size, seen: Mapping[str, Sequence[tuple[str, str, str]]], seeded: Mapping[str, object] | None = None
) -> float:
    """Make calls anew on a fresh fleet: deployment by deployment in order, as many deployments at a time as workers."""

    async def work(fleet: Remote) -> None:
        names = iter(seen)
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as http:

            async def worker() -> None:
                for name in names:
                    await _replay(http, fleet.url, seen[name])

            await asyncio.gather(*(worker() for _ in range(size.workers)))

    with started("airflow", deployments=size.deployments, latency=size.latency_s) as fleet:
        if seeded is not None:
            fleet.ask("seed", **seeded)
        began = time.monotonic()
        asyncio.run(work(fleet))
        ended = time.monotonic()
        wanted = sum(method != "GET" and "/users" in path for rows in seen.values() for method, path, _ in rows)
        assert len(fleet.ask("writes")) == wanted, "the floor must have done the same"
        return ended - began


async def _replay(http: aiohttp.ClientSession, base: str, rows: Sequence[tuple[str, str, str]]) -> None:
    headers = {"Authorization": aiohttp.encode_basic_auth("admin", "admin")}
    admin = {"username": "admin", "password": "admin"}
    for number, (method, path, query) in enumerate(rows):
        body: object = None
        if method != "GET":
            body = admin if path.endswith("/token") else _body(method, path, number)
        url = f"{base}{path}" + (f"?{query}" if query else "")
        async with http.request(method, url, json=body, headers=headers) as answer:
            raw = await answer.read()
            content = json.loads(raw) if answer.content_type == "application/json" and raw else {}
            if "session" in answer.cookies:
                headers = {"Cookie": f"session={answer.cookies['session'].value}"}
            elif path.endswith("/token"):
                headers = {"Authorization": f"Bearer {content['access_token']}"}


def _body(method: str, path: str, number: int) -> object:
    """Make up what was sent: a role without permissions, an account with one built-in role, or one that loses its roles."""
    if "/roles" in path:
        return {"name": f"role{number}", "actions": []}
    name = path.rpartition("/")[2] if method == "PATCH" else f"bare{number}"
    names = {"username": name, "email": f"{name}@example.com", "first_name": "Ada", "last_name": "Poe"}
    if method == "PATCH":
        return {"roles": []} | (names if "/api/v1/" in path else {})
    return {**names, "password": "x" * 64, "roles": [{"name": "Viewer"}]}


# --- joiners and leavers ----------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Lags:
    """Seconds from the change, and from the poll that sees it, to each accepted call; and the waits for that poll."""

    whole: list[float] = field(default_factory=list)
    after_poll: list[float] = field(default_factory=list)
    last: list[float] = field(default_factory=list)
    """From the poll to the last deployment, one for each person."""
    waits: list[float] = field(default_factory=list)
    calls: list[int] = field(default_factory=list)


def measure_lag(this: World) -> None:
    """Let people join all deployments and leave them, one at a time, at moments that do not follow the poll."""
    rng = random.Random(4)  # noqa: S311 - moments and people, not secrets
    joined, left = Lags(), Lags()
    with daemon(this, configure(this, poll_s=this.size.poll_s)) as running:
        running.until("every deployment is swept", running.swept)
        for person in rng.sample(this.people(), this.size.repeats):
            time.sleep(rng.uniform(0, this.size.poll_s))
            _follow(this, running, joined, person, holds=True)
            time.sleep(rng.uniform(0, this.size.poll_s))
            _follow(this, running, left, person, holds=False)
    for name, lags in (("joiner", joined), ("leaver", left)):
        told, calls = f"{name}, {this.size.repeats} times on {len(this.names)} deployments", max(lags.calls)
        print(f"{told}: from change to accepted call {_spread(lags.whole)}, with a poll every {this.size.poll_s:g} s")
        print(f"  of that, waiting for the poll {_spread(lags.waits)}; {calls / len(this.names):.2f} calls on each")
        goal = " (goal 15 s)" if name == "leaver" else ""
        print(
            f"  from the poll that sees it to the call {_spread(lags.after_poll)}; to the last {_spread(lags.last)}{goal}"
        )


def _follow(this: World, running: Daemon, lags: Lags, person: str, *, holds: bool) -> None:
    """Let a person join the common group, or go; wait until that is so everywhere, and note how long each call took."""
    this.fleet.ask("reset")
    this.okta.ask("reset")
    changed_at = this.join(EVERYWHERE, person) if holds else this.deactivate(person)
    listing = "/api/v1/groups" if holds else "/api/v1/users"
    who = username(person)
    accepted = Accepted(this.fleet, lambda write: write["username"] == who and (EVERYWHERE in write["roles"]) is holds)
    told = f"{person} is {'everywhere' if holds else 'nowhere'}"
    running.until(told, lambda: accepted.count() == len(this.names), every_s=0.05)
    polls = [at for at, path, _ in this.okta.ask("requests") if path == listing and at >= changed_at]
    lags.whole += [at - changed_at for at in accepted.times.values()]
    lags.after_poll += [at - polls[0] for at in accepted.times.values()]
    lags.last.append(accepted.last - polls[0])
    lags.waits.append(polls[0] - changed_at)
    time.sleep(1.0)  # for reading back
    rows = [row for rows in this.fleet.ask("seen").values() for row in rows]
    lags.calls.append(sum("/users/" in path or (method != "GET" and "/users" in path) for method, path, _ in rows))


def _spread(seconds: Sequence[float]) -> str:
    ordered = sorted(seconds)
    p99 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
    return f"p50 {statistics.median(ordered):.2f} s, p99 {p99:.2f} s, most {ordered[-1]:.2f} s"


# --- an hour in a minute ----------------------------------------------------------------------------------------------


def measure_hours(this: World) -> None:
    """Run at 60-fold speed: quiet first, then with people who join, move, leave and come back."""
    with daemon(this, configure(this, poll_s=PRODUCTION["poll"] / SPEED, speed=SPEED)) as running:
        running.until("every deployment is swept", running.swept)
        time.sleep(2.0)
        _measure_quiet(this, running)
        _measure_churn(this, running)


def _measure_quiet(this: World, running: Daemon) -> None:
    this.fleet.ask("reset")
    this.okta.ask("reset")
    began, cpu = time.monotonic(), running.cpu_s
    time.sleep(this.size.quiet_s)
    minutes = (time.monotonic() - began) * SPEED / 60
    used = (running.cpu_s - cpu) / (minutes * 60)
    rows = this.fleet.ask("calls")
    kinds: Counter[str] = Counter()
    for row in rows.values():
        kinds.update(row)
    most = max(sum(row.values()) for row in rows.values()) / minutes
    asked = len(this.okta.ask("requests")) / minutes
    each = kinds.total() / minutes / len(rows)
    print(
        f"quiet for {minutes:.0f} minutes ({this.size.quiet_s:g} s at {SPEED}-fold speed): {each:.2f} calls per minute and "
        f"deployment, {most:.2f} at the busiest (goal 2); Okta {asked:.1f} calls a minute; processor {used:.1%} of a core"
    )
    told = ", ".join(f"{kind} {number / minutes / len(rows):.3f}" for kind, number in kinds.most_common(8))
    print(f"  by kind: {told}")


def _measure_churn(this: World, running: Daemon) -> None:
    this.fleet.ask("reset")
    this.okta.ask("reset")
    rng = random.Random(5)  # noqa: S311 - who moves, not secrets
    began, samples, changes = time.monotonic(), [(0.0, running.rss_mib)], 0
    while (at := time.monotonic() - began) < this.size.churn_s:
        if at >= changes / this.size.moves_per_s:
            _move(this, rng, changes)
            changes += 1
        if at >= len(samples):
            samples.append((at, running.rss_mib))
        time.sleep(0.02)
    calls = sum(sum(row.values()) for row in this.fleet.ask("calls").values())
    ended = time.monotonic()
    running.until("the fleet is as the directory says", lambda: not this.wrong(), every_s=0.25)
    settled = time.monotonic() - ended
    samples.append((at, running.rss_mib))
    hours = this.size.churn_s * SPEED / 3600
    marks = ", ".join(f"{_at(samples, share):.1f} MiB at {share:.0%}" for share in (0.2, 0.6, 1.0))
    late = [sample for sample in samples if sample[0] >= this.size.churn_s * 0.2]
    slope = statistics.linear_regression(*zip(*late, strict=True)).slope * this.size.churn_s / hours
    print(
        f"churn for {hours:.1f} hours at {SPEED}-fold speed: {changes} people changed, {calls:,} calls, right everywhere "
        f"{settled:.1f} s after the last"
    )
    print(f"  RSS {samples[0][1]:.1f} MiB at first, {marks}; slope from 20% on {slope:+.2f} MiB an hour (goal flat)")


def _move(this: World, rng: random.Random, number: int) -> None:
    """Change one person: mostly to another team, now and then everywhere, out, or back."""
    person = f"p{rng.randrange(this.size.people):05}"
    if number % 20 == 0:
        (this.leave if person in this.everywhere else this.join)(EVERYWHERE, person)
    elif number % 20 == 10 and len(this.everywhere) > 1:
        this.leave(EVERYWHERE, rng.choice(sorted(this.everywhere)))
    elif number % 5 == 0:
        (this.activate if person in this.inactive else this.deactivate)(person)
    else:
        for team in [team for team, members in this.teams.items() if person in members]:
            this.leave(team, person)
        this.join(rng.choice(sorted(this.teams)), person)


def _at(samples: Sequence[tuple[float, float]], share: float) -> float:
    return next(mib for at, mib in samples if at >= samples[-1][0] * share)


# --- leavers while much is to be done -----------------------------------------------------------------------------------


def measure_first(size: Size) -> None:
    """Suspend people, one by one at moments of their own, while a deployment gets its first accounts."""
    with world(replace(size, deployments=1, people=size.first)) as this:
        rng = random.Random(6)  # noqa: S311 - moments and people, not secrets
        made = Accepted(this.fleet, lambda write: TEAM in write["roles"])
        lags = Lags()
        with daemon(this, configure(this, poll_s=size.poll_s)) as running:
            running.until("the first accounts are there", lambda: made.count() >= min(50, size.first // 4))
            before = made.known
            while len(lags.last) < size.repeats and made.count() < size.first * 0.9:
                time.sleep(rng.uniform(0, 2 * size.poll_s))
                made.count()
                _suspended(this, running, lags, rng.choice(sorted(made.times))[1])
            done = made.count()
        assert before < size.first * 0.9, "the apply was over before anybody left"
        print(
            f"leaver during a first apply of {size.first:,} accounts on one deployment, {len(lags.last)} of them until "
            f"{done:,} were made: from change to accepted call {_spread(lags.whole)}, with a poll every {size.poll_s:g} s"
        )
        print(f"  from the poll that sees it to the call {_spread(lags.after_poll)} (goal p99 5 s)")


def _suspended(this: World, running: Daemon, lags: Lags, account: str) -> None:
    """Suspend whoever has an account and holds the role there, and wait until it is taken."""
    person = f"p{int(account.removeprefix('okta_00u')):05}"
    if person in this.inactive:
        return
    known = len(this.fleet.ask("writes"))
    this.okta.ask("reset")
    changed_at = this.deactivate(person)
    gone = Accepted(this.fleet, lambda write: write["username"] == account and TEAM not in write["roles"], known=known)
    running.until(f"{person} is out", lambda: gone.count() == 1, every_s=0.05)
    polls = [at for at, path, _ in this.okta.ask("requests") if path == "/api/v1/users" and at >= changed_at]
    lags.whole.append(gone.last - changed_at)
    lags.after_poll.append(gone.last - polls[0])
    lags.last.append(gone.last - polls[0])


def measure_mass(size: Size) -> None:
    """Suspend many people who are on all deployments; what is held there is approved as soon as it is."""
    with world(replace(size, people=2 * size.mass)) as this:
        people = this.people()
        seeded = {username(person): [EVERYWHERE] for person in people}
        there = {"roles": {EVERYWHERE: []}, "accounts": seeded}
        this.fleet.ask("seed", **there)
        for person in people:
            this.join(EVERYWHERE, person)
        limits = f"removals = {size.mass - 1}\nshare = 1.0"
        with daemon(this, configure(this, poll_s=size.poll_s, limits=limits)) as running:
            running.until("every deployment is swept", running.swept)
            gone = people[: size.mass]
            names = {username(person) for person in gone}
            known, cpu = len(this.fleet.ask("writes")), running.cpu_s
            before = {name: len(rows) for name, rows in this.fleet.ask("seen").items()}
            changed_at = this.deactivate(*gone)
            out = Accepted(
                this.fleet, lambda write: write["username"] in names and EVERYWHERE not in write["roles"], known=known
            )
            approved_at = _approved(this, running)
            running.until("all are out", lambda: out.count() == size.mass * len(this.names), every_s=0.5)
            used_s = running.cpu_s - cpu
        removals = {name: _removals(rows, after=before[name]) for name, rows in this.fleet.ask("seen").items()}
        assert not this.wrong(), this.wrong()
        print(
            f"{size.mass} people suspended at once on {len(this.names)} deployments: all out {out.last - changed_at:.0f} s "
            f"after, {out.last - approved_at[-1]:.0f} s after the last approval and {out.last - approved_at[0]:.0f} s "
            f"after the first (goal 180 s); {out.first - changed_at:.1f} s until the first was"
        )
        ours_s, bare_s, calls = (
            out.last - approved_at[0],
            floor(size, removals, there),
            sum(map(len, removals.values())),
        )
        print(
            f"  one removal costs {used_s / len(out.times) * 1000:.1f} ms of processor time, planning and holds included"
        )
        print(
            f"  floor, the same {calls:,} calls, {size.workers} at a time: {bare_s:.1f} s; ratio {ours_s / bare_s:.2f} from the "
            "first approval on"
        )


def _removals(rows: Sequence[tuple[str, str, str]], *, after: int) -> list[tuple[str, str, str]]:
    """Choose the call that logs in, and from a number on those about one account."""
    logins = [row for row in rows if row[1].endswith("/token") or (row[0] == "GET" and "/roles" in row[1])][:1]
    return logins + [row for row in rows[after:] if "/users/" in row[1]]


def _approved(this: World, running: Daemon) -> list[float]:
    """Approve what is held on each deployment when it is; gives when."""
    times: dict[str, float] = {}

    def all_approved() -> bool:
        for row in running.api("holds?limit=1")["holds"]:
            if row["deployment"] not in times:
                running.api(f"holds/{row['deployment']}/{row['digest']}/approve", method="POST")
                times[row["deployment"]] = time.monotonic()
        return len(times) == len(this.names)

    running.until("everything is approved", all_approved, every_s=0.5)
    return sorted(times.values())


TOGETHER: Mapping[str, Callable[[World], None]] = {
    "assignments": measure_assignments,
    "lag": measure_lag,
    "hours": measure_hours,
}
"""Parts that are made one after the other on one fleet."""
APART: Mapping[str, Callable[[Size], None]] = {"first": measure_first, "mass": measure_mass}
PARTS = (*TOGETHER, *APART)


def parsed() -> tuple[Size, list[str]]:
    """Read the command line; `--quick` changes what is not given."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a small fleet, in less than a minute")
    parser.add_argument("--part", action="append", choices=PARTS, help="only this; several times")
    for name in Size.__dataclass_fields__:
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(getattr(QUICK, name)), default=None)
    given: dict[str, Any] = {name: value for name, value in vars(parser.parse_args()).items() if value is not None}
    usual = QUICK if given.pop("quick") else Size()
    parts = given.pop("part", list(PARTS))
    return Size(**{name: given.get(name, getattr(usual, name)) for name in Size.__dataclass_fields__}), parts


def main() -> None:
    size, parts = parsed()
    if together := [part for part in parts if part in TOGETHER]:
        with world(size) as this:
            for part in together:
                TOGETHER[part](this)
    for part in [part for part in parts if part in APART]:
        APART[part](size)


if __name__ == "__main__":
    main()
