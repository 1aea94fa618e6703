"""What a request says: its query, checked key by key, and its body."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from starlette.requests import ClientDisconnect, Request

from syncd.callers import NAME_RULE, REASON_RULE, is_caller, is_reason
from syncd.control import Order
from syncd.text.moment import read_moment
from syncd.web.problems import Refusal

LARGEST_BODY = 64 * 1024
LARGEST_READ = 1024 * 1024
"""So much is read of a body that is too large, because its sender only reads our answer after all was sent."""
MOST_ROWS = 1000
DEEPEST = 100_000
LONGEST_NAME = 256
LONGEST_WAIT_S = 60

_BAD = re.compile("[\0\ud800-\udfff]")
_NOT_IN_NAMES = "none of them NUL or half of a surrogate pair"


# --- queries ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Parameter:
    """One key of a query: how its text is read (raising ValueError with what it should be), and what it means."""

    name: str
    about: str
    read: Callable[[str, datetime], object]
    schema: Mapping[str, Any]
    default: object = None


def word(name: str, about: str) -> Parameter:
    def read(text: str, _now: datetime) -> str:
        if not is_name(text):
            raise ValueError(f"give 1 to {LONGEST_NAME} characters, {_NOT_IN_NAMES}")
        return text

    return Parameter(name, about, read, {"type": "string", "minLength": 1, "maxLength": LONGEST_NAME})


def is_name(value: object) -> bool:
    """Say whether something can be a name: not too long, and nothing in it that cannot be kept or sent."""
    return isinstance(value, str) and 0 < len(value) <= LONGEST_NAME and not _BAD.search(value)


def choice(name: str, about: str, options: Sequence[str]) -> Parameter:
    def read(text: str, _now: datetime) -> str:
        if text not in options:
            raise ValueError(f"it is one of {', '.join(options)}")
        return text

    return Parameter(name, about, read, {"type": "string", "enum": list(options)})


def whole(name: str, about: str, *, least: int, most: int, default: int | None = None) -> Parameter:
    def read(text: str, _now: datetime) -> int:
        if not re.fullmatch(r"[0-9]{1,18}", text) or not least <= int(text) <= most:
            raise ValueError(f"it is a whole number from {least} to {most}")
        return int(text)

    return Parameter(name, about, read, {"type": "integer", "minimum": least, "maximum": most}, default)


def moment(name: str, about: str) -> Parameter:
    return Parameter(name, f"{about} A date or time of ISO 8601, or 12h, 7d ago.", _moment, {"type": "string"})


def _moment(text: str, now: datetime) -> datetime:
    # a plus sign in a query is read as a blank
    return read_moment(text.replace(" ", "+") if "T" in text else text, now=now)


PAGE = (
    whole("limit", "At most so many, the first of them.", least=1, most=MOST_ROWS, default=100),
    whole("offset", "Leave out so many first.", least=0, most=DEEPEST, default=0),
)


def read_query(request: Request, known: Sequence[Parameter], *, now: datetime) -> dict[str, Any]:
    """Read the query; what is not given has its default.

    Raises:
        Refusal: a key is unknown, given twice, or has a value that it cannot have.
    """
    found: dict[str, Any] = {parameter.name: parameter.default for parameter in known}
    readers = {parameter.name: parameter for parameter in known}
    given: set[str] = set()
    for name, text in request.query_params.multi_items():
        if name not in readers:
            there = f"there are {', '.join(readers)}" if readers else "there are none here"
            raise Refusal(400, f'query: "{name[:LONGEST_NAME]}" is not known; {there}')
        if name in given:
            raise Refusal(400, f"query: {name} is given twice")
        given.add(name)
        try:
            found[name] = readers[name].read(text, now)
        except ValueError as error:
            raise Refusal(400, f"query: {name}: {error}") from None
    return found


# --- bodies -----------------------------------------------------------------------------------------------------------


async def read_body(request: Request, *, within_s: float) -> bytes:
    """Read the whole body of a request that has one, and see that it says it is JSON.

    Raises:
        Refusal: it is too large, too slow, or of another type.
    """
    try:
        async with asyncio.timeout(within_s):
            body = await _whole_body(request)
    except TimeoutError:
        raise Refusal(408, f"the body did not arrive within {within_s:g} s", {"Connection": "close"}) from None
    except ClientDisconnect:
        raise Refusal(400, "the caller went away before the body was whole") from None
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if body and kind != "application/json":
        raise Refusal(415, "the body has to be JSON: send Content-Type: application/json")
    return body


async def _whole_body(request: Request) -> bytes:
    body, size = bytearray(), 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > LARGEST_READ:
            break
        body += chunk if size <= LARGEST_BODY else b""
    if size > LARGEST_BODY:
        raise Refusal(413, f"the body is larger than {LARGEST_BODY} bytes", {"Connection": "close"})
    return bytes(body)


def read_object(body: bytes) -> dict[str, Any]:
    """Read a body as one JSON object.

    Raises:
        Refusal: it is none.
    """
    try:
        found = json.loads(body, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        raise Refusal(400, "the body is no JSON") from None
    if not isinstance(found, dict):
        raise Refusal(400, "the body has to be a JSON object")
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a key that is given twice: of two lists of names one would silently not count."""
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise Refusal(400, f'body: "{name[:LONGEST_NAME]}" is given twice')
        found[name] = value
    return found


_NAMES = ("users", "groups", "deployments", "dags")


def read_order(body: bytes, *, by: str) -> Order:
    """Read what somebody wants reconciled. There has to be a body, so that nobody asks for everything by mistake.

    Raises:
        Refusal: with the key that is wrong.
    """
    if not body:
        raise Refusal(400, "the body has to be a JSON object; {} asks for everything")
    found = read_object(body)
    known = (*_NAMES, "dry_run")
    for name in found:
        if name not in known:
            raise Refusal(400, f'body: "{name[:LONGEST_NAME]}" is not known; there are {", ".join(known)}')
    if not isinstance(dry_run := found.get("dry_run", False), bool):
        raise Refusal(400, "body: dry_run is true or false")
    users, groups, deployments, dags = (_names(name, found.get(name, [])) for name in _NAMES)
    return Order(users, groups, deployments, dags, dry_run=dry_run, by=by)


def _names(key: str, value: object) -> frozenset[str]:
    if not isinstance(value, list) or not all(map(is_name, value)):
        raise Refusal(400, f"body: {key} is a list of names, each of 1 to {LONGEST_NAME} characters, {_NOT_IN_NAMES}")
    assert isinstance(value, list)
    return frozenset(value)


def read_approval(body: bytes) -> dict[str, str]:
    """Read who approves, as `approver`, and for what `reason`; the body may be left out.

    Raises:
        Refusal: with the key that is wrong.
    """
    found = read_object(body) if body else {}
    rules = {"as": (is_caller, NAME_RULE), "reason": (is_reason, REASON_RULE)}
    for key, value in found.items():
        if key not in rules:
            raise Refusal(400, f'body: "{key[:LONGEST_NAME]}" is not known; there are as, reason')
        fits, rule = rules[key]
        if not isinstance(value, str) or not fits(value):
            raise Refusal(400, f"body: {key}: write {rule}")
    return {"approver": found.get("as", ""), "reason": found.get("reason", "")}


def read_nothing(body: bytes) -> None:
    """See that there is no body, or an empty object.

    Raises:
        Refusal: it says something.
    """
    if body and read_object(body):
        raise Refusal(400, "nothing can be said in the body here; leave it out")
