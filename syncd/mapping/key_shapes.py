"""What a value in a mapping file can look like, and what a table of fixed keys is: the words that `keys` is written in.

shape      | what stands there
-----------|----------------------------------------------------------
Text       | a text that is not blank, perhaps as a pattern says
Word       | one of a few words
DagAction  | what can be done with one DAG, in the words of the targets
Flag       | true or false, or just one of the two
Number     | a whole number, not below zero
Plain      | a text, a number, true or false
ListOf     | a list
Named      | names that people give, each with a value
Ref        | a table of fixed keys: a `KeyTable`
Either     | any of these
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Text:
    pattern: str = ""
    """In the common part of Python's regular expressions and JavaScript's."""


@dataclass(frozen=True, slots=True)
class Word:
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DagAction:
    pass


@dataclass(frozen=True, slots=True)
class Flag:
    only: bool | None = None


@dataclass(frozen=True, slots=True)
class Number:
    pass


@dataclass(frozen=True, slots=True)
class Plain:
    pass


@dataclass(frozen=True, slots=True)
class ListOf:
    of: Shape
    least: int = 1
    most: int | None = None
    distinct: bool = True


@dataclass(frozen=True, slots=True)
class Named:
    of: Shape
    names: str = ""
    """The pattern of the names."""
    least: int = 0


@dataclass(frozen=True, slots=True)
class Ref:
    record: str


@dataclass(frozen=True, slots=True)
class Either:
    shapes: tuple[Shape, ...]


Shape = Text | Word | DagAction | Flag | Number | Plain | ListOf | Named | Ref | Either


@dataclass(frozen=True, slots=True)
class Key:
    """A key, what stands there, and what to write, in Markdown."""

    name: str
    shape: Shape
    says: str


@dataclass(frozen=True, slots=True)
class KeyTable:
    """A table of fixed keys.

    `required`  it cannot do without them
    `some`      it has one of them at least
    `one`       it has just one of them
    `never`     beside the key none of those stands
    `only`      the key stands only beside all of those
    """

    name: str
    says: str
    keys: tuple[Key, ...]
    required: tuple[str, ...] = ()
    some: tuple[str, ...] = ()
    one: tuple[str, ...] = ()
    never: tuple[tuple[str, tuple[str, ...]], ...] = ()
    only: tuple[tuple[str, tuple[str, ...]], ...] = ()

    @property
    def known(self) -> tuple[str, ...]:
        return tuple(key.name for key in self.keys)

    def need(self, key: str) -> str:
        """Say in words whether a key has to be there."""
        if key in self.required:
            return "required"
        if key in self.one:
            return "one of these"
        return "one of these at least" if key in self.some else "optional"

    def among(self, *names: str) -> tuple[Key, ...]:
        """Give some of the keys, for another table that has them too."""
        return tuple(key for key in self.keys if key.name in names)


def texts(pattern: str = "", *, most: int | None = None) -> ListOf:
    """Give the shape of a list of different texts."""
    return ListOf(Text(pattern), most=most)


def some(of: Shape) -> Either:
    """Give the shape of one thing, or a list of different ones."""
    return Either((of, ListOf(of)))


def without(record: KeyTable, *names: str, name: str, says: str) -> KeyTable:
    """Give a record without some of its keys, under another name."""
    keys = tuple(key for key in record.keys if key.name not in names)
    return replace(
        record, name=name, says=says, keys=keys, required=tuple(k for k in record.required if k not in names)
    )
