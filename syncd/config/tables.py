"""The configuration file as people write it: one class for each table of TOML, one documented field for each key.

docs/configuration.md is generated from the docstrings here, in `daemon_tables` and in the `table` of each source. Nothing else in
syncd sees these classes: `load` turns them into the frozen `Settings`.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, Union
from urllib.parse import parse_qs

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Discriminator,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from syncd.config.daemon_tables import (
    ControlTable,
    DaemonTable,
    HttpTable,
    NotifyTable,
    RateLimitTable,
)
from syncd.fields import (
    HeaderName,
    HeaderValue,
    InFolder,
    Name,
    Names,
    PemFile,
    Proxy,
    SecretReference,
    SettingsTable,
    Span,
    Text,
    list_of_one,
    split_url,
    web_address,
)
from syncd.http.connection import is_loopback
from syncd.mapping.accounts import template_problem
from syncd.plan.guard import Limits
from syncd.sources import SOURCES
from syncd.sources.kind import SourceTable
from syncd.targets import TARGETS

_LIMITS = Limits()


_SECRETS = frozenset({"password", "sslpassword"})
"""Words of libpq for secrets, which a query may hold."""


def _label_name(name: str) -> str:
    if name == "name":
        raise ValueError("the label `name` is the name of the deployment by itself; leave it out")
    return name


LabelName = Annotated[Text, AfterValidator(_label_name)]


class Database(SettingsTable):
    """Where syncd keeps what it read, wanted and did."""

    url: Text = "sqlite:///syncd.db"
    """SQLAlchemy URL: `sqlite:///FILE`, the file as seen from this file's folder, or
    `postgresql+psycopg://USER@HOST/NAME`. One host: SQLite is enough. Several: PostgreSQL."""
    password: SecretReference | None = None
    """The password of the PostgreSQL user, by reference."""

    @field_validator("url")
    @classmethod
    def _usable(cls, url: str) -> str:
        if not url.isprintable():
            raise ValueError("an address has no control characters")
        if url.startswith("sqlite:///") and url != "sqlite:///":
            return url
        parts = split_url(url)
        host = parts.hostname or parse_qs(parts.query).get("host")  # of a Unix socket: ?host=/run/postgresql
        if parts.scheme not in ("postgresql", "postgresql+psycopg") or not host:
            raise ValueError("write sqlite:///FILE or postgresql+psycopg://USER@HOST/NAME")
        if parts.password or not _SECRETS.isdisjoint(parse_qs(parts.query)) or "@" in url.replace(parts.netloc, "", 1):
            raise ValueError("a password is not written here; take it out of the URL and set database.password")
        return url


class Mappings(SettingsTable):
    """Where the mapping files are."""

    directory: InFolder = Field(default="mappings", validate_default=True)
    """Every `*.yaml` and `*.yml` file in this directory and below is read, except in names that start with a dot."""


class Run(SettingsTable):
    """How a pass runs."""

    workers: int = Field(default=4, ge=1, le=64)
    """How many deployments are worked on at the same time. One deployment never has more than one writer."""
    full_read_every: Span = "6h"
    """How often a source is read whole that can say what changed; in between only changes are read. A number and a unit
    (`s`, `m`, `h`, `d`); `"0s"`: always whole. What the changes missed, if anything, is found and repaired by that read."""


class Join(SettingsTable):
    """How one person who has accounts in several sources is known to be one person."""

    key: Literal["email", "id", "employee_number", "none"] = "email"
    """What has to be the same in both sources, in any letter case. `none`: nobody is joined. Two accounts of one source are
    never joined, whatever they have in common."""
    precedence: Names = ()
    """The sources, the most trusted first: whose names an account gets. What is not named follows in the order of the
    file."""
    new: Literal["ask", "accept"] = "ask"
    """What becomes of accounts that come to have the key in common after their sources were first read. `ask`: they are one
    person once somebody says so (`syncd accept-person`), or where all their sources answer for the domain of the address
    (`email_domains`). `accept`: at once; only right where nobody can set the key of an account, their own or another's."""


class LimitsTable(SettingsTable):
    """How much one pass may take away on one deployment without a person's approval; what is more is held."""

    removals: int = Field(default=_LIMITS.removals, ge=0)
    """People who lose a role, accounts or roles that are deleted, each kind counted by itself; above this many, held."""
    share: float = Field(default=_LIMITS.share, ge=0, le=1)
    """The part, 0 to 1, of the people, accounts, roles or permissions that syncd manages there; above it, held."""
    floor: int = Field(default=_LIMITS.floor, ge=0)
    """Up to this many of a kind pass whatever the share, so that small deployments can change at all; but more than half of
    the people is held, save one, or two of three."""
    permissions: int = Field(default=_LIMITS.permissions, ge=0)
    """Permissions that roles lose; above this many, held."""
    permission_floor: int = Field(default=_LIMITS.permission_floor, ge=0)
    """Up to this many lost permissions pass whatever the share."""


class Timeouts(SettingsTable):
    """How long one request may take."""

    connect_s: float = Field(default=10.0, gt=0, le=600)
    """Seconds to wait for a connection."""
    read_s: float = Field(default=60.0, gt=0, le=3600)
    """Seconds without a byte of the answer. Airflow writes a role of 1,000 permissions in 16 to 18 seconds."""


class Auth(SettingsTable):
    """One account that syncd uses on a deployment. Some releases of Airflow 3 want two kinds at once: write a list."""

    kind: Literal["basic", "token", "bearer"]
    """`basic`: user name and password with each request (Airflow 2). `token`: user name and password once, for a token
    that is renewed (Airflow 3). `bearer`: a fixed token, as a proxy in front may want it."""
    username: Text | None = None
    """The account, for `basic` and `token`. Let it be syncd's own: it is never changed by syncd."""
    password: SecretReference | None = None
    """Its password, by reference."""
    token: SecretReference | None = None
    """The token of `bearer`, by reference."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        given = self.model_fields_set - {"kind"}
        wanted = {"token"} if self.kind == "bearer" else {"username", "password"}
        if given != wanted:
            names = "token and nothing else" if self.kind == "bearer" else "username and password, and nothing else"
            raise ValueError(f'kind "{self.kind}" takes {names}')
        return self


class DeploymentTable(SettingsTable):
    """One Airflow deployment."""

    insecure_http: bool = False
    """Allow a `http://` address that is not this machine: passwords then cross the network in the clear."""
    url: Text
    """Where the web server is, with the path if it has one: `https://airflow.example.com/prod`. No `/api/...`."""
    auth: Annotated[tuple[Auth, ...], BeforeValidator(list_of_one), Field(strict=False, min_length=1)]
    """The account to use, as a table, or several as a list of tables."""
    mode: Literal["observe", "enforce"] = "observe"
    """`observe` plans and changes nothing; `enforce` applies. A new deployment is observed until you say otherwise."""
    labels: dict[LabelName, Text] = Field(default={})
    """Words of yours that bindings choose deployments by, as in `env = "prod"`. The label `name` is the name above."""
    username: Text = "{login}"
    """How accounts are named: a template of `{id}`, `{login}` and `{email}`. It must give the name that your single
    sign-on gives, or the account is not found: `okta_{id}` for Okta and `{id}` for Entra, as Airflow is delivered."""
    login_source: Text | None = None
    """The source that people log in with here: its identity fills in `username`, and who is inactive there has nothing. It has
    to read a group that everybody is in. If nothing is said: for each person the first source in `join.precedence` that
    knows them."""
    match_email: bool = False
    """Whether a person without an account of that name is looked for by e-mail, and that account used."""
    leavers: Literal["keep", "delete"] = "keep"
    """What happens to accounts made by syncd when nothing is left to them: all roles go first, and then the account stays
    empty (`keep`) or is deleted (`delete`). Deleting is impossible for some accounts on Airflow 2."""
    manual_grants: Literal["keep", "remove"] = "keep"
    """What happens to people who hold a role of syncd's by somebody else's hand: nothing (`keep`), or they lose it."""
    adopt: Literal["never", "matching", "declared"] = "matching"
    """What syncd makes its own of what it finds: nothing, what is just as the mapping says, or also every role that a
    mapping file defines, whatever it holds now. Only what is its own is ever taken away."""
    protected: Names = ()
    """User names that are never touched, nor any that a database may take for one of them (letter case, accents, width). The
    account that syncd uses need not be named."""
    timeouts: Timeouts = Field(default=Timeouts())
    """How long a request may take."""
    limits: LimitsTable = Field(default=LimitsTable())
    """Other limits for this deployment; what is not written is as in `[limits]`."""
    rate_limit: RateLimitTable = Field(default=RateLimitTable())
    """How often it is called at most, by the daemon."""
    ca: PemFile | None = None
    """PEM file of the authority that signed the server's certificate, where the system does not know it."""
    client_cert: PemFile | None = None
    """PEM file of the certificate that syncd shows to the server."""
    client_key: PemFile | None = None
    """PEM file of its key, where it is not in the same file."""
    proxy: Proxy | None = None
    """URL of the HTTP proxy on the way to this deployment."""
    headers: dict[HeaderName, HeaderValue] = Field(default={})
    """Headers sent with each request; a value is text, or a secret by reference."""

    @field_validator("client_key")
    @classmethod
    def _with_certificate(cls, path: Path | None, info: ValidationInfo) -> Path | None:
        if path and info.data.get("client_cert", path) is None:
            raise ValueError("client_cert is missing, which this is the key of")
        return path

    @field_validator("url")
    @classmethod
    def _address(cls, url: str, info: ValidationInfo) -> str:
        parts = web_address(url)
        if parts.scheme == "http" and not is_loopback(parts.hostname or "") and not info.data.get("insecure_http"):
            raise ValueError(
                "http:// to another machine sends passwords in the clear: write https://, or insecure_http = true "
                "where the network in between is yours"
            )
        if parts.query or parts.fragment:
            raise ValueError("an address with neither ? nor # is wanted here")
        if re.search(r"/api/v[12]/?$|/auth/?$", parts.path):
            raise ValueError("the address of the web server is wanted here: leave out what comes from /api or /auth on")
        return url.rstrip("/")

    @field_validator("username")
    @classmethod
    def _template(cls, template: str) -> str:
        if problem := template_problem(template, TARGETS["airflow"].naming):
            raise ValueError(problem)
        return template


if TYPE_CHECKING:
    AnySource = SourceTable
else:  # the union of the tables in the table of kinds
    AnySource = Annotated[Union[tuple(kind.table for kind in SOURCES.values())], Discriminator("type")]  # noqa: UP007


class ConfigFile(SettingsTable):
    """Paths are as seen from the folder of the file; `~` is the home folder. A secret is never written into the file, only
    where it is. One mistake anywhere and nothing of the file is used. It has at most 1 MiB, is a regular file, and nests at
    most 24 deep. A key that was renamed counts under its old name too, and is told of."""

    database: Database = Field(default=Database())
    """Where syncd keeps what it read, wanted and did."""
    mappings: Mappings = Field(default_factory=dict, validate_default=True)
    """Where the mapping files are."""
    run: Run = Field(default=Run())
    """How a pass runs."""
    join: Join = Field(default=Join())
    """How accounts of several sources become one person."""
    limits: LimitsTable = Field(default=LimitsTable())
    """How much one pass may take away without approval."""
    daemon: DaemonTable = Field(default=DaemonTable())
    """The rhythm of `syncd run`."""
    control: ControlTable = Field(default=ControlTable())
    """How commands reach the daemon."""
    http: HttpTable | None = None
    """Where the daemon answers HTTP; without this table it does not."""
    notify: NotifyTable = Field(default=NotifyTable())
    """Who is told of alarms."""
    sources: dict[Name, AnySource] = Field(min_length=1)
    """Where people and groups come from, at least one; mapping files call it by the name given here."""
    defaults: dict[str, Any] = Field(default={})
    """What each deployment has that does not say otherwise: any key of a deployment. `labels`, `headers`, `limits`,
    `timeouts` and `rate_limit` are filled key by key; anything else that a deployment writes stands alone."""
    deployments: dict[Name, DeploymentTable] = Field(min_length=1)
    """The Airflow deployments, at least one. The name is yours: letters, digits, `-` and `_`."""
