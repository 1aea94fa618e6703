"""Who may come in: bearer tokens and their rights, and the names under which this host may be asked.

Who comes through the Unix socket is let in by the mode of its file and has all rights.
"""

from __future__ import annotations

import hmac
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from syncd.callers import caller, login_user
from syncd.config.settings import ApiToken, HttpSettings
from syncd.control import Right
from syncd.http.connection import is_loopback
from syncd.http.secrets import Fresh, Secret, SecretUnreadable
from syncd.web.timeouts import Peer

_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[^:\[\]/@\s]+)(?::\d{1,5})?", re.IGNORECASE)
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks: the name in the audit of use, and their rights."""

    name: str
    rights: frozenset[Right]
    is_token: bool = False
    """Whether the name is that of a token, and not of a user of this machine."""


SOCKET = Principal("socket", frozenset(Right))
"""Somebody at the Unix socket, where nobody needs to be known."""


def at_socket(peer: Peer, said: str, *, proc: Path = Path("/proc")) -> Principal:
    """Say who comes through the Unix socket: the user of the other process, and as whom they logged in.

    Where the kernel does not know that, who called sudo is what root says.
    """
    who = login_user(peer.pid, proc=proc) or (said if peer.uid == 0 else "")
    return Principal(caller(peer.uid, who), SOCKET.rights)


class Authenticator:
    """Knows the tokens of the configuration. May be asked from any thread; reads files, so not from the event loop."""

    def __init__(self, http: HttpSettings | None = None, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self.is_local = http is None or is_loopback(http.listen_host)
        self._hosts = _LOOPBACK | ({_bracketed(http.listen_host)} if http else set())
        self.change(http)

    def change(self, http: HttpSettings | None) -> None:
        """Take the tokens and the openness of metrics of another configuration from now on.

        Where we listen does not change while we do, and so neither does what follows from it.
        """
        self.open_metrics = http is None or http.open_metrics
        self._keys = tuple(_key(token, self._monotonic) for token in (http.tokens if http else ()))

    def principal_of(self, presented: str) -> Principal | None:
        """Find who presents a token; None: nobody we know.

        Every configured token is compared, each as a hash in constant time: how long it takes says neither whether one
        fits, nor which, nor how much of it. A file with a new token counts after 10 s (`Fresh`), and so does one that is gone.
        """
        keys = self._keys
        for key in keys:
            key.look_again()
        digest = sha256(presented.encode(errors="surrogateescape")).digest()
        found = [key for key in keys if hmac.compare_digest(key.hashed.value().digest, digest)]
        return (
            Principal(found[0].token.name, frozenset(map(Right, found[0].token.rights)), is_token=True)
            if found
            else None
        )

    def knows_host(self, header: str) -> bool:
        """Say whether a Host header is one of ours.

        On the loopback a page in somebody's browser could reach us under a name of its own making (DNS rebinding);
        elsewhere the names of this machine are not ours to know.
        """
        found = _HOST.fullmatch(header)
        return not self.is_local or (found is not None and found[1].lower() in self._hosts)


def _bracketed(host: str) -> str:
    return f"[{host.lower()}]" if ":" in host else host.lower()


_FILES = frozenset({"file", "credential"})
"""Secrets that somebody may replace while we run; a variable stays, and a command that gave one may cost."""


@dataclass(frozen=True, slots=True)
class _Hashed:
    """A token as it was read. One that cannot be read has a digest that nothing hashes to."""

    digest: bytes
    is_readable: bool = True


@dataclass(frozen=True, slots=True)
class _Key:
    """A token and how it was read last."""

    token: ApiToken
    hashed: Fresh[_Hashed]

    def look_again(self) -> None:
        """Read it again where it may be another one, or readable, by now."""
        if self.token.secret.kind in _FILES or not self.hashed.value().is_readable:
            self.hashed.renewed()


def _key(token: ApiToken, clock: Callable[[], float]) -> _Key:
    key = _Key(token, Fresh(lambda: _hashed(token.secret), clock=clock))
    key.hashed.value()
    return key


def _hashed(secret: Secret) -> _Hashed:
    try:
        return _Hashed(sha256(secret.read().encode()).digest())
    except SecretUnreadable:
        return _Hashed(secrets.token_bytes(32), is_readable=False)
