"""One TOML text as it stands, with the places of its keys and values, or what is wrong with it in one sentence at a place."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Never

from syncd.errors import ConfigInvalid, Problem
from syncd.text.slips import conflict, slip_at
from syncd.text.toml_places import NotScannable, Path, Position, Positions, TooDeep, locate

_TOML_PLACE = re.compile(r"(.*) \(at (?:line (\d+), column (\d+)|end of document)\)$")
_SYNTAX_HINTS = (
    ("Invalid value", "; write text in quotes, and true and false in small letters"),
    (r"character '\n'", "; a text in quotes ends in the line where it begins"),
)


@dataclass(frozen=True, slots=True)
class Written:
    """One configuration file as it stands: its name for people, its values, and where they are."""

    name: str
    values: Mapping[str, Any]
    places: Positions
    text: str = ""

    def problem(self, place: Position, message: str) -> Problem:
        return Problem(self.name, place.line, place.column, message)


def read_toml(name: str, text: str) -> Written:
    """Read a TOML text and where everything in it stands.

    Raises:
        ConfigInvalid: it is not TOML; at the place, with what to write.
    """
    if left := conflict(text):
        _refuse(name, left[1], left[0], 1)
    try:
        places = _located(text)  # first: what it refuses would keep tomllib busy for ever
        values = tomllib.loads(text)
    except TooDeep as deep:
        _refuse(name, "this is nested deeper than anything in a configuration", deep.place.line, deep.place.column)
    except tomllib.TOMLDecodeError as error:
        repeated = places.repeated if places else {}
        raise ConfigInvalid([_syntax_problem(name, text, error=str(error), repeated=repeated)]) from None
    except ValueError as error:  # an integer of more digits than Python makes a number of
        _refuse(name, f"not valid TOML: {error}", *_many_digits(text))
    return Written(name, values, places or locate(text), text)


def _refuse(name: str, message: str, line: int, column: int) -> Never:
    raise ConfigInvalid([Problem(name, line, column, message)]) from None


def _many_digits(text: str) -> tuple[int, int]:
    """Find the number that is too long for Python."""
    found = re.search(r"(?<![0-9_])[0-9_]{4300,}", text)
    before = text[: found.start()] if found else ""
    return before.count("\n") + 1, len(before) - before.rfind("\n")


def _located(text: str) -> Positions | None:
    try:
        return locate(text)
    except NotScannable:
        return None


def _syntax_problem(name: str, text: str, *, error: str, repeated: Mapping[Path, Position]) -> Problem:
    """Turn a message of `tomllib` into one sentence at a place."""
    if repeated:
        path, place = min(repeated.items(), key=lambda item: item[1])
        return Problem(name, place.line, place.column, f"{dotted(path)} is written twice; keep one of the two")
    found = _TOML_PLACE.match(error)
    message, line, column = found.groups() if found else (error, None, None)
    end = text.rstrip().count("\n") + 1
    place = (
        Position(int(line), int(column))
        if line and column
        else Position(end, len(text.rstrip().rpartition("\n")[2]) + 1)
    )
    if slip := slip_at(text, place.line, place.column):
        return Problem(name, place.line, place.column, slip)
    hint = next((words for sign, words in _SYNTAX_HINTS if sign in message), "") if line else ""
    return Problem(name, place.line, place.column, f"not valid TOML: {message[0].lower()}{message[1:]}{hint}")


def dotted(path: Sequence[str | int]) -> str:
    """Write a path as TOML would: quoted where it must be, positions in brackets."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part + 1}]"
        else:
            shown = part if re.fullmatch(r"[A-Za-z0-9_-]+", part) else f'"{part}"'
            text += f".{shown}" if text else shown
    return text
