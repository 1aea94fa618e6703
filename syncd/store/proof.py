"""Holds the tables of the journal against its chain of records: what people are shown comes from the tables.

Three tables are read side by side in the order of the changes, so that a journal of any size fits in memory.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Select, and_, select

from syncd.model import Status
from syncd.model.chain import Flaw
from syncd.store.pruning import Stub, rows_text
from syncd.store.schema import INTENT, PLANNED, changes, plans, runs, steps
from syncd.store.schema_records import records

_UNBEGUN = (PLANNED, Status.HELD.value)
_ENDS = frozenset({"outcome", "earlier"})
_Facts = dict[str, Any]


def journal_flaws(connection: Connection, pruned: Stub) -> Iterator[Flaw]:
    """Say which rows of the journal are not as the chain's records say, or have none."""
    yield from _of_plans(connection)
    left = _Unrecorded()
    for id_, row, lines, calls in _changes(connection, after=pruned.through):
        if not lines and pruned.rows:
            left.add(row, calls)
        else:
            yield from _read_or_flaw(id_, row, lines, calls)
    if (left.rows, left.digest) != (pruned.rows, pruned.digest):
        there = (
            f"{left.rows} changes of the journal have no record, and when records were pruned these were {pruned.rows}"
        )
        yield Flaw(0, f"{there}: one of them was edited, removed or inserted")


def unrecorded(connection: Connection, *, through: int) -> tuple[int, str]:
    """Give how many changes have no record after this one, and the hash of their rows."""
    left = _Unrecorded()
    for _, row, lines, calls in _changes(connection, after=through):
        if not lines:
            left.add(row, calls)
    return left.rows, left.digest


class _Unrecorded:
    """Counts and hashes the changes that have no record any more."""

    def __init__(self) -> None:
        self.rows = 0
        self._hash = hashlib.sha256()

    def add(self, row: Any, calls: list[list[Any]]) -> None:
        self.rows += 1
        self._hash.update(rows_text(row, calls))

    @property
    def digest(self) -> str:
        return self._hash.hexdigest() if self.rows else ""


def _changes(connection: Connection, *, after: int) -> Iterator[tuple[int, Any, list[str], list[list[Any]]]]:
    """Give each change that was begun, or that a record speaks of, with its records and its calls."""
    told = connection.execute(_TOLD.where(records.c.seq > after))
    begun, calls = (connection.execute(chosen) for chosen in (_BEGUN, _CALLS))
    for id_, row, lines, made in _beside(begun, _grouped(told), _grouped(calls)):
        yield id_, row, [line for _, line in lines or ()], [call for _, *call in made or ()]


# --- plans ------------------------------------------------------------------------------------------------------------

_SAID_OF_A_PLAN = (
    "deployment",
    "digest",
    "held_digest",
    "approved",
    "approved_by",
    "files",
    "by",
    "host",
    "command",
    "run",
)
_PLANS = (
    select(
        records.c.seq,
        records.c.line,
        *(plans.c[name] for name in _SAID_OF_A_PLAN[:6]),
        *(runs.c[name] for name in ("by", "host", "command")),
        plans.c.run_id,
    )
    .select_from(records.join(plans, plans.c.id == records.c.about_id).join(runs, runs.c.id == plans.c.run_id))
    .where(records.c.about == "plan")
    .order_by(records.c.about_id, records.c.seq)
)


def _of_plans(connection: Connection) -> Iterator[Flaw]:
    """A plan that led to nothing is forgotten after a while, so that there is no row of it is no flaw."""
    for seq, line, *found in connection.execute(_PLANS):
        facts = facts_in(line)
        other = [name for name, value in zip(_SAID_OF_A_PLAN, found, strict=True) if facts.get(name) != value]
        if other:
            yield Flaw(seq, f"{_about(facts)} is not as it says: {', '.join(other)} was edited")


# --- changes ----------------------------------------------------------------------------------------------------------

_BEGUN = (
    select(
        changes.c.id,
        changes.c.plan_id,
        plans.c.deployment,
        *(changes.c[name] for name in ("subject", "kind", "name", "fingerprint", "before", "after", "because")),
        *(changes.c[name] for name in ("status", "detail", "settled_by_looking", "intent_at", "moved_at")),
    )
    .select_from(changes.outerjoin(plans, plans.c.id == changes.c.plan_id))
    .where(changes.c.status.not_in(_UNBEGUN))
    .order_by(changes.c.id)
)
_TOLD: Select[Any] = (
    select(records.c.about_id, records.c.line)
    .where(and_(records.c.about.is_not(None), records.c.about == "change"))
    .order_by(records.c.about_id, records.c.seq)
)
_CALLS = select(steps.c.change_id, steps.c.id, steps.c.call, steps.c.answer, steps.c.refused).order_by(
    steps.c.change_id, steps.c.id
)


def _read_or_flaw(id_: int, row: Any, lines: list[str], calls: list[list[Any]]) -> list[Flaw]:
    """Who edits a record can write anything into it: what cannot be held against the journal is a flaw, and ends nothing."""
    try:
        return list(_of_change(id_, row, lines, calls))
    except ODD:
        return [Flaw(0, f"change {id_} of the journal has a record that was edited: it cannot be read")]


ODD = (TypeError, KeyError, ValueError, IndexError, AttributeError, RecursionError)
"""What is met in a record that has values of other kinds than syncd writes."""


def _of_change(id_: int, row: Any, lines: list[str], calls: list[list[Any]]) -> Iterator[Flaw]:
    facts = [facts_in(line) for line in lines]
    if not facts:
        yield Flaw(0, f"change {id_} was inserted into the journal: no record says that it was begun")
    elif row is None:
        yield Flaw(facts[0]["seq"], f"change {id_} of the journal, of which it speaks, was removed")
    else:
        found, recorded = _found(row, calls), _recorded(facts)
        # the reasons are a large part of a row, and most often the same text
        if found == recorded and (f'"because":{row[9]},' in lines[0] or _same_json(row[9], facts[0].get("because"))):
            return
        other = [name for name, a, b in zip(_PARTS, found, recorded, strict=True) if a != b] or ["because"]
        yield Flaw(facts[-1]["seq"], f"change {id_} of the journal is not as it says: {', '.join(other)} was edited")


_PARTS = (
    *("plan", "deployment", "subject", "kind", "name", "fingerprint", "content"),
    *("status", "detail", "by looking", "the time of the intent", "the time", "its calls"),
)


def _found(row: Any, calls: list[list[Any]]) -> tuple[Any, ...]:
    return (*row[1:7], _content(row[7], row[8]), *row[10:15], calls)


def _recorded(facts: list[_Facts]) -> tuple[Any, ...]:
    """Give the same of what the first record of a change says, its last, and all of them."""
    first, last = facts[0], facts[-1]
    said, content = first.get, first.get("content")
    begun = said("intent_at") if first["kind"] == "earlier" else first["at"]
    meant = (said("plan"), said("deployment"), said("subject"), said("change"), said("name"), content, content)
    if last["kind"] in _ENDS:
        end = last.get("status"), last.get("detail"), last.get("by_looking"), moment(begun), moment(last["at"])
    else:
        end = INTENT, "", False, moment(begun), moment(first["at"])
    return (*meant, *end, _calls(facts))


def moment(text: Any) -> datetime | None:
    """Read a time of a record; None: it is none."""
    try:
        return datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None


def _same_json(text: str, value: Any) -> bool:
    try:
        return bool(str(text) == value or json.loads(text) == value)
    except (ValueError, TypeError, RecursionError):
        return False


def _content(before: str | None, after: str | None) -> str:
    return hashlib.sha256(f"{before}\n{after}".encode()).hexdigest()[:32]


def _calls(facts: list[_Facts]) -> list[list[Any]]:
    made: dict[int, list[Any]] = {}
    for fact in facts:
        for step, answer, refused in fact.get("answers", ()):
            if step in made:
                made[step][2:] = [answer, refused]
        if call := fact.get("call"):
            made[call[0]] = [*call, None, False]
    return facts[0]["calls"] + list(made.values()) if "calls" in facts[0] else list(made.values())


_scan = json.JSONDecoder().scan_once  # type: ignore[attr-defined]
"""Half of what `json.loads` costs is around this."""


def facts_in(line: str) -> _Facts:
    """Read a record; of one that was made unreadable the chain itself says so."""
    try:
        facts, _ = _scan(line, 0)
    except (ValueError, TypeError, StopIteration, RecursionError):
        facts = None
    return facts if isinstance(facts, dict) and facts.keys() >= _IN_EACH else dict.fromkeys(_IN_EACH, 0)


_IN_EACH = frozenset({"seq", "at", "kind"})


def _about(facts: _Facts) -> str:
    about = facts.get("about")
    table, id_ = about if isinstance(about, list) and len(about) == 2 else ("plan", "?")
    return f"{table} {id_} of the journal"


# --- side by side -----------------------------------------------------------------------------------------------------


def _grouped(rows: Iterable[Any]) -> Iterator[tuple[int, list[Any]]]:
    return ((id_, list(group)) for id_, group in groupby(rows, key=itemgetter(0)))


def _beside(
    begun: Iterable[Any], told: Iterator[tuple[int, list[Any]]], calls: Iterator[tuple[int, list[Any]]]
) -> Iterator[tuple[int, Any, list[Any] | None, list[Any] | None]]:
    """Give for each change its row, its records and its calls; None where there are none."""
    streams = [((row[0], row) for row in begun), told, calls]
    heads = [next(stream, None) for stream in streams]
    while known := [head[0] for head in heads if head is not None]:
        id_ = min(known)
        here = [head[1] if head is not None and head[0] == id_ else None for head in heads]
        heads = [next(s, None) if h is not None and h[0] == id_ else h for s, h in zip(streams, heads, strict=True)]
        yield id_, here[0], here[1], here[2]
