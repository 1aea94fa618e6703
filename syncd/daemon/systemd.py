"""What the service manager is told: ready, reloading, stopping, a status line, and that the process is alive.

The protocol is sd_notify(3): lines of NAME=VALUE in one datagram to the socket named in the environment. It takes no
library. Nobody has to listen: without such a socket nothing is sent, and a message that does not arrive is never an error.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Self

from syncd.http.secrets import blotted

STATUS_BYTES: Final = 1000
"""A status line is cut here. systemd drops a message above 4096 bytes (PIPE_BUF) whole."""


@dataclass(frozen=True, slots=True)
class Notify:
    """A line to the service manager; any thread may use it."""

    address: str = ""
    """Of its socket, as the kernel takes it; empty: nobody listens."""
    watchdog_s: float | None = None
    """`watchdog` has to be called within each such time, best twice; None: nobody waits for it."""
    patience_s: float = 1.0
    """A service manager that does not read its socket stops the caller no longer than this."""
    monotonic_ns: Callable[[], int] = time.monotonic_ns

    @classmethod
    def from_env(cls, environ: Mapping[str, str], *, pid: int | None = None) -> Self:
        """Read NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID; `pid` is this process unless given."""
        # A leading "@" stands for the NUL byte of the abstract namespace (unix(7)).
        address = environ.get("NOTIFY_SOCKET", "")
        return cls(
            "\0" + address[1:] if address.startswith("@") else address,
            _watchdog_s(environ, os.getpid() if pid is None else pid),
        )

    def ready(self) -> None:
        """Say that start-up, or the reload that was announced, is over."""
        self._send("READY=1")

    def status(self, text: str) -> None:
        """Show one line in `systemctl status`; what is not a line is made one."""
        line = blotted(" ".join(text.split())).encode("utf-8", "replace")[:STATUS_BYTES]
        self._send("STATUS=" + line.decode("utf-8", "ignore"))

    def reloading(self) -> None:
        """Announce a reload; `ready` ends it."""
        # Type=notify-reload (systemd 253) tells by the time which SIGHUP this answers; others do not look at it.
        self._send(f"RELOADING=1\nMONOTONIC_USEC={self.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """Say that the shutdown has begun."""
        self._send("STOPPING=1")

    def watchdog(self) -> None:
        """Say that the process is alive."""
        self._send("WATCHDOG=1")

    def _send(self, message: str) -> None:
        if not self.address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
                line.settimeout(self.patience_s)
                line.sendto(message.encode(), self.address)
        except (OSError, ValueError):
            pass  # nobody listens any more, or the address is none; work goes on


def _watchdog_s(environ: Mapping[str, str], pid: int) -> float | None:
    """Give the time that is meant for this process; a parent's variables are inherited, and not meant."""
    meant_for = environ.get("WATCHDOG_PID", "")
    usec = environ.get("WATCHDOG_USEC", "")
    if meant_for not in ("", str(pid)) or not (usec.isascii() and usec.isdigit()) or int(usec) == 0:
        return None
    return int(usec) / 1_000_000
