"""Who is at work: the user, and the process as another one can recognise it and see whether it is gone.

Process ids mean something only within one boot of one machine and, in containers, within one process namespace. Two
containers may well have one host name; where two processes do not share a namespace, neither judges the other.
"""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from pathlib import Path

from syncd.callers import caller, sudo_user


def os_user() -> str:
    """Name the user of this process, and who called it through sudo."""
    return caller(os.getuid(), sudo_user(os.environ))


@dataclass(frozen=True, slots=True)
class Process:
    """A process as another one on the same machine can recognise it; `started` is empty where /proc is absent."""

    host: str
    space: str
    pid: int
    started: str

    @classmethod
    def current(cls) -> Process:
        return cls(socket.gethostname(), _pid_space(), os.getpid(), _started(os.getpid()))

    def is_gone(self) -> bool:
        """Say whether the process is known to be gone; False where that cannot be seen from here."""
        if not self.space or self.space != _pid_space():
            return False
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except PermissionError:  # somebody else's, so /proc may hide it
            return False
        return _started(self.pid) != self.started


def _pid_space() -> str:
    """Name what gives process ids their meaning: the boot and the process namespace; empty where /proc is absent."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return ""


def _started(pid: int) -> str:
    """Give the start time of a process in clock ticks since boot (proc(5), stat, field 22); empty if it is not running.

    The second field is the program's name in brackets and may hold anything, so fields are counted from its end.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text("utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else fields[19]
