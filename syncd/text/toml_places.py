"""Where each key and each value of a TOML text stands: what `tomllib` does not tell, and error messages need.

The scanner is meant for texts that `tomllib` accepts. It also gets through texts whose only mistake is a key written
twice, and names the second place: `tomllib` points behind it.
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right
from dataclasses import dataclass, field

Path = tuple[str | int, ...]
"""Names of tables and keys, and positions in arrays, from the top of the document."""


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """Line and column (in characters), both from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Positions:
    """`keys` has the first mention of each key and table, `values` the start of each value, `repeated` the second."""

    keys: dict[Path, Position] = field(default_factory=dict)
    values: dict[Path, Position] = field(default_factory=dict)
    repeated: dict[Path, Position] = field(default_factory=dict)

    def key(self, path: Path) -> Position:
        """Give the place of a key, or of the nearest thing around it that is written down."""
        while path and path not in self.keys:
            path = path[:-1]
        return self.keys.get(path, Position(1, 1))

    def value(self, path: Path) -> Position:
        """Give the place of a value; a table under a header has its header's name."""
        return self.values.get(path) or self.key(path)


class NotScannable(ValueError):
    """The text is not TOML, at a place where the scanner would have to guess."""


class TooDeep(ValueError):
    """Tables, lists or the parts of a key are nested deeper than anything of a configuration, from `place` on."""

    def __init__(self, place: Position) -> None:
        super().__init__(place)
        self.place = place


# Nothing repeated is tried again in another length (`++`, `*+`): what a text holds must not decide how long it is looked at.
_SPACE = re.compile(r"(?:[ \t\n]++|#[^\n]*+)*+")
_BLANK = re.compile(r"[ \t]*+")
_PART = re.compile(r'"(?:[^"\\\n]++|\\.)*+"|\'[^\'\n]*+\'|[A-Za-z0-9_-]++')
_STRING = re.compile(
    r'"""(?:[^"\\]++|\\[\s\S]|"{1,2}(?!"))*+"{3,5}'
    r"|'''(?:[^']++|'{1,2}(?!'))*+'{3,5}"
    r'|"(?:[^"\\\n]++|\\.)*+"'
    r"|'[^'\n]*'"
)
_SCALAR = re.compile(r"[^,\]}\n#]++")

DEEPEST = 24
"""Parts of a path. No key is as deep; `tomllib` takes quadratic time for a key of many parts, and nests as deep as told."""


def locate(text: str) -> Positions:
    """Find every key and value of a TOML text.

    Raises:
        NotScannable: the text is not TOML.
        TooDeep: it is nested deeper than `DEEPEST`.
    """
    scanner = _Scanner(text.replace("\r\n", "\n"))
    scanner.document()
    return scanner.places


class _Scanner:
    """Walks once over the text; `at` is the offset of the next character."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.places = Positions()
        self._line_starts = [0, *(found.end() for found in re.finditer("\n", text))]
        self._newest: dict[Path, int] = {}  # arrays of tables: the index of the element that headers now speak of

    def document(self) -> None:
        table: Path = ()
        while self._skip(_SPACE) < len(self.text):
            if self.text.startswith("[", self.at):
                table = self._header()
            else:
                self._pair(table)

    def _header(self) -> Path:
        opening, closing = ("[[", "]]") if self.text.startswith("[[", self.at) else ("[", "]")
        self._expect(opening)
        parts = self._key()
        self._expect(closing)
        path: Path = ()
        for name, place in parts[:-1]:
            path = self._newest_in(self._name(path, name, place))
        name, place = parts[-1]
        path = (*path, name)
        if opening == "[":
            self._once(path, place)
            return path
        self.places.keys.setdefault(path, place)
        self._newest[path] = self._newest.get(path, -1) + 1
        path = self._newest_in(path)
        self.places.keys[path] = place
        return path

    def _newest_in(self, path: Path) -> Path:
        return (*path, self._newest[path]) if path in self._newest else path

    def _pair(self, table: Path) -> None:
        *front, (name, place) = self._key()
        for part, start in front:
            table = self._name(table, part, start)
        self._once((*table, name), place)
        self._expect("=")
        self._value((*table, name))

    def _name(self, table: Path, name: str, place: Position) -> Path:
        self.places.keys.setdefault((*table, name), place)
        return (*table, name)

    def _once(self, path: Path, place: Position) -> None:
        """Note a key that may be written once; a table named on the way to another may still get its own header."""
        known = path in self.places.values
        if known:
            self.places.repeated.setdefault(path, place)
        self.places.keys[path] = self.places.keys[path] if known else place
        self.places.values.setdefault(path, place)

    def _key(self) -> list[tuple[str, Position]]:
        """Read a key with its dots: each part and where it starts."""
        parts = [self._part()]
        while self.text.startswith(".", self._skip(_BLANK)):
            self.at += 1
            parts.append(self._part())
            if len(parts) > DEEPEST:
                raise TooDeep(parts[0][1])
        return parts

    def _part(self) -> tuple[str, Position]:
        self._skip(_BLANK)
        place, raw = self._here(), self._take(_PART)
        return (self._unquoted(raw) if raw[0] in "\"'" else raw), place

    def _unquoted(self, raw: str) -> str:
        try:
            return str(tomllib.loads(f"k={raw}")["k"])
        except tomllib.TOMLDecodeError:
            raise NotScannable(self.at) from None

    def _value(self, path: Path) -> None:
        self._skip(_BLANK)
        self.places.values[path] = self._here()
        if len(path) > DEEPEST:
            raise TooDeep(self.places.values[path])
        match self.text[self.at : self.at + 1]:
            case "[":
                self._array(path)
            case "{":
                self._inline_table(path)
            case '"' | "'":
                self._take(_STRING)
            case _:
                self._take(_SCALAR)

    def _array(self, path: Path) -> None:
        self.at += 1
        index = 0
        while not self.text.startswith("]", self._skip(_SPACE)):
            self.places.keys[(*path, index)] = self._here()
            self._value((*path, index))
            index += 1
            self._comma("]")
        self.at += 1

    def _inline_table(self, path: Path) -> None:
        self.at += 1
        while not self.text.startswith("}", self._skip(_SPACE)):
            self._pair(path)
            self._comma("}")
        self.at += 1

    def _comma(self, closing: str) -> None:
        if self.text.startswith(",", self._skip(_SPACE)):
            self.at += 1
        elif not self.text.startswith(closing, self.at):
            raise NotScannable(self.at)

    def _here(self) -> Position:
        line = bisect_right(self._line_starts, self.at)
        return Position(line, self.at - self._line_starts[line - 1] + 1)

    def _skip(self, pattern: re.Pattern[str]) -> int:
        found = pattern.match(self.text, self.at)
        assert found is not None  # both patterns match nothing at least
        self.at = found.end()
        return self.at

    def _take(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self.text, self.at)
        if found is None:
            raise NotScannable(self.at)
        self.at = found.end()
        return found.group()

    def _expect(self, token: str) -> None:
        if not self.text.startswith(token, self._skip(_BLANK)):
            raise NotScannable(self.at)
        self.at += len(token)
