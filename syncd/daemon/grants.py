"""Timed grants while the daemon runs: which are in force is asked of the database every second, whoever wrote it there.

what a look finds                              | then
-----------------------------------------------|---------------------------------------------------------------
a grant that is in force, and was not          | a pass over its person
one that was in force, and is not              | the same, as a LOSS
one whose time is over, or whose person left   | it is written down as over, for good
the first look of this process                 | nothing is queued: the start looks at everything
"""

from __future__ import annotations

import socket
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from syncd.daemon.common import Common, Shared
from syncd.daemon.delta import deployment_delta, wanted
from syncd.daemon.loaded import Loaded
from syncd.daemon.work_item import Urgency, WorkItem
from syncd.directory.narrow import DirectoryView
from syncd.mapping.granted import with_grants
from syncd.model import Directory, GrantState, GrantWord, Scope, TimedGrant
from syncd.reconcile import ITSELF, end_grants, revisions_had

LOOK_EVERY: Final = timedelta(seconds=1)


class GrantWatch:
    """Looks which grants are in force, and queues what follows. One thread looks at a time."""

    def __init__(self, shared: Shared, common: Common) -> None:
        self._fleet = shared.fleet
        self._cache = shared.cache
        self._queue = shared.queue
        self._assignment = shared.assignment
        self._grants = shared.store.grants
        self._emit = common.runtime.emit
        self._clock = common.runtime.clock
        self._looked_at: datetime | None = None

    def look(self) -> None:
        """Look once.

        Raises:
            StoreError: nobody can say which are in force; those of the last look are.
        """
        now, view = self._clock(), self._cache.view
        if view is None or not self._cache.is_recalled:
            return
        self.end(view.directory)
        active = tuple(grant for grant in self._grants.open() if grant.state(now) is GrantState.ACTIVE)
        before, last = self._fleet.now.grants, self._looked_at
        self._looked_at = now
        if active != before:
            loaded = self._fleet.use_grants(active)
            moved = set(before) ^ set(active)
            self._emit("grants_changed", active=len(active), changed=len(moved))
            if last is not None:
                self._put(loaded, view, moved, before=before, since=last)

    def end(self, directory: Directory) -> None:
        """Write down which grants are over for good by what is known now."""
        end_grants(self._grants, directory, GrantWord(ITSELF, socket.gethostname(), self._clock()), self._emit)

    def _put(
        self,
        loaded: Loaded,
        view: DirectoryView,
        moved: Iterable[TimedGrant],
        *,
        before: Iterable[TimedGrant],
        since: datetime,
    ) -> None:
        """Queue passes over those for whom something is other than at the last look."""
        who: dict[str, set[tuple[str, str]]] = {}
        for grant in moved:
            who.setdefault(grant.request.deployment, set()).add(grant.request.who)
        had = revisions_had(loaded.world, who)
        for name, people in sorted(who.items()):
            target = loaded.targets.get(name)
            if target is None or not target.enforce or not self._assignment.is_ours(name):
                continue
            closed, lines = view.closed(people, target.deployment), loaded.rules_at(had[name])
            was = wanted(view, closed, with_grants(lines, before), target.deployment, now=since)
            is_ = wanted(view, closed, lines, target.deployment, now=self._clock())
            if (change := deployment_delta(was, is_)) is not None:
                urgency = Urgency.LOSS if change.loss else Urgency.GAIN
                self._queue.put(name, WorkItem(Scope(change.usernames), "grant", urgency, earlier=change.earlier))
