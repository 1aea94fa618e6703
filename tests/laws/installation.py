"""One installation: directories, servers, a database, two daemons, a clock; and what watches over it."""

from __future__ import annotations

import json
import random
import shutil
import sqlite3
import zlib
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import psycopg
from court import Broken, Court
from processes import Killed, Lie, Life, Mishap, Time, approve, start_daemon, turn
from servers import Server, place
from sqlalchemy import make_url
from truth import ROLES, SOURCES, Due, Face, Lent, Line, Site, Team, Telling, World, due, lower

from syncd.errors import StoreError, SyncdError
from syncd.ports import Truth
from syncd.sandbox.airflow.request import RouteCall

PRESETS: Final = ("3.3.2", "2.11.2", "3.1.8+3.1.1", "3.2.2+3.6.5", "3.0.6", "2.9.3")
NAMES: Final = ("anna", "bert", "cleo", "dora", "emil", "finn", "gina", "hugo")
TEAMS: Final = {"okta": ("team", "crew", "every"), "people": ("squad",)}
DAEMONS: Final = ("one", "two")
LATER_S: Final = 16 * 60.0
"""After that long a sweep is due."""
SWEEPS: Final = 5
"""So many of them, and every deployment was swept, those too whose release is swept by the hour (`slow_sweep`)."""


def sites(chance: random.Random) -> dict[str, Site]:
    """Choose three deployments that differ in all that matters."""
    presets = chance.sample(PRESETS, 3)
    return {
        "prod": Site(
            "prod",
            presets[0],
            removals=50,
            share=0.4,
            floor=2,
            protected=frozenset({"admin", "breakglass"}),
            env="live",
        ),
        "lab": Site(
            "lab",
            presets[1],
            username="{id}",
            login_source="okta",
            delete_leavers=True,
            remove_manual=True,
            adopt="declared",
            removals=100,
            share=1.0,
            floor=50,
            protected=frozenset({"admin"}),
        ),
        "mail": Site(
            "mail",
            presets[2],
            login_source="okta",
            match_email=True,
            adopt="never",
            share=0.5,
            floor=3,
            protected=frozenset({"admin"}),
        ),
    }


@dataclass(frozen=True, slots=True)
class Copy:
    """A copy of the database: its file, what it counted then, and what was saved of each source."""

    file: Path
    number: int
    saved: dict[str, list[Telling]]


class Installation:
    """Everything together. `log` is what is shown where a law is broken."""

    def __init__(self, folder: Path, database: str, *, seed: int, template: Path | None = None) -> None:
        self.folder, self.database = folder, database
        self.time = Time()
        self.truth = World()
        chance = random.Random(seed)
        self.sites = sites(chance)
        self.servers = {name: Server(site, now=self.time.timestamp) for name, site in self.sites.items()}
        self.court = Court(self.servers, now=self.time.timestamp)
        self.saved: dict[str, list[Telling]] = {source: [] for source in SOURCES}
        self.lies: dict[str, Lie] = {}
        self.pins: dict[tuple[str, str], str] = {}
        self.lines_in_use: dict[str, tuple[Line, ...]] = {}
        self.lent: tuple[Lent, ...] = ()
        self.contested: set[tuple[str, str]] = set()
        self.database_away = False
        self.witness = folder / "witness"
        self.copy: Copy | None = None
        self.is_anew = False
        """Whether a person said once that nothing of before is ours."""
        self.lives: dict[str, Life] = {}
        self.acting: list[Life] = []
        self.counts: Counter[str] = Counter()
        """How often which move was made."""
        self.faults: Counter[str] = Counter()
        """How often what happened besides: faults, deaths, starts, whatever went on while a process stood still."""
        self.said: deque[str] = deque(maxlen=150)
        self.ends: Callable[[], None] = lambda: None
        """Ends what people said for a time, once all is well."""
        self.meanwhile_moves: Callable[[Installation, random.Random], None] = lambda _home, _chance: None
        self.config = folder / "syncd.toml"
        self._people(chance)
        if template is not None:
            shutil.copy(template, database.removeprefix("sqlite:///"))
        self._write_config()
        self.write_mapping()
        self.journal = Watch(self)

    # --- how it begins --------------------------------------------------------------------------------------------------

    def _people(self, chance: random.Random) -> None:
        for source, names in TEAMS.items():
            for name in names:
                id_ = self.truth.new_id("g")
                self.truth.put_team(source, id_, Team(name, frozenset()))
                self.pins[source, name] = id_
        for name in NAMES:
            self.hire(name, both=chance.random() < 0.5)
        for source, names in TEAMS.items():
            for name in names:
                ids = [id_ for id_ in self.truth.sources[source].people if chance.random() < 0.5]
                team = self.truth.sources[source].teams[self.pins[source, name]]
                self.truth.put_team(source, self.pins[source, name], Team(team.name, frozenset(ids)))
        every = frozenset(self.sites)
        self.truth.lines = (
            Line("okta", "team", "fin", every),
            Line("okta", "crew", "plat", frozenset({"prod", "lab"})),
            Line("people", "squad", "see", every),
            Line("okta", "every", "Viewer", frozenset({"mail"})),
        )

    def hire(self, name: str, *, both: bool) -> None:
        """Let somebody come: to Okta, or to the files, or to both with one e-mail."""
        email = f"{name}@mail.example"
        if both or len(name) % 2 == 0:
            self.truth.put("okta", Face(self.truth.new_id("o"), f"{name}@okta.example", email))
        if both or len(name) % 2:
            self.truth.put("people", Face(self.truth.new_id("f"), name, email))

    def _write_config(self) -> None:
        for name in (*SOURCES, "mappings"):
            (self.folder / name).mkdir(exist_ok=True)
        (self.folder / "password").write_text("admin")
        text = f'[database]\nurl = "{self.database}"\nwitness = "witness"\n'
        text += '[mappings]\ndirectory = "mappings"\n[run]\nworkers = 1\n'
        text += "".join(f'[sources.{s}]\ntype = "file"\ndirectory = "{s}"\n' for s in SOURCES)
        text += f'[join]\nprecedence = {list(SOURCES)}\nnew = "accept"\n[daemon]\nworkers = 2\n'
        text += '[defaults]\nmode = "enforce"\ncourtesy = {calls_per_s = 100, burst = 200}\n'
        text += '[[grants.allow]]\nby = ["*"]\nroles = ["User", "Op"]\nlongest = "2h"\n'
        text += "[pause]\nopen_ended = true\n"
        for site in self.sites.values():
            text += self._table(site)
        self.config.write_text(text)

    def _table(self, site: Site) -> str:
        generation = site.preset[0]
        auth = [f'{{kind = "{k}", username = "admin", password = {{file = "password"}}}}' for k in ("basic", "token")]
        lines = [
            f"[deployments.{site.name}]",
            f'url = "http://127.0.0.1:{9000 + sorted(self.sites).index(site.name)}"',
            f"auth = {auth[0]}" if generation == "2" else f"auth = [{', '.join(auth)}]",
            f'username = "{site.username}"',
            f'login_source = "{site.login_source}"' if site.login_source else "",
            f"match_email = {str(site.match_email).lower()}",
            f'leavers = "{"delete" if site.delete_leavers else "keep"}"',
            f'manual_grants = "{"remove" if site.remove_manual else "keep"}"',
            f'adopt = "{site.adopt}"',
            f'labels = {{env = "{site.env}"}}',
            f"protected = {sorted(site.protected)}",
            f"limits = {{removals = {site.removals}, share = {site.share}, floor = {site.floor}}}",
        ]
        return "\n".join(lines) + "\n"

    def write_mapping(self) -> None:
        """Write the lines as they are now."""
        used = sorted({line.role for line in self.truth.lines} & ROLES.keys())
        text = "roles:\n" if used else ""
        for role in used:
            level, tag = ROLES[role]
            text += f"  {role}: {{dags: [{{level: {level}, tag: {tag}}}]}}\n"
        text += "bindings:\n" if self.truth.lines else "bindings: []\n"
        for line in self.truth.lines:
            until = (
                f", until: '{datetime.fromtimestamp(line.until, UTC).isoformat()}'" if line.until is not None else ""
            )
            names = ", ".join(sorted(line.sites))
            more = until + (", privileged: true" if line.privileged else "")
            text += f"  - {{group: '{line.source}:{line.team}', roles: [{line.role}], deployments: {{name: [{names}]}}{more}}}\n"
        (self.folder / "mappings" / "all.yaml").write_text(text)

    # --- what happens ---------------------------------------------------------------------------------------------------

    def new_name(self) -> str:
        """Name a process, the same in each run of a seed."""
        self.faults["process begins"] += 1
        return f"{self.acting[-1].name} {self.faults['process begins']}"

    def log(self, text: str) -> None:
        self.said.append(text)

    # --- copies of the database -----------------------------------------------------------------------------------------

    def make_copy(self) -> None:
        """Copy the database; later, as long as it is not known yet which group each name means."""
        known = all(self.journal.pinned(source, name) for source, name in self.pins)
        if not known or self.copy or self.court.doubted or make_url(self.database).get_backend_name() != "sqlite":
            return
        ((number,),) = self.journal.rows("SELECT number FROM installation")
        file = self.folder / "copy.db"
        file.unlink(missing_ok=True)
        self.journal.rows("VACUUM INTO ?", str(file))
        self.copy = Copy(file, number, {source: list(found) for source, found in self.saved.items()})

    def is_older(self, copy: Copy) -> bool:
        """Say whether it is remembered that the database counted further than a copy."""
        return self.witness.exists() and json.loads(self.witness.read_text())["number"] > copy.number

    def put_back(self, copy: Copy) -> None:
        """Put a copy in the place of the database, as somebody does while nothing runs."""
        for name in tuple(self.lives):
            self.died(self.lives[name])
        for site in self.servers:
            self.work_off(site)
        self.journal.close()
        file = Path(str(make_url(self.database).database))
        for beside in ("-wal", "-shm"):
            file.with_name(file.name + beside).unlink(missing_ok=True)
        shutil.copy(copy.file, file)
        self.copy = None
        self.saved = {source: list(found) for source, found in copy.saved.items()}
        self.lent = self.journal.lent(self.lent)
        self.court.doubted = True
        for ledger in self.court.ledgers.values():
            ledger.ours.clear()  # what was given since the copy is in no journal: it may stay

    def say_which_is_true(self) -> None:
        """Say, as a person does, that nothing of before is syncd's."""
        life = Life(self, "command")

        def speak() -> None:
            store = life.open_store()
            if store.installation.doubt() is not None:
                store.installation.recover(Truth.BEGIN_ANEW, by="somebody")
                self.court.begin_anew()
                self.is_anew = True
            store.close()

        self.run(life, speak)

    def look(self, life: Life, site: str) -> None:
        """Somebody is about to look at a server: what is held there and given by a line may be adopted."""
        self.court.look(site, life.dues(site, lent=False), adopt=self.sites[site].adopt)

    def leave(self, source: str, people: Mapping[str, Face]) -> None:
        """A source said who is there: what is given for a time may be over for good for everybody else."""
        self.lent = tuple(
            replace(lent, left=True)
            if lent.source == source and (lent.id not in people or not people[lent.id].active)
            else lent
            for lent in self.lent
        )

    def meanwhile(self, life: Life, seed: int, *, overtaken: bool = False) -> None:
        """Let the world move on while a process stands still; `overtaken`: until another one does its work."""
        self.faults["the world goes on meanwhile"] += 1
        self.meanwhile_moves(self, random.Random(seed))
        if overtaken and not self.database_away:
            self.time.pass_(LATER_S)
            for other in [one for one in self.lives.values() if one not in self.acting and one is not life]:
                for _ in range(2):  # the first finds out that it is alone
                    self.run(other, lambda other=other: turn(other))  # type: ignore[misc]
                    self.time.pass_(6)

    def run(self, life: Life, do: Callable[[], object], mishaps: Iterable[Mishap] = ()) -> object:
        """Let a process do something, and see how that ends."""
        try:
            with life.expecting(mishaps):
                return do()
        except Killed:
            self.died(life)
        except StoreError as error:
            self.log(f"    {life.name}: {error}")
        return None

    def died(self, life: Life) -> None:
        life.bury()
        self.faults["process dies"] += 1
        self.log(f"    {life.name} is dead")
        if self.lives.get(life.name) is life:
            del self.lives[life.name]

    def start(self, name: str, mishaps: Iterable[Mishap] = (), *, clean: bool = True) -> Life | None:
        """Start a daemon, where the database lets it."""
        self.faults["daemon starts"] += 1
        life = Life(self, name)
        self.lines_in_use[name] = self.truth.lines
        self.lives[name] = life
        try:
            with life.expecting(mishaps):
                start_daemon(life)
        except Killed:
            self.died(life)
            return None
        except SyncdError as error:
            self.log(f"    {name} cannot start: {error}")
            life.bury()
            del self.lives[name]
            return None
        _ = clean
        return life

    def stop(self, name: str) -> None:
        """End a daemon in order."""
        life = self.lives.pop(name)
        assert life.daemon is not None
        assert life.store is not None
        with life.expecting(()), suppress(StoreError):
            life.daemon.stop()
        with suppress(StoreError):
            life.store.close()
        life.dead = True

    def shut(self) -> None:
        """Give everything back."""
        self.database_away = False
        for name in tuple(self.lives):
            self.stop(name)
        self.journal.close()

    def work_off(self, site: str) -> None:
        """Let a server do what it was asked so long ago that nobody waits any more."""
        server = self.servers[site]
        late, server.late = server.late, []
        for call, dues, approved in late:
            before = server.holdings()
            given = server.answer(call)
            if given.status < 300:
                self.court.called(site, call, before, dues, approved=approved)

    # --- that all is well ----------------------------------------------------------------------------------------------

    def recover(self) -> None:
        """End every fault, and see that everything becomes as it should be, by itself but for what is held."""
        self.database_away = False
        self.lies.clear()
        for name, server in self.servers.items():
            server.down = False
            self.work_off(name)
        self.time.pass_(30)  # leases of the dead have run out
        self.say_which_is_true()
        for name in DAEMONS[:1]:
            if name not in self.lives and self.start(name) is None:
                self.court.broken("f", f"{name} does not start although all is well")
        self.ends()
        for _ in range(SWEEPS):
            self.time.pass_(LATER_S)
            self._turn_all()
        self._approve_all()
        self._see_who_left()
        self._see()
        self._see_quiet()

    def _turn_all(self) -> None:
        for life in tuple(self.lives.values()):
            self.run(life, lambda life=life: turn(life))  # type: ignore[misc]
        self.time.pass_(16)
        for life in tuple(self.lives.values()):
            self.run(life, lambda life=life: turn(life))  # type: ignore[misc]

    def _approve_all(self) -> None:
        """Let go what is held, as somebody who looked would."""
        for _ in range(6):
            held = self.journal.held()
            if not held:
                return
            for site, digest in held.items():
                life = next(iter(self.lives.values()))
                self.run(life, lambda life=life, site=site, digest=digest: approve(life, site, digest))  # type: ignore[misc]
            self.time.pass_(LATER_S)
            self._turn_all()

    def wanted(self, site: str) -> Due:
        joins, now = self.journal.joins(), self.time.timestamp()
        still = self.journal.open_grants()  # who was gone once may be gone for good: that is for the journal to say
        lent = [one for one in self.lent if not one.left or one.number in still]
        return due(self.sites[site], self.truth.lines, self.truth.sources, self.pins, joins=joins, now=now, lent=lent)

    def _see(self) -> None:
        for site in self.sites:
            if self.is_anew and self.sites[site].adopt != "matching":
                continue  # what is there is not ours, and does not become it
            excused = self.journal.excused(site) | self.journal.rejected(site)
            wanted = self.wanted(site).without(self.journal.ungiven(site))
            self.court.converged(site, wanted, excused=excused, contested=self.contested)
        if unsettled := self.journal.unsettled():
            self.court.broken("f", f"unsettled: {unsettled}")

    def _see_who_left(self) -> None:
        """Take note that whoever is gone by now has for good lost what they were given for a time."""
        here = {
            (source, id_)
            for source in SOURCES
            for id_, face in self.truth.sources[source].people.items()
            if face.active
        }
        self.lent = tuple(one if one.who in here else replace(one, revoked=True) for one in self.lent)

    def _see_quiet(self) -> None:
        """See that a pass over what is right changes nothing."""
        before, since = self.court.calls, self.time.timestamp()
        self.time.pass_(LATER_S)
        self._turn_all()
        ends = [line.until for line in self.truth.lines if line.until is not None]
        ends += [lent.until for lent in self.lent]
        if any(since - SWEEPS * LATER_S < end <= self.time.timestamp() for end in ends):
            # "What a binding gave is taken away by the first sync after its end", its role by the next sweep, which may be a
            # `slow_sweep` an hour later. Each line ends but once.
            for _ in range(SWEEPS):
                self.time.pass_(LATER_S)
                self._turn_all()
            self._see_quiet()
        elif self.court.calls != before:
            self.court.broken("f", f"{self.court.calls - before} calls write although nothing has changed")


class Watch:
    """Reads the database with plain SQL, by a connection of its own."""

    def __init__(self, home: Installation) -> None:
        self._home = home
        self._connection: Any = None

    def rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        if self._connection is None:
            self._connection = self._connect()
        is_sqlite = isinstance(self._connection, sqlite3.Connection)
        found = self._connection.execute(statement if is_sqlite else statement.replace("?", "%s"), values)
        return list(found) if found.description else []

    def _connect(self) -> Any:
        url = make_url(self._home.database)
        if url.get_backend_name() == "sqlite":
            return sqlite3.connect(str(url.database), isolation_level=None, timeout=5, check_same_thread=False)
        text = url.set(drivername="postgresql").render_as_string(hide_password=False)
        return psycopg.connect(text, autocommit=True)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def look(self, life: Life, site: str, call: RouteCall) -> None:
        """See that a call that is about to go out was written down, under a lease that is in force."""
        home = self._home
        if home.database_away:
            home.court.broken("e", f"{site}: {place(call)} goes out while the database is away")
        rows = self.rows(_OPEN_STEPS, site)
        if place(call) not in {" ".join(text.split()[:2]) for (text,) in rows}:
            home.court.broken("e", f"{site}: {place(call)} was not written down; open are {rows}")
        assert life.store is not None
        mine = [lease.fence for lease in life.store.leases._taken if lease.name == site]
        there = self.rows("SELECT fence, held FROM leases WHERE deployment = ?", site)
        if [(fence, bool(held)) for fence, held in there] != [(fence, True) for fence in mine]:
            home.court.broken(
                "e", f"{site}: {place(call)} goes out under a lease that is another's: {there}, ours {mine}"
            )

    def held(self) -> dict[str, str]:
        """Give what is held now, by deployment."""
        return {site: digest for site, digest in self.rows(_HELD) if digest}

    def excused(self, site: str) -> set[tuple[str, str]]:
        """Give the (account, role) that a plan says it holds back."""
        return {(name, role) for name, role in self.rows(_HELD_TOUCHES, site, site)}

    def approved(self) -> set[str]:
        """Name the deployments where something was let pass that has not passed yet."""
        return {site for (site,) in self.rows("SELECT deployment FROM holds WHERE state = 'approved'")}

    def holds(self, *states: str) -> list[str]:
        """Name the holds of these states."""
        return [f"h{id_}" for id_, state in self.rows("SELECT id, state FROM holds ORDER BY id") if state in states]

    def rejected(self, site: str) -> set[tuple[str, str]]:
        """Give the (account, role) that somebody said nobody shall lose there."""
        return {(lower(name), role) for name, was, now in self._rejected(site) for role in was - now}

    def ungiven(self, site: str) -> set[tuple[str, str]]:
        """Give the (account, role) that somebody said nobody shall get there."""
        return {(lower(name), role) for name, was, now in self._rejected(site) for role in now - was}

    def _rejected(self, site: str) -> Iterator[tuple[str, set[str], set[str]]]:
        """Give the accounts of rejected changes, and their roles before and after."""
        rows = self.rows("SELECT body FROM holds WHERE deployment = ? AND state = 'rejected'", site)
        for (body,) in rows:
            for before, after, _ in json.loads(zlib.decompress(body))["changes"]:
                if "user" in (before or after):
                    was, now = (set(one["user"][4]) if one else set() for one in (before, after))
                    yield (before or after)["user"][0], was, now

    def unsettled(self) -> list[tuple[Any, ...]]:
        return self.rows("SELECT name, kind, status FROM changes WHERE status IN ('intent', 'unknown')")

    def joins(self) -> dict[tuple[str, str], str]:
        """Give who is known to be one person."""
        return {(source, id_): person for source, id_, person in self.rows("SELECT source, id, person FROM persons")}

    def pauses(self) -> dict[int, tuple[str, str, bool]]:
        """Give the pauses that stand: the label that is meant and what it is, and whether only of what takes."""
        rows = self.rows("SELECT id, label, value, removals_only, until FROM pauses WHERE ended_at IS NULL")
        now = self._home.time.timestamp()
        return {id_: (of, value, bool(less)) for id_, of, value, less, until in rows if not until or _at(until) > now}

    def pauses_on(self, site: str) -> dict[int, bool]:
        """Give the pauses that stand on a deployment, each with whether it is only of what takes."""
        of_site = {"": "", "env": self._home.sites[site].env, "name": site}
        return {id_: less for id_, (label, value, less) in self.pauses().items() if of_site.get(label) == value}

    def lent(self, before: tuple[Lent, ...]) -> tuple[Lent, ...]:
        """Give what people were given for a time, with what was known of it before."""
        rows = self.rows("SELECT id, source, person, role, deployment, until, ended_by FROM timed_grants ORDER BY id")
        left = {lent.number for lent in before if lent.left}
        over = {lent.number for lent in before if lent.revoked}
        return tuple(
            Lent(id_, source, who, role, site, _at(until), ended_by == "somebody" or id_ in over, id_ in left)
            for id_, source, who, role, site, until, ended_by in rows
            if until
        )

    def open_grants(self) -> set[int]:
        return {id_ for (id_,) in self.rows("SELECT id FROM timed_grants WHERE ended_at IS NULL")}

    def pinned(self, source: str, team: str) -> bool:
        return bool(self.rows("SELECT 1 FROM group_names WHERE source = ? AND name = ?", source, team))

    def forget_holders(self, living: set[tuple[str, int]]) -> None:
        """Let leases of the dead be seen to be of the dead: their process is gone."""
        for site, fence in self.rows("SELECT deployment, fence FROM leases WHERE held = ?", True):
            if (site, fence) not in living:
                self.rows("UPDATE leases SET pid = 4000000, process_started = 'x' WHERE deployment = ?", site)


def _at(moment: str | datetime) -> float:
    """Read a time as either database has it, in UTC."""
    found = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


_OPEN_STEPS: Final = (
    "SELECT call FROM steps JOIN changes ON changes.id = change_id JOIN plans ON plans.id = plan_id"
    " WHERE deployment = ? AND changes.status = 'intent' AND answer IS NULL"
)
_LAST: Final = "SELECT max(id) FROM plans WHERE deployment = ? AND everything"
_NEWEST: Final = "SELECT max(id) FROM plans WHERE everything GROUP BY deployment"
_HELD: Final = f"SELECT deployment, held_digest FROM plans WHERE id IN ({_NEWEST})"
_HELD_TOUCHES: Final = (
    "SELECT name, role FROM touches JOIN changes ON changes.id = change_id JOIN plans ON plans.id = plan_id"
    f" WHERE deployment = ? AND plans.id IN ({_LAST}) AND status = 'held' AND verb = 'revoke'"
)
__all__ = ["DAEMONS", "Broken", "Installation", "Life"]
