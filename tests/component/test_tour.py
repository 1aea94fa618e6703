"""The tour does what it says: its files are written one after the other, and each command answers as it stands there.

SYNCD_GOLDEN=write puts the answers into the page.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from syncd.cli import run
from syncd.mapping.keys import BINDING, MAPPING_FILE

PAGE = Path(__file__).parents[2] / "docs" / "tour.md"
STEP = re.compile(
    r"```yaml\n# (?P<file>\S+)\n(?P<text>.*?)```|```console\n\$ syncd (?P<typed>[^\n]+)\n(?P<said>.*?)```", re.DOTALL
)
SOURCES = "".join(f'[sources.{name}]\ntype = "file"\ndirectory = "{name}"\n' for name in ("people", "partners"))
DEPLOYMENTS = "".join(
    f'[deployments.{name}]\nurl = "https://{name}.example.com"\nlabels = {{ env = "{name}" }}\n'
    f'login_source = "people"\nauth = {{ kind = "token", username = "syncd", password = {{ env = "PASSWORD" }} }}\n'
    for name in ("dev", "prod")
)


def told(folder: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """Walk the page; gives it with what was really said."""

    def step(found: re.Match[str]) -> str:
        if found["file"]:
            path = folder / found["file"]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"# {found['file']}\n{found['text']}", encoding="utf-8")
            return found[0]
        run(["--config", "config.toml", *found["typed"].split()])
        out, err = capsys.readouterr()
        return f"```console\n$ syncd {found['typed']}\n{out}{err}```"

    return STEP.sub(step, PAGE.read_text("utf-8"))


def test_the_tour_does_what_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.toml").write_text(SOURCES + DEPLOYMENTS, encoding="utf-8")

    page = told(tmp_path, capsys)

    if os.environ.get("SYNCD_GOLDEN") == "write":
        PAGE.write_text(page, encoding="utf-8")
    assert PAGE.read_text("utf-8") == page


def test_the_tour_shows_each_key_of_a_file_and_of_a_binding_but_for_rare_ones() -> None:
    page = PAGE.read_text("utf-8")
    rare = {"accounts", "except", "from", "where"}

    keys = [key for record in (MAPPING_FILE, BINDING) for key in record.known]
    assert rare == {key for key in keys if f"{key}:" not in page}
