"""config.toml to frozen settings, and the mapping directory to texts.

daemon_tables   the tables of the daemon: its rhythm, its HTTP
notify_tables   the tables of whom it tells of alarms
tables          the file as people write it, each key documented; kinds of source and target bring their own
sections        every table with the path that it has in the file
renamed         keys that had another name once
problems        what is wrong with it, in words
load            the file, checked and filled from its defaults
daemon_settings from the tables of the daemon to its settings
settings        what the rest of syncd sees
reference       docs/configuration.md, made from the tables
"""

from __future__ import annotations

from syncd.config.load import MAPPING_FILES, database_of, load, read_config, read_mappings
from syncd.config.settings import (
    ApiToken,
    DaemonSettings,
    DatabaseSettings,
    DeploymentSettings,
    HttpSettings,
    Settings,
    SourceSettings,
)

__all__ = [
    "MAPPING_FILES",
    "ApiToken",
    "DaemonSettings",
    "DatabaseSettings",
    "DeploymentSettings",
    "HttpSettings",
    "Settings",
    "SourceSettings",
    "database_of",
    "load",
    "read_config",
    "read_mappings",
]
