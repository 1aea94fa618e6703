"""Read the files of a directory as a revision of git has them: by the `git` command, which asks nobody over the network.

The revision comes from a command line and the repository from anywhere: nothing in either becomes an option or a command of git,
no program that the repository names is run, and sizes and times have bounds.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from syncd.files import shown
from syncd.text.folder import FolderUnreadable, Wanted

WITHIN_S: Final = 30
MOST_FILES: Final = 20_000
_LISTED: Final = 16 * 1024 * 1024
"""The most bytes of a list of files."""
_SAFELY: Final = ("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "core.alternateRefsCommand=")
_ALONE: Final = {"GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0", "GIT_NO_LAZY_FETCH": "1", "LC_ALL": "C"}
_FILE_MODES: Final = frozenset({"100644", "100755"})
_ELSEWHERE: Final = {
    "120000": "is a link, and what it leads to is not told by a revision",
    "160000": "is a submodule, whose files are in another repository",
}


@dataclass(frozen=True, slots=True)
class _Entry:
    """A file of a revision."""

    object: str
    size: int
    path: str


def read_revision(directory: Path, revision: str, wanted: Wanted) -> dict[str, bytes]:
    """Read every wanted file, here and below, except under names that start with a dot, as a revision has them.

    The names in the result start with the commit, `1a2b3c4:mappings/finance.yaml`, and are sorted.

    Raises:
        FolderUnreadable: there is no such revision, git is not there, or what it has is too large or not all here; the text
            says so. What is not read would pass for taken out.
    """
    if revision.startswith("-") or not revision.isprintable():
        raise FolderUnreadable(f"{revision!r} is no revision of git")
    commit = _git(
        directory, ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}"), revision
    )
    listed = _git(directory, ("ls-tree", "-r", "-z", "-l", commit.decode().strip(), "."), revision)
    entries = [e for line in listed.split(b"\0") if line and (e := _entry(line, wanted)) is not None]
    if not entries:
        raise FolderUnreadable(f"{revision} has no mapping file in {directory.name}/")
    if len(entries) > MOST_FILES:
        raise FolderUnreadable(f"{revision} has more than {MOST_FILES:,} mapping files, which is the most")
    if sum(entry.size for entry in entries) > wanted.together:
        raise FolderUnreadable(
            f"the files of {revision} are more than {shown(wanted.together)} together, which is the most"
        )
    short = commit.decode().strip()[:7]
    contents = _contents(directory, [entry.object for entry in entries], revision, most=wanted.together)
    found = {f"{short}:{directory.name}/{e.path}": body for e, body in zip(entries, contents, strict=True)}
    return dict(sorted(found.items()))


def _entry(line: bytes, wanted: Wanted) -> _Entry | None:
    """Read a line of `git ls-tree -l`; None of what is not wanted. What has no suffix may lead to a folder."""
    about, _, name = line.partition(b"\t")
    mode, _, object_, size = about.decode("ascii").split()
    path = os.fsdecode(name)
    most = wanted.most(Path(path))
    if any(part.startswith(".") for part in path.split("/")):
        return None
    if mode in _ELSEWHERE and (most is not None or not Path(path).suffix):
        raise FolderUnreadable(f"{path} {_ELSEWHERE[mode]}; check the revision out, and name its folder")
    if mode not in _FILE_MODES or most is None:
        return None
    if not size.isdecimal():  # git writes BAD
        raise FolderUnreadable(
            f"{path} of this revision is not here, or damaged; fetch it whole: a clone may be partial"
        )
    if int(size) > most:
        raise FolderUnreadable(f"{path} is larger than {shown(most)}, which is the most; make several files of it")
    return _Entry(object_, int(size), path)


def _contents(directory: Path, objects: Sequence[str], revision: str, *, most: int) -> list[bytes]:
    answer = _git(
        directory, ("cat-file", "--batch"), revision, asked="".join(f"{one}\n" for one in objects), most=2 * most
    )
    found, at = [], 0
    for _ in objects:
        end = answer.index(b"\n", at)
        size = int(answer[at:end].split()[2])
        found.append(answer[end + 1 : end + 1 + size])
        at = end + size + 2
    return found


def _git(directory: Path, words: Sequence[str], revision: str, *, asked: str = "", most: int = _LISTED) -> bytes:
    """Run git, and give what it prints.

    Raises:
        FolderUnreadable: it cannot be run, does not end in time, says no, or says too much.
    """
    try:
        done = subprocess.run(  # noqa: S603 - the words are ours; the revision stands behind --end-of-options
            ("git", *_SAFELY, *words),  # noqa: S607 - the git of whoever runs syncd
            cwd=directory,
            env={**os.environ, **_ALONE},
            input=asked.encode("ascii"),
            capture_output=True,
            timeout=WITHIN_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise FolderUnreadable(f"git cannot be asked for {revision} in {directory}: {error}") from error
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip().partition("\n")[0]
        raise FolderUnreadable(
            f"{revision} is no directory, and git knows no such revision of {directory}{f': {said}' if said else ''}"
        )
    if len(done.stdout) > most:
        raise FolderUnreadable(f"git says more of {revision} than {shown(most)}, which is the most")
    return done.stdout
