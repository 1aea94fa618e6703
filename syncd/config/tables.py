"""The configuration file as people write it: one class for each table of TOML, one documented field for each key.

docs/configuration.md is generated from the docstrings here, in `daemon_tables`, in `notify_tables` and in the `table` of each
kind of source and target. Nothing else in syncd sees these classes: `load` turns them into the frozen `Settings`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, Union
from urllib.parse import parse_qs

from pydantic import (
    Discriminator,
    Field,
    Tag,
    field_validator,
)

from syncd.config.checkpoint_tables import CheckpointsTable
from syncd.config.daemon_tables import (
    ControlTable,
    DaemonTable,
    HttpTable,
    PauseTable,
)
from syncd.config.grant_tables import GrantsTable
from syncd.config.limit_tables import AllLimitsTable
from syncd.config.notify_tables import NotifyTable
from syncd.config.rollout_tables import RolloutTable
from syncd.fields import (
    InFolder,
    Name,
    Names,
    SecretReference,
    SettingsTable,
    Span,
    Text,
    split_url,
)
from syncd.sources import SOURCES
from syncd.sources.kind import SourceTable
from syncd.targets import TARGETS, USUAL
from syncd.targets.table import DeploymentTable, GuardTable

_SECRETS = frozenset({"password", "sslpassword"})
"""Words of libpq for secrets, which a query may hold."""


class DatabaseTable(SettingsTable):
    """Where syncd keeps what it read, wanted and did."""

    url: Text = "sqlite:///syncd.db"
    """SQLAlchemy URL: `sqlite:///FILE`, the file as seen from this file's folder, or
    `postgresql+psycopg://USER@HOST/NAME`. One host: SQLite is enough. Several: PostgreSQL."""
    password: SecretReference | None = None
    """The password of the PostgreSQL user, by reference."""
    witness: Text | None = None
    """A file in which syncd remembers which database it works with, to notice an older copy or another one
    (docs/recovery.md), as seen from this file's folder. If not set: beside the file of SQLite, with `.witness` at its end;
    none with PostgreSQL. Best on another disk than the database, where no restore reaches it."""

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
    people_until: Literal["optional", "required"] = "optional"
    """Whether a binding that names people one by one (`people`) has to say when it ends (`until`)."""
    privileged: Literal["optional", "required"] = "optional"
    """Whether a line that gives a role that administers (`Admin`, `Op`, and any that can change users, roles, connections or
    variables), or that role, has to say `privileged: true`. `required`: files where neither does are a mistake. `optional`:
    `check` tells, and what such a line gives anew is held; see `guard.unmarked`."""
    most_expansions: int = Field(default=500, ge=1, le=5000)
    """So many groups at most a pattern (`group: "okta:airflow-{team}"`) is for, and so many values `each`; what is beyond gives
    nothing, and is noted."""


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


def _any_deployment() -> Any:
    """Give the table of a deployment of whatever kind; one that does not say its type is of the usual kind."""
    tables = [Annotated[kind.table, Tag(kind.name)] for kind in TARGETS.values()]
    return Annotated[Union[tuple(tables)], Discriminator(_type)] if tables[1:] else TARGETS[USUAL].table  # noqa: UP007


def _type(table: object) -> object:
    return table.get("type", USUAL) if isinstance(table, dict) else None


if TYPE_CHECKING:
    AnySource = SourceTable
    AnyDeployment = DeploymentTable
else:  # the unions of the tables in the tables of kinds
    AnySource = Annotated[Union[tuple(kind.table for kind in SOURCES.values())], Discriminator("type")]  # noqa: UP007
    AnyDeployment = _any_deployment()


class ConfigFile(SettingsTable):
    """Paths are as seen from the folder of the file; `~` is the home folder. A secret is never written into the file, only
    where it is. One mistake anywhere and nothing of the file is used. It has at most 1 MiB, is a regular file, and nests at
    most 24 deep. A key that was renamed counts under its old name too, and is told of."""

    database: DatabaseTable = Field(default=DatabaseTable())
    """Where syncd keeps what it read, wanted and did."""
    mappings: Mappings = Field(default_factory=dict, validate_default=True)
    """Where the mapping files are."""
    run: Run = Field(default=Run())
    """How a pass runs."""
    join: Join = Field(default=Join())
    """How accounts of several sources become one person."""
    limits: AllLimitsTable = Field(default=AllLimitsTable())
    """How much may be taken away, and given, within an hour without approval."""
    guard: GuardTable = Field(default=GuardTable())
    """What does not pass without a person's word, however little it is."""
    daemon: DaemonTable = Field(default=DaemonTable())
    """The rhythm of `syncd run`."""
    pause: PauseTable = Field(default=PauseTable())
    """What a pause may be."""
    rollout: RolloutTable | None = None
    """In which order a change of the mapping reaches the deployments; without this table all get it at once."""
    control: ControlTable = Field(default=ControlTable())
    """How commands reach the daemon."""
    http: HttpTable | None = None
    """Where the daemon answers HTTP; without this table it does not."""
    notify: NotifyTable = Field(default=NotifyTable())
    """Who is told of alarms."""
    checkpoints: CheckpointsTable | None = None
    """How the journal's chain is signed, so that nobody can rewrite it unnoticed; without this table it is not."""
    grants: GrantsTable = Field(default=GrantsTable())
    """What people may be given for a time."""
    sources: dict[Name, AnySource] = Field(min_length=1)
    """Where people and groups come from, at least one; mapping files call it by the name given here."""
    defaults: dict[str, Any] = Field(default={})
    """What each deployment has that does not say otherwise: any key of a deployment of its type. `labels`, `headers`, `limits`,
    `guard`, `timeouts` and `rate_limit` are filled key by key; anything else that a deployment writes stands alone."""
    deployments: dict[Name, AnyDeployment] = Field(min_length=1)
    """The deployments, at least one. The name is yours: letters, digits, `-` and `_`."""
