"""Who is calling, and what they may do: Airflow's own rules, the same in both generations."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from syncd.model import Permission
from syncd.sandbox.airflow.abilities import Abilities
from syncd.sandbox.airflow.answers import Dialect
from syncd.sandbox.airflow.collation import small
from syncd.sandbox.airflow.state import AirflowAccount, State

_ACTIONS = {
    "GET": "can_read",
    "HEAD": "can_read",
    "POST": "can_create",
    "PATCH": "can_edit",
    "PUT": "can_edit",
    "DELETE": "can_delete",
}

RUN = ("DAG Runs",)
TASK_INSTANCE = ("DAG Runs", "Task Instances")
CODE = ("DAG Code",)


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever makes a request; an anonymous one has no name."""

    username: str | None
    permissions: frozenset[Permission]

    def may(self, method: str, resource: str) -> bool:
        return Permission(_ACTIONS[method], resource) in self.permissions

    def may_dag(self, method: str, dag_id: str | None = None, *, parts: tuple[str, ...] = ()) -> bool:
        """Say whether this method is allowed on a DAG, or on parts of it such as its runs.

        call         | needs on each part         | and on the DAG
        reads a part | read                       | read
        else         | create, edit or delete     | edit
        no part      |                            | what the method says
        For runs, `DAG Run:x` will do in place of `DAG Runs`. A list needs to read at least one DAG.
        """
        through_parts = all(self.may(method, part) for part in parts)
        if parts == RUN and dag_id is not None:
            through_parts = through_parts or self.may(method, f"DAG Run:{dag_id}")
        if dag_id is None:
            return through_parts and self._may_list()
        return through_parts and self.may_one(("GET" if method == "GET" else "PUT") if parts else method, dag_id)

    def may_one(self, method: str, dag_id: str) -> bool:
        return self.may(method, "DAGs") or self.may(method, f"DAG:{dag_id}")

    def _may_list(self) -> bool:
        return any(
            p.action == "can_read" and (p.resource == "DAGs" or p.resource[:4] == "DAG:") for p in self.permissions
        )


class Gate:
    """Tells callers by their credentials: passwords and sessions at once, tokens through a cache as Airflow 3 does."""

    def __init__(self, state: State, abilities: Abilities, *, now: Callable[[], float]) -> None:
        self._state, self._abilities, self._now = state, abilities, now
        self._secret = secrets.token_bytes(64)
        self._sessions: dict[str, int] = {}
        self._cache: dict[str, tuple[float, Caller]] = {}

    def identify(self, headers: Mapping[str, str], *, accepted: frozenset[str], dialect: Dialect) -> Caller:
        """Find out who sends these headers.

        Raises:
            Refused: the answer that this kind of server gives to credentials it does not take.
        """
        if "token" in accepted:
            return self._by_token(_token(headers), dialect)
        account = self.by_session(headers) if "session" in accepted else None
        account = account or (self.by_basic(headers) if "basic" in accepted else None)
        if account is not None:
            return self._caller(account)
        if self._abilities.public_role is None:
            raise dialect.unauthenticated()
        return Caller(None, frozenset(self._state.roles.get(self._abilities.public_role, ())))

    def _caller(self, account: AirflowAccount) -> Caller:
        return Caller(account.username, self._state.permissions_of(account))

    # passwords

    def by_basic(self, headers: Mapping[str, str]) -> AirflowAccount | None:
        credentials = basic(headers)
        return self.by_password(*credentials) if credentials else None

    def by_password(self, username: str, password: str) -> AirflowAccount | None:
        """Find an active account by name or e-mail address, any case, whose password this is; an empty one never fits."""
        found = self._state.find_user(username) or next(
            (a for a in self._state.users.values() if small(a.email) == small(username)), None
        )
        return found if found and found.active and password and found.password == password else None

    def by_name(self, username: str) -> AirflowAccount:
        """Give the account of this name, as who is vouched for by somebody else."""
        found = self._state.find_user(username)
        assert found is not None, "an account that is there"
        return found

    # sessions

    def open_session(self, account: AirflowAccount) -> str:
        """Give the cookie of a new session."""
        value = secrets.token_urlsafe()
        self._sessions[value] = account.id
        return f"session={value}; HttpOnly; Path=/; SameSite=Lax"

    def by_session(self, headers: Mapping[str, str]) -> AirflowAccount | None:
        user_id = self._sessions.get(_cookies(headers).get("session", ""))
        return next((a for a in self._state.users.values() if a.id == user_id and a.active), None)

    # tokens

    def issue_token(self, account: AirflowAccount, *, ttl_s: float) -> str:
        issued = int(self._now())
        times = {"nbf": issued, "iat": issued, "exp": int(self._now() + ttl_s)}
        claims = {"sub": str(account.id), "jti": secrets.token_hex(16), "aud": "apache-airflow", **times}
        signed = _packed({"alg": "HS512", "kid": "not-used", "typ": "JWT"}) + "." + _packed(claims)
        return f"{signed}.{self._signature(signed)}"

    def forget_tokens(self) -> None:
        """Make every token issued so far invalid, as a new secret does."""
        self.sign_with(secrets.token_bytes(64))

    def sign_with(self, secret: bytes) -> None:
        """Take this secret for tokens from now on, as `[api_auth] jwt_secret` does."""
        self._secret = secret

    def _by_token(self, token: str | None, dialect: Dialect) -> Caller:
        if token is None:
            raise dialect.unauthenticated()
        user_id = self._verified(token, dialect)
        until, caller = self._cache.get(user_id, (0.0, None))
        if caller is None or until <= self._now():
            account = next((a for a in self._state.users.values() if str(a.id) == user_id), None)
            if account is None:
                raise dialect.refuse(403, "Invalid JWT token")
            caller = self._caller(account)
            self._cache[user_id] = (self._now() + self._abilities.cache_ttl_s, caller)
        return caller

    def _verified(self, token: str, dialect: Dialect) -> str:
        signed, _, signature = token.rpartition(".")
        if not signed or not hmac.compare_digest(signature.encode(), self._signature(signed).encode()):
            raise dialect.refuse(403, "Invalid JWT token")
        claims = json.loads(base64.urlsafe_b64decode(signed.partition(".")[2] + "=="))
        if claims["exp"] <= self._now():
            raise dialect.refuse(401, "Token Expired")
        return str(claims["sub"])

    def _signature(self, signed: str) -> str:
        return _unpadded(hmac.digest(self._secret, signed.encode(), hashlib.sha512))


def basic(headers: Mapping[str, str]) -> tuple[str, str] | None:
    """Give user name and password of an Authorization header, where it has them."""
    scheme, _, encoded = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        username, colon, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return (username, password) if colon else None


def _token(headers: Mapping[str, str]) -> str | None:
    scheme, _, value = headers.get("authorization", "").partition(" ")
    return value if scheme.lower() == "bearer" else _cookies(headers).get("_token")


def _cookies(headers: Mapping[str, str]) -> dict[str, str]:
    pairs = (part.strip().partition("=") for part in headers.get("cookie", "").split(";"))
    return {name: value for name, _, value in pairs if name}


def _packed(value: object) -> str:
    return _unpadded(json.dumps(value).encode())


def _unpadded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
