"""Odd input to the commands about evidence and recovery: one sentence, the right exit code, and never a traceback."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from store_samples import NOW, created, made

from syncd.cli import audit_verify, run
from syncd.errors import StoreError
from syncd.store import Stores
from syncd.store.witness import Witness

TOO_LARGE = "9" * 23


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder as `syncd init` leaves it, with two changes in the journal."""
    monkeypatch.chdir(tmp_path)
    assert 0 == run(["--quiet", "init"])
    with closing(Stores.open("sqlite:///syncd.db", clock=lambda: NOW)) as store:
        for name in ("anna", "bob"):
            made(store, created(name, "Viewer"))
    return tmp_path


def typed(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    capsys.readouterr()
    code = run(["--quiet", *words])
    return code, "".join(capsys.readouterr())


def edit(folder: Path, statement: str) -> None:
    with closing(sqlite3.connect(folder / "syncd.db")) as connection, connection:
        assert connection.execute(statement).rowcount > 0


# --- records that somebody edited -----------------------------------------------------------------------------------------


@pytest.mark.finding("N-1940")
@pytest.mark.parametrize(
    "line",
    [
        "x'ff00'",
        """'{"seq":3,"prev":"x","at":5,"kind":[],"about":7,"answers":3}'""",
        """replace(line, '"status":', '"answers":[[[1],"x",false]],"status":')""",
        """replace(line, '"about":["', '"about":[7,"')""",
        "'[[[[[[[['",
    ],
)
def test_a_record_of_any_content_is_named_by_verify(
    folder: Path, capsys: pytest.CaptureFixture[str], line: str
) -> None:
    edit(folder, f"UPDATE records SET line = {line} WHERE seq <= 3")
    code, said = typed(capsys, "audit", "verify")
    assert 1 == code
    assert "record 3: " in said
    assert "what was written is not what stands there" in said
    for form in ("ocsf", "ecs"):
        code, said = typed(capsys, "audit", "export", "--as", form)
        assert code == int("that this syncd cannot read" in said)


@pytest.mark.finding("N-1940")
def test_a_record_that_cannot_be_told_to_a_siem_is_one_sentence(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edit(folder, """UPDATE records SET line = '{"seq":3}' WHERE seq = 3""")
    code, said = typed(capsys, "audit", "export", "--as", "ecs")
    assert (1, True) == (code, "see syncd audit verify" in said)


@pytest.mark.finding("N-1941")
@pytest.mark.parametrize("words", [("audit", "verify"), ("audit",)])
def test_a_time_that_is_none_is_one_sentence(
    folder: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    edit(folder, "UPDATE changes SET intent_at = 'garbage' WHERE id = 1")
    code, said = typed(capsys, *words)
    assert (1, 1) == (code, said.count("\n"))
    assert "a time in it is none, so it was edited or is damaged" in said


@pytest.mark.finding("N-1942")
def test_a_file_without_line_ends_is_not_read_whole(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_verify, "LONGEST_LINE", 2**20)
    (folder / "file").write_bytes(bytes(2**20))
    code, said = typed(capsys, "audit", "verify", "file")
    assert (3, "syncd: file: it has a line of more than 1 MiB, so it is no export\n") == (code, said)
    (folder / "file").write_bytes(bytes(2**20 - 1))
    assert 1 == typed(capsys, "audit", "verify", "file")[0]


# --- numbers, paths and words ---------------------------------------------------------------------------------------------


@pytest.mark.finding("N-1943")
@pytest.mark.parametrize(
    "words",
    [
        ("grant", "show", TOO_LARGE),
        ("grant", "approve", TOO_LARGE),
        ("grant", "revoke", TOO_LARGE, "--reason", "x"),
        ("rollback", TOO_LARGE, "--reason", "x", "--yes"),
        ("rollback", "--change", TOO_LARGE, "--reason", "x", "--yes"),
        ("alarms", "unsilence", TOO_LARGE),
        ("audit", "export", "--after", TOO_LARGE),
        ("audit", "export", "--cursor", "cursor"),
    ],
)
def test_a_number_that_no_row_can_have_is_a_mistake(
    folder: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    (folder / "cursor").write_text(TOO_LARGE)
    code, said = typed(capsys, *words)
    assert 3 == code
    assert "Traceback" not in said


@pytest.mark.finding("N-1944")
@pytest.mark.parametrize("name", ["config.toml/copy.db", "c" * 300])
def test_a_copy_under_a_name_that_cannot_be(folder: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    before = sorted(folder.iterdir())
    code, said = typed(capsys, "db", "backup", name)
    assert 1 == code
    assert said.startswith(f"syncd: {name}: it cannot be written: ")
    assert before == sorted(folder.iterdir())


@pytest.mark.finding("N-1945")
def test_a_refusal_says_of_what_it_is(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert typed(capsys, "alarms", "ack", "nosuch", "--reason", "x")[1].startswith("alarms: no alarm that stands")


# --- what is remembered, and holds ----------------------------------------------------------------------------------------


@pytest.mark.finding("N-1946")
@pytest.mark.parametrize(
    ("key", "value"), [("word", ["x"]), ("word", None), ("installation", {}), ("number", -1), ("number", True)]
)
def test_what_is_remembered_has_to_be_of_its_kind(folder: Path, key: str, value: object) -> None:
    file = folder / "remembered"
    right = {"v": 1, "about": "", "installation": "a", "number": 4, "word": "b", "at": NOW.isoformat()}
    file.write_text(json.dumps(right))
    assert 4 == Witness(file).remembered()[0].number
    file.write_text(json.dumps({**right, key: value}))
    with pytest.raises(StoreError, match="cannot be read: it is none that syncd wrote"):
        Witness(file).remembered()


@pytest.mark.finding("N-1947")
def test_a_hold_that_this_syncd_cannot_read_is_one_sentence(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit(
        folder,
        "INSERT INTO holds (deployment, digest, state, since, planned_at, run_id, why, number, body) "
        "VALUES ('dev', 'd', 'of-a-newer-one', '2026-03-01 00:00:00.000000', '2026-03-01 00:00:00.000000', 1, '[]', 1, x'78')",
    )
    with closing(Stores.open("sqlite:///syncd.db")) as store, pytest.raises(StoreError, match="a hold"):
        store.inbox.listed()
    code, said = typed(capsys, "db", "check")
    assert (1, True) == (code, "holds: what is kept cannot be read" in said)


@pytest.mark.finding("N-1948")
def test_a_file_without_a_checkpoint_proves_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, public = typed(capsys, "audit", "keygen", "key")
    (folder / "public").write_text(public)
    (folder / "empty").write_text("")
    code, said = typed(capsys, "audit", "verify", "--checkpoints", "empty", "--public-key", "public")
    assert (3, "syncd: empty: there is no checkpoint in it to hold anything against\n") == (code, said)


@pytest.mark.finding("N-1949")
def test_a_name_with_a_character_that_postgresql_refuses_is_no_hold(empty_database_url: str) -> None:
    with closing(Stores.open(empty_database_url)) as store:
        assert store.inbox.find("\0") is None
        assert store.queries.hold("\0") is None
