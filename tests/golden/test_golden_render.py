"""What people and programs are shown of a pass, word for word. SYNCD_GOLDEN=write rewrites it."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from render_worlds import WORLDS

from syncd.render.json import report_json
from syncd.render.lines import plain
from syncd.render.markdown import report_markdown
from syncd.render.text import report_lines

GOLDEN = Path(__file__).parent / "render"


def golden(name: str, actual: str) -> str:
    file = GOLDEN / name
    if os.environ.get("SYNCD_GOLDEN") == "write":
        file.write_text(actual, encoding="utf-8")
    return file.read_text(encoding="utf-8")


@pytest.mark.parametrize("world", WORLDS)
def test_text(world: str) -> None:
    report, verb = WORLDS[world]
    text = plain(report_lines(report, verb=verb))

    assert golden(f"{world}.txt", text) == text


@pytest.mark.parametrize("world", WORLDS)
def test_markdown(world: str) -> None:
    report, verb = WORLDS[world]
    text = report_markdown(report, verb=verb)

    assert golden(f"{world}.md", text) == text


@pytest.mark.parametrize("world", sorted(WORLDS.keys() - {"many"}))
def test_json(world: str) -> None:
    text = json.dumps(report_json(WORLDS[world][0]), indent=2) + "\n"

    assert golden(f"{world}.json", text) == text


def _keys(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for inner in value:
            yield from _keys(inner)
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from _keys(inner) if key not in FREE else ()


FREE = ("sources_failed", "seconds", "on_dags")
"""Objects whose keys are names or stages."""


def test_every_key_of_the_json_is_documented() -> None:
    page = (Path(__file__).parents[2] / "docs" / "cli.md").read_text(encoding="utf-8")
    words = set(re.findall(r"\w+", "".join(re.findall(r"`[^`\n]+`", page)).replace(".", " ")))

    reports = [report for world, (report, _) in WORLDS.items() if world != "many"]  # ten thousand times the same keys

    undocumented = {key for report in reports for key in _keys(report_json(report))} - words

    assert set() == undocumented
