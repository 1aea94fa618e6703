"""What a role has of the roles that it extends, whichever file they stand in: their DAGs and permissions, never their words.

A role extends what the other one extends too, so what it has in the end is the union over all that can be reached. The order
of files and roles says nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import chain

from syncd.mapping.reading import MappingReading
from syncd.model import RoleDefinition
from syncd.text.document import Scalar

MOST_INHERITED = 200_000
"""So many entries `extends` may bring to all roles together, as merge keys to a file: roles in layers can multiply."""
MOST_CIRCLES = 50
"""So many are told, as of any mistakes."""
_NAMED = 10
"""So many roles of one circle are named."""


def with_extended(reading: MappingReading) -> dict[str, RoleDefinition]:
    """Give every role with all that it has of others; roles that extend each other in a circle are mistakes."""
    roles: dict[str, RoleDefinition] = {}
    for role in reading.roles:
        roles.setdefault(role.name, role)
    order, circles = _in_order({name: sorted(set(role.extends) & roles.keys()) for name, role in roles.items()})
    for circle in circles:
        _tell(reading, circle)
    full: dict[str, RoleDefinition] = {}
    brought = 0
    for name in order:
        others = [full[other] for other in roles[name].extends if other in full]
        brought += sum(len(other.dags) + len(other.permissions) + len(other.bases) for other in others)
        if brought > MOST_INHERITED:
            said = f"`extends` brings more than {MOST_INHERITED:,} entries to all roles together"
            reading.strict.wrong(roles[name].at, f'{said}, here to "{name}"; let roles extend fewer others')
            break
        full[name] = _union(roles[name], others) if others else roles[name]
    return {name: full.get(name, role) for name, role in roles.items()}


def _union(role: RoleDefinition, others: Iterable[RoleDefinition]) -> RoleDefinition:
    several = (role, *others)
    return replace(
        role,
        dags=tuple(dict.fromkeys(chain.from_iterable(r.dags for r in several))),
        permissions=tuple(dict.fromkeys(chain.from_iterable(r.permissions for r in several))),
        bases=tuple(dict.fromkeys(chain.from_iterable(r.bases for r in several))),
    )


def _in_order(extends: Mapping[str, list[str]]) -> tuple[list[str], list[list[str]]]:
    """Give the names so that each comes after all that it extends, and the circles that there are."""
    done: dict[str, None] = {}
    circles: list[list[str]] = []
    for first in sorted(extends):
        path: dict[str, None] = {}
        rest: list[Iterator[str]] = [iter([first])]
        while rest:
            name = next(rest[-1], None)
            if name is None:
                rest.pop()
                done |= dict([path.popitem()] if path else [])
            elif name not in done and len(circles) < MOST_CIRCLES:
                if name in path:
                    circles.append(list(path)[list(path).index(name) :])
                else:
                    path[name] = None
                    rest.append(iter(extends[name]))
    return list(done), circles


def _tell(reading: MappingReading, circle: list[str]) -> None:
    """Tell of a circle with the place of each step, beginning with the role whose name comes first."""
    start = circle.index(min(circle))
    circle = circle[start:] + circle[:start]
    steps = [_entry(reading, name, other) for name, other in zip(circle, circle[1:] + circle[:1], strict=True)]
    if len(circle) == 1:
        reading.strict.wrong(steps[0].at, f'the role "{circle[0]}" extends itself; take that out')
        return
    said = ", which extends ".join(f'"{step.text}" ({step.at})' for step in steps[:_NAMED])
    more = f" and so on, {len(circle)} roles in all" if len(circle) > _NAMED else ""
    reading.strict.wrong(
        steps[0].at, f'the role "{circle[0]}" extends itself in a circle: it extends {said}{more}; take one of them out'
    )


def _entry(reading: MappingReading, name: str, other: str) -> Scalar:
    """Find where a role says that it extends another."""
    return next(entry for entry in reading.extended[name] if entry.text == other)
