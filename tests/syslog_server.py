"""A syslog server for tests, over TLS or TCP, and a parser of what it read that goes by the RFCs alone."""

from __future__ import annotations

import re
import socket
import ssl
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from socketserver import BaseRequestHandler, ThreadingTCPServer
from threading import Event
from typing import Any

from notify_world import serving

# RFC 5424, section 6: HEADER SP STRUCTURED-DATA [SP MSG]
_PRINT = r"[\x21-\x7e]"
MESSAGE = re.compile(
    r"<(?P<priority>\d{1,3})>(?P<version>[1-9]\d{0,2})"
    r" (?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|[+-]\d\d:\d\d))"
    rf" (?P<host>{_PRINT}{{1,255}}) (?P<app>{_PRINT}{{1,48}}) (?P<process>{_PRINT}{{1,128}}) (?P<kind>{_PRINT}{{1,32}})"
    r' (?P<data>\[[^ =\]"]{1,32}(?: [^ =\]"]{1,32}="(?:[^"\\\]]|\\["\\\]])*")*\]) (?P<text>.*)'
)


def frames(read: bytes) -> Iterator[bytes]:
    """Give the messages of a conversation that came whole. RFC 5425, section 4.3: MSG-LEN SP SYSLOG-MSG."""
    while read:
        length, space, read = read.partition(b" ")
        if not space:
            return
        assert re.fullmatch(rb"[1-9]\d*", length), length
        if len(read) < int(length):
            return
        yield read[: int(length)]
        read = read[int(length) :]


def parsed(message: bytes) -> dict[str, str]:
    found = MESSAGE.fullmatch(message.decode("ascii"))
    assert found, message
    return found.groupdict()


@dataclass
class Syslogd:
    """What was read, by conversation. `most`: so many octets of the next conversations are read before the connection is reset;
    `deaf` reads to the end and does not close."""

    trust: ssl.SSLContext | None
    port: int = 0
    read: list[bytearray] = field(default_factory=list)
    most: list[int] = field(default_factory=list)
    polite: bool = True
    deaf: bool = False
    over: Event = field(default_factory=Event)

    @property
    def url(self) -> str:
        return f"syslog+{'tls' if self.trust else 'tcp'}://127.0.0.1:{self.port}"

    @property
    def messages(self) -> list[dict[str, str]]:
        return [parsed(frame) for conversation in list(self.read) for frame in frames(bytes(conversation))]

    @property
    def texts(self) -> list[str]:
        return [message["text"] for message in self.messages]

    @property
    def numbers(self) -> list[int]:
        return [int(message["data"].partition('record="')[2].partition('"')[0]) for message in self.messages]


@contextmanager
def syslog_server(trust: ssl.SSLContext | None) -> Iterator[Syslogd]:
    known = Syslogd(trust)

    class Handler(BaseRequestHandler):
        def handle(self) -> None:
            connection: Any = self.request
            with suppress(OSError):
                if known.trust:
                    connection = known.trust.wrap_socket(connection, server_side=True)
                    self.request = connection
                self.read(connection)

        def read(self, connection: socket.socket) -> None:
            most = known.most.pop(0) if known.most else 1 << 40
            read = bytearray()
            known.read.append(read)
            while more := connection.recv(min(4096, most - len(read))):
                read += more
                if len(read) == most:
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    connection.close()
                    return
            if known.deaf:
                known.over.wait(60)
            elif known.polite and isinstance(connection, ssl.SSLSocket):
                connection.unwrap()
            connection.close()

        def finish(self) -> None:
            with suppress(OSError):
                self.request.close()

    server = ThreadingTCPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    with serving(server) as known.port:
        yield known
        known.over.set()
