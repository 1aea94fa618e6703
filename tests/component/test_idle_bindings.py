"""A binding that reaches no deployment is told: most often its label is mistyped, and nothing else would show it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from small_site import written

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
MAPPING = """\
bindings:
- {group: 'people:crew', roles: [Viewer], deployments: {env: prod}}
- {group: 'people:crew', roles: [Op], deployments: {env: prd}, privileged: true}
"""
SAID = (
    "mappings/m.yaml:3: this binding gives nobody anything: "
    'no deployment has the label env with "prd"; did you mean "prod"?'
)


@pytest.fixture
def config(tmp_path: Path) -> str:
    return str(written(tmp_path, config=CONFIG, mapping=MAPPING) / "config.toml")


@pytest.mark.finding("U-B3")
def test_check_tells_of_a_binding_that_reaches_no_deployment(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert 0 == run(["--config", config, "check"])

    assert [f"note: {SAID}"] == [line for line in capsys.readouterr().out.splitlines() if "m.yaml" in line]


@pytest.mark.finding("U-B3")
def test_a_strict_check_takes_it_for_a_mistake(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert 3 == run(["--config", config, "check", "--strict"])

    assert ("", f"{SAID}\n") == tuple(capsys.readouterr())


def test_a_strict_check_of_sound_files_ends_well(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    mapping = Path(config).parent / "mappings" / "m.yaml"
    mapping.write_text(mapping.read_text(encoding="utf-8").replace("prd", "test"), encoding="utf-8")

    assert (0, "") == (run(["--config", config, "check", "--strict"]), capsys.readouterr().err)


@pytest.mark.finding("U-B3")
@pytest.mark.parametrize("verb", ["plan", "apply"])
@pytest.mark.parametrize("only", [[], ["--deployment", "test"]])
def test_a_pass_tells_of_it_whichever_deployments_are_asked_for(
    config: str, capsys: pytest.CaptureFixture[str], only: list[str], verb: str
) -> None:
    run(["--config", config, verb, "-o", "json", *only])

    notes = json.loads(capsys.readouterr().out)["notes"]
    assert [{"code": "binding_reaches_nothing", "text": SAID}] == notes
