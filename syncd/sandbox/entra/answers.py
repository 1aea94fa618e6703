"""Requests, answers and errors in Graph's own form."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

JSON = "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8"
ERROR_DATE = "2026-11-22T09:00:00"


@dataclass(frozen=True, slots=True)
class Asked:
    """A request to Graph, by itself or in a batch. Header names are in lower case."""

    method: str
    path: str
    query_text: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(self.query_text, keep_blank_values=True))

    @property
    def url(self) -> str:
        return self.path + (f"?{self.query_text}" if self.query_text else "")


@dataclass(slots=True)
class GraphAnswer:
    """What goes back. `fields` is the JSON body; `raw`, where it is set, is sent in its place."""

    status: int
    fields: dict[str, object] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    content_type: str = JSON
    hangs: bool = False
    truncated: bool = False
    dropped: bool = False

    @property
    def body(self) -> bytes:
        text = json.dumps(self.fields, separators=(",", ":")).encode() if self.raw is None else self.raw
        return text[: len(text) // 2] if self.truncated else text


def error(status: int, code: str, message: str, **headers: str) -> GraphAnswer:
    """Refuse, in Graph's form. Underscores in names of headers stand for hyphens."""
    inner = {"date": ERROR_DATE, "request-id": "00000000-0000-4000-8000-00000000000e"}
    fields: dict[str, object] = {"error": {"code": code, "message": message, "innerError": inner}}
    return GraphAnswer(status, fields, {k.replace("_", "-"): v for k, v in headers.items()})


class GraphRefusal(Exception):
    """Ends the handling of a request with an error."""

    def __init__(self, status: int, code: str, message: str) -> None:
        self.answer = error(status, code, message)
        super().__init__(code)
