"""`defaults:` of a file: what its bindings say where they do not say it themselves."""

from __future__ import annotations

from collections.abc import Iterable

from syncd.mapping.keys import DEFAULTS
from syncd.text.document import Node, Scalar, Table
from syncd.text.strict import Strict


def with_defaults(bindings: Iterable[Node], defaults: Node | None, strict: Strict) -> tuple[Node, ...]:
    """Give bindings with what they leave out taken from the defaults, whose values stay at their places.

    A default that no binding takes is a mistake: nobody would see what is wrong in it.
    """
    if defaults is None:
        return tuple(bindings)
    known = strict.record(defaults, "`defaults`", known=DEFAULTS.known)
    entries = [entry for entry in (defaults.entries if isinstance(defaults, Table) else ()) if entry[0].text in known]
    filled = [(node, _missing(node, entries)) for node in bindings]
    taken = {name.text for _, missing in filled for name, _ in missing}
    for name, _ in entries:
        if name.text not in taken:
            strict.wrong(name.at, f"no binding of this file takes its `{name.text}` from here; take it out")
    return tuple(Table((*n.entries, *missing), n.at) if isinstance(n, Table) else n for n, missing in filled)


def _missing(node: Node, entries: Iterable[tuple[Scalar, Node]]) -> tuple[tuple[Scalar, Node], ...]:
    there = {name.text for name, _ in node.entries} if isinstance(node, Table) else set()
    return tuple(entry for entry in entries if entry[0].text not in there) if isinstance(node, Table) else ()
