"""What carries messages to a syslog server: TLS (RFC 5425), or TCP with the same frames (RFC 6587).

Own code, for no library that is kept does this: Python's SysLogHandler knows neither TLS nor RFC 5424, and
rfc5424-logging-handler, last released in 2019, does not tell what got away: it sends the message at which a connection broke once
more and knows nothing of those before.

Syslog has no word for "I have it": what was sent may still lie in a buffer when a server dies. So messages go in conversations of
a hundred or so. Each is closed from here, and only once the server has closed it too, which it does when it has read to the end,
were they taken. Where it broke, or was closed first, all of them go again. There is no UDP: nobody learns there what was lost.
"""

from __future__ import annotations

import fcntl
import socket
import ssl
import struct
import termios
import time
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import Final

from syncd.errors import ReceiverUnavailable, ReceiverUnusable
from syncd.http.metered import TooSlow
from syncd.http.reasons import Bounds, Failure, failure_of, sentence
from syncd.render.syslog import framed

_PIECE: Final = 16 * 1024
_LOOK_S: Final = 0.01
_TCP_CLOSE: Final = 7
_HINTS: Final = {
    Failure.UNTRUSTED: "name its authority with --ca",
    Failure.TLS: "does it speak TLS on this port, and does it want a client certificate (--client-cert)?",
    Failure.NO_ANSWER: "look at the port, and at the server's load",
    Failure.TOO_SLOW: "nothing of it counts as taken",
    Failure.BROKEN: "look at the server's log: is it running, and does it want a client certificate (--client-cert)?",
}


@dataclass(frozen=True, slots=True)
class SyslogReceiver:
    """A syslog server. `trust` is of TLS, None: TCP as it is. `silence_s` is the longest wait for it, `whole_s` for all of a
    conversation."""

    host: str
    port: int
    trust: ssl.SSLContext | None
    silence_s: float = 30.0
    whole_s: float = 120.0
    clock: Callable[[], float] = time.monotonic

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def deliver(self, messages: Sequence[bytes]) -> None:
        """Send messages in one conversation, and wait until the server has closed it.

        Raises:
            ReceiverUnavailable: it took none, or who knows which; all have to be sent again. ReceiverUnusable: that is no help.
        """
        try:
            self._deliver(framed(messages))
        except (ssl.SSLEOFError, ssl.SSLZeroReturnError):
            raise self._failed(ConnectionResetError()) from None  # it hung up: that says nothing of how it speaks TLS
        except (
            OSError,
            UnicodeError,
        ) as error:  # ssl.SSLError is an OSError; UnicodeError: no name that can be looked up
            raise self._failed(error) from None

    def _failed(self, error: OSError | UnicodeError) -> ReceiverUnavailable:
        failure = Failure.UNKNOWN_HOST if isinstance(error, UnicodeError) else failure_of(error)
        why = sentence(failure, Bounds(self.silence_s, self.silence_s), error, hints=_HINTS)
        kind = ReceiverUnusable if failure in (Failure.UNTRUSTED, Failure.TLS) else ReceiverUnavailable
        return kind(f"syslog server {self}: {why}")

    def _deliver(self, frames: bytes) -> None:
        with closing(socket.create_connection((self.host, self.port), timeout=self.silence_s)) as raw:
            bounded = _Bounded(raw, self.silence_s, self.clock() + self.whole_s, self.clock)
            spoken = _Tls(bounded, self.trust, self.host) if self.trust else bounded
            for begin in range(0, len(frames), _PIECE):
                spoken.send(frames[begin : begin + _PIECE])
            try:
                spoken.end()
                bounded.refuse_lost()
            except TimeoutError:
                why = "it did not close the conversation after the last message, so nobody knows what it took"
                raise ReceiverUnavailable(f"syslog server {self}: {why}; look at its load") from None


class _Bounded:
    """A connection on which nothing is waited for after a deadline, and no longer than some seconds at a time."""

    def __init__(self, raw: socket.socket, silence_s: float, until: float, clock: Callable[[], float]) -> None:
        self._raw = raw
        self._silence_s = silence_s
        self._until = until
        self._clock = clock

    def _wait(self) -> socket.socket:
        rest_s = self._until - self._clock()
        if rest_s <= 0:
            raise TooSlow
        self._raw.settimeout(min(rest_s, self._silence_s))
        return self._raw

    def send(self, piece: bytes) -> None:
        self._wait().sendall(piece)

    def receive(self) -> bytes:
        return self._wait().recv(_PIECE)

    def end(self) -> None:
        """Say that this is the end, and wait until the server ends it too."""
        self._wait().shutdown(socket.SHUT_WR)
        while self.receive():
            pass

    def refuse_lost(self) -> None:
        """Raise if the server ended it before all had arrived: its system answers that with a reset, else with a receipt."""
        while _unreceived(self._raw):
            self._wait()
            time.sleep(_LOOK_S)
        if error := self._raw.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            raise OSError(error, "")


def _unreceived(raw: socket.socket) -> int:
    """Count the octets that the other system has not said it has; 0 after a reset, and where this one is no Linux."""
    try:
        if raw.getsockopt(socket.SOL_TCP, socket.TCP_INFO, 1)[0] == _TCP_CLOSE:
            return 0
        count: int = struct.unpack("i", fcntl.ioctl(raw, termios.TIOCOUTQ, bytes(4)))[0]
    except (OSError, AttributeError):
        return 0
    return count


class _Tls:
    """TLS on it. Not by an SSLSocket: its `unwrap` takes an alert for the other's last word, so that what a server refused, in
    TLS 1.3 after the handshake, would count as taken."""

    def __init__(self, bounded: _Bounded, trust: ssl.SSLContext, host: str) -> None:
        self._bounded = bounded
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = trust.wrap_bio(self._in, self._out, server_hostname=host)
        self._do(self._tls.do_handshake)

    def _do(self, step: Callable[[], object]) -> None:
        """Take a step, however many times the server has to be heard for it."""
        while self._wants_more(step):
            if came := self._bounded.receive():
                self._in.write(came)
            else:
                self._in.write_eof()

    def _wants_more(self, step: Callable[[], object]) -> bool:
        wants = False
        try:
            step()
        except ssl.SSLWantReadError:
            wants = True
        self._flush()  # not while the error is handled: what goes wrong here has nothing to do with TLS
        return wants

    def _flush(self) -> None:
        if self._out.pending:
            self._bounded.send(self._out.read())

    def send(self, piece: bytes) -> None:
        self._do(lambda: self._tls.write(piece))

    def end(self) -> None:
        """Say that this is the end, and wait for the same word. Some servers just hang up, which is as good."""
        with suppress(ssl.SSLWantReadError):
            self._tls.unwrap()
        self._flush()
        with suppress(ssl.SSLZeroReturnError, ssl.SSLEOFError):
            while True:
                self._do(lambda: self._tls.read(_PIECE))
