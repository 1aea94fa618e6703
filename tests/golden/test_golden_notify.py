"""What is posted about alarms, byte for byte. SYNCD_GOLDEN=write rewrites it."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from syncd.notify import Message, Telling
from syncd.notify.webhook import BODIES

GOLDEN = Path(__file__).parent / "notify"
NOON = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
RUNBOOK = "https://wiki.example.com/syncd#"
HELD = Message(
    "held",
    "finance-prod",
    "12 changes are held (too many people lose a role); see them with: syncd plan -d finance-prod",
    firing=True,
    at=NOON + timedelta(seconds=30),
    since=NOON,
    runbook=f"{RUNBOOK}held",
)
DOWN_PAGE = f"{RUNBOOK}unreachable"
DOWN = tuple(
    replace(
        HELD,
        kind="unreachable",
        subject=f"airflow-{number:03}",
        text=f"no answer\nfor {number} s",
        runbook=f"{RUNBOOK}unreachable",
    )
    for number in range(1, 26)
)
SOURCE = replace(HELD, kind="source_failed", subject="okta", text="no answer", runbook=f"{RUNBOOK}source_failed")
FOUR = tuple(replace(each, firing=False, at=NOON + timedelta(minutes=45)) for each in DOWN[:4])
MESSAGES = {
    "held": Telling((HELD,)),
    "held-over": Telling((replace(HELD, firing=False, at=NOON + timedelta(hours=3)),)),
    "source": Telling((SOURCE,)),
    "fleet": Telling((*DOWN, HELD, SOURCE)),
    "four-over": Telling(FOUR, (("unreachable", "airflow-005"), ("unreachable", "airflow-006"))),
}


@pytest.mark.parametrize("form", BODIES)
@pytest.mark.parametrize("name", MESSAGES)
def test_what_a_webhook_gets(name: str, form: str) -> None:
    file = GOLDEN / f"{name}.{form}.json"
    actual = json.dumps(BODIES[form](MESSAGES[name]), indent=2, ensure_ascii=False) + "\n"
    if os.environ.get("SYNCD_GOLDEN") == "write":
        file.write_text(actual, encoding="utf-8")

    assert file.read_text(encoding="utf-8") == actual


def test_no_golden_file_is_left_over() -> None:
    assert {f"{name}.{form}.json" for name in MESSAGES for form in BODIES} == {each.name for each in GOLDEN.iterdir()}
