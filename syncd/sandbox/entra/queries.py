"""What the stand-in Graph reads out of a request's query, and refuses there."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from syncd.sandbox.entra.answers import Asked, GraphRefusal

T = TypeVar("T")


def selected(asked: Asked, known: tuple[str, ...]) -> Sequence[str]:
    wanted = asked.query.get("$select", "")
    return [n for n in wanted.split(",") if n in known] + ["id"] * ("id" not in wanted.split(",")) if wanted else known


def top(query: dict[str, str], default: int) -> int:
    text = query.get("$top", str(default))
    if not text.isdigit() or not 1 <= int(text) <= 999:
        raise GraphRefusal(
            400, "Request_BadRequest", "Invalid page size specified. Must be between 1 and 999 inclusive."
        )
    return int(text)


def need_advanced(asked: Asked, *, counted: bool = False) -> None:
    """Refuse an advanced query that is not asked as one; `counted`: it is one for a number, which needs no `$count`."""
    if asked.headers.get("consistencylevel") != "eventual" or not (counted or asked.query.get("$count") == "true"):
        raise GraphRefusal(
            400, "Request_UnsupportedQuery", "OData casts need ConsistencyLevel: eventual and $count=true."
        )


def filtered(asked: Asked, things: Iterable[T], name: str, value: Callable[[T], str]) -> list[T]:
    text = asked.query.get("$filter")
    if text is None:
        return list(things)
    equal = re.fullmatch(rf"{name} eq '((?:[^']|'')*)'", text)
    starts = re.fullmatch(rf"startswith\({name},'((?:[^']|'')*)'\)", text)
    if not (found := equal or starts):
        raise GraphRefusal(400, "Request_UnsupportedQuery", "Unsupported or invalid query filter clause specified.")
    wanted = found[1].replace("''", "'").casefold()
    if equal:
        return [t for t in things if value(t).casefold() == wanted]
    return [t for t in things if value(t).casefold().startswith(wanted)]


def sealed(**state: int) -> str:
    return base64.urlsafe_b64encode(json.dumps(state).encode()).decode().rstrip("=")


def opened(seal: str) -> dict[str, int]:
    try:
        state = json.loads(base64.urlsafe_b64decode(seal + "=" * (-len(seal) % 4)))
    except ValueError:
        raise GraphRefusal(400, "Directory_ExpiredPageToken", "The specified page token value has expired.") from None
    assert isinstance(state, dict)
    return state
