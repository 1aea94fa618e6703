"""Slips of the hand that no library has words for: what a merge left, typographic quotes, blanks that are none, a colon in the
wrong place."""

from __future__ import annotations

import re
from typing import Final

from syncd.text.characters import code_point, unseen

_CONFLICT: Final = re.compile(r"^(<{7}|={7}|>{7}|\|{7})(?: .*)?$", re.MULTILINE)
_ODD_BLANK: Final = re.compile(r"^[ -]*([^\S \t\r\n]|[\u200b-\u200f\u2060\ufeff])|([\x85\u2028\u2029])")
"""In an indentation, or what begins a line in an editor and none in YAML."""
_BARE_VARIABLE: Final = re.compile(r"[{[,:] *([^\s\"',:{}[\]]*\$\{[\w-]+\}[^\s\"',:{}[\]]*)")
_OPENING: Final = "“”„‟«»‘’‚‛"
_LINE_WITHOUT_COLON: Final = re.compile(r"\s*(- +)?([\w. -]*\w)\s*(#.*)?")
_IN_ITS_PLACE: Final = "write a blank or a line break in its place, or take it out"
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


_LONE_RETURN: Final = re.compile(r"\r(?!\n)")


def lone_return(text: str) -> tuple[int, int, str] | None:
    """Find what ends a line in YAML, and in hardly a tool by which files are reviewed: its place, and what to do."""
    found = _LONE_RETURN.search(text)
    if found is None:
        return None
    line, column = text.count("\n", 0, found.start()) + 1, found.start() - (text.rfind("\n", 0, found.start()) + 1) + 1
    why = "a carriage return without a line feed begins a new line here, which is not seen in most tools"
    return line, column, f"{why}; save the file with line feeds"


def typographic(text: str, *, is_key: bool = False) -> str:
    """Say that a value without YAML's own quotes stands in typographic ones; a key needs only to begin with one."""
    begins, ends = text[:1] in _OPENING, text[-1:] in _OPENING
    if not text or not begins or not (ends or is_key):
        return ""
    return TYPOGRAPHIC.format(" and ".join(dict.fromkeys(q for q in (text[0], text[-1]) if q in _OPENING)))


def slip_at(text: str, line: int, column: int) -> str:
    """Say that TOML or JSON met a typographic quote at a place, or what nobody can see; empty: it did not."""
    lines = text.split("\n")
    found = lines[line - 1][column - 1 : column] if line <= len(lines) else ""
    if found and found in _OPENING:
        return f'a typographic quote ({found}) stands here; write straight ones, as in "text"'
    return f"the character {unseen(found)} stands here; {_IN_ITS_PLACE}" if found > "~" and unseen(found) else ""


def odd_blank(text: str, line: int) -> tuple[int, int, str] | None:
    """Find what YAML takes for a part of the text, though it looks like a blank or a line break, in a line or the one above it:
    its place, and what to do."""
    lines = _lines(text)
    for number in range(max(line - 1, 1), min(line, len(lines)) + 1):
        if found := _ODD_BLANK.search(lines[number - 1]):
            which = found.lastindex or 0
            words = f"the character {code_point(found[which])} stands here; {_IN_ITS_PLACE}"
            return number, found.start(which) + 1, words
    return None


def bare_variable(text: str, line: int) -> tuple[int, int, str] | None:
    """Find the use of a variable that has no quotes between brackets, where YAML takes its bracket for another: its place, and
    what to do."""
    lines = _lines(text)
    found = _BARE_VARIABLE.search(lines[line - 1]) if line <= len(lines) else None
    if found is None:
        return None
    return line, found.start(1) + 1, f'between brackets a value with a variable stands in quotes; write "{found[1]}"'


def _lines(text: str) -> list[str]:
    """Part a text where YAML begins lines; `splitlines` does so at more places."""
    return re.split("\r\n|\r|\n", text)


def misplaced_colon(text: str, line: int, column: int) -> str:
    """Say what to do about a ":" that is not expected at a place: the cause may stand before it, or in the line above."""
    lines = _lines(text)
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
