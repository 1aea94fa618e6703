"""The commands by name, in the order of the help, each loaded when somebody asks for it.

Who lets an editor check three files does not pay for sixteen other commands and the reading of their options.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

import typer

_MODULES = {
    "init": "init",
    "check": "check",
    "plan": "plan",
    "apply": "apply",
    "run": "daemon",
    "reconcile": "reconcile",
    "approve": "approve",
    "hold": "hold",
    "pause": "pause",
    "pauses": "pauses",
    "resume": "resume",
    "rollback": "rollback",
    "rollout": "rollout",
    "grant": "grant",
    "status": "status",
    "alarms": "alarms",
    "audit": "audit",
    "explain": "explain",
    "who": "who",
    "diff": "diff",
    "whatif": "whatif",
    "doctor": "doctor",
    "accept-group": "accept_group",
    "accept-person": "accept_person",
    "accept-role": "accept_role",
    "accept-server": "accept_server",
    "adopt": "adopt",
    "demo": "demo",
    "snapshot": "snapshot",
    "db": "db",
    "recover": "recover",
    "schema": "schema",
}
"""The module of each command. In it, a function has the name of the command; one that has commands itself is called `group`."""


class Commands(Mapping[str, Any]):
    """Gives a command by its name, as typer makes it."""

    def __init__(self) -> None:
        self._made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._made:
            self._made[name] = _command(name, _MODULES[name])
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(_MODULES)

    def __len__(self) -> int:
        return len(_MODULES)


def _command(name: str, module: str) -> Any:
    home = import_module(f"syncd.cli.{module}")
    if hasattr(home, "group"):
        return typer.main.get_group(home.group)
    function = getattr(home, name.replace("-", "_"))
    alone = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    # said here, the first paragraph is folded in the list of commands, and not cut
    alone.command(name, short_help=" ".join((function.__doc__ or "").split("\n\n")[0].split()))(function)
    return typer.main.get_command(alone)
