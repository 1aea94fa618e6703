"""The table of a sheet."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from syncd.fields import InFolder
from syncd.model import Naming
from syncd.targets.table import DeploymentTable

from .naming import SheetNaming


@dataclass(frozen=True, slots=True)
class SheetSettings:
    """Where a sheet is."""

    file: Path

    @property
    def address(self) -> str:
        return f"file://{self.file}"


class SheetTable(DeploymentTable):
    """A sheet: one file of people and roles."""

    naming: ClassVar[Naming] = SheetNaming()
    address_key: ClassVar[str] = "file"

    type: Literal["sheet"]
    """`sheet`: one file of people and roles."""
    file: InFolder
    """The file, which has to be there."""

    def settings(self) -> SheetSettings:
        """Give where it is."""
        return SheetSettings(self.file)
