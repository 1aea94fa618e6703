"""Packages that load a module of theirs when somebody asks for what is in it.

A command that reads three small files is started by editors and before each commit: what it does not use it must not import.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from types import ModuleType
from typing import Any, Final


def exports(package: str, homes: Mapping[str, str]) -> Callable[[str], Any]:
    """Make the `__getattr__` of a package; `homes` says in which of its modules each name is."""

    def give(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(f"{package}.{homes[name]}"), name)

    return give


_LOADER: Final = "pydantic.plugin._loader"


def look_for_no_plugins() -> None:
    """Keep pydantic from looking for plugins of its own in whatever packages are installed, before it makes its first table.

    The search is a twentieth of a short command, and a plugin would see all that a configuration has. Where a later pydantic
    has no such module, it searches again. Source: `pydantic/plugin/_schema_validator.py` of 2.14.
    """
    loader = ModuleType(_LOADER)
    setattr(loader, "get_plugins", tuple)  # noqa: B010 - no module has it for mypy
    sys.modules.setdefault(_LOADER, loader)
