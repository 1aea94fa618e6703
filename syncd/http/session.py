"""One HTTP session for every adapter: time-outs, bounded retries, size cap, secrets by reference, nothing secret in errors.

What the rest may rely on:

- only the configured host is ever asked, so only it ever sees a credential; a redirect is an answer, not followed;
- the environment changes nothing: no proxy, CA bundle or netrc is taken from it, only from the `Connection`;
- an answer has one deadline for everything in it, head and trailers too, and one bound of bytes (see `metered`);
- no cookie is kept; who wants to send one says so in each request;
- reads are tried again on a dropped connection, 429, 502, 503 and 504; writes never, because they may have been done;
- where a `Throttle` is given, it lets every request through and hears how each one went; without one nothing is held back;
- headers that are secrets are read again when a server refuses them, because a file or command may have newer ones;
- what came is told without the secrets that this process knows (see `secrets`), whoever repeats them;
- a message holds what was asked and what came, never a body, save for a short `detail` that is not part of a 422
  (Airflow 3 repeats the request in a 422, passwords included).
"""

from __future__ import annotations

import http.client
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from http.cookies import CookieError, SimpleCookie
from typing import Final
from urllib.parse import urlencode

import requests
import urllib3

from syncd.errors import EXIT_NO_ANSWER, SyncdError
from syncd.http.answer import Answer, shown
from syncd.http.backoff import ONCE, Retries, Waiting, wanted_s
from syncd.http.connection import Connection
from syncd.http.metered import ReadLimit, TooLarge, TooSlow
from syncd.http.reasons import LATE, Bounds, failure_of, sentence
from syncd.http.rests import Rest
from syncd.http.secrets import Fresh, Secret
from syncd.http.transport import Transport
from syncd.throttle import LEFT_ALONE, LONGEST_WAIT_S, WANTS_REST, CircuitOpen, Throttle

TRY_AGAIN: Final = frozenset({429, 502, 503, 504})
REFUSES: Final = frozenset({301, 302, 303, 307, 401, 403, 407})
"""Whoever answers so wants another proof of who is asking: Airflow itself, or a gateway before it that shows its login."""
HEAD_CAP: Final = 1024 * 1024
"""What may come besides the body: the head, chunk sizes and trailers."""


class NoAnswer(SyncdError):
    """No answer came that can be judged; a write may have been done all the same."""

    exit_code = EXIT_NO_ANSWER


class TooLate(NoAnswer):
    """It did not come in time, or was too much: less may."""


class NotAsked(NoAnswer):
    """The request was not sent, so it was not done: the server needs rest."""


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    url: str
    what: str
    body: object
    headers: Mapping[str, str]
    timeout_s: float
    deadline: float
    ready: Callable[[], None] | None = None

    @property
    def asked(self) -> str:
        return f"{self.method} {self.url.partition('?')[0]}"


class Session:
    """Asks one server. Not for use by several threads at once; several one after the other do no harm.

    `calls` counts the requests made, repeated ones included; `answered` those that got an answer below 500.
    Tests give `waiting` of their own.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        retries: Retries = Retries(),
        size_cap: int = 64 * 1024 * 1024,
        throttle: Throttle | None = None,
        rest: Rest | None = None,
        waiting: Waiting = Waiting(),
    ) -> None:
        self.connection = connection
        self.calls = 0
        self.answered = 0
        self._retries = retries
        self._size_cap = size_cap
        self._throttle = throttle
        self._rest = rest
        self._clock = waiting.clock
        self._pause = waiting.pause
        self._chance = waiting.chance
        self._headers = Fresh(lambda: _read(connection.headers), clock=waiting.clock)
        self._has_secrets = any(isinstance(value, Secret) for value in connection.headers.values())
        self._limit = ReadLimit(waiting.clock)
        self._transport = _transport(connection, self._limit)

    def send(
        self,
        method: str,
        path: str,
        *,
        query: Sequence[tuple[str, str]] = (),
        body: object = None,
        headers: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
        repeatable: bool | None = None,
        what: str = "",
        ready: Callable[[], None] | None = None,
    ) -> Answer:
        """Ask, and give whatever answer comes.

        `path` is percent-encoded and begins with one slash; the base URL's path is put in front. `repeatable` says that
        asking twice does no harm (default: for GET only). `what` is what the throttle is told was asked (default: the path).
        `ready` is called before each try, when all waiting is over; what it raises keeps the request from being sent.

        Raises:
            NotAsked: it was not sent; the throttle lets nothing through now.
            NoAnswer: nothing came that can be judged.
            SecretUnreadable: a header's secret cannot be read.
        """
        assert path.startswith("/"), "only the configured host is asked"
        url = self.connection.root + path + (f"?{urlencode(query)}" if query else "")
        timeout_s = timeout_s or self.connection.timeout_s
        deadline = self._clock() + 3 * timeout_s + self.connection.connect_timeout_s
        request = _Request(method, url, what or path, body, headers or {}, timeout_s, deadline, ready)
        retries = self._retries if (method == "GET" if repeatable is None else repeatable) else ONCE
        answer = self._try(request, retries)
        if answer.status in REFUSES and self._has_secrets and self._headers.renewed():
            answer = self._try(request, retries)  # a refused write was not done
        return answer

    def _try(self, request: _Request, retries: Retries) -> Answer:
        for wait_s in retries.tries(self._chance):
            try:
                answer = self._once(request)
            except NotAsked:
                raise
            except NoAnswer:
                if not self._waited(wait_s, None, request.deadline):
                    raise
                continue
            if answer.status not in TRY_AGAIN or not self._waited(wait_s, wanted_s(answer.headers), request.deadline):
                return answer
        raise AssertionError("the last try returns or raises")

    def close(self) -> None:
        self._transport.close()

    def _waited(self, wait_s: float | None, asked_s: float | None, deadline: float) -> bool:
        """Wait before the next try, as long as the server asked for if it did; False where there is none, or no time for it."""
        if wait_s is None:
            return False
        if asked_s is not None:
            wait_s = min(asked_s, self._retries.cap_s)
        if self._clock() + wait_s >= deadline:
            return False
        if asked_s is None or self._throttle is None:  # else the throttle waits, and for everybody
            self._pause(wait_s)
        return True

    def _once(self, request: _Request) -> Answer:
        """Ask once, when the throttle says so, and tell it how that went."""
        headers = {"Accept": "application/json", **self._headers.value(), **request.headers}
        request = replace(request, deadline=request.deadline + self._let_in(request))
        began = self._clock()
        try:
            answer = self._ask(request, headers)
        except NoAnswer as error:
            if self._throttle is not None:
                self._throttle.left(request.method, request.what, None, self._clock() - began, said=str(error))
            raise
        seconds, asked_s = self._clock() - began, wanted_s(answer.headers)
        if self._throttle is not None:
            self._throttle.left(
                request.method, request.what, answer.status, seconds, retry_after_s=asked_s, said=_failed(answer)
            )
        if self._rest is not None and answer.status in WANTS_REST:
            self._rest.heard(asked_s or 0.0)
        return answer

    def _let_in(self, request: _Request) -> float:
        """Wait until the throttle lets the request through, then let the caller have the last word; gives how long that took."""
        began = self._clock()
        self._let_rest(request)
        try:
            if self._throttle is not None:
                self._throttle.enter()
        except CircuitOpen as e:
            raise NotAsked(
                f"{e.cause} (not asked again now: {e})" if e.cause else f"{request.asked}: not asked: {e}"
            ) from e
        if request.ready is not None:
            request.ready()
        return self._clock() - began

    def _let_rest(self, request: _Request) -> None:
        """Wait for what the server asked for while another process talked to it, or this one before its restart."""
        left_s = self._rest.left_s() if self._rest is not None else 0.0
        if left_s > 0 and self._throttle is not None:
            self._throttle.let_rest(left_s)
        elif left_s > LONGEST_WAIT_S:
            raise NotAsked(f"{request.asked}: not asked: {CircuitOpen(left_s, LEFT_ALONE)}")
        elif left_s > 0:
            self._pause(left_s)

    def _ask(self, request: _Request, headers: Mapping[str, str]) -> Answer:
        self.calls += 1
        self._limit.begin(until=request.deadline, silence_s=request.timeout_s, most=self._size_cap + HEAD_CAP)
        try:
            with self._transport.send(
                request.method,
                request.url,
                json=request.body,
                headers=headers,
                timeout=(self.connection.connect_timeout_s, request.timeout_s),
            ) as response:
                content = self._content(response)
        except (requests.RequestException, urllib3.exceptions.HTTPError, http.client.HTTPException, OSError) as e:
            kind = TooLate if failure_of(e) in LATE else NoAnswer
            raise kind(f"{request.asked}: {self._reason(e, request)}") from None
        except UnicodeEncodeError:
            raise NoAnswer(f"{request.asked}: not asked: a header holds a character that no header can carry") from None
        except ValueError:
            # of urllib3 or requests, about an address in the answer; its text repeats that
            raise NoAnswer(f"{request.asked}: the answer cannot be understood; is this the right address?") from None
        self.answered += response.status_code < 500
        return _answer(request.asked, response, content)

    def _content(self, response: requests.Response) -> bytes:
        """Read the body, unpacked: never more than the cap."""
        content = bytearray()
        while piece := response.raw.read1(65536, decode_content=True):
            content += piece
            if len(content) > self._size_cap:
                raise TooLarge
            if self._limit.rest_s < 0:
                raise TooSlow
        return bytes(content)

    def _reason(self, error: BaseException, request: _Request) -> str:
        bounds = Bounds(self.connection.connect_timeout_s, request.timeout_s, f"{self._size_cap} bytes")
        return sentence(failure_of(error), bounds, error)


def _failed(answer: Answer) -> str:
    """Say what a server did that is broken, for whoever is not let through to it afterwards."""
    return f"{answer.asked} gave {answer}" if answer.status >= 500 else ""


def _read(headers: Mapping[str, str | Secret]) -> Mapping[str, str]:
    return {name: value.header() if isinstance(value, Secret) else value for name, value in headers.items()}


def _transport(connection: Connection, limit: ReadLimit) -> Transport:
    cert, key, proxy = connection.client_cert, connection.client_key, connection.proxy
    return Transport(
        limit,
        verify=str(connection.ca) if connection.ca else True,
        cert=(str(cert), str(key)) if cert and key else str(cert) if cert else None,
        proxies={"http": proxy, "https": proxy} if proxy else None,
    )


def _answer(asked: str, response: requests.Response, content: bytes) -> Answer:
    location = response.headers.get("Location", "") if 300 <= response.status_code < 400 else ""
    return Answer(
        asked,
        response.status_code,
        response.headers.get("Content-Type", "").partition(";")[0].strip().lower(),
        content,
        _cookies(response.raw.headers.getlist("Set-Cookie")),
        shown(location),
        {name.lower(): value for name, value in response.headers.items()},
    )


def _cookies(lines: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in lines:
        try:
            found |= {name: morsel.value for name, morsel in SimpleCookie(line).items()}
        except CookieError:
            continue
    return found
