"""Lies and failures that a stand-in Okta can be told to answer with, each applied to chosen requests."""

from __future__ import annotations

import base64
import gzip
import itertools
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from syncd.sandbox.okta.answers import HTML, OktaAnswer, error
from syncd.sandbox.okta.limits import rate_headers

_FRESH: Final = itertools.count()
BOMB: Final = 96 * 1024 * 1024
"""What the answer of a `bomb` is when it is unpacked."""
FOREIGN: Final = "https://evil.example"


@dataclass(slots=True)
class OktaFault:
    """One thing that goes wrong.

    kind   a name in FAULTS
    area   which requests: groups, group, members, users, user, token, or * for all but token
    at     the first of them that it strikes, counted from 1
    times  how many in a row; None means all from then on
    holds  part of the path or query that a request must have to be counted
    hang_s how long a `hang` lasts
    wait   what `told_to_wait` says in Retry-After
    above  only requests for more entries in a page than this
    """

    kind: str
    area: str = "*"
    at: int = 1
    times: int | None = 1
    holds: str = ""
    hang_s: float = 30.0
    wait: str = "150"
    above: int = 0
    seen: int = field(default=0, init=False)
    struck: int = field(default=0, init=False)

    def strikes(self, area: str, target: str) -> bool:
        """Count a request and say whether the fault is for it."""
        if (self.area != area and not (self.area == "*" and area != "token")) or self.holds not in target:
            return False
        if self.above and int(dict(parse_qsl(urlsplit(target).query)).get("limit", "0")) <= self.above:
            return False
        self.seen += 1
        struck = self.at <= self.seen and (self.times is None or self.seen < self.at + self.times)
        self.struck += struck
        return struck

    def apply(self, answer: OktaAnswer, previous: OktaAnswer | None) -> OktaAnswer:
        """Give what is sent instead. `previous` is the list's first page, where this is a later one."""
        if self.kind == "hang":
            return replace(answer, hang_s=self.hang_s)
        if self.kind == "told_to_wait":
            return replace(error("E0000047"), headers=[("Retry-After", self.wait)])
        return FAULTS[self.kind](answer, previous)


def _broken(status: int, body: bytes = b"", content_type: str | None = HTML) -> OktaAnswer:
    return OktaAnswer(status, body, content_type)


def _gateway_page(answer: OktaAnswer, previous: OktaAnswer | None) -> OktaAnswer:  # noqa: ARG001
    return _broken(502, b"<html><head><title>502 Bad Gateway</title></head></html>")


def _with_items(change: Callable[[list[Any]], list[Any]]) -> Callable[[OktaAnswer, OktaAnswer | None], OktaAnswer]:
    """Make a lie that changes the entries of a list; other answers stay as they are."""

    def lie(answer: OktaAnswer, previous: OktaAnswer | None) -> OktaAnswer:  # noqa: ARG001
        if answer.items is None:
            return answer
        changed = change([json.loads(item) for item in answer.items])
        return replace(answer, items=[json.dumps(item, separators=(",", ":")).encode() for item in changed])

    return lie


def _first(change: Callable[[dict[str, Any]], None]) -> Callable[[OktaAnswer, OktaAnswer | None], OktaAnswer]:
    return _some(slice(1), change)


def _every(change: Callable[[dict[str, Any]], None]) -> Callable[[OktaAnswer, OktaAnswer | None], OktaAnswer]:
    return _some(slice(None), change)


def _some(
    which: slice, change: Callable[[dict[str, Any]], None]
) -> Callable[[OktaAnswer, OktaAnswer | None], OktaAnswer]:
    def lie(items: list[Any]) -> list[Any]:
        for item in items[which]:
            change(item)
        return items

    return _with_items(lie)


def _stats(change: Callable[[int], int | None]) -> Callable[[OktaAnswer, OktaAnswer | None], OktaAnswer]:
    def lie(items: list[Any]) -> list[Any]:
        for item in items:
            stats = (item.get("_embedded") or {}).get("stats")
            if stats:
                stats["usersCount"] = change(stats["usersCount"])
        return items

    return _with_items(lie)


def _null_stats(item: dict[str, Any]) -> None:
    item["_embedded"] = None


def _null_fields(item: dict[str, Any]) -> None:
    for name in item:
        if name != "id":
            item[name] = None


def _null_names(item: dict[str, Any]) -> None:
    item["profile"].update({"firstName": None, "lastName": None, "email": None, "mobilePhone": None})


def _odd(item: dict[str, Any]) -> None:
    """Break the data model that Okta's own client checks a page with."""
    item["profile"].update({"email": "", "firstName": "x" * 60, "countryCode": "USA", "employeeNumber": 7})
    item["credentials"] = {"provider": {"type": "MARS", "name": "MARS"}}


def _repeated_page(answer: OktaAnswer, previous: OktaAnswer | None) -> OktaAnswer:
    return answer if previous is None else replace(answer, items=previous.items)


def _rate_limited(answer: OktaAnswer, previous: OktaAnswer | None) -> OktaAnswer:  # noqa: ARG001
    found = error("E0000047")
    return replace(found, headers=rate_headers(600, 0, math.ceil(answer.now) + 1))


def _concurrency_limited(answer: OktaAnswer, previous: OktaAnswer | None) -> OktaAnswer:  # noqa: ARG001
    found = error("E0000047", "API call exceeded rate limit due to too many concurrent requests.")
    return replace(found, headers=rate_headers(0, 0, math.ceil(answer.now) + 1))


def _endless(answer: OktaAnswer, previous: OktaAnswer | None) -> OktaAnswer:  # noqa: ARG001
    """Let a list go on at an address that was never seen before; there is nothing more on it."""
    if answer.items is None or answer.next_url is not None:
        return answer
    path = answer.self_url.partition("?")[0]
    return replace(answer, next_url=f"{path}?limit=5&after={_cursor(next(_FRESH))}")


def _cursor(number: int) -> str:
    return base64.b64encode(f"~~{number}".encode()).decode() + "%3D%2C"


def _bomb(answer: OktaAnswer, previous: OktaAnswer | None) -> OktaAnswer:  # noqa: ARG001
    packed = gzip.compress(b"[" + b" " * BOMB + b"]", 1)
    return replace(_broken(200, packed, "application/json"), headers=[("Content-Encoding", "gzip")])


def _foreign(answer: OktaAnswer, previous: OktaAnswer | None) -> OktaAnswer:  # noqa: ARG001
    if answer.next_url is None:
        return answer
    parts = urlsplit(answer.next_url)
    return replace(answer, next_url=f"{FOREIGN}{parts.path}?{parts.query}")


FAULTS: Final[Mapping[str, Callable[[OktaAnswer, OktaAnswer | None], OktaAnswer]]] = {
    "cut_body": lambda a, _: replace(a, cut=True),
    "truncated_json": lambda a, _: replace(a, items=None, body=a.content()[: max(len(a.content()) // 2, 1)]),
    "empty_200": lambda _a, _p: _broken(200, b"", "application/json"),
    "null_200": lambda _a, _p: _broken(200, b"null", "application/json"),
    "html_200": lambda _a, _p: _broken(200, b"<html>Sign in</html>"),
    "bad_text": lambda a, _: replace(a, items=None, body=a.content()[:-1] + b"\xff]"),
    "repeated_page": _repeated_page,
    "short_page": _with_items(lambda items: items[:-1]),
    "empty_page": lambda a, _: replace(a, items=[], next_url=None) if a.items is not None else a,
    "null_entry": _with_items(lambda items: [None, *items[1:]]),
    "lost_next": lambda a, _: replace(a, next_url=None),
    "circle": lambda a, _: replace(a, next_url=a.self_url) if a.next_url else a,
    "foreign_next": _foreign,
    "other_list_next": lambda a, _: (
        replace(a, next_url=a.next_url.replace("/api/v1/", "/api/v2/")) if a.next_url else a
    ),
    "next_first": lambda a, _: replace(a, next_first=True),
    "endless": _endless,
    "bomb": _bomb,
    "told_to_wait": lambda a, _: a,
    "blank_id": _first(lambda item: item.update(id="")),
    "odd_id": _first(lambda item: item.update(id="\ud800")),
    "redirect": lambda _a, _p: OktaAnswer(302, b"", None, headers=[("Location", f"{FOREIGN}/api/v1/groups")]),
    "empty_502": lambda _a, _p: _broken(502, b"", None),
    "html_502": _gateway_page,
    "timed_out_504": lambda _a, _p: _broken(504, b"<html>upstream request timeout</html>"),
    "empty_503": lambda _a, _p: _broken(503, b"", None),
    "read_only_503": lambda _a, _p: error("E0000010"),
    "error_500": lambda _a, _p: error("E0000009"),
    "limited": _rate_limited,
    "limited_bare": lambda _a, _p: error("E0000047"),
    "limited_concurrency": _concurrency_limited,
    "hang": lambda a, _: a,
    "revoked": lambda _a, _p: error("E0000011"),
    "forbidden": lambda _a, _p: error("E0000006"),
    "not_found": lambda _a, _p: error("E0000007"),
    "count_high": _stats(lambda count: count + 1),
    "count_low": _stats(lambda count: max(count - 1, 0)),
    "count_null": _stats(lambda _count: None),
    "stats_null": _every(_null_stats),
    "status_unknown": _first(lambda item: item.update(status="ACTIVATING")),
    "status_null": _first(lambda item: item.update(status=None)),
    "names_null": _first(_null_names),
    "fields_null": _first(_null_fields),
    "odd_person": _first(_odd),
}
"""Every lie by name: the true answer, and the list's first page, in, what is sent out."""
