"""What is known of people now, poll by poll, and for whom a poll changed something.

Each source is polled by itself, so that one that hangs does not keep the others waiting; what every source said last is
joined anew after each poll. Every configured source has a state from the first moment on:

state     | since                                         | what it is to a pass
----------|-----------------------------------------------|------------------------------------------------------------
unread    | the start, or it came into the configuration  | as a source that failed: what was saved of it is carried over
read      | its last good poll, ours or another replica's | as read
failed    | its last poll                                 | what was saved of it is carried over
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from threading import Lock

from syncd.daemon.delta import DirectoryDelta, between
from syncd.directory.narrow import DirectoryView, PersonKey
from syncd.directory.read_sources import Intake, Reading, gather, read_one
from syncd.model import Deployment, Directory, Group, Rules, Scope, Snapshot, nfc
from syncd.ports import Source

UNREAD = "it was not read yet since syncd started"


@dataclass(frozen=True, slots=True)
class _Known:
    """Everything that is known at one moment: of each configured source what it said last, and all of it joined.

    `recalled` says whether it was looked up what the database knows of each source.
    """

    readings: Mapping[str, Reading]
    view: DirectoryView | None = None
    recalled: bool = False

    def of(self, sources: Iterable[str]) -> _Known:
        """Keep to these sources: what is said of others is forgotten, and of new ones nothing is known yet."""
        return _Known({name: self.readings.get(name) or _unread(name) for name in sources}, self.view)

    def recalling(self, saved: Mapping[str, Snapshot | None]) -> _Known:
        """Hold each source that was not read since the start over from what was saved of it."""
        readings = {
            name: replace(reading, earlier=reading.earlier or saved.get(name))
            for name, reading in self.readings.items()
        }
        return replace(self, readings=readings, recalled=True)

    def saying(self, reading: Reading) -> _Known:
        """Take what a source said; of one that is not configured any more nothing is taken."""
        if reading.source not in self.readings:
            return self
        return replace(self, readings={**self.readings, reading.source: reading})


def _unread(source: str) -> Reading:
    return Reading(source, None, None, UNREAD)


class DirectoryCache:
    """The directory as it is known now. Any thread may call; none ever waits for another one, for a join or the database.

    Sources are joined on the side and swapped in when that is done; where another source was joined meanwhile, again.
    """

    def __init__(self, sources: Iterable[str]) -> None:
        self._lock = Lock()
        self._known = _Known({name: _unread(name) for name in sources})

    @property
    def view(self) -> DirectoryView | None:
        """The directory, ready to be narrowed."""
        return self._known.view

    @property
    def directory(self) -> Directory | None:
        """Everybody; None before anything was read."""
        view = self._known.view
        return view.directory if view else None

    @property
    def is_recalled(self) -> bool:
        """Say whether it is known what was saved of each source; before that nothing may be concluded from anything."""
        return self._known.recalled

    @property
    def is_unread(self) -> bool:
        """Say whether a source was neither read nor found to fail since we run."""
        return any(reading.failure == UNREAD for reading in self._known.readings.values())

    def reading(self, source: str) -> Reading | None:
        return self._known.readings.get(source)

    def configure(self, sources: Iterable[str]) -> None:
        """Know these sources and no other ones; what was saved of them has to be recalled."""
        names = tuple(sources)
        with self._lock:
            self._known = self._known.of(names)

    def recall(self, rules: Rules, intake: Intake) -> None:
        """Begin with what the database knows; each source is carried over until it was read once."""
        saved = {name: intake.readings.last_snapshot(name) for name in self._known.readings}
        while True:
            known = self._known
            recalled = known.recalling(saved)
            if any(reading.fresh or reading.earlier for reading in recalled.readings.values()):
                recalled = _joined(recalled, rules, intake)
            if recalled.readings.keys() - saved.keys() or self._swap(known, recalled):
                return

    def poll(self, source: Source, rules: Rules, intake: Intake) -> DirectoryDelta | None:
        """Read a source, and say for whom that changes anything; None where for nobody."""
        return self._take(read_one(source, intake), rules, intake)

    def follow(self, source: str, rules: Rules, intake: Intake, *, failure: str) -> DirectoryDelta | None:
        """Take what another replica read and saved just now, or that it failed."""
        saved = intake.readings.last_snapshot(source)
        return self._take(Reading(source, None if failure else saved, saved, failure), rules, intake)

    def _take(self, reading: Reading, rules: Rules, intake: Intake) -> DirectoryDelta | None:
        names = intake.readings.group_names()
        while True:
            known = self._known
            accepted = known.view is not None and _were_accepted(known.view.directory, intake)
            told = known.saying(reading)
            if told is known:
                return None
            before, is_same = known.view, _same(known.readings[reading.source], reading)
            if before is not None and is_same and names == before.directory.names and not accepted:
                if self._swap(known, told):
                    return None
                continue
            joined = _joined(told, rules, intake)
            if self._swap(known, joined):
                assert joined.view is not None
                return between(before, joined.view)

    def _swap(self, before: _Known, after: _Known) -> bool:
        """Put in what follows from `before`, unless that is not what is known any more."""
        with self._lock:
            if self._known is not before:
                return False
            self._known = after
            return True

    def narrowed(self, scope: Scope, deployment: Deployment, rules: Rules) -> Directory | None:
        """Give the directory that a pass with this scope needs.

        That is no more than its people, unless accounts are found by e-mail there, or something is in doubt.
        """
        view = self._known.view
        if view is None or scope.usernames is None or deployment.match_email or not view.is_certain_for(rules.bindings):
            return view.directory if view else None
        return view.narrowed(view.known_as(scope.usernames, deployment), deployment)

    def found(self, words: Iterable[str], deployment: Deployment) -> frozenset[PersonKey]:
        """Find people by account name or e-mail."""
        view = self._known.view
        return view.known_as(words, deployment) if view else frozenset()

    def names(self, who: Iterable[PersonKey], deployment: Deployment) -> frozenset[str]:
        """Give the account names that these people would have, whether or not they are given anything."""
        view = self._known.view
        return view.names_of(who, deployment) if view else frozenset()

    def members(self, group: str) -> frozenset[PersonKey] | None:
        """Name who is in a group, `source:name` or `source:id`, or was when it was read before; None: no such group."""
        source, _, word = group.partition(":")
        reading = self.reading(source)
        snapshots = [s for s in (reading.fresh, reading.earlier) if s is not None] if reading else []
        found = [g for s in snapshots for g in s.groups if word == g.id or nfc(word) == nfc(g.name)]
        if not found:
            return None
        return frozenset((source, id_) for g in found for id_ in g.members)


def _were_accepted(directory: Directory, intake: Intake) -> bool:
    """Say whether accounts that waited to be known as one person are that by now."""
    if not directory.waiting:
        return False
    known = intake.readings.known_persons(intake.joining.key).persons
    names = ([known.get((i.source, i.id), "") for i in these] for these in directory.waiting)
    return any(all(of) and len(set(of)) == 1 for of in names)


def _joined(known: _Known, rules: Rules, intake: Intake) -> _Known:
    return replace(known, view=DirectoryView(gather(tuple(known.readings.values()), rules, intake)))


def _same(last: Reading, now: Reading) -> bool:
    """Say whether two readings of a source are the same in all that matters, at little cost."""
    if last.failure != now.failure:
        return False
    a, b = last.fresh, now.fresh
    if a is None or b is None:
        return a is b and last.earlier is now.earlier
    return (
        (a.identities is b.identities or a.identities == b.identities)
        and len(a.groups) == len(b.groups)
        and all(x is y or _alike(x, y) for x, y in zip(a.groups, b.groups, strict=True))
    )


def _alike(x: Group, y: Group) -> bool:
    return (x.id, x.name, x.certificate.complete, x.certificate.why) == (
        y.id,
        y.name,
        y.certificate.complete,
        y.certificate.why,
    ) and (x.members is y.members or x.members == y.members)
