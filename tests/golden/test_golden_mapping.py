"""Every kind of mistake in a mapping file, with the messages it gives, word for word.

A case is `bad/<case>.yaml`, `bad/<case>.1.yaml` and so on for several files, or a folder `bad/<case>/` of them; the messages
are in `bad/<case>.expected`.
SYNCD_GOLDEN=write rewrites those.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from syncd.errors import MappingInvalid
from syncd.mapping.parse import parse
from syncd.targets.airflow.naming import NAMING

BAD = Path(__file__).parent / "mapping" / "bad"
CASES = sorted({path.name.partition(".")[0] for path in BAD.iterdir()})


@pytest.mark.parametrize("case", CASES)
def test_a_mistake_gives_these_messages(case: str) -> None:
    expected = BAD / f"{case}.expected"
    paths = [path for path in BAD.rglob("*.yaml") if re.match(rf"{case}(/|\.(\d\.)?yaml$)", f"{path.relative_to(BAD)}")]
    files = {f"mappings/{path.relative_to(BAD)}": path.read_bytes() for path in paths}

    with pytest.raises(MappingInvalid) as caught:
        parse(files, sources=frozenset({"people", "okta"}), namings=[NAMING])

    if os.environ.get("SYNCD_GOLDEN") == "write":
        expected.write_text(f"{caught.value}\n", encoding="utf-8")
    assert expected.read_text(encoding="utf-8") == f"{caught.value}\n"
    assert all(problem.line and problem.column for problem in caught.value.problems)
    assert 3 == caught.value.exit_code
