"""Where the server of a deployment stands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Place:
    """What is known of the server at an address.

    facts  the name under which it stands: the deployment's, or another one while that is of a server at another address
    was    where the deployment was before and something is ours, as long as nobody said whether that is the same server
    since  when it came from there; where `facts` is another name, when it came to `was`
    """

    facts: str
    was: str = ""
    since: datetime | None = None


class Places(Protocol):
    """At which address each deployment was last worked on, and what is known of the servers that it had before."""

    def place(self, deployment: str, address: str) -> Place:
        """Say under which name stands what is known of its server at this address; empty: of the one of before."""
        ...

    def move(self, deployment: str, address: str, *, now: datetime) -> Place:
        """Let the deployment's name stand for the server at this address; what is known of another one is set aside."""
        ...

    def accept_server(self, deployment: str) -> None:
        """Take the server of now for the one that the deployment had before."""
        ...

    def leave_server(self, deployment: str) -> None:
        """Take the server that the deployment had before for another one."""
        ...
