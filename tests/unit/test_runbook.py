"""Every kind of alarm has a section in the runbook, and whatever tells of an alarm leads there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from syncd.alarm_kinds import KINDS, RUNBOOK, runbook

pytestmark = pytest.mark.finding("U-B15")

PROJECT = Path(__file__).parents[2]


def test_every_kind_has_a_section_and_there_is_no_other() -> None:
    page = (PROJECT / RUNBOOK).read_text(encoding="utf-8")

    assert sorted(KINDS) == sorted(re.findall(r"^## (\w+)$", page, re.MULTILINE))


def test_an_alarm_leads_to_its_section_where_people_can_read_it() -> None:
    assert "docs/runbook.md#held" == runbook("held")
    assert "https://wiki.example.com/syncd#held" == runbook("held", "https://wiki.example.com/syncd")
