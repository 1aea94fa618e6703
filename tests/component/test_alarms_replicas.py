"""Alarms of several replicas with one database and one chat, all of them real: each alarm is told once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta

import pytest
from notify_world import Chat, chat_service
from store_samples import NOW

from syncd.daemon.alarms import Alarms
from syncd.daemon.due_alarms import SETTLE, Rhythm
from syncd.notify import Notifier, NotifySettings, Webhook
from syncd.ports import Acknowledged, Silence
from syncd.store import Stores

GATHER = timedelta(seconds=30)
REPEAT = timedelta(hours=24)


class Site:
    """Replicas that share a database, each with a connection of its own, and tell one chat."""

    def __init__(self, database_url: str, chat: Chat) -> None:
        self.now, self.chat, self._url = NOW, chat, database_url
        self.opened: list[Stores] = []

    def replica(self) -> Alarms:
        store = Stores.open(self._url, clock=lambda: self.now)
        self.opened.append(store)
        settings = NotifySettings(webhooks=(Webhook(f"{self.chat.url}/hook", "json"),))
        notifier = Notifier(settings, emit=_nothing, pause=lambda _: None)
        rhythm = Rhythm(REPEAT, GATHER)
        return Alarms(store.presence, notifier, clock=lambda: self.now, rhythm=rhythm, emit=_nothing)

    @property
    def told(self) -> list[tuple[str, int]]:
        """Give what was posted: beginning or end, and of how many."""
        bodies = [json.loads(body) for _, _, body in self.chat.posts]
        return [(body["state"], len(body["alarms"])) for body in bodies]


def _nothing(_event: str, /, **_facts: object) -> None: ...


@pytest.fixture
def site(database_url: str) -> Iterator[Site]:
    with chat_service() as chat:
        made = Site(database_url, chat)
        yield made
        for store in made.opened:
            with closing(store):
                pass


def together(*replicas: Alarms) -> None:
    """Let all of them look at the same time."""
    with ThreadPoolExecutor(len(replicas)) as pool:
        list(pool.map(Alarms.deliver, replicas))


@pytest.mark.finding("N-483")
def test_an_outage_that_three_replicas_see_is_one_message_and_so_is_its_end(site: Site) -> None:
    replicas = [site.replica() for _ in range(3)]
    for number in range(60):
        replicas[number % 3].raise_("unreachable", f"airflow-{number:03}", "no answer")
    for replica in replicas:
        replica.raise_("config_invalid", "files", "line 3")  # which all of them see
    together(*replicas)
    assert [] == site.told
    site.now += GATHER
    together(*replicas)
    together(*replicas)
    assert 61 == sum(count for _, count in site.told)
    assert {"firing"} == {state for state, _ in site.told}
    assert 1 == len(site.told)

    for number in range(60):
        replicas[number % 3].clear("unreachable", f"airflow-{number:03}")
    together(*replicas)
    site.now += SETTLE
    together(*replicas)
    together(*replicas)
    assert [("firing", 61), ("cleared", 60)] == site.told[:2]


def test_a_restart_between_raising_and_telling_tells_once(site: Site) -> None:
    first = site.replica()
    for number in range(10):
        first.raise_("unreachable", f"airflow-{number:03}", "no answer")
    first.deliver()
    second = site.replica()
    site.now += GATHER
    second.deliver()
    third = site.replica()
    third.deliver()
    assert [("firing", 10)] == site.told


def test_what_a_person_says_counts_for_every_replica_at_its_next_look(site: Site) -> None:
    one, other = site.replica(), site.replica()
    presence = site.opened[0].presence
    presence.silence(Silence(NOW + timedelta(hours=4), "anna", "an upgrade", kind="unreachable"), now=NOW)
    one.raise_("unreachable", "prod", "no answer")
    other.raise_("held", "prod", "2 changes")
    for _ in range(2):
        together(one, other)
        site.now += GATHER
    assert [("firing", 1)] == site.told, "held alone"
    assert presence.acknowledge(("held", "prod"), NOW, Acknowledged(site.now, "anna", "on it"))
    site.now += timedelta(hours=4)
    together(one, other)
    assert [("firing", 1), ("firing", 1)] == site.told
    site.now += REPEAT + GATHER
    together(one, other)
    assert 3 == len(site.told), "what is acknowledged is not repeated, the other is"
