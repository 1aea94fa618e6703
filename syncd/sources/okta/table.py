"""The table of an Okta org."""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self

from pydantic import Field, field_validator, model_validator

from syncd.fields import Names, PemFile, Proxy, SecretReference, SettingsTable, Text, over_tls, web_address
from syncd.http.backoff import Retries
from syncd.http.connection import Connection
from syncd.sources.okta.settings import SCOPES, TYPES, GroupFilter, OktaApiToken, OktaSettings, PrivateKey
from syncd.sources.table import Domains, SourceTimeouts, takes, usual

_USUAL: Final = usual(OktaSettings)


class OktaAuth(SettingsTable):
    """How syncd proves who it is to Okta."""

    kind: Literal["token", "private_key"]
    """`token`: an API token, which has the rights of the administrator who made it. `private_key`: a service application that
    signs with a key of its own, which is better: its rights are its scopes, and it outlives people."""
    token: SecretReference | None = None
    """The API token of `token`, by reference. Let a read-only administrator make it."""
    client_id: Text | None = None
    """Id of the service application (API Services) of `private_key`."""
    key: SecretReference | None = None
    """Its private RSA key, as PEM without a password or as JWK, by reference."""
    key_id: Text | None = None
    """The `kid` of the key as the application's page shows it, where the JWK does not hold it."""
    scopes: Names = SCOPES
    """What the token is for; each has to be granted to the application. Nothing else is needed."""
    dpop: bool = False
    """Whether the application requires proof of possession (DPoP); must be as its page says."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.kind == "token":
            takes(self, self.kind, {"token"})
        else:
            takes(self, self.kind, {"client_id", "key"}, {"key_id", "scopes", "dpop"})
        return self

    def credential(self) -> OktaApiToken | PrivateKey:
        if self.kind == "token":
            assert self.token is not None  # by `_whole`
            return OktaApiToken(self.token.secret())
        assert self.client_id is not None  # by `_whole`
        assert self.key is not None
        return PrivateKey(self.client_id, self.key.secret(), self.key_id, self.scopes, self.dpop)


class OktaGroups(SettingsTable):
    """Which groups are read: those that fit any of these, at least one of `all`, `ids`, `names` and `prefixes`. A group that
    was read once is followed by its id, whatever it is called later."""

    all: bool = False
    """Every group of the types."""
    ids: Names = ()
    """These groups, of whatever type."""
    names: Names = ()
    """Groups of these names, exactly."""
    prefixes: Names = ()
    """Groups whose names begin so."""
    types: Annotated[tuple[Literal["OKTA_GROUP", "APP_GROUP", "BUILT_IN"], ...], Field(strict=False)] = TYPES
    """`OKTA_GROUP`: made in Okta; `APP_GROUP`: imported; `BUILT_IN`: Everyone. Does not limit `ids`."""

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not (self.all or self.ids or self.names or self.prefixes):
            raise ValueError("say which groups: all = true, ids, names or prefixes")
        if not self.types:
            raise ValueError("types is empty: write at least one")
        return self

    def selection(self) -> GroupFilter:
        return GroupFilter(self.all, self.ids, self.names, self.prefixes, self.types)


class OktaSourceTable(SettingsTable):
    """An Okta org. A person is entitled in the statuses ACTIVE, PASSWORD_EXPIRED, RECOVERY, LOCKED_OUT and PROVISIONED; who is
    STAGED, SUSPENDED or DEPROVISIONED has nothing; a status that is not known changes nothing and is logged."""

    type: Literal["okta"]
    """`okta`: groups and people of an Okta org."""
    url: Text
    """Address of the org, as `https://example.okta.com`; not the one of the admin console."""
    auth: OktaAuth
    """How syncd proves who it is."""
    groups: OktaGroups
    """Which groups are read."""
    email_domains: Domains = ()
    page_limit: int = Field(default=_USUAL["page_limit"], ge=5, le=200)
    """Entries in one page. Okta recommends 200."""
    leave_free: float = Field(default=_USUAL["leave_free"], ge=0, lt=1)
    """Share of each of Okta's rate limits, 0 to 1, that is left to others: at 0.5 reading stops at half of it and waits."""
    concurrency: int = Field(default=_USUAL["concurrency"], ge=1, le=64)
    """Most requests at once. Okta allows an org 35 to 75 in all."""
    deadline_s: float = Field(default=_USUAL["deadline_s"], gt=0)
    """Seconds that one read may take; groups not read by then take nothing from anybody until they are."""
    overlap_s: float = Field(default=_USUAL["overlap_s"], ge=0)
    """Seconds that reading what changed looks back before the newest change it saw, for changes that show late."""
    attempts: int = Field(default=_USUAL["retries"].attempts, ge=1, le=20)
    """How often one request is sent that gets no answer, a 429 or a 5xx."""
    timeouts: SourceTimeouts = Field(default=SourceTimeouts())
    """How long a request may take."""
    ca: PemFile | None = None
    """PEM file of the authority that signed the certificate, where the system does not know it."""
    proxy: Proxy | None = None
    """URL of the HTTP proxy on the way. The proxies of the environment are not used."""

    @field_validator("url")
    @classmethod
    def _address(cls, url: str) -> str:
        host = web_address(url).hostname or ""
        over_tls(url)
        if host.partition(".")[0].endswith("-admin"):
            raise ValueError("this is the address of the admin console; leave -admin out")
        if web_address(url).path.strip("/"):
            raise ValueError("the address of an Okta org has no path; leave out what comes after the host")
        return url.rstrip("/")

    def settings(self) -> OktaSettings:
        """Give what the source takes."""
        connection = Connection(
            self.url,
            timeout_s=self.timeouts.read_s,
            connect_timeout_s=self.timeouts.connect_s,
            ca=self.ca,
            proxy=self.proxy,
        )
        return OktaSettings(
            connection,
            self.auth.credential(),
            self.groups.selection(),
            page_limit=self.page_limit,
            leave_free=self.leave_free,
            concurrency=self.concurrency,
            deadline_s=self.deadline_s,
            overlap_s=self.overlap_s,
            retries=Retries(attempts=self.attempts),
        )
