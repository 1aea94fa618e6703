"""People to whom the same is done are one line: `33 people gain finance-analyst: anna, bob, carl and 30 more`.

The same is what goes and what comes, and why; roles are told one by one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from syncd.model import Kind
from syncd.render.change import change_style, change_text, reasons_text, sign
from syncd.render.extent import SHORT, Extent
from syncd.render.lines import Line, Style, few, number, safe
from syncd.render.view import ChangeView
from syncd.words import and_more


@dataclass(frozen=True, slots=True)
class Alike:
    """Changes that do the same for the same reason, or in the same way came to nothing: `said`."""

    changes: tuple[ChangeView, ...]
    said: str

    def text(self, extent: Extent) -> str:
        """Say what is done, and to whom; of one change alone just as ever."""
        first, *more = self.changes
        if not more:
            return change_text(first)
        people = few([change.name for change in self.changes], extent.names)
        return f"{sign(first)} {number(len(self.changes))} people {_done(first)}: {people}"


def alike(changes: Iterable[tuple[ChangeView, str]]) -> list[Alike]:
    """Put together the people to whom the same is done and of whom the same is said, in the order of the first of each."""
    found: dict[tuple[object, ...], list[ChangeView]] = {}
    for change, said in changes:
        alone = change.name if change.subject == "role" else ""
        found.setdefault((alone, change.kind, change.granted, change.revoked, said), []).append(change)
    return [Alike(tuple(same), str(what[-1])) for what, same in found.items()]


def change_lines(changes: Iterable[ChangeView], extent: Extent = SHORT) -> Iterator[Line]:
    """Say changes with their reasons, people who are alike in one line; what is too much is counted."""
    lines = [
        (len(one.changes), Line(f"    {one.text(extent)}{_because(one.said)}", change_style(one.changes[0])))
        for one in alike((change, reasons_text(change)) for change in changes)
    ]
    yield from cut(lines, extent)


def cut(lines: Sequence[tuple[int, Line]], extent: Extent) -> Iterator[Line]:
    """Give the first lines, and say how many changes the others stand for."""
    yield from (line for _, line in lines[: extent.lines])
    if rest := sum(count for count, _ in lines[extent.lines :]):
        yield Line(f"    {and_more(rest)} (see -v or -o json)", Style.QUIET)


def _because(why: str) -> str:
    return f"   because {why}" if why else ""


def _done(change: ChangeView) -> str:
    """Say what is done to several people: `get an account and gain a, b`."""
    said = ["get an account"] if change.kind is Kind.CREATE else []
    said += ["lose their account"] if change.kind is Kind.DELETE else []
    said += [f"gain {', '.join(map(safe, change.granted))}"] if change.granted else []
    said += [f"lose {', '.join(map(safe, change.revoked))}"] if change.revoked else []
    return " and ".join(said) or "change"
