"""What the daemon knows of people: from the first moment, while the database fails, and while others look."""

from __future__ import annotations

from threading import Event, Thread

import pytest
from desks import RULES, Desk, away, desk
from mapping_world import NOW

from syncd.daemon.directory_cache import UNREAD
from syncd.directory.read_sources import gather
from syncd.errors import StoreError
from syncd.model import JoinKey, KnownPersons

__all__ = ["desk"]


@pytest.mark.finding("H-E1")
def test_a_database_that_fails_once_loses_no_change(desk: Desk) -> None:
    desk.recall()
    desk.poll(desk.okta)
    desk.okta.members.discard("ann")
    for fails in (1, 2):  # the question whether names mean something else, and the one for joining
        desk.memory.on_names = [lambda: None] * (fails - 1) + [away]
        with pytest.raises(StoreError):
            desk.poll(desk.okta)
        assert {"ann", "bob"} == desk.known()
    moved = desk.poll(desk.okta)
    assert moved is not None
    assert ("okta", "ann") in moved.who
    assert {"bob"} == desk.known()


@pytest.mark.finding("H-E7")
def test_nobody_waits_while_another_thread_waits_for_the_database(desk: Desk) -> None:
    desk.recall()
    desk.poll(desk.okta)
    waits, go, looked = Event(), Event(), Event()
    desk.okta.members.add("dee")

    def wait() -> None:
        waits.set()
        assert go.wait(60)

    def look() -> None:
        assert {"ann", "bob"} == desk.known()
        assert desk.cache.is_unread
        assert desk.cache.reading("okta")
        assert desk.cache.view
        looked.set()

    desk.memory.on_names = [lambda: None, wait]
    threads = [Thread(target=desk.poll, args=(desk.okta,), daemon=True), Thread(target=look, daemon=True)]
    threads[0].start()
    assert waits.wait(60)
    threads[1].start()
    assert looked.wait(60), "it waits for the one that waits for the database"
    go.set()
    threads[0].join(60)
    assert {"ann", "bob", "dee"} == desk.known()


@pytest.mark.finding("H-E7")
def test_what_another_source_said_while_one_was_joined_is_not_lost(desk: Desk) -> None:
    desk.recall()
    desk.memory.on_names = [lambda: None, lambda: desk.polls(desk.people)]
    moved = desk.poll(desk.okta)
    assert moved is not None
    assert {("okta", "ann"), ("okta", "bob")} <= moved.who
    assert {"ann", "bob", "cid"} == desk.known()
    assert not desk.cache.is_unread


@pytest.mark.finding("X-F0")
def test_each_source_is_unread_from_the_first_moment_whatever_the_database_does(desk: Desk) -> None:
    assert desk.cache.is_unread
    desk.memory.on_last = [away]
    with pytest.raises(StoreError):
        desk.recall()
    assert (True, False) == desk.unread()
    desk.poll(desk.people)
    assert desk.cache.directory is not None
    assert {"okta": UNREAD} == desk.cache.directory.failed
    assert frozenset({"people"}) == desk.cache.directory.read
    desk.recall()
    assert (True, True) == desk.unread()


@pytest.mark.finding("X-F0")
def test_a_source_without_a_reading_is_joined_as_one_that_was_not_read(desk: Desk) -> None:
    desk.poll(desk.people)
    reading = desk.cache.reading("people")
    assert reading is not None
    found = gather([reading], RULES, desk.intake)
    assert {"okta": "it was not read yet"} == found.failed


@pytest.mark.finding("X-F0")
def test_a_source_that_comes_into_the_configuration_is_unread_and_one_that_goes_is_forgotten(desk: Desk) -> None:
    desk.recall()
    desk.poll(desk.okta)
    desk.poll(desk.people)
    assert (False, True) == desk.unread()
    desk.cache.configure(["okta", "entra"])
    assert (True, False) == desk.unread()
    assert desk.poll(desk.people) is None, "it is not configured any more"
    desk.recall()
    assert {"ann", "bob"} == desk.known()


@pytest.mark.finding("X-F1")
def test_what_was_saved_is_not_taken_for_what_is_so_now(desk: Desk) -> None:
    desk.memory.snapshots["okta"] = desk.okta.read()
    desk.recall()
    found = desk.cache.directory
    assert found is not None
    assert found.failed["okta"] == UNREAD
    assert [False] == [m.certified for m in found.groups.values()]


@pytest.mark.finding("X-F2")
def test_that_a_name_means_another_group_is_noticed_by_the_next_poll(desk: Desk) -> None:
    desk.recall()
    desk.poll(desk.okta)
    desk.okta.ids, desk.okta.members = "2", {"dee"}
    desk.poll(desk.okta)
    assert desk.poll(desk.okta) is None
    desk.memory.names["okta", "team"] = "okta-2"
    moved = desk.poll(desk.okta)
    assert moved is not None
    assert ("okta", "dee") in moved.who
    assert ("okta", "okta-2") in moved.cleared, "who was in the old group is looked at too"
    assert desk.poll(desk.okta) is None


@pytest.mark.finding("X-F2")
def test_that_accounts_are_one_person_is_noticed_by_the_next_poll(desk: Desk) -> None:
    desk.recall()
    desk.poll(desk.okta)
    desk.poll(desk.people)
    desk.people.members.add("ann")  # whose e-mail ann of okta has
    desk.poll(desk.people)
    directory = desk.cache.directory
    assert directory is not None
    [waiting] = directory.waiting
    assert desk.poll(desk.people) is None
    desk.memory.remember_persons(KnownPersons({(i.source, i.id): "ann" for i in waiting}), JoinKey.EMAIL, now=NOW)
    moved = desk.poll(desk.people)
    assert moved is not None
    assert {("okta", "ann"), ("people", "ann")} <= moved.who


@pytest.mark.finding("C-34")
@pytest.mark.parametrize("called", ["Pr\u00fcfung", "Pru\u0308fung"])
@pytest.mark.parametrize("asked", ["Pr\u00fcfung", "Pru\u0308fung"])
def test_a_group_is_found_in_whichever_form_its_name_is_written(desk: Desk, called: str, asked: str) -> None:
    desk.okta.called = called
    desk.recall()
    desk.poll(desk.okta)
    assert frozenset({("okta", "ann"), ("okta", "bob")}) == desk.cache.members(f"okta:{asked}")
    assert desk.cache.members("okta:Prufung") is None
