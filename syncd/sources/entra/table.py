"""The table of a tenant of Entra ID."""

from __future__ import annotations

from dataclasses import fields
from typing import Annotated, Final, Literal, Self, TypeVar

from pydantic import BeforeValidator, Field, field_validator, model_validator

from syncd.fields import (
    InFolder,
    Names,
    PemFile,
    Proxy,
    SecretReference,
    SettingsTable,
    Text,
    list_of_one,
    over_tls,
)
from syncd.sources.entra.settings import (
    ClientSecret,
    EntraCredential,
    EntraSettings,
    GroupSelection,
    ManagedIdentity,
    PemCertificate,
    PfxCertificate,
    WorkloadIdentity,
)
from syncd.sources.table import Domains, SourceTimeouts, takes, usual

T = TypeVar("T")

_USUAL: Final = usual(EntraSettings)


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
        takes(self, self.kind, *_TAKES[self.kind])
        return self

    def credential(self) -> EntraCredential:
        passphrase = self.passphrase.secret() if self.passphrase else None
        match self.kind:
            case "client_secret":
                return ClientSecret(_given(self.secret).secret())
            case "certificate":
                return PemCertificate(_given(self.key).secret(), _given(self.certificate), passphrase)
            case "pfx":
                return PfxCertificate(_given(self.pfx), passphrase)
            case "workload_identity":
                return WorkloadIdentity(self.token_file)
            case "managed_identity":
                return ManagedIdentity(self.client_id)


def _given(value: T | None) -> T:
    assert value is not None  # by `takes`
    return value


_TAKES: Final[dict[str, tuple[set[str], set[str]]]] = {
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

    def selection(self) -> GroupSelection:
        for by in ("id", "name", "prefix"):
            if value := getattr(self, by):
                return GroupSelection(by, value, self.transitive)
        return GroupSelection("all", transitive=self.transitive)


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
    cloud: Literal["global", "usgov", "usgov-dod", "china"] = _USUAL["cloud"]
    """Which national cloud: `usgov` is GCC High, `china` is run by 21Vianet; GCC is the global cloud."""
    authority: Text | None = None
    """Base URL of the authority with the tenant, in place of the cloud's: `https://login.example.com/TENANT`."""
    graph: Text | None = None
    """Base URL of Microsoft Graph with its version, in place of the cloud's: `https://graph.example.com/v1.0`."""
    guests: Literal["include", "exclude"] = _USUAL["guests"]
    """Whether guests count as members. The owner of a group invited them, so they do. Their e-mail is the invited one."""
    agents: Literal["include", "exclude"] = _USUAL["agents"]
    """Whether accounts of AI agents (`agentUser`) count as members. They are no people, so they do not."""
    app_roles: Names = ()
    """Application ids of enterprise applications: each value of their app roles is read as a group `approle:VALUE`."""
    page_size: int = Field(default=_USUAL["page_size"], ge=1, le=999)
    """Entries in one page. Graph's own default of 100 makes ten times the calls."""
    concurrency: int = Field(default=_USUAL["concurrency"], ge=1, le=64)
    """Most requests at once; each may be a batch of 20."""
    throttle_share: float = Field(default=_USUAL["throttle_share"], ge=0, le=1)
    """Slow down when Graph says that more than this part of our limit is used, 0 to 1. It says so from 0.8 on."""
    attempts: int = Field(default=_USUAL["attempts"], ge=1, le=20)
    """How often one request is sent before it counts as unanswered."""
    first_wait_s: float = Field(default=_USUAL["first_wait_s"], gt=0)
    """Seconds that bound the first random wait before a request is sent again; the bound doubles from then on."""
    longest_wait_s: float = Field(default=_USUAL["longest_wait_s"], gt=0)
    """Seconds of the longest single wait; when Graph asks for a longer one, the read ends, and nobody asks before it is over."""
    deadline_s: float = Field(default=_USUAL["deadline_s"], gt=0)
    """Seconds that one read may take; groups not read by then take nothing from anybody until they are."""
    settle_s: float = Field(default=_USUAL["settle_s"], ge=0)
    """Seconds to wait before members are read again that do not agree with their count, because the count may lag behind."""
    timeouts: SourceTimeouts = Field(default=SourceTimeouts())
    """How long a request may take."""
    ca: PemFile | None = None
    """PEM file of certificates to trust in place of the system's, for Graph and the authority."""
    proxy: Proxy | None = None
    """URL of the HTTP proxy for both. The proxies of the environment are not used."""

    @field_validator("authority", "graph")
    @classmethod
    def _address(cls, url: str | None) -> str | None:
        return url if url is None else over_tls(url)

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

    def settings(self) -> EntraSettings:
        """Give what the source takes."""
        same = self.model_dump(include=_SAME)
        return EntraSettings(
            **same,
            tenant=self.tenant or "",
            client_id=self.client_id or "",
            credential=self.auth.credential(),
            groups=tuple(table.selection() for table in self.groups),
            timeout_s=self.timeouts.read_s,
            connect_timeout_s=self.timeouts.connect_s,
        )


_SAME: Final = EntraSourceTable.model_fields.keys() & {f.name for f in fields(EntraSettings)} - {
    "tenant",
    "client_id",
    "groups",
}
"""The keys that are called the same in the settings, and are."""
