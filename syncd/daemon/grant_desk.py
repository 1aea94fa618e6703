"""What people ask of timed grants while the daemon runs; implements `control.GrantControl`."""

from __future__ import annotations

from syncd.access.granting import GrantGround, GrantPlace, GrantRefused, GrantWish, check_approval, may_end, requested
from syncd.control import NotKnown, NotNow
from syncd.daemon.common import Common, Shared
from syncd.model import GrantWord, TimedGrant


class GrantDesk:
    """Writes down what was said of grants; `GrantWatch` sees it within a second. Any thread may call."""

    def __init__(self, shared: Shared, common: Common) -> None:
        self._fleet = shared.fleet
        self._cache = shared.cache
        self._store = shared.store
        self._emit = common.runtime.emit

    def listed(self, *, every: bool, limit: int, offset: int) -> tuple[TimedGrant, ...]:
        """List grants, the newest first; `every`: those too of which an end was written down."""
        if every:
            return self._store.grants.newest(limit, offset=offset)
        return tuple(reversed(self._store.grants.open()))[offset : offset + limit]

    def get(self, number: int) -> TimedGrant:
        found = self._store.grants.get(number)
        if found is None:
            raise NotKnown(f"there is no grant {number}")
        return found

    def ask(self, wish: GrantWish, word: GrantWord) -> TimedGrant:
        made = self._store.grants.ask(requested(wish, self._ground(wish.deployment), asked=word))
        self._emit("grant_asked", grant=made.id, by=word.by, deployment=wish.deployment, role=wish.role)
        return made

    def approve(self, number: int, word: GrantWord) -> TimedGrant:
        found = self.get(number)
        check_approval(found, self._ground(found.request.deployment), word)
        return self._said(self._store.grants.give(number, word), number)

    def revoke(self, number: int, word: GrantWord, why: str) -> TimedGrant:
        if not may_end(self.get(number), self._fleet.now.settings.grants, word):
            raise GrantRefused(f"{word.by} may not end grant {number}: it is for who asked for it, or could have")
        return self._said(self._store.grants.end(number, word, why), number)

    def _said(self, found: TimedGrant | None, number: int) -> TimedGrant:
        if found is None:
            raise GrantRefused(f"grant {number} is over already, or does not wait any more")
        return found

    def _ground(self, name: str) -> GrantGround:
        """Gather what a wish is judged by: what the daemon knows now."""
        loaded, view = self._fleet.now, self._cache.view
        if view is None:
            raise NotNow("no source was read yet since syncd was set up; see the alarms, and ask again in a moment")
        places = {each: GrantPlace(target.deployment, target.enforce) for each, target in loaded.targets.items()}
        if name in places:
            facts = self._store.places.place(name, loaded.targets[name].address).facts
            dags = self._store.looks.dags(facts)
            places[name] = GrantPlace(places[name].deployment, places[name].enforce, dags)
        return GrantGround(loaded.settings.grants, loaded.rules, view, places, self._store.grants.open())
