"""Keys that had another name once: a file that has the old one is read as if it had the new one, and that is said.

Whoever renames a key adds a line to `RENAMED`, and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from syncd.errors import ConfigInvalid, Problem, told
from syncd.text.toml import Written, dotted
from syncd.text.toml_places import Path, Position, Positions

_Renamed = Mapping[tuple[str, ...], str]

RENAMED: Final[_Renamed] = {
    ("daemon", "leaky_sweep"): "slow_sweep",
    ("defaults", "courtesy"): "rate_limit",
    ("deployments", "*", "courtesy"): "rate_limit",
}
"""Where a key stood (`*`: under whatever name), and how it is called now, in the same table."""


def in_todays_names(written: Written, renamed: _Renamed = RENAMED) -> tuple[Written, tuple[str, ...]]:
    """Give a file as it reads with the names of today, and for each key under an older one what to write, at its place.

    Raises:
        ConfigInvalid: a key is there under both names.
    """
    found = [(old, (*old[:-1], now)) for where, now in renamed.items() for old in _meant(written.values, where)]
    clashes = [(old, new) for old, new in found if any(True for _ in _meant(written.values, new))]
    if clashes:
        raise ConfigInvalid(
            _problem(written, old, f"is called {dotted(new)} now, which is here too; take this one out")
            for old, new in clashes
        )
    notes = told(sorted(_problem(written, old, f"is called {new[-1]} now; write {new[-1]}") for old, new in found))
    values = written.values
    for old, new in found:
        values = _called(values, old, str(new[-1]))
    return replace(written, values=values, places=_moved(written.places, dict(found))), tuple(notes)


def _problem(written: Written, path: Path, message: str) -> Problem:
    return written.problem(written.places.key(path), f"{dotted(path)} {message}")


def _meant(values: Any, where: Path, before: Path = ()) -> Iterator[Path]:
    """Find what is in the file of a path of the table."""
    if not where:
        yield before
    elif isinstance(values, dict):
        for name in values:
            if where[0] in ("*", name):
                yield from _meant(values[name], where[1:], (*before, name))


def _called(values: Any, path: Path, now: str) -> dict[str, Any]:
    """Call the key at the end of a path by another name; it keeps its rank among the others."""
    first, *rest = path
    if not rest:
        return {now if name == first else name: value for name, value in values.items()}
    return {**values, str(first): _called(values[first], tuple(rest), now)}


def _moved(positions: Positions, today: Mapping[Path, Path]) -> Positions:
    """Have the places of keys, and of all that is in them, under their new names."""

    def name(path: Path) -> Path:
        return next((today[path[:n]] + path[n:] for n in range(1, len(path) + 1) if path[:n] in today), path)

    def moved(known: Mapping[Path, Position]) -> dict[Path, Position]:
        return {name(path): position for path, position in known.items()}

    return Positions(moved(positions.keys), moved(positions.values), moved(positions.repeated))
