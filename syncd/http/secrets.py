"""Secrets by reference: where each is, reading it, and keeping what was read out of every text.

A secret is read each time that it is needed. What was read is known to this process from then on, and `blotted` takes it
out of any text, in each of the forms that others repeat it in: a server that repeats a password in its refusal, a library
that shows in its error what it could not encode. It is asked where texts come from elsewhere (`http.Answer`) and where
they go out: the log, what is printed, HTTP answers, alarms, sentences in the database.
"""

from __future__ import annotations

import base64
import html
import json
import os
import re
import select
import shlex
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from subprocess import DEVNULL, PIPE
from threading import Lock
from typing import Final, Generic, TypeVar
from urllib.parse import quote, quote_plus

from syncd.errors import SecretUnreadable as SecretUnreadable
from syncd.files import KIB, read_file

T = TypeVar("T")

BLOT: Final = "[secret]"
SHORTEST: Final = 8
"""Shorter secrets are left in texts: `admin` and `airflow` are words that stand in many of them."""
MOST_KNOWN: Final = 5_000
"""So many secrets are known at most; a command may give another token each time."""
FRESH_SECRET_S: Final = 10.0
"""A secret that was read so short a time ago is not read again when it is refused: it may be a command that costs."""
LARGEST: Final = 256 * KIB
"""The most bytes of a secret: certificates with their chains have some ten thousand."""


@dataclass(frozen=True, slots=True)
class Secret:
    """Where a secret is, never what it is.

    kind       | place
    env        | name of an environment variable
    file       | path of a file
    credential | name of a systemd credential: a file in $CREDENTIALS_DIRECTORY
    command    | program and arguments; what it prints is the secret (no shell)
    """

    kind: str
    place: tuple[str, ...]
    timeout_s: float = 10.0

    @classmethod
    def parse(cls, text: str) -> Secret:
        """Read a reference: `env:NAME`, `file:/path`, `credential:name`, `command:["program", "argument"]`.

        After `command:` a plain line is split as a shell would split it.

        Raises:
            ValueError: it is no reference; the message does not repeat the text, which may be the secret itself.
        """
        kind, colon, place = text.partition(":")
        if not colon or kind not in _RESOLVERS or not place.strip():
            raise ValueError(
                "a secret is given as env:NAME, file:/path, credential:name or command:[...]; never as itself"
            )
        if kind == "file" and not Path(place).is_absolute():
            raise ValueError("file: needs an absolute path")
        if kind == "credential" and Path(place).name != place:
            raise ValueError("credential: needs the name of a systemd credential, not a path")
        return cls(kind, _command(place) if kind == "command" else (place,))

    def read(self) -> str:
        """Resolve the reference now; a byte order mark and line ends at the end do not count.

        Raises:
            SecretUnreadable: nothing is there, nothing but blanks, or no text.
        """
        value = self.text()
        _KNOWN.add(value, by_reference=True)
        return value

    def header(self) -> str:
        """Resolve a secret that goes into a header.

        Raises:
            SecretUnreadable: as by `read`, or no header can carry it.
        """
        value = self.read().strip()
        if not is_header(value):
            raise SecretUnreadable(
                f"{self}: holds a character that no header can carry; look at quotes and line ends in it"
            )
        return value

    def text(self) -> str:
        """Do as `read` for what is no secret, though it is found in the same way: this process does not hide it."""
        try:
            value = _RESOLVERS[self.kind](self).removeprefix("\ufeff").rstrip("\r\n")
            value.encode()
        except UnicodeError:  # in the environment, bytes that are not UTF-8 stand as halves of surrogate pairs
            raise SecretUnreadable(f"{self}: is not UTF-8 text") from None
        if not value.strip():
            raise SecretUnreadable(f"{self}: is empty")
        if "\0" in value:
            raise SecretUnreadable(f"{self}: holds the character U+0000, so it is not text")
        return value

    def __str__(self) -> str:
        # Arguments of a command may name more than a reader of logs should see.
        return f"{self.kind}:{self.place[0]}" + (" ..." if len(self.place) > 1 else "")

    __repr__ = __str__


class Fresh(Generic[T]):
    """What is made of secrets, as they were last read; read again where a server refuses it, but not so soon after.

    A file or command may have another one by now, and a command may be one that costs: so not within `FRESH_SECRET_S`. Any
    thread may ask; two that ask in one moment may both read.
    """

    def __init__(self, read: Callable[[], T], *, clock: Callable[[], float]) -> None:
        self._read = read
        self._clock = clock
        self._held: T | None = None
        self._read_at = 0.0

    def value(self) -> T:
        """Give it; it is read when it is asked for first."""
        held = self._held  # another thread may renew it meanwhile
        if held is None:
            held = self._held = self._read()
            self._read_at = self._clock()
        return held

    def renewed(self) -> bool:
        """Read it again, unless that was done just now; True where it is another one."""
        before = self._held
        if before is not None and self._clock() - self._read_at < FRESH_SECRET_S:
            return False
        self._held = None
        return self.value() != before


def _command(place: str) -> tuple[str, ...]:
    if not place.lstrip().startswith("["):
        return tuple(shlex.split(place))
    try:
        words = json.loads(place)
    except ValueError:
        words = None
    if not isinstance(words, list) or not words or not all(isinstance(w, str) for w in words):
        raise ValueError('command: needs a list of words, as in command:["vault", "read", "airflow"]')
    return tuple(words)


def _from_env(secret: Secret) -> str:
    value = os.environ.get(secret.place[0])
    if value is None:
        raise SecretUnreadable(f"{secret}: the environment variable is not set")
    return value


def _from_file(secret: Secret) -> str:
    try:
        return read_file(Path(secret.place[0]), largest=LARGEST).decode()
    except (OSError, ValueError) as e:
        if isinstance(e, UnicodeDecodeError):
            raise
        if not isinstance(e, OSError):
            raise SecretUnreadable(f"{secret}: is not the name of a file") from None
        raise SecretUnreadable(f"{secret}: {e.strerror or 'cannot be read'}") from None


def _from_credential(secret: Secret) -> str:
    directory = os.environ.get("CREDENTIALS_DIRECTORY")
    if not directory:
        raise SecretUnreadable(f"{secret}: CREDENTIALS_DIRECTORY is not set; is LoadCredential= in the systemd unit?")
    return _from_file(Secret("file", (str(Path(directory) / secret.place[0]),)))


def _from_command(secret: Secret) -> str:
    until = time.monotonic() + secret.timeout_s
    try:
        process = subprocess.Popen(  # noqa: S603 - the operator's own command
            secret.place, stdout=PIPE, stderr=DEVNULL, stdin=DEVNULL, start_new_session=True
        )
    except OSError as e:
        raise SecretUnreadable(f"{secret}: {e.strerror or 'cannot be started'}") from None
    except ValueError:  # of U+0000 in a word
        raise SecretUnreadable(f"{secret}: is not the name of a program with its arguments") from None
    try:
        content = _printed(process, until)
        if len(content) > LARGEST:
            raise SecretUnreadable(f"{secret}: printed more than {LARGEST // KIB} KiB, which is no secret")
        code = process.wait(max(until - time.monotonic(), 0))
    except subprocess.TimeoutExpired:
        raise SecretUnreadable(f"{secret}: did not end within {secret.timeout_s:g} s") from None
    finally:
        _end(process)
    if code:
        raise SecretUnreadable(f"{secret}: ended with exit code {code}")
    return content.decode()


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a program and all that it started: a shell that is killed leaves its commands behind, and they go on for ever.

    One that runs as somebody else (`sudo`) cannot be ended; nobody waits for it then, and nobody listens.
    """
    assert process.stdout is not None
    process.stdout.close()
    if process.returncode is None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _printed(process: subprocess.Popen[bytes], until: float) -> bytes:
    """Read what a program prints to its end, or a little more than a secret may have.

    Raises:
        TimeoutExpired: it did not end in time.
    """
    assert process.stdout is not None
    content, ready = bytearray(), select.poll()  # select.select knows no descriptors above 1023
    ready.register(process.stdout)
    while len(content) <= LARGEST:
        if not ready.poll(max(until - time.monotonic(), 0) * 1000):
            raise subprocess.TimeoutExpired(process.args, 0)
        if not (piece := os.read(process.stdout.fileno(), 64 * KIB)):
            break
        content += piece
    return bytes(content)


_RESOLVERS: Final[Mapping[str, Callable[[Secret], str]]] = {
    "env": _from_env,
    "file": _from_file,
    "credential": _from_credential,
    "command": _from_command,
}


def is_header(value: str) -> bool:
    """Say whether a header can carry a text: characters of Latin-1, none of them a control."""
    return all(" " <= c <= "~" or "\xa0" <= c <= "\xff" for c in value)


# --- what is known, and taken out of texts ----------------------------------------------------------------------------


_HEX: Final = re.compile("%[0-9A-F]{2}")


class KnownSecrets:
    """The secrets that were read, in every form that others repeat them in. Any thread may call."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._values: dict[str, frozenset[str]] = {}
        self._by_reference: set[str] = set()
        self._forms: tuple[str, ...] = ()

    def add(self, value: str, *, by_reference: bool = False) -> None:
        """Know a secret from now on; when they are too many, tokens that servers made are forgotten first."""
        if by_reference and len(value) >= SHORTEST:
            self._by_reference.add(value)
        if len(value) < SHORTEST or value in self._values:
            return
        with self._lock:
            self._values[value] = frozenset(_forms(value))
            while len(self._values) > MOST_KNOWN:
                self._forget_one()
            forms = frozenset[str]().union(*self._values.values())
            self._forms = tuple(sorted(forms, key=lambda form: (-len(form), form)))  # a long one may hold a short one

    def _forget_one(self) -> None:
        oldest = next((value for value in self._values if value not in self._by_reference), next(iter(self._values)))
        del self._values[oldest]
        self._by_reference.discard(oldest)

    def blotted(self, text: str) -> str:
        for form in self._forms:
            if form in text:
                text = text.replace(form, BLOT)
        return text


def _forms(value: str) -> Iterator[str]:
    for part in {value, *_lines(value)}:
        escaped = json.dumps(part)[1:-1]
        as_bytes = part.encode("utf-8", "surrogateescape")
        written = (part, " ".join(part.split()), escaped, repr(part)[1:-1], escaped.replace("/", "\\/"))
        quoted = (quote(as_bytes, safe=""), quote(as_bytes), quote_plus(as_bytes))
        encoded = (
            *quoted,
            *(_HEX.sub(lambda found: found[0].lower(), form) for form in quoted),
            html.escape(part),
            html.escape(part, quote=False),
            base64.b64encode(as_bytes).decode().rstrip("="),
        )
        yield from (form for form in (*written, *encoded) if len(form) >= SHORTEST)


def _lines(value: str) -> Iterable[str]:
    """Give the lines of a secret of several, but those that say what it is (`-----BEGIN PRIVATE KEY-----`)."""
    lines = value.split()
    return (
        [line for line in lines if len(line) >= 4 * SHORTEST and not line.startswith("-----")] if "\n" in value else []
    )


_KNOWN: Final = KnownSecrets()
"""Of the whole process, as what it reads is: a text that is written anywhere may hold a secret that was read anywhere."""


def remember(value: str) -> None:
    """Keep a secret out of every text from now on. For what was not read by reference: a token that a server made."""
    _KNOWN.add(value)


def blotted(text: str) -> str:
    """Give a text with `[secret]` in the place of each secret that this process knows."""
    return _KNOWN.blotted(text)


def beginning(text: str, most: int) -> str:
    """Give the first characters of a text that came from elsewhere. Nobody knows half a secret, so it is cut after the blots."""
    return blotted(text)[:most]
