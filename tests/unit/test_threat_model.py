"""Each claim of the threat model names tests, and they are there."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/threat-model.md").read_text(encoding="utf-8")
NAMED = re.compile(r"`(tests/[a-z_/]+\.py)(?:::(\w+))?`")


@cache
def named_in(file: str) -> frozenset[str]:
    nodes = ast.walk(ast.parse((ROOT / file).read_text(encoding="utf-8")))
    own = {node.name for node in nodes if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}
    return frozenset(own)


def claims() -> list[str]:
    """Give the rows of tables whose head says `shown by`."""
    rows, is_claim = [], False
    for line in PAGE.splitlines():
        if "shown by |" in line:
            is_claim = True
        elif not line.startswith("|"):
            is_claim = False
        elif is_claim and not line.startswith("|---"):
            rows.append(line)
    return rows


def test_every_claim_names_a_test() -> None:
    assert len(claims()) > 30
    assert [] == [row for row in claims() if not NAMED.search(row)]


def test_every_test_that_is_named_is_there() -> None:
    named = NAMED.findall(PAGE)
    assert len(named) > 40
    assert [] == [file for file, _ in named if not (ROOT / file).is_file()]
    assert [] == [(file, test) for file, test in named if test and test not in named_in(file)]
    assert [] == [file for file, _ in named if not named_in(file)]


def test_each_party_of_the_outline_is_there() -> None:
    heads = re.findall(r"^## (.+)$", PAGE, re.MULTILINE)
    for party in (
        "mapping",
        "group",
        "profile",
        "deployment",
        "provider",
        "HTTP API",
        "reads the database",
        "writes to",
    ):
        assert [head for head in heads if party in head], party
