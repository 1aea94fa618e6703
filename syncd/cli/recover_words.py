"""What people said that stands in a database which may be an older copy, where it may have been taken back since."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from syncd.render.lines import Line, Style, safe

if TYPE_CHECKING:
    from syncd.config import Settings
    from syncd.model import GrantWord
    from syncd.store import Stores

ENDED_WHY: Final = "the database was in doubt, and who said which is true ended it (syncd recover --end-grants)"
MOST: Final = 20
"""So many of each kind are shown."""


def standing_words(store: Stores, settings: Settings) -> dict[str, list[str]]:
    """Name by kind what counts by this database: grants for a time, pauses, what was rejected, silences, older mapping files."""
    from syncd.app import utc_now
    from syncd.model import GrantState
    from syncd.plan.rulings import HoldState

    now = utc_now()
    grants = [one for one in store.grants.open() if one.state(now) is not GrantState.OVER]
    silences = store.presence.silences()
    rejected = [hold for hold in store.inbox.listed() if hold.state is HoldState.REJECTED]
    found = {
        "grants": [
            f"{one.place}: {one.request.role} of {one.request.person} on {one.request.deployment}, {one.said}"
            for one in grants
        ],
        "pauses": [f"pause {pause.id}: {pause}" for pause in store.pauses.standing()],
        "rejections": [
            f"{hold.name}: {hold.number} held on {hold.deployment}, rejected by {hold.words[-1].who}"
            for hold in rejected
            if hold.words
        ],
        "silences": [f"silence {one.id} until {one.until:%Y-%m-%d %H:%M} UTC by {one.by}" for one in silences],
        "rollout": _older_files(store, settings),
    }
    return {kind: said for kind, said in found.items() if said}


def _older_files(store: Stores, settings: Settings) -> list[str]:
    """Name the deployments that go by other mapping files than those in use, which may have been replaced there since."""
    from syncd.config import read_mappings
    from syncd.errors import SyncdError
    from syncd.mapping.revisions import revision_of
    from syncd.plan.waves import shown

    if settings.rollout is None:
        return []
    in_use = ""
    with suppress(SyncdError):  # who has to say which is true need not mend the files first; all are named then
        in_use = revision_of(read_mappings(settings.mappings))
    changed = {each.deployment.name for each in settings.deployments if each.enforce}
    rows = store.rollouts.record().rows.values()
    return [
        f"{row.deployment} goes by mapping revision {shown(row.revision)}, begun at {row.began_at:%Y-%m-%d %H:%M} UTC, and not "
        "by that in use"
        for row in rows
        if row.deployment in changed and row.revision != in_use
    ]


def word_lines(found: dict[str, list[str]]) -> Iterator[Line]:
    """Show what counts, as it may have been taken back since."""
    if found:
        yield Line("What people said that counts by it, and may have been taken back since, as that is not in it:")
    for said in found.values():
        yield from (Line(f"  {safe(one)}", Style.WARN) for one in said[:MOST])
        if len(said) > MOST:
            yield Line(f"  and {len(said) - MOST} more", Style.WARN)


def end_grants(store: Stores, word: GrantWord) -> int:
    """End all that is given for a time, or waits; gives how many."""
    return sum(store.grants.end(one.id, word, ENDED_WHY) is not None for one in store.grants.open())
