"""The table of an Airflow deployment."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator, model_validator

from syncd.fields import (
    HeaderName,
    HeaderValue,
    Names,
    PemFile,
    Proxy,
    SecretReference,
    SettingsTable,
    Text,
    list_of_one,
    web_address,
)
from syncd.http.connection import Connection, is_loopback
from syncd.model import Naming
from syncd.targets.airflow.naming import NAMING, AirflowNaming
from syncd.targets.airflow.settings import AirflowSettings, Credential
from syncd.targets.table import DeploymentTable


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
    that is renewed (Airflow 3). `bearer`: a token from elsewhere, of a proxy in front or of Airflow itself, where that gives none
    for a password; it is read again before it expires, and when the server refuses it."""
    username: Text | None = None
    """The account; `bearer` takes it too, and then syncd knows which one is its own. Let it be one for syncd alone: it is never
    changed by syncd."""
    password: SecretReference | None = None
    """Its password, by reference."""
    token: SecretReference | None = None
    """The token of `bearer`, by reference; `command:` runs a program that prints it."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        given = self.model_fields_set - {"kind"}
        wanted = {"token"} if self.kind == "bearer" else {"username", "password"}
        if given - ({"username"} if self.kind == "bearer" else set()) != wanted:
            names = (
                "token, and perhaps username" if self.kind == "bearer" else "username and password, and nothing else"
            )
            raise ValueError(f'kind "{self.kind}" takes {names}')
        return self


class AirflowTable(DeploymentTable):
    """One Airflow deployment."""

    naming: ClassVar[Naming] = NAMING
    address_key: ClassVar[str] = "url"

    type: Literal["airflow"] = "airflow"
    """What kind of target it is: `airflow`, which need not be written."""
    insecure_http: bool = False
    """Allow a `http://` address that is not this machine: passwords then cross the network in the clear."""
    url: Text
    """Where the web server is, with the path if it has one: `https://airflow.example.com/prod`. No `/api/...`."""
    auth: Annotated[tuple[Auth, ...], BeforeValidator(list_of_one), Field(strict=False, min_length=1)]
    """The account to use, as a table, or several as a list of tables."""
    timeouts: Timeouts = Field(default=Timeouts())
    """How long a request may take."""
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
    dags_folder: Annotated[str, Field(pattern=r"^/")] | None = None
    """Airflow 2: the folder of the DAG files on the server, as `/opt/airflow/dags`: mapping files can choose DAGs by `path` then.
    Airflow 3 says itself what is below it."""
    extra_actions: Names = ()
    """Actions that plugins bring, as `can_list`, so that mapping files may name them; for all deployments of Airflow."""
    extra_resources: Names = ()
    """Resources that plugins bring, as `ReportView`, so that `check` takes them for known; for all deployments of Airflow."""

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

    @classmethod
    def naming_of(cls, tables: Iterable[Self]) -> Naming:
        """Give the rules of names of every Airflow, with what the plugins of any of these bring."""
        several = tuple(tables)
        return AirflowNaming(
            frozenset(action for table in several for action in table.extra_actions),
            frozenset(resource for table in several for resource in table.extra_resources),
        )

    def settings(self) -> AirflowSettings:
        """Give how to reach it and as whom."""
        return AirflowSettings(_connection(self), tuple(map(_credential, self.auth)), self.dags_folder or "")


def _connection(table: AirflowTable) -> Connection:
    return Connection(
        base_url=table.url,
        timeout_s=table.timeouts.read_s,
        connect_timeout_s=table.timeouts.connect_s,
        ca=table.ca,
        client_cert=table.client_cert,
        client_key=table.client_key,
        proxy=table.proxy,
        headers={name: value if isinstance(value, str) else value.secret() for name, value in table.headers.items()},
    )


def _credential(auth: Auth) -> Credential:
    reference = auth.token if auth.kind == "bearer" else auth.password
    assert reference is not None  # the check of Auth
    return Credential(auth.kind, auth.username, reference.secret())
