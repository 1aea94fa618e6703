"""Everybody in a source, for who asks: its own complete list with a certificate, and never who was seen in some group."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import entra_world
import okta_world
import pytest

from syncd.errors import CursorLost, SourceUnavailable
from syncd.model import EVERYONE, Group, Snapshot
from syncd.ports import Source
from syncd.sandbox.entra.lies import LieKind
from syncd.sources.file import FileSource

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


@dataclass
class Crowd:
    """A source that is asked for everybody, the same one not asked, who is there, and what can happen to people."""

    asked: Source
    unasked: Source
    truth: Callable[[], frozenset[str]]
    hire: Callable[[], str]
    deactivate: Callable[[], str]
    breaks: Callable[[], object]


@contextmanager
def a_file(folder: Path) -> Iterator[Crowd]:
    people = {"anna": True, "bob": True}
    file = folder / "all.json"

    def write() -> None:
        listed = [{"login": n, "active": active} for n, active in people.items()]
        file.write_text(json.dumps({"people": listed, "groups": [{"name": "few", "members": ["anna"]}]}))

    def hire() -> str:
        people["cid"] = True
        write()
        return "cid"

    def deactivate() -> str:
        people["bob"] = False
        write()
        return "bob"

    write()
    source, plain = (FileSource("file", folder, now=lambda: NOW, everyone=asked) for asked in (True, False))
    yield Crowd(source, plain, lambda: frozenset(people), hire, deactivate, lambda: file.write_text("{"))


@contextmanager
def an_okta(folder: Path) -> Iterator[Crowd]:
    server = okta_world.stand_in()
    org = server.org
    org.add_everyone()
    with server.serve() as url:

        def deactivate() -> str:
            org.set_status(hired[0], "DEPROVISIONED")
            return hired[0]

        hired = [org.add_user("early@corp.example")]
        yield Crowd(
            okta_world.source(url, folder, everyone=True),
            okta_world.source(url, folder),
            lambda: frozenset(org.people),
            lambda: org.add_user("late@corp.example"),
            deactivate,
            lambda: server.lie("lost_next", "members", times=None),
        )


@contextmanager
def an_entra(_: Path) -> Iterator[Crowd]:
    world = entra_world.World()
    tenant = world.tenant
    hired = tenant.add_user("early")
    with world.standin.serve() as where:

        def deactivate() -> str:
            tenant.change_user(hired, accountEnabled=False)
            return hired

        yield Crowd(
            world.source(where, everyone=True),
            world.source(where),
            lambda: frozenset(tenant.users) - tenant.agents,
            lambda: tenant.add_user("late"),
            deactivate,
            lambda: world.standin.lie(LieKind.LOST_LINK, r"^/users\?", times=10**9),
        )


@pytest.fixture(params=[a_file, an_okta, an_entra], ids=["file", "okta", "entra"])
def crowd(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Crowd]:
    with request.param(tmp_path) as crowd:
        yield crowd


def everybody(snapshot: Snapshot) -> Group | None:
    return next((group for group in snapshot.groups if group.id == EVERYONE), None)


def test_it_is_read_for_who_asks_and_costs_nobody_else_anything(crowd: Crowd) -> None:
    group = everybody(crowd.asked.read())
    assert group is not None
    assert (True, len(group.members)) == (group.certificate.complete, group.certificate.independent_count)
    assert crowd.truth() == group.members
    assert everybody(crowd.unasked.read()) is None


def test_everybody_is_known_and_sorted(crowd: Crowd) -> None:
    read = crowd.asked.read()
    ids = [identity.id for identity in read.identities]
    assert crowd.truth() <= set(ids)
    assert sorted(ids) == ids
    assert sorted(g.id for g in read.groups) == [g.id for g in read.groups]


def test_who_is_hired_and_who_is_deactivated_is_seen_by_the_next_look(crowd: Crowd) -> None:
    feed = crowd.asked.feed
    before, cursor = feed.read_from_here(None) if feed else (crowd.asked.read(), "")
    hired, gone = crowd.hire(), crowd.deactivate()
    after = feed.refresh(before, cursor)[0] if feed else crowd.asked.read()
    group = everybody(after)
    assert group is not None
    assert group.certificate.complete
    assert hired in group.members
    active = {identity.id for identity in after.identities if identity.active}
    assert (True, False) == (hired in active, gone in active)


def test_a_quiet_look_changes_nothing(crowd: Crowd) -> None:
    feed = crowd.asked.feed
    if feed is None:
        return
    before, cursor = feed.read_from_here(None)
    after, _ = feed.refresh(before, cursor)
    assert before.identities == after.identities
    assert [(g.id, g.members, g.certificate.complete) for g in before.groups] == [
        (g.id, g.members, g.certificate.complete) for g in after.groups
    ]


def test_a_list_that_ends_before_its_end_is_not_everybody(crowd: Crowd) -> None:
    crowd.breaks()
    try:
        group = everybody(crowd.asked.read())
    except SourceUnavailable:
        return
    assert group is not None
    assert not group.certificate.complete
    assert group.certificate.why


def test_what_was_not_read_whole_is_read_again(crowd: Crowd) -> None:
    feed = crowd.asked.feed
    if feed is None:
        return
    crowd.breaks()
    before, cursor = feed.read_from_here(None)
    after, _ = feed.refresh(before, cursor)
    group = everybody(after)
    assert group is not None
    assert not group.certificate.complete, "and is in doubt for as long as that does not help"


def test_a_cursor_of_who_did_not_ask_leads_to_a_full_read(crowd: Crowd) -> None:
    feed, plain = crowd.asked.feed, crowd.unasked.feed
    if feed is None or plain is None:
        return
    before, cursor = plain.read_from_here(None)
    with pytest.raises(CursorLost):
        feed.refresh(before, cursor)


def test_okta_that_shows_no_group_of_everybody_says_what_hides_it(tmp_path: Path) -> None:
    server = okta_world.stand_in()
    with server.serve() as url:
        group = everybody(okta_world.source(url, tmp_path, everyone=True).read())
    assert group is not None
    assert "Okta shows no group Everyone to this credential: an administrator role may hide it" == group.certificate.why
