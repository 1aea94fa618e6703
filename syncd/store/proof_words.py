"""Holds what stands of people's words (verdicts on holds, pauses, grants for a time, silences, words on rollouts, answers to a
doubt) against the records of them: what syncd does comes from the tables.

People say little, so all of it is held in memory at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from sqlalchemy import Column, Connection, Table, or_, select

from syncd.model import RolloutVerb
from syncd.model.chain import Flaw
from syncd.plan.rulings import HoldRuling, HoldState
from syncd.store.daemon_schema import alarms, silences, timed_grants
from syncd.store.proof import ODD, facts_in, moment
from syncd.store.pruning import Stub
from syncd.store.schema import recoveries
from syncd.store.schema_inbox import hold_words, holds
from syncd.store.schema_pauses import pauses
from syncd.store.schema_records import records
from syncd.store.schema_rollout import rollout_words

_Facts = dict[str, Any]
_Key = tuple[str, Any]


@dataclass
class _Said:
    """What the row of something that somebody said has to be, by its columns, and the last record that says so."""

    seq: int = 0
    columns: dict[str, Any] = field(default_factory=dict)


class _Place(NamedTuple):
    """Where something stands that people said: its table, what it is called, what names a row, and since when it stands there."""

    table: Table
    called: str
    key: tuple[Column[Any], ...]
    since: Column[Any]
    stays: bool


_PLACES: Final = (
    _Place(hold_words, "word on a hold", (hold_words.c.id,), hold_words.c.at, True),
    _Place(pauses, "pause", (pauses.c.id,), pauses.c.since, True),
    _Place(timed_grants, "grant", (timed_grants.c.id,), timed_grants.c.asked_at, True),
    _Place(rollout_words, "word on a rollout", (rollout_words.c.id,), rollout_words.c.at, False),
    _Place(silences, "silence", (silences.c.id,), silences.c.at, False),
    _Place(recoveries, "answer to a doubt of", (recoveries.c.at,), recoveries.c.at, True),
    _Place(alarms, "acknowledgement of alarm", (alarms.c.kind, alarms.c.subject), alarms.c.acknowledged_at, False),
)


def word_flaws(connection: Connection, pruned: Stub) -> Iterator[Flaw]:
    """Say which of what people said is not as the chain's records say, or has none."""
    said, first_at = _said(connection, pruned)
    for place in _PLACES:
        chosen = select(place.table).order_by(*place.key).where(place.since.is_not(None))
        for row in connection.execute(chosen):
            name = tuple(row._mapping[column] for column in place.key)
            yield from _of_row(place, row, said.pop((place.table.name, name), None), first_at)
    stay = {place.table.name: place.called for place in _PLACES if place.stays}
    for (table, name), lost in said.items():
        if table in stay:
            yield Flaw(lost.seq, f"{stay[table]} {_named(name)}, of which it speaks, was removed")
    yield from _of_holds(connection)


def _of_row(place: _Place, row: Any, said: _Said | None, first_at: datetime | None) -> Iterator[Flaw]:
    name = _named(row._mapping[column] for column in place.key)
    if said is None:
        if first_at is None or row._mapping[place.since] >= first_at:
            yield Flaw(0, f"{place.called} {name} was inserted: no record says that anybody said it")
        return
    other = [column for column, value in said.columns.items() if row._mapping[column] != value]
    if other:
        yield Flaw(said.seq, f"{place.called} {name} is not as it says: {', '.join(other)} was edited")


def _named(name: Any) -> str:
    return " ".join(map(str, name))


def _of_holds(connection: Connection) -> Iterator[Flaw]:
    """What a hold is is for plans to say, but that it may pass, or may not, is what a person said of it last."""
    last = {row.hold_id: row.ruling for row in connection.execute(_SAID_OF_HOLDS)}
    for id_, state in connection.execute(_DECIDED):
        if last.get(id_) != (HoldRuling.APPROVE if state == HoldState.APPROVED else HoldRuling.REJECT):
            yield Flaw(0, f"hold h{id_} is {state}, and that is not what was said of it last: its state was edited")


_SAID_OF_HOLDS = select(hold_words.c.hold_id, hold_words.c.ruling).order_by(hold_words.c.id)
_DECIDED = (
    select(holds.c.id, holds.c.state)
    .where(holds.c.state.in_([HoldState.APPROVED.value, HoldState.REJECTED.value]))
    .order_by(holds.c.id)
)


# --- what the records say -----------------------------------------------------------------------------------------------


def _said(connection: Connection, pruned: Stub) -> tuple[dict[_Key, _Said], datetime | None]:
    """Give what each row has to be, and when the first record was made that was not pruned; None: none was pruned."""
    found: dict[_Key, _Said] = {}
    about = or_(records.c.about.is_(None), records.c.about.in_(["hold_word", "pause", "grant", "rollout"]))
    after = records.c.seq > pruned.through
    for (line,) in connection.execute(select(records.c.line).where(about, after).order_by(records.c.seq)):
        facts = facts_in(line)
        try:
            _take(found, facts)
        except ODD:  # of a record that was made unreadable the chain itself says so
            continue
    if not pruned.through:
        return found, None
    line = connection.execute(select(records.c.line).where(after).order_by(records.c.seq).limit(1)).scalar()
    return found, moment(facts_in(line or "")["at"])


def _take(found: dict[_Key, _Said], facts: _Facts) -> None:
    kind, at = facts["kind"], moment(facts["at"])
    if (read := _READ.get(kind)) is None:
        return
    key, columns, begins = read(facts, at)
    said = found.setdefault(key, _Said())
    said.seq = facts["seq"]
    if begins:
        said.columns = columns
    else:
        said.columns |= columns


_Read = tuple[_Key, dict[str, Any], bool]
"""Which row, what its columns are, and whether it begins with that."""


def _hold(facts: _Facts, at: datetime | None) -> _Read:
    said = {"ruling": facts["ruling"], "who": facts["by"], "origin": facts["from"], "reason": facts["reason"], "at": at}
    return ("hold_words", (facts["about"][1],)), said | {"hold_id": int(facts["hold"][1:])}, True


def _pause(facts: _Facts, at: datetime | None) -> _Read:
    named = ("label", "value", "removals_only", "reason", "by", "host")
    times = {"since": at, "until": facts["until"] and moment(facts["until"])}
    none = dict.fromkeys(("ended_at", "ended_by", "ended_reason"))
    return ("pauses", (facts["about"][1],)), {name: facts[name] for name in named} | times | none, True


def _resume(facts: _Facts, at: datetime | None) -> _Read:
    ended = {"ended_at": at, "ended_by": facts["by"], "ended_reason": facts["reason"]}
    return ("pauses", (facts["about"][1],)), ended, False


def _grant_asked(facts: _Facts, at: datetime | None) -> _Read:
    named = ("deployment", "role", "source", "person", "called", "lasts_s", "reason", "ticket")
    asked = _word("asked", facts, at)
    given: dict[str, Any] = dict.fromkeys(("given_by", "given_from", "given_at", "until"))
    if not facts["waits"] and at is not None:
        given = _word("given", facts, at) | {"until": at + timedelta(seconds=facts["lasts_s"])}
    ended = dict.fromkeys(("ended_by", "ended_from", "ended_at")) | {"ended_why": ""}
    return ("timed_grants", (facts["grant"],)), {name: facts[name] for name in named} | asked | given | ended, True


def _grant_given(facts: _Facts, at: datetime | None) -> _Read:
    given = _word("given", facts, at) | {"until": moment(facts["until"])}
    return ("timed_grants", (facts["grant"],)), given, False


def _grant_ended(facts: _Facts, at: datetime | None) -> _Read:
    return ("timed_grants", (facts["grant"],)), _word("ended", facts, at) | {"ended_why": facts["why"]}, False


def _word(what: str, facts: _Facts, at: datetime | None) -> dict[str, Any]:
    return {f"{what}_by": facts["by"], f"{what}_from": facts["host"], f"{what}_at": at}


def _of_rollout(verb: RolloutVerb) -> Callable[[_Facts, datetime | None], _Read]:
    def read(facts: _Facts, at: datetime | None) -> _Read:
        said = {name: facts[name] for name in ("revision", "deployment", "by", "host", "reason")}
        return ("rollout_words", (facts["about"][1],)), said | {"verb": verb.value, "at": at}, True

    return read


def _silenced(facts: _Facts, at: datetime | None) -> _Read:
    named = {name: facts[name] for name in ("alarm", "deployment", "label", "value", "by")}
    said = {"kind": facts["alarm_kind"], "reason": facts.get("reason", ""), "at": at, "until": moment(facts["until"])}
    return ("silences", (facts["silence"],)), named | said, True


def _recovered(facts: _Facts, at: datetime | None) -> _Read:
    return ("recoveries", (at,)), {name: facts[name] for name in ("by", "truth", "doubt")}, True


def _acknowledged(facts: _Facts, at: datetime | None) -> _Read:
    said = {"acknowledged_at": at, "acknowledged_by": facts["by"], "acknowledged_reason": facts.get("reason", "")}
    return ("alarms", (facts["alarm_kind"], facts["subject"])), said, True


_READ: Final = {
    "hold": _hold,
    "pause": _pause,
    "resume": _resume,
    **{f"rollout_{verb.value}": _of_rollout(verb) for verb in RolloutVerb},
    "grant_asked": _grant_asked,
    "grant_given": _grant_given,
    "grant_ended": _grant_ended,
    "alarms_silenced": _silenced,
    "alarm_acknowledged": _acknowledged,
    "database_recovered": _recovered,
}
