"""The chain of the journal's records: each is one line of text that carries the hash of the line before it.

line      `{"seq":7,"prev":"<64 hex digits>",` and then its facts as canonical JSON, in ASCII
hash      SHA-256 of the bytes of the line (without a line end), in hex
the first record has the number 1 and as `prev` 64 zeros

docs/evidence.md says the same for those who write a verifier of their own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from syncd.model.checkpoints import Checkpoint

NOTHING_BEFORE: Final = "0" * 64
"""Stands in the first record in the place of the hash of the one before."""
_LONGEST_NUMBER: Final = 19
MOST_FLAWS: Final = 1000
"""So many are kept to be told; more are counted."""


class Link(NamedTuple):
    """A record in the chain: its number, its line, and the hash that is kept beside it (empty: none is, as in a file)."""

    seq: int
    line: str
    hash: str = ""


class Flaw(NamedTuple):
    """What is wrong with a record; 0 stands for the journal as a whole."""

    seq: int
    what: str

    def __str__(self) -> str:
        return f"record {self.seq}: {self.what}" if self.seq else self.what


def link_after(seq: int, prev: str, facts: str) -> Link:
    """Make the record that follows record `seq` with the hash `prev`; `facts` is a JSON object that has at least one fact."""
    line = f'{{"seq":{seq + 1},"prev":"{prev}",{facts[1:]}'
    return Link(seq + 1, line, hash_of(line))


def hash_of(line: str) -> str:
    """Give the hash of a record."""
    return hashlib.sha256(line.encode("utf-8", "surrogatepass")).hexdigest()


def number_in(line: str) -> int | None:
    """Give the number that a line says it has; None where it is no line of a record."""
    number, comma, _ = line.removeprefix('{"seq":').partition(",")
    is_number = comma and line.startswith('{"seq":') and number.isascii() and number.isdigit()
    return int(number) if is_number and len(number) <= _LONGEST_NUMBER else None


def links_of(lines: Iterable[str]) -> Iterator[Link]:
    """Give the records of exported lines; what is no line of a record has the number 0."""
    return (Link(number_in(line) or 0, line) for line in lines)


Signed = Mapping[int, Checkpoint]
"""Checkpoints whose signature was found good, by the number of their record."""
NO_CHECKPOINTS: Final[Signed] = MappingProxyType({})


class Following:
    """Follows a chain record by record and says what is wrong; holds no more than one record.

    `seq` and `prev` say where it is: the number and the hash of the last record, or of the last that was pruned. The first
    record of a part of a chain is believed to follow what was before it (`seq` None).
    """

    def __init__(self, seq: int | None = 0, prev: str = NOTHING_BEFORE) -> None:
        self.seq, self.prev = seq, prev
        self.count = 0

    def flaws(self, link: Link) -> list[Flaw]:
        """Take the next record."""
        before, prev, own = self.seq, self.prev, hash_of(link.line)
        self.seq, self.prev, self.count = link.seq, own, self.count + 1
        if not link.line.startswith(f'{{"seq":{link.seq},"prev":"') or not link.line.isascii():
            return [Flaw(link.seq, _misnamed(link))]
        found = [Flaw(link.seq, "it was edited: its text has another hash")] if link.hash not in ("", own) else []
        if before is None or self._follows(link, prev):
            return found + _gap(before, link.seq)
        return found + (_gap(before, link.seq) or [Flaw(before, _another(link.seq))])

    def _follows(self, link: Link, prev: str) -> bool:
        return link.line.startswith(f'{{"seq":{link.seq},"prev":"{prev}",')


def _misnamed(link: Link) -> str:
    if not is_text(link.line):
        return "it was edited: its bytes are not UTF-8, so it is no text"
    named = number_in(link.line)
    if named in (None, link.seq):
        return "it was edited: this is no text of a record"
    return f"the text of record {named} stands in its place"


def is_text(line: str) -> bool:
    """Say whether a line is text, and not bytes that were read as such."""
    return not any("\udc80" <= character <= "\udcff" for character in line)


def _gap(before: int | None, seq: int) -> list[Flaw]:
    if before is None or seq == before + 1:
        return []
    if seq > before:
        lost = str(before + 1) if seq == before + 2 else f"{before + 1} to {seq - 1}"
        return [Flaw(before + 1, f"removed: {lost} is missing between {before} and {seq}")]
    return [Flaw(seq, f"inserted or moved: it stands after record {before}")]


def _another(seq: int) -> str:
    return f"it is not what record {seq} was written after: one of the two was edited, replaced or inserted"


class ChainVerdict:
    """What came of following a chain: how many records, where it ends, and what is wrong."""

    def __init__(self) -> None:
        self.count = 0
        self.last = 0
        self.hash = NOTHING_BEFORE
        self.pruned = 0
        """Up to which record the chain says that records were pruned; 0: none were."""
        self.flaws: list[Flaw] = []
        self.wrong = 0

    def add(self, flaws: Iterable[Flaw]) -> None:
        for flaw in flaws:
            self.wrong += 1
            if len(self.flaws) < MOST_FLAWS:
                self.flaws.append(flaw)

    def follow(self, links: Iterable[Link], following: Following, signed: Signed = NO_CHECKPOINTS) -> None:
        """Follow a chain to its end, and hold it against what was signed."""
        for link in links:
            if found := following.flaws(link):
                self.add(found)
            if link.seq in signed and signed[link.seq].hash != following.prev:
                self.add([Flaw(link.seq, f"it is not what the checkpoint of {signed[link.seq].at} signed: rewritten")])
        self.count, self.last, self.hash = following.count, following.seq or 0, following.prev
        if (most := max(signed, default=0)) > self.last:
            lost = f"removed: the checkpoint of {signed[most].at} signed record {most}, and the last is {self.last}"
            self.add([Flaw(self.last + 1, lost)])


def verdict_on(lines: Iterable[str], signed: Signed = NO_CHECKPOINTS) -> ChainVerdict:
    """Say what is wrong with exported lines, which may begin in the middle of a chain."""
    verdict, links = ChainVerdict(), links_of(lines)
    verdict.follow(links, Following(seq=None), signed)
    return verdict
