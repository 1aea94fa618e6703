"""Patterns for names of DAGs and their files: globs, and regular expressions between slashes that are matched in linear time.

A regular expression is one of RE2, which knows no backward reference and no look-around, so that no pattern can make a check
last: https://github.com/google/re2/wiki/Syntax.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from fnmatch import translate
from functools import lru_cache
from typing import Any

from syncd.model import nfc
from syncd.model.patterns import variables

LONGEST_GLOB = 1000
LONGEST_REGEX = 200
MOST_REGEXES = 500
"""So many different ones may stand in all files: one that was made to be slow takes RE2 about 10 ms to read."""
_MEMORY = 1 << 16
"""Bytes that one regular expression may take; what needs more is refused."""
_LAST = b"\xff"


def id_problem(pattern: str) -> str:
    """Say what is wrong with a pattern for ids and what to write; empty: nothing."""
    return regex_problem(pattern) if is_regex(pattern) else glob_problem(pattern)


def is_regex(pattern: str) -> bool:
    """Say whether a pattern stands between slashes; no id of a DAG has one."""
    return len(pattern) > 1 and pattern.startswith("/") and pattern.endswith("/")


def is_literal(pattern: str) -> bool:
    """Say whether a pattern is the id of one DAG, with no wildcard in it."""
    return not is_regex(pattern) and not re.search(r"[*?\[]", pattern)


def regex_problem(pattern: str) -> str:
    inside = pattern[1:-1]
    if not inside:
        return (
            'there is nothing between the slashes of "//"; write a regular expression there, or a glob without slashes'
        )
    if len(pattern) - 2 > LONGEST_REGEX:
        return (
            f"a regular expression has {LONGEST_REGEX} characters at most and this one has {len(inside)}; write several"
        )
    if re.search(r"\\[pPC]", inside):
        return f'"{pattern}" has a class of Unicode or of bytes in it; write the characters, as in [a-z0-9_]'
    import re2

    try:
        _regex(pattern)
    except re2.error as error:
        said = error.args[0] if error.args else ""
        words = said.decode(errors="replace") if isinstance(said, bytes) else str(said)
        more = "; RE2 has no look-around and no references back" if re.search("operator|escape", words) else ""
        return f'"{pattern}" is no regular expression of RE2: {words}{more}'
    return ""


def glob_problem(glob: str) -> str:
    """Say what is wrong with a glob and what to write; empty: nothing."""
    if len(glob) > LONGEST_GLOB:
        return f"a glob has {LONGEST_GLOB:,} characters at most and this one has {len(glob):,}; write several"
    rest = glob
    while "[" in rest:
        inside = re.match(r"\[!?+(\]?+[^]]*)\]", rest[rest.index("[") :])
        if not inside:
            return (
                f'the "[" in "{glob}" is never closed; write "]" after the characters, or "[[]" for the bracket itself'
            )
        for low, high in re.findall(r"(.)-(.)", inside[1]):
            if low > high:
                return f'the range {low}-{high} in "{glob}" is empty; write it from the lower to the higher character'
        rest = rest[rest.index("[") + len(inside[0]) :]
    return ""


def variable_problem(glob: str) -> str:
    """Say where a variable stands between brackets, so that nobody can say beforehand what the glob fits; empty: nowhere."""
    between = next((found for found in re.findall(r"\[!?\]?[^]]*\]", glob) if variables(found)), "")
    return f'a variable cannot stand between brackets, as in "{between}"; write it outside of them' if between else ""


def fits(name: str, regex: str) -> bool:
    """Say whether a regular expression fits a name as a whole."""
    return _regex(regex).fullmatch(name) is not None


@lru_cache(maxsize=MOST_REGEXES)
def _regex(pattern: str) -> Any:
    import re2

    options = re2.Options()
    options.log_errors, options.never_capture, options.max_mem = False, True, _MEMORY
    return re2.compile(pattern[1:-1], options)


class Names:
    """Names with what they are names of, sorted, so that a pattern looks only at those that begin as it does."""

    def __init__(self, named: Iterable[tuple[str, str]]) -> None:
        self._sorted = sorted((nfc(name), of) for name, of in named)
        self._bytes: list[bytes] = []
        self._known: dict[str, frozenset[str]] = {}

    def matching(self, pattern: str) -> frozenset[str]:
        """Give what has a name that a pattern fits as a whole."""
        if pattern not in self._known:
            self._known[pattern] = frozenset(self._by_regex(pattern) if is_regex(pattern) else self._by_glob(pattern))
        return self._known[pattern]

    def _by_glob(self, glob: str) -> Iterator[str]:
        is_match, start = re.compile(translate(glob)).match, re.split(r"[*?\[]", glob, maxsplit=1)[0]
        for n in range(bisect_left(self._sorted, (start, "")), len(self._sorted)):
            name, of = self._sorted[n]
            if not name.startswith(start):
                return
            if is_match(name):
                yield of

    def _by_regex(self, pattern: str) -> Iterator[str]:
        if not self._bytes:
            self._bytes = [name.encode() for name, _ in self._sorted]
        regex = _regex(pattern)
        low, high = _range(regex)
        for n in range(bisect_left(self._bytes, low), len(self._sorted)):
            if self._bytes[n] > high:
                return
            if regex.fullmatch(self._sorted[n][0]):
                yield self._sorted[n][1]


def _range(regex: Any) -> tuple[bytes, bytes]:
    """Give between which names the ones are that fit, where that can be told; the order of bytes is that of characters."""
    import re2

    try:
        low, high = regex.possiblematchrange(LONGEST_REGEX)
    except re2.error:  # anything may be first
        return b"", _LAST
    return low, high
