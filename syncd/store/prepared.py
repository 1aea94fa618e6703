"""Statements that run for every change, compiled once.

SQLAlchemy takes ten times as long as SQLite to run one of them: each time it looks for the compiled form and asks each
parameter what it is, for statements that never differ. What matters is kept: a value is bound as the type of its column
says, and never becomes a part of the SQL.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Dialect, Select, UpdateBase
from sqlalchemy.exc import StatementError
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import TypeEngine

Statement = Select[Any] | UpdateBase
_Process = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class _Ready:
    """A statement as one kind of database takes it; `binding` is in the order of the places, where it wants those.

    `fixed` holds values that are as the database wants them already.
    """

    sql: str
    fixed: Mapping[str, object]
    binding: tuple[tuple[str, _Process | None], ...]
    by_place: bool
    reading: tuple[_Process | None, ...]

    def bound(self, given: Mapping[str, object]) -> Any:
        known = {**self.fixed, **given}
        if self.by_place:
            return tuple([known[name] if process is None else process(known[name]) for name, process in self.binding])
        return {name: _processed(known[name], process) for name, process in self.binding}

    def read(self, row: Iterable[Any]) -> tuple[Any, ...]:
        return tuple(_processed(value, process) for value, process in zip(row, self.reading, strict=True))


class Prepared:
    """A statement of which `names` are the parameters. `build` makes it for a dialect, where they differ."""

    def __init__(self, build: Statement | Callable[[str], Statement], *names: str) -> None:
        self._build = build
        self._names = names
        self._ready: dict[str, _Ready] = {}

    def rows(self, connection: Connection, **given: object) -> list[tuple[Any, ...]]:
        """Run it and give the rows that it returns."""
        ready = self._for(connection.dialect)
        return [ready.read(row) for row in _execute(connection, ready.sql, ready.bound(given)).fetchall()]

    def run(self, connection: Connection, **given: object) -> int:
        """Run it and give how many rows it changed."""
        ready = self._for(connection.dialect)
        return int(_execute(connection, ready.sql, ready.bound(given)).rowcount)

    def run_each(self, connection: Connection, rows: Iterable[Mapping[str, object]]) -> None:
        """Run it once for each of these."""
        ready = self._for(connection.dialect)
        if bound := [ready.bound(given) for given in rows]:
            _execute(connection, ready.sql, bound, many=True)

    def _for(self, dialect: Dialect) -> _Ready:
        found = self._ready.get(dialect.name)
        if found is None:
            found = self._ready[dialect.name] = self._prepare(dialect)
        return found

    def _prepare(self, dialect: Dialect) -> _Ready:
        statement = self._build(dialect.name) if callable(self._build) else self._build
        compiled = statement.compile(dialect=dialect, column_keys=list(self._names))
        assert isinstance(compiled, SQLCompiler)
        assert not compiled.post_compile_params, "a list among the parameters makes another statement each time"
        processes = {name: _binder(bind.type, dialect) for name, bind in compiled.binds.items()}
        fixed = {name: _processed(bind.value, processes[name]) for name, bind in _unnamed(compiled, self._names)}
        to_bind = processes | dict.fromkeys(fixed)
        return _Ready(
            compiled.string,
            fixed,
            tuple((name, to_bind[name]) for name in compiled.positiontup or to_bind),
            compiled.positiontup is not None,
            tuple(_reader(column.type, dialect) for column in statement.exported_columns),
        )


def _execute(connection: Connection, sql: str, bound: Any, *, many: bool = False) -> Any:
    """Do what SQLAlchemy does with a statement of ours: listeners hear of it, and what the driver raises is told as its."""
    cursor = connection.connection.cursor()
    connection.dispatch.before_cursor_execute(connection, cursor, sql, bound, None, many)
    try:
        if many:
            cursor.executemany(sql, bound)
        else:
            cursor.execute(sql, bound)
    except connection.dialect.loaded_dbapi.Error as error:
        raise StatementError(str(error), sql, None, error) from error
    return cursor


def _unnamed(compiled: SQLCompiler, names: tuple[str, ...]) -> list[tuple[str, Any]]:
    return [(name, bind) for name, bind in compiled.binds.items() if name not in names]


def _processed(value: object, process: _Process | None) -> object:
    return value if process is None else process(value)


def _binder(type_: TypeEngine[Any], dialect: Dialect) -> _Process | None:
    return type_.dialect_impl(dialect).bind_processor(dialect)


def _reader(type_: TypeEngine[Any], dialect: Dialect) -> _Process | None:
    return type_.dialect_impl(dialect).result_processor(dialect, None)
