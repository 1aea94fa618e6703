"""The chain of records as it is read: exported line by line, and held against itself and against the tables of the journal."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from socket import gethostname
from typing import Any

from sqlalchemy import Connection, bindparam, select

from syncd.errors import StoreError
from syncd.model.chain import NO_CHECKPOINTS, ChainVerdict, Following, Link, Signed
from syncd.model.checkpoints import Checkpoint
from syncd.ports import ChainHead
from syncd.render.told import ToldRecord
from syncd.store import chain, codec, pruning
from syncd.store.chain import Subject
from syncd.store.codec.text import time_from
from syncd.store.engine import NO_TEXT, Database
from syncd.store.prepared import Prepared
from syncd.store.processes import os_user
from syncd.store.proof import journal_flaws, unrecorded
from syncd.store.proof_ownership import ownership_flaws, unexplained
from syncd.store.proof_words import word_flaws
from syncd.store.pruning import Stub
from syncd.store.schema_records import records

PAGE = 1_000
_Facts = dict[str, Any]

_after = Prepared(
    select(records.c.seq, records.c.line).where(records.c.seq > bindparam("after")).order_by(records.c.seq).limit(PAGE),
    "after",
)


class DatabaseRecords:
    """The journal's chain of records."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def verify(self, signed: Signed = NO_CHECKPOINTS) -> ChainVerdict:
        """Say what is wrong with the chain, where it is not what was signed, and where the tables of the journal say something
        else than it."""
        try:
            with self._database.still() as connection:
                return _verdict(connection, signed)
        except StoreError as error:
            if NO_TEXT not in str(error):
                raise
        with self._database.still(any_text=True) as connection:
            return _verdict(connection, signed)

    # --- what is old --------------------------------------------------------------------------------------------------

    def prunable(self, before: datetime) -> Stub:
        """Say what can be pruned of what is older."""
        with self._database.still() as connection:
            through = pruning.last_before(connection, before)
            if through == 0:
                return pruning.NOTHING_PRUNED
            left, owned = unrecorded(connection, through=through), unexplained(connection, through=through)
            return Stub(through, pruning.hash_at(connection, through), *left, *owned)

    def prune(self, stub: Stub, *, now: datetime) -> int:
        """Delete the records up to there, after that was written down; gives how many."""
        self._database.commit(lambda c: pruning.record(c, stub, now=now))
        gone = 0
        while some := self._database.commit(lambda c: pruning.delete_some(c, stub.through), alone=True):
            gone += some
        return gone

    # --- as they are --------------------------------------------------------------------------------------------------

    def lines(self, *, after: int = 0) -> Iterator[tuple[int, str]]:
        """Give the number and the text of each record with a higher number, in order; no transaction outlasts a page."""
        page = self.page(after=after)
        while page:
            yield from page
            page = self.page(after=page[-1][0])

    def page(self, *, after: int) -> list[tuple[int, str]]:
        """Give the next records, at most PAGE of them."""
        return [(seq, line) for seq, line in self._database.rows(_after, after=after)]

    @codec.reader("of the journal; see syncd audit verify")
    def told(self, *, after: int) -> list[ToldRecord]:
        """Give the next records, each with what its change and its plan say."""
        with self._database.read() as connection:
            own = [(line, codec.loads(line)) for _, line in _after.rows(connection, after=after)]
            here = [facts for _, facts in own]
            begun = _first(connection, "change", here, {_about(facts, "change") for facts in here})
            planned = {facts.get("plan") for facts in (*here, *begun.values())} | {_about(f, "plan") for f in here}
            plans = _first(connection, "plan", here, planned)
        return [_told(line, facts, begun, plans) for line, facts in own]

    # --- what people accept ---------------------------------------------------------------------------------------------

    def accepted(self, what: str, facts: Mapping[str, object], *, now: datetime) -> None:
        """Write down what a person is about to accept (a `group`, `person`, `role` or `server`), and who it is."""
        who = {"what": what, "by": os_user(), "host": gethostname()}
        self._database.commit(lambda c: chain.append(c, "accepted", now=now, facts={**facts, **who}))

    # --- checkpoints --------------------------------------------------------------------------------------------------

    def chain_head(self) -> ChainHead:
        with self._database.read() as connection:
            seq, hash_ = chain.head(connection)
            last = [codec.loads(line) for (line,) in _last_checkpoint.rows(connection)]
        if not last:
            return ChainHead(seq, hash_, seq, None)
        return ChainHead(seq, hash_, seq - last[0]["seq"], time_from(last[0]["at"]))

    def record_checkpoint(self, checkpoint: Checkpoint, *, now: datetime) -> None:
        facts = {"hash": checkpoint.hash, "key": checkpoint.key, "signature": checkpoint.signature}
        about = Subject("checkpoint", checkpoint.seq)
        self._database.commit(lambda c: chain.append(c, "checkpoint", now=now, about=about, facts=facts))


def _verdict(connection: Connection, signed: Signed) -> ChainVerdict:
    verdict, pruned = ChainVerdict(), pruning.stub(connection)
    verdict.pruned = pruned.through
    verdict.follow(_links(connection, after=pruned.through), Following(pruned.through, pruned.hash), signed)
    verdict.add(journal_flaws(connection, pruned))
    verdict.add(word_flaws(connection, pruned))
    verdict.add(ownership_flaws(connection, pruned))
    return verdict


def _about(facts: _Facts, table: str) -> int | None:
    about = facts.get("about")
    return about[1] if about and about[0] == table else None


_BEGINS = {"change": frozenset({"intent", "earlier"}), "plan": frozenset({"plan"})}


def _first(
    connection: Connection, table: str, here: Iterable[_Facts], ids: Collection[int | None]
) -> dict[int, _Facts]:
    """Give the first record about each of these, of which some are here: the intent of a change, or the plan."""
    found = {facts["about"][1]: facts for facts in here if facts["kind"] in _BEGINS[table] and facts.get("about")}
    wanted = sorted(id_ for id_ in ids if id_ is not None and id_ not in found)
    if not wanted:
        return found
    mine = records.c.about.is_not(None), records.c.about == table, records.c.about_id.in_(wanted)
    chosen = select(records.c.about_id, records.c.line).where(*mine).order_by(records.c.seq.desc())
    return found | {id_: codec.loads(line) for id_, line in connection.execute(chosen)}


def _told(line: str, own: _Facts, begun: Mapping[int, _Facts], plans: Mapping[int, _Facts]) -> ToldRecord:
    first = begun.get(_about(own, "change") or 0, {})
    return ToldRecord(own, first, plans.get(first.get("plan") or own.get("plan") or 0, {}), line=line)


_last_checkpoint = Prepared(
    select(records.c.line).where(records.c.about == "checkpoint").order_by(records.c.about_id.desc()).limit(1)
)


def _links(connection: Connection, *, after: int) -> Iterator[Link]:
    """Give the records after one; what is before it was pruned, or is about to be."""
    chosen = select(records.c.seq, records.c.line, records.c.hash).where(records.c.seq > after).order_by(records.c.seq)
    # SQLite keeps bytes in a column of text, if somebody puts them there
    return (
        Link(seq, line if isinstance(line, str) else repr(line), hash_)
        for seq, line, hash_ in connection.execute(chosen)
    )
