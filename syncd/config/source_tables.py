"""The tables of sources: a directory of files, an Okta org, an Entra tenant."""

from __future__ import annotations

import re
from collections.abc import Set
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from syncd.config.fields import (
    LOOPBACK,
    InFolder,
    Names,
    PemFile,
    SecretReference,
    SettingsTable,
    Text,
    list_of_one,
    readable_pem,
    web_address,
)


def _domain(domain: str) -> str:
    if not re.fullmatch(r"[^\s@/*:]+\.[^\s@/*:.]+", domain):
        raise ValueError('write the part after the "@", as in "corp.example.com"')
    return domain.lower()


Domains = Annotated[tuple[Annotated[Text, AfterValidator(_domain)], ...], Field(strict=False)]


class SourceTimeouts(SettingsTable):
    """How long one request may take."""

    connect_s: float = Field(default=10.0, gt=0, le=600)
    """Seconds to wait for a connection."""
    read_s: float = Field(default=30.0, gt=0, le=3600)
    """Seconds without a byte of the answer."""


class FileSourceTable(SettingsTable):
    """A source of people and groups. `type` says which kind: this is a directory of files.

    Each file has `people` (`login`, and where it is known `id`, `email`, `given_name`, `family_name`, `employee_number`,
    `active`), `groups` (`name`, `members` by login or id, and if it differs `id`), or both; all files count as one. JSON is
    read much faster than YAML, which matters from some thousand people on.
    """

    type: Literal["file"]
    """`file`: YAML or JSON files with `people` and `groups`."""
    directory: InFolder
    """Every `*.yaml`, `*.yml` and `*.json` file in this directory and below is read; one mistake and none is used."""
    email_domains: Domains = ()
    """Domains of e-mail addresses that this source answers for: nobody in it can choose an address in them. Accounts of
    several sources that come to have such an address in common are one person without asking (`[join] new`)."""


# --- Okta -------------------------------------------------------------------------------------------------------------


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
    scopes: Names = ("okta.groups.read", "okta.users.read")
    """What the token is for; each has to be granted to the application. Nothing else is needed."""
    dpop: bool = False
    """Whether the application requires proof of possession (DPoP); must be as its page says."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.kind == "token":
            _takes(self, {"token"})
        else:
            _takes(self, {"client_id", "key"}, {"key_id", "scopes", "dpop"})
        return self


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
    types: Annotated[tuple[Literal["OKTA_GROUP", "APP_GROUP", "BUILT_IN"], ...], Field(strict=False)] = (
        "OKTA_GROUP",
        "APP_GROUP",
    )
    """`OKTA_GROUP`: made in Okta; `APP_GROUP`: imported; `BUILT_IN`: Everyone. Does not limit `ids`."""

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not (self.all or self.ids or self.names or self.prefixes):
            raise ValueError("say which groups: all = true, ids, names or prefixes")
        if not self.types:
            raise ValueError("types is empty: write at least one")
        return self


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
    """Domains of e-mail addresses that this source answers for: nobody in it can choose an address in them. Accounts of
    several sources that come to have such an address in common are one person without asking (`[join] new`)."""
    page_limit: int = Field(default=200, ge=5, le=200)
    """Entries in one page. Okta recommends 200."""
    leave_free: float = Field(default=0.5, ge=0, lt=1)
    """Share of each of Okta's rate limits, 0 to 1, that is left to others: at 0.5 reading stops at half of it and waits."""
    concurrency: int = Field(default=8, ge=1, le=64)
    """Most requests at once. Okta allows an org 35 to 75 in all."""
    deadline_s: float = Field(default=900.0, gt=0)
    """Seconds that one read may take; groups not read by then take nothing from anybody until they are."""
    overlap_s: float = Field(default=60.0, ge=0)
    """Seconds that reading what changed looks back before the newest change it saw, for changes that show late."""
    attempts: int = Field(default=5, ge=1, le=20)
    """How often one request is sent that gets no answer, a 429 or a 5xx."""
    timeouts: SourceTimeouts = Field(default=SourceTimeouts())
    """How long a request may take."""
    ca: PemFile | None = None
    """PEM file of the authority that signed the certificate, where the system does not know it."""
    proxy: Text | None = None
    """URL of the HTTP proxy on the way. The proxies of the environment are not used."""

    @field_validator("url")
    @classmethod
    def _address(cls, url: str) -> str:
        host = web_address(url).hostname or ""
        _require_tls(url)
        if host.partition(".")[0].endswith("-admin"):
            raise ValueError("this is the address of the admin console; leave -admin out")
        if web_address(url).path.strip("/"):
            raise ValueError("the address of an Okta org has no path; leave out what comes after the host")
        return url.rstrip("/")

    @field_validator("ca")
    @classmethod
    def _readable(cls, path: Path | None) -> Path | None:
        return None if path is None else readable_pem(path)

    @field_validator("proxy")
    @classmethod
    def _proxy_address(cls, url: str | None) -> str | None:
        return url if url is None else web_address(url).geturl()


# --- Entra ID ---------------------------------------------------------------------------------------------------------


class EntraAuth(SettingsTable):
    """How syncd proves who it is to Entra ID."""

    kind: Literal["client_secret", "certificate", "pfx", "workload_identity", "managed_identity"]
    """`client_secret`: a secret of the app registration. `certificate`: its certificate and key as PEM. `pfx`: both in one PFX
    file. `workload_identity`: a token that Kubernetes or another issuer writes to a file. `managed_identity`: the identity of
    the Azure machine that syncd runs on."""
    secret: SecretReference | None = None
    """The client secret, by reference: its value, not its id."""
    certificate: PemFile | None = None
    """PEM file of the certificate."""
    key: SecretReference | None = None
    """Its private key as PEM, by reference."""
    pfx: InFolder | None = None
    """PFX (PKCS #12) file with certificate and key."""
    passphrase: SecretReference | None = None
    """The passphrase of the key or of the PFX file, by reference, where it has one."""
    token_file: InFolder | None = None
    """File of the token of `workload_identity`; what AKS puts into the environment if nothing is said."""
    client_id: Text | None = None
    """Client id of a user-assigned `managed_identity`; without it the system-assigned one is used."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        _takes(self, *_ENTRA_AUTH[self.kind])
        return self

    @field_validator("certificate")
    @classmethod
    def _readable(cls, path: Path | None) -> Path | None:
        return None if path is None else readable_pem(path)


_ENTRA_AUTH: dict[str, tuple[set[str], set[str]]] = {
    "client_secret": ({"secret"}, set()),
    "certificate": ({"certificate", "key"}, {"passphrase"}),
    "pfx": ({"pfx"}, {"passphrase"}),
    "workload_identity": (set(), {"token_file"}),
    "managed_identity": (set(), {"client_id"}),
}
"""For each kind: the keys that it needs, and those that it may have."""


class EntraGroups(SettingsTable):
    """Which groups are read, and how: exactly one of `id`, `name`, `prefix` and `all`. A group that several entries pick is
    read as the first of them says. Names are compared without regard to case, as Entra does."""

    id: Text | None = None
    """One group by its object id."""
    name: Text | None = None
    """One group by its display name; where several have it, the source says so and lists their ids."""
    prefix: Text | None = None
    """Every group whose display name begins so."""
    all: bool = False
    """Every group."""
    transitive: bool = False
    """Whether the people in nested groups count as members too."""

    @model_validator(mode="after")
    def _one(self) -> Self:
        if sum(map(bool, (self.id, self.name, self.prefix, self.all))) != 1:
            raise ValueError(
                "say which groups in exactly one way: id, name, prefix or all = true; write a list for several"
            )
        return self


class EntraSourceTable(SettingsTable):
    """A tenant of Microsoft Entra ID. The application needs the permissions GroupMember.Read.All and User.Read.All (of type
    application, with admin consent) and nothing else. Disabled accounts have nothing."""

    type: Literal["entra"]
    """`entra`: groups and people of a tenant of Microsoft Entra ID."""
    tenant: Text | None = None
    """Id of the tenant or one of its verified domains. Not needed by the kinds `workload_identity` and `managed_identity`."""
    client_id: Text | None = None
    """Application (client) id of the app registration. Not needed by the same kinds."""
    auth: EntraAuth
    """How syncd proves who it is."""
    groups: Annotated[tuple[EntraGroups, ...], BeforeValidator(list_of_one), Field(strict=False)] = ()
    """Which groups are read: a table, or several as a list of tables."""
    email_domains: Domains = ()
    """Domains of e-mail addresses that this source answers for: nobody in it can choose an address in them. Accounts of
    several sources that come to have such an address in common are one person without asking (`[join] new`)."""
    cloud: Literal["global", "usgov", "usgov-dod", "china"] = "global"
    """Which national cloud: `usgov` is GCC High, `china` is run by 21Vianet; GCC is the global cloud."""
    authority: Text | None = None
    """Base URL of the authority with the tenant, in place of the cloud's: `https://login.example.com/TENANT`."""
    graph: Text | None = None
    """Base URL of Microsoft Graph with its version, in place of the cloud's: `https://graph.example.com/v1.0`."""
    guests: Literal["include", "exclude"] = "include"
    """Whether guests count as members. The owner of a group invited them, so they do. Their e-mail is the invited one."""
    agents: Literal["include", "exclude"] = "exclude"
    """Whether accounts of AI agents (`agentUser`) count as members. They are no people, so they do not."""
    app_roles: Names = ()
    """Application ids of enterprise applications: each value of their app roles is read as a group `approle:VALUE`."""
    page_size: int = Field(default=999, ge=1, le=999)
    """Entries in one page. Graph's own default of 100 makes ten times the calls."""
    concurrency: int = Field(default=4, ge=1, le=64)
    """Most requests at once; each may be a batch of 20."""
    throttle_share: float = Field(default=0.8, ge=0, le=1)
    """Slow down when Graph says that more than this part of our limit is used, 0 to 1. It says so from 0.8 on."""
    attempts: int = Field(default=5, ge=1, le=20)
    """How often one request is sent before it counts as unanswered."""
    first_wait_s: float = Field(default=1.0, gt=0)
    """Seconds that bound the first random wait before a request is sent again; the bound doubles from then on."""
    longest_wait_s: float = Field(default=120.0, gt=0)
    """Seconds of the longest single wait; when Graph asks for a longer one, the read ends, and nobody asks before it is over."""
    deadline_s: float = Field(default=900.0, gt=0)
    """Seconds that one read may take; groups not read by then take nothing from anybody until they are."""
    settle_s: float = Field(default=2.0, ge=0)
    """Seconds to wait before members are read again that do not agree with their count, because the count may lag behind."""
    timeouts: SourceTimeouts = Field(default=SourceTimeouts())
    """How long a request may take."""
    ca: PemFile | None = None
    """PEM file of certificates to trust in place of the system's, for Graph and the authority."""
    proxy: Text | None = None
    """URL of the HTTP proxy for both. The proxies of the environment are not used."""

    @field_validator("authority", "graph")
    @classmethod
    def _address(cls, url: str | None) -> str | None:
        if url is not None:
            web_address(url)
            _require_tls(url)
        return url

    @field_validator("ca")
    @classmethod
    def _readable(cls, path: Path | None) -> Path | None:
        return None if path is None else readable_pem(path)

    @field_validator("proxy")
    @classmethod
    def _proxy_address(cls, url: str | None) -> str | None:
        return url if url is None else web_address(url).geturl()

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.auth.kind in ("client_secret", "certificate", "pfx"):
            if not self.client_id:
                raise ValueError(f'an application of kind "{self.auth.kind}" needs client_id')
            if not (self.tenant or self.authority):
                raise ValueError(f'an application of kind "{self.auth.kind}" needs tenant')
        if not self.groups and not self.app_roles:
            raise ValueError('no group is chosen: write groups = { prefix = "airflow-" }, or app_roles')
        return self


# --- what several of them check ---------------------------------------------------------------------------------------


def _takes(table: OktaAuth | EntraAuth, needed: Set[str], allowed: Set[str] = frozenset()) -> None:
    """Refuse a credential that lacks a key of its kind, or has one of another kind."""
    given = table.model_fields_set - {"kind"}
    if not needed <= given <= needed | allowed:
        wanted = " and ".join(sorted(needed)) or "no other key"
        also = f"; it may have {', '.join(sorted(allowed))}" if allowed else " and nothing else"
        raise ValueError(f'kind "{table.kind}" takes {wanted}{also}')


def _require_tls(url: str) -> None:
    parts = web_address(url)
    if parts.scheme != "https" and parts.hostname not in LOOPBACK:
        raise ValueError("credentials are only sent over https://; write the address so")
