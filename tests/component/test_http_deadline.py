"""An answer has one deadline and one bound, whatever part of it drips or does not end."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest
import requests
from notify_world import NOON

from syncd.http.backoff import Retries
from syncd.http.connection import Connection
from syncd.http.rests import OwnRests, Rest
from syncd.http.secrets import Secret
from syncd.http.session import NoAnswer, Session
from syncd.notify import Email, Message, Notifier, NotifySettings, Webhook
from syncd.sources.entra import ClientSecret, EntraSettings, GroupSelection
from syncd.sources.entra.tokens import _Http

READ_S, CONNECT_S = 0.1, 0.3
LONGEST_S = 3 * READ_S + CONNECT_S
GRACE_S = 5.0
"""On a busy machine; what is not bounded does not end at all."""

Talk = Callable[[socket.socket, threading.Event], None]


@contextmanager
def talking(talk: Talk, *, hears: bytes = b"\r\n\r\n") -> Iterator[int]:
    """Serve each connection with a talk of its own, after its request; gives the port."""
    over = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))
    threads: list[threading.Thread] = []

    def one(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            heard = b""
            while hears not in heard:
                heard += connection.recv(65536) or hears
            talk(connection, over)

    def accept() -> None:
        with suppress(OSError):
            while True:
                threads.append(threading.Thread(target=one, args=(listener.accept()[0],)))
                threads[-1].start()

    accepting = threading.Thread(target=accept)
    accepting.start()
    try:
        yield listener.getsockname()[1]
    finally:
        over.set()
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for thread in (accepting, *threads):
            thread.join()


def drip(first: bytes, again: bytes = b"x") -> Talk:
    """Say something, and then something small for ever, more often than the time-out for silence."""

    def talk(connection: socket.socket, over: threading.Event) -> None:
        connection.sendall(first)
        while not over.wait(READ_S / 4):
            connection.sendall(again)

    return talk


def flood(first: bytes, again: bytes) -> Talk:
    def talk(connection: socket.socket, over: threading.Event) -> None:
        connection.sendall(first)
        while not over.is_set():
            connection.sendall(again * 1000)

    return talk


_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
_CHUNKED = _HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
DRIPS = {
    "status line": drip(b"HTTP/1.1 200 "),
    "header": drip(_HEAD + b"X-Long: "),
    "headers": drip(_HEAD, b"X-A: b\r\n"),
    "100 Continue": drip(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "chunk size": drip(_CHUNKED, b"0"),
    "chunk extension": drip(_CHUNKED + b"5;"),
    "trailers": drip(_CHUNKED + b"2\r\n{}\r\n0\r\n", b"X-A: b\r\n"),
    "trailer": drip(_CHUNKED + b"2\r\n{}\r\n0\r\nX: "),
    "body": drip(_HEAD + b"Content-Length: 100000\r\n\r\n", b" "),
    "redirect": drip(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/"),
}


def asking(port: int, **more: object) -> Session:
    connection = Connection(f"http://127.0.0.1:{port}", timeout_s=READ_S, connect_timeout_s=CONNECT_S)
    return Session(connection, retries=Retries(attempts=4, first_s=0.01), **more)  # type: ignore[arg-type]


def _seconds(work: Callable[[], object]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began


@pytest.mark.finding("A-F6")
@pytest.mark.parametrize("part", DRIPS)
def test_whatever_drips_is_given_up(part: str) -> None:
    with talking(DRIPS[part]) as port:

        def ask() -> None:
            with pytest.raises(NoAnswer, match="the answer came too slowly and was given up"):
                asking(port).send("GET", "/")

        assert LONGEST_S + GRACE_S > _seconds(ask)


@pytest.mark.finding("A-F6")
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_proxy_that_drips_is_given_up_as_well(method: str) -> None:
    with talking(drip(b"HTTP/1.1 200 ")) as port:
        connection = Connection(
            "https://airflow.example", timeout_s=READ_S, connect_timeout_s=CONNECT_S, proxy=f"http://127.0.0.1:{port}"
        )

        def ask() -> None:
            with pytest.raises(NoAnswer):
                Session(connection).send(method, "/")

        assert LONGEST_S + GRACE_S > _seconds(ask)


@pytest.mark.finding("A-F6")
@pytest.mark.parametrize(
    "talk",
    [
        flood(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        flood(_CHUNKED, b"0"),
        flood(_CHUNKED + b"2\r\n{}\r\n0\r\n", b"X-A: b\r\n"),
        flood(_CHUNKED + b"2\r\n{}\r\n0\r\nX: ", b"x"),
        flood(_CHUNKED, b"1;%s\r\n \r\n" % (b"x" * 1000)),
    ],
)
def test_what_is_no_body_is_bounded_too(talk: Talk) -> None:
    """Chunk sizes and trailers were read into memory as long as they came."""
    with talking(talk) as port, pytest.raises(NoAnswer):
        asking(port, size_cap=1000).send("GET", "/")


@pytest.mark.finding("A-F6")
@pytest.mark.parametrize("part", ["status line", "headers", "chunk size", "body"])
def test_the_requests_of_msal_have_a_deadline(part: str) -> None:
    settings = EntraSettings(
        "contoso.example",
        "me",
        ClientSecret(Secret("env", ("X",))),
        (GroupSelection("all"),),
        timeout_s=READ_S,
        connect_timeout_s=CONNECT_S,
    )
    rest = Rest("entra", OwnRests(), now=lambda: NOON)
    with talking(DRIPS[part]) as port:

        def ask() -> None:
            with pytest.raises(requests.RequestException):
                _Http(settings, proxy=None, rest=rest).post(f"http://127.0.0.1:{port}/token", data={"a": "b"})

        assert LONGEST_S + GRACE_S > _seconds(ask)


# --- alarms -----------------------------------------------------------------------------------------------------------

_ALARM = Message("drift", "prod", "3 grants", firing=True, at=NOON, since=NOON)


def _told(settings: NotifySettings) -> list[str]:
    said: list[str] = []

    def emit(_event: str, /, **facts: object) -> None:
        said.append(str(facts["error"]))

    Notifier(settings, emit=emit, pause=lambda _: None, timeout_s=READ_S).send([_ALARM])
    return said


@pytest.mark.finding("A-F6")
def test_a_webhook_that_drips_is_given_up() -> None:
    with talking(DRIPS["header"]) as port:
        settings = NotifySettings(webhooks=(Webhook(f"http://127.0.0.1:{port}/hook"),))
        assert [
            "the answer came too slowly and was given up; if that is normal, allow more time in `timeouts`"
        ] == _told(settings)


@pytest.mark.finding("A-F6")
@pytest.mark.parametrize("first", [b"2", b"220 me\r\n"])
@pytest.mark.parametrize("tls", ["none", "starttls"])
def test_a_mail_server_that_drips_is_given_up(first: bytes, tls: str) -> None:
    with talking(drip(first), hears=b"") as port:
        email = Email("127.0.0.1", port, "syncd@example.com", ("ops@example.com",), tls=tls)
        settings = NotifySettings(email=email)
        assert [f"127.0.0.1:{port}: the answer came too slowly and was given up"] == _told(settings)
