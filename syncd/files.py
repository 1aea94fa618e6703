"""Read a file that a person named: a regular one, whole, and never more of it than a bound allows; and write one whole.

A pipe would be waited for and a device has no end, so neither is opened to be read; what is larger than anybody writes is
refused before anything is made of it.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import Final

KIB: Final = 1024
MIB: Final = 1024 * KIB


class FileRefused(OSError):
    """The file is not read, because of what it is or how large it is; `strerror` says so."""


def read_file(path: Path, *, largest: int) -> bytes:
    """Read a regular file of at most `largest` bytes.

    Raises:
        OSError: it cannot be read; FileRefused: it is no regular file, or larger.
    """
    _regular(path, path.stat())
    # without O_NONBLOCK the opening of a pipe that took the file's place just now would wait
    with open(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), "rb") as file:
        _regular(path, os.fstat(file.fileno()))
        content = file.read(largest + 1)
    if len(content) > largest:
        raise FileRefused(errno.EFBIG, too_large(largest), str(path))
    return content


def write_file(path: Path, content: bytes, *, mode: int = 0o600, lasting: bool = False) -> None:
    """Write all of a file or nothing, for its owner alone unless `mode` says more; what is there is replaced, a link too.

    `lasting`: it is on the disk before it has its name, so that after a loss of power it is whole, or the one of before.

    Raises:
        OSError: it cannot be written; what was there is as before.
    """
    part = path.parent / f".syncd.{os.getpid()}.part"
    try:
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as out:
            out.write(content)
            if lasting:
                out.flush()
                os.fsync(out.fileno())
        part.replace(path)
    except OSError:
        with suppress(OSError):  # the part is not there where it could not be made
            part.unlink()
        raise


def too_large(largest: int) -> str:
    """Say that a file is larger than it may be."""
    return f"it is larger than {shown(largest)}, which is the most that is read"


def shown(size: int) -> str:
    """Write a number of bytes for people."""
    return f"{size // MIB} MiB" if size >= MIB else f"{size // KIB} KiB" if size >= KIB else f"{size} bytes"


def _regular(path: Path, seen: os.stat_result) -> None:
    if stat.S_ISDIR(seen.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(seen.st_mode):
        raise FileRefused(errno.EINVAL, "it is not a regular file but a pipe, a socket or a device", str(path))
