"""Whether the configuration or the mapping files are other than they were: by looking, not by events.

inotify does not see a change on a network mount, and what it says of a ConfigMap (a link is swapped) or of an editor (a
file is renamed over another) has to be looked at anyway. A look costs one stat for each file.

Two looks have to agree before a change is reported: a file that is half written now is another one at the next look.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

from syncd.config.load import LARGEST, MAPPING_FILES
from syncd.files import read_file
from syncd.text.folder import FolderUnreadable, read_folder

_Look = Mapping[tuple[Path, str], bytes | str]
"""What was found: a digest for each name, or the sentence why there is none."""


class _Seen(NamedTuple):
    mark: tuple[int, ...]
    digest: bytes
    twice: bool
    """Two looks in a row found this mark. Only then does it stand for the content: a file that is written twice within one
    tick of the file system's clock keeps its mark, and the second look reads it again."""


class Watch:
    """Watches files, and the mapping files in directories and below; not for use by several threads.

    `paths` is asked at each look. A path that it did not give before counts as a change, as does a file or directory that
    cannot be read, or can be read again. Make the watch before the files are read: then no change falls in between.
    """

    def __init__(self, paths: Callable[[], Iterable[Path]], *, read: Callable[[Path], bytes] | None = None) -> None:
        self._paths = paths
        self._read = read or partial(read_file, largest=max(LARGEST, *MAPPING_FILES.largest.values()))
        self._seen: Mapping[Path, _Seen] = {}
        self._known = self._newest = self._look()

    def changed(self) -> bool:
        """Look, and say whether what this look and the one before found is new; each change is reported once."""
        before, self._newest = self._newest, self._look()
        if self._newest == self._known or self._newest != before:
            return False
        self._known = self._newest
        return True

    def _look(self) -> _Look:
        earlier, seen = self._seen, dict[Path, _Seen]()

        def digest(path: Path) -> bytes:
            seen[path] = self._digest(path, earlier.get(path))
            return seen[path].digest

        found = {(path, name): content for path in self._paths() for name, content in _contents(path, digest).items()}
        self._seen = seen
        return found

    def _digest(self, path: Path, earlier: _Seen | None) -> _Seen:
        now = path.stat()
        # The time of the last change of the inode is in it because `cp -p` and `rsync -t` set the time of the content back.
        mark = (now.st_dev, now.st_ino, now.st_size, now.st_mtime_ns, now.st_ctime_ns)
        same = earlier is not None and earlier.mark == mark
        if earlier is not None and same and earlier.twice:
            return earlier
        return _Seen(mark, hashlib.sha256(self._read(path)).digest(), twice=same)


def _contents(path: Path, digest: Callable[[Path], bytes]) -> Mapping[str, bytes | str]:
    """Find what a reader of this path would find, with digests in place of contents."""
    try:
        return read_folder(path, MAPPING_FILES, read=digest) if path.is_dir() else {"": digest(path)}
    except FolderUnreadable as error:
        return {"": str(error)}
    except OSError as error:
        return {"": error.strerror or type(error).__name__}
