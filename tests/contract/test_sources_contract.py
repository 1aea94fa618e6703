"""One contract for every source: whole, or certified incomplete, or an error; sorted; the same twice; nobody made up.

Each source has a suite of its own for its lies; what is here holds for all. The last one is a toy (docs/adding-a-source.md).
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import entra_world
import okta_world
import pytest
from roster import RosterSettings, RosterSource

from syncd.directory.join import join, lay_over
from syncd.errors import CursorLost, SourceUnavailable
from syncd.model import Snapshot
from syncd.ports import Source
from syncd.sandbox.entra.lies import LieKind
from syncd.sources.file import FileSource
from syncd.sources.kind import SourceSurroundings

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


@dataclass
class Subject:
    """A source, the truth behind it, a way to take somebody out of a group, and to break the connection."""

    source: Source
    truth: Callable[[], Mapping[str, frozenset[str]]]
    take_out: Callable[[], tuple[str, str]]
    """Gives the name of the group and the id of the person."""
    cut: Callable[[], None]
    """Nothing can be read any more."""
    breaks: Callable[[], None]
    """What is read ends before its end."""
    secret: str = ""
    """What it proves with who it is."""


@contextmanager
def a_roster(folder: Path) -> Iterator[Subject]:
    file = folder / "roster.txt"
    file.write_text("+ finance anna\n+ ops anna\n+ finance böb\n+ empty cleo\n- empty cleo\n", encoding="utf-8")
    teams = {"finance": {"anna", "böb"}, "ops": {"anna"}, "empty": set[str]()}

    def take_out() -> tuple[str, str]:
        teams["finance"].remove("anna")
        with file.open("a", encoding="utf-8") as grown:
            grown.write("- finance anna\n")
        return "finance", "anna"

    yield Subject(
        RosterSource("roster", RosterSettings(file, "example.com"), SourceSurroundings(lambda: NOW)),
        lambda: {n: frozenset(m) for n, m in teams.items()},
        take_out,
        file.unlink,
        lambda: os.truncate(file, 30),
    )


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
        lambda: os.truncate(folder / "all.json", 100),
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

        def breaks() -> None:
            server.lie("lost_next", "members", times=None)

        yield Subject(
            okta_world.source(url, folder),
            lambda: {g.name: frozenset(g.members) for g in org.teams.values()},
            take_out,
            cut,
            breaks,
            okta_world.TOKEN,
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

        def breaks() -> None:
            world.standin.lie(LieKind.LOST_LINK, "/members", times=10**9)

        yield Subject(world.source(where), world.truth, take_out, cut, breaks, world.standin.authority.client.secret)


@pytest.fixture(params=[a_file, an_okta, an_entra, a_roster], ids=["file", "okta", "entra", "roster"])
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


def test_what_ends_before_its_end_is_never_whole(subject: Subject) -> None:
    subject.breaks()
    truth = subject.truth()
    try:
        read = subject.source.read()
    except SourceUnavailable:
        return
    active = {i.id for i in read.identities if i.active}
    broken = {group.name: group.certificate.why for group in read.groups if not group.certificate.complete}
    assert {} != broken
    assert "" not in broken.values()
    for group in read.groups:
        assert group.name in broken or truth[group.name] & active <= group.members, group.name


def test_what_changed_leads_to_what_a_read_of_everything_says(subject: Subject) -> None:
    feed = subject.source.feed
    if feed is None:
        return
    before, cursor = feed.read_from_here(None)
    quiet, cursor = feed.refresh(before, cursor)
    assert members(before) == members(quiet)
    group, person = subject.take_out()
    after, _ = feed.refresh(quiet, cursor)
    assert person not in members(after)[group]
    assert members(subject.source.read()) == members(after)


def test_a_cursor_that_is_none_asks_for_a_full_read(subject: Subject) -> None:
    feed = subject.source.feed
    if feed is not None:
        before, _ = feed.read_from_here(None)
        with pytest.raises(CursorLost):
            feed.refresh(before, "what is this?")


def test_a_source_that_was_closed_twice_can_be_read_again(subject: Subject) -> None:
    first = subject.source.read()
    subject.source.close()
    subject.source.close()
    assert members(first) == members(subject.source.read())


def test_no_secret_is_in_an_error(subject: Subject) -> None:
    subject.cut()
    with pytest.raises(SourceUnavailable) as failed:
        subject.source.read()
    assert not subject.secret or subject.secret not in f"{failed.value!r} {failed.value.__cause__!r}"
