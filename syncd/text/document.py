"""One YAML 1.2 text as a tree of nodes that know their place.

Two YAML libraries compose the nodes that it is made of, and construct no values: `libyaml` in no time what both read alike, and
`composing` the rest. A node keeps exact positions, and nothing in a text can make an object of its own. What is wrong with the
text as such (bytes, tabs, syntax, several documents, a key twice) is found here; what is wrong with its meaning is found in
`strict` and `parse`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from syncd.errors import Problem
from syncd.model import At, nfc
from syncd.text.broken import DEEPEST, TOO_DEEP, Broken, place_after
from syncd.text.slips import conflict, lone_return, typographic

TEXT = "text"
NOTHING = "nothing"
TRUTH = "true or false"

_KINDS = {
    "str": TEXT,
    "int": "a number",
    "float": "a number",
    "bool": TRUTH,
    "null": NOTHING,
    "timestamp": "a date",
    "value": TEXT,
    "merge": TEXT,
}


@dataclass(frozen=True, slots=True, eq=False)
class Scalar:
    """One value. `kind` is TEXT, or what YAML takes it for, in words for a message."""

    text: str
    kind: str
    at: At

    @property
    def words(self) -> str:
        return self.kind


@dataclass(frozen=True, slots=True, eq=False)
class Items:
    """A list."""

    items: tuple[Node, ...]
    at: At
    words = "a list"


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Keys and values, in the order of the text, each key once, merge keys (`<<`) already followed."""

    entries: tuple[tuple[Scalar, Node], ...]
    at: At
    words = "keys with values"


Node = Scalar | Items | Table


EMPTY = "the file is empty; write `roles:`, `bindings:` or both, or delete the file"


def read_document(file: str, content: bytes, problems: list[Problem], *, empty: str = EMPTY) -> Node | None:
    """Read the one document of a file; None, and at least one problem more, where that cannot be done."""
    try:
        root = _compose(_decoded(content))
        if root is None:
            raise Broken(1, 1, empty)
        return _Builder(file, problems).node(root)
    except Broken as broken:
        problems.append(Problem(file, broken.line, broken.column, broken.message))
    except RecursionError:
        problems.append(Problem(file, 1, 1, TOO_DEEP))
    return None


def _decoded(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # error.object lacks the byte order mark that the codec took off, and error.start counts from there
        before = error.object[: error.start].decode("utf-8")
        message = f"byte 0x{error.object[error.start]:02x} is not UTF-8; save the file as UTF-8"
        raise Broken(*place_after(before), message) from None


def _compose(text: str) -> Any | None:
    if left := conflict(text):
        raise Broken(left[0], 1, left[1])
    if hidden := lone_return(text):
        raise Broken(*hidden)
    if (root := _composed_by_libyaml(text)) is not None:
        return root
    from syncd.text.composing import compose

    return compose(text)


def _composed_by_libyaml(text: str) -> Any | None:
    try:
        from syncd.text.libyaml import composed
    except ImportError:  # PyYAML was built without it
        return None
    return composed(text, deepest=DEEPEST)


MOST_MERGED = 200_000
"""Entries that the merge keys of one file may bring: a short text can name a table again and again."""
_TOO_MANY = f"the merge keys (`<<`) of this file bring more than {MOST_MERGED:,} entries; write less with them"
_MERGES = "`<<` merges a table, or a list of tables, and this is none; name an anchor, as in `<<: *common`"


class _Builder:
    """Turns the nodes of either library into ours. A node with several aliases becomes one node, so aliases cannot multiply."""

    def __init__(self, file: str, problems: list[Problem]) -> None:
        self.file, self.problems = file, problems
        self.built: dict[int, Node] = {}
        self.open: set[int] = set()
        self.merges = 0

    def at(self, node: Any) -> At:
        return At(self.file, node.start_mark.line + 1, node.start_mark.column + 1)

    def wrong(self, at: At, message: str) -> None:
        self.problems.append(Problem(at.file, at.line, at.column, message))

    def node(self, node: Any) -> Node:
        if id(node) not in self.built:
            self.open.add(id(node))
            self.built[id(node)] = self.build(node)
            self.open.discard(id(node))
        return self.built[id(node)]

    def build(self, node: Any) -> Node:
        if node.id == "mapping":
            return Table(tuple(self.entries(node)), self.at(node))
        if node.id == "sequence":
            return Items(tuple(self.node(n) for n in node.value if not self.is_loop(n)), self.at(node))
        text = nfc(node.value)
        if not node.style and (slip := typographic(text)):
            self.wrong(self.at(node), slip)
            text = text[1:-1]  # as it was meant: nothing else is wrong with it
        kind = _KINDS.get(str(node.tag).removeprefix("tag:yaml.org,2002:"), f"a value with the tag {node.tag}")
        return Scalar(text, kind, self.at(node))

    def is_loop(self, node: Any) -> bool:
        if id(node) in self.open:
            self.wrong(self.at(node), "this refers to itself; write the value out")
        return id(node) in self.open

    def entries(self, node: Any) -> Iterator[tuple[Scalar, Node]]:
        own: dict[str, Scalar] = {}
        merged: list[Any] = []
        for key_node, value in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                merged.append(value)
            elif not self.is_loop(value) and (name := self.key(key_node, own)):
                yield name, self.value(name, value)
        for value in merged:
            yield from self.merged(value, own)

    def key(self, node: Any, own: dict[str, Scalar]) -> Scalar | None:
        """Give a key, unless it is not a text or was there before."""
        built = self.node(node)
        if isinstance(built, Scalar) and not node.style and (slip := typographic(built.text, is_key=True)):
            self.wrong(built.at, slip)
        if not isinstance(built, Scalar) or built.kind != TEXT:
            self.wrong(built.at, f"a key must be text and this is {built.words}; write it in quotes")
        elif first := own.get(built.text):
            self.wrong(built.at, f'"{built.text}" is here twice, first in line {first.at.line}; keep one of them')
        else:
            own[built.text] = built
            return built
        return None

    def value(self, name: Scalar, node: Any) -> Node:
        """Give a value; one that was left out stands where its key does, not where the next token happens to be."""
        built = self.node(node)
        left_out = isinstance(built, Scalar) and not built.text and built.kind == NOTHING
        return Scalar("", NOTHING, name.at) if left_out else built

    def merged(self, node: Any, own: dict[str, Scalar]) -> Iterator[tuple[Scalar, Node]]:
        """Give what a merge key brings, one table or each of a list of tables; what is there already wins."""
        for part in node.value if node.id == "sequence" else [node]:
            if part.id != "mapping":
                self.wrong(self.at(part), _MERGES)
            elif not self.is_loop(part):
                yield from self.brought(part, own)

    def brought(self, node: Any, own: dict[str, Scalar]) -> Iterator[tuple[Scalar, Node]]:
        """Give the entries of a table that are not there already."""
        table = self.node(node)
        assert isinstance(table, Table)
        self.merges += len(table.entries)
        if self.merges > MOST_MERGED:
            raise Broken(node.start_mark.line + 1, node.start_mark.column + 1, _TOO_MANY)
        for name, value in table.entries:
            if name.text not in own:
                own[name.text] = name
                yield name, value
