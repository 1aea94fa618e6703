"""What a new kind of source takes: a package beside the others and its place in the table of kinds, in a copy of syncd.

The toy is `tests/roster`; docs/adding-a-source.md shows it. Whatever is not in the package, the one table or the page would
have to be touched for every source that comes.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import roster

import syncd
from syncd.errors import EXIT_NO_ANSWER
from syncd.sandbox.airflow import StandIn, serve

PACKAGE = Path(syncd.__file__).parent
TOY = Path(roster.__file__).parent
PAGE = PACKAGE.parent / "docs" / "adding-a-source.md"
TABLE = Path("sources", "__init__.py")
CONFIG = """
[sources.teams]
type = "roster"
file = "roster.txt"
domain = "example.com"
[deployments.prod]
url = "{url}"
mode = "enforce"
auth = {{ kind = "basic", username = "admin", password = {{ env = "SYNCD_TEST_TOY" }} }}
"""
MAPPING = "bindings:\n  - { group: teams:crew, roles: [Viewer], deployments: all }\n"


@dataclass
class Copy:
    """A copy of syncd that has the toy, with its configuration and the deployment that it works on."""

    folder: Path
    server: StandIn

    def types(self, *words: str) -> tuple[int, str]:
        environment = {**os.environ, "PYTHONPATH": str(self.folder), "SYNCD_TEST_TOY": "admin"}
        done = subprocess.run(
            [sys.executable, "-m", "syncd", "--config", str(self.folder / "config.toml"), *words],
            env=environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    def writes(self, text: str) -> None:
        with (self.folder / "roster.txt").open("a", encoding="utf-8") as file:
            file.write(text)

    def holders(self) -> set[str]:
        return {name for name, user in self.server.state.users.items() if "Viewer" in user.roles}


def in_the_table(text: str) -> str:
    """Put the toy into the table of kinds."""
    imported = "from syncd.sources.okta import KIND as OKTA\n"
    assert imported in text
    text = text.replace(imported, imported + "from syncd.sources.roster import KIND as ROSTER\n")
    return re.sub(r"(for kind in \([A-Z, ]*)\)", r"\1, ROSTER)", text)


@pytest.fixture
def copy(tmp_path: Path) -> Iterator[Copy]:
    shutil.copytree(PACKAGE, tmp_path / "syncd", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(TOY, tmp_path / "syncd" / "sources" / "roster", ignore=shutil.ignore_patterns("__pycache__"))
    table = tmp_path / "syncd" / TABLE
    table.write_text(in_the_table(table.read_text(encoding="utf-8")), encoding="utf-8")
    (tmp_path / "mappings").mkdir()
    (tmp_path / "mappings" / "access.yaml").write_text(MAPPING, encoding="utf-8")
    server = StandIn("2.11.2")
    with serve(server) as url:
        (tmp_path / "config.toml").write_text(CONFIG.format(url=url), encoding="utf-8")
        yield Copy(tmp_path, server)


def test_a_source_of_a_new_kind_is_checked_read_whole_polled_and_gives_grants(copy: Copy) -> None:
    code, said = copy.types("check")
    assert 2 < code
    assert "roster.txt" in said, "what reads this machine is read by `check`"

    copy.writes("+ crew anna\n+ crew bob\n")
    assert 0 == copy.types("check")[0]
    code, said = copy.types("doctor")
    assert "roster.txt: 1 teams" in said
    code, said = copy.types("apply")
    assert 0 == code, said
    assert {"anna", "bob"} <= copy.holders()

    copy.writes("- crew bob\n+ crew cleo\n")
    code, said = copy.types("apply")
    assert 0 == code, said
    assert ("anna" in copy.holders(), "bob" in copy.holders(), "cleo" in copy.holders()) == (True, False, True)

    copy.writes("- crew an")  # what somebody is writing takes nothing
    assert EXIT_NO_ANSWER == copy.types("apply")[0]
    assert "anna" in copy.holders()

    (copy.folder / "roster.txt").write_text("+ crew cleo\n", encoding="utf-8")  # the cursor is lost, the file is not
    assert 0 == copy.types("apply")[0]
    assert "anna" not in copy.holders()


def test_a_mistake_in_the_table_of_a_new_kind_is_told_at_its_place_with_its_own_keys(copy: Copy) -> None:
    config = copy.folder / "config.toml"
    config.write_text(config.read_text(encoding="utf-8").replace("domain =", "domian ="), encoding="utf-8")
    code, said = copy.types("check")
    assert 3 == code
    assert 'config.toml:5:1: unknown key "domian" in sources.teams; did you mean "domain"?' in said


def test_the_page_shows_the_toy_as_it_is() -> None:
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    toy = "".join(path.read_text(encoding="utf-8") for path in TOY.glob("*.py"))
    assert 2 <= len(blocks)
    for block in blocks:
        assert block in toy
