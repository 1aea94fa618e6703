"""Slips of the hand that no YAML library has words for: what a merge left, typographic quotes, a colon in the wrong place."""

from __future__ import annotations

import re
from typing import Final

_CONFLICT: Final = re.compile(r"^(<{7}|={7}|>{7}|\|{7})(?: .*)?$", re.MULTILINE)
_OPENING: Final = "“”„‟«»‘’‚‛"
_LINE_WITHOUT_COLON: Final = re.compile(r"\s*(- +)?([\w. -]*\w)\s*(#.*)?")
TYPOGRAPHIC: Final = (
    "typographic quotes ({0}) stand here, and YAML takes them for a part of the text; write straight ones: \" or '"
)


def conflict(text: str) -> tuple[int, str] | None:
    """Find what a merge left that nobody decided: its line, and what to do. A text with such lines may yet be good YAML."""
    found = _CONFLICT.search(text)
    if found is None or not re.search(r"^(<{7}|>{7})(?: |$)", text, re.MULTILINE):
        return None
    line = text.count("\n", 0, found.start()) + 1
    return line, f"a merge left its marks here ({found[1]}); decide which lines are meant, and take the marks out"


def typographic(text: str, *, is_key: bool = False) -> str:
    """Say that a value without YAML's own quotes stands in typographic ones; a key needs only to begin with one."""
    begins, ends = text[:1] in _OPENING, text[-1:] in _OPENING
    if not text or not begins or not (ends or is_key):
        return ""
    return TYPOGRAPHIC.format(" and ".join(dict.fromkeys(q for q in (text[0], text[-1]) if q in _OPENING)))


def typographic_at(text: str, line: int, column: int) -> str:
    """Say that a language which only knows straight quotes met another one at a place; empty: it did not."""
    lines = text.splitlines()
    found = lines[line - 1][column - 1 : column] if line <= len(lines) else ""
    is_quote = found and found in _OPENING
    return f'a typographic quote ({found}) stands here; write straight ones, as in "text"' if is_quote else ""


def misplaced_colon(text: str, line: int, column: int) -> str:
    """Say what to do about a ":" that is not expected at a place: the cause may stand before it, or in the line above."""
    lines = text.splitlines()
    here, above = lines[line - 1][: column - 1], lines[line - 2] if line > 1 else ""
    if value := here.partition(": ")[2].strip():
        return typographic(value, is_key=True) or _second_colon(value, lines[line - 1][column:].strip())
    if found := _LINE_WITHOUT_COLON.fullmatch(above):
        return (
            f'the line above has no ":" at its end; write `{found[2]}:` there{", without the dash" if found[1] else ""}'
        )
    return 'a ":" is not expected here; mend the indentation, or put the value in quotes'


def _second_colon(before: str, after: str) -> str:
    """Say what to do about `group: people: analysts`, and about `description: Looks: at things`."""
    group = f"{before}:{after}"
    joined = (
        f", or, where it names a group, take the blank out: {group}" if re.fullmatch(r"[\w.-]+:[\w.-]+", group) else ""
    )
    return f'a second ":" stands in this value; put the value in quotes{joined}'
