"""What an endpoint is: what it works with, what it is given, and what it gives."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any, Protocol

from syncd.control import Control, Right
from syncd.ports import Emit, Queries, Uses
from syncd.web.auth import Authenticator, Principal
from syncd.web.parameters import Parameter
from syncd.web.threads import Threads


@dataclass(slots=True)
class AppState:
    """What the endpoints work with. Questions to the daemon do not queue behind questions to the database."""

    control: Control
    queries: Queries
    uses: Uses
    auth: Authenticator
    clock: Callable[[], datetime]
    emit: Emit
    daemon_threads: Threads = field(default_factory=lambda: Threads(4))
    database_threads: Threads = field(default_factory=lambda: Threads(8))
    body_s: float = 10.0
    """So long may the body of a request take to arrive."""
    stopping: bool = False


@dataclass(frozen=True, slots=True)
class RequestContext:
    """A request whose caller has the right to make it; `query` and `body` are checked."""

    state: AppState
    principal: Principal
    path: Mapping[str, str]
    query: Mapping[str, Any]
    body: bytes
    now: datetime
    is_gone: Callable[[], Awaitable[bool]]
    wants_text: bool = False
    origin: str = ""
    """The address of a caller over TCP."""
    road: str = ""
    """On which road it came: the control socket, or HTTP and from where."""


@dataclass(frozen=True, slots=True)
class Payload:
    """`content` is a JSON value, or a text of the type `media`."""

    content: Any
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    media: str = ""


class RunsOn(Enum):
    """Whom an endpoint asks, and so where it runs."""

    EVENT_LOOP = "the event loop"
    DAEMON = "a thread"
    DATABASE = "a thread for the database"


class Handler(Protocol):
    __name__: str

    def __call__(self, context: RequestContext, /) -> Payload | Awaitable[Payload]: ...


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One path and method. `needs` are the rights of which one is enough; empty: nobody is asked who they are.

    `writes` marks what is noted before it is done, and is not done where it cannot be noted. `answers` gives for each
    status the name of the schema of its body, besides the problems that any request can meet.
    """

    method: str
    path: str
    needs: frozenset[Right]
    handler: Handler
    runs_on: RunsOn
    about: str
    answers: Mapping[int, str]
    query: tuple[Parameter, ...] = ()
    body: str = ""
    requires_body: bool = True
    writes: bool = False

    @property
    def name(self) -> str:
        return self.handler.__name__

    @property
    def is_noted(self) -> bool:
        return self.path.startswith("/api/")
