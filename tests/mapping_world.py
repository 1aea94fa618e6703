"""A small world for tests of mapping evaluation: a directory, two deployments, a few DAGs, and Airflow's words made short."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from syncd.directory.join import join
from syncd.mapping.compile import compile_desired
from syncd.mapping.parse import parse
from syncd.model import (
    Certificate,
    Dag,
    Deployment,
    DesiredState,
    Dialect,
    Directory,
    Group,
    Identity,
    Level,
    Permission,
    Snapshot,
)
from syncd.targets.airflow.naming import NAMING

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)

DAGS = (
    Dag("fin_daily", frozenset({"finance", "daily"}), frozenset({"fin-team"})),
    Dag("fin_monthly", frozenset({"finance"}), frozenset({"fin-team"})),
    Dag("plat_cleanup", frozenset({"daily"}), frozenset({"platform"})),
)

PROD = Deployment("prod", {"env": "prod"}, naming=NAMING)


def permission(text: str) -> Permission:
    action, _, resource = text.partition(" on ")
    return NAMING.permission(action, resource)


def permissions(*texts: str) -> frozenset[Permission]:
    return frozenset(permission(text) for text in texts)


DIALECT = Dialect(
    permissions("can_read on Website"),
    {
        Level.VIEW: (permissions("can_read on DAG Runs"), permissions("can_read on DAG:{dag}")),
        Level.TRIGGER: (frozenset(), permissions("can_edit on DAG:{dag}", "can_create on DAG Run:{dag}")),
        Level.EDIT: (permissions("can_edit on Task Instances"), frozenset()),
        Level.OWN: (frozenset(), permissions("can_delete on DAG:{dag}")),
    },
    dag_actions={
        "delete_dag": (frozenset(), permissions("can_delete on DAG:{dag}")),
        "delete_runs": (permissions("can_delete on DAG Runs"), frozenset()),
    },
)


def person(
    identifier: str,
    *,
    source: str = "people",
    login: str | None = None,
    email: str | None = None,
    given_name: str = "Given",
    family_name: str = "Family",
) -> Identity:
    """Make a person; a login and an e-mail that are not given follow from the id."""
    login = identifier if login is None else login
    email = f"{identifier}@corp.example" if email is None else email
    return Identity(source, identifier, login, email, given_name, family_name)


ANN, BOB, CID = person("ann"), person("bob"), person("cid")


def group(
    name: str, *members: str, source: str = "people", identifier: str = "", complete: bool = True, why: str = ""
) -> Group:
    certificate = Certificate(1, len(members), None, NOW, complete, why)
    return Group(source, identifier or f"id-{name}", name, frozenset(members), certificate)


def snapshot(people: Iterable[Identity], *groups: Group, source: str = "people") -> Snapshot:
    return Snapshot(source, tuple(people), groups, NOW)


def directory(people: Iterable[Identity], *groups: Group) -> Directory:
    """Join one read of each source that people and groups name."""
    people = tuple(people)
    sources = sorted({p.source for p in people} | {g.source for g in groups})
    fresh = {
        s: snapshot((p for p in people if p.source == s), *(g for g in groups if g.source == s), source=s)
        for s in sources
    }
    return join(fresh, {}, {})


def compiled(
    mapping: str | Mapping[str, str],
    known: Directory,
    deployment: Deployment = PROD,
    *,
    dags: tuple[Dag, ...] = DAGS,
    now: datetime = NOW,
) -> DesiredState:
    files = {"m.yaml": mapping} if isinstance(mapping, str) else mapping
    rules = parse({name: text.encode() for name, text in files.items()}, namings=[NAMING])
    return compile_desired(rules, known, deployment, inventory=dags, dialect=DIALECT, now=now)


def notes(desired: DesiredState) -> list[str]:
    return [f"{note.code} {note.text}" for note in desired.notes]


def grants(desired: DesiredState) -> set[tuple[str, str]]:
    return {(grant.username, grant.role) for grant in desired.grants()}
