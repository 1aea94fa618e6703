"""Who has something, in words and as rows for programs: counts first, then each way, told apart by whose hand it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, Final

from syncd.access.ways import Hand, RoleKind, Way
from syncd.model import Reason
from syncd.render.json import plain
from syncd.render.lines import Line, Style, counted, few, safe

_HANDS: Final = {
    Hand.LINES: "by mapping lines",
    Hand.COMING: "coming with the next apply",
    Hand.GOING: "given by syncd, no line gives it any more: going with the next apply",
    Hand.KEPT: "given by syncd, no line gives it any more: kept",
    Hand.REJECTED: "a line gives it, and somebody rejected that: not coming",
    Hand.OTHER: "not by syncd: left alone",
}
_STYLES: Final = {Hand.LINES: Style.PLAIN, Hand.COMING: Style.GAIN, Hand.GOING: Style.LOSS}
_KINDS: Final = {RoleKind.BUILT_IN: "built-in role", RoleKind.OTHER: "role of another hand", RoleKind.MAPPING: "role"}
_SHORTLY: Final = {
    Hand.LINES: "by mapping lines",
    Hand.COMING: "coming",
    Hand.GOING: "going",
    Hand.KEPT: "kept",
    Hand.REJECTED: "rejected",
    Hand.OTHER: "by another hand",
}


COLUMNS: Final = ("deployment", "account", "email", "role", "role_kind", "level", "by", "lines", "kept")
"""Of a row, without the reasons as values."""


def people_of(ways: Iterable[Way]) -> set[tuple[str, str]]:
    """Name those who have something now or by the next apply: deployment and account."""
    return {(way.deployment, way.account.username) for way in ways if way.account is not None}


def counts_of(ways: Sequence[Way]) -> dict[str, int]:
    """Count people: all who have it now, and by each hand; one may have it in several ways."""
    there = [way for way in ways if way.hand not in (Hand.COMING, Hand.REJECTED)]
    by_hand = {hand.value: len(people_of(way for way in ways if way.hand is hand)) for hand in Hand}
    return {"people": len(people_of(there)), **by_hand}


def who_lines(asked: str, ways: Sequence[Way], *, whole: bool) -> Iterator[Line]:
    """Say who has what was asked for: how many, then for each deployment and hand by which role; `whole`: everybody by name."""
    deployments = {way.deployment for way in ways}
    there = counts_of(ways)["people"]
    head = counted(there, "account", "accounts")
    yield Line(f"{safe(asked)}: {head} on {counted(len(deployments), 'deployment', 'deployments')}", Style.TITLE)
    for deployment, here in groupby(ways, key=lambda way: way.deployment):
        yield from _deployment_lines(deployment, list(here), whole=whole)


def _deployment_lines(deployment: str, ways: Sequence[Way], *, whole: bool) -> Iterator[Line]:
    counts = counts_of(ways)
    said = ", ".join(f"{counts[hand.value]} {words}" for hand, words in _SHORTLY.items() if counts[hand.value])
    head = counted(counts["people"], "account", "accounts")
    yield Line(f"{safe(deployment)}: {head}{f' ({said})' if said else ''}", Style.HEADING)
    for hand in Hand:
        alike: dict[tuple[str, str, tuple[Reason, ...], str], list[Way]] = {}
        for way in (way for way in ways if way.hand is hand):
            level = way.level.value if way.level else ""
            alike.setdefault((way.role, level, way.because, way.detail), []).append(way)
        if alike:
            yield Line(f"  {_HANDS[hand]}", _STYLES.get(hand, Style.WARN))
        for (role, level, because, detail), several in alike.items():
            yield from _role_lines(role, level, because, several, detail=detail, whole=whole)


def _role_lines(
    role: str, level: str, because: tuple[Reason, ...], ways: Sequence[Way], *, detail: str, whole: bool
) -> Iterator[Line]:
    names = [way.account.username for way in ways if way.account is not None]
    who = few(names, len(names) if whole else 5) if names else "whoever is not signed in, where the server lets them in"
    gives = f" ({level})" if level else ""
    yield Line(f"    {_KINDS[ways[0].kind]} {safe(role)}{gives}: {who}")
    for reason in because:
        yield Line(f"      because {safe(str(reason))}", Style.QUIET)
    if detail:
        yield Line(f"      {'' if because else 'kept: '}{safe(detail)}", Style.QUIET)


def who_rows(ways: Iterable[Way]) -> Iterator[Mapping[str, Any]]:
    """Give one row for each way, with everything in it."""
    for way in ways:
        yield {
            "deployment": way.deployment,
            "account": way.account.username if way.account else None,
            "email": way.account.email if way.account else None,
            "role": way.role,
            "role_kind": way.kind.value,
            "level": way.level.value if way.level else None,
            "by": way.hand.value,
            "lines": [str(reason) for reason in way.because],
            "kept": way.detail or None,
            "reasons": [plain(reason) for reason in way.because],
        }
