"""Strict reading of nodes: every value has one type, every key is known, and every mistake is taken down with its place.

A method that finds a mistake notes it and gives what is left, so that one run finds all of them. A node that is not there
reads as nothing: whether its key had to be there is the business of `record`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches

from syncd.errors import Problem
from syncd.model import At
from syncd.text.characters import unseen
from syncd.text.document import NOTHING, TEXT, TRUTH, Items, Node, Scalar, Table
from syncd.text.near import is_near

LONGEST_WORD = 100
"""A longer word is no slip of the finger, and comparing two such words takes long."""
COMPARED = 20_000
"""So many comparisons of words are made for the mistakes of one set of files: about a second."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Give `; did you mean "..."?` where a known word is close, the same word in another case first, or nothing."""
    if len(word) > LONGEST_WORD:
        return ""
    folded = {w.casefold(): w for w in sorted(known, reverse=True) if len(w) <= LONGEST_WORD}
    close = (near for near in get_close_matches(word.casefold(), folded) if is_near(word.casefold(), near))
    return next((f'; did you mean "{folded[near]}"?' for near in close), "")


@dataclass(slots=True)
class Strict:
    """Reads nodes and collects problems."""

    problems: list[Problem] = field(default_factory=list)
    longest: int | None = None
    """The most characters of a text; None: whatever its file may have."""
    compared: int = 0
    """Comparisons of words made so far."""

    def near(self, word: str, known: Collection[str]) -> str:
        """Do as `did_you_mean`, as long as not too many words were compared: a thousand mistakes need no hints."""
        self.compared += len(known)
        return did_you_mean(word, known) if self.compared <= COMPARED else ""

    def wrong(self, at: At, message: str) -> None:
        self.problems.append(Problem(at.file, at.line, at.column, message))

    def wrong_type(self, node: Node, what: str, wanted: str) -> None:
        if isinstance(node, Scalar) and node.kind == NOTHING:
            self.wrong(node.at, f"{what} has no value; write {wanted}, or take the key out")
        else:
            self.wrong(node.at, f"{what} must be {wanted} and is {node.words}")

    def table(self, node: Node, what: str) -> tuple[tuple[Scalar, Node], ...]:
        """Read keys with values; `what` names the place, as in "`roles`"."""
        if isinstance(node, Table):
            return node.entries
        self.wrong_type(node, what, "keys with values")
        return ()

    def record(
        self, node: Node, what: str, *, known: tuple[str, ...], required: tuple[str, ...] = ()
    ) -> Mapping[str, Node]:
        """Read a table with fixed keys; gives those that are known."""
        if not isinstance(node, Table):
            self.wrong_type(node, what, f"keys with values ({_listed(known)})")
            return {}
        found = {}
        for name, value in node.entries:
            if name.text in known:
                found[name.text] = value
            else:
                hint = self.near(name.text, known) or f"; {what} knows {_listed(known)}"
                self.wrong(name.at, f'unknown key "{name.text}"{hint}')
        for missing in required:
            if missing not in found:
                self.wrong(node.at, f"{what} needs `{missing}`")
        return found

    def items(self, node: Node | None, what: str, *, at_least: int = 0) -> tuple[Node, ...]:
        """Read a list."""
        if isinstance(node, Items):
            if len(node.items) < at_least:
                self.wrong(node.at, f"{what} is an empty list; write at least one entry, or leave the key out")
            return node.items
        if isinstance(node, Scalar) and node.kind == TEXT and node.text.strip():
            self.wrong(node.at, f"{what} must be a list and is text; write {listed_text(node.text)}")
        elif node:
            self.wrong_type(node, what, "a list")
        return ()

    def visible(self, at: At, text: str, what: str, *, free: bool = False) -> bool:
        """See that everything in a text can be seen; see `characters`."""
        found = unseen(text, free=free)
        if found:
            self.wrong(at, f"{what} has the character {found} in it, which nobody can see; take it out")
        return not found

    def text(self, node: Node | None, what: str, *, lines: bool = False, free: bool = False) -> str | None:
        """Read a text that is not empty; in one line unless `lines`; not a name if `free`."""
        if node is None:
            return None
        if not isinstance(node, Scalar) or node.kind == NOTHING:
            self.wrong_type(node, what, "text")
        elif node.kind != TEXT:
            self.wrong(
                node.at, f'{what} must be text and {node.text} is {node.kind}; write it in quotes: "{node.text}"'
            )
        elif not node.text.strip():
            self.wrong(node.at, f"{what} is empty; write a value")
        elif self.longest is not None and len(node.text) > self.longest:
            self.wrong(
                node.at, f"{what} has {len(node.text):,} characters and may have {self.longest:,}; make it shorter"
            )
        elif self.visible(node.at, node.text.replace("\n", "") if lines else node.text, what, free=lines or free):
            return node.text
        return None

    def flag(self, node: Node | None, what: str) -> bool | None:
        """Read true or false."""
        if isinstance(node, Scalar) and node.kind == TRUTH:
            return node.text.casefold() == "true"
        if node is not None:
            self.wrong_type(node, what, "true or false")
        return None

    def texts(self, node: Node | None, what: str, *, alone: bool = False) -> tuple[Scalar, ...]:
        """Read a list of different texts with at least one entry; `alone` allows one text instead of a list."""
        if alone and isinstance(node, Scalar):
            return (node,) if self.text(node, what) is not None else ()
        if alone and isinstance(node, Table):
            self.wrong_type(node, what, "text or a list")
            return ()
        entries = self.items(node, what, at_least=1)
        read = [e for e in entries if self.text(e, f"an entry of {what}") is not None and isinstance(e, Scalar)]
        first: dict[str, Scalar] = {}
        for entry in read:
            if first.setdefault(entry.text, entry) is not entry:
                self.wrong(entry.at, f'"{entry.text}" is in this list twice; keep one')
        return tuple(read)


def listed_text(text: str) -> str:
    """Write a text as the only entry of a list, as YAML takes it."""
    return f"[{text}]" if re.fullmatch(r"[A-Za-z_][\w.-]*", text) else f"[{json.dumps(text, ensure_ascii=False)}]"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{n}`" for n in names)
