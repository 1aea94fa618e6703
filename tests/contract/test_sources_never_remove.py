"""The whole chain under every lie: what a lying read leads to takes nothing from anybody who is still entitled.

source -> certificate -> join with the last good read -> compile -> diff, against a deployment where everybody has what the
truth gives. One person really leaves before the read, so that there is something that may be taken: only that.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import entra_world
import okta_world
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from syncd.directory.join import join, lay_over
from syncd.errors import SourceUnavailable
from syncd.mapping.compile import compile_desired
from syncd.model import (
    At,
    Deployment,
    DesiredState,
    Dialect,
    Directory,
    GroupRef,
    ObservedState,
    Owned,
    Rule,
    Rules,
    Snapshot,
    User,
)
from syncd.plan.diff import diff
from syncd.ports import Source
from syncd.sandbox.entra import LieKind, Served
from syncd.sandbox.okta import FAULTS, OktaStandIn
from syncd.targets.airflow.naming import NAMING

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
PROD = Deployment("prod", username="{id}", naming=NAMING)
BUILT_IN = ("Viewer", "User", "Op", "Admin", "Public")
slow = settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], database=None
)


def desired(directory: Directory, source: str, groups: tuple[str, ...]) -> DesiredState:
    """Bind each group to one built-in role, by name."""
    at = At("all.yaml", 1)
    bindings = tuple(
        Rule(GroupRef(source, name=name), (role,), (), at) for name, role in zip(groups, BUILT_IN, strict=False)
    )
    return compile_desired(
        Rules({}, bindings), directory, PROD, inventory=(), dialect=Dialect(frozenset(), {}), now=NOW
    )


def taken(source: Source, before: Snapshot, groups: tuple[str, ...]) -> set[tuple[str, str]]:
    """Read once more and say who would lose which role."""
    saved = lay_over(before, None)
    try:
        read = source.feed.read_from_here(saved)[0] if source.feed else source.read()
        fresh, failed = {source.name: read}, {}
    except SourceUnavailable as error:
        fresh, failed = {}, {source.name: str(error)}
    was = desired(join({source.name: before}, {}, {}), source.name, groups)
    now = desired(join(fresh, {source.name: saved}, failed), source.name, groups)
    users = {n: User(u.username, u.email, u.first_name, u.last_name, u.roles) for n, u in was.users.items()}
    owned = Owned(frozenset(users), frozenset(), {n: u.roles for n, u in users.items()})
    plan = diff(now, ObservedState("prod", users, {}), owned=owned, deployment=PROD)
    return {(change.name, role) for change in plan.changes for role in change.revoked}


OKTA_GROUPS = ("airflow-many", "airflow-even", "airflow-one", "airflow-x")
OKTA_KINDS = sorted(set(FAULTS) - {"hang"})


@pytest.fixture(scope="module")
def okta() -> Iterator[OktaStandIn]:
    server = okta_world.stand_in()
    with server.serve():
        yield server


@slow
@given(
    kind=st.sampled_from(OKTA_KINDS),
    area=st.sampled_from(["groups", "group", "members", "*"]),
    place=st.integers(1, 14),
    times=st.sampled_from([1, 2, None]),
)
@example(kind="lost_next", area="members", place=1, times=None)
@example(kind="empty_502", area="members", place=1, times=None)
def test_no_lie_of_okta_takes_anything(
    okta: OktaStandIn, tmp_path: Path, kind: str, area: str, place: int, times: int | None
) -> None:
    okta.faults.clear()
    org = okta.org = okta_world.small_org()
    before = okta_world.source(okta.url, tmp_path).read()
    group = next(g for g in org.teams.values() if g.name == "airflow-many")
    leaver = sorted(p for p in group.members if org.people[p].status == "ACTIVE")[0]
    org.leave(group.id, leaver)
    okta.lie(kind, area, at=place, times=times)
    reader = okta_world.source(okta.url, tmp_path)
    assert taken(reader, before, OKTA_GROUPS) <= {(leaver, "Viewer")}
    okta.faults.clear()
    assert {(leaver, "Viewer")} == taken(okta_world.source(okta.url, tmp_path), before, OKTA_GROUPS)


ENTRA_GROUPS = ("finance", "ops", "nested", "deep")


@pytest.fixture(scope="module")
def entra() -> Iterator[tuple[entra_world.World, Served]]:
    world = entra_world.World()
    world.standin.keep = False
    with world.standin.serve() as where:
        yield world, where


@slow
@given(
    kind=st.sampled_from(sorted(set(LieKind) - {LieKind.HANG})),
    place=st.integers(1, 12),
    times=st.sampled_from([1, 2, 99]),
)
@example(kind=LieKind.CUT_PAGE, place=3, times=99)
@example(kind=LieKind.NOT_FOUND, place=1, times=99)
def test_no_lie_of_entra_takes_anything(
    entra: tuple[entra_world.World, Served], kind: LieKind, place: int, times: int
) -> None:
    world, where = entra
    world.standin.lies.clear()
    before = world.source(where, attempts=3).read()
    leaver = world.people[0]
    world.tenant.leave(world.finance, leaver)
    try:
        world.standin.lie(kind, at=place, times=times)
        assert taken(world.source(where, attempts=3), before, ENTRA_GROUPS) <= {(leaver, "Viewer")}
        world.standin.lies.clear()
        assert {(leaver, "Viewer")} == taken(world.source(where), before, ENTRA_GROUPS)
    finally:
        world.tenant.join(world.finance, leaver)
