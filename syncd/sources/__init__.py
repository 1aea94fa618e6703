"""Where people and groups come from: one package for each kind of source, and the table of them."""

from collections.abc import Mapping
from typing import Final

from syncd.sources.entra import KIND as ENTRA
from syncd.sources.file import KIND as FILE
from syncd.sources.kind import SourceKind
from syncd.sources.okta import KIND as OKTA

SOURCES: Final[Mapping[str, SourceKind]] = {kind.name: kind for kind in (FILE, OKTA, ENTRA)}
"""Every kind of source, by the `type` of its table, in the order of the reference."""
