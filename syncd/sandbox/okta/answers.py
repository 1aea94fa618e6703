"""Answers of a stand-in Okta, and its error bodies."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Final

JSON: Final = "application/json"
HTML: Final = "text/html; charset=utf-8"

_SUMMARIES: Final = {
    "E0000003": (400, "The request body was not well-formed."),
    "E0000004": (401, "Authentication failed"),
    "E0000005": (403, "Invalid session"),
    "E0000006": (403, "You do not have permission to perform the requested action"),
    "E0000007": (404, "Not found: Resource not found"),
    "E0000009": (500, "Internal Server Error"),
    "E0000010": (503, "Service is in read only mode"),
    "E0000011": (401, "Invalid token provided"),
    "E0000022": (405, "The endpoint does not support the provided HTTP method"),
    "E0000031": (400, "Invalid search criteria."),
    "E0000047": (429, "API call exceeded rate limit due to too many requests."),
}


@dataclass(slots=True)
class OktaAnswer:
    """What goes back over the wire.

    items     the entries of a list, each as JSON; `body` is made of them when it is sent, so faults can change them
    next_url  where the list goes on
    cut       the body ends in the middle although its length was announced
    hang_s    how long nothing at all is sent
    now       the server's time
    """

    status: int = 200
    body: bytes = b""
    content_type: str | None = JSON
    headers: list[tuple[str, str]] = field(default_factory=list)
    items: list[bytes] | None = None
    self_url: str = ""
    next_url: str | None = None
    next_first: bool = False
    cut: bool = False
    hang_s: float = 0.0
    now: float = 0.0

    def content(self) -> bytes:
        return self.body if self.items is None else b"[" + b",".join(self.items) + b"]"

    def links(self) -> list[tuple[str, str]]:
        """Two header lines, as Okta sends them; which comes first is not promised."""
        if self.items is None:
            return []
        found = [("link", f'<{self.self_url}>; rel="self"')]
        if self.next_url:
            found.append(("link", f'<{self.next_url}>; rel="next"'))
        return found[::-1] if self.next_first else found


def answer(value: object, status: int = 200) -> OktaAnswer:
    """Answer with one JSON value."""
    return OktaAnswer(status, json.dumps(value, separators=(",", ":")).encode())


def error(code: str, summary: str | None = None) -> OktaAnswer:
    """Answer with an error of the management API; the code decides the status."""
    status, usual = _SUMMARIES[code]
    body: dict[str, Any] = {
        "errorCode": code,
        "errorSummary": summary or usual,
        "errorLink": code,
        "errorId": "oaeHfmOAx1iRLa0H10DeMz5fQ",
        "errorCauses": [],
    }
    return answer(body, status)


def oauth_error(status: int, code: str, description: str) -> OktaAnswer:
    """Answer with an error of the token endpoint."""
    return answer({"error": code, "error_description": description}, status)
