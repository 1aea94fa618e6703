"""The variables of one file: `${name}` in its values, from a table of the same file.

what stands there       | what is read
------------------------|----------------------------------------------------------------------------
`${x}`, alone           | the value of x, whatever it is; a list of it in place of an entry of a list
`fin_${x}_*`            | the text of x in this place
`$${`                   | `${`
`$`, `{`, `}` elsewhere | itself

Nothing is expanded twice, keys never are, and what is made of a file has a bound. What was expanded stands where it is used.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from syncd.model import At
from syncd.text.document import NOTHING, TEXT, Items, Node, Scalar, Table
from syncd.text.strict import Strict

MOST_CHARACTERS: Final = 1_000_000
"""So many characters may all uses of variables in one file bring."""
ENTRY: Final = 20
"""An entry of a list counts as so many more: reading it takes as long."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_USE = re.compile(r"(?P<text>\$\$\{)|\$\{(?P<name>[^{}]*)(?P<end>\}?)")
_ITSELF = "write `$${` for the text `${` itself"


def expanded(root: Table, variables: Node, strict: Strict) -> Table:
    """Give a table with every use of the variables in its values replaced; mistakes of either are noted."""
    expansion = _Expansion(strict, _read(variables, strict))
    found = expansion.node(root)
    assert isinstance(found, Table)
    for name, place in expansion.unused():
        strict.wrong(place, f'the variable "{name}" is used nowhere in this file; take it out')
    return found


@dataclass(frozen=True, slots=True)
class _Variable:
    value: Node
    at: At


def _read(node: Node, strict: Strict) -> dict[str, _Variable]:
    found = {}
    for name, value in strict.table(node, "`vars`"):
        if not _NAME.fullmatch(name.text):
            strict.wrong(name.at, f'"{name.text}" is no name for a variable; write letters, digits, "_" and "-"')
        else:
            read = _value(value, f'the variable "{name.text}"', strict)
            found[name.text] = _Variable(read or Scalar(f"${{{name.text}}}", TEXT, value.at), name.at)
    return found


def _value(node: Node, what: str, strict: Strict) -> Node | None:
    if isinstance(node, Table):
        strict.wrong_type(node, what, "text or a list of text")
        return None
    if isinstance(node, Items):
        read = [_value(item, f"an entry of {what}", strict) for item in strict.items(node, what, at_least=1)]
        return Items(tuple(item for item in read if isinstance(item, Scalar)), node.at)
    if node.kind == NOTHING or not node.text.strip():
        strict.wrong(node.at, f"{what} is empty; write a value")
        return None
    return _plain(node, what, strict)


def _plain(node: Scalar, what: str, strict: Strict) -> Scalar:
    """Read the value of a variable, in which no other is used."""
    if any(not use["text"] for use in _USE.finditer(node.text)):
        strict.wrong(node.at, f"{what} cannot be made of other variables; write its value out, or {_ITSELF}")
    return Scalar(node.text.replace("$${", "${"), node.kind, node.at)


@dataclass(slots=True)
class _Expansion:
    """Replaces uses, and counts what that brings. A node with several aliases is expanded once, and stays one node."""

    strict: Strict
    variables: dict[str, _Variable]
    used: set[str] = field(default_factory=set)
    built: dict[int, Node] = field(default_factory=dict)
    brought: int = 0

    def unused(self) -> list[tuple[str, At]]:
        return [(name, variable.at) for name, variable in self.variables.items() if name not in self.used]

    def node(self, node: Node) -> Node:
        if id(node) not in self.built:
            self.built[id(node)] = self._node(node)
        return self.built[id(node)]

    def _node(self, node: Node) -> Node:
        if isinstance(node, Table):
            return Table(tuple((self._key(key), self.node(value)) for key, value in node.entries), node.at)
        if isinstance(node, Items):
            return Items(tuple(item for entry in node.items for item in self._entries(entry)), node.at)
        return self._whole(node) if _alone(node) in self.variables else self._text(node)

    def _key(self, key: Scalar) -> Scalar:
        if _alone(key) or any(not use["text"] for use in _USE.finditer(key.text)):
            self.strict.wrong(key.at, f'the key "{key.text}" has a variable in it; keys are written out')
        return key

    def _entries(self, entry: Node) -> tuple[Node, ...]:
        found = self.node(entry)
        if not (isinstance(entry, Scalar) and isinstance(found, Items)):
            return (found,)
        # counted again: entries have aliases
        return found.items if self._affords(ENTRY * len(found.items), entry.at) else (entry,)

    def _whole(self, use: Scalar) -> Node:
        """Give the value of a variable that stands alone, at the place where it is used."""
        value = self.variables[_alone(use)].value
        self.used.add(_alone(use))
        if isinstance(value, Scalar):
            return Scalar(self._bring(value.text, use.at, use=use.text), value.kind, use.at)
        items = [item for item in (value.items if isinstance(value, Items) else ()) if isinstance(item, Scalar)]
        if not self._affords(sum(len(item.text) + 1 for item in items), use.at):
            return use
        return Items(tuple(Scalar(item.text, item.kind, use.at) for item in items), use.at)

    def _text(self, node: Scalar) -> Scalar:
        """Give a text with the variables in it replaced."""
        if "${" not in node.text:
            return node
        return Scalar(_USE.sub(lambda use: self._part(use, node.at), node.text), TEXT, node.at)

    def _part(self, use: re.Match[str], at: At) -> str:
        if use["text"]:
            return "${"
        if not use["end"]:
            self.strict.wrong(at, f'"{use[0]}" is never closed; write "}}" after the name, or {_ITSELF}')
            return use[0]
        self.used.add(name := use["name"])
        if name not in self.variables:
            hint = self.strict.near(name, self.variables) or f"; define it under `vars`, or {_ITSELF}"
            self.strict.wrong(at, f'there is no variable "{name}" in this file{hint}')
        elif isinstance(value := self.variables[name].value, Scalar):
            return self._bring(value.text, at, use=use[0])
        else:
            self.strict.wrong(at, f'"{use[0]}" is a list, which cannot stand inside a text; write it alone')
        return use[0]

    def _bring(self, text: str, at: At, *, use: str) -> str:
        """Give what is brought in place of a use, which stays as it is where that is too much."""
        return text if self._affords(len(text) + 1, at) else use

    def _affords(self, size: int, at: At) -> bool:
        """Count what is brought; the first that is too much is told, and nothing more is brought."""
        if self.brought <= MOST_CHARACTERS < self.brought + size:
            self.strict.wrong(at, f"variables bring more than {MOST_CHARACTERS:,} characters; use them less")
        self.brought += size
        return self.brought <= MOST_CHARACTERS


def _alone(node: Scalar) -> str:
    """Give the name of the variable that is the whole of a value."""
    use = _USE.fullmatch(node.text)
    return use["name"] if use and use["end"] and use["name"] is not None else ""
