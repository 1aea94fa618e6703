"""Read the files of a directory as a revision of git has them: by the `git` command, which asks nobody over the network.

The revision comes from a command line and the repository from anywhere: nothing in either becomes an option or a command of git,
no program that the repository names is run, and sizes and times have bounds.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
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
_LINK, _SUBMODULE = "120000", "160000"
_TO_NOTHING: Final = frozenset({b"symlink", b"dangling", b"loop", b"notdir"})
_ELSEWHERE: Final = {
    _LINK: "is a link, and what it leads to is not told by a revision",
    _SUBMODULE: "is a submodule, whose files are in another repository",
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
    commit = _commit(directory, revision)
    listed = _git(directory, ("ls-tree", "-r", "-z", "-l", commit, "."), revision)
    lines = [_Line.of(line) for line in listed.split(b"\0") if line]
    _see_links(directory, commit, [line.path for line in lines if _may_be_folder(line, wanted)], revision)
    entries = [e for line in lines if (e := _entry(line, wanted)) is not None]
    if not entries:
        raise FolderUnreadable(f"{revision} has no mapping file in {directory.name}/")
    if len(entries) > MOST_FILES:
        raise FolderUnreadable(f"{revision} has more than {MOST_FILES:,} mapping files, which is the most")
    if sum(entry.size for entry in entries) > wanted.together:
        raise FolderUnreadable(
            f"the files of {revision} are more than {shown(wanted.together)} together, which is the most"
        )
    contents = _contents(directory, entries, revision, most=wanted.together)
    found = {f"{commit[:7]}:{directory.name}/{e.path}": body for e, body in zip(entries, contents, strict=True)}
    return dict(sorted(found.items()))


def head_of(directory: Path) -> str:
    """Give the commit of git that a directory is of, with a `+` where its files are not as in it; empty: it is in none, or git
    cannot say."""
    if not any((folder / ".git").exists() for folder in (directory, *directory.parents)):
        return ""
    try:
        commit = _git(directory, ("rev-parse", "--verify", "HEAD"), "HEAD").decode("ascii", "replace").strip()
        differs = _git(directory, ("status", "--porcelain", "--", "."), "HEAD", most=_LISTED)
    except FolderUnreadable:
        return ""
    return f"{commit}+" if differs else commit


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of `git ls-tree -l`. `size` is no number where git has not got the object."""

    mode: str
    object: str
    size: str
    path: str

    @classmethod
    def of(cls, line: bytes) -> _Line:
        about, _, name = line.partition(b"\t")
        mode, _, object_, size = about.decode("ascii").split()
        return cls(mode, object_, size, os.fsdecode(name))

    @property
    def is_hidden(self) -> bool:
        return any(part.startswith(".") for part in self.path.split("/"))


def _may_be_folder(line: _Line, wanted: Wanted) -> bool:
    """Say whether it is a link that is not wanted as a file: it may lead to a folder, whatever its name."""
    return line.mode == _LINK and not line.is_hidden and wanted.most(Path(line.path)) is None


def _see_links(directory: Path, commit: str, links: Sequence[str], revision: str) -> None:
    """Refuse links that lead to anything but a file, in the revision, or else as it stands on this machine."""
    asked = [path for path in links if "\n" not in path]
    words = ("cat-file", "--batch-check=%(objecttype)", "--follow-symlinks")
    answer = _git(directory, words, revision, asked="".join(f"{commit}:./{path}\n" for path in asked))
    files = {path for path, kind in zip(asked, _kinds(answer), strict=False) if kind == b"blob"}
    for path in links:
        if path not in files and not (directory / path).is_file():
            raise FolderUnreadable(_elsewhere(path, _LINK))


def _kinds(answer: bytes) -> Iterator[bytes]:
    """Give what git says of each link; of one that leads to nothing in the revision it says so, and then how it goes on."""
    while answer:
        kind, _, answer = answer.partition(b"\n")
        if (said := kind.split(b" "))[0] in _TO_NOTHING:
            answer = answer[int(said[1]) + 1 :]
        yield kind


def _elsewhere(path: str, mode: str) -> str:
    return f"{path} {_ELSEWHERE[mode]}; check the revision out, and name its folder"


def _entry(line: _Line, wanted: Wanted) -> _Entry | None:
    """Give what is wanted; None of what is not."""
    most = wanted.most(Path(line.path))
    if line.is_hidden:
        return None
    if line.mode == _SUBMODULE or (line.mode == _LINK and most is not None):
        raise FolderUnreadable(_elsewhere(line.path, line.mode))
    if problem := wanted.problem(Path(line.path)):
        raise FolderUnreadable(problem)
    if line.mode not in _FILE_MODES or most is None:
        return None
    if not line.size.isdecimal():  # git writes BAD
        raise FolderUnreadable(_damaged(line.path))
    if int(line.size) > most:
        raise FolderUnreadable(f"{line.path} is larger than {shown(most)}, which is the most; make several files of it")
    return _Entry(line.object, int(line.size), line.path)


def _damaged(path: str) -> str:
    return f"{path} of this revision is not here, or damaged; fetch it whole: a clone may be partial"


def _contents(directory: Path, entries: Sequence[_Entry], revision: str, *, most: int) -> Iterator[bytes]:
    asked = "".join(f"{entry.object}\n" for entry in entries)
    answer, at = _git(directory, ("cat-file", "--batch"), revision, asked=asked, most=2 * most), 0
    for entry in entries:
        begin = answer.find(b"\n", at) + 1
        at = begin + entry.size + 1
        if not answer[:begin].endswith(f"{entry.object} blob {entry.size}\n".encode()) or answer[at - 1 : at] != b"\n":
            raise FolderUnreadable(_damaged(entry.path))
        yield answer[begin : begin + entry.size]


def _commit(directory: Path, revision: str) -> str:
    """Give the commit that a revision is."""
    done = _run(directory, ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}"), revision)
    if done.returncode != 0:
        said = _first_line(done.stderr)
        raise FolderUnreadable(f"{revision} is no directory, and git knows no such revision of {directory}{said}")
    return done.stdout.decode().strip()


def _git(directory: Path, words: Sequence[str], revision: str, *, asked: str = "", most: int = _LISTED) -> bytes:
    """Run git on a revision that is there, and give what it prints.

    Raises:
        FolderUnreadable: it cannot be run, does not end in time, cannot read what is there, or says too much.
    """
    done = _run(directory, words, revision, asked=asked)
    if done.returncode != 0:
        said = _first_line(done.stderr)
        raise FolderUnreadable(f"{revision} is not here whole, or damaged; fetch it again{said}")
    if len(done.stdout) > most:
        raise FolderUnreadable(f"git says more of {revision} than {shown(most)}, which is the most")
    return done.stdout


def _first_line(said: bytes) -> str:
    line = said.decode("utf-8", "replace").strip().partition("\n")[0]
    return f": {line}" if line else ""


def _run(
    directory: Path, words: Sequence[str], revision: str, *, asked: str = ""
) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(  # noqa: S603 - the words are ours; the revision stands behind --end-of-options
            ("git", *_SAFELY, *words),  # noqa: S607 - the git of whoever runs syncd
            cwd=directory,
            env={**os.environ, **_ALONE},
            input=os.fsencode(asked),
            capture_output=True,
            timeout=WITHIN_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise FolderUnreadable(f"git cannot be asked for {revision} in {directory}: {error}") from error
