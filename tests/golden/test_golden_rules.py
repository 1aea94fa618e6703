"""The page about metrics shows the alert rules as they are shipped; SYNCD_GOLDEN=write puts them there."""

from __future__ import annotations

import os
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "metrics.md"
RULES = ROOT / "deploy" / "prometheus" / "syncd.rules.yaml"
SHOWN = re.compile(r"(?<=```yaml\n).*?(?=```\n)", re.DOTALL)


def test_the_page_shows_the_rules_of_the_file() -> None:
    page, rules = PAGE.read_text("utf-8"), RULES.read_text("utf-8")
    if os.environ.get("SYNCD_GOLDEN") == "write":
        PAGE.write_text(SHOWN.sub(lambda _: rules, page, count=1), "utf-8")
        page = PAGE.read_text("utf-8")

    assert [rules] == SHOWN.findall(page)
