"""A directory of YAML or JSON files as a source of people and groups."""

from syncd.sources.file.source import FileSource, examine
from syncd.sources.file.table import FileSettings, FileSourceTable
from syncd.sources.kind import SourceKind

KIND = SourceKind(
    name="file",
    table=FileSourceTable,
    open=lambda name, settings, around: FileSource(name, settings.directory, now=around.now),
    examine=examine,
)

__all__ = ["KIND", "FileSettings", "FileSource"]
