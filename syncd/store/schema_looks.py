"""The tables of what was seen last of deployments; `schema` has all the others, and says how tables are made."""

from __future__ import annotations

from sqlalchemy import Column, LargeBinary, Table

from syncd.store.columns import UtcTime, Words
from syncd.store.schema import metadata

looks = Table(
    "looks",
    metadata,
    Column("deployment", Words, primary_key=True),
    Column("part", Words, primary_key=True, comment="abilities, dags, roles or people"),
    Column("digest", Words, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("at", UtcTime, nullable=False, comment="when it was last seen so"),
)

look_people = Table(
    "look_people",
    metadata,
    Column("deployment", Words, primary_key=True),
    Column("name", Words, primary_key=True, comment="as Airflow compares it"),
    Column(
        "body", Words, nullable=False, comment="the account as it was seen after everybody was; null: there was none"
    ),
    Column("at", UtcTime, nullable=False),
)
