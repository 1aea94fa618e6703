"""Frozen settings: what the rest of syncd sees of a configuration file."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from syncd.http.secrets import Secret
from syncd.model import Deployment, GrantsAllowed, Joining, WaveOrder
from syncd.notify import CheckpointSettings, NotifySettings
from syncd.plan.limits import GuardRules, LimitArea, Limits
from syncd.throttle import RateLimit


@dataclass(frozen=True, slots=True)
class DatabaseSettings:
    """Where the database is. The password is only in what `connect_url` gives."""

    url: str
    password: Secret | None = None
    witness: Path | None = None
    """Where is remembered which database it is; None: nowhere."""

    @property
    def is_there(self) -> bool:
        """Say whether the file of SQLite exists; of a server nobody knows before it is asked."""
        return not self.url.startswith("sqlite:///") or Path(self.url.removeprefix("sqlite:///")).exists()

    def connect_url(self) -> str:
        """Give the URL with the password in it, read now; never log or print it."""
        if self.password is None:
            return self.url
        parts = urlsplit(self.url)
        user, _, host = parts.netloc.rpartition("@")
        return parts._replace(netloc=f"{user}:{quote(self.password.read(), safe='')}@{host}").geturl()


@dataclass(frozen=True, slots=True)
class SourceSettings:
    """One source: how mapping files call it, its kind (a key of `sources.SOURCES`), and what a source of that kind takes."""

    name: str
    kind: str
    settings: Any


@dataclass(frozen=True, slots=True)
class DeploymentSettings:
    """One deployment: what planning knows of it, its kind (a key of `targets.TARGETS`), and what a session of that kind takes."""

    deployment: Deployment
    enforce: bool
    limits: Limits
    kind: str
    settings: Any
    rate_limit: RateLimit
    guard: GuardRules = field(default_factory=GuardRules)

    @property
    def address(self) -> str:
        """Tell the server from others, however its address is spelt."""
        return str(self.settings.address)


@dataclass(frozen=True, slots=True)
class DaemonSettings:
    """How the daemon works: its rhythm, its width, its control socket. The configuration page says what each is for."""

    poll: timedelta = timedelta(seconds=15)
    sweep: timedelta = timedelta(minutes=15)
    slow_sweep: timedelta = timedelta(hours=1)
    dags: timedelta = timedelta(minutes=5)
    upkeep: timedelta = timedelta(hours=1)
    keep: timedelta = timedelta(days=90)
    hold_expires: timedelta = timedelta(hours=24)
    stale_after: timedelta = timedelta(minutes=10)
    workers: int = 32
    socket: Path | None = None
    """The control socket; None: there is none."""


@dataclass(frozen=True, slots=True)
class PauseSettings:
    """How long a pause may last, and whether it may be without an end."""

    longest: timedelta = timedelta(days=30)
    open_ended: bool = False


@dataclass(frozen=True, slots=True)
class ApiToken:
    """A caller of the HTTP API: how it is called in the audit, its secret, and its rights (`read`, `reconcile`, `approve`)."""

    name: str
    secret: Secret
    rights: frozenset[str]


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """Where the daemon answers HTTP, and to whom. Beyond the loopback there is TLS, or `plain_http` was written."""

    listen_host: str
    listen_port: int
    tls_cert: Path | None = None
    tls_key: Path | None = None
    """None: the key is in the same file as the certificate."""
    plain_http: bool = False
    open_metrics: bool = True
    """Whether /metrics is answered without a token."""
    tokens: tuple[ApiToken, ...] = ()


@dataclass(frozen=True, slots=True)
class Settings:
    """One configuration file, checked. Sources and deployments are in the order of the file."""

    path: Path
    database: DatabaseSettings
    mappings: Path
    workers: int
    full_read_every: timedelta
    joining: Joining
    sources: tuple[SourceSettings, ...]
    deployments: tuple[DeploymentSettings, ...]
    daemon: DaemonSettings
    http: HttpSettings | None
    """None: the daemon answers no HTTP."""
    notify: NotifySettings
    areas: tuple[LimitArea, ...] = ()
    """Deployments that have limits together."""
    checkpoints: CheckpointSettings | None = None
    """None: the journal's chain is not signed."""
    pause: PauseSettings = PauseSettings()
    rollout: WaveOrder | None = None
    """In which order a change of the mapping reaches the deployments; None: all get it at once."""
    people_until: bool = False
    """Whether bindings that name people one by one need an end."""
    privileged: bool = False
    """Whether lines that give roles that administer have to say so."""
    most_expansions: int = 500
    """So many groups at most one pattern is for."""
    grants: GrantsAllowed = field(default_factory=GrantsAllowed)
    """What people may be given for a time."""
    text: str = field(default="", repr=False, compare=False)
    """What stands in the file: the daemon keeps it, to start with where the file cannot be used."""
    notes: tuple[str, ...] = field(default=(), compare=False)
    """What to write otherwise in the file although it can be used as it is, each at its line."""
