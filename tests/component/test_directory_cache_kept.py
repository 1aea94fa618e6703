"""What the daemon knows of people is shared by replicas, outlives a restart, and is told by an alarm."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from desks import JOINING, RULES, Desk, Plain, desk
from mapping_world import NOW

from syncd.daemon.common import Common, Shared
from syncd.daemon.directory_cache import UNREAD, DirectoryCache
from syncd.daemon.polls import Polls
from syncd.daemon.runtime import Runtime
from syncd.daemon.words import Say
from syncd.model import KnownPersons
from syncd.store import Stores

__all__ = ["desk"]


# --- with another replica ---------------------------------------------------------------------------------------------


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[tuple[Stores, Stores]]:
    url = f"sqlite:///{tmp_path}/syncd.db"
    with closing(Stores.open(url)) as ours, closing(Stores.open(url)) as theirs:
        yield ours, theirs


def polls(store: Stores, cache: DirectoryCache, *sources: Plain) -> Polls:
    """Make the polls of a replica that polls these sources and works on no deployment."""
    nothing: Any = lambda *_, **__: None  # noqa: E731
    daemon = SimpleNamespace(poll=timedelta(seconds=15), stale_after=timedelta(hours=1))
    world = SimpleNamespace(
        sources=sources,
        rules=RULES,
        asked=RULES,
        revisions=None,
        targets=(),
        joining=JOINING,
        full_read_every=timedelta(hours=6),
    )
    fleet = SimpleNamespace(now=SimpleNamespace(world=world, settings=SimpleNamespace(daemon=daemon)))
    runtime = Runtime(nothing, lambda: NOW, lambda: 0.0, lambda: False)
    alarms: Any = SimpleNamespace(say=nothing)
    database: Any = SimpleNamespace(back=nothing)
    assignment = SimpleNamespace(replicas=("a", "b"), is_ours=lambda _: True)
    shared = Shared(cast("Any", fleet), cache, cast("Any", None), cast("Any", assignment), store)
    return Polls(shared, Common(alarms, database, runtime))


@pytest.mark.finding("X-F1")
@pytest.mark.parametrize("was_saved", [False, True])
def test_what_another_replica_still_reads_was_not_read(
    stores: tuple[Stores, Stores], desk: Desk, *, was_saved: bool
) -> None:
    """Nothing was saved, or days ago: either way it is not what is so now, until the other one saved what it reads."""
    ours, theirs = stores
    it = polls(ours, desk.cache, desk.okta, desk.people)
    if was_saved:
        theirs.readings.save_snapshot(replace(desk.okta.read(), taken_at=NOW - timedelta(days=3)))
    it.recall()
    with theirs.leases.take("source okta"):
        it.poll("okta", now=True)
        it.poll("people", now=True)
        assert (True, True) == desk.unread()
        assert desk.cache.directory is not None
        assert {"okta": UNREAD} == desk.cache.directory.failed
        theirs.readings.save_snapshot(replace(desk.okta.read(), taken_at=NOW))
        it.poll("okta", now=True)
    assert (False, True) == desk.unread()
    assert {} == desk.cache.directory.failed
    assert {"ann", "bob", "cid"} == desk.known()


@pytest.mark.finding("X-F0")
def test_a_poll_recalls_what_the_start_could_not(stores: tuple[Stores, Stores], desk: Desk) -> None:
    ours, theirs = stores
    theirs.readings.save_snapshot(desk.okta.read())
    it = polls(ours, desk.cache, desk.okta, desk.people)
    assert (True, False) == desk.unread()
    it.poll("people", now=True)
    assert (True, True) == desk.unread()
    assert {"ann", "bob", "cid"} == desk.known(), "okta is carried over from what was saved"


@pytest.mark.finding("C-11")
def test_an_alarm_asks_about_accounts_that_come_to_share_a_key_until_somebody_answers(
    stores: tuple[Stores, Stores], desk: Desk
) -> None:
    it, raised = polls(stores[0], desk.cache, desk.okta, desk.people), dict[tuple[str, str], str]()

    def say(this: Say) -> None:
        raised[this.kind, this.subject] = this.text
        if not this.text:
            del raised[this.kind, this.subject]

    alarms: Any = SimpleNamespace(say=say)
    it._alarms = alarms
    for name in ("okta", "people"):
        it.poll(name, now=True)
    assert {} == raised
    desk.people.members.add("ann")  # whose e-mail ann of okta has
    it.poll("people", now=True)
    assert ["syncd accept-person okta:ann people:ann"] == [t.rpartition(": ")[2] for t in raised.values()]
    stores[0].readings.remember_persons(
        KnownPersons({("okta", "ann"): "a", ("people", "ann"): "a"}), JOINING.key, now=NOW
    )
    it.poll("people", now=True)
    assert {} == raised
