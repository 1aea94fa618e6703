"""What is inside of what, whatever deployments and DAGs there are: labels in labels, globs in globs, DAGs in DAGs.

Labels and globs are decided exactly. For DAGs it is enough that each way in which an entry can match is inside of one allowed
entry, which no DAG can make untrue; where that is not so, or takes too long to find out, the answer is no.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fnmatch import translate
from functools import reduce
from itertools import product
from math import prod
from operator import and_
from typing import Final

from syncd.mapping.patterns import fits, is_literal, is_regex
from syncd.model import DagSelector, LabelTest
from syncd.model.labels import NAME

Labels = tuple[LabelTest, ...]
UNWRITTEN: Final = "\0"
"""A value that no label can be asked for, and stands for all those that nobody wrote."""
_Places = frozenset[tuple[int, int]]
"""Where the reading of several globs may have come to: which of them, and how many of its tokens are behind."""
STEPS: Final = 1_000_000
"""So many steps are made for all comparisons of one set of files: about two seconds."""
_TOKEN = re.compile(r"\*+|\[!?\]?[^]]*\]|.", re.DOTALL)


def labels_beyond(inner: Labels, outer: Labels) -> Labels:
    """Give the tests of `outer` that `inner` does not keep to; none: it chooses no deployment that `outer` does not."""
    chosen = {test.label: test for test in inner}
    return tuple(test for test in outer if not _is_test_within(chosen.get(test.label, LabelTest(test.label)), test))


def _is_test_within(inner: LabelTest, outer: LabelTest) -> bool:
    """Try every value that is written in one of them, one that is not, and none."""
    values = (*inner.words, *outer.words, UNWRITTEN, *([] if outer.label == NAME else [None]))
    return all(outer.accepts(value) or not inner.accepts(value) for value in values)


@dataclass(slots=True)
class Inclusion:
    """Compares globs and selectors, within a bound of steps for all of them together."""

    left: int = STEPS
    known: dict[tuple[str, tuple[str, ...]], bool] = field(default_factory=dict)
    patterns: dict[tuple[str, ...], re.Pattern[str]] = field(default_factory=dict)

    def is_glob_within(self, inner: str, outer: tuple[str, ...]) -> bool:
        """Say whether every text that the inner pattern matches is matched by one of the others.

        A regular expression is inside of itself and of `*`; what else it matches is not looked into.
        """
        if (inner, outer) not in self.known:
            self.known[inner, outer] = inner in outer or "*" in outer or self._is_within(inner, outer)
        return self.known[inner, outer]

    def _is_within(self, inner: str, outer: tuple[str, ...]) -> bool:
        self.left -= len(outer)
        if self.left < 0:
            return False
        globs = tuple(pattern for pattern in outer if not is_regex(pattern))
        if is_literal(inner):
            return self.is_match(inner, globs) or any(fits(inner, regex) for regex in outer if is_regex(regex))
        if is_regex(inner):
            return False
        walk = _Walk(_tokens(inner), tuple(_tokens(glob) for glob in globs), self.left)
        found = walk.is_inclusion()
        self.left = walk.left
        return found

    def is_match(self, text: str, globs: tuple[str, ...]) -> bool:
        """Say whether one of these globs matches a text."""
        if globs not in self.patterns:
            self.patterns[globs] = re.compile("|".join(map(translate, globs)) or "(?!)")
        return self.patterns[globs].match(text) is not None

    def is_selector_within(self, inner: DagSelector, outer: tuple[DagSelector, ...]) -> bool:
        """Say whether every DAG that an entry matches is matched by one of the others.

        An entry chooses by five kinds of words. Each of its words is looked at by itself: which of the others allow it, as bits.
        """
        kept = tuple(entry for entry in outer if all(self._leaves_out(inner, but) for but in entry.but))
        kinds = (
            self._of_patterns(inner.ids, [entry.ids for entry in kept]),
            self._of_patterns(inner.paths, [entry.paths for entry in kept]),
            self._of_words(inner.bundles, (), [(entry.bundles, ()) for entry in kept]),
            self._of_words(inner.tags, inner.all_tags, [(entry.tags, entry.all_tags) for entry in kept]),
            self._of_words(inner.owners, inner.all_owners, [(entry.owners, entry.all_owners) for entry in kept]),
        )
        self.left -= prod(map(len, kinds))
        return self.left >= 0 and all(reduce(and_, bits) for bits in product(*kinds))

    def _leaves_out(self, entry: DagSelector, but: DagSelector) -> bool:
        return any(self.is_selector_within(but, (left_out,)) for left_out in entry.but)

    def _of_patterns(self, patterns: tuple[str, ...], outer: list[tuple[str, ...]]) -> frozenset[int]:
        def bits(pattern: str | None) -> int:
            return _bits(not globs or (pattern is not None and self.is_glob_within(pattern, globs)) for globs in outer)

        self.left -= len(outer)
        return frozenset(map(bits, patterns or (None,)))

    def _of_words(
        self, one_of: tuple[str, ...], all_of: tuple[str, ...], outer: list[tuple[tuple[str, ...], tuple[str, ...]]]
    ) -> frozenset[int]:
        def bits(word: str | None) -> int:
            there = {*all_of, word}
            return _bits((not one or not there.isdisjoint(one)) and there.issuperset(every) for one, every in outer)

        self.left -= max(len(one_of), 1) * (len(all_of) + len(outer))
        return frozenset(map(bits, one_of or (None,))) if self.left >= 0 else frozenset({0})


def _bits(each: Iterable[bool]) -> int:
    return sum(1 << n for n, is_so in enumerate(each) if is_so)


def _tokens(glob: str) -> tuple[str, ...]:
    return tuple("*" if token.startswith("*") else token for token in _TOKEN.findall(glob))


@dataclass(slots=True)
class _Walk:
    """Looks for a text that one glob matches and none of several others: reads both, symbol by symbol, in every way.

    All characters that no glob names behave alike, and so do those between two that are named next to each other; one of
    each kind stands for the rest.
    """

    inner: tuple[str, ...]
    outers: tuple[tuple[str, ...], ...]
    left: int
    accepted: dict[tuple[str, str], bool] = field(default_factory=dict)

    def is_inclusion(self) -> bool:
        symbols = tuple(self._symbols())
        start = 0, self._rests((n, 0) for n in range(len(self.outers)))
        seen, waiting = {start}, [start]
        while waiting:
            here, there = waiting.pop()
            if self._is_free(there):
                continue
            if not there or (self._is_end(self.inner, here) and not self._ends(there)):
                return False
            self.left -= len(symbols) * (len(there) + 1)
            if self.left < 0:
                return False
            found = {step for symbol in symbols for step in self._steps(here, there, symbol)} - seen
            seen |= found
            waiting.extend(found)
        return True

    def _symbols(self) -> Iterator[str]:
        """Give one character of each kind."""
        named = {ord(c) for glob in (self.inner, *self.outers) for token in glob for c in token}
        near = {n + d for n in named for d in (-1, 0, 1)} | {0xE000}
        return (chr(n) for n in sorted(near) if 0 <= n <= 0x10FFFF)

    def _accepts(self, token: str, symbol: str) -> bool:
        if len(token) == 1:
            return token in ("*", "?", symbol)
        if (token, symbol) not in self.accepted:
            self.accepted[token, symbol] = re.match(translate(token), symbol) is not None
        return self.accepted[token, symbol]

    def _steps(
        self, here: int, there: frozenset[tuple[int, int]], symbol: str
    ) -> Iterator[tuple[int, frozenset[tuple[int, int]]]]:
        after = [
            at for at in _reach(self.inner, here) if at < len(self.inner) and self._accepts(self.inner[at], symbol)
        ]
        if after:
            moved = self._rests(
                (n, at if self.outers[n][at] == "*" else at + 1)
                for n, at in there
                if at < len(self.outers[n]) and self._accepts(self.outers[n][at], symbol)
            )
            yield from ((at if self.inner[at] == "*" else at + 1, moved) for at in after)

    def _rests(self, places: Iterable[tuple[int, int]]) -> _Places:
        """Give places in the outer globs with those that come after a `*` that matches nothing."""
        return frozenset((n, further) for n, at in places for further in _reach(self.outers[n], at))

    def _is_end(self, glob: tuple[str, ...], at: int) -> bool:
        return len(glob) in _reach(glob, at)

    def _ends(self, there: Iterable[tuple[int, int]]) -> bool:
        return any(at == len(self.outers[n]) for n, at in there)

    def _is_free(self, there: Iterable[tuple[int, int]]) -> bool:
        """Say whether one of the outer globs matches whatever follows."""
        return any(self.outers[n][at:] == ("*",) for n, at in there)


def _reach(glob: tuple[str, ...], at: int) -> tuple[int, ...]:
    """Give a place in a glob, and the one behind a `*` there; two of them never follow each other."""
    return (at, at + 1) if glob[at : at + 1] == ("*",) else (at,)
