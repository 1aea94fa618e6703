"""The application. Every request goes the same way: host, caller, right, query, body, note of a write, work, note.

A use is noted after it was answered. One that writes is noted before it is done as well, with the answer 0, and is not done
where that fails.
"""

from __future__ import annotations

import inspect
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from urllib.parse import unquote

from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from syncd.callers import HEADER
from syncd.control import Control, Right
from syncd.errors import SyncdError
from syncd.http.secrets import beginning, blotted
from syncd.ports import Emit, Queries, Uses
from syncd.render.lines import safe
from syncd.web.auth import SOCKET, Authenticator, Principal, at_socket
from syncd.web.endpoint import AppState, Endpoint, Payload, RequestContext, RunsOn
from syncd.web.endpoints import ENDPOINTS, OPEN, metrics
from syncd.web.openapi import document
from syncd.web.parameters import read_body, read_query
from syncd.web.problems import JSONResponse, Refusal, problem, refused
from syncd.web.timeouts import peer_of

AT_SOCKET = "syncd.socket"
"""In the scope of what came through the Unix socket; put there by the server."""
BEGUN = 0
"""The answer in the note of a write that is about to be done."""
LONGEST_DETAIL = 500

_NOBODY = Principal("", frozenset())
_LOCAL = Principal("", frozenset({Right.READ}))
"""Somebody on this machine without a token: told why the daemon is not ready, and nothing else."""
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def utc_now() -> datetime:
    """Tell the time, aware and in UTC."""
    return datetime.now(UTC)


def app(
    control: Control,
    queries: Queries,
    uses: Uses,
    *,
    auth: Authenticator,
    emit: Emit,
    clock: Callable[[], datetime] = utc_now,
) -> Starlette:
    """Put the API together. `auth` may be changed while it serves.

    It takes a request for one from outside unless its scope says that it came through the socket.
    """
    state = AppState(control, queries, uses, auth, clock, emit)
    routes = [Route(e.path, partial(_answered, state, e), methods=[e.method], name=e.path) for e in ENDPOINTS]
    description = JSONResponse(document(ENDPOINTS))

    async def openapi(_request: Request) -> Response:
        return description

    made = Starlette(
        routes=[*routes, Route("/openapi.json", openapi)],
        middleware=[Middleware(_Outermost, auth=auth)],
        exception_handlers={HTTPException: _not_routed},
    )
    made.router.redirect_slashes = False
    made.state.app_state = state
    return made


def state_of(made: Starlette) -> AppState:
    """Give what the endpoints of an application work with."""
    found = made.state.app_state
    assert isinstance(found, AppState)
    return found


class _Outermost:
    """Around everything: asks whether we are meant at all, and says how the answer may be used."""

    def __init__(self, inner: ASGIApp, *, auth: Authenticator) -> None:
        self._inner = inner
        self._auth = auth

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def sealed(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        host = Request(scope).headers.get("host", "")
        meant = scope.get(AT_SOCKET) is True or self._auth.knows_host(host)
        answer = self._inner if meant else problem(_not_meant(host))
        await answer(scope, receive, sealed)


def _not_meant(host: str) -> Refusal:
    return Refusal(
        421, f'the host "{host[:100]}" is not a name of this service; ask for localhost or the configured host'
    )


async def _not_routed(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    say = {
        404: "there is nothing at this path; /openapi.json lists what there is",
        405: "this path is not asked in this way; the header Allow says how",
    }
    return problem(Refusal(error.status_code, say.get(error.status_code, error.detail), error.headers))


# --- one request ------------------------------------------------------------------------------------------------------


async def _answered(state: AppState, endpoint: Endpoint, request: Request) -> Response:
    """Answer one request, whatever happens; note who asked, where they had to say who they are."""
    principal = _NOBODY
    try:
        principal = await _principal(state, _needs(state, endpoint), request)
        context = await _context(state, endpoint, request, principal)
        response = _response(await _done(state, endpoint, context, request))
    except Exception as error:  # noqa: BLE001 - one request that fails does not end the service; logged whole
        response = problem(_refusal(state, error))
    if endpoint.is_noted and principal.name:
        # after the answer went out: how the daemon stands is asked most when the database does not answer
        response.background = BackgroundTask(_note_after, state, request, principal, response.status_code)
    return response


def _needs(state: AppState, endpoint: Endpoint) -> frozenset[Right]:
    return OPEN if endpoint.handler is metrics and state.auth.open_metrics else endpoint.needs


async def _principal(state: AppState, needs: frozenset[Right], request: Request) -> Principal:
    """Find out who asks.

    Raises:
        Refusal: somebody has to be known for this, and is not.
    """
    if request.scope.get(AT_SOCKET) is True:
        return await _at_socket(state, request) if needs else SOCKET
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    found = None
    if kind.lower() == "bearer":
        found = await state.daemon_threads.run(partial(state.auth.principal_of, token.strip()))
    if found is not None:
        return found
    if needs:
        state.emit("api_refused", method=request.method, path=request.url.path)
        raise Refusal(401, "send a token: Authorization: Bearer ...", {"WWW-Authenticate": "Bearer"})
    return _LOCAL if state.auth.is_local else _NOBODY


async def _at_socket(state: AppState, request: Request) -> Principal:
    """Name who is at the other end, which may take a look into the list of users."""
    peer = peer_of(request.scope)
    if peer is None:
        return SOCKET
    return await state.daemon_threads.run(partial(at_socket, peer, unquote(request.headers.get(HEADER, ""))))


async def _context(state: AppState, endpoint: Endpoint, request: Request, principal: Principal) -> RequestContext:
    needs = _needs(state, endpoint)
    if needs and needs.isdisjoint(principal.rights):
        raise Refusal(403, f'the token "{principal.name}" has no right to {" or to ".join(sorted(needs))}')
    now = state.clock()
    return RequestContext(
        state,
        principal,
        path=request.path_params,
        query=read_query(request, endpoint.query, now=now),
        body=await read_body(request, within_s=state.body_s) if endpoint.method == "POST" else b"",
        now=now,
        is_gone=request.is_disconnected,
        origin=request.client.host if principal.is_token and request.client else "",
        wants_text=request.headers.get("accept", "").startswith("text/plain"),
        road=_road(request),
    )


def _road(request: Request) -> str:
    if request.scope.get(AT_SOCKET) is True:
        return "control socket"
    return f"HTTP from {request.client.host}" if request.client else "HTTP"


async def _done(state: AppState, endpoint: Endpoint, context: RequestContext, request: Request) -> Payload:
    if endpoint.writes:
        await _note(state, request, context.principal, BEGUN, context.body)
    match endpoint.runs_on:
        case RunsOn.DAEMON:
            found = await state.daemon_threads.run(partial(endpoint.handler, context))
        case RunsOn.DATABASE:
            found = await state.database_threads.run(partial(endpoint.handler, context))
        case RunsOn.EVENT_LOOP:
            found = endpoint.handler(context)
    return await found if inspect.isawaitable(found) else found


def _response(answer: Payload) -> Response:
    headers = dict(answer.headers)
    if answer.media:
        text = answer.content
        content = blotted(text).encode("utf-8", "replace") if isinstance(text, str) else text
        return Response(content, answer.status, headers=headers, media_type=answer.media)
    return JSONResponse(answer.content, answer.status, headers=headers)


def _refusal(state: AppState, error: Exception) -> Refusal:
    match error:
        case Refusal():
            return error
        case SyncdError():
            return refused(error)
        case _:
            number = uuid.uuid4().hex[:12]
            state.emit("api_failed", number=number, error=repr(error), exc_info=error)
            return Refusal(500, f"unexpected {type(error).__name__}; this is a defect, the log has it under {number}")


# --- who did what -----------------------------------------------------------------------------------------------------


async def _note(state: AppState, request: Request, principal: Principal, answer: int, body: bytes = b"") -> None:
    said = "; ".join(part for part in (request.url.query, body.decode(errors="replace")) if part)
    # what a caller wrote may hold anything; a NUL is more than PostgreSQL takes
    detail, what = (
        safe(beginning(said, LONGEST_DETAIL)),
        safe(beginning(f"{request.method} {request.url.path}", LONGEST_DETAIL)),
    )
    keep = partial(state.uses.record_use, principal.name, what, answer, now=state.clock(), detail=detail)
    await state.database_threads.run(keep)


async def _note_after(state: AppState, request: Request, principal: Principal, answer: int) -> None:
    """Note what is done already; where that fails the answer is given all the same, and the log has it."""
    try:
        await _note(state, request, principal, answer)
    except (SyncdError, Refusal) as error:
        path = f"{request.method} {request.url.path}"
        state.emit("use_not_recorded", who=principal.name, what=path, answer=answer, error=str(error))
