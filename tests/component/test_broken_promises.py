"""Ways in which a promise could be broken, each told as shortly as it can be and judged by what people hold."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from stages import DAGS, NOW, People, Stage, put, roles_of

from syncd.errors import StoreError
from syncd.model import Deployment, Permission, Role, Scope, User
from syncd.store import Stores
from syncd.store.holdings import DatabaseHoldings
from syncd.targets.airflow.naming import NAMING
from syncd.targets.memory import MemoryTarget

NOBODY: frozenset[str] = frozenset()
WITHOUT_FINANCE = b"""
bindings:
  - {group: people:finance, roles: [Viewer], deployments: all}
"""


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with closing(Stores.open(f"sqlite:///{tmp_path / 'syncd.db'}", clock=lambda: NOW)) as store:
        it = Stage(store, People({"finance": ["anna", "bob"]}), {"prod": MemoryTarget("prod", dags=DAGS)})
        it.apply()
        yield it


def leave(stage: Stage, *, sweeps: int = 2) -> None:
    """Let bob leave, and sweeps go by."""
    stage.people.members = {"finance": ["anna"]}
    for _ in range(sweeps):
        stage.apply()


# --- what another hand took is not ours when another hand gives it again --------------------------------------------------


@pytest.mark.finding("N-1")
@pytest.mark.parametrize("account", ["stays", "goes"])
def test_a_grant_that_a_hand_took_and_a_hand_gives_anew_stays(stage: Stage, account: str) -> None:
    bob = stage.prod.users["bob"]
    put(stage.prod, replace(bob, roles=NOBODY))
    if account == "goes":
        del stage.prod.users["bob"]
    leave(stage)
    put(stage.prod, replace(bob, roles=frozenset({"Viewer"})))
    stage.apply()
    stage.apply(scope=Scope.people(["bob"]))
    assert {"Viewer"} == roles_of(stage.prod, "bob")


@pytest.mark.finding("N-1")
def test_a_leaver_whom_one_look_misses_still_loses_everything(stage: Stage) -> None:
    bob = stage.prod.users.pop("bob")
    leave(stage, sweeps=1)
    put(stage.prod, bob)
    stage.apply()
    assert set() == roles_of(stage.prod, "bob")


@pytest.mark.finding("N-1")
def test_a_grant_that_a_hand_took_while_a_line_gives_it_is_ours(stage: Stage) -> None:
    stage.enforce = True
    stage.prod.fails = frozenset({"bob"})
    put(stage.prod, replace(stage.prod.users["bob"], roles=NOBODY))
    for _ in range(3):
        stage.apply()
    stage.prod.fails = NOBODY
    stage.apply()
    leave(stage)
    assert set() == roles_of(stage.prod, "bob")


@pytest.mark.finding("N-2")
def test_a_role_that_a_hand_deleted_and_a_hand_makes_anew_stays(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stages.MAPPING", WITHOUT_FINANCE)
    del stage.prod.roles["finance"]
    for user in list(stage.prod.users.values()):
        put(stage.prod, replace(user, roles=frozenset({"Viewer"})))
    stage.apply()
    stage.apply()
    put(stage.prod, Role("finance", frozenset({Permission("can_read", "Pools")})))
    stage.apply()
    assert "finance" in stage.prod.roles


@pytest.mark.finding("N-3")
def test_an_account_that_a_hand_deleted_and_a_hand_makes_anew_stays(stage: Stage) -> None:
    stage.deployment = Deployment("prod", delete_leavers=True, naming=NAMING)
    del stage.prod.users["bob"]
    leave(stage)
    put(stage.prod, User("bob", "bob@other.example", "Another", "Bob", NOBODY))
    stage.apply()
    assert "bob" in stage.prod.users


# --- what a kill leaves ---------------------------------------------------------------------------------------------------


@pytest.mark.finding("N-6")
def test_a_kill_while_a_renamed_role_is_remembered_leaves_nobody_with_it(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.apply()
    for name, user in list(stage.prod.users.items()):
        put(stage.prod, replace(user, roles=user.roles - {"finance"} | {"money"}))
        assert "finance" in user.roles, name
    put(stage.prod, replace(stage.prod.roles.pop("finance"), name="money"))

    def dies(*_: object) -> None:
        raise StoreError("the process ends here")

    with monkeypatch.context() as patch:
        patch.setattr(DatabaseHoldings, "adopt", dies)
        stage.apply()
    leave(stage)
    assert set() == roles_of(stage.prod, "bob")
