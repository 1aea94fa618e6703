"""`syncd db`: what it prints, and with which exit code."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from store_samples import created, made

from syncd.cli import run
from syncd.store import Stores, migrate
from syncd.store.schema import REVISION


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder as `syncd init` leaves it."""
    monkeypatch.chdir(tmp_path)
    assert 0 == run(["--quiet", "init"])
    return tmp_path


def typed(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    capsys.readouterr()
    code = run(["--quiet", *words])
    return code, *capsys.readouterr()


def test_a_copy_is_written_and_is_sound(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with closing(Stores.open("sqlite:///syncd.db")) as store:
        made(store, created("anna", "Viewer"))

    code, said, _ = typed(capsys, "db", "backup", "copy.db")

    size = (folder / "copy.db").stat().st_size // 1024
    assert (0, f"copy.db: a copy of the database {folder}/syncd.db, {size} KiB\n") == (code, said)
    code, _, error = typed(capsys, "db", "backup", "copy.db")
    assert (1, "syncd: copy.db: there is something of this name: name a file that is not there yet\n") == (code, error)
    (folder / "copy.db").replace(folder / "syncd.db")
    assert (0, f"ok    database {folder}/syncd.db: whole, and what it says holds together\n", "") == typed(
        capsys, "db", "check"
    )


def test_what_is_wrong_is_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with closing(Stores.open("sqlite:///syncd.db")) as store:
        made(store, created("anna", "Viewer"))
    with closing(sqlite3.connect("syncd.db")) as connection, connection:
        connection.execute("UPDATE changes SET intent_at = NULL")

    code, said, _ = typed(capsys, "db", "check")

    assert 1 == code
    assert [
        "FAIL  changes: it is said to be made, and was never announced (1: 1)",
        "FAIL  steps: a call of a change that was never announced (1: 1)",
    ][: len(said.splitlines())] == said.splitlines()
    answer = json.loads(typed(capsys, "db", "check", "-o", "json")[1])
    assert (False, "changes") == (answer["sound"], answer["found"][0]["where"])
    assert {"where", "what", "count", "places"} == set(answer["found"][0])


def test_an_old_database_is_upgraded_by_a_word(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    migrate("sqlite:///syncd.db", to="0009")

    assert 1 == typed(capsys, "db", "check")[0]
    place = f"database {folder}/syncd.db"
    assert (0, f"{place}: at revision {REVISION}, from revision 0009\n", "") == typed(capsys, "db", "upgrade")
    assert (0, f"{place}: at revision {REVISION}, nothing to do\n", "") == typed(capsys, "db", "upgrade")


@pytest.mark.parametrize("words", [("backup", "copy.db"), ("check",), ("upgrade",)])
def test_no_database_is_made_by_asking(folder: Path, capsys: pytest.CaptureFixture[str], words: tuple[str]) -> None:
    code, _, error = typed(capsys, "db", *words)

    assert (1, f"syncd: {folder}/syncd.db: there is no database\n") == (code, error)
    assert not (folder / "syncd.db").exists()


def test_a_database_can_be_looked_at_while_the_configuration_has_a_mistake(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    migrate("sqlite:///syncd.db")
    config = folder / "config.toml"
    config.write_text(config.read_text().replace("[deployments.", "[deploymemts."))

    assert 0 == typed(capsys, "db", "check")[0]
