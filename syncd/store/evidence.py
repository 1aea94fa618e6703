"""What the journal's chain says of plans and changes: the plan, the intent before the call, each further call, the end; and of
what people said of what is held."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, select

from syncd.model import Change, Held, Plan, Snapshot, key
from syncd.plan.rulings import HoldRecord, HoldWord
from syncd.ports import Basis
from syncd.store import chain, codec
from syncd.store.chain import Subject
from syncd.store.codec.text import time_to
from syncd.store.prepared import Prepared
from syncd.store.schema import runs

Answers = Iterable[tuple[int, str, bool]]
"""For each call its number, its answer, and whether it was refused."""

_who_ran = Prepared(select(runs.c.by, runs.c.host, runs.c.command).where(runs.c.id == bindparam("which")), "which")


def read(connection: Connection, snapshot: Snapshot, saved: int, *, body: bytes | str, whole: bool) -> None:
    """Say that a source said something else than before; `body` is all of it, or what changed, as it is kept.

    A plan says of each source when it was read; it then said what the last such record of it from before has.
    """
    content = body.encode("ascii") if isinstance(body, str) else body
    incomplete = sum(1 for group in snapshot.groups if not group.certificate.complete)
    facts = {
        "source": snapshot.source,
        "saved": saved,
        "whole": whole,
        "people": len(snapshot.identities),
        "groups": len(snapshot.groups),
        "incomplete": incomplete,
        "digest": hashlib.sha256(content).hexdigest(),
    }
    chain.append(connection, "read", now=snapshot.taken_at, facts=facts)


def planned(
    connection: Connection, id_: int, plan: Plan, row: Mapping[str, Any], *, held: Held | None, basis: Basis
) -> None:
    """Say what a plan is that has something to do, or lets pass what was held; `row` is its row in the table of plans."""
    if not plan.changes and row["approved"] is None:
        return
    [(by, host, command)] = _who_ran.rows(connection, which=row["run_id"])
    facts = {name: row[name] for name in ("deployment", "digest", "held_digest", "approved", "approved_by", "files")}
    counts = {"changes": len(plan.changes), "held": len(held.changes) if held else 0}
    facts |= {"revision": basis.revision} if basis.revision else {}
    facts |= {"reads": {source: time_to(at) for source, at in basis.reads.items()}} if basis.reads else {}
    who = {"run": row["run_id"], "by": by, "host": host, "command": command}
    chain.append(connection, "plan", now=row["made_at"], about=Subject("plan", id_), facts=facts | counts | who)


def intended(
    connection: Connection,
    change: Change,
    *,
    id_: int,
    plan: int,
    deployment: str,
    fingerprint: str,
    call: tuple[int, str] | None,
    now: datetime,
) -> None:
    """Say that a change is about to be made, why, and by which call first."""
    facts = {
        "plan": plan,
        "deployment": deployment,
        "subject": change.subject,
        "change": change.kind.value,
        "name": key(change.name) if change.subject == "user" else change.name,
        "because": codec.because_to(change.because),
        "content": fingerprint,
    }
    if change.subject == "user":
        facts |= {"grants": sorted(change.granted), "revokes": sorted(change.revoked)}
    if call:
        facts["call"] = [call[0], chain.said(call[1])]
    chain.append(connection, "intent", now=now, about=Subject("change", id_), facts=facts)


def called(connection: Connection, id_: int, step: int, call: str, *, answers: Answers, now: datetime) -> None:
    """Say that another call of a change is about to be made, and what was answered to those before."""
    facts = {"call": [step, chain.said(call)], "answers": _answers(answers)}
    chain.append(connection, "call", now=now, about=Subject("change", id_), facts=facts)


def ended(
    connection: Connection,
    id_: int,
    status: str,
    *,
    detail: str,
    by_looking: bool,
    answers: Answers = (),
    now: datetime,
) -> None:
    """Say how a change ended, and whether its answers or a look at the server tell."""
    facts = {
        "status": status,
        "detail": chain.said(detail),
        "by_looking": by_looking,
        "answers": _answers(answers),
    }
    chain.append(connection, "outcome", now=now, about=Subject("change", id_), facts=facts)


def said_of_hold(connection: Connection, id_: int, hold: HoldRecord, word: HoldWord) -> None:
    """Say what somebody said of a hold, before anything comes of it."""
    facts = {
        "hold": hold.name,
        "deployment": hold.deployment,
        "digest": hold.digest,
        "ruling": word.ruling.value,
        "by": word.who,
        "from": word.origin,
        "reason": chain.said(word.reason),
    }
    chain.append(connection, "hold", now=word.at, about=Subject("hold_word", id_), facts=facts)


def read_back(connection: Connection, run: int, found: object, *, exit_code: int, now: datetime) -> None:
    """Say of a run that changed something what reading back found: by deployment, what the server did not keep."""
    if found:
        facts = {"not_converged": found, "exit_code": exit_code}
        chain.append(connection, "read_back", now=now, about=Subject("run", run), facts=facts)


def _answers(answers: Answers) -> list[list[object]]:
    return [[step, chain.said(answer), refused] for step, answer, refused in answers]
