"""What comes back from an org, and the two ways in which nothing usable does."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from syncd.sources.okta.budget import Rate


class Unanswered(Exception):
    """No answer, or none that can be judged; asking again may help. The text is a sentence: `no answer within 30 s; ...`.

    late  whether it was waited for in vain, or what came was too much: less may come in time
    """

    def __init__(self, why: str, *, late: bool = False) -> None:
        self.late = late
        super().__init__(why)


class TokenRefused(Exception):
    """The token endpoint refused us; asking again does not help. The text is a sentence that says what to do."""


class NotRead(Exception):
    """A list, or one of its pages, could not be read.

    items    what was read all the same
    pages    how many pages that was
    again    whether it is worth reading the list once more
    """

    def __init__(
        self, why: str, *, items: tuple[dict[str, object], ...] = (), pages: int = 0, again: bool = False
    ) -> None:
        self.why = why
        self.items = items
        self.pages = pages
        self.again = again
        super().__init__(why)


class Missing(NotRead):
    """Okta says that there is no such thing (404, E0000007)."""


@dataclass(frozen=True, slots=True)
class OktaReply:
    """One answer of the management API. `next_path` is None where the list ends."""

    status: int
    body: str = field(repr=False)
    next_path: str | None = None
    foreign: str | None = None
    """The host a next link leads to, where it is not the org's."""
    rate: Rate | None = None
    server_time: datetime | None = None
    authorization: str = field(repr=False, default="")
    asked: str = ""
    """The path that was asked in the end."""


TOKEN_ADVICE: Final = {
    "invalid_client": "is the client id right, and does the application hold the public half of this key (and kid)?",
    "invalid_scope": "grant the application the scopes okta.groups.read and okta.users.read (a super administrator can)",
    "invalid_dpop_proof": "the application requires proof of possession: set dpop = true, or switch it off in Okta",
    "use_dpop_nonce": "the application requires proof of possession: set dpop = true, or switch it off in Okta",
    "unauthorized_client": "the application must be of the kind API Services, with client authentication by key",
}
"""By OAuth error code of the token endpoint: the answers are documented, only the code is stable."""

_DEAD = (
    "an API token dies after 30 days without use and when the administrator who made it is deactivated; make a new one"
)
ADVICE: Final = {
    ("E0000011", True): f"the API token is not valid: {_DEAD}",
    (
        "E0000011",
        False,
    ): "the access token was refused although it was just renewed; was the application's key revoked?",
    ("E0000004", True): f"the API token was refused: {_DEAD}",
    ("E0000005", True): "the API token is not valid for this org; is the address right?",
    ("E0000006", True): "the administrator who made the API token may not read this; read-only administrator is enough",
    (
        "E0000006",
        False,
    ): "the application needs the scopes okta.groups.read and okta.users.read and an administrator role"
    " that may read groups and users; read-only administrator is enough",
}
"""By errorCode, and whether an API token is used."""


def advice(status: int, code: str, *, api_token: bool) -> str:
    """Say what an error of the management API means for the operator; empty where nothing is known."""
    found = ADVICE.get((code, api_token)) or ADVICE.get((code, not api_token), "")
    if found or status != 404:
        return found
    return "this is not the management API of an Okta org; is the address right?"
