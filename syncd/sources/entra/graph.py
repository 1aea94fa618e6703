"""Requests to Graph: the token, waiting as Graph asks, sending again, batches, links. Judges answers, not their meaning.

An answer is what Graph itself said: JSON with its keys, or an error in its form. Whatever else comes (a web page of a proxy,
an empty 502, half a body) is no answer, and is asked for again.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from syncd.errors import SourceUnavailable
from syncd.http.backoff import ONCE, Retries, Waiting, wanted_s
from syncd.http.connection import Connection
from syncd.http.rests import Rest
from syncd.http.secrets import beginning
from syncd.http.session import NoAnswer, Session, TooLate
from syncd.sources.entra.settings import EntraSettings
from syncd.sources.entra.tokens import Tokens
from syncd.throttle import WANTS_REST

BATCH: Final = 20
"""Most requests in one $batch, as documented."""
TIMED_OUT: Final = 504
PASSING: Final = frozenset({0, 429, 500, 502, 503, 504})
LONGEST_CODES: Final = 200
TIME_OVER: Final = "the time for this read (deadline_s) was over before it could be asked for"
MOST_BYTES: Final = 4 * 1024 * 1024 * 1024
"""The most that one read takes: some ten million members of groups."""
GIVE_UP_AFTER: Final = 3
"""So many requests unanswered in a row, and the source counts as not answering."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One GET: path and query below the base URL, percent-encoded. `eventual` asks the index, which can count."""

    path: str
    eventual: bool = False

    @property
    def headers(self) -> dict[str, str]:
        return {"ConsistencyLevel": "eventual"} if self.eventual else {}


@dataclass(frozen=True, slots=True)
class GraphReply:
    """What came. `status` is 0 where nothing came that Graph said; then `why` says what did."""

    status: int
    fields: Mapping[str, object] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    why: str = ""
    late: bool = False
    """Whether a smaller page might have come in time."""

    @property
    def ok(self) -> bool:
        return self.status == 200

    @property
    def codes(self) -> frozenset[str]:
        """Graph's own error codes, outer and inner, in lower case; its messages change, its codes do not."""
        found: set[str] = set()
        error = self.fields.get("error")
        while isinstance(error, dict):
            found.add(str(error.get("code", "")).casefold())
            error = error.get("innerError") or error.get("innererror")
        return frozenset(found - {""})

    @property
    def is_gone(self) -> bool:
        """Graph itself says that there is no such object."""
        return self.status == 404 and "request_resourcenotfound" in self.codes

    @property
    def problem(self) -> str:
        """Say what is wrong, for a sentence; empty if nothing is."""
        if self.ok:
            return ""
        code = beginning(", ".join(sorted(self.codes)), LONGEST_CODES)
        return self.why or f"Graph answered {self.status}" + (f" ({code})" if code else "")


def judged(status: int, body: object, headers: Mapping[str, str], *, what: str) -> GraphReply:
    """Take an answer for one of Graph's only if it is in Graph's form: a JSON object, and in it `error` if it refuses."""
    if isinstance(body, dict) and ("error" in body) == (status >= 300):
        return GraphReply(status, body, headers, late=status == TIMED_OUT)
    if status >= 300:
        why = f"{what} answered {status}, not in Graph's form"
        return GraphReply(status if status in PASSING else 0, {}, headers, why, late=status == TIMED_OUT)
    return GraphReply(0, {}, headers, f"{what} answered {status} with something that is not Graph's JSON")


class SharedWait:
    """How long all threads wait: Graph's limit is one for the application, whichever request meets it."""

    def __init__(self, share: float, rest: Rest, waiting: Waiting) -> None:
        self._share = share
        self._rest = rest
        self._clock = waiting.clock
        self._pause = waiting.pause
        self._lock = threading.Lock()
        self._until = 0.0

    def wait(self) -> None:
        """Wait; what Graph asked for counts, whichever process it said it to."""
        with self._lock:
            rest_s = self._until - self._clock()
        rest_s = max(rest_s, self._rest.left_s())
        if rest_s > 0:
            self._pause(rest_s)

    def hold(self, seconds: float) -> None:
        with self._lock:
            self._until = max(self._until, self._clock() + seconds)

    def heed(self, headers: Mapping[str, str]) -> None:
        """Slow down in the measure in which Graph says that our share is exceeded; its window is 10 s."""
        try:
            used = float(headers.get("x-ms-throttle-limit-percentage", ""))
        except ValueError:
            return
        if used > self._share:
            self.hold(min(10.0, 10.0 * (used - self._share)))


class GraphClient:
    """Asks Graph, for any number of threads. `calls` counts the requests sent; a batch is one."""

    def __init__(
        self,
        source: str,
        settings: EntraSettings,
        tokens: Tokens,
        *,
        rest: Rest,
        waiting: Waiting = Waiting(),
        stopping: Callable[[], bool] = bool,
    ) -> None:
        self.source = source
        self.calls = 0
        self._settings = settings
        self._tokens = tokens
        self._pause = waiting.pause
        self._chance = waiting.chance
        self._retries = Retries(settings.attempts, settings.first_wait_s, settings.longest_wait_s)
        self._rest = rest
        self._clock = waiting.clock
        self._stopping = stopping
        self._deadline = math.inf
        self._bytes = 0
        self._shared_wait = SharedWait(settings.throttle_share, rest, waiting)
        self._lock = threading.Lock()
        self._idle: list[Session] = []
        self._unanswered = 0

    def begin(self) -> None:
        """Begin a read: from now on it may take `deadline_s`."""
        self._deadline, self._bytes = self._clock() + self._settings.deadline_s, 0

    @property
    def over(self) -> str:
        """Say why nothing more is asked in this read; empty: it is."""
        if self._clock() >= self._deadline:
            return TIME_OVER
        return f"the read is larger than {MOST_BYTES} bytes" if self._bytes > MOST_BYTES else ""

    def ask(self, asks: Sequence[Ask]) -> list[GraphReply]:
        """Ask one by itself or up to 20 in a batch; gives a final reply for each, in order.

        What fails in passing is sent again, in a batch by itself. A reply that is not `ok` is the last word; so it is where
        the time for this read is over, and then nothing is asked.

        Raises:
            SourceUnavailable: no token is to be had, it is refused, Graph does not answer any more, or wants to be left alone.
        """
        replies = [GraphReply(0)] * len(asks)
        open_ = list(range(len(asks)))
        for attempt, wait_s in enumerate(self._retries.tries(self._chance)):
            if why := self.over:
                return [GraphReply(0, why=why) if i in open_ else reply for i, reply in enumerate(replies)]
            for i, reply in zip(open_, self._once([asks[i] for i in open_]), strict=True):
                replies[i] = reply
            open_ = [i for i in open_ if replies[i].status in PASSING or (replies[i].status == 401 and attempt == 0)]
            if not open_ or not self._rested([replies[i] for i in open_], wait_s):
                break
        self._tally(replies, unanswered=len(open_) == len(asks))
        return replies

    def get(self, path: str) -> GraphReply:
        """Ask one."""
        return self.ask([Ask(path)])[0]

    def below(self, link: object) -> str | None:
        """Turn a link that Graph gave into a path below the base URL; None where it leads elsewhere."""
        if not isinstance(link, str):
            return None
        try:
            base, parts = urlsplit(self._settings.graph_url), urlsplit(link)
        except ValueError:  # it is no address
            return None
        path = parts.path.removeprefix(base.path)
        here = parts.scheme == base.scheme and parts.netloc.lower() == base.netloc.lower()
        if not here or not parts.path.startswith(f"{base.path}/") or parts.fragment:
            return None
        return path + (f"?{parts.query}" if parts.query else "")

    def close(self) -> None:
        with self._lock:
            while self._idle:
                self._idle.pop().close()

    # --- sending

    def _rested(self, failed: Sequence[GraphReply], wait_s: float | None) -> bool:
        """Wait before the next attempt; False where there is none, or it is not worth it."""
        if wait_s is None:
            return False
        asked_s = max((wanted_s(r.headers) or 0.0 for r in failed), default=0.0)
        if asked_s > self._settings.longest_wait_s:
            return True  # not to ask again: the next attempt says that Graph wants to be left alone, and until when
        wait_s = max(asked_s, wait_s if any(r.status != 401 for r in failed) else 0.0)
        if self._clock() + wait_s >= self._deadline:
            return False
        if asked_s or any(r.status == 429 for r in failed):
            self._shared_wait.hold(wait_s)
        else:
            self._pause(wait_s)
        return True

    def _tally(self, replies: Sequence[GraphReply], *, unanswered: bool) -> None:
        if any(r.status == 401 for r in replies):
            raise SourceUnavailable(f"source {self.source}: Graph refuses a new access token; look at `cloud`")
        with self._lock:
            self._unanswered = self._unanswered + 1 if unanswered else 0
            many = self._unanswered >= GIVE_UP_AFTER
        if many:
            raise SourceUnavailable(f"source {self.source}: Graph does not answer: {replies[0].problem}")

    def _once(self, asks: Sequence[Ask]) -> list[GraphReply]:
        self._may_ask()
        self._shared_wait.wait()
        self._may_ask()
        token = self._tokens.bearer()
        replies = self._batched(asks, token) if len(asks) > 1 else [self._single(asks[0], token)]
        for reply in replies:
            self._shared_wait.heed(reply.headers)
            if reply.status in WANTS_REST:
                self._rest.heard(wanted_s(reply.headers) or 0.0)
        if any(r.status == 401 for r in replies):
            self._tokens.reject(token)
        return replies

    def _may_ask(self) -> None:
        """See that Graph may be asked soon, and that anybody still wants to know."""
        if self._stopping():
            raise SourceUnavailable(f"source {self.source}: not read to its end, because syncd is stopping")
        if self._rest.left_s() > self._settings.longest_wait_s:
            raise SourceUnavailable(f"source {self.source}: {self._rest.why('Graph')}")

    def _single(self, ask: Ask, token: str) -> GraphReply:
        return self._sent("GET", ask.path, token, headers=ask.headers)

    def _batched(self, asks: Sequence[Ask], token: str) -> list[GraphReply]:
        wanted = [
            {"id": str(n), "method": "GET", "url": ask.path, "headers": ask.headers} for n, ask in enumerate(asks)
        ]
        outer = self._sent("POST", "/$batch", token, headers={}, body={"requests": wanted})
        if not outer.ok:
            return [outer] * len(asks)
        found = outer.fields.get("responses")
        listed = [r for r in found if isinstance(r, dict)] if isinstance(found, list) else []
        by_id = {id_: r for r in listed if isinstance(id_ := r.get("id"), str)}
        return [_inner(by_id.get(str(n))) for n in range(len(asks))]

    def _sent(
        self, method: str, path: str, token: str, *, headers: Mapping[str, str], body: object = None
    ) -> GraphReply:
        session = self._session()
        try:
            answer = session.send(method, path, body=body, headers={"Authorization": f"Bearer {token}", **headers})
        except NoAnswer as e:
            return GraphReply(0, why=str(e), late=isinstance(e, TooLate))
        finally:
            self._done(session)
        with self._lock:
            self._bytes += len(answer.body)
        return judged(answer.status, answer.json, answer.headers, what=answer.asked)

    def _session(self) -> Session:
        with self._lock:
            self.calls += 1
            if self._idle:
                return self._idle.pop()
        settings = self._settings
        connection = Connection(
            settings.graph_url,
            timeout_s=settings.timeout_s,
            connect_timeout_s=settings.connect_timeout_s,
            ca=settings.ca,
            proxy=settings.proxy,
            # background work: Graph may serve others first
            headers={"x-ms-throttle-priority": "Low"},
        )
        return Session(connection, retries=ONCE)

    def _done(self, session: Session) -> None:
        with self._lock:
            self._idle.append(session)


def _inner(response: object) -> GraphReply:
    """Judge one response of a batch; one that is missing is no answer."""
    if not isinstance(response, dict) or not isinstance(response.get("status"), int):
        return GraphReply(0, why="the answer is missing from a batch")
    headers = response.get("headers")
    names = {str(k).lower(): str(v) for k, v in headers.items()} if isinstance(headers, dict) else {}
    return judged(response["status"], response.get("body"), names, what="a request in a batch")
