"""Files with secrets, and the database, that everybody on this machine may read."""

from __future__ import annotations

import stat
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from syncd.model import CheckResult

if TYPE_CHECKING:
    from syncd.config import Settings
    from syncd.http.secrets import Secret


def exposed(settings: Settings) -> Iterator[CheckResult]:
    """Name each of them; it is a note, because who may enter the folder is not looked at."""
    wanted = {Path(one.place[0]) for one in _secrets(settings) if one.kind == "file"}
    database = settings.database.url.removeprefix("sqlite:///").partition("?")[0]
    places = [("secret", path) for path in sorted(wanted)]
    places += [("database", Path(database))] if database != settings.database.url else []
    for subject, path in places:
        if mode := _open_to_all(path):
            told = f"everybody on this machine may read {path} (mode {mode:04o}): chmod 600"
            yield CheckResult(subject, "for its owner only", None, told)


def _secrets(value: object) -> Iterator[Secret]:
    """Find every secret inside of frozen values."""
    from syncd.http.secrets import Secret

    match value:
        case Secret():
            yield value
        case Mapping():
            yield from _secrets(tuple(value.values()))
        case tuple():
            for item in value:
                yield from _secrets(item)
        case _ if is_dataclass(value):
            yield from _secrets(tuple(getattr(value, field.name) for field in fields(value)))
        case _:
            pass


def _open_to_all(path: Path) -> int:
    """Give the mode of a file that everybody may read, else 0; one that cannot be looked at is told of elsewhere."""
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return 0
    return mode if mode & stat.S_IROTH else 0
