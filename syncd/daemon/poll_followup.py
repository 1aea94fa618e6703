"""What follows from a poll, and from the hours of a binding: functions of values, so that their tables are their tests.

what changed on a deployment of ours          | what is queued there
----------------------------------------------|------------------------------------------------------------
somebody loses something, or was deactivated  | a pass over the people concerned, as a LOSS, before any gain
somebody only gains                           | a pass over the people concerned, as a GAIN
a group that a rule there names is not in     | a look at everything: what was kept in doubt may go, of
doubt any more, or means another one now      | whomever
nothing                                       | nothing

how the source stands                         | alarms
----------------------------------------------|------------------------------------------------------------
nobody ever read it                           | as they are
it failed                                     | `source_failed`; those of its groups as they are
a group was not read whole, for too long      | `source_failed` ends; `uncertified`
read                                          | both end
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from syncd.daemon import words
from syncd.daemon.delta import (
    DeploymentDelta,
    DirectoryDelta,
    concerned,
    deployment_deltas,
    out_of_doubt,
    released,
    turned,
)
from syncd.daemon.words import Say
from syncd.daemon.work_item import Urgency, WorkItem
from syncd.directory.narrow import DirectoryView
from syncd.model import EVERYTHING, Deployment, Directory, Rule, Rules, Scope
from syncd.ports import SourceHealth

PERSONS = "persons"
"""What the alarm of accounts that may be one person is about: no source by itself."""


@dataclass(frozen=True, slots=True)
class InForce:
    """What counts now: the rules, and the deployments that this replica changes."""

    rules: Rules
    ours: Sequence[Deployment]


@dataclass(frozen=True, slots=True)
class PollTimes:
    """When a poll began that saw a change, and the one before it, which did not (monotonic; None: no poll did)."""

    at: float | None = None
    before: float | None = None


@dataclass(frozen=True, slots=True)
class Work:
    """What is to be queued, in this order; `deployments`: on how many something changes for people."""

    puts: tuple[tuple[str, WorkItem], ...] = ()
    deployments: int = 0


def work_of(moved: DirectoryDelta, basis: InForce, *, now: datetime, seen: PollTimes) -> Work:
    """Say what is to be done about what a poll changed."""
    found = deployment_deltas(moved, basis.rules, basis.ours, now=now)
    people = tuple(_of_people(found, "people", seen))
    return Work((*people, *_of_all(moved, basis)), len(found))


def _of_people(found: Mapping[str, DeploymentDelta], command: str, seen: PollTimes) -> Iterator[tuple[str, WorkItem]]:
    for name, change in sorted(found.items(), key=lambda item: not item[1].loss):
        urgency = Urgency.LOSS if change.loss else Urgency.GAIN
        scope = Scope(change.usernames)
        yield name, WorkItem(scope, command, urgency, earlier=change.earlier, seen_at=seen.at, bound_at=seen.before)


def _of_all(moved: DirectoryDelta, basis: InForce) -> Iterator[tuple[str, WorkItem]]:
    if moved.before is moved.after:
        return  # the first directory: the start looks at everything
    due = concerned(out_of_doubt(moved, basis.rules), basis.rules, moved.after.directory, basis.ours)
    for name in sorted(due | released(moved, basis.rules, basis.ours)):
        yield name, WorkItem(EVERYTHING, "people", Urgency.WHOLE)


@dataclass(frozen=True, slots=True)
class Ends:
    """The rules that began or stopped to give something, of how many people, and what is to be done about it."""

    rules: tuple[Rule, ...] = ()
    people: int = 0
    work: Work = field(default_factory=Work)


def ends_of(view: DirectoryView, basis: InForce, *, since: datetime, now: datetime) -> Ends:
    """Find what began or ended after `since`: by `from` and `until`, and by windows that opened and closed."""
    who, over = turned(view, basis.rules, since=since, now=now)
    if not over:
        return Ends()
    found = deployment_deltas(DirectoryDelta(view, view, who), basis.rules, basis.ours, before_at=since, now=now)
    return Ends(over, len(who), Work(tuple(_of_people(found, "expiry", PollTimes())), len(found)))


@dataclass(frozen=True, slots=True)
class Doubts:
    """Since when the groups of a source are in doubt (monotonic), and for how long that is nobody's business."""

    since: Mapping[str, float] = field(default_factory=dict)
    patience_s: float = 0.0


def alarms_of(
    source: str, stands: SourceHealth | None, doubts: Doubts, *, now: float
) -> tuple[Doubts, tuple[Say, ...]]:
    """Say which alarms follow from how a source stands, and since when what is in doubt."""
    if stands is None:
        return doubts, ()
    if stands.failed_at is not None:
        return doubts, (Say("source_failed", source, words.source_failed(source, stands.failure)),)
    why = {doubt.called: doubt.why for doubt in stands.doubts}
    since = {group: doubts.since.get(group, now) for group in why}
    long = sorted(group for group, then in since.items() if now - then >= doubts.patience_s)
    text = words.uncertified(long, why[long[0]]) if long else ""
    return Doubts(since, doubts.patience_s), (Say("source_failed", source), Say("uncertified", source, text))


def who_waits(directory: Directory | None) -> Say:
    """Ask about accounts that would be one person if somebody said so."""
    return Say("person_joined", PERSONS, words.person_joined(directory.notes) if directory else "")
