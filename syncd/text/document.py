"""One YAML 1.2 text as a tree of nodes that know their place.

This is the only module that knows the YAML library. It composes nodes and never constructs values: a node keeps exact
positions, and nothing in a text can make an object of its own. What is wrong with the text as such (bytes, tabs, syntax,
several documents, a key twice) is found here; what is wrong with its meaning is found in `strict` and `parse`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml import nodes as yaml
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.reader import ReaderError
from ruamel.yaml.scanner import Scanner

from syncd.errors import Problem
from syncd.model import At, nfc
from syncd.text.slips import bare_variable, conflict, misplaced_colon, odd_blank, typographic

DEEPEST = 50
"""So many brackets may be open at once."""
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
            raise _Broken(1, 1, empty)
        return _Builder(file, problems).node(root)
    except _Broken as broken:
        problems.append(Problem(file, broken.line, broken.column, broken.message))
    except RecursionError:
        problems.append(Problem(file, 1, 1, _TOO_DEEP))
    return None


_TOO_DEEP = "the file is nested too deeply to be a mapping file"


class _Broken(Exception):
    def __init__(self, line: int, column: int, message: str) -> None:
        super().__init__(message)
        self.line, self.column, self.message = line, column, message


def _decoded(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # error.object lacks the byte order mark that the codec took off, and error.start counts from there
        before = error.object[: error.start].decode("utf-8")
        message = f"byte 0x{error.object[error.start]:02x} is not UTF-8; save the file as UTF-8"
        raise _Broken(*_place(before), message) from None


def _place(before: str) -> tuple[int, int]:
    """Give the line and column that come after a text."""
    return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1


class _Shallow(Scanner):
    """Stops at the first bracket too many. Each that is open may yet begin a key, and all of them are gone through for each
    token: 50 KB of them took 7 s of processor time, and 2 MiB forty times as much.
    """

    def fetch_flow_collection_start(self, TokenClass: Any, to_push: str) -> None:  # noqa: N803 - as the library calls it
        if self.flow_level >= DEEPEST:
            mark = self.reader.get_mark()
            raise _Broken(mark.line + 1, mark.column + 1, _TOO_DEEP)
        super().fetch_flow_collection_start(TokenClass, to_push)


def _compose(text: str) -> yaml.Node | None:
    if left := conflict(text):
        raise _Broken(left[0], 1, left[1])
    reader = YAML(typ="safe", pure=True)
    reader.Scanner = _Shallow
    reader.composer.warn_double_anchors = False  # YAML 1.2 allows an anchor to be set again
    try:
        root: yaml.Node | None = reader.compose(text)
    except ReaderError as error:
        message = f"the character U+{error.character:04X} is not allowed in YAML; take it out"
        raise _Broken(*_place(text[: error.position]), message) from None
    except MarkedYAMLError as error:
        raise _explained(error, text) from None
    except YAMLError as error:
        raise _Broken(1, 1, f"this is not YAML: {error}") from None
    except (ValueError, OverflowError):  # of `chr`, for an escape above U+10FFFF
        found = re.search(r"\\U(?!000|0010)[0-9A-Fa-f]{8}", text)
        message = "there is no such character; the last one is \\U0010FFFF"
        raise _Broken(*_place(text[: found.start()] if found else ""), message) from None
    return root


# context or problem, as the YAML library words it | what to say (empty: `misplaced_colon`) | point at the start of the construct?
_SENTENCES: tuple[tuple[str, str, bool], ...] = (
    (r"found character '\\t'", "a tab stands here; write blanks in its place", False),
    (r"found character '(.)' that", "a value cannot start with {0}; write it in quotes", False),
    (r"""found undefined alias ["'](.*)["']""", "there is no anchor {0}; write a glob that starts with * in quotes", False),
    (r"scanning an alias", "* starts an alias here; write a glob that starts with * in quotes", True),
    (r"mapping values are not allowed", "", False),
    (r"could not find expected ':'", 'a ":" is missing after this key', True),
    (r"scanning a quoted scalar", "this quote is never closed; write the same quote at the end of the value", True),
    (r"expected ',' or '\]'", 'this list is not closed; write "]" at its end, and "," between its values', True),
    (r"expected ',' or '\}'", 'this "{{" is not closed; write "}}" at its end, and "," between its entries', True),
    (r"unknown escape character '(.)'", r"\{0} means nothing in double quotes; write \\{0}, or use single quotes", False),
    (r"a comment or a line break|chomping", "text after | or > begins in the next line; write other values in quotes", False),
    (r"found another document", 'a second document starts here; keep one in each file, and "---" only at its top', False),
    (r"expected <block end>", "the indentation does not fit the lines above; start in the same column as they do", False),
    (r"expected '<document start>'", "this does not belong to what stands above; check brackets and indentation", False),
)  # fmt: skip


def _explained(error: MarkedYAMLError, text: str) -> _Broken:
    said = f"{error.context or ''}: {error.problem}"
    last = error.problem_mark or error.context_mark
    if slip := odd_blank(text, last.line + 1) or bare_variable(text, last.line + 1):
        return _Broken(*slip)
    for pattern, sentence, opening in _SENTENCES:
        if found := re.search(pattern, said):
            mark = (opening and error.context_mark) or error.problem_mark
            place = mark.line + 1, mark.column + 1
            return _Broken(*place, sentence.format(*found.groups()) if sentence else misplaced_colon(text, *place))
    return _Broken(last.line + 1, last.column + 1, f"this is not YAML: {error.problem}")


MOST_MERGED = 200_000
"""Entries that the merge keys of one file may bring: a short text can name a table again and again."""
_TOO_MANY = f"the merge keys (`<<`) of this file bring more than {MOST_MERGED:,} entries; write less with them"
_MERGES = "`<<` merges a table, or a list of tables, and this is none; name an anchor, as in `<<: *common`"


class _Builder:
    """Turns the library's nodes into ours. A node with several aliases becomes one node, so aliases cannot multiply."""

    def __init__(self, file: str, problems: list[Problem]) -> None:
        self.file, self.problems = file, problems
        self.built: dict[int, Node] = {}
        self.open: set[int] = set()
        self.merges = 0

    def at(self, node: yaml.Node) -> At:
        return At(self.file, node.start_mark.line + 1, node.start_mark.column + 1)

    def wrong(self, at: At, message: str) -> None:
        self.problems.append(Problem(at.file, at.line, at.column, message))

    def node(self, node: yaml.Node) -> Node:
        if id(node) not in self.built:
            self.open.add(id(node))
            self.built[id(node)] = self.build(node)
            self.open.discard(id(node))
        return self.built[id(node)]

    def build(self, node: yaml.Node) -> Node:
        if isinstance(node, yaml.MappingNode):
            return Table(tuple(self.entries(node)), self.at(node))
        if isinstance(node, yaml.SequenceNode):
            return Items(tuple(self.node(n) for n in node.value if not self.is_loop(n)), self.at(node))
        assert isinstance(node, yaml.ScalarNode)
        text = nfc(node.value)
        if node.style is None and (slip := typographic(text)):
            self.wrong(self.at(node), slip)
            text = text[1:-1]  # as it was meant: nothing else is wrong with it
        kind = _KINDS.get(str(node.tag).removeprefix("tag:yaml.org,2002:"), f"a value with the tag {node.tag}")
        return Scalar(text, kind, self.at(node))

    def is_loop(self, node: yaml.Node) -> bool:
        if id(node) in self.open:
            self.wrong(self.at(node), "this refers to itself; write the value out")
        return id(node) in self.open

    def entries(self, node: yaml.MappingNode) -> Iterator[tuple[Scalar, Node]]:
        own: dict[str, Scalar] = {}
        merged: list[yaml.Node] = []
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
        if isinstance(built, Scalar) and node.style is None and (slip := typographic(built.text, is_key=True)):
            self.wrong(built.at, slip)
        if not isinstance(built, Scalar) or built.kind != TEXT:
            self.wrong(built.at, f"a key must be text and this is {built.words}; write it in quotes")
        elif first := own.get(built.text):
            self.wrong(built.at, f'"{built.text}" is here twice, first in line {first.at.line}; keep one of them')
        else:
            own[built.text] = built
            return built
        return None

    def value(self, name: Scalar, node: yaml.Node) -> Node:
        """Give a value; one that was left out stands where its key does, not where the next token happens to be."""
        built = self.node(node)
        left_out = isinstance(built, Scalar) and not built.text and built.kind == NOTHING
        return Scalar("", NOTHING, name.at) if left_out else built

    def merged(self, node: yaml.Node, own: dict[str, Scalar]) -> Iterator[tuple[Scalar, Node]]:
        """Give what a merge key brings, one table or each of a list of tables; what is there already wins."""
        for part in node.value if isinstance(node, yaml.SequenceNode) else [node]:
            if not isinstance(part, yaml.MappingNode):
                self.wrong(self.at(part), _MERGES)
            elif not self.is_loop(part):
                yield from self.brought(part, own)

    def brought(self, node: yaml.MappingNode, own: dict[str, Scalar]) -> Iterator[tuple[Scalar, Node]]:
        """Give the entries of a table that are not there already."""
        table = self.node(node)
        assert isinstance(table, Table)
        self.merges += len(table.entries)
        if self.merges > MOST_MERGED:
            raise _Broken(node.start_mark.line + 1, node.start_mark.column + 1, _TOO_MANY)
        for name, value in table.entries:
            if name.text not in own:
                own[name.text] = name
                yield name, value
