"""Files that `--snapshot` reads may come from anywhere: each is read as it was written, or is one error."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import test_cli_answers
from test_cli_commands import Desk

from syncd import app
from syncd.access.compare import compare
from syncd.access.known import called
from syncd.access.told_who import who_rows
from syncd.access.ways import ways
from syncd.cli.known import age_lines, ages, answered_from
from syncd.config import Settings, load
from syncd.errors import SnapshotInvalid
from syncd.mapping.parse import parse
from syncd.model import Rules
from syncd.store.exported import read_export
from syncd.targets.airflow.naming import NAMING

airflow, desk = test_cli_answers.airflow, test_cli_answers.desk
"""The fixtures: a deployment that was brought to what the mapping says."""
NOTHING = parse({"m.yaml": b"bindings: []"}, namings=[NAMING])
HOSTILE: list[Any] = [
    None, True, -1, float("nan"), "", "\ud800", [], {}, {"a": 1}, [1, [2]],
    "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "2026-01-01T00:00:00", "[" * 2000,
]  # fmt: skip


def unfolded(body: Any) -> Any:
    """Read the texts of JSON that stand in a file as what they hold."""
    match body:
        case dict():
            return {name: unfolded(value) for name, value in body.items()}
        case list():
            return [unfolded(value) for value in body]
        case str() if body.startswith("{"):
            return Inner(unfolded(json.loads(body)))
    return body


class Inner:
    """A value that is written as a text."""

    def __init__(self, value: Any) -> None:
        self.value = value


def folded(body: Any) -> Any:
    match body:
        case dict():
            return {name: folded(value) for name, value in body.items()}
        case list():
            return [folded(value) for value in body]
        case Inner():
            return json.dumps(folded(body.value))
    return body


def spots(body: Any) -> Iterator[tuple[Any, Any]]:
    """Give each place of a value: what it is in and its key there; of many alike the first."""
    match body:
        case Inner():
            yield from spots(body.value)
        case dict() | list():
            places = list(body) if isinstance(body, dict) else list(range(len(body)))
            kinds = {type(body[place]) for place in places}
            for place in places[:1] if len(places) > 3 and kinds <= {list, dict, Inner} else places[:14]:
                yield body, place
                yield from spots(body[place])


def used(desk: Desk, settings: Settings, rules: Rules, file: Path) -> None:
    """Answer from a file what can be asked of it, in every way."""
    of = answered_from(settings, rules, read_export(file), deployments=())
    list(age_lines(of))
    ages(of)
    called(of.view, "x")
    for known in of.deployments:
        stood = of.stand(known, about=called(of.view, f"{desk.team}.user0"), named=[f"{desk.team}.user0"])
        list(who_rows(ways(stood)))
        list(who_rows(ways(of.stand(known), role="Viewer")))
        compare(NOTHING, rules, of.view, known, now=of.now)


def test_whatever_stands_in_a_file_it_is_read_or_is_one_error(desk: Desk) -> None:
    file = desk.folder / "known.json.gz"
    assert 0 == desk.types("snapshot", "export", str(file))[0]
    body = unfolded(json.loads(gzip.decompress(file.read_bytes())))
    settings = load(desk.folder / "config.toml")
    rules = app.read_rules(settings)
    used(desk, settings, rules, file)
    for within, name in list(spots(body)):
        there = within[name]
        for value in HOSTILE:
            within[name] = value
            file.write_bytes(gzip.compress(json.dumps(folded(body)).encode(), 1))
            with suppress(SnapshotInvalid):
                used(desk, settings, rules, file)
        within[name] = there


@pytest.mark.parametrize("text", [b"[" + b"[]," * 400 + b"[]]", b'{"a":1}' * 400, b"[" * 1500, b'[1,"",' * 300])
def test_a_file_of_more_values_than_memory_should_hold_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: bytes
) -> None:
    monkeypatch.setattr("syncd.store.exported.MOST_VALUES", 500)
    monkeypatch.setattr("syncd.store.exported.codec.loads", lambda _text: pytest.fail("it was read"))
    file = tmp_path / "bomb.gz"
    file.write_bytes(gzip.compress(text, mtime=0))
    with pytest.raises(
        SnapshotInvalid, match=r"it has more than 500 values; it has to be of fewer deployments \(`-d`\)"
    ):
        read_export(file)


def test_what_nobody_could_read_is_not_written(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("syncd.store.exported.MOST_VALUES", 500)
    file = desk.folder / "known.json.gz"
    code, out, err = desk.types("snapshot", "export", str(file))
    assert (3, "", False) == (code, out, file.exists())
    assert "nothing was written: it has more than 500 values; it has to be of fewer deployments (`-d`)" in err
