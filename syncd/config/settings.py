"""Frozen settings: what the rest of syncd sees of a configuration file."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote, urlsplit

from syncd.http import Secret
from syncd.model import Deployment, Joining
from syncd.plan.guard import Limits
from syncd.sources.entra import EntraSettings
from syncd.sources.okta import OktaSettings
from syncd.targets.airflow.settings import AirflowSettings


@dataclass(frozen=True, slots=True)
class DatabaseSettings:
    """Where the database is. The password is only in what `connect_url` gives."""

    url: str
    password: Secret | None = None

    def connect_url(self) -> str:
        """Give the URL with the password in it, read now; never log or print it."""
        if self.password is None:
            return self.url
        parts = urlsplit(self.url)
        user, _, host = parts.netloc.rpartition("@")
        return parts._replace(netloc=f"{user}:{quote(self.password.read(), safe='')}@{host}").geturl()


@dataclass(frozen=True, slots=True)
class FileSourceSettings:
    """A directory of files with people and groups."""

    name: str
    directory: Path


@dataclass(frozen=True, slots=True)
class OktaSourceSettings:
    """An Okta org."""

    name: str
    okta: OktaSettings


@dataclass(frozen=True, slots=True)
class EntraSourceSettings:
    """A tenant of Entra ID."""

    name: str
    entra: EntraSettings


SourceSettings = FileSourceSettings | OktaSourceSettings | EntraSourceSettings


@dataclass(frozen=True, slots=True)
class DeploymentSettings:
    """One deployment: what planning knows of it, and how to reach it."""

    deployment: Deployment
    enforce: bool
    limits: Limits
    airflow: AirflowSettings


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
