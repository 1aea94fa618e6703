"""What is known of people now, poll by poll, and for whom a poll changed something.

Each source is polled by itself, so that one that hangs does not keep the others waiting; what every source said last is
joined anew after each poll.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from threading import RLock

from syncd.intake import Intake, Reading, gather, read_one
from syncd.mapping.compile import compile_desired
from syncd.mapping.narrow import Lens, Who, changed, cleared
from syncd.mapping.select import chooses
from syncd.model import Deployment, DesiredState, Dialect, Directory, Group, Level, Rule, Rules, Scope
from syncd.ports import Journal, Source

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


class Census:
    """The directory as it is known now. Any thread may call."""

    def __init__(self) -> None:
        self._lock = RLock()
        self._readings: dict[str, Reading] = {}
        self._lens: Lens | None = None
        self._rejoin = False
        """Whether the sources, or how they are joined, are other ones than when the directory was made."""

    @property
    def lens(self) -> Lens | None:
        """The directory, ready to be narrowed: it has a lock of its own."""
        with self._lock:
            return self._lens

    @property
    def directory(self) -> Directory | None:
        """Everybody; None before anything was read."""
        with self._lock:
            return self._lens.directory if self._lens else None

    @property
    def is_unread(self) -> bool:
        """Say whether a source was neither read nor found to fail since we run."""
        with self._lock:
            return any(reading.failure == UNREAD for reading in self._readings.values())

    def reading(self, source: str) -> Reading | None:
        with self._lock:
            return self._readings.get(source)

    def recall(self, sources: Iterable[Source], rules: Rules, intake: Intake) -> None:
        """Begin with what the database knows; each source is held over until it was read once."""
        with self._lock:
            self._rejoin = self._lens is not None
            for name in [source.name for source in sources]:
                saved = intake.journal.last_snapshot(name)
                self._readings.setdefault(name, Reading(name, None, saved, UNREAD))
            known = {name: reading for name, reading in self._readings.items() if reading.earlier is not None}
            if known and self._lens is None:
                # as if just read: what changed while nobody looked is what the first poll finds
                last = [Reading(name, r.earlier, r.earlier) for name, r in known.items()]
                self._lens = Lens(gather(last, rules.bindings, intake))

    def forget_others(self, sources: Iterable[Source]) -> None:
        """Forget what is said by sources that are not configured any more."""
        with self._lock:
            names = {source.name for source in sources}
            self._readings = {name: reading for name, reading in self._readings.items() if name in names}

    def poll(self, source: Source, rules: Rules, intake: Intake) -> Moved | None:
        """Read a source, and say for whom that changes anything; None where for nobody."""
        return self._take(read_one(source, intake), rules, intake)

    def follow(self, source: str, rules: Rules, intake: Intake, *, journal: Journal, failure: str) -> Moved | None:
        """Take what another replica read and saved."""
        saved = journal.last_snapshot(source)
        return self._take(Reading(source, None if failure else saved, saved, failure), rules, intake)

    def _take(self, reading: Reading, rules: Rules, intake: Intake) -> Moved | None:
        with self._lock:
            last = self._readings.get(reading.source)
            self._readings[reading.source] = reading
            if self._lens is not None and last is not None and not self._rejoin and _same(last, reading):
                return None
            before, after = self._lens, Lens(gather(tuple(self._readings.values()), rules.bindings, intake))
            self._lens, self._rejoin = after, False
        if before is None:
            return Moved(after, after, frozenset(), frozenset(after.directory.groups))
        who, clear = changed(before.directory, after.directory), cleared(before.directory, after.directory)
        return Moved(before, after, who, clear) if who or clear else None

    def narrowed(self, scope: Scope, deployment: Deployment) -> Directory | None:
        """Give the directory that a pass with this scope needs.

        That is no more than its people, unless accounts are found by e-mail there, or something is in doubt.
        """
        with self._lock:
            if self._lens is None or scope.usernames is None or deployment.match_email or not self._lens.is_certain:
                return self.directory
            return self._lens.narrowed(self._lens.known_as(scope.usernames, deployment), deployment)

    def usernames(self, who: Iterable[Who], rules: Rules, deployment: Deployment, *, now: datetime) -> frozenset[str]:
        """Give the account names of people there, of those who are given something."""
        with self._lock:
            if self._lens is None:
                return frozenset()
            return frozenset(wanted(self._lens, frozenset(who), rules, deployment, now=now).users)

    def found(self, words: Iterable[str], deployment: Deployment) -> frozenset[Who]:
        """Find people by account name or e-mail."""
        with self._lock:
            return self._lens.known_as(words, deployment) if self._lens else frozenset()

    def names(self, who: Iterable[Who], deployment: Deployment) -> frozenset[str]:
        """Give the account names that these people would have, whether or not they are given anything."""
        with self._lock:
            return self._lens.names_of(who, deployment) if self._lens else frozenset()

    def members(self, group: str) -> frozenset[Who] | None:
        """Name who is in a group, `source:name` or `source:id`, or was when it was read before; None: no such group."""
        source, _, word = group.partition(":")
        with self._lock:
            reading = self._readings.get(source)
        snapshots = [s for s in (reading.fresh, reading.earlier) if s is not None] if reading else []
        found = [g for s in snapshots for g in s.groups if word in {g.id, g.name}]
        if not found:
            return None
        return frozenset((source, id_) for g in found for id_ in g.members)


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
