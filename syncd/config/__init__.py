"""config.toml to frozen settings, and the mapping directory to texts.

places     where each key and value of a TOML text stands
tables     the file as people write it, each key documented
problems   what is wrong with it, in words
load       the file, checked and filled from its defaults
settings   what the rest of syncd sees
reference  docs/configuration.md, made from the tables
"""

from __future__ import annotations

from syncd.config.load import load, read_mappings
from syncd.config.settings import DatabaseSettings, DeploymentSettings, FileSourceSettings, Settings, SourceSettings

__all__ = [
    "DatabaseSettings",
    "DeploymentSettings",
    "FileSourceSettings",
    "Settings",
    "SourceSettings",
    "load",
    "read_mappings",
]
