"""Every kind of mistake in config.toml, with the messages it gives, word for word; and the page made from the tables.

A case is `bad/<case>.toml` with its messages in `bad/<case>.expected`. SYNCD_GOLDEN=write rewrites those and the page.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from syncd.config import load
from syncd.config.reference import reference
from syncd.errors import ConfigInvalid

BAD = Path(__file__).parent / "config" / "bad"
CASES = sorted(path.stem for path in BAD.glob("*.toml"))
PAGE = Path(__file__).parents[2] / "docs" / "configuration.md"


def golden(file: Path, actual: str) -> str:
    """Give what the file says, after writing it where that is asked for."""
    if os.environ.get("SYNCD_GOLDEN") == "write":
        file.write_text(actual, encoding="utf-8")
    return file.read_text(encoding="utf-8")


@pytest.mark.parametrize("case", CASES)
def test_a_mistake_gives_these_messages(case: str) -> None:
    with pytest.raises(ConfigInvalid) as caught:
        load(BAD / f"{case}.toml")

    said = f"{caught.value}\n".replace(f"{BAD}/", "").replace(str(BAD), ".")
    assert golden(BAD / f"{case}.expected", said) == said
    assert 3 == caught.value.exit_code
    assert "hunter2" not in said


def test_the_page_about_the_configuration_is_current() -> None:
    assert golden(PAGE, reference()) == reference()
