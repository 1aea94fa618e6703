"""One contract for every source: whole, or certified incomplete, or an error; sorted; the same twice; nobody made up.

Each source has a suite of its own for its lies; what is here holds for all three.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import entra_world
import okta_world
import pytest

from syncd.directory.join import join, lay_over
from syncd.errors import SourceUnavailable
from syncd.model import Snapshot
from syncd.ports import Source
from syncd.sources.file import FileSource

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


@dataclass
class Subject:
    """A source, the truth behind it, a way to take somebody out of a group, and to break the connection."""

    source: Source
    truth: Callable[[], Mapping[str, frozenset[str]]]
    take_out: Callable[[], tuple[str, str]]
    """Gives the name of the group and the id of the person."""
    cut: Callable[[], None]


@contextmanager
def a_file(folder: Path) -> Iterator[Subject]:
    groups = {"finance": ["anna", "böb"], "ops": ["anna"], "empty": []}

    def write() -> None:
        people = [{"login": n, "email": f"{n}@example.com"} for n in ("anna", "böb")]
        listed = [{"name": n, "members": m} for n, m in groups.items()]
        (folder / "all.json").write_text(json.dumps({"people": people, "groups": listed}), encoding="utf-8")

    def take_out() -> tuple[str, str]:
        groups["finance"].remove("anna")
        write()
        return "finance", "anna"

    write()
    yield Subject(
        FileSource("file", folder, now=lambda: NOW),
        lambda: {n: frozenset(m) for n, m in groups.items()},
        take_out,
        (folder / "all.json").unlink,
    )


@contextmanager
def an_okta(folder: Path) -> Iterator[Subject]:
    server = okta_world.stand_in()
    org = server.org
    with server.serve() as url:

        def take_out() -> tuple[str, str]:
            group = next(g for g in org.teams.values() if g.name == "airflow-many")
            person = sorted(p for p in group.members if org.people[p].status == "ACTIVE")[0]
            org.leave(group.id, person)
            return group.name, person

        def cut() -> None:
            server.ssws.clear()

        yield Subject(
            okta_world.source(url, folder),
            lambda: {g.name: frozenset(g.members) for g in org.teams.values()},
            take_out,
            cut,
        )


@contextmanager
def an_entra(_: Path) -> Iterator[Subject]:
    world = entra_world.World()
    with world.standin.serve() as where:

        def take_out() -> tuple[str, str]:
            world.tenant.leave(world.finance, world.people[0])
            return "finance", world.people[0]

        def cut() -> None:
            world.standin.graph.rights = type(world.standin.graph.rights)(groups=False)

        yield Subject(world.source(where), world.truth, take_out, cut)


@pytest.fixture(params=[a_file, an_okta, an_entra], ids=["file", "okta", "entra"])
def subject(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Subject]:
    with request.param(tmp_path) as subject:
        yield subject


def members(snapshot: Snapshot) -> dict[str, frozenset[str]]:
    return {group.name: group.members for group in snapshot.groups}


def test_a_quiet_source_is_read_whole(subject: Subject) -> None:
    read = subject.source.read()
    assert all(group.certificate.complete for group in read.groups)
    assert all(group.certificate.count == len(group.members) for group in read.groups)
    active = {i.id for i in read.identities if i.active}
    for name, wanted in subject.truth().items():
        assert wanted & active == members(read)[name] & active, name


def test_two_reads_are_equal_and_sorted(subject: Subject) -> None:
    first, second = subject.source.read(), subject.source.read()
    assert members(first) == members(second)
    assert (
        [i.id for i in first.identities] == [i.id for i in second.identities] == sorted(i.id for i in first.identities)
    )
    assert [g.id for g in first.groups] == [g.id for g in second.groups] == sorted(g.id for g in first.groups)


def test_every_member_is_known_and_every_name_is_of_the_source(subject: Subject) -> None:
    read = subject.source.read()
    known = {i.id for i in read.identities}
    assert {subject.source.name} == {
        read.source,
        *(i.source for i in read.identities),
        *(g.source for g in read.groups),
    }
    assert all(group.members <= known for group in read.groups)
    assert all(i.login for i in read.identities)


def test_who_left_is_gone_at_the_next_read(subject: Subject) -> None:
    before = subject.source.read()
    group, person = subject.take_out()
    after = subject.source.read()
    assert person in members(before)[group]
    assert person not in members(after)[group]


def test_a_source_that_fails_says_so_and_takes_nothing(subject: Subject) -> None:
    before = lay_over(subject.source.read(), None)
    subject.cut()
    with pytest.raises(SourceUnavailable) as failed:
        subject.source.read()
    name = subject.source.name
    joined = join({}, {name: before}, {name: str(failed.value)})
    assert {(name, g.id): g.members for g in before.groups} == {k: m.members for k, m in joined.groups.items()}
    assert len(str(failed.value)) > 20, "a sentence"
