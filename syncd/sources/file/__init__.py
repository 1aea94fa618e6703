"""A directory of YAML or JSON files as a source of people and groups."""

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from syncd.lazy import exports
from syncd.model import Attribute, CheckResult
from syncd.sources.file.table import FileSettings, FileSourceTable
from syncd.sources.kind import SourceKind, SourceSurroundings

if TYPE_CHECKING:
    from syncd.sources.file.source import FileSource
else:
    __getattr__ = exports(__name__, {"FileSource": "source"})


def _open(name: str, settings: FileSettings, around: SourceSurroundings) -> "FileSource":
    from syncd.sources.file.source import FileSource

    return FileSource(name, settings.directory, now=around.now, everyone=around.everyone)


def _examine(name: str, settings: FileSettings, now: Callable[[], datetime]) -> tuple[CheckResult, ...]:
    from syncd.sources.file.source import examine

    return examine(name, settings, now)


KIND = SourceKind(
    name="file",
    table=FileSourceTable,
    open=_open,
    examine=_examine,
    attributes=frozenset({Attribute.DEPARTMENT, Attribute.USER_TYPE, Attribute.GUEST}),
)

__all__ = ["KIND", "FileSettings", "FileSource"]
