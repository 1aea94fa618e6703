"""What an Entra source must know: which tenant, how to prove who we are, which groups, how hard to ask."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal
from urllib.parse import urlsplit

from syncd.http.secrets import Secret
from syncd.model import nfc


@dataclass(frozen=True, slots=True)
class Cloud:
    """One national cloud: tokens of one are not good in another."""

    login: str
    graph: str


CLOUDS: Final[Mapping[str, Cloud]] = {
    "global": Cloud("https://login.microsoftonline.com", "https://graph.microsoft.com/v1.0"),
    "usgov": Cloud("https://login.microsoftonline.us", "https://graph.microsoft.us/v1.0"),
    "usgov-dod": Cloud("https://login.microsoftonline.us", "https://dod-graph.microsoft.us/v1.0"),
    "china": Cloud("https://login.chinacloudapi.cn", "https://microsoftgraph.chinacloudapi.cn/v1.0"),
}
"""From Microsoft's page on national cloud deployments of Graph. GCC (not High) is the global cloud."""


# --- credentials ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ClientSecret:
    """A client secret of the app registration."""

    secret: Secret


@dataclass(frozen=True, slots=True)
class PemCertificate:
    """A certificate and its key in PEM; `passphrase` where the key is encrypted."""

    key: Secret
    certificate: Path
    passphrase: Secret | None = None


@dataclass(frozen=True, slots=True)
class PfxCertificate:
    """A certificate and its key in one PFX (PKCS #12) file."""

    file: Path
    passphrase: Secret | None = None


@dataclass(frozen=True, slots=True)
class WorkloadIdentity:
    """A token that another issuer wrote to a file, as Kubernetes does.

    None, an empty tenant and an empty client id mean what AKS puts into the environment: AZURE_FEDERATED_TOKEN_FILE,
    AZURE_TENANT_ID, AZURE_CLIENT_ID, and AZURE_AUTHORITY_HOST for the authority.
    """

    token_file: Path | None = None


@dataclass(frozen=True, slots=True)
class ManagedIdentity:
    """The identity of the Azure machine; `client_id` for a user-assigned one. Needs neither tenant nor client id."""

    client_id: str | None = None


EntraCredential = ClientSecret | PemCertificate | PfxCertificate | WorkloadIdentity | ManagedIdentity


# --- groups -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class GroupSelection:
    """Which groups to read: one by id, one by display name, those with a prefix, or all (then `value` is empty).

    `transitive`: the people in nested groups count as members too. A group that two selections pick is read as the
    first one says. Entra compares names without regard to case, and so do we.
    """

    by: Literal["id", "name", "prefix", "all"]
    value: str = ""
    transitive: bool = False

    def __post_init__(self) -> None:
        if (self.by == "all") != (not self.value):
            raise ValueError(f"a selection by {self.by} needs {'no' if self.by == 'all' else 'a'} value")

    def picks(self, id_: str, name: str) -> bool:
        """Say whether this selection is for a group."""
        wanted, name = nfc(self.value).casefold(), nfc(name).casefold()
        match self.by:
            case "id":
                return id_.casefold() == wanted
            case "name":
                return name == wanted
            case "prefix":
                return name.startswith(wanted)
            case "all":
                return True

    def __str__(self) -> str:
        return f"{self.by} {self.value!r}" if self.value else self.by


@dataclass(frozen=True, slots=True)
class EntraSettings:
    """How to read one tenant.

    tenant            id or a verified domain of the tenant
    client_id         of the app registration
    credential        how the app proves itself
    groups            which groups to read, in order of precedence
    cloud             global, usgov (GCC High), usgov-dod or china (21Vianet)
    authority, graph  base URLs in place of the cloud's: `https://login.host/tenant`, `https://graph.host/v1.0`
    guests            whether guests count as members: a group's owner invited them, so they do by default
    agents            whether accounts of AI agents count as members: they are no people, so they do not by default
    app_roles         ids of applications (appId): each value of their app roles becomes a group `approle:VALUE`
    page_size         entries asked for in a page, 1 to 999; Graph's own default of 100 makes ten times the calls
    concurrency       requests at a time
    throttle_share    slow down when Graph says that more than this part of our limit is used; it says so from 0.8 on
    attempts          how often one request is sent before it counts as unanswered
    first_wait_s      bound of the first random wait before a request is sent again; it doubles from then on
    longest_wait_s    longest single wait; a longer Retry-After is not waited for: the read ends, and until it is over nothing
                      is asked, whoever wants to
    deadline_s        most that one read may take; groups not read by then are not certified
    settle_s          wait before members are read again that do not agree with their count: the count may lag behind
    timeout_s         longest silence while an answer is awaited
    connect_timeout_s longest wait for a connection
    ca                certificates to trust instead of the built-in ones, for Graph and the authority
    proxy             URL of a proxy for both; the environment's proxies are not used
    """

    tenant: str
    client_id: str
    credential: EntraCredential
    groups: tuple[GroupSelection, ...] = ()
    cloud: str = "global"
    authority: str | None = None
    graph: str | None = None
    guests: Literal["include", "exclude"] = "include"
    agents: Literal["include", "exclude"] = "exclude"
    app_roles: tuple[str, ...] = ()
    page_size: int = 999
    concurrency: int = 4
    throttle_share: float = 0.8
    attempts: int = 5
    first_wait_s: float = 1.0
    longest_wait_s: float = 120.0
    deadline_s: float = 900.0
    settle_s: float = 2.0
    timeout_s: float = 30.0
    connect_timeout_s: float = 10.0
    ca: Path | None = None
    proxy: str | None = None

    def __post_init__(self) -> None:
        if self.cloud not in CLOUDS:
            raise ValueError(f"cloud must be one of {', '.join(CLOUDS)}")
        if not 1 <= self.page_size <= 999:
            raise ValueError("page_size must be 1 to 999")
        if self.concurrency < 1 or self.attempts < 1:
            raise ValueError("concurrency and attempts must be at least 1")
        if self.deadline_s <= 0:
            raise ValueError("deadline_s must be positive")
        if not self.groups and not self.app_roles:
            raise ValueError("no group is selected; name groups, a prefix, all, or app_roles")

    @property
    def graph_url(self) -> str:
        """The base URL of Graph, without a slash at its end."""
        return (self.graph or CLOUDS[self.cloud].graph).rstrip("/")

    @property
    def provider(self) -> str:
        """Whom we ask, for who wants to be left alone: Graph's limits are per application and tenant."""
        return f"entra {self.graph_url.lower()} {(self.tenant or self.authority or '').lower()}"

    @property
    def resource(self) -> str:
        """What tokens are asked for: scheme and host of Graph."""
        parts = urlsplit(self.graph_url)
        return f"{parts.scheme}://{parts.netloc}"
