"""The journal for programs: all of it or a word that it is not all, each row once, and nothing in it that acts on its reader."""

from __future__ import annotations

import csv
import io
import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from store_samples import NOW, at, created, made

from syncd.cli import audit, run
from syncd.store import Stores

CONFIG = """
[sources.people]
type = "file"
directory = "people"
[deployments.prod]
url = "http://127.0.0.1:9"
auth = {kind = "bearer", token = {env = "SYNCD_TEST_NOT_SET"}}
"""
PEOPLE = 25


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    """Type a command where 25 changes were made; a page has ten of them."""
    monkeypatch.setattr(audit, "PAGE", 10)
    (tmp_path / "config.toml").write_text(CONFIG, encoding="utf-8")
    with closing(Stores.open(f"sqlite:///{tmp_path}/syncd.db", clock=lambda: NOW)) as store:
        for number in range(PEOPLE):
            made(store, created(f"=p{number}", "Viewer"), now=at(PEOPLE - number))

    def types(*words: str) -> tuple[int, str, str]:
        code = run(["--config", str(tmp_path / "config.toml"), "audit", *words])
        return (code, *capsys.readouterr())

    return types


EVERYBODY = [f"=p{number}" for number in range(PEOPLE)]


@pytest.mark.finding("U-B5")
@pytest.mark.parametrize("held", [[], ["--holders"]])
def test_every_row_is_there_once_by_id_in_each_form(shell: Any, held: list[str]) -> None:
    name = "username" if held else "name"

    rows = json.loads(shell("-o", "json", *held)[1])
    lines = [json.loads(line) for line in shell("-o", "jsonl", *held)[1].splitlines()]
    cells = list(csv.DictReader(io.StringIO(shell("-o", "csv", *held)[1])))

    assert EVERYBODY == [row[name] for row in rows]
    assert rows == lines
    assert [f"'{person}" for person in EVERYBODY] == [row[name] for row in cells], "no cell is a formula"
    assert {"Viewer"} == {row["role" if held else "granted"] for row in cells}
    assert sorted(row["id"] for row in rows) == [row["id"] for row in rows] == [int(row["id"]) for row in cells]


@pytest.mark.finding("U-B5")
@pytest.mark.parametrize("form", ["json", "jsonl", "csv"])
def test_what_is_not_all_says_so(shell: Any, form: str) -> None:
    code, out, err = shell("-o", form, "--limit", "24")

    assert (0, "these are 24 rows and there are more; leave out --limit for all\n") == (code, err)
    assert "=p24" not in out, "the oldest is left out"
    assert "" == shell("-o", form, "--limit", "25")[2]


def test_a_program_goes_on_after_the_last_id_that_it_has(shell: Any) -> None:
    first = [json.loads(line) for line in shell("-o", "jsonl", "--after", "0", "--limit", "7")[1].splitlines()]
    rest = [json.loads(line) for line in shell("-o", "jsonl", "--after", str(first[-1]["id"]))[1].splitlines()]

    assert EVERYBODY == [row["name"] for row in (*first, *rest)]
    assert (0, "", "") == shell("-o", "jsonl", "--after", str(rest[-1]["id"]))
    assert "[]\n" == shell("-o", "json", "--after", str(rest[-1]["id"]))[1]


def test_people_are_shown_the_newest(shell: Any) -> None:
    assert "=p0  new account" in shell("--limit", "1")[1].splitlines()[1]
    assert 3 == shell("--after", "3")[0]


@pytest.mark.finding("U-B21")
def test_the_old_name_of_the_question_who_held_what_says_what_to_write(shell: Any) -> None:
    code, out, err = shell("--held")

    assert (0, shell("--holders")[1]) == (code, out)
    assert err.startswith("note: --held is called --holders now")
