"""What unit tests may not open is refused, whatever library opens it and in whatever thread; what they may read is read."""

from __future__ import annotations

import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from nothing_opened import nothing_opened
from sqlalchemy import create_engine

OPENS: dict[str, Callable[[Path], object]] = {
    "a socket": lambda _: socket.create_connection(("127.0.0.1", 9)),
    "a database": lambda here: sqlite3.connect(here / "a.db"),
    "a process": lambda _: subprocess.run([sys.executable, "-c", ""], check=True),
    "a folder": lambda here: (here / "folder").mkdir(),
    "a file for writing": lambda here: (here / "a.txt").write_text("a"),
}


@pytest.mark.parametrize("what", OPENS)
def test_who_opens_something_is_told_where_the_test_belongs(what: str, tmp_path: Path) -> None:
    said = rf"a_test opens {what} \(.*\): it belongs into tests/component"
    with nothing_opened("a_test"), pytest.raises(pytest.fail.Exception, match=said):
        OPENS[what](tmp_path)
    assert [] == list(tmp_path.iterdir())


def test_a_library_cannot_hide_it(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path}/a.db")
    with nothing_opened("a_test"), pytest.raises(pytest.fail.Exception, match="opens a database"):
        engine.connect()


def test_another_thread_cannot_either() -> None:
    refused: list[str] = []

    def opens() -> None:
        try:
            socket.socket()
        except pytest.fail.Exception as error:
            refused.append(str(error))

    thread = threading.Thread(target=opens)
    with nothing_opened("a_test"):
        thread.start()
        thread.join()
    assert 1 == len(refused)


def test_reading_is_no_opening(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a")
    with nothing_opened("a_test"):
        assert "a" == (tmp_path / "a.txt").read_text()
