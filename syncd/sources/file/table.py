"""The table of a directory of files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from syncd.fields import InFolder, SettingsTable
from syncd.sources.table import Domains


@dataclass(frozen=True, slots=True)
class FileSettings:
    """A directory of files with people and groups."""

    directory: Path


class FileSourceTable(SettingsTable):
    """A source of people and groups. `type` says which kind: this is a directory of files.

    Each file has `people` (`login`, and where it is known `id`, `email`, `given_name`, `family_name`, `employee_number`,
    `active`, `department`, `user_type`, `guest`), `groups` (`name`, `members` by login or id, and if it differs `id`), or both;
    all files count as one. JSON is read much faster than YAML, which matters from some thousand people on.
    """

    type: Literal["file"]
    """`file`: YAML or JSON files with `people` and `groups`."""
    directory: InFolder
    """Every `*.yaml`, `*.yml` and `*.json` file in this directory and below is read; one mistake and none is used."""
    email_domains: Domains = ()

    def settings(self) -> FileSettings:
        """Give what the source takes."""
        return FileSettings(self.directory)
