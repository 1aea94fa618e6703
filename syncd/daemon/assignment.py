"""Which replica works on which deployment: every replica that lives gets a share, and all work out the same shares.

A share is a preference, not a right: the lease of a deployment is what keeps two writers apart. So a moment in which two
replicas see different neighbours costs a busy answer, no more.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import socket
from collections.abc import Callable
from datetime import timedelta
from threading import Lock
from typing import Final

from syncd.ports import Replicas

BEAT: Final = timedelta(seconds=5)
TTL: Final = timedelta(seconds=15)
"""A replica that was not heard of for so long is gone."""


def new_name() -> str:
    """Name this process so that no other has the name, on no host and at no time."""
    return f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"


class Assignment:
    """The share of this replica. Any thread may call; before the first beat everything is ours."""

    def __init__(self, name: str, replicas: Replicas, *, emit: Callable[..., None]) -> None:
        self.name = name
        self._alive = replicas
        self._emit = emit
        self._lock = Lock()
        self._replicas: tuple[str, ...] = (name,)

    @property
    def replicas(self) -> tuple[str, ...]:
        with self._lock:
            return self._replicas

    def beat(self) -> bool:
        """Say that we live, and hear who else does; True where that changes the shares."""
        now = tuple(sorted({*self._alive.beat(self.name, ttl=TTL), self.name}))
        with self._lock:
            before, self._replicas = self._replicas, now
        for replica in sorted(set(now) - set(before)):
            self._emit("replica_joined", replica=replica)
        for replica in sorted(set(before) - set(now)):
            self._emit("replica_left", replica=replica)
        return now != before

    def leave(self) -> None:
        """Say that we go, so that the others need not wait until we are missed."""
        self._alive.leave(self.name)

    def is_ours(self, deployment: str) -> bool:
        """Say whether this replica works on a deployment: the one whose name and the deployment's hash highest."""
        return max(self.replicas, key=lambda replica: _weight(deployment, replica)) == self.name


def _weight(deployment: str, replica: str) -> bytes:
    return hashlib.sha256(f"{deployment}\n{replica}".encode()).digest()
