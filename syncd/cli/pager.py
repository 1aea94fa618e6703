"""What is longer than the terminal is high goes through a pager, as `git log` does; it is started once a screen is full."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Final, TextIO

from syncd.cli.terminal import size_of

PAGED: Final = frozenset({"plan", "status", "pauses", "alarms", "audit", "explain", "who", "diff", "whatif", "doctor"})
"""Commands that only show something."""
USUAL: Final = "less"
NOTHING_SHOWN: Final = {2, 126, 127}
"""What a shell ends with that could not read its words, or could not start the pager."""
LESS: Final = "FRX"
"""What `less` is told where LESS says nothing: end where all fits, show colours, leave what was shown on the screen."""


def pager_of(environment: Mapping[str, str]) -> str:
    """Give the pager, words for a shell: SYNCD_PAGER, PAGER, else `less`; "" where none is wanted or can be."""
    if environment.get("NO_PAGER") or environment.get("TERM") == "dumb":
        return ""
    wanted = environment.get("SYNCD_PAGER", environment.get("PAGER", USUAL)).strip()
    return "" if wanted == "cat" else wanted


@contextmanager
def paged() -> Iterator[None]:
    """Page what is printed while the context lasts; off a terminal, and where no pager is wanted, nothing changes."""
    pager = pager_of(os.environ) if sys.stdout.isatty() else ""
    if not pager:
        yield
        return
    terminal = sys.stdout
    sys.stdout = page = PagedOutput(terminal, pager)
    try:
        yield
    finally:
        sys.stdout = terminal
        page.end()


class PagedOutput(io.TextIOBase):
    """Standard output as long as a pager may come between: it gives all to the pager once a screen is full."""

    def __init__(self, terminal: TextIO, pager: str) -> None:
        super().__init__()
        self._terminal = terminal
        self._words = ("/bin/sh", "-c", pager)
        self._room = size_of(terminal).lines - 1
        self._kept = io.StringIO()
        self._pager: subprocess.Popen[str] | None = None

    def isatty(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._terminal.fileno()

    def write(self, text: str) -> int:
        self._kept.write(text)
        if self._pager is not None:
            self._give(text)
            return len(text)
        self._room -= text.count("\n")
        if self._room < 0:
            self._start()
        return len(text)

    def _start(self) -> None:
        self._terminal.flush()
        environment = {"LESS": LESS, **os.environ}
        try:
            self._pager = subprocess.Popen(  # noqa: S603 - the words are those of whoever looks on
                self._words,
                stdin=subprocess.PIPE,
                env=environment,
                text=True,
                encoding="utf-8",
                errors="backslashreplace",
            )
        except OSError:  # there is not even a shell
            self._room = sys.maxsize
            return
        self._give(self._kept.getvalue())

    def _give(self, text: str) -> None:
        assert self._pager is not None
        assert self._pager.stdin is not None
        with suppress(BrokenPipeError, ValueError):  # whoever has seen enough leaves; ValueError: it was told so before
            self._pager.stdin.write(text)

    def end(self) -> None:
        """Print what was kept, or wait until nobody reads on. Ctrl-C meanwhile is for the pager."""
        if self._pager is None or self._ended(self._pager) in NOTHING_SHOWN:
            self._terminal.write(self._kept.getvalue())
            self._terminal.flush()

    @staticmethod
    def _ended(pager: subprocess.Popen[str]) -> int:
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            with suppress(BrokenPipeError):
                pager.communicate()
            return pager.wait()
        finally:
            signal.signal(signal.SIGINT, before)
