"""`syncd audit export --to`: which syslog server, and how the journal gets there."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn
from urllib.parse import SplitResult, urlsplit

import typer

from syncd.render.lines import counted

if TYPE_CHECKING:
    import ssl

    from syncd.http.backoff import Waiting
    from syncd.notify.syslog import SyslogReceiver

AT_ONCE: Final = 100
"""So many messages are one conversation; so many go once more where it breaks."""
_TLS_PORT: Final = 6514
Rows = Sequence[tuple[int, str]]


def receiver_at(url: str, ca: Path | None, client_cert: Path | None, client_key: Path | None) -> SyslogReceiver:
    """Read the address of a syslog server, and the certificates."""
    from syncd.http.connection import is_loopback
    from syncd.notify.syslog import SyslogReceiver

    parts, port = _parts(url)
    host = parts.hostname or ""
    if parts.scheme == "syslog+tls":
        return SyslogReceiver(host, port or _TLS_PORT, _trust(ca, client_cert, client_key))
    if ca or client_cert or client_key:
        _refuse("certificates are for syslog+tls://")
    if not is_loopback(host):
        _refuse("over TCP everybody on the way reads the journal: write syslog+tls://, or forward from this machine")
    if port is None:
        _refuse("over TCP there is no usual port; write one: syslog+tcp://localhost:601")
    return SyslogReceiver(host, port, None)


def _parts(url: str) -> tuple[SplitResult, int | None]:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        _refuse("this is no address")
    if parts.scheme not in ("syslog+tls", "syslog+tcp") or not parts.hostname or port == 0:
        _refuse("an address such as syslog+tls://logs.example.com:6514 is wanted here")
    if parts.username is not None or parts.path.strip("/") or parts.query or parts.fragment:
        _refuse("only a host and a port are said here")
    return parts, port


def _refuse(why: str) -> NoReturn:
    raise typer.BadParameter(why, param_hint="--to")


def _trust(ca: Path | None, client_cert: Path | None, client_key: Path | None) -> ssl.SSLContext:
    import ssl

    if client_key and not client_cert:
        raise typer.BadParameter("a key is of a certificate: name that with --client-cert", param_hint="--client-key")
    try:
        trust = ssl.create_default_context(cafile=ca)
    except OSError as error:
        raise typer.BadParameter(f"{ca}: {_why(error)}", param_hint="--ca") from None
    try:
        if client_cert:
            trust.load_cert_chain(client_cert, client_key, password=lambda: "")  # never ask for one on the terminal
    except OSError as error:
        raise typer.BadParameter(f"{client_cert}: {_why(error)}", param_hint="--client-cert") from None
    return trust


def _why(error: OSError) -> str:
    import ssl

    if isinstance(error, ssl.SSLError):
        return "no certificate in PEM that can be used, with its key where one is needed"
    return error.strerror or str(error)


class SyslogDelivery:
    """Delivers lines, and says to which record they were taken. `facts_in`: where a line has the facts of its record."""

    def __init__(
        self,
        receiver: SyslogReceiver,
        *,
        facts_in: str,
        again: bool,
        told: Callable[[str], object],
        waiting: Waiting | None = None,
    ) -> None:
        from socket import gethostname

        from syncd.http.backoff import ONCE, Retries, Waiting
        from syncd.render.syslog import SyslogOrigin

        self._receiver = receiver
        self._facts_in = facts_in
        self._told = told
        self._origin = SyslogOrigin(gethostname(), os.getpid())
        self._retries = Retries(attempts=12, first_s=1.0, cap_s=60.0) if again else ONCE
        self._waiting = waiting or Waiting()
        self._sent = 0
        self._was_shortened = False

    def __str__(self) -> str:
        return f"syslog server {self._receiver}: it took {counted(self._sent, 'message', 'messages')}"

    def taken(self, last: int, rows: Rows) -> Iterator[int]:
        """Give the number of the last record each time that some more were taken."""
        from syncd.render.syslog import syslog_message

        for seq, lines in _batches(last, rows):
            messages = [syslog_message(line, self._origin, facts_in=self._facts_in) for line in lines]
            if messages:
                self._deliver(messages)
            self._sent += len(messages)
            self._note_short(lines, messages)
            yield seq

    def _note_short(self, lines: Sequence[str], messages: Sequence[bytes]) -> None:
        """Say it once where a line did not fit."""
        pairs = zip(lines, messages, strict=True)
        if not self._was_shortened and any(len(line) > len(message) for line, message in pairs):
            self._was_shortened = True
            self._told(
                "note: some records are too long for syslog, and only what they are went there (docs/evidence.md)"
            )

    def _deliver(self, messages: Sequence[bytes]) -> None:
        from syncd.errors import ReceiverUnavailable, ReceiverUnusable

        was_away = False
        for wait_s in self._retries.tries(self._waiting.chance):
            try:
                self._receiver.deliver(messages)
                break
            except ReceiverUnavailable as error:
                if wait_s is None or isinstance(error, ReceiverUnusable):
                    raise
                if not was_away:
                    self._told(f"{error}; trying again")
                was_away = True
            self._waiting.pause(wait_s)
        if was_away:
            self._told(f"syslog server {self._receiver}: it takes messages again")


def _batches(last: int, rows: Rows) -> Iterator[tuple[int, list[str]]]:
    """Divide the lines of a page between conversations; those of one record stay together."""
    batch: list[str] = []
    for seq, same in groupby(rows, itemgetter(0)):
        batch += [line for _, line in same]
        if len(batch) >= AT_ONCE:
            yield seq, batch
            batch = []
    yield last, batch
