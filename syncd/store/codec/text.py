"""Canonical text of JSON, compressed where it can be large, and the versions of what is written."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from syncd.errors import StoreError

VERSION = 1
UNKNOWN = datetime.min.replace(tzinfo=UTC)
"""Stands where a time is not known yet."""

Json = Any
"""What `json.loads` gives; each reader below knows the shape it wants."""


_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), default=str)


def dumps(value: Json) -> str:
    """Write canonical JSON; a value that JSON does not know is written as its text."""
    return _CANONICAL.encode(value)


def digest(text: str) -> str:
    """Tell a body from others."""
    return hashlib.sha256(text.encode("ascii")).hexdigest()


P = ParamSpec("P")
R = TypeVar("R")
_NOT_READ = (TypeError, KeyError, ValueError, IndexError, AttributeError, OverflowError, RecursionError, zlib.error)
"""What a reader raises that meets another shape than the one it knows."""


def reader(what: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Make a StoreError of whatever a reader meets that it does not know; `what` names the record.

    While replicas are upgraded one by one, the older ones meet records of the newer ones.
    """

    def decorated(read: Callable[P, R]) -> Callable[P, R]:
        @wraps(read)
        def reading(*args: P.args, **kwargs: P.kwargs) -> R:
            try:
                return read(*args, **kwargs)
            except _NOT_READ as error:
                raise StoreError(_unknown(what)) from error

        return reading

    return decorated


def _unknown(what: str) -> str:
    return (
        f"the database holds a record ({what}) that this syncd cannot read: it was written by a newer syncd; "
        "upgrade this one (or the record is damaged)"
    )


@reader("JSON")
def loads(text: str | bytes) -> Json:
    return json.loads(text)


def pack(text: str) -> bytes:
    """Compress; level 1, because the higher ones cost three times the time for a tenth of the size."""
    return zlib.compress(text.encode("ascii"), 1)


@reader("compressed JSON")
def unpack(packed: bytes) -> Json:
    return loads(zlib.decompress(packed))


def versioned(body: Json, *keys: str) -> Json:
    """Give a body of the version that this program reads, with no other keys than these in it.

    Raises:
        StoreError: it is of another version, or has keys that nobody here knows.
    """
    if body["v"] != VERSION:
        raise StoreError(
            f"the database holds a record of version {body['v']}, and this syncd reads version {VERSION}: "
            "it was written by a newer syncd; upgrade this one"
        )
    if unknown := body.keys() - {"v", *keys}:
        raise StoreError(_unknown(f"with {', '.join(sorted(unknown))}"))
    return body


def time_to(value: datetime) -> str:
    return value.astimezone(UTC).isoformat()


def time_from(text: str) -> datetime:
    """Read a moment. One without a zone is none: nobody can say how long ago it was."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(text)
    return moment.astimezone(UTC)


def until_to(value: datetime | None) -> str | None:
    return None if value is None else time_to(value)


def until_from(text: str | None) -> datetime | None:
    return None if text is None else time_from(text)
