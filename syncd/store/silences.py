"""What people said of alarms, written to the journal's chain together with what it changes."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from syncd.ports import Acknowledged, AlarmKey, Silence
from syncd.store import chain
from syncd.store.codec.text import time_to
from syncd.store.daemon_schema import alarms, silences


def acknowledge(connection: Connection, key: AlarmKey, since: datetime, said: Acknowledged) -> bool:
    """Note that somebody sees to the alarm that stands since then; say whether it still does."""
    this = alarms.c.kind == key[0], alarms.c.subject == key[1], alarms.c.since == since
    values = {"acknowledged_at": said.at, "acknowledged_by": said.by, "acknowledged_reason": said.reason}
    if not connection.execute(update(alarms).where(*this, alarms.c.cleared_at.is_(None)).values(values)).rowcount:
        return False
    facts = {"alarm_kind": key[0], "subject": key[1], "since": time_to(since), **_who(said.by, said.reason)}
    chain.append(connection, "alarm_acknowledged", now=said.at, facts=facts)
    return True


def add(connection: Connection, silence: Silence, *, now: datetime) -> int:
    """Keep a silence; gives its number."""
    label, value = silence.label or ("", "")
    row = {**_asked(silence), "label": label, "value": value, "by": silence.by, "reason": silence.reason}
    made = insert(silences).values({**row, "at": now, "until": silence.until}).returning(silences.c.id)
    id_ = int(connection.execute(made).scalar_one())
    asked = {"alarm_kind" if name == "kind" else name: value for name, value in _asked(silence).items()}
    facts = {"silence": id_, **asked, "label": label, "value": value, "until": time_to(silence.until)}
    chain.append(connection, "alarms_silenced", now=now, facts={**facts, **_who(silence.by, silence.reason)})
    return id_


def end(connection: Connection, id_: int, *, by: str, now: datetime) -> bool:
    """End a silence before its time; say whether it lasted."""
    if not connection.execute(delete(silences).where(silences.c.id == id_, silences.c.until > now)).rowcount:
        return False
    chain.append(connection, "silence_ended", now=now, facts={"silence": id_, **_who(by, "")})
    return True


def lasting(connection: Connection, *, now: datetime) -> tuple[Silence, ...]:
    """List the silences that last, the oldest first."""
    rows = connection.execute(select(silences).where(silences.c.until > now).order_by(silences.c.id))
    return tuple(map(_silence_of, rows))


def forget(connection: Connection, *, before: datetime) -> None:
    """Forget silences that ended before then; the journal still has them."""
    connection.execute(delete(silences).where(silences.c.until < before))


def acknowledged_of(row: Row[Any]) -> Acknowledged | None:
    """Read what was said of an alarm from its row."""
    if row.acknowledged_at is None:
        return None
    return Acknowledged(row.acknowledged_at, row.acknowledged_by or "", row.acknowledged_reason or "")


def _silence_of(row: Row[Any]) -> Silence:
    label = (row.label, row.value) if row.label else None
    return Silence(row.until, row.by, row.reason, row.kind, row.alarm, row.deployment, label, row.id)


def _asked(silence: Silence) -> dict[str, str]:
    return {name: value for name, value in asdict(silence).items() if name in ("kind", "alarm", "deployment")}


def _who(by: str, reason: str) -> Mapping[str, str]:
    return {"by": by, "host": socket.gethostname(), **({"reason": chain.said(reason)} if reason else {})}
