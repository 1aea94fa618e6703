"""A pass over some DAGs changes what roles hold on them, and nothing else."""

from __future__ import annotations

from hypothesis import given
from states import desired_states, observed_states, owned_states

from syncd.model import Deployment, DesiredState, ObservedState, Owned, Permission, Role, Scope
from syncd.plan.diff import diff
from syncd.targets.airflow.naming import NAMING, permission

A, B = permission("can_read", "DAG:a"), permission("can_read", "DAG:b")
RUN_A, PLAIN = permission("can_create", "DAG Run:a"), permission("can_read", "Pools")


def planned(wanted: Role | None, there: Role | None, *, dags: frozenset[str] = frozenset({"a"})) -> list[Role | None]:
    desired = DesiredState("prod", {}, {wanted.name: wanted} if wanted else {}, {})
    observed = ObservedState("prod", {}, {there.name: there} if there else {})
    owned = Owned(roles=frozenset({"finance"}))
    plan = diff(desired, observed, owned=owned, deployment=Deployment("prod", naming=NAMING), scope=Scope.of_dags(dags))
    assert all(change.subject == "role" for change in plan.changes)
    return [change.after for change in plan.changes if isinstance(change.after, Role) or change.after is None]


def role(*permissions: Permission) -> Role:
    return Role("finance", frozenset(permissions))


def test_what_roles_hold_on_a_dag_is_given_and_taken() -> None:
    assert [role(A, RUN_A, B)] == planned(role(A, RUN_A), role(B)), "the other DAG is left for the sweep"
    assert [role(B)] == planned(role(), role(A, RUN_A, B))


def test_what_is_not_about_the_dag_is_left() -> None:
    assert [] == planned(role(A, PLAIN), role(A, B))


def test_a_role_that_is_not_there_is_made_whole() -> None:
    assert [role(A, B, PLAIN)] == planned(role(A, B, PLAIN), None)


def test_a_role_that_nothing_gives_any_more_stays() -> None:
    assert [] == planned(None, role(A))


@given(desired_states(), observed_states(), owned_states)
def test_no_account_is_touched_and_no_other_dag(desired: DesiredState, observed: ObservedState, owned: Owned) -> None:
    plan = diff(
        desired, observed, owned=owned, deployment=Deployment("prod", naming=NAMING), scope=Scope.of_dags({"a"})
    )
    for change in plan.changes:
        assert "role" == change.subject
        assert isinstance(change.after, Role)
        if change.before is not None:
            assert {str(A)} >= {*change.granted, *change.revoked}
