"""How to reach one Airflow and as whom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from syncd.http.connection import Connection
from syncd.http.secrets import Secret

KINDS: Final = ("basic", "token", "bearer")


@dataclass(frozen=True, slots=True)
class Credential:
    """One way to prove who we are. A deployment may need two: some releases want basic for users and a token for the rest.

    kind   | what is sent                                                   | secret
    basic  | user name and password with every call                         | password
    token  | Airflow 3: a token that user name and password were traded for | password
    bearer | the secret itself, as `Authorization: Bearer`                  | token
    """

    kind: str
    username: str | None
    secret: Secret

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(KINDS)}")
        if self.kind != "bearer" and not self.username:
            raise ValueError(f'a credential of kind "{self.kind}" needs a username')


@dataclass(frozen=True, slots=True)
class AirflowSettings:
    connection: Connection
    credentials: tuple[Credential, ...]
    dags_folder: str = ""
    """Where the files of DAGs are on the server; only Airflow 2 needs to be told. Empty: not known."""

    @property
    def address(self) -> str:
        """Tell the server from others, however its address is spelt: scheme, host, port where it is not the usual, path."""
        parts = urlsplit(self.connection.base_url)
        usual = {"http": 80, "https": 443}[parts.scheme]
        port = f":{parts.port}" if parts.port not in (None, usual) else ""
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
        return f"{parts.scheme}://{host}{port}{parts.path.rstrip('/')}"
