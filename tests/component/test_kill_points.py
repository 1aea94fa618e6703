"""A pass that is killed at any commit and at any call: what is left is sound, and the next pass finishes it.

The points are not listed but counted: one pass is made undisturbed, and then one for each commit (the work done and not
committed; committed, and nothing after it) and for each call (not carried out; carried out, and no answer) of it.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
import stages
from sqlalchemy import Connection
from stages import DAGS, NOW, People, Stage

from syncd.errors import StoreError
from syncd.model import Deployment
from syncd.store import Stores
from syncd.store.engine import Database
from syncd.store.soundness import unsound
from syncd.targets.airflow.naming import NAMING
from syncd.targets.memory import MemoryTarget

LATER = b"""
roles:
  finance: {dags: [{level: view, tag: finance}]}
  ops: {dags: [{level: edit, id: fin_daily}]}
bindings:
  - {group: people:finance, roles: [finance], deployments: all}
  - {group: people:ops, roles: [ops, Viewer], deployments: all}
"""
COMMIT, CALL = "commit", "call"


class Killed(BaseException):
    """Nothing catches it, as nothing catches SIGKILL."""


@dataclass
class Fate:
    """When a process dies, and how far it came. `before`: what it was at is not done; else it is, and nobody hears of it."""

    what: str = ""
    number: int = 0
    before: bool = True
    seen: dict[str, int] = field(default_factory=lambda: {COMMIT: 0, CALL: 0})
    is_dead: bool = False

    def reaches(self, what: str) -> bool:
        """Count one more; say whether this is where it ends."""
        self.seen[what] += 1
        return (what, self.seen[what]) == (self.what, self.number)

    def dies(self) -> None:
        self.is_dead = True
        raise Killed


@dataclass
class Mortal(MemoryTarget):
    """A deployment whose caller may die at a call; it lives on."""

    fate: Fate = field(default_factory=Fate)

    def _put(self, change: Any) -> None:
        ends = self.fate.reaches(CALL)
        if ends and self.fate.before:
            self.fate.dies()
        super()._put(change)
        if ends:
            self.fate.dies()


def mortal(monkeypatch: pytest.MonkeyPatch, fate: Fate) -> None:
    """Let whoever writes to a database share this fate; once it is dead nothing is written any more."""
    whole = Database.write

    @contextmanager
    def write(self: Database) -> Iterator[Connection]:
        if fate.is_dead:
            raise StoreError("dead")
        ends = fate.reaches(COMMIT)
        with whole(self) as connection:
            yield connection
            if ends and fate.before:
                fate.dies()
        if ends:
            fate.dies()

    monkeypatch.setattr(Database, "write", write)


Copy = Callable[[str, str], str]
"""Makes a copy of the database of the first name, under the second, and gives its URL; without a first name an empty one."""


@dataclass
class Life:
    """A database and a deployment, and processes that begin and end."""

    url: str
    server: Mortal = field(default_factory=lambda: Mortal("prod", dags=DAGS))
    people: People = field(default_factory=lambda: People({"finance": ["anna", "bob", "carol"], "ops": []}))

    @contextmanager
    def process(self, now: datetime) -> Iterator[Stage]:
        with closing(Stores.open(self.url, clock=lambda: now)) as store:
            it = Stage(store, self.people, {"prod": self.server}, now=now)
            it.deployment = Deployment("prod", delete_leavers=True, naming=NAMING)
            yield it

    def begins(self) -> None:
        """Let everything be as it is before the pass that is killed."""
        with self.process(NOW) as stage:
            assert 0 == stage.apply().exit_code()
        self.people.members = {"finance": ["anna", "bob"], "ops": ["bob", "dora"]}

    def again(self, url: str) -> Life:
        """Give the same, with a copy of the database."""
        server = replace(self.server, users=dict(self.server.users), roles=dict(self.server.roles), fate=Fate())
        return Life(url, server, self.people)


def lived(life: Life, monkeypatch: pytest.MonkeyPatch, fate: Fate) -> bool:
    """Make the pass that may be killed; say whether it was."""
    with monkeypatch.context() as during:
        during.setattr(stages, "MAPPING", LATER)
        life.server.fate = fate
        mortal(during, fate)
        try:
            with life.process(NOW + timedelta(minutes=5)) as stage:
                stage.apply()
        except (Killed, StoreError):
            assert fate.is_dead
    life.server.fate = Fate()
    return fate.is_dead


def holds(server: MemoryTarget) -> tuple[object, object]:
    return {n: u.roles for n, u in server.users.items()}, {n: r.permissions for n, r in server.roles.items()}


def owns(store: Stores) -> tuple[object, ...]:
    found = store.holdings.owned("prod")
    return found.users, found.roles, {name: roles for name, roles in found.grants.items() if roles}


def killed_at_each(copied: Copy, monkeypatch: pytest.MonkeyPatch, *, each: int = 1) -> None:
    """Kill a pass at every `each`-th of its points, and see that the next one finishes it."""
    first, undisturbed = Life(copied("", "first")), Fate()
    first.begins()
    whole = first.again(copied("first", "whole"))
    assert not lived(whole, monkeypatch, undisturbed)
    with whole.process(NOW + timedelta(hours=1)) as stage:
        wanted, ours = holds(whole.server), owns(stage.store)
    points = [
        (what, number, before)
        for what, most in undisturbed.seen.items()
        for number in range(1, most + 1)
        for before in (True, False)
    ]
    assert 50 < len(points)
    for what, number, before in points[::each]:
        life = first.again(copied("first", f"{what}{number}{before}"))
        at = f"killed {'before' if before else 'after'} {what} {number}"
        assert lived(life, monkeypatch, Fate(what, number, before)), at
        _finishes(life, monkeypatch, at, wanted=wanted, ours=ours)


@pytest.fixture
def copied_file(tmp_path: Path, migrated_file: Path) -> Copy:
    def copied(old: str, new: str) -> str:
        shutil.copy(tmp_path / old if old else migrated_file, tmp_path / new)
        return f"sqlite:///{tmp_path / new}"

    return copied


@pytest.fixture
def copied_database(postgres_url: str) -> Iterator[Copy]:
    made: list[str] = []

    def told(command: str) -> None:
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            connection.execute(command.encode())

    def copied(old: str, new: str) -> str:
        made.append(f"kill_{new}".lower())
        told(f"CREATE DATABASE {made[-1]} TEMPLATE {f'kill_{old}' if old else 'template1'}")
        return postgres_url.replace("/postgres?", f"/{made[-1]}?")

    yield copied
    for name in made:
        told(f"DROP DATABASE {name} WITH (FORCE)")


def test_a_pass_may_be_killed_at_some_of_its_points(copied_file: Copy, monkeypatch: pytest.MonkeyPatch) -> None:
    killed_at_each(copied_file, monkeypatch, each=9)


@pytest.mark.servers
def test_a_pass_may_be_killed_anywhere(copied_file: Copy, monkeypatch: pytest.MonkeyPatch) -> None:
    killed_at_each(copied_file, monkeypatch)


@pytest.mark.servers
def test_a_pass_may_be_killed_anywhere_on_postgresql(copied_database: Copy, monkeypatch: pytest.MonkeyPatch) -> None:
    killed_at_each(copied_database, monkeypatch)


def _finishes(
    life: Life, monkeypatch: pytest.MonkeyPatch, at: str, *, wanted: tuple[object, object], ours: tuple[object, ...]
) -> None:
    with monkeypatch.context() as during, life.process(NOW + timedelta(hours=1)) as stage:
        during.setattr(stages, "MAPPING", LATER)
        assert () == unsound(stage.store.database), at
        assert 0 == stage.apply().exit_code(), at
        assert wanted == holds(life.server), at
        assert ours == owns(stage.store), at
        assert () == stage.store.ledger.unsettled("prod"), at
        assert stage.store.installation.doubt() is None, at
        assert () == unsound(stage.store.database), at
        assert 0 == stage.store.records.verify().wrong, at
        again = stage.plan().plan
        assert again is not None
        assert () == again.changes, at
