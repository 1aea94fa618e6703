"""What is known of people now, poll by poll, and for whom a poll changed something.

Each source is polled by itself, so that one that hangs does not keep the others waiting; what every source said last is
joined anew after each poll. Every configured source has a state from the first moment on:

state     | since                                         | what it is to a pass
----------|-----------------------------------------------|------------------------------------------------------------
unread    | the start, or it came into the configuration  | as a source that failed: what was saved of it is held over
read      | its last good poll, ours or another replica's | as read
failed    | its last poll                                 | what was saved of it is held over
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from threading import Lock

from syncd.intake import Intake, Reading, gather, read_one
from syncd.mapping.compile import compile_desired
from syncd.mapping.narrow import Lens, Who, changed, cleared
from syncd.mapping.select import chooses
from syncd.model import Deployment, DesiredState, Dialect, Directory, Group, Level, Rule, Rules, Scope, Snapshot
from syncd.ports import Source

UNREAD = "it was not read yet since syncd started"
_NO_DIALECT = Dialect(frozenset(), {level: (frozenset(), frozenset()) for level in Level})
"""Who holds which role does not depend on how a server spells what is in it."""


@dataclass(frozen=True, slots=True)
class Moved:
    """What a poll changed: for these people, and groups that came out of doubt, so that a look at everybody is due."""

    before: Lens
    after: Lens
    who: frozenset[Who]
    cleared: frozenset[Who] = frozenset()


@dataclass(frozen=True, slots=True)
class _Known:
    """Everything that is known at one moment: of each configured source what it said last, and all of it joined.

    `recalled` says whether it was looked up what the database knows of each source.
    """

    readings: Mapping[str, Reading]
    lens: Lens | None = None
    recalled: bool = False

    def of(self, sources: Iterable[str]) -> _Known:
        """Keep to these sources: what is said of others is forgotten, and of new ones nothing is known yet."""
        return _Known({name: self.readings.get(name) or _unread(name) for name in sources}, self.lens)

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


class Census:
    """The directory as it is known now. Any thread may call; none ever waits for another one, for a join or the database.

    Sources are joined on the side and swapped in when that is done; where another source was joined meanwhile, again.
    """

    def __init__(self, sources: Iterable[str]) -> None:
        self._lock = Lock()
        self._known = _Known({name: _unread(name) for name in sources})

    @property
    def lens(self) -> Lens | None:
        """The directory, ready to be narrowed."""
        return self._known.lens

    @property
    def directory(self) -> Directory | None:
        """Everybody; None before anything was read."""
        lens = self._known.lens
        return lens.directory if lens else None

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
        """Begin with what the database knows; each source is held over until it was read once."""
        saved = {name: intake.journal.last_snapshot(name) for name in self._known.readings}
        while True:
            known = self._known
            recalled = known.recalling(saved)
            if any(reading.fresh or reading.earlier for reading in recalled.readings.values()):
                recalled = _joined(recalled, rules, intake)
            if recalled.readings.keys() - saved.keys() or self._swap(known, recalled):
                return

    def poll(self, source: Source, rules: Rules, intake: Intake) -> Moved | None:
        """Read a source, and say for whom that changes anything; None where for nobody."""
        return self._take(read_one(source, intake), rules, intake)

    def follow(self, source: str, rules: Rules, intake: Intake, *, failure: str) -> Moved | None:
        """Take what another replica read and saved just now, or that it failed."""
        saved = intake.journal.last_snapshot(source)
        return self._take(Reading(source, None if failure else saved, saved, failure), rules, intake)

    def _take(self, reading: Reading, rules: Rules, intake: Intake) -> Moved | None:
        names = intake.journal.group_names()
        while True:
            known = self._known
            accepted = known.lens is not None and _were_accepted(known.lens.directory, intake)
            told = known.saying(reading)
            if told is known:
                return None
            before, is_same = known.lens, _same(known.readings[reading.source], reading)
            if before is not None and is_same and names == before.directory.names and not accepted:
                if self._swap(known, told):
                    return None
                continue
            joined = _joined(told, rules, intake)
            if self._swap(known, joined):
                assert joined.lens is not None
                return _moved(before, joined.lens)

    def _swap(self, before: _Known, after: _Known) -> bool:
        """Put in what follows from `before`, unless that is not what is known any more."""
        with self._lock:
            if self._known is not before:
                return False
            self._known = after
            return True

    def narrowed(self, scope: Scope, deployment: Deployment) -> Directory | None:
        """Give the directory that a pass with this scope needs.

        That is no more than its people, unless accounts are found by e-mail there, or something is in doubt.
        """
        lens = self._known.lens
        if lens is None or scope.usernames is None or deployment.match_email or not lens.is_certain:
            return lens.directory if lens else None
        return lens.narrowed(lens.known_as(scope.usernames, deployment), deployment)

    def found(self, words: Iterable[str], deployment: Deployment) -> frozenset[Who]:
        """Find people by account name or e-mail."""
        lens = self._known.lens
        return lens.known_as(words, deployment) if lens else frozenset()

    def names(self, who: Iterable[Who], deployment: Deployment) -> frozenset[str]:
        """Give the account names that these people would have, whether or not they are given anything."""
        lens = self._known.lens
        return lens.names_of(who, deployment) if lens else frozenset()

    def members(self, group: str) -> frozenset[Who] | None:
        """Name who is in a group, `source:name` or `source:id`, or was when it was read before; None: no such group."""
        source, _, word = group.partition(":")
        reading = self.reading(source)
        snapshots = [s for s in (reading.fresh, reading.earlier) if s is not None] if reading else []
        found = [g for s in snapshots for g in s.groups if word in {g.id, g.name}]
        if not found:
            return None
        return frozenset((source, id_) for g in found for id_ in g.members)


def _were_accepted(directory: Directory, intake: Intake) -> bool:
    """Say whether accounts that waited to be known as one person are that by now."""
    if not directory.waiting:
        return False
    known = intake.journal.known_persons(intake.joining.key).persons
    names = ([known.get((i.source, i.id), "") for i in these] for these in directory.waiting)
    return any(all(of) and len(set(of)) == 1 for of in names)


def _joined(known: _Known, rules: Rules, intake: Intake) -> _Known:
    return replace(known, lens=Lens(gather(tuple(known.readings.values()), rules.bindings, intake)))


def _moved(before: Lens | None, after: Lens) -> Moved | None:
    if before is None:
        return Moved(after, after, frozenset(), frozenset(after.directory.groups))
    who, clear = changed(before.directory, after.directory), cleared(before.directory, after.directory)
    return Moved(before, after, who, clear) if who or clear else None


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


def wanted(lens: Lens, who: frozenset[Who], rules: Rules, deployment: Deployment, *, now: datetime) -> DesiredState:
    """Work out what the rules want of these people on one deployment; of roles, no more than who holds them."""
    directory = lens.narrowed(who, deployment)
    return compile_desired(rules, directory, deployment, inventory=(), dialect=_NO_DIALECT, now=now)


@dataclass(frozen=True, slots=True)
class Turn:
    """What changes for people on one deployment. `loss`: somebody loses something."""

    usernames: frozenset[str]
    earlier: DesiredState
    loss: bool


def turn(before: DesiredState, after: DesiredState) -> Turn | None:
    """Compare what was wanted of some people with what is; None where it is the same."""
    names = before.users.keys() | after.users.keys()
    was = {name: _roles(before, name) for name in names}
    is_ = {name: _roles(after, name) for name in names}
    left = after.inactive.keys() - before.inactive.keys()  # they lose what was frozen for them too
    moved = frozenset(name for name in names if was[name] != is_[name]) | left
    if not moved:
        return None
    return Turn(moved, before, loss=bool(left) or any(was[name] - is_[name] for name in moved))


def _roles(state: DesiredState, name: str) -> frozenset[str]:
    return state.users[name].roles if name in state.users else frozenset()


def turns(
    moved: Moved, rules: Rules, deployments: Sequence[Deployment], *, now: datetime, before_at: datetime | None = None
) -> dict[str, Turn]:
    """Say for whom on which deployment something changes.

    What changes is the directory, or the time: `before_at` (default: `now`) is when the one before held.
    """
    found: dict[str, Turn] = {}
    for deployment in deployments:
        who = moved.before.closed(moved.who, deployment) | moved.after.closed(moved.who, deployment)
        was = wanted(moved.before, who, rules, deployment, now=before_at or now)
        is_ = wanted(moved.after, who, rules, deployment, now=now)
        if (change := turn(was, is_)) is not None:
            found[deployment.name] = change
    return found


def concerned(
    groups: frozenset[Who], rules: Rules, directory: Directory, deployments: Sequence[Deployment]
) -> frozenset[str]:
    """Name the deployments with a rule for one of these groups."""
    named = {(source, directory.groups[source, id_].group.name) for source, id_ in groups}
    named |= {name for name, id_ in directory.names.items() if (name[0], id_) in groups}
    rules_ = [
        r for r in rules.bindings if (r.group.source, r.group.id) in groups or (r.group.source, r.group.name) in named
    ]
    return frozenset(d.name for d in deployments if any(chooses(rule, d) for rule in rules_))


def until_over(lens: Lens, rules: Rules, *, since: datetime, now: datetime) -> tuple[frozenset[Who], tuple[Rule, ...]]:
    """Find the rules that ended after `since`, and who is in their groups."""
    over = tuple(rule for rule in rules.bindings if rule.until is not None and since < rule.until <= now)
    directory = lens.directory
    ids = {(r.group.source, r.group.id) for r in over}
    names = {(r.group.source, r.group.name) for r in over}
    ids |= {
        (source, directory.names[source, name]) for source, name in names if name and (source, name) in directory.names
    }
    groups = [m for where, m in directory.groups.items() if where in ids or (where[0], m.group.name) in names]
    return frozenset((m.group.source, id_) for m in groups for id_ in m.members), over
