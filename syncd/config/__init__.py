"""config.toml to frozen settings, and the mapping directory to texts.

fields          what tables are made of: paths, secrets by reference, addresses
places          where each key and value of a TOML text stands
source_tables   the tables of sources
tables          the file as people write it, each key documented
problems        what is wrong with it, in words
load            the file, checked and filled from its defaults
source_settings from the tables of sources to what their adapters take
settings        what the rest of syncd sees
reference       docs/configuration.md, made from the tables
"""

from __future__ import annotations

from syncd.config.load import load, read_mappings
from syncd.config.settings import (
    DatabaseSettings,
    DeploymentSettings,
    EntraSourceSettings,
    FileSourceSettings,
    OktaSourceSettings,
    Settings,
    SourceSettings,
)

__all__ = [
    "DatabaseSettings",
    "DeploymentSettings",
    "EntraSourceSettings",
    "FileSourceSettings",
    "OktaSourceSettings",
    "Settings",
    "SourceSettings",
    "load",
    "read_mappings",
]
