"""config.toml to frozen settings, and the mapping directory to texts.

fields          what tables are made of: paths, secrets by reference, addresses
places          where each key and value of a TOML text stands
source_tables   the tables of sources
daemon_tables   the tables of the daemon: its rhythm, its HTTP, whom it tells
tables          the file as people write it, each key documented
renamed         keys that had another name once
problems        what is wrong with it, in words
load            the file, checked and filled from its defaults
source_settings from the tables of sources to what their adapters take
daemon_settings from the tables of the daemon to its settings
settings        what the rest of syncd sees
reference       docs/configuration.md, made from the tables
"""

from __future__ import annotations

from syncd.config.load import database_of, load, read_config, read_mappings
from syncd.config.settings import (
    ApiToken,
    DaemonSettings,
    DatabaseSettings,
    DeploymentSettings,
    EntraSourceSettings,
    FileSourceSettings,
    HttpSettings,
    OktaSourceSettings,
    Settings,
    SourceSettings,
)

__all__ = [
    "ApiToken",
    "DaemonSettings",
    "DatabaseSettings",
    "DeploymentSettings",
    "EntraSourceSettings",
    "FileSourceSettings",
    "HttpSettings",
    "OktaSourceSettings",
    "Settings",
    "SourceSettings",
    "database_of",
    "load",
    "read_config",
    "read_mappings",
]
