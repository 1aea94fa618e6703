"""Planted secrets appear nowhere: not in logs with every library at its loudest, not in what is printed, not in the database."""

from __future__ import annotations

import logging
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import closing
from io import StringIO
from pathlib import Path

import pytest
from directories_world import TOKEN, Company, company

from syncd.cli import run

PASSWORD = "planted-airflow-password"


@pytest.fixture
def loud() -> Iterator[StringIO]:
    """Collect every record of every logger, whatever it says of itself."""
    said = StringIO()
    handler = logging.StreamHandler(said)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.NOTSET)
    for name in ("okta-sdk-python", "msal", "urllib3", "requests", "aiohttp", "sqlalchemy.engine", "alembic"):
        logging.getLogger(name).setLevel(logging.DEBUG)
        logging.getLogger(name).disabled = False
    yield said
    root.removeHandler(handler)
    root.setLevel(level)
    for name in ("okta-sdk-python", "msal", "urllib3", "requests", "aiohttp", "sqlalchemy.engine", "alembic"):
        logging.getLogger(name).setLevel(logging.NOTSET)


@pytest.fixture
def corp(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Company]:
    with company(tmp_path, capsys) as found:
        found.airflow.state.users["admin"].password = PASSWORD
        monkeypatch.setenv("SYNCD_TEST_OKTA", TOKEN)
        monkeypatch.setenv("SYNCD_TEST_ENTRA", found.entra.authority.client.secret)
        monkeypatch.setenv("SYNCD_TEST_AIRFLOW", PASSWORD)
        yield found


def test_no_secret_is_anywhere(corp: Company, loud: StringIO, capsys: pytest.CaptureFixture[str]) -> None:
    config = str(corp.folder / "config.toml")
    assert 0 == run(["--config", config, "--verbose", "apply"])
    corp.airflow.state.users["admin"].password = "changed by somebody"
    corp.okta.ssws.clear()
    assert 5 == run(["--config", config, "--verbose", "apply", "--full"])
    assert run(["--config", config, "--verbose", "doctor"])
    out, err = capsys.readouterr()
    made = {a.password for name, a in corp.airflow.state.users.items() if name != "admin"}
    assert made
    secrets = {TOKEN, PASSWORD, corp.entra.authority.client.secret, *made}
    places = {"log": loud.getvalue(), "stdout": out, "stderr": err, "database": everything_in(corp.folder / "syncd.db")}
    assert all(places.values()), "each place has something in it, or this test proves nothing"
    assert [] == [(where, secret[:6]) for where, text in places.items() for secret in secrets if secret in text]
    tokens = ("planted-access-token", "eyJhbGciOi")  # Graph's, and the beginning of every JSON web token
    assert [] == [(where, token) for where, text in places.items() for token in tokens if token in text]


def everything_in(database: Path) -> str:
    """Give every value of every table as text, what is compressed included."""
    with closing(sqlite3.connect(database)) as db:
        tables = [name for (name,) in db.execute("select name from sqlite_master where type = 'table'")]
        values = [value for table in tables for row in db.execute(f"select * from {table}") for value in row]
    return "\n".join(_text(value) for value in values)


def _text(value: object) -> str:
    if not isinstance(value, bytes):
        return str(value)
    try:
        return zlib.decompress(value).decode()
    except zlib.error:
        return value.decode(errors="replace")
