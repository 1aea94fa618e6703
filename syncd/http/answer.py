"""What a server answered, and what of it may be repeated to people."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from syncd.answers import parse_json
from syncd.http.secrets import beginning

DETAIL_LIMIT: Final = 200


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered. The body takes no part in its text form."""

    asked: str
    status: int
    content_type: str
    body: bytes = field(repr=False, default=b"")
    cookies: Mapping[str, str] = field(repr=False, default_factory=dict)
    location: str = ""
    headers: Mapping[str, str] = field(repr=False, default_factory=dict)
    """By name in lower case."""

    @property
    def json(self) -> object:
        """The body, where its type says JSON and it is; else None."""
        if not (self.content_type == "application/json" or self.content_type.endswith("+json")):
            return None
        try:
            return parse_json(self.body)
        except ValueError:
            return None

    @property
    def fields(self) -> Mapping[str, object]:
        """The body as a JSON object; empty where it is none."""
        found = self.json
        return found if isinstance(found, dict) else {}

    @property
    def detail(self) -> str:
        """The server's own sentence, where one came that is short and cannot repeat what was sent."""
        if self.status == 422:
            return _places(self.fields.get("detail"))
        fields = self.fields
        for name in ("detail", "title", "error"):
            text = fields.get(name)
            if isinstance(text, str) and text.strip():
                return beginning(" ".join(text.split()), DETAIL_LIMIT)
        return ""

    def __str__(self) -> str:
        """Say what came, for a sentence: `403 (Forbidden)`, `200 with a web page`, `302 to https://sso/login`."""
        if self.location:
            return f"{self.status} to {self.location}"
        if detail := self.detail:
            return f"{self.status} ({detail})"
        if self.content_type == "text/html":
            return f"{self.status} with a web page"
        return str(self.status)


def _places(problems: object) -> str:
    """Name the fields that a 422 complains of, and not what was in them."""
    if not isinstance(problems, list):
        return ""
    found = [p for p in problems if isinstance(p, dict) and isinstance(p.get("loc"), list)]
    words = [f"{'.'.join(str(x) for x in p['loc'])}: {p.get('type', 'refused')}" for p in found]
    return beginning(", ".join(words), DETAIL_LIMIT)


def shown(location: str) -> str:
    """Give an address of an answer without what may be secret in it: user, query, fragment, and secrets that are known."""
    return beginning(re.sub(r"(?<=//)[^/@]*+@", "", location.partition("?")[0].partition("#")[0]), DETAIL_LIMIT)
