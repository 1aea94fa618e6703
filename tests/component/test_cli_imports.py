"""What a command does not use it does not import: `check` runs in editors and before each commit."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import syncd.store
from syncd.cli.commands import Commands

CHECKED = Path(__file__).parents[1] / "golden" / "cli" / "check" / "sound" / "config.toml"
SERVERS_AND_TERMINALS = {
    "requests",
    "urllib3",
    "aiohttp",
    "okta",
    "msal",
    "smtplib",
    "ssl",
    "rich",
    "starlette",
    "uvicorn",
    "sandbox",
    *("email", "zipfile"),  # by pydantic's search for plugins
}
DATABASE_AND_PASSES = {
    "sqlalchemy",
    "alembic",
    "apscheduler",
    "structlog",
    "prometheus_client",
    "asyncio",
    "concurrent",
}
OURS = {"store", "reconcile", "daemon", "web", "log"}
UNUSUAL_YAML = {"ruamel"}
FILES = {"pydantic", "yaml", "config", "model", "mapping", "sources", "targets", "directory", "plan"}
NOT_FOR = {
    "--help": {*SERVERS_AND_TERMINALS, *DATABASE_AND_PASSES, *OURS, *FILES, *UNUSUAL_YAML},
    "check": {*SERVERS_AND_TERMINALS, *DATABASE_AND_PASSES, *OURS, *UNUSUAL_YAML, "tempfile"},
}


NOT_FOR_CHECK = {
    *("syncd.plan.guard", "syncd.plan.approval", "syncd.render.alike", "syncd.render.change", "syncd.render.view"),
    *("syncd.targets.airflow.describe", "syncd.targets.airflow.leak", "syncd.targets.airflow.mirror"),
    *("syncd.mapping.parse_tests", "syncd.model.mapping_tests", "syncd.access.verdicts"),
}
"""What limits and shows changes, what is said of a server, and what tests of mapping files are, where there are none."""

NO_PLUGINS = "pydantic.plugin._loader"
"""Stands in sys.modules without pydantic, so that it looks for none."""


def modules_after(command: str) -> list[str]:
    """Name all that is imported once a command has ended well."""
    asked = (
        "import sys; from syncd.cli import run; sys.stdout = sys.stderr; "
        f"code = run(['--config', {str(CHECKED)!r}, {command!r}]); print(code, *sys.modules, file=sys.__stdout__)"
    )
    ran = subprocess.run([sys.executable, "-c", asked], check=True, capture_output=True, text=True)
    code, *modules = ran.stdout.split()
    assert "0" == code
    return [name for name in modules if name != NO_PLUGINS]


def test_a_command_does_without_the_others() -> None:
    ours = {name.removeprefix("syncd.cli.") for name in modules_after("check")}

    assert {"check"} == ours & {name.replace("-", "_") for name in Commands()}


def test_check_imports_nothing_of_changes_and_servers() -> None:
    assert set() == NOT_FOR_CHECK & set(modules_after("check"))


@pytest.mark.parametrize("command", NOT_FOR)
def test_a_command_imports_what_it_uses(command: str) -> None:
    modules = modules_after(command)

    loaded = {part for name in modules for part in (name.removeprefix("syncd.").partition(".")[0],)}
    assert set() == loaded & NOT_FOR[command]
    assert {"typer", "cli"} <= loaded


def test_a_package_gives_what_it_has_and_nothing_else() -> None:
    assert "syncd.store.stores" == syncd.store.Stores.__module__
    with pytest.raises(AttributeError, match=r"module 'syncd.store' has no attribute 'Shelves'"):
        syncd.store.Shelves  # type: ignore[attr-defined]  # noqa: B018
