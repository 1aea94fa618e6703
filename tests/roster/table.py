"""The table of a roster."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from syncd.fields import InFolder, SettingsTable, Text
from syncd.sources.table import Domains


@dataclass(frozen=True, slots=True)
class RosterSettings:
    """Where a roster is, and the part of everybody's e-mail address after the "@"."""

    file: Path
    domain: str


class RosterTable(SettingsTable):
    """A roster: a text file that only grows, in which each line says who joins (`+ team anna`) or leaves (`- team anna`)."""

    type: Literal["roster"]
    """`roster`: a text file of joinings and leavings."""
    file: InFolder
    """The file."""
    domain: Text
    """What comes after the "@" in everybody's address."""
    email_domains: Domains = ()

    def settings(self) -> RosterSettings:
        """Give what the source takes."""
        return RosterSettings(self.file, self.domain)
