"""The tables that a running daemon keeps for itself: which replicas live, what fails, which alarms stand, who asked for what; and
what people were given for a time; what break-glass accounts did."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Boolean, Column, Index, Integer, MetaData, Table

from syncd.store.columns import Sentence, UtcTime, Words, id_column
from syncd.store.schema import metadata

replicas = Table(
    "replicas",
    metadata,
    Column("replica", Words, primary_key=True),
    Column("since", UtcTime, nullable=False),
    Column("until", UtcTime, nullable=False, comment="when it counts as gone, unless it says before that it lives"),
)

alarms = Table(
    "alarms",
    metadata,
    Column("kind", Words, primary_key=True),
    Column("subject", Words, primary_key=True),
    Column("text", Sentence, nullable=False),
    Column("since", UtcTime, nullable=False),
    Column("notified_at", UtcTime, comment="when somebody was last told; null: nobody was yet"),
    Column("cleared_at", UtcTime, comment="since when its cause is gone; null: it lasts"),
    Column("is_bundled", Boolean, nullable=False, comment="whether it was last told together with others"),
    Column("acknowledged_at", UtcTime, comment="since when somebody sees to it; null: nobody said so"),
    Column("acknowledged_by", Words),
    Column("acknowledged_reason", Sentence),
)

silences = Table(
    "silences",
    metadata,
    id_column(),
    Column("at", UtcTime, nullable=False),
    Column("by", Words, nullable=False, comment="the OS user"),
    Column("reason", Sentence, nullable=False),
    Column(
        "kind", Words, nullable=False, comment="which alarms are not told; empty, as those below: it is not asked for"
    ),
    Column("alarm", Words, nullable=False, comment="the id of one alarm"),
    Column("deployment", Words, nullable=False),
    Column("label", Words, nullable=False, comment="of a deployment"),
    Column("value", Words, nullable=False),
    Column("until", UtcTime, nullable=False),
)

uses = Table(
    "uses",
    metadata,
    id_column(),
    Column("at", UtcTime, nullable=False),
    Column("who", Words, nullable=False, comment="the name of a token, or an OS user"),
    Column("what", Words, nullable=False),
    Column("answer", Integer, nullable=False, comment="an HTTP status"),
    Column("detail", Sentence, nullable=False),
    Index("ix_uses_at", "at"),
)

failures = Table(
    "failures",
    metadata,
    Column("deployment", Words, primary_key=True),
    Column("since", UtcTime, nullable=False, comment="when the first of them failed"),
    Column("times", Integer, nullable=False, comment="how many passes in a row"),
    Column("next_try_at", UtcTime, comment="by the daemon that failed last; null: nobody said"),
)

timed_grants = Table(
    "timed_grants",
    metadata,
    id_column(),
    Column("deployment", Words, nullable=False),
    Column("role", Words, nullable=False),
    Column("source", Words, nullable=False),
    Column("person", Words, nullable=False, comment="the id that the source has for them"),
    Column("called", Words, nullable=False, comment="what they were called when it was asked for"),
    Column("lasts_s", Integer, nullable=False),
    Column("reason", Sentence, nullable=False),
    Column("ticket", Sentence, nullable=False),
    Column("asked_by", Words, nullable=False),
    Column("asked_from", Words, nullable=False),
    Column("asked_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, comment="until when it waits for another person's word; null: it needs none"),
    Column("given_by", Words),
    Column("given_from", Words),
    Column("given_at", UtcTime, comment="null: it gives nothing yet"),
    Column("until", UtcTime),
    Column("ended_by", Words),
    Column("ended_from", Words),
    Column("ended_at", UtcTime, comment="null: nobody ended it, nor was its end written down"),
    Column("ended_why", Sentence, nullable=False),
)
_open = timed_grants.c.ended_at.is_(None)
Index("ix_timed_grants_open", timed_grants.c.id, sqlite_where=_open, postgresql_where=_open)

break_glass = Table(
    "break_glass",
    metadata,
    Column("deployment", Words, primary_key=True),
    Column("name", Words, primary_key=True, comment="as the configuration has it"),
    Column("times", Integer, comment="how often it signed in; null: never, or that is not told"),
    Column("failed", Integer, comment="how often it failed to since"),
    Column("last", Words, nullable=False, comment="when it last did, as the deployment writes it"),
    Column("since", UtcTime, nullable=False, comment="when that was first seen"),
    Column("noticed", Sentence, nullable=False, comment="what was found when that changed last"),
    Column("noticed_at", UtcTime),
)

EVERY_TABLE: Final[MetaData] = metadata
"""Those of `schema`, and these."""
