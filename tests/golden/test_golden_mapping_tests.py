"""Every kind of mistake in the tests that stand beside mapping files, with the messages they give, word for word.

SYNCD_GOLDEN=write rewrites those.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from syncd.errors import MappingInvalid
from syncd.mapping.parse import parse
from syncd.mapping.parse_tests import parse_tests
from syncd.targets.airflow.naming import NAMING

BAD = Path(__file__).parent / "mapping" / "bad_tests"


def test_mistakes_give_these_messages() -> None:
    file, expected = BAD / "_tests.yaml", BAD / "_tests.expected"

    files, sources = {"mappings/_tests.yaml": file.read_bytes()}, frozenset({"okta", "people"})
    rules = parse({"m.yaml": b"roles: {reader: {permissions: [can_read on Pools]}}\nbindings: []"}, namings=[NAMING])
    with pytest.raises(MappingInvalid) as caught:
        parse_tests(files, namings=[NAMING], sources=sources, rules=rules)

    if os.environ.get("SYNCD_GOLDEN") == "write":
        expected.write_text(f"{caught.value}\n", encoding="utf-8")
    assert expected.read_text(encoding="utf-8") == f"{caught.value}\n"
    assert all(problem.line and problem.column for problem in caught.value.problems)
    assert set(range(14, 37)) <= {problem.line for problem in caught.value.problems}
