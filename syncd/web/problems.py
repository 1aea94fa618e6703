"""What is wrong with a request, as the answer that says so: application/problem+json (RFC 9457) with one sentence."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus

from starlette.responses import JSONResponse as _JSONResponse

from syncd.access.granting import GrantRefused
from syncd.control import NotKnown, NotNow
from syncd.errors import InvalidInput, StoreError, SyncdError
from syncd.http.secrets import blotted
from syncd.orders import NotMeant

RETRY_S = 5
"""When to ask again, where the daemon says that it cannot do something now."""


class Refusal(Exception):
    """A request that is not done, and why."""

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = headers or {}


def refused(error: SyncdError) -> Refusal:
    """Give the answer to a request that ended with one of our own errors."""
    match error:
        case NotKnown():
            return Refusal(404, str(error))
        case NotNow() | StoreError():
            return Refusal(503, str(error), {"Retry-After": str(RETRY_S)})
        case InvalidInput() | NotMeant() | GrantRefused():
            return Refusal(422, str(error))
        case _:
            return Refusal(500, str(error))


class JSONResponse(_JSONResponse):
    """JSON that can be sent whatever text is in it: a lone half of a surrogate pair is no UTF-8, and becomes a `?`.

    No secret that this process knows is in it.
    """

    def render(self, content: object) -> bytes:
        text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        return blotted(text).encode("utf-8", "replace")


def problem(refusal: Refusal) -> JSONResponse:
    """Give the answer."""
    body = {
        "type": "about:blank",
        "title": HTTPStatus(refusal.status).phrase,
        "status": refusal.status,
        "detail": refusal.detail,
    }
    headers = dict(refusal.headers)
    return JSONResponse(body, refusal.status, headers=headers, media_type="application/problem+json")
