"""A chat service and a mail server that do as they are told: refuse, break off, keep silent, or take what comes; a sender."""

from __future__ import annotations

import base64
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import IPv4Address
from pathlib import Path
from socketserver import StreamRequestHandler, TCPServer, ThreadingTCPServer
from threading import Event, Thread
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from syncd.notify import (
    Channel,
    Email,
    Message,
    Notifier,
    NotifySettings,
    Webhook,
)

NOON = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)


@contextmanager
def serving(server: TCPServer) -> Iterator[int]:
    """Serve in a thread; gives the port."""
    thread = Thread(target=lambda: server.serve_forever(poll_interval=0.01))
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


# --- chat -------------------------------------------------------------------------------------------------------------


@dataclass
class Chat:
    """What came, and the answers still to give: (status, headers, body); without any, 200. `silent`: none until it is set."""

    posts: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    answers: list[tuple[int, dict[str, str], bytes]] = field(default_factory=list)
    silent: Event | None = None
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def chat_service() -> Iterator[Chat]:
    chat = Chat()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            chat.posts.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
            if chat.silent:
                chat.silent.wait(5)
                return
            status, headers, content = chat.answers.pop(0) if chat.answers else (200, {}, b"ok")
            self.send_response(status)
            for name, value in {"Content-Length": str(len(content)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name in the library
            pass

    with serving(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as chat.port:
        yield chat


# --- mail -------------------------------------------------------------------------------------------------------------


@dataclass
class Post:
    """A mail server: what it got, in the clear or not, and what it answers to a command instead of yes, once each."""

    mails: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    logins: list[tuple[str, bool]] = field(default_factory=list)
    """What was sent as login, and whether TLS was spoken then."""
    connections: int = 0
    answers: dict[str, list[str]] = field(default_factory=dict)
    extensions: tuple[str, ...] = ("STARTTLS", "AUTH PLAIN")
    tls: ssl.SSLContext | None = None
    implicit: bool = False
    silent: Event | None = None
    port: int = 0


@contextmanager
def mail_server() -> Iterator[Post]:
    post = Post()

    class Handler(StreamRequestHandler):
        encrypted = False

        def handle(self) -> None:
            post.connections += 1
            if post.silent:
                post.silent.wait(5)
                return
            try:
                if post.implicit:
                    self.encrypt()
                self.talk()
            except OSError:
                pass  # the client has gone

        def encrypt(self) -> None:
            assert post.tls
            self.request = post.tls.wrap_socket(self.request, server_side=True)
            self.encrypted = True
            self.setup()

        def finish(self) -> None:
            super().finish()
            self.request.close()

        def talk(self) -> None:
            self.say("220 mail.test")
            while line := self.rfile.readline().decode().strip():
                verb, _, rest = line.partition(" ")
                if planned := post.answers.get(verb.upper(), []):
                    answer = planned.pop(0)
                    if not answer:
                        return
                    self.say(answer)
                    continue
                self.obey(verb.upper(), rest)
                if verb.upper() == "QUIT":
                    return

        def obey(self, verb: str, rest: str) -> None:
            match verb:
                case "EHLO":
                    lines = ["mail.test", *(e for e in post.extensions if not (self.encrypted and e == "STARTTLS"))]
                    for line in lines[:-1]:
                        self.say(f"250-{line}")
                    self.say(f"250 {lines[-1]}")
                case "STARTTLS":
                    self.say("220 go on")
                    self.encrypt()
                case "AUTH":
                    post.logins.append((base64.b64decode(rest.split()[1]).decode(), self.encrypted))
                    self.say("235 welcome")
                case "DATA":
                    self.say("354 go on")
                    self.take()
                case _:
                    if verb == "RCPT":
                        post.recipients.append(rest.partition(":")[2])
                    self.say("250 ok")

        def take(self) -> None:
            lines = iter(self.rfile.readline, b".\r\n")
            content = b"".join(line.removeprefix(b".").replace(b"\r\n", b"\n") for line in lines)
            post.mails.append(message_from_bytes(content, policy=default))
            self.say("250 ok")

        def say(self, line: str) -> None:
            self.wfile.write(f"{line}\r\n".encode())

    with serving(ThreadingTCPServer(("127.0.0.1", 0), Handler)) as post.port:
        yield post


def write_certificate(folder: Path) -> tuple[Path, Path]:
    """Write a certificate of 127.0.0.1 that vouches for itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail.test")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    names = x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))])
    signed = builder.add_extension(names, critical=False).sign(key, hashes.SHA256())
    certificate, key_file = folder / "cert.pem", folder / "key.pem"
    certificate.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return certificate, key_file


HELD = Message("held", "finance-prod", "12 removals are held: `syncd approve 4f2a`", True, at=NOON, since=NOON)


SETTINGS = Email("127.0.0.1", 25, "syncd <syncd@example.com>", ("ops@example.com",), tls="none")


class Sending:
    """Sends, and keeps what was logged and how long was waited."""

    def __init__(
        self, *webhooks: Webhook, email: Email | None = None, channels: tuple[Channel, ...] = (), timeout_s: float = 5
    ) -> None:
        self.events: list[tuple[str, dict[str, object]]] = []
        self.waits: list[float] = []
        settings = NotifySettings(webhooks=webhooks, email=email, channels=channels)
        self.notifier = Notifier(settings, emit=self._emit, pause=self.waits.append, timeout_s=timeout_s)

    def _emit(self, event: str, /, **facts: object) -> None:
        self.events.append((event, facts))

    def send(self, *messages: Message) -> Sending:
        for message in messages:
            self.notifier.send([message])
        return self

    @property
    def outcomes(self) -> list[tuple[str, object]]:
        return [(event, facts.get("error")) for event, facts in self.events]

    @property
    def only_error(self) -> str:
        [(event, facts)] = self.events
        assert "notification_failed" == event
        return str(facts["error"])
