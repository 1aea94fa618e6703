"""Kinds of columns: times with their zone, and words that may come from anywhere."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import BigInteger, Column, DateTime, Dialect, Integer, Text, TypeDecorator

from syncd.http.secrets import blotted


class UtcTime(TypeDecorator[datetime]):
    """An aware time, kept in UTC (SQLite itself keeps no zone)."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a time without a zone cannot be kept: {value}")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Words(TypeDecorator[str]):
    """Text that may come from anywhere: what PostgreSQL refuses (NUL, lone surrogates) is replaced, not an error."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        if value is None or (value.isascii() and "\x00" not in value):
            return value
        return value.replace("\x00", "\ufffd").encode("utf-8", "replace").decode("utf-8")


class Sentence(Words):
    """Words that say what somebody answered or what went wrong: no secret that this process knows is kept in them."""

    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return super().process_bind_param(None if value is None else blotted(value), dialect)


Id = BigInteger().with_variant(Integer(), "sqlite")


def id_column() -> Column[int]:
    """Give the column of a number that grows."""
    return Column("id", Id, primary_key=True, autoincrement=True)
