"""The tour does what it says: its files are written one after the other, and each command answers as it stands there.

In the end its files are those of the example. SYNCD_GOLDEN=write puts the answers into the page.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from syncd.cli import run
from syncd.mapping.keys import BINDING, MAPPING_FILE
from syncd.sandbox.company import airflows, company_in

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "tour.md"
STEP = re.compile(
    r"```yaml\n# (?P<file>\S+)\n(?P<text>.*?)```|```console\n\$ (?P<typed>[^\n]+)\n(?P<said>.*?)```", re.DOTALL
)
CLOCK = {
    r"\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)?(Z| UTC)": "2026-12-01 09:00 UTC",
    r"as seen [^(]* \(": "as seen just now (",
    r"\d+\.\d s(?=[,)])": "0.1 s",
    r"\d+ KiB": "3 KiB",
}
"""What depends on when and how fast something is done."""


def does(typed: str, capsys: pytest.CaptureFixture[str]) -> str:
    """Do what is typed; gives what is said."""
    command, _, into = typed.partition(" > ")
    if not command.startswith("syncd "):
        subprocess.run(shlex.split(command), check=True)  # of a page of ours
        return ""
    run(["--config", "config.toml", *shlex.split(command)[1:]])
    out, err = capsys.readouterr()
    if into:
        Path(into).write_text(out, encoding="utf-8")
    said = err if into else out + err
    for pattern, told in CLOCK.items():
        said = re.sub(pattern, told, said)
    return said


def walked(folder: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """Walk the page; gives it with what was really said."""

    def step(found: re.Match[str]) -> str:
        if found["file"]:
            path = folder / found["file"]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(found["text"], encoding="utf-8")
            return found[0]
        return f"```console\n$ {found['typed']}\n{does(found['typed'], capsys)}```"

    return STEP.sub(step, PAGE.read_text("utf-8"))


def files(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text("utf-8") for path in folder.rglob("*.yaml")}


def test_the_tour_does_what_it_says_and_ends_with_the_example(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with company_in(tmp_path) as company, airflows() as servers:
        for name, value in company.environment.items():
            monkeypatch.setenv(name, value)
        with Path("config.toml").open("a", encoding="utf-8") as config:
            config.writelines(server.table(url) for server, url in servers.items())
        shutil.rmtree("mappings")

        page = walked(tmp_path, capsys)

    if os.environ.get("SYNCD_GOLDEN") == "write":
        PAGE.write_text(page, encoding="utf-8")
    assert PAGE.read_text("utf-8") == page
    assert files(ROOT / "mappings") == files(tmp_path / "mappings")


def test_the_tour_shows_each_key_of_a_file_and_of_a_binding_but_for_rare_ones() -> None:
    page = PAGE.read_text("utf-8")
    rare = {"accounts", "except", "captures", "unless", "each"}

    keys = [key for record in (MAPPING_FILE, BINDING) for key in record.known]
    assert rare == {key for key in keys if f"{key}:" not in page}
