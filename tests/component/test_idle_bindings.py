"""A binding that reaches no deployment is told: most often its label is mistyped, and nothing else would show it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from syncd.cli import run

CONFIG = """
[sources.people]
type = "file"
directory = "people"
[deployments.prod]
url = "http://127.0.0.1:9"
labels = {env = "prod"}
auth = {kind = "basic", username = "admin", password = {env = "SYNCD_TEST_NOT_SET"}}
[deployments.test]
url = "http://127.0.0.1:10"
labels = {env = "test"}
auth = {kind = "basic", username = "admin", password = {env = "SYNCD_TEST_NOT_SET"}}
"""
SAID = (
    "mappings/m.yaml:3: no deployment has the labels of this binding, so it gives nobody anything; correct the labels"
)


@pytest.fixture
def config(tmp_path: Path) -> str:
    for name, text in {
        "config.toml": CONFIG,
        "people/p.yaml": "people: [{login: anna}]\ngroups: [{name: crew, members: [anna]}]\n",
        "mappings/m.yaml": "bindings:\n- {group: 'people:crew', roles: [Viewer], deployments: {env: prod}}\n"
        "- {group: 'people:crew', roles: [Op], deployments: {env: prd}}\n",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return str(tmp_path / "config.toml")


@pytest.mark.finding("U-B3")
def test_check_tells_of_a_binding_that_reaches_no_deployment(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert 0 == run(["--config", config, "check"])

    assert [f"note: {SAID}"] == [line for line in capsys.readouterr().out.splitlines() if "m.yaml" in line]


@pytest.mark.finding("U-B3")
@pytest.mark.parametrize("only", [[], ["--deployment", "test"]])
def test_plan_tells_of_it_whichever_deployments_are_asked_for(
    config: str, capsys: pytest.CaptureFixture[str], only: list[str]
) -> None:
    run(["--config", config, "plan", "-o", "json", *only])

    notes = json.loads(capsys.readouterr().out)["notes"]
    assert [{"code": "binding_reaches_nothing", "text": SAID}] == notes
