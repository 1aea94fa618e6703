"""Holds as a daemon answers them over HTTP, looked at before they are used: whoever listens there may be something else."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final
from urllib.parse import quote, urlencode

from pydantic import AwareDatetime, BaseModel, Field, StrictInt, ValidationError

from syncd.cli.daemon_client import DaemonSilent
from syncd.cli.daemon_job import is_change
from syncd.model import Scope
from syncd.plan.rulings import HoldRecord, HoldRuling, HoldState, HoldWord, hold_number
from syncd.render.effects import are_effects, effect_lines_of
from syncd.render.holds import hold_record_json, whole_lines
from syncd.render.view import ChangeView

if TYPE_CHECKING:
    from datetime import datetime

    from syncd.cli.daemon_client import DaemonClient
    from syncd.render.extent import Extent
    from syncd.render.lines import Line

PAGE: Final = 1000
"""So many changes are asked for at a time."""
MOST_CHANGES: Final = 1_000_000
"""Nobody shows a hold with more of them."""


class _Word(BaseModel):
    what: HoldRuling
    who: str
    reason: str
    origin: str = Field(alias="from")
    at: AwareDatetime


class _Hold(BaseModel):
    id: str
    deployment: str
    digest: str
    state: HoldState
    since: AwareDatetime
    planned_at: AwareDatetime
    run: StrictInt
    why: list[str]
    total: Annotated[StrictInt, Field(ge=0, le=MOST_CHANGES)]
    said: list[_Word]
    ended_at: AwareDatetime | None
    superseded_by: str | None
    scope: list[str] | None = None
    dags: list[str] = []


@dataclass(frozen=True, slots=True)
class ToldHold:
    """A hold with its changes and what they do to people, as somebody else says them."""

    record: HoldRecord
    changes: tuple[Mapping[str, Any], ...]
    told: Mapping[str, Any]

    def json(self) -> dict[str, Any]:
        """Give it as `hold show` gives one of the database."""
        told = {name: self.told.get(name) for name in ("effects", "counts")}
        return {**hold_record_json(self.record), **told, "changes": list(self.changes)}

    def lines(self, *, now: datetime, program: str, extent: Extent) -> Iterator[Line]:
        """Show it whole; until when it can be approved is for the daemon to know."""
        views, moves = map(ChangeView.read, self.changes), effect_lines_of(self.told.get("effects"))
        return whole_lines(self.record, views, moves, now=now, expires=None, program=program, extent=extent)


def told_holds(daemon: DaemonClient, *, deployments: Collection[str], over: bool) -> list[HoldRecord]:
    """Ask for the holds of these deployments (none named: all), the newest first.

    Raises:
        DaemonSilent, DaemonRefused: no such answer came.
    """
    asked = [{"deployment": name} for name in sorted(deployments)] or [{}]
    found = [
        one
        for which in asked
        for one in daemon.look(f"/api/v1/holds?{urlencode(_query(which, over=over))}", _are_holds)["holds"]
    ]
    return sorted(map(_record, found), key=lambda hold: -hold.id)


def _query(which: Mapping[str, str], *, over: bool) -> dict[str, str]:
    return {**which, **({"state": "all"} if over else {}), "limit": "1"}


def told_hold(daemon: DaemonClient, name: str) -> ToldHold:
    """Ask for one hold with all of its changes, page by page.

    Raises:
        DaemonSilent, DaemonRefused: no such answer came.
    """
    path = f"/api/v1/holds/{quote(name, safe='')}?limit={PAGE}&offset="
    first = daemon.look(f"{path}0", _is_whole)
    changes = list(first["changes"])
    if (hold_number(name) or name) not in (hold_number(first["id"]), first["digest"]):
        raise DaemonSilent(f"{daemon.place}: it told of {first['id']}, and was asked for {name}")
    more = first
    while more["changes"] and len(changes) < first["total"] and _are_of_one(first, more):
        more = daemon.look(f"{path}{len(changes)}", _is_whole)
        changes += more["changes"]
    if len(changes) != first["total"] or not _are_of_one(first, more):
        raise DaemonSilent(f"{daemon.place}: {first['id']} was not told whole, so it is not shown; ask again")
    return ToldHold(_record(first), tuple(changes), first)


def _are_of_one(first: Mapping[str, Any], more: Mapping[str, Any]) -> bool:
    """Say whether two pages are of the same hold."""
    return all(first[name] == more[name] for name in ("id", "digest", "total"))


def _are_holds(found: Mapping[str, Any]) -> bool:
    holds = found.get("holds")
    return isinstance(holds, list) and all(isinstance(one, dict) and _fits(one) for one in holds)


def _is_whole(found: Mapping[str, Any]) -> bool:
    changes, effects = found.get("changes"), found.get("effects")
    known = effects is None or (isinstance(effects, Mapping) and are_effects(effects))
    return _fits(found) and known and isinstance(changes, list) and all(map(is_change, changes))


def _fits(found: Mapping[str, Any]) -> bool:
    try:
        hold = _Hold.model_validate(found)
    except ValidationError:
        return False
    by = hold_number(hold.superseded_by or "")
    return hold_number(hold.id) is not None and (by is None) == (hold.superseded_by is None)


def _record(found: Mapping[str, Any]) -> HoldRecord:
    hold = _Hold.model_validate(found)
    return HoldRecord(
        id=hold_number(hold.id) or 0,
        deployment=hold.deployment,
        digest=hold.digest,
        state=hold.state,
        since=hold.since,
        planned_at=hold.planned_at,
        run=hold.run,
        why=tuple(hold.why),
        number=hold.total,
        words=tuple(HoldWord(w.what, w.who, frozenset({w.who}), w.at, w.reason, w.origin) for w in hold.said),
        ended_at=hold.ended_at,
        superseded_by=hold_number(hold.superseded_by or ""),
        scope=Scope(None if hold.scope is None else frozenset(hold.scope), frozenset(hold.dags)),
    )
