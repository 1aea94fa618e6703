"""Read the files of a directory as they all stood at one moment, or say why that cannot be done.

What is not read is taken for gone, and what is gone loses access; so a directory that is missing, empty, only partly
readable, or changing while it is read is never a smaller answer: it is no answer.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from syncd.files import read_file, shown, too_large

TRIES = 3
"""So often is a directory read again that changed meanwhile."""

_Look = dict[Path, tuple[int, int, int]]


class FolderUnreadable(Exception):
    """The directory cannot be read whole; the text says why. Callers turn it into an error of their own."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which files of a directory are read, and how large they may be."""

    largest: Mapping[str, int]
    """For each suffix of a name, in lower case: the most bytes that one such file may have."""
    together: int
    """The most bytes that all of them may have."""
    misnamed: Mapping[str, str] = field(default_factory=dict)
    """Beginnings of names, in lower case, that a file which is not read must not have before its suffix: what to write there."""

    def most(self, path: Path) -> int | None:
        """Give the most bytes that a file may have; None: it is not read."""
        name = path.name.lower()
        return next((most for suffix, most in self.largest.items() if name.endswith(suffix)), None)

    def problem(self, path: Path) -> str:
        """Say what is wrong with the name of a file that is not read; empty: nothing."""
        advice = self.misnamed.get(path.name.lower().partition(".")[0]) if self.most(path) is None else None
        return f"{path} would not be read under this name; {advice}" if advice else ""


def read_folder(directory: Path, wanted: Wanted, *, read: Callable[[Path], bytes] | None = None) -> dict[str, bytes]:
    """Read every wanted file, here and below, except under names that start with a dot.

    The names in the result start with the directory's own name and are sorted. Links are followed: a mounted ConfigMap is
    read once, under the names that Kubernetes links to its current version.

    Raises:
        FolderUnreadable: any of it cannot be read, it holds no such file, it is too large, or it does not stand still.
    """
    read = read or partial(read_file, largest=max(wanted.largest.values()))
    for _ in range(TRIES):
        try:
            root = directory.resolve(strict=True)
            before = _look(root, wanted)
            contents = {f"{directory.name}/{p.relative_to(root).as_posix()}": read(p) for p in sorted(before)}
            if before == _look(root, wanted):
                return contents
        except OSError as error:
            raise FolderUnreadable(_sentence(error, directory)) from error
    raise FolderUnreadable(f"{directory} changed while it was read, {TRIES} times; it is read again at the next pass")


def _look(root: Path, wanted: Wanted) -> _Look:
    found: _Look = {}
    for path in _files(root):
        if problem := wanted.problem(path):
            raise FolderUnreadable(problem)
        if (most := wanted.most(path)) is not None:
            seen = path.stat()
            if not stat.S_ISREG(seen.st_mode):
                raise FolderUnreadable(f"{path} is not a file; take it away or name it differently")
            if seen.st_size > most:
                raise FolderUnreadable(f"{path} cannot be read: {too_large(most)}; make several files of it")
            found[path] = (seen.st_ino, seen.st_size, seen.st_mtime_ns)
    if not found:
        raise FolderUnreadable(f"{root} has no file named {' or '.join(f'*{s}' for s in wanted.largest)} in it")
    if sum(size for _, size, _ in found.values()) > wanted.together:
        raise FolderUnreadable(
            f"the files in {root} are larger than {shown(wanted.together)} together, which is the most"
        )
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
