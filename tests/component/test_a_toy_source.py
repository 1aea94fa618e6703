"""What a new kind of source takes: a package beside the others and its place in the table of kinds, in a copy of syncd.

The toy is `tests/roster`; docs/adding-a-source.md shows it. Whatever is not in the package, the one table or the page would
have to be touched for every source that comes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import roster
from syncd_copy import blocks_of, copy_with, text_of, types

from syncd.errors import EXIT_NO_ANSWER
from syncd.sandbox.airflow import StandIn, serve

TOY = Path(roster.__file__).parent
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
        return types(self.folder, *words, SYNCD_TEST_TOY="admin")

    def writes(self, text: str) -> None:
        with (self.folder / "roster.txt").open("a", encoding="utf-8") as file:
            file.write(text)

    def holders(self) -> set[str]:
        return {name for name, user in self.server.state.users.items() if "Viewer" in user.roles}


@pytest.fixture
def copy(tmp_path: Path) -> Iterator[Copy]:
    copy_with(TOY, "sources", tmp_path)
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
    blocks, toy = blocks_of("adding-a-source.md"), text_of(TOY)
    assert 2 <= len(blocks)
    for block in blocks:
        assert block in toy
