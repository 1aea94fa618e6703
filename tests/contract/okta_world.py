"""An Okta org to read in tests: small, of many pages, with every kind of member; and the source that reads it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from syncd.http.backoff import Retries
from syncd.http.connection import Connection
from syncd.http.secrets import Secret
from syncd.model import Snapshot
from syncd.sandbox.okta import OktaStandIn, Org
from syncd.sources.kind import SourceSurroundings
from syncd.sources.okta import GroupFilter, OktaApiToken, OktaSettings, OktaSource

TOKEN = "00planted-api-token"
TODAY = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
LONG_AGO_S = 3600.0


def secret(folder: Path, value: str, name: str = "secret") -> Secret:
    """Keep a secret in a file and give its reference."""
    file = folder / name
    file.write_text(value)
    return Secret.parse(f"file:{file}")


def small_org() -> Org:
    """Seven groups, in two pages of five: an empty one, one of three pages, one that ends with a full page; not new."""
    org = Org()
    org.clock.move(-LONG_AGO_S)
    people = [org.add_user(f"person{n}@example.com") for n in range(14)]
    leaver = org.add_user("leaver@example.com", status="DEPROVISIONED")
    org.add_group("airflow-empty")
    org.add_group("airflow-one", people[:1])
    org.add_group("airflow-many", [*people[:11], leaver])
    org.add_group("airflow-even", people[4:])
    for name in ("airflow-x", "airflow-y", "airflow-z"):
        org.add_group(name, people[:2])
    org.clock.move(LONG_AGO_S)
    return org


def stand_in(org: Org | None = None, **limits: Any) -> OktaStandIn:
    found = OktaStandIn(org or small_org(), limits=limits)
    found.ssws.add(TOKEN)
    return found


def settings(url: str, folder: Path, **changes: Any) -> OktaSettings:
    """Settings for tests: pages of five, quick retries, an API token."""
    usual = OktaSettings(
        Connection(url),
        OktaApiToken(secret(folder, TOKEN)),
        GroupFilter(prefixes=("airflow-",)),
        page_limit=5,
        leave_free=0.5,
        concurrency=3,
        retries=Retries(attempts=3, first_s=0.001, cap_s=0.01),
    )
    return dataclasses.replace(usual, **changes)


def silent(event: str, **facts: object) -> None:
    """Say nothing."""


def source(
    url: str,
    folder: Path,
    *,
    emit: Callable[..., None] = silent,
    timeout_s: float = 10.0,
    everyone: bool = False,
    **changes: Any,
) -> OktaSource:
    changes.setdefault("connection", Connection(url, timeout_s=timeout_s, connect_timeout_s=5.0))
    return OktaSource(
        "okta", settings(url, folder, **changes), SourceSurroundings(lambda: TODAY, emit, everyone=everyone)
    )


def members(snapshot: Snapshot) -> dict[str, frozenset[str]]:
    """Members by the name of the group."""
    return {group.name: group.members for group in snapshot.groups}


def truth(org: Org) -> dict[str, frozenset[str]]:
    return {team.name: frozenset(team.members) for team in org.teams.values()}


def whys(snapshot: Snapshot) -> dict[str, str]:
    """Why groups are not certified, by name; certified ones are not in it."""
    return {g.name: g.certificate.why for g in snapshot.groups if not g.certificate.complete}
