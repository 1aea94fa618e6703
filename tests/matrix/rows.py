"""The table of rows: which releases, with which packages, in which surroundings, and what a stand-in of them is called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from syncd.sandbox.servers import Release, Surroundings

NEWEST_FAB = "3.10.2"
BASIC = {"AIRFLOW__FAB__AUTH_BACKENDS": "airflow.providers.fab.auth_manager.api.auth.backend.basic_auth"}
"""Airflow 3 with an older provider takes no token for roles or users; operators have to switch basic authentication on."""
QUICK = {"AIRFLOW__FAB__CACHE_TTL": "1"}
"""Airflow 3 acts on a change within half a minute; here it does so within a second."""


@dataclass(frozen=True)
class Row:
    """A release in its surroundings.

    name      as it is called in the table and by `ROWS`
    preset    the stand-in of it; without one no answers are compared
    told      words of the sentence by which syncd says that it cannot manage such a server; without any, it can
    """

    name: str
    release: Release
    preset: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)
    around: Surroundings = field(default_factory=Surroundings)
    database: Literal["sqlite", "postgresql", "mariadb"] = "sqlite"
    told: tuple[str, ...] = ()
    page_limit: int = 100
    note: str = ""

    @property
    def generation(self) -> int:
        return int(self.release.version.partition(".")[0])

    @property
    def fab(self) -> str | None:
        """Its FAB provider; before Airflow 2.9 there was none, and the same code was in Airflow itself."""
        named = dict(package.split("==") for package in self.release.packages if "==" in package)
        return named.get("apache-airflow-providers-fab")

    @property
    def parts(self) -> tuple[str, ...]:
        """What is done on its server, in this order."""
        if self.told:
            return ("told",)
        return ("questions", "story", "levels") if self.preset else ("story", "levels")


def release(version: str, fab: str, as_of: str, *more: str, suffix: str = "") -> Release:
    """Describe a release with a provider, and all other packages as they were on that day."""
    packages = (f"apache-airflow=={version}", f"apache-airflow-providers-fab=={fab}", *more)
    return Release(f"{version}+{fab}{suffix}", version, (3, 12), packages, as_of)


def _two(version: str, fab: str, as_of: str, preset: str) -> Row:
    return Row(f"{version}+{fab}", release(version, fab, as_of), preset)


def _three(
    version: str, fab: str, as_of: str, preset: str = "", *, told: tuple[str, ...] = (), note: str = "", **settings: str
) -> Row:
    made = release(version, fab, as_of)
    return Row(made.name, made, preset or made.name, QUICK | BASIC | settings, told=told, note=note)


BROKEN_USERS = ("answers 500 to every reading of its users", "3.4.0")
SESSION_ONLY = {"AIRFLOW__API__AUTH_BACKENDS": "airflow.api.auth.backend.session"}
SIMPLE = {
    "AIRFLOW__CORE__AUTH_MANAGER": "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager"
}
KEYCLOAK = {
    "AIRFLOW__CORE__AUTH_MANAGER": "airflow.providers.keycloak.auth_manager.keycloak_auth_manager.KeycloakAuthManager",
    "AIRFLOW__KEYCLOAK_AUTH_MANAGER__CLIENT_ID": "airflow",
    "AIRFLOW__KEYCLOAK_AUTH_MANAGER__CLIENT_SECRET": "secret",
    "AIRFLOW__KEYCLOAK_AUTH_MANAGER__REALM": "airflow",
    "AIRFLOW__KEYCLOAK_AUTH_MANAGER__SERVER_URL": "http://127.0.0.1:9",
}
PUBLIC_2 = {
    "webserver_config.py": "from flask_appbuilder.const import AUTH_DB\nAUTH_TYPE = AUTH_DB\nAUTH_ROLE_PUBLIC = 'Viewer'\n"
    "WTF_CSRF_ENABLED = True\n"
}
NEWEST_2 = release("2.11.2", "1.5.4", "2026-11-20")
NEWEST_3 = release("3.3.2", NEWEST_FAB, "2026-11-20")
POSTGRES_3 = release("3.3.2", NEWEST_FAB, "2026-11-20", "psycopg2-binary", "asyncpg", suffix="-postgresql")
POSTGRES_2 = release("2.11.2", "1.5.4", "2026-11-20", "psycopg2-binary", suffix="-postgresql")
MARIADB_2 = release("2.11.2", "1.5.4", "2026-11-20", "pymysql", suffix="-mariadb")
WITH_KEYCLOAK = release(
    "3.3.2", NEWEST_FAB, "2026-11-20", "apache-airflow-providers-keycloak==0.11.2", suffix="-keycloak"
)
BEFORE_FAB = Release("2.8.4", "2.8.4", (3, 11), ("apache-airflow==2.8.4",), "2024-04-10")
PRE_RELEASE = release("3.4.0b2", NEWEST_FAB, "2026-11-27")
SMALL_PAGES = {"AIRFLOW__API__MAXIMUM_PAGE_LIMIT": "7"}

ROWS: tuple[Row, ...] = (
    Row("2.8.4", BEFORE_FAB, "2.8.4", note="not promised"),
    _two("2.9.0", "1.0.4", "2024-04-25", "2.9.0"),
    _two("2.9.3", "1.2.2", "2024-08-01", "2.9.3"),
    _two("2.10.0", "1.2.2", "2024-08-17", "2.10.0"),
    _two("2.10.2", "1.4.0", "2024-09-28", "2.10.2"),
    _two("2.10.5", "1.5.3", "2025-02-20", "2.10.5"),
    Row("2.11.2+1.5.4", NEWEST_2, "2.11.2"),
    _three("3.0.2", "2.2.0", "2025-07-01", "3.0.2"),
    _three("3.0.6", "2.4.4", "2025-10-20", "3.0.6"),
    _three("3.1.8", "3.0.3", "2026-07-01"),
    _three("3.1.8", "3.1.1", "2026-07-01"),
    _three("3.1.8", "3.2.0", "2026-07-01", told=BROKEN_USERS),
    _three("3.1.8", "3.3.0", "2026-07-01", told=BROKEN_USERS),
    _three("3.1.8", "3.4.0", "2026-07-01"),
    _three("3.2.2", "3.5.0", "2026-07-01"),
    _three("3.2.2", "3.6.5", "2026-07-01"),
    _three("3.2.2", "3.7.3", "2026-09-01"),
    Row("3.3.2+3.8.1", release("3.3.2", "3.8.1", "2026-11-20"), "3.3.2", QUICK),
    Row(f"3.3.2+{NEWEST_FAB}", NEWEST_3, "3.3.2", QUICK),
    Row(f"3.4.0b2+{NEWEST_FAB}", PRE_RELEASE, "3.3.2", QUICK, note="pre-release"),
    Row("2.11.2, 7 rows a page", NEWEST_2, "2.11.2", SMALL_PAGES, page_limit=7),
    Row("3.3.2, 7 rows a page", NEWEST_3, "3.3.2", QUICK | SMALL_PAGES, page_limit=7),
    Row("2.11.2, under /air/flow", NEWEST_2, "2.11.2", around=Surroundings(path="/air/flow")),
    Row("3.3.2, under /air/flow", NEWEST_3, "3.3.2", QUICK, around=Surroundings(path="/air/flow")),
    Row("2.11.2, a public role", NEWEST_2, around=Surroundings(files=PUBLIC_2), note="AUTH_ROLE_PUBLIC = Viewer"),
    Row("3.3.2, a public role", NEWEST_3, settings=QUICK | {"AIRFLOW__FAB__AUTH_ROLE_PUBLIC": "Viewer"}),
    Row("2.11.2, sessions only", NEWEST_2, settings=SESSION_ONLY, told=("roles cannot be read", "AUTH_BACKENDS")),
    Row("3.3.2, Simple auth manager", NEWEST_3, settings=SIMPLE, told=("no API for roles", "Simple auth manager")),
    Row(
        "3.3.2, Keycloak auth manager",
        WITH_KEYCLOAK,
        settings=KEYCLOAK,
        told=("no API for roles", "Keycloak auth manager"),
    ),
    Row(
        "3.3.2, PostgreSQL and 4 workers",
        POSTGRES_3,
        settings=QUICK,
        around=Surroundings(workers=4, commands=("scheduler", "dag-processor")),
        database="postgresql",
        note="with scheduler and dag-processor",
    ),
    Row(
        "2.11.2, PostgreSQL and 4 workers",
        POSTGRES_2,
        around=Surroundings(workers=4, commands=("scheduler",)),
        database="postgresql",
        note="with scheduler",
    ),
    Row("2.11.2, MariaDB", MARIADB_2, database="mariadb", note="utf8mb4_general_ci, which ignores case and accents"),
)
