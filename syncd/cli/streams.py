"""Standard output and error that cannot end a command.

What a command does is done whether somebody reads of it or not: a pipe that nobody reads any more, or a full device, must
neither stop an apply in the middle nor change its exit code to that of a traceback.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from typing import TextIO


class Outlet(io.RawIOBase):
    """A descriptor that takes everything; `lost` is the first error that kept a text from getting through."""

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor = descriptor
        self.lost: OSError | None = None

    def write(self, piece: object) -> int:
        content = bytes(piece)  # type: ignore[call-overload]
        try:
            return os.write(self._descriptor, content)
        except OSError as error:
            self.lost = self.lost or error
            return len(content)

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._descriptor

    def isatty(self) -> bool:
        return os.isatty(self._descriptor)


def lasting(stream: TextIO) -> tuple[TextIO, Outlet]:
    """Give a stream in the place of standard output or error: the same descriptor and encoding, and no error."""
    outlet = Outlet(stream.fileno())
    buffered = io.BufferedWriter(outlet)
    # a name may not fit the locale
    text = io.TextIOWrapper(buffered, stream.encoding, "backslashreplace", line_buffering=outlet.isatty())
    return text, outlet


def flushed(outlet: Outlet) -> str:
    """Say what kept standard output from getting through; empty: nothing, or nobody wanted to read on."""
    sys.stdout.flush()
    if outlet.lost is None or outlet.lost.errno == errno.EPIPE:
        return ""
    return f"syncd: standard output: {outlet.lost.strerror}; what was to be shown is not whole"
