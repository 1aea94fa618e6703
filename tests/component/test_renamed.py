"""Roles and accounts that somebody renamed by hand: told, and who leaves loses what we gave, whatever it is called now."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from stages import DAGS, People, Stage, put, roles_of

from syncd.model import Deployment, Owned, Permission, Role, Scope, User
from syncd.reconcile import DeploymentReport
from syncd.store import Stores
from syncd.targets.airflow.naming import NAMING
from syncd.targets.memory import MemoryTarget

pytestmark = pytest.mark.finding("C-49")
OLD = {"finance", "Viewer"}


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with closing(Stores.open(f"sqlite:///{tmp_path / 'syncd.db'}")) as store:
        stage = Stage(store, People({"finance": ["anna", "bob"]}), {"prod": MemoryTarget("prod", dags=DAGS)})
        put(stage.prod, User("eve", "eve@x", "E", "V", frozenset()))
        stage.apply()
        yield stage


def rename(stage: Stage, old: str = "finance", new: str = "finance-old") -> None:
    """Rename a role, as a person does in the web interface."""
    target = stage.prod
    target.roles[new] = replace(target.roles.pop(old), name=new)
    for name, user in target.users.items():
        if old in user.roles:
            target.users[name] = replace(user, roles=(user.roles - {old}) | {new})


def notes(report: DeploymentReport, code: str) -> list[str]:
    assert report.plan is not None
    return [note.text for note in report.plan.notes if note.code == code]


def leave(stage: Stage, *names: str) -> None:
    stage.people.members = {"finance": [n for n in stage.people.members["finance"] if n not in names]}


@pytest.mark.parametrize("scope", [Scope(), Scope.people(["bob"])])
def test_a_role_renamed_by_hand_is_told_and_who_leaves_loses_it(stage: Stage, scope: Scope) -> None:
    rename(stage)
    assert 1 == len(notes(stage.plan(), "role_renamed"))
    found = stage.apply().deployments[0]
    [told] = notes(found, "role_renamed")
    assert "finance seems to be called finance-old now" in told
    assert "syncd accept-role prod finance-old" in told
    assert {"finance", "finance-old", "Viewer"} == roles_of(stage.prod, "bob") == roles_of(stage.prod, "anna")
    again = stage.apply().deployments[0]
    assert ((), 1) == (again.outcomes, len(notes(again, "role_renamed")))
    put(stage.prod, replace(stage.prod.users["eve"], roles=frozenset({"finance-old"})))
    leave(stage, "bob")
    stage.apply(scope=scope)
    assert (set(), {"finance-old"}) == (roles_of(stage.prod, "bob"), roles_of(stage.prod, "eve"))
    assert {"finance", "finance-old", "Viewer"} == roles_of(stage.prod, "anna")


def test_who_leaves_in_the_same_moment_loses_it_too(stage: Stage) -> None:
    rename(stage)
    leave(stage, "bob")
    stage.apply()
    assert set() == roles_of(stage.prod, "bob")


def test_nobody_loses_it_while_their_group_is_in_doubt(stage: Stage) -> None:
    rename(stage)
    stage.apply()
    leave(stage, "bob")
    stage.people.complete = False
    stage.apply()
    assert "finance-old" in roles_of(stage.prod, "bob")


@pytest.mark.parametrize("leaves_it", [False, True])
def test_a_person_says_whose_the_role_is(stage: Stage, leaves_it: bool) -> None:
    rename(stage)
    stage.apply()
    if leaves_it:
        stage.store.holdings.disown_role("prod", "finance-old")
    else:
        stage.store.holdings.adopt("prod", Owned(roles=frozenset({"finance-old"})))
    stage.store.memory.forget_renamed("prod", ("finance-old",))
    found = stage.apply().deployments[0]
    assert [] == notes(found, "role_renamed")
    assert leaves_it == ("finance-old" in stage.prod.roles) == ("finance-old" in roles_of(stage.prod, "anna"))
    assert "finance" in roles_of(stage.prod, "anna")


def test_a_role_that_is_renamed_back_is_told_no_more(stage: Stage) -> None:
    rename(stage)
    stage.apply()
    del stage.prod.roles["finance"]
    rename(stage, "finance-old", "finance")
    assert [] == notes(stage.apply().deployments[0], "role_renamed")
    assert {} == stage.store.memory.renamed_roles("prod")


@pytest.mark.parametrize("other", ["permissions", "people", "there before"])
def test_a_role_that_is_only_alike_is_somebody_elses(stage: Stage, other: str) -> None:
    finance = stage.prod.roles["finance"]
    permissions = finance.permissions | ({Permission("can_read", "Pools")} if other == "permissions" else set())
    put(stage.prod, Role("copy", permissions))
    if other != "people":
        for name in ("anna", "bob"):
            put(stage.prod, replace(stage.prod.users[name], roles=frozenset({*OLD, "copy"})))
    if other == "there before":
        stage.apply()
    del stage.prod.roles["finance"]
    for name in ("anna", "bob"):
        put(stage.prod, replace(stage.prod.users[name], roles=stage.prod.users[name].roles - {"finance"}))
    before = roles_of(stage.prod, "bob")
    leave(stage, "bob")
    assert [] == notes(stage.apply().deployments[0], "role_renamed")
    assert before - {"Viewer"} == roles_of(stage.prod, "bob")


# --- accounts ---------------------------------------------------------------------------------------------------------


def rename_account(stage: Stage, old: str, new: str) -> None:
    stage.prod.users[new] = replace(stage.prod.users.pop(old), username=new)


@pytest.mark.parametrize("match_email", [False, True])
def test_an_account_renamed_by_hand_is_told_and_loses_it_when_its_person_leaves(
    stage: Stage, match_email: bool
) -> None:
    stage.deployment = Deployment("prod", match_email=match_email, naming=NAMING)
    put(stage.prod, replace(stage.prod.users["bob"], roles=frozenset({*OLD, "Op"})))
    rename_account(stage, "bob", "robert")
    found = stage.apply().deployments[0]
    assert match_email or "bob seems to be called robert now" in notes(found, "account_renamed")[0]
    assert {*OLD, "Op"} == roles_of(stage.prod, "robert")
    assert "bob" not in stage.prod.users
    leave(stage, "bob")
    stage.apply()
    assert {"Op"} == roles_of(stage.prod, "robert")
    assert () == stage.apply().deployments[0].outcomes


def test_an_account_with_another_e_mail_or_less_than_we_gave_is_somebody_elses(stage: Stage) -> None:
    bob = stage.prod.users.pop("bob")
    put(stage.prod, replace(bob, username="robert", email="robert@example.com"), replace(bob, username="rob"))
    put(stage.prod, replace(stage.prod.users["rob"], roles=frozenset({"Viewer"})))
    leave(stage, "bob")
    assert [] == notes(stage.apply().deployments[0], "account_renamed")
    assert (OLD, {"Viewer"}) == (roles_of(stage.prod, "robert"), roles_of(stage.prod, "rob"))
