"""A deployment that is pointed at another server: what was ours at the one is not ours at the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from stages import DAGS, NOW, People, Stage, put, roles_of

from syncd.errors import DeploymentBusy, StoreError
from syncd.model import Deployment, Owned, Permission, Role, Scope, User
from syncd.ports import Lease
from syncd.reconcile import DeploymentReport
from syncd.store import Stores
from syncd.store.leases import DatabaseLeases
from syncd.targets.airflow.naming import NAMING
from syncd.targets.memory import MemoryTarget

pytestmark = pytest.mark.finding("N-301")
OLD, NEW = "https://old.example", "https://new.example"


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with closing(Stores.open(f"sqlite:///{tmp_path / 'syncd.db'}", clock=lambda: NOW)) as store:
        people = People({"finance": ["anna", "bob"]})
        it = Stage(store, people, {"prod": MemoryTarget("prod", dags=DAGS)}, address=OLD)
        it.deployment = Deployment("prod", delete_leavers=True, naming=NAMING)
        it.apply()
        yield it


def another(stage: Stage) -> MemoryTarget:
    """Point the deployment at another server, where somebody gave the same roles and more to the same names by hand."""
    there = MemoryTarget("prod", dags=DAGS, users=dict(stage.prod.users), roles=dict(stage.prod.roles))
    stage.targets, stage.address = {"prod": there}, NEW
    return there


def back(stage: Stage, old: MemoryTarget) -> None:
    stage.targets, stage.address = {"prod": old}, OLD


def leave(stage: Stage, *names: str) -> None:
    stage.people.members = {"finance": [n for n in stage.people.members["finance"] if n not in names]}


def notes(report: DeploymentReport, code: str = "server_changed") -> list[str]:
    assert report.plan is not None
    return [note.text for note in report.plan.notes if note.code == code]


@pytest.mark.parametrize("scope", [Scope(), Scope.people(["bob"])])
def test_nothing_is_taken_at_another_server_by_what_was_ours_at_the_one_before(stage: Stage, scope: Scope) -> None:
    there = another(stage)
    leave(stage, "bob")
    assert () == planned_changes(stage.plan())
    stage.apply(scope=scope)
    stage.apply()
    assert {"finance", "Viewer"} == roles_of(there, "bob")
    assert "bob" in there.users


def planned_changes(report: DeploymentReport) -> tuple[object, ...]:
    assert report.plan is not None
    return report.plan.changes


def test_what_a_line_gives_there_is_adopted_and_goes_with_its_line(stage: Stage) -> None:
    there = another(stage)
    stage.apply()
    leave(stage, "bob")
    stage.apply()
    assert set() == roles_of(there, "bob")
    assert "bob" in there.users  # made by another hand


def test_a_role_of_the_name_of_ours_is_left_as_it_is_there(stage: Stage) -> None:
    there = another(stage)
    more = Permission("can_read", "Pools")
    put(there, replace(there.roles["finance"], permissions=there.roles["finance"].permissions | {more}))
    report = stage.apply().deployments[0]
    assert more in there.roles["finance"].permissions
    assert 1 == len(notes(report, "role_not_ours"))


def test_it_is_said_until_somebody_says_which_it_is(stage: Stage) -> None:
    another(stage)
    [told] = notes(stage.plan())
    assert f"prod is at {NEW} now and was at {OLD} before" in told
    assert "syncd accept-server prod" in told
    stage.apply()
    assert "server_changed" in stage.events
    assert [told] == notes(stage.apply().deployments[0])
    assert 1 == stage.events.count("server_changed")
    stage.store.places.leave_server("prod")
    assert [] == notes(stage.apply().deployments[0])


def test_what_was_ours_is_so_again_at_the_old_address(stage: Stage) -> None:
    old = stage.prod
    another(stage)
    stage.apply()
    leave(stage, "bob")
    back(stage, old)
    stage.apply()
    assert "bob" not in old.users


def test_the_same_server_under_another_address_keeps_what_is_ours_once_somebody_says_so(stage: Stage) -> None:
    server = stage.prod
    stage.address = NEW
    leave(stage, "bob")
    stage.apply()
    assert {"finance", "Viewer"} == roles_of(server, "bob")
    assert "bob" not in stage.store.holdings.owned("prod").users
    stage.store.places.accept_server("prod")
    assert [] == notes(stage.plan())
    stage.apply()
    assert "bob" not in server.users
    leave(stage, "anna")
    stage.apply()
    assert ({}, False) == (server.users, "finance" in server.roles and bool(stage.store.holdings.owned("prod").grants))


def test_what_was_ours_before_is_ours_since_then(stage: Stage) -> None:
    [before] = stage.store.queries.history(user="anna", role="Viewer")
    stage.address = NEW
    stage.apply()
    both = stage.store.queries.history(user="anna", role="Viewer", deployment="prod")
    assert {"prod", f"prod at {OLD}"} == {held.deployment for held in both}
    stage.store.places.accept_server("prod")
    assert [before] == list(stage.store.queries.history(user="anna", role="Viewer"))


def test_a_plan_of_other_files_moves_nothing(stage: Stage) -> None:
    before = stage.store.holdings.owned("prod")
    old = stage.prod
    another(stage)
    stage.plan()
    stage.store.places.place("prod", NEW)
    back(stage, old)
    assert before == stage.store.holdings.owned("prod")
    assert [] == notes(stage.plan())


def test_a_call_that_got_no_answer_is_not_judged_by_a_look_at_another_server(stage: Stage) -> None:
    old = stage.prod
    old.late = frozenset({"carl"})
    stage.people.members = {"finance": ["anna", "bob", "carl"]}
    stage.apply()
    there = another(stage)
    leave(stage, "carl")
    put(there, User("carl", "carl@example.com", "Carl", "Test", frozenset({"finance", "Viewer"})))
    stage.apply()
    assert {"finance", "Viewer"} == roles_of(there, "carl")
    assert () == stage.store.ledger.unsettled("prod")
    back(stage, old)
    old.carry_out_late()
    old.late = frozenset()
    stage.apply()
    stage.apply()
    assert "carl" not in old.users


def test_a_role_that_was_renamed_at_the_one_server_is_nothing_to_the_other(stage: Stage) -> None:
    stage.store.memory.remember_renamed("prod", {"money": "finance"}, now=NOW)
    there = another(stage)
    put(there, Role("money", frozenset()), replace(there.users["bob"], roles=frozenset({"money"})))
    leave(stage, "bob")
    stage.apply()
    assert {"money"} == roles_of(there, "bob")


def test_what_a_server_can_do_is_found_out_anew(stage: Stage) -> None:
    another(stage)
    assert stage.store.memory.learned("prod") is not None
    assert stage.store.memory.learned(stage.store.places.place("prod", NEW).facts) is None


def test_a_database_of_before_takes_the_first_address_for_the_one_it_had(stage: Stage, tmp_path: Path) -> None:
    with closing(Stores.open(f"sqlite:///{tmp_path / 'other.db'}", clock=lambda: NOW)) as store:
        stage.store, stage.address = store, ""
        stage.apply()
        before = store.holdings.owned("prod")
        stage.address = NEW
        stage.apply()
        assert before == store.holdings.owned("prod")
        assert Owned() != before


class GivesWay:
    """A lease that an urgent writer had for a moment, before each change."""

    def __init__(self, lease: Lease, meanwhile: Callable[[], object]) -> None:
        self._lease = lease
        self._meanwhile = meanwhile

    def __getattr__(self, name: str) -> object:
        return getattr(self._lease, name)

    def give_way(self, _stopping: Callable[[], bool]) -> bool:
        self._meanwhile()
        return True


def test_a_pass_that_lets_a_writer_at_another_address_go_first_goes_no_further(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave(stage, "bob")
    took = DatabaseLeases.take

    @contextmanager
    def giving_way(leases: DatabaseLeases, name: str, *, urgent: bool = False) -> Iterator[Lease]:
        with took(leases, name, urgent=urgent) as lease:
            yield GivesWay(lease, lambda: stage.store.places.move("prod", NEW, now=NOW))  # type: ignore[misc]

    monkeypatch.setattr(DatabaseLeases, "take", giving_way)
    report = stage.apply()
    assert isinstance(report.deployments[0].error, DeploymentBusy)
    assert {"finance", "Viewer"} == roles_of(stage.prod, "bob")


def test_a_store_that_fails_while_it_moves_leaves_all_as_it_was(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    before = stage.store.holdings.owned("prod")

    def dies(*_: object, **__: object) -> None:
        raise StoreError("the process ends here")

    with monkeypatch.context() as patch:
        patch.setattr("syncd.store.places._keep", dies)
        another(stage)
        stage.apply()
    assert before == stage.store.holdings.owned("prod")
    assert OLD == stage.store.places.place("prod", NEW).was
