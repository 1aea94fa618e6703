"""Snapshots that change a little, in one process and between several: patches, and what each knows of the newest."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest
from store_samples import NOW, at

from syncd.errors import StoreError
from syncd.model import Certificate, Group, Identity, Snapshot
from syncd.store import Stores, codec, patches
from syncd.store.patches import MOST

PEOPLE = 400


def person(number: int, *, name: str = "") -> Identity:
    return Identity("okta", f"u{number:04}", f"user{number}", f"user{number}@example.com", name or "Ann", f"N{number}")


def group(number: int, members: frozenset[str], *, minute: int = 0) -> Group:
    return Group("okta", f"g{number}", f"group {number}", members, Certificate(1, len(members), None, at(minute), True))


def directory(people: int = PEOPLE) -> Snapshot:
    everybody = tuple(person(n) for n in range(people))
    ids = frozenset(p.id for p in everybody)
    return Snapshot("okta", everybody, (group(1, ids), group(2, frozenset(sorted(ids)[:10]))), NOW)


def joined(before: Snapshot, number: int, minute: int) -> Snapshot:
    """Give a read that finds one more person, in the first group."""
    new = person(number)
    people = tuple(sorted((*before.identities, new), key=lambda p: p.id))
    first, *rest = before.groups
    return replace(
        before,
        identities=people,
        groups=(group(1, first.members | {new.id}, minute=minute), *rest),
        taken_at=at(minute),
    )


@pytest.fixture
def other(database_url: str, store: Stores) -> Iterator[Stores]:
    """Another process on the same database."""
    del store
    with closing(Stores.open(database_url)) as opened:
        yield opened


def count(store: Stores, table: str) -> int:
    with store.database.read() as connection:
        return int(connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one())


# --- patches ----------------------------------------------------------------------------------------------------------


def there_and_back(before: Snapshot, after: Snapshot) -> Snapshot:
    patch = patches.patch_to(before, after)
    assert patch is not None
    found = patches.patched(before, codec.loads(codec.dumps(patch)))
    return codec.timed(found, codec.loads(codec.times_to(after)))


@pytest.mark.parametrize("seed", range(30))
def test_any_change_can_be_told_as_a_patch_also_in_lists_without_an_order(seed: int) -> None:
    chance = random.Random(seed)

    def drawn() -> Snapshot:
        people = [person(n, name=chance.choice("AB")) for n in chance.sample(range(12), chance.randint(0, 12))]
        groups = [
            group(n, frozenset(f"u{m:04}" for m in chance.sample(range(12), 4)), minute=chance.randint(0, 3))
            for n in chance.sample(range(5), chance.randint(0, 5))
        ]
        if chance.random() < 0.5:
            people, groups = sorted(people, key=lambda p: p.id), sorted(groups, key=lambda g: g.id)
        return Snapshot("okta", tuple(people), tuple(groups), at(chance.randint(0, 9)))

    before, after = drawn(), drawn()
    assert after == there_and_back(before, after)


def test_a_patch_of_one_joiner_is_short() -> None:
    before = directory()
    patch = patches.patch_to(before, joined(before, 9000, 1))
    assert len(codec.dumps(patch)) < 400


def test_times_are_no_part_of_a_patch() -> None:
    before = directory()
    later = replace(before, groups=tuple(group(n, before.groups[n - 1].members, minute=5) for n in (1, 2)))
    patch = patches.patch_to(before, later)
    assert patch is not None
    assert patches.is_empty(patch)


def test_too_large_a_change_and_another_source_have_no_patch() -> None:
    empty = Snapshot("okta", (), (), NOW)
    many = replace(empty, identities=tuple(person(n) for n in range(MOST + 1)))
    assert [None, None] == [patches.patch_to(empty, many), patches.patch_to(empty, replace(empty, source="entra"))]


# --- kept -------------------------------------------------------------------------------------------------------------


def test_a_small_change_is_written_beside_the_whole(store: Stores, other: Stores) -> None:
    read = directory()
    store.readings.save_snapshot(read)
    for number in range(3):
        read = joined(read, 9000 + number, number)
        store.readings.save_snapshot(read)
    assert (1, 3) == (count(store, "snapshots"), count(store, "snapshot_patches"))
    assert read == store.readings.last_snapshot("okta") == other.readings.last_snapshot("okta")


def test_a_quiet_poll_neither_reads_nor_writes_the_whole(store: Stores) -> None:
    read = directory()
    store.readings.save_snapshot(read)
    with store.database.write() as connection:
        connection.exec_driver_sql("UPDATE snapshots SET body = 'spoilt'")
    later = replace(read, taken_at=at(5))
    store.readings.save_snapshot(later)
    assert later is store.readings.last_snapshot("okta")


def test_another_process_follows_with_what_it_has_not_yet(store: Stores, other: Stores) -> None:
    read = directory()
    store.readings.save_snapshot(read)
    assert read == other.readings.last_snapshot("okta")
    with store.database.write() as connection:
        connection.exec_driver_sql("UPDATE snapshots SET body = 'spoilt'")
    for number in range(3):
        read = joined(read, 9000 + number, number)
        store.readings.save_snapshot(read)
    assert read == other.readings.last_snapshot("okta")
    read = joined(read, 8000, 9)
    other.readings.save_snapshot(read)
    assert read == store.readings.last_snapshot("okta")


def test_a_process_that_did_not_see_the_newest_writes_the_whole(store: Stores, other: Stores) -> None:
    read = directory()
    store.readings.save_snapshot(read)
    assert read == other.readings.last_snapshot("okta")
    store.readings.save_snapshot(joined(read, 9000, 1))
    last = joined(read, 8000, 2)
    other.readings.save_snapshot(last)
    assert last == other.readings.last_snapshot("okta") == store.readings.last_snapshot("okta")
    assert 2 == count(store, "snapshots")


def test_a_small_change_of_what_is_not_the_newest_any_more_is_no_patch(store: Stores, other: Stores) -> None:
    read = directory()
    store.readings.save_snapshot(read)
    other.readings.save_snapshot(directory(2))
    last = joined(read, 8000, 2)
    store.readings.save_snapshot(last)
    assert last == other.readings.last_snapshot("okta") == store.readings.last_snapshot("okta")
    assert (3, 0) == (count(store, "snapshots"), count(store, "snapshot_patches"))


def test_going_back_to_the_whole_is_noticed_by_who_knew_a_patch(
    store: Stores, other: Stores, database_url: str
) -> None:
    read = directory()
    store.readings.save_snapshot(read)
    store.readings.save_snapshot(joined(read, 9000, 1))
    assert joined(read, 9000, 1) == other.readings.last_snapshot("okta")
    with closing(Stores.open(database_url)) as third:
        third.readings.save_snapshot(replace(read, taken_at=at(7)))
        assert (1, 0) == (count(store, "snapshots"), count(store, "snapshot_patches"))
    assert replace(read, taken_at=at(7)) == other.readings.last_snapshot("okta") == store.readings.last_snapshot("okta")


def test_many_small_changes_become_a_new_whole(store: Stores, other: Stores) -> None:
    read = directory(60)
    store.readings.save_snapshot(read)
    for number in range(60):
        read = joined(read, 1000 + number, number)
        store.readings.save_snapshot(read)
    assert 1 < count(store, "snapshots") < 20
    assert read == other.readings.last_snapshot("okta")


def test_a_save_that_fails_is_not_taken_for_the_newest(store: Stores, other: Stores) -> None:
    read = directory()
    store.readings.save_snapshot(read)
    lost = joined(read, 9000, 1)
    with pytest.raises(StoreError, match="without a zone"):
        store.readings.save_snapshot(replace(lost, taken_at=lost.taken_at.replace(tzinfo=None)))
    assert read == store.readings.last_snapshot("okta") == other.readings.last_snapshot("okta")
