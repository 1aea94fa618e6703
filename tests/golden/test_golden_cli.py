"""What `--help` and `check` say, word for word. SYNCD_GOLDEN=write rewrites it."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from syncd.cli import run

GOLDEN = Path(__file__).parent / "cli"
COMMANDS = (
    *(
        "init",
        "check",
        "plan",
        "apply",
        "run",
        "reconcile",
        "approve",
        "hold",
        "hold list",
        "hold show",
        "hold approve",
        "hold reject",
        "hold reopen",
        "pause",
        "pauses",
        "resume",
        "rollback",
        "rollout",
        "rollout resume",
        "rollout skip",
        "grant",
        "grant give",
        "grant list",
        "grant show",
        "grant approve",
        "grant revoke",
        "status",
        "alarms",
        "alarms ack",
        "alarms silence",
        "alarms unsilence",
        "audit",
        "audit verify",
        "audit export",
        "audit keygen",
        "audit prune",
        "explain",
        "who",
        "snapshot",
        "snapshot export",
        "db",
        "db backup",
        "db check",
        "db upgrade",
        "recover",
        "schema",
        "diff",
        "doctor",
        "accept-group",
        "accept-person",
        "accept-role",
        "accept-server",
        "adopt",
    ),
    "demo",
)
CHECKS = sorted(path.name for path in (GOLDEN / "check").iterdir() if path.is_dir())


def golden(name: str, actual: str) -> str:
    file = GOLDEN / name
    if os.environ.get("SYNCD_GOLDEN") == "write":
        file.write_text(actual, encoding="utf-8")
    return file.read_text(encoding="utf-8")


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help(command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")

    assert 0 == run([*command.split(), "--help"])

    said = capsys.readouterr().out
    assert golden(f"help{'-' if command else ''}{command.replace(' ', '-')}.txt", said) == said
    assert max(len(line) for line in said.splitlines()) <= 100


@pytest.mark.parametrize("case", CHECKS)
def test_check(case: str, capsys: pytest.CaptureFixture[str]) -> None:
    code = run(["--config", str(GOLDEN / "check" / case / "config.toml"), "check"])

    out, err = capsys.readouterr()
    said = f"exit code {code}\n--- standard output\n{out}--- standard error\n{err}".replace(
        f"{GOLDEN}/check/{case}/", ""
    )
    assert golden(f"check-{case}.txt", said) == said


def test_every_command_and_option_is_in_the_page() -> None:
    page = (Path(__file__).parents[2] / "docs" / "cli.md").read_text(encoding="utf-8")
    said = [(row.partition(" | ")[0], row) for row in page.splitlines() if row.startswith("| `")]

    missing = [command for command in COMMANDS if not any(first.startswith(f"| `{command}") for first, _ in said)]
    for command in COMMANDS:
        offered = re.findall(
            r"^ +.*?(--[a-z-]+)", (GOLDEN / f"help-{command.replace(' ', '-')}.txt").read_text("utf-8"), re.M
        )
        for option in sorted(set(offered) - {"--help"}):
            named = re.compile(rf"`[^`]*{option}\b")
            if not any(named.search(row) and f"`{command}" in row for _, row in said):
                missing.append(f"{command} {option}")

    assert [] == missing
