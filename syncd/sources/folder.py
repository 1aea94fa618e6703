"""Read the files of a directory as they all stood at one moment, or say why that cannot be done.

What is not read is taken for gone, and what is gone loses access; so a directory that is missing, empty, only partly
readable, or changing while it is read is never a smaller answer: it is no answer.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

TRIES = 3
"""So often is a directory read again that changed meanwhile."""

_Look = dict[Path, tuple[int, int, int]]


class FolderUnreadable(Exception):
    """The directory cannot be read whole; the text says why. Callers turn it into an error of their own."""


def read_folder(
    directory: Path, *, suffixes: tuple[str, ...], read: Callable[[Path], bytes] = Path.read_bytes
) -> dict[str, bytes]:
    """Read every file with one of the suffixes, here and below, except under names that start with a dot.

    The names in the result start with the directory's own name and are sorted. Links are followed: a mounted ConfigMap is
    read once, under the names that Kubernetes links to its current version.

    Raises:
        FolderUnreadable: any of it cannot be read, it holds no such file, or it does not stand still.
    """
    for _ in range(TRIES):
        try:
            root = directory.resolve(strict=True)
            before = _look(root, suffixes)
            contents = {f"{directory.name}/{p.relative_to(root).as_posix()}": read(p) for p in sorted(before)}
            if before == _look(root, suffixes):
                return contents
        except OSError as error:
            raise FolderUnreadable(_sentence(error, directory)) from error
    raise FolderUnreadable(f"{directory} changed while it was read, {TRIES} times; it is read again at the next pass")


def _look(root: Path, suffixes: tuple[str, ...]) -> _Look:
    found: _Look = {}
    for path in _files(root):
        if path.name.lower().endswith(suffixes):
            seen = path.stat()
            if not stat.S_ISREG(seen.st_mode):
                raise FolderUnreadable(f"{path} is not a file; take it away or name it differently")
            found[path] = (seen.st_ino, seen.st_size, seen.st_mtime_ns)
    if not found:
        raise FolderUnreadable(f"{root} has no file named {' or '.join(f'*{s}' for s in suffixes)} in it")
    return found


def _files(root: Path) -> Iterator[Path]:
    entered: set[str] = set()
    for folder, below, names in os.walk(root, onerror=_raise, followlinks=True):
        real = os.path.realpath(folder)
        if real in entered:
            raise FolderUnreadable(f"{folder} is a link to a directory that is read already; take it away")
        entered.add(real)
        below[:] = [name for name in below if not name.startswith(".")]
        yield from (Path(folder, name) for name in names if not name.startswith("."))


def _raise(error: OSError) -> None:
    raise error


def _sentence(error: OSError, directory: Path) -> str:
    if isinstance(error, FileNotFoundError) and not directory.exists():
        return f"there is no directory {directory}"
    if isinstance(error, NotADirectoryError):
        return f"{directory} is not a directory"
    return f"{error.filename or directory} cannot be read: {error.strerror}"
