"""Proving who we are: a login makes the headers of a request and knows when they must be made anew."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import Final, Protocol

from syncd.answers import number, parse_json
from syncd.errors import TargetUnauthorized, TargetUnavailable
from syncd.http.answer import Answer
from syncd.http.secrets import Fresh, is_header, remember
from syncd.http.session import Session
from syncd.targets.airflow.settings import Credential

RENEW_BEFORE_S: Final = 60.0
SESSION_COOKIE: Final = "session"
NO_PASSWORDS: Final = (
    "where people log in with OAuth or a remote user, FAB provider 3.11 and later give no token for a password: "
    "set a credential of kind `bearer` instead (docs/signing-in.md)"
)
"""Its changelog of 2026-11-09 (#76231): a password is checked in the way of the configured AUTH_TYPE alone."""


class Login(Protocol):
    """One credential in use."""

    kind: str
    username: str | None

    def headers(self) -> dict[str, str]:
        """Give what proves who we are now; may ask the server for a token."""
        ...

    def renewed(self, answer: Answer) -> bool:
        """Judge an answer: True where our proof may be out of date and another one is at hand, so that asking again helps."""
        ...

    def judged(self, second: Answer) -> None:
        """Hear what came when the same was asked again with the other proof."""
        ...


def login(credential: Credential, session: Session, *, now: Callable[[], float]) -> Login:
    """Make the login of a credential; nothing is read or asked before the first use."""
    match credential.kind:
        case "basic":
            return Basic(credential, now=now)
        case "token":
            return Token(credential, session, now=now)
        case _:
            return Bearer(credential, now=now)


class Basic:
    """User name and password; on Airflow 2 a session cookie in their place, because each password costs 130 ms of hashing.

    refused was                           | then asked again with
    a cookie                              | the password, read again where it is not fresh: both may be over
    a password that is not fresh          | the password as it is now, where that is another one
    a password that was read just now     | nothing: a right is missing

    `lost_cookie` says that a cookie that used to work does not any more while the password does: it pays to ask for another.
    """

    kind = "basic"

    def __init__(self, credential: Credential, *, now: Callable[[], float]) -> None:
        assert credential.username is not None
        self.username: str | None = credential.username
        self.cookie: str | None = None
        self.lost_cookie = False
        self._worked: str | None = None
        self._doubted: str | None = None
        self._line = Fresh(lambda: _basic_line(credential), clock=now)

    def headers(self) -> dict[str, str]:
        if self.cookie is not None:
            return {"Cookie": f"{SESSION_COOKIE}={self.cookie}"}
        return {"Authorization": f"Basic {self._line.value()}"}

    def renewed(self, answer: Answer) -> bool:
        """Doubt the cookie, and use the password; doubt the password, and read it again."""
        if answer.status not in {401, 403}:
            self._worked = self.cookie
            return False
        is_another = self._line.renewed()
        if self.cookie is not None:
            self._doubted, self.cookie = self.cookie, None
            return True
        return is_another

    def judged(self, second: Answer) -> None:
        """Take the cookie back where the password fared no better: then it is a right that is missing."""
        if second.status in {401, 403}:
            self.cookie = self._doubted
        elif self._doubted is not None:
            self.lost_cookie = self._doubted == self._worked
        self._doubted = None


def _basic_line(credential: Credential) -> str:
    pair = f"{credential.username}:{credential.secret.read()}"
    line = base64.b64encode(pair.encode()).decode()
    remember(line)
    return line


class Bearer:
    """A token from elsewhere: a file or command may have a new one.

    It is read again before it expires, where it says when that is, and where the server, or what stands before it, refuses it.
    """

    kind = "bearer"

    def __init__(self, credential: Credential, *, now: Callable[[], float]) -> None:
        self.username = credential.username
        self._now = now
        self._token = Fresh(credential.secret.header, clock=now)
        self._seen: str | None = None
        self._until: float | None = None

    def headers(self) -> dict[str, str]:
        if self._until is not None and self._now() >= self._until:
            self._until = None
            self._token.renewed()
        if (token := self._token.value()) != self._seen:
            self._seen, self._until = token, renew_at(token, now=self._now())
        return {"Authorization": f"Bearer {token}"}

    def renewed(self, answer: Answer) -> bool:
        return (answer.status == 401 or is_out_of_date(answer)) and self._token.renewed()

    def judged(self, second: Answer) -> None:
        """Nothing is to be learned."""


class Token:
    """Airflow 3: `POST /auth/token` gives a JWT that is good for a day or an hour; made anew before it expires."""

    kind = "token"

    def __init__(self, credential: Credential, session: Session, *, now: Callable[[], float]) -> None:
        self.username = credential.username
        self._credential = credential
        self._session = session
        self._now = now
        self._token: str | None = None
        self._until: float | None = None

    def headers(self) -> dict[str, str]:
        if self._token is None or (self._until is not None and self._now() >= self._until):
            self._fetch()
        return {"Authorization": f"Bearer {self._token}"}

    def renewed(self, answer: Answer) -> bool:
        if not is_out_of_date(answer):
            return False
        self._fetch()
        return True

    def judged(self, second: Answer) -> None:
        """Nothing is to be learned."""

    def _fetch(self) -> None:
        body = {"username": self.username, "password": self._credential.secret.read()}
        answer = self._session.send("POST", "/auth/token", body=body, repeatable=True)
        token = answer.fields.get("access_token")
        if isinstance(token, str) and not is_header(token):
            raise TargetUnavailable(f"{answer.asked}: the token that came holds a character that no header can carry")
        if isinstance(token, str):
            remember(token)
            self._token, self._until = token, renew_at(token, now=self._now())
            return
        if answer.status in {400, 401, 403}:
            raise TargetUnauthorized(
                f"{answer.asked}: the server refused user {self.username!r}: {answer}; look at the password in "
                f"{self._credential.secret} and whether the account is active; {NO_PASSWORDS}"
            )
        raise TargetUnavailable(f"{answer.asked}: no token came but {answer}; {misses_path(answer)}")


def misses_path(answer: Answer) -> str:
    """Say what to look at where Airflow 3 answers, and its sign-in does not: `/api/v2` alone is served without the path too."""
    if answer.status == 404:
        return (
            "has the server a path ([api] base_url) that `url` lacks? Without it Airflow 3 answers to /api/v2, no more"
        )
    if answer.status >= 500:
        return "the server, or a proxy before it, is broken: look at its log, and try again"
    return "look at `url`, its path included, and at what stands before the server"


def is_out_of_date(answer: Answer) -> bool:
    """Tell the two answers that ask for a new token from a missing right (Airflow 3.3.2)."""
    sentence = {401: "Token Expired", 403: "Invalid JWT token"}.get(answer.status)
    return sentence is not None and answer.fields.get("detail") == sentence


def distrusted(kind: str, answer: Answer) -> str:
    """Say what is wrong where a server refuses a token that was made, or read, anew just before; empty where it does not.

    Seen with two API servers behind one address whose secrets differ: each refuses what the other gave.
    """
    if not is_out_of_date(answer):
        return ""
    if kind == "token":
        return (
            "the server refuses a token that it just gave: have all its API servers the same [api_auth] jwt_secret, and do "
            "their clocks agree?"
        )
    return "the token is out of date, of another deployment, or signed with another [api_auth] jwt_secret: look at what gives it"


def renew_at(token: str, *, now: float) -> float | None:
    """Say when to ask for another token: a minute before this one expires; None where it does not tell.

    A token that is over the moment it comes shows clocks that differ, or a very short life: it is used until the server says so.
    """
    expires = expiry(token)
    return expires - RENEW_BEFORE_S if expires is not None and expires - RENEW_BEFORE_S > now else None


def expiry(token: str) -> float | None:
    """Read `exp` of a JWT, in seconds since 1970; None where the token is none. The signature is not our business."""
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        claims = parse_json(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (binascii.Error, ValueError):
        return None
    found = claims.get("exp") if isinstance(claims, dict) else None
    return number(found)
