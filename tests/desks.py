"""A desk where sources are joined as the daemon joins them, in memory: source and memory fail when a test says so."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pytest
from fakes import MemoryReadings, ReadWhole
from mapping_world import NOW, group, person, snapshot

from syncd.daemon.delta import DirectoryDelta
from syncd.daemon.directory_cache import DirectoryCache
from syncd.directory.read_sources import Intake
from syncd.errors import SourceUnavailable, StoreError
from syncd.mapping.parse import parse
from syncd.model import Joining, Rules, Snapshot
from syncd.targets.airflow.naming import NAMING

MAPPING = "bindings:\n" + "".join(
    f"  - {{group: {source}:team, roles: [{role}], deployments: all}}\n"
    for source, role in (("okta", "Op"), ("people", "User"))
)


RULES: Rules = parse({"m.yaml": MAPPING.encode()}, namings=[NAMING])


JOINING = Joining(precedence=("okta", "people"))


@dataclass
class Memory(MemoryReadings):
    """What is kept of sources, where a question fails, or calls, when a test says so."""

    on_names: list[Callable[[], None]] = field(default_factory=list)
    """What happens at the next questions for names, one each."""
    on_last: list[Callable[[], None]] = field(default_factory=list)

    def last_snapshot(self, source: str) -> Snapshot | None:
        if self.on_last:
            self.on_last.pop(0)()
        return super().last_snapshot(source)

    def group_names(self) -> Mapping[tuple[str, str], str]:
        if self.on_names:
            self.on_names.pop(0)()
        return super().group_names()


@dataclass
class Plain(ReadWhole):
    """A source with one group, called `team` where nothing else is said."""

    name: str
    members: set[str]
    ids: str = "1"
    down: bool = False
    called: str = "team"

    def read(self) -> Snapshot:
        if self.down:
            raise SourceUnavailable("it does not answer")
        people = [person(m, source=self.name, login=f"{m}@{self.name}") for m in sorted(self.members)]
        team = group(self.called, *self.members, source=self.name, identifier=f"{self.name}-{self.ids}")
        return snapshot(people, team, source=self.name)


def away() -> None:
    raise StoreError("away for one question")


@dataclass
class Desk:
    """A cache with two sources, which nobody read yet."""

    memory: Memory = field(default_factory=Memory)
    okta: Plain = field(default_factory=lambda: Plain("okta", {"ann", "bob"}))
    people: Plain = field(default_factory=lambda: Plain("people", {"cid"}))
    cache: DirectoryCache = field(default_factory=lambda: DirectoryCache(["okta", "people"]))

    @property
    def intake(self) -> Intake:
        return Intake(self.memory, lambda: NOW, lambda *_, **__: None, joining=JOINING)

    def recall(self) -> None:
        self.cache.recall(RULES, self.intake)

    def poll(self, source: Plain) -> DirectoryDelta | None:
        return self.cache.poll(source, RULES, self.intake)

    def polls(self, source: Plain) -> None:
        self.poll(source)

    def unread(self) -> tuple[bool, bool]:
        """Say whether a source is unread, and whether what was saved is known."""
        return self.cache.is_unread, self.cache.is_recalled

    def known(self) -> set[str]:
        found = self.cache.directory
        return {id_ for _, id_ in found.identities} if found else set()


@pytest.fixture
def desk() -> Desk:
    return Desk()
