"""A toy: a text file of who joins and leaves which team, line by line, as a source of people and groups.

docs/adding-a-source.md shows it. It is made as a package of `syncd/sources` is; the tests put it there, in a copy.
"""

from syncd.sources.kind import SourceKind

from .source import RosterSource, examine
from .table import RosterSettings, RosterTable

KIND = SourceKind(name="roster", table=RosterTable, open=RosterSource, examine=examine)

__all__ = ["KIND", "RosterSettings", "RosterSource"]
