"""Which Airflow answers at an address, and what is said where none does.

What stands before a server answers in its own way: a login page, a move to https, an error page while the server is away.
Each wants something else mended, so it is told apart by all that came, not by the last of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit

from syncd.errors import TargetUnauthorized, TargetUnavailable
from syncd.http.answer import Answer
from syncd.targets.airflow.wire import Wire

VERSION_PATHS: Final = {3: "/api/v2/version", 2: "/api/v1/version"}
REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})


def find_version(wire: Wire, expected: int | None) -> tuple[int, str]:
    """Give the generation of the Airflow that answers, and its version. The `expected` generation is asked for first.

    Raises:
        TargetUnavailable: there is no Airflow at this address, or not now.
        TargetUnauthorized: what stands before it wants a login.
    """
    came: list[Answer] = []
    for generation in sorted(VERSION_PATHS, key=lambda g: (g != expected, -g)):
        answer = wire.anonymous(VERSION_PATHS[generation])
        if (found := _said_version(answer)) is None and _wants_login(answer):
            answer = _with_bearer(wire, VERSION_PATHS[generation]) or answer
            found = _said_version(answer)
        if found is not None:
            return generation, found
        came.append(answer)
    said = "; ".join(f"{answer.asked} gave {answer}" for answer in came)
    kind = TargetUnauthorized if _login_in_front(came) else TargetUnavailable
    raise kind(f"no Airflow answers at {wire.session.connection.root}: {said}; {_todo(wire, came)}")


def _said_version(answer: Answer) -> str | None:
    found = answer.fields.get("version") if answer.status == 200 else None
    return found if isinstance(found, str) else None


def _with_bearer(wire: Wire, path: str) -> Answer | None:
    for who in wire.logins:
        if who.kind == "bearer":
            return wire.ask(who, path)
    return None


def _wants_login(answer: Answer) -> bool:
    return answer.status in REDIRECTS | {401, 403}


def _login_in_front(came: Sequence[Answer]) -> bool:
    """Say whether somebody wants to know who we are; a server that is away, or has moved, does not."""
    return any(map(_wants_login, came)) and not any(answer.status >= 500 or _moved(answer) for answer in came)


def _moved(answer: Answer) -> str:
    """Give the scheme to which the same host sends whoever comes with another one; empty where it does not."""
    if answer.status not in REDIRECTS:
        return ""
    try:
        asked, to = urlsplit(answer.asked.partition(" ")[2]), urlsplit(answer.location)
    except ValueError:  # the server names what is no address
        return ""
    same = to.hostname == asked.hostname and to.path == asked.path
    return to.scheme if same and to.scheme != asked.scheme else ""


def _todo(wire: Wire, came: Sequence[Answer]) -> str:
    """Say what to mend, by everything that came."""
    root = wire.session.connection.root
    if any(answer.status == 503 for answer in came):
        return (
            "the server is away for now (503): try again later; if that lasts, look at it, and at what stands before it"
        )
    if any(answer.status >= 500 for answer in came):
        return "the server, or a proxy before it, is broken: look at its log, and try again"
    if scheme := next(filter(None, map(_moved, came)), ""):
        return f"the server has moved: write {scheme}:// in `url`, which is {root}"
    if _login_in_front(came):
        return (
            "something in front of Airflow wants a login: set a credential of kind `bearer` or `headers`; "
            "or it is another address: look at `url`, its path included"
        )
    return "look at `url`, its path included"
