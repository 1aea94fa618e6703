"""Reading every source: what changed where that is enough, everything where it is due; and taking note of it.

what is asked of a source                                             | then
----------------------------------------------------------------------|-----------------------------------------------
it cannot say what changed, or has no cursor, or a full read is asked | everything is read
its last full read is younger than `full_read_every`                  | what changed since the cursor is read
its last full read is older                                           | everything, and it is compared with what the
                                                                      | changes alone had led to
the cursor is no longer accepted                                      | everything is read; nothing is lost
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from syncd.directory.divergence import diverged
from syncd.directory.doubt import NOT_READ
from syncd.directory.expand import expand
from syncd.directory.group_names import new_names
from syncd.directory.join import doubts, join, lay_over
from syncd.directory.named_people import named_people, new_pins
from syncd.errors import CursorLost, SourceUnavailable, StoreError
from syncd.model import BY_EMAIL, Directory, Joining, Rules, Snapshot
from syncd.ports import Feed, Readings, Source

FULL_READ_EVERY = timedelta(hours=6)


@dataclass(frozen=True, slots=True)
class Intake:
    """How sources are read. `full` asks for everything, whatever the database says.

    keeps  whether what was read is kept, for the next read to go on from and to be laid over
    pins   whether what a group name means is remembered from now on
    """

    readings: Readings
    clock: Callable[[], datetime]
    emit: Callable[..., None]
    workers: int = 4
    joining: Joining = BY_EMAIL
    full_read_every: timedelta = FULL_READ_EVERY
    full: bool = False
    keeps: bool = True
    pins: bool = True


@dataclass(frozen=True, slots=True)
class Reading:
    """What one source said, and what was saved of it before. `fresh` is None where it failed; `failure` says why."""

    source: str
    fresh: Snapshot | None
    earlier: Snapshot | None
    failure: str = ""


@dataclass(frozen=True, slots=True)
class _Read:
    """One read that gave an answer. `cursor` is None of a source that cannot say what changed."""

    snapshot: Snapshot
    cursor: str | None
    full: bool


def read_sources(sources: Sequence[Source], rules: Rules, intake: Intake) -> Directory:
    """Read every source and lay each read over the last certified one; a source that fails keeps its last read."""
    with ThreadPoolExecutor(max(1, intake.workers), thread_name_prefix="source") as pool:
        readings = list(pool.map(lambda source: read_one(source, intake), sources))
    return gather(readings, rules, intake)


def read_one(source: Source, intake: Intake) -> Reading:
    """Read a source and keep what it said, or that it failed."""
    read = _read(source, intake)
    earlier = intake.readings.last_snapshot(source.name)
    if isinstance(read, str):
        if intake.keeps:
            intake.readings.source_failed(source.name, read, now=intake.clock())
        return Reading(source.name, None, earlier, read)
    fresh = read.snapshot
    if intake.keeps:
        saved, in_doubt = lay_over(fresh, earlier), doubts(fresh, earlier)
        intake.readings.save_snapshot(saved, cursor=read.cursor, full=read.full, doubts=in_doubt)
    return Reading(source.name, fresh, earlier)


def gather(readings: Sequence[Reading], rules: Rules, intake: Intake) -> Directory:
    """Join what every source said last; one of which there is no reading failed: it was not read yet.

    What a group name in a rule means, and who is one person, is remembered at first sight, by whoever carries out what the
    rules say; a plan of a proposed change must not decide it.
    """
    joining = intake.joining
    fresh = {r.source: r.fresh for r in readings if r.fresh is not None}
    earlier = {r.source: r.earlier for r in readings if r.earlier is not None}
    silent = dict.fromkeys(joining.precedence, NOT_READ) | {r.source: r.failure for r in readings}
    failed = {source: why for source, why in silent.items() if source not in fresh}
    known = intake.readings.known_persons(joining.key)
    directory = join(fresh, earlier, failed, names=intake.readings.group_names(), joining=joining, known=known)
    directory = replace(directory, named=named_people(rules.bindings, directory))
    if not intake.pins:
        return directory
    found = {**new_names(expand(rules, directory).rules.bindings, directory), **new_pins(directory)}
    intake.readings.remember_groups(found, now=intake.clock())
    intake.readings.remember_persons(directory.joins, joining.key, now=intake.clock())
    return replace(directory, names={**directory.names, **found})


def _read(source: Source, intake: Intake) -> _Read | str:
    try:
        read = _whole_or_changes(source, intake)
    except StoreError:
        raise
    except SourceUnavailable as error:
        intake.emit("source_failed", source=source.name, error=str(error))
        return str(error)
    except Exception as error:  # noqa: BLE001 - a source that breaks must not stop the others; logged whole
        intake.emit("source_failed", source=source.name, error=repr(error), exc_info=error)
        return f"unexpected {type(error).__name__}: {error}; this is a defect, see the log"
    found = read.snapshot
    intake.emit(
        "snapshot_read",
        source=source.name,
        full=read.full,
        people=len(found.identities),
        groups=len(found.groups),
        incomplete=sum(1 for group in found.groups if not group.certificate.complete),
        **({"ignored": dict(source.ignored)} if source.ignored else {}),
    )
    return read


def _whole_or_changes(source: Source, intake: Intake) -> _Read:
    feed = source.feed
    if feed is None:
        return _Read(source.read(), None, full=True)
    # The cursor first: a snapshot that is newer than its cursor only sees some changes twice.
    known = intake.readings.last_cursor(source.name)
    earlier = intake.readings.last_snapshot(source.name)
    if known is None or earlier is None:
        return _Read(*feed.read_from_here(earlier), full=True)
    cursor, full_at = known
    is_young = timedelta(0) <= intake.clock() - full_at < intake.full_read_every
    if intake.full or not is_young:
        return _compared(feed, earlier, cursor, intake=intake)
    try:
        return _Read(*feed.refresh(earlier, cursor), full=False)
    except CursorLost as lost:
        intake.emit("cursor_lost", source=source.name, why=str(lost))
        return _Read(*feed.read_from_here(earlier), full=True)


def _compared(feed: Feed, earlier: Snapshot, cursor: str, *, intake: Intake) -> _Read:
    """Read everything, between two refreshes that show what reading only the changes would have led to."""
    before = _refreshed(feed, earlier, cursor)
    full = _Read(*feed.read_from_here(earlier), full=True)
    after = _refreshed(feed, *before) if before else None
    if before and after:
        groups, people = diverged(before[0], full.snapshot, after[0])
        if groups or people:
            intake.emit("divergence_found", source=full.snapshot.source, groups=list(groups), people=list(people))
    return full


def _refreshed(feed: Feed, earlier: Snapshot, cursor: str) -> tuple[Snapshot, str] | None:
    """Refresh for comparison; nothing to compare where that cannot be done, and the full read says more anyway."""
    try:
        return feed.refresh(earlier, cursor)
    except SourceUnavailable:
        return None
