"""What an operator says about one Okta org."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from syncd.http.backoff import Retries
from syncd.http.connection import Connection, is_loopback
from syncd.http.secrets import Secret
from syncd.model import nfc

SMALLEST_PAGE: Final = 5
"""A last page that is full is read again as two, of which the second must not be full; smaller pages help nobody."""


SCOPES: Final = ("okta.groups.read", "okta.users.read")
"""What a service application needs to be granted, and no more."""
TYPES: Final = ("OKTA_GROUP", "APP_GROUP")
"""The types of groups that are read if nothing is said."""


@dataclass(frozen=True, slots=True)
class OktaApiToken:
    """An API token (Okta calls the scheme SSWS). It has the rights of the administrator who made it, and dies with him."""

    token: Secret


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """A service application of Okta, which signs its requests for a token (private_key_jwt, RS256).

    client_id  id of the application
    key        its private RSA key, as PEM or as JWK
    kid        id of the key as the application's page shows it; a JWK may hold it
    scopes     must be granted to the application, which needs an administrator role besides
    dpop       prove possession of a key with each request; must be as the application's page says
    """

    client_id: str
    key: Secret
    kid: str | None = None
    scopes: tuple[str, ...] = SCOPES
    dpop: bool = False


@dataclass(frozen=True, slots=True)
class GroupFilter:
    """Which groups are read: those that fit any of these. A group that was read once is followed by its id.

    all       every group of the types
    ids       these groups, of whatever type
    names     groups of these names, exactly
    prefixes  groups whose names begin so
    types     OKTA_GROUP (made in Okta), APP_GROUP (imported), BUILT_IN (Everyone)
    """

    all: bool = False
    ids: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()
    types: tuple[str, ...] = TYPES

    def __post_init__(self) -> None:
        if not (self.all or self.ids or self.names or self.prefixes):
            raise ValueError("say which groups: all, ids, names or prefixes")
        unknown = set(self.types) - {"OKTA_GROUP", "APP_GROUP", "BUILT_IN"}
        if unknown or not self.types:
            raise ValueError("types are OKTA_GROUP, APP_GROUP and BUILT_IN")

    @property
    def lists(self) -> bool:
        """Whether groups must be found among all groups."""
        return bool(self.all or self.names or self.prefixes)

    def takes(self, id_: str, name: str, type_: str) -> bool:
        if id_ in self.ids:
            return True
        name = nfc(name)
        named = self.all or name in map(nfc, self.names) or name.startswith(tuple(map(nfc, self.prefixes)))
        return named and type_ in self.types


@dataclass(frozen=True, slots=True)
class OktaSettings:
    """One org, and how it is read.

    connection   base_url is the org's address, as https://example.okta.com; the address of the admin console is refused
    credential   an API token or a service application's key
    groups       which groups are read
    page_limit   entries per page, 5 to 200; Okta recommends 200
    leave_free   share of each rate limit that is left to others: at 0.5, reading stops at half and waits for the next window
    concurrency  most requests at once; Okta allows an org 35 to 75 in all
    deadline_s   most that one read may take; groups not read by then are not certified
    overlap_s    how far before the newest time stamp seen an incremental read begins, for changes that show late
    retries      of requests that got no answer, a 429 or a 5xx
    """

    connection: Connection
    credential: OktaApiToken | PrivateKey
    groups: GroupFilter
    page_limit: int = 200
    leave_free: float = 0.5
    concurrency: int = 8
    deadline_s: float = 900.0
    overlap_s: float = 60.0
    retries: Retries = field(default=Retries(attempts=5))

    def __post_init__(self) -> None:
        parts = urlsplit(self.connection.base_url)
        host = parts.hostname or ""
        if parts.scheme != "https" and not is_loopback(host):  # rehearsals talk to a stand-in on this machine
            raise ValueError("the address of an Okta org begins with https://")
        if host.partition(".")[0].endswith("-admin"):
            raise ValueError("this is the address of the admin console; leave -admin out")
        if parts.path.strip("/"):
            raise ValueError("the address of an Okta org has no path")
        if not SMALLEST_PAGE <= self.page_limit <= 200:
            raise ValueError(f"page_limit is {SMALLEST_PAGE} to 200")
        if not 0 <= self.leave_free < 1:
            raise ValueError("leave_free is 0 or more, and less than 1")
        if self.concurrency < 1 or self.deadline_s <= 0 or self.overlap_s < 0:
            raise ValueError("concurrency, deadline_s and overlap_s must be positive")

    @property
    def provider(self) -> str:
        """Whom we ask, for who wants to be left alone."""
        return f"okta {self.connection.root.lower()}"
