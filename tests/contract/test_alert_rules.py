"""The alert rules that are shipped: well formed, about series that a daemon serves, and firing at the first failure.

What promtool says of them counts where it is installed (Debian: `prometheus`); the rest is looked at here.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from ruamel.yaml import YAML

from syncd.control import DaemonState, DeploymentHealth, DeploymentState, SourceState
from syncd.daemon.figures import JournalHead
from syncd.daemon.metrics import Metrics

RULES = Path(__file__).parents[2] / "deploy" / "prometheus" / "syncd.rules.yaml"
CASES = Path(__file__).parent / "alert_rules.test.yaml"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
STATE = DaemonState(
    replica="a",
    replicas=("a",),
    started_at=NOW,
    config_at=NOW,
    config_error="",
    database_error="",
    stopping=False,
    sources=(SourceState("okta", NOW, NOW, None),),
    deployments=(DeploymentState("prod", DeploymentHealth.OK, enforce=True),),
    alarms=(),
)
WORDS = frozenset(["by", "le", "sum", "min", "max", "rate", "increase", "absent", "histogram_quantile"])


def served() -> dict[str, set[str]]:
    """Give the labels of each series that a daemon serves before anything happened."""
    text = Metrics(clock=lambda: NOW).render(STATE, journal_head=JournalHead(1, 0)).decode()
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


def rules(path: Path) -> list[dict[str, Any]]:
    return [rule for group in YAML(typ="safe").load(path)["groups"] for rule in group["rules"]]


def complaints(path: Path) -> list[str]:
    """Say what is wrong with rules."""
    told = [f"{rule.get('alert')}: {what}" for rule in rules(path) for what in _complaints(rule)]
    if promtool := shutil.which("promtool"):
        done = subprocess.run([promtool, "check", "rules", path], capture_output=True, text=True, timeout=60)
        told += [done.stderr] if done.returncode else []
    return told


def _complaints(rule: dict[str, Any]) -> Iterator[str]:
    expression = rule["expr"]
    known = served()
    named = set(re.findall(r"syncd_[a-z_]+", expression))
    labels = set().union(*(known.get(name, set()) for name in named))
    if not named or named - known.keys():
        yield f"no such series: {sorted(named - known.keys())}"
    grouped = ",".join(re.findall(r"by \(([^)]*)\)", expression)).replace(" ", "").split(",")
    matched = re.findall(r"[{,](\w+)(?:=|!=|=~|!~)\"", expression)
    if strange := {*grouped, *matched} - {""} - labels:
        yield f"no such label: {sorted(strange)}"
    rest = re.sub(r'"[^"]*"|\{[^}]*\}|\[\d+[smhd]\]|syncd_[a-z_]+|by \([^)]*\)', " ", expression)
    if strange := set(re.findall(r"[a-z_]+", rest)) - WORDS:
        yield f"no such word: {sorted(strange)}"
    if any(expression.count(left) != expression.count(right) for left, right in ("()", "[]", "{}")):
        yield "a bracket is not closed"
    if not re.fullmatch(r"\d+[smhd]", rule.get("for", "0s")):
        yield "`for` is no span"
    if {"severity"} != set(rule["labels"]) or {"summary"} != set(rule["annotations"]):
        yield "severity or summary is missing"
    used = set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"]))
    if used - set(grouped):
        yield f"the summary names a label that is not there: {sorted(used - set(grouped))}"


def test_nothing_is_wrong_with_the_rules() -> None:
    assert [] == complaints(RULES)
    assert 9 == len({rule["alert"] for rule in rules(RULES)})


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("syncd_database_up", "syncd_database_ups"),
        ("min by (source)", "min by (sauce)"),
        ("outcome=~", "outcomes=~"),
        ("increase(syncd_notifications", "icrease(syncd_notifications"),
        ("[1h]) > 0", "[1h] > 0"),
        ("for: 30m", "for: soon"),
        ("$labels.source", "$labels.deployment"),
        ("labels: {severity: critical}", "labels: {}"),
    ],
)
def test_what_is_wrong_with_rules_is_found(tmp_path: Path, right: str, wrong: str) -> None:
    text = RULES.read_text("utf-8")
    assert right in text
    (tmp_path / "rules.yaml").write_text(text.replace(right, wrong, 1), "utf-8")

    assert [] != complaints(tmp_path / "rules.yaml")


@pytest.mark.finding("I-F5")
def test_every_series_that_an_alert_counts_is_there_before_it_counts() -> None:
    assert [] == [
        name for rule in rules(RULES) for name in re.findall(r"syncd_[a-z_]+", rule["expr"]) if name not in served()
    ]


@pytest.mark.finding("I-F5")
def test_promtool_sees_the_first_failure_fire_where_it_is_installed(tmp_path: Path) -> None:
    cases = YAML(typ="safe").load(CASES)
    alerts = {test["alertname"] for case in cases["tests"] for test in case["alert_rule_test"]}
    assert {"SyncdChangesFail"} <= alerts <= {rule["alert"] for rule in rules(RULES)}
    if promtool := shutil.which("promtool"):
        (tmp_path / "cases.yaml").write_text(CASES.read_text("utf-8").replace("RULES", str(RULES)), "utf-8")
        done = subprocess.run(
            [promtool, "test", "rules", tmp_path / "cases.yaml"], capture_output=True, text=True, timeout=60
        )
        assert 0 == done.returncode, done.stdout + done.stderr
