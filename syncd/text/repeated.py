"""How much a text says again: what stands in it once and is used in many places, by aliases, merge keys, variables or defaults.

Nodes are shared and not copied, so a text of one page can hold more entries than anybody could read; whoever reads a node
reads it once for each place. So they are counted before, without going through them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from syncd.model import At
from syncd.text.document import Items, Node, Table

MOST_REPEATED: Final = 1_000_000
"""So many entries may stand in further places, in one set of files: reading them takes seconds."""


@dataclass(frozen=True, slots=True)
class Repeated:
    """Entries that stand in further places, and where what brings most of them at once was written."""

    entries: int
    at: At


def repeated(root: Node) -> Repeated:
    """Count what would stand there more if every use were written out."""
    sizes: dict[int, int] = {}
    again: list[Node] = []

    def size(node: Node) -> int:
        if id(node) in sizes:
            again.append(node)
        else:
            sizes[id(node)] = 1 + sum(map(size, _parts(node)))
        return sizes[id(node)]

    entries = size(root) - len(sizes)
    return Repeated(entries, max(again, key=lambda node: sizes[id(node)], default=root).at)


def _parts(node: Node) -> Iterable[Node]:
    if isinstance(node, Table):
        return (value for _, value in node.entries)
    return node.items if isinstance(node, Items) else ()
