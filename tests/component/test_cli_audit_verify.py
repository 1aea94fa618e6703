"""`audit verify` and `audit export`: what a person and a program are told."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from store_samples import NOW, created, made
from test_cli_audit_export import CONFIG

from syncd.cli import run
from syncd.store import Stores

PAGE = Path(__file__).parents[2] / "docs" / "evidence.md"


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/syncd.db"


@pytest.fixture
def shell(url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    (tmp_path / "config.toml").write_text(CONFIG, encoding="utf-8")
    with closing(Stores.open(url, clock=lambda: NOW)) as store:
        for name in ("anna", "bob"):
            made(store, created(name, "Viewer"))

    def types(*words: str) -> tuple[int, str]:
        code = run(["--config", str(tmp_path / "config.toml"), "audit", *words])
        return code, "".join(capsys.readouterr())

    return types


def edit(url: str, statement: str) -> None:
    with closing(Stores.open(url)) as store, store.database.write() as connection:
        connection.execute(text(statement))


def test_a_journal_that_nobody_touched(shell: Any) -> None:
    code, said = shell("verify")
    assert 0 == code
    assert said.startswith("6 records read, to record 6 with the hash ")
    assert said.endswith(": none was edited, removed, inserted or moved\n")


def test_what_was_edited_is_named(shell: Any, url: str) -> None:
    edit(url, "UPDATE changes SET status = 'failed' WHERE id = 2")
    code, said = shell("verify")
    assert 1 == code
    assert "record 6: change 2 of the journal is not as it says: status was edited\n" in said
    code, said = shell("verify", "-o", "json")
    assert 1 == code
    told = json.loads(said)
    assert (6, 3) == (told["records"], told["wrong"]), "and what the change is said not to have made is owned by it"
    assert [6, None, None] == [flaw["record"] for flaw in told["flaws"]]


def test_what_is_exported_is_verified_without_a_database(shell: Any, tmp_path: Path) -> None:
    _, exported = shell("export")
    whole, part = tmp_path / "whole.jsonl", tmp_path / "part.jsonl"
    whole.write_text(exported, encoding="ascii")
    part.write_text(shell("export", "--after", "2")[1], encoding="ascii")
    (tmp_path / "config.toml").unlink()

    assert (0, 6) == (shell("verify", str(whole))[0], len(exported.splitlines()))
    assert shell("verify", str(part))[1].startswith("4 records read, to record 6 ")
    whole.write_text(exported.replace("bob", "eve"), encoding="ascii")
    code, said = shell("verify", str(whole))
    assert 1 == code
    assert "record 5: it is not what record 6 was written after" in said


@pytest.mark.parametrize(("file", "said"), [("gone.jsonl", "cannot be read"), (".", "cannot be read")])
def test_a_file_that_cannot_be_read_is_one_sentence(shell: Any, tmp_path: Path, file: str, said: str) -> None:
    code, told = shell("verify", str(tmp_path / file))
    assert 3 == code
    assert said in told
    assert 1 == told.count("\n")


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\n", b"{}\n" * 3, b'{"seq":1,"prev":"\xed\xa0\x80"\n'])
def test_a_file_that_has_something_else_is_told_and_never_a_traceback(
    shell: Any, tmp_path: Path, content: bytes
) -> None:
    file = tmp_path / "odd.jsonl"
    file.write_bytes(content)
    assert (1 if content else 0) == shell("verify", str(file))[0]


def test_the_verifier_in_the_documentation_works(shell: Any, tmp_path: Path) -> None:
    program = PAGE.read_text(encoding="utf-8").partition("```python\n")[2].partition("```")[0]
    file = tmp_path / "records.jsonl"

    def ran(exported: str) -> tuple[int, str]:
        file.write_text(exported, encoding="ascii")
        done = subprocess.run([sys.executable, "-", file], input=program, capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr

    _, exported = shell("export")
    last = json.loads(shell("verify", "-o", "json")[1])["hash"]
    assert (0, f"to record 6 with the hash {last}\n") == ran(exported)
    assert (1, "record 3 or 4 is not what was written\n") == ran(exported.replace("applied", "failed", 1))
