"""What is remembered of the database outside of it: in this process, and in a file beside it.

A database cannot say of itself that it is an older copy. So each piece of work of consequence leaves a number and a word of
chance in it, and the last of them here; see `installation`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import Final

from syncd.errors import StoreError
from syncd.files import read_file, write_file
from syncd.store import codec

_LARGEST: Final = 4096
_SAYS: Final = "What syncd remembers of its database, to notice an older copy or another one. See docs/recovery.md."


@dataclass(frozen=True, slots=True)
class Remembered:
    """How a database stood: its id, the number and the word of its last mark, and when, by its own clock."""

    installation: str
    number: int
    word: str
    at: datetime


class Witness:
    """Remembers for this process, and with a file for all that come after it. Threads may share it."""

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._own: Remembered | None = None
        self._lock = Lock()
        self.trouble = ""
        """Why the file could not be written the last time; empty: it was."""

    def remembered(self) -> tuple[Remembered, ...]:
        """Give what is remembered, here and in the file.

        Raises:
            StoreError: the file cannot be read.
        """
        found = self._read(self._file) if self._file is not None else None
        return tuple(dict.fromkeys(each for each in (self._own, found) if each is not None))

    def remember(self, now: Remembered) -> None:
        """Remember how the database stands now, unless another thread remembered what came later.

        Where the file cannot be written this process remembers it all the same, and `trouble` says why: what the file has is
        older then, and true.
        """
        with self._lock:
            known = self._own
            if known is not None and known.installation == now.installation and known.number > now.number:
                return
            self._own = now
            if self._file is not None and (known is None or known != now):
                self._write(self._file, now)

    def _write(self, file: Path, now: Remembered) -> None:
        body = codec.dumps({"v": codec.VERSION, "about": _SAYS, **asdict(now), "at": now.at.isoformat()})
        try:
            write_file(file, body.encode() + b"\n", lasting=True)
            self.trouble = ""
        except OSError as error:
            self.trouble = f"{file}: it cannot be written: {error.strerror or error}"

    def _read(self, file: Path) -> Remembered | None:
        try:
            return _from(read_file(file, largest=_LARGEST))
        except FileNotFoundError:
            return None
        except (OSError, StoreError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is none that syncd wrote"
            raise StoreError(f"{file}: what is remembered of the database cannot be read: {why}") from error


@codec.reader("what is remembered of the database")
def _from(content: bytes) -> Remembered:
    body = codec.versioned(codec.loads(content), "about", "installation", "number", "word", "at")
    installation, number, word = body["installation"], body["number"], body["word"]
    if not (isinstance(installation, str) and isinstance(word, str) and type(number) is int and number >= 0):
        raise ValueError("no id, number and word")
    return Remembered(installation, number, word, codec.time_from(body["at"]))
