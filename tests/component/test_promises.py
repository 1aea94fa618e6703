"""The promises, and the lessons that others paid for: for each a test that is named after it, the shortest story that breaks it.

Each promise has many more tests; here stands what it means.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from stages import DAGS, NOW, People, Stage, planned, put, roles_of
from test_read_sources import Desk

import syncd.sandbox
from syncd.errors import StoreError, TargetUnavailable
from syncd.model import Change, Deployment, Outcome, Permission, Role, Status, User
from syncd.plan.limits import Limits
from syncd.ports import Recorder
from syncd.render.text import deployment_lines
from syncd.store import Stores
from syncd.targets.airflow.naming import NAMING, permission
from syncd.targets.memory import MemoryTarget
from syncd.throttle import CircuitOpen, RateLimit, Throttle

GIVEN = {"finance", "Viewer"}


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """Two people of one group, a role of the mapping and a built-in one for both, and a pass that gave them."""
    with closing(Stores.open(f"sqlite:///{tmp_path / 'syncd.db'}", clock=lambda: NOW)) as store:
        it = Stage(store, People({"finance": ["anna", "bob"]}), {"prod": MemoryTarget("prod", dags=DAGS)})
        assert 0 == it.apply().exit_code()
        yield it


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with closing(Stores.open(f"sqlite:///{tmp_path}/sources.db")) as store:
        yield Desk(store)


def bob_leaves(stage: Stage) -> None:
    stage.people.members = {"finance": ["anna"]}


def spend(stage: Stage, target: MemoryTarget) -> None:
    stage.targets = {"prod": target}


# --- the promises -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("doubt", ["cut", "down"])
def test_promise_1_nothing_is_taken_on_doubt(stage: Stage, doubt: str) -> None:
    bob_leaves(stage)
    stage.people.complete = doubt != "cut"
    stage.people.down = "no answer" if doubt == "down" else None
    assert 5 == stage.apply().exit_code()
    assert GIVEN == roles_of(stage.prod, "bob")


def test_promise_2_nothing_is_given_that_no_mapping_line_gives(stage: Stage) -> None:
    stage.people.members = {"finance": ["anna", "bob"], "strangers": ["eve"]}
    stage.apply()
    assert "eve" not in stage.prod.users
    assert {"anna": GIVEN, "bob": GIVEN} == {name: set(u.roles) for name, u in stage.prod.users.items()}
    rows = stage.store.queries.history(limit=100)
    assert rows
    assert all(any("people:finance" in why and "mappings/finance.yaml:" in why for why in row.because) for row in rows)


def test_promise_3_nothing_is_done_that_was_not_written_down_first(stage: Stage) -> None:
    seen: list[list[str]] = []

    class Watched(MemoryTarget):
        def apply(self, change: Change, record: Recorder) -> Outcome:
            class Told:
                def before(self, call: str) -> int:
                    step = record.before(call)
                    seen.append([row.status for row in stage.store.queries.audit(status="intent")])
                    return step

                def __getattr__(self, name: str) -> object:
                    return getattr(record, name)

            return MemoryTarget.apply(self, change, Told())  # type: ignore[arg-type]

    spend(stage, Watched("prod", users=stage.prod.users, roles=stage.prod.roles, dags=DAGS))
    bob_leaves(stage)
    assert 0 == stage.apply().exit_code()
    assert [["intent"]] == seen
    assert () == stage.store.queries.audit(status="intent")


def test_promise_4_what_is_not_ours_is_left_alone(stage: Stage) -> None:
    put(stage.prod, replace(stage.prod.users["bob"], roles=frozenset({*GIVEN, "Op"})))
    put(stage.prod, User("eve", "eve@x", "E", "V", frozenset({"finance"})))
    bob_leaves(stage)
    stage.apply()
    assert {"Op"} == roles_of(stage.prod, "bob")
    assert {"finance"} == roles_of(stage.prod, "eve")


def test_promise_5_one_pass_converges_and_proves_it_by_reading_back(stage: Stage) -> None:
    stage.people.members = {"finance": ["anna", "carol"]}
    assert (0, True) == ((first := stage.apply()).exit_code(), first.deployments[0].converged)
    assert ((), 0) == ((second := stage.apply()).deployments[0].outcomes, second.exit_code())
    stage.people.members = {"finance": ["anna", "carol", "dora"]}
    stage.prod.vanishes = frozenset({"dora"})
    lied = stage.apply()
    assert (1, False) == (lied.exit_code(), lied.deployments[0].converged)
    assert ["dora"] == [change.name for change in lied.deployments[0].not_converged]


def test_promise_6_the_target_is_not_hurt() -> None:
    clock = [0.0]
    throttle = Throttle(
        RateLimit(calls_per_s=10, burst=20),
        monotonic=lambda: clock[0],
        pause=lambda seconds: clock.__setitem__(0, clock[0] + seconds),
    )
    for _ in range(220):
        throttle.enter()
        throttle.left("GET", "/users", 200, 0.01)
    assert 19.9 < clock[0] < 20.5, "20 at once, and then 10 in a second"
    for _ in range(5):
        throttle.enter()
        throttle.left("GET", "/users", 503, 0.01)
    with pytest.raises(CircuitOpen, match="5 times in a row"):
        throttle.enter()


def test_promise_7_one_failure_stays_one_failure(stage: Stage) -> None:
    stage.targets = {
        "dead": MemoryTarget("dead", raises=TargetUnavailable("dead: no answer")),
        **stage.targets,
    }
    stage.people.members = {"finance": ["anna", "carol", "dora"]}
    stage.prod.fails = frozenset({"carol"})
    report = stage.apply()
    assert 1 == len([d for d in report.deployments if d.error])
    assert {"bob": Status.APPLIED, "carol": Status.FAILED, "dora": Status.APPLIED} == stage.statuses(report)
    assert (set(), GIVEN) == (roles_of(stage.prod, "bob"), roles_of(stage.prod, "dora"))


# --- the lessons ------------------------------------------------------------------------------------------------------


def test_lesson_1_never_revoke_on_an_incomplete_read(stage: Stage) -> None:
    stage.people.members, stage.people.complete = {"finance": ["carol"]}, False
    stage.apply()
    assert [GIVEN] * 3 == [roles_of(stage.prod, name) for name in ("anna", "bob", "carol")]


def test_lesson_2_absent_is_not_empty(stage: Stage) -> None:
    stage.people.members = {"finance": []}
    stage.apply()
    assert set() == roles_of(stage.prod, "bob"), "a group that was read and has nobody"
    stage.people.members = {"finance": ["anna", "bob"]}
    stage.apply()
    stage.people.members = {}
    stage.apply()
    assert GIVEN == roles_of(stage.prod, "anna"), "a group that is not there at all"


def test_lesson_3_the_ownership_mark_is_set_first_and_removed_last(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.people.members = {"finance": ["anna", "bob", "carol"]}
    stage.prod.breaks = {"carol": StoreError("the process ends here")}
    stage.apply()
    assert GIVEN == stage.store.holdings.owned("prod").grants["carol"], "made ours ahead of the call"
    stage.prod.breaks = {"bob": StoreError("the process ends here")}
    bob_leaves(stage)
    stage.apply()
    assert GIVEN == stage.store.holdings.owned("prod").grants["bob"], "ours until it is seen to be gone"


def test_lesson_4_one_bad_object_does_not_stop_the_rest(stage: Stage) -> None:
    stage.people.members = {"finance": ["anna", "bob", "carol", "dora"]}
    stage.people.logins = {"carol": "car\x00ol/.."}
    stage.apply()
    assert GIVEN == roles_of(stage.prod, "dora")


def test_lesson_5_a_guard_prints_the_exact_command_that_passes_it(stage: Stage) -> None:
    stage.limits = Limits(removals=0, share=0, floor=0)
    bob_leaves(stage)
    report = stage.apply()
    [deployment] = report.deployments
    assert deployment.held is not None
    text = "\n".join(line.text for line in deployment_lines(deployment, program="syncd"))
    assert f"syncd approve prod {deployment.held.digest}" in text
    stage.apply(approved=(deployment.held.digest,))
    assert set() == roles_of(stage.prod, "bob")


def test_lesson_6_a_list_that_is_shared_with_others_is_never_replaced_whole(stage: Stage) -> None:
    class Busy(MemoryTarget):
        def apply(self, change: Change, record: Recorder) -> Outcome:
            put(self, replace(self.users["bob"], roles=self.users["bob"].roles | {"Op"}))  # another hand, just now
            return MemoryTarget.apply(self, change, record)

    spend(stage, Busy("prod", users=stage.prod.users, roles=stage.prod.roles, dags=DAGS))
    bob_leaves(stage)
    stage.apply()
    assert {"Op"} == roles_of(stage.prod, "bob")


def test_lesson_7_names_change_and_ids_do_not(desk: Desk) -> None:
    desk.reads()
    desk.org.members = {"money": {"ann"}}
    renamed = desk.reads(full=True)
    assert desk.store.readings.group_names()["okta", "finance"] == "id-finance"
    assert "okta" not in renamed.failed


def test_lesson_8_manual_grants_are_legitimate_and_it_is_known_whose_each_is(stage: Stage) -> None:
    put(stage.prod, replace(stage.prod.users["anna"], roles=frozenset({*GIVEN, "Op"})))
    stage.apply()
    assert {*GIVEN, "Op"} == roles_of(stage.prod, "anna")
    assert GIVEN == stage.store.holdings.owned("prod").grants["anna"]


def test_lesson_9_a_crash_in_the_first_run_bricks_nothing(tmp_path: Path) -> None:
    with closing(Stores.open(f"sqlite:///{tmp_path / 'first.db'}", clock=lambda: NOW)) as store:
        target = MemoryTarget("prod", dags=DAGS, breaks={"bob": StoreError("the process ends here")})
        stage = Stage(store, People({"finance": ["anna", "bob"]}), {"prod": target})
        stage.apply()
        target.breaks = {}
        assert 0 == stage.apply().exit_code()
        assert GIVEN == roles_of(target, "anna") == roles_of(target, "bob")


def test_lesson_10_events_are_hints_and_a_full_read_is_the_truth(desk: Desk) -> None:
    desk.org.missed = {"finance": {"ann", "ghost"}}
    desk.reads()
    desk.now += timedelta(minutes=1)
    assert {"ann", "ghost"} == set(desk.reads().groups["okta", "id-finance"].members)
    desk.now += timedelta(hours=7)
    assert {"ann"} == set(desk.reads().groups["okta", "id-finance"].members)
    assert 1 == len(desk.told("divergence_found"))


def test_lesson_11_the_target_can_be_hurt_so_nothing_is_asked_twice_for_nothing(stage: Stage) -> None:
    calls = []
    for _ in range(2):
        before = stage.prod.calls
        stage.apply()
        calls.append(stage.prod.calls - before)
    assert calls[0] == calls[1] <= 4, "a pass that has nothing to do looks, and that is all"


def test_lesson_12_two_dry_runs_say_the_same(stage: Stage, tmp_path: Path) -> None:
    digests = set()
    for n, order in enumerate((["carol", "dora", "anna"], ["anna", "carol", "dora"], ["dora", "anna", "carol"])):
        with closing(Stores.open(f"sqlite:///{tmp_path / f'{n}.db'}", clock=lambda: NOW)) as store:
            it = Stage(store, People({"finance": order}), {"prod": MemoryTarget("prod", dags=DAGS[:: 1 - 2 * (n % 2)])})
            plan = it.plan().plan
            assert plan is not None
            digests.add(plan.digest)
    assert 1 == len(digests)


def test_lesson_13_no_state_that_matters_lives_in_a_process_alone(tmp_path: Path) -> None:
    url, target = f"sqlite:///{tmp_path / 'syncd.db'}", MemoryTarget("prod", dags=DAGS)
    people = People({"finance": ["anna", "bob"]})
    for members, expected in ((["anna", "bob"], GIVEN), (["anna"], set[str]())):
        with closing(Stores.open(url, clock=lambda: NOW)) as store:  # each time another process
            people.members = {"finance": members}
            Stage(store, people, {"prod": target}).apply()
            assert expected == roles_of(target, "bob")


def test_lesson_14_who_may_set_an_email_gains_nothing_by_it(stage: Stage) -> None:
    stage.deployment = Deployment("prod", naming=NAMING, match_email=True)
    put(stage.prod, User("boss", "mallory@example.com", "The", "Boss", frozenset({"Admin"})))
    stage.people.members = {"finance": ["anna", "bob"], "strangers": ["mallory"]}
    stage.apply()
    assert {"Admin"} == roles_of(stage.prod, "boss")
    assert "mallory" not in stage.prod.users


def test_lesson_15_a_stand_in_knows_nothing_of_what_it_is_there_to_check() -> None:
    assert syncd.sandbox.__file__ is not None
    checked = (
        "syncd.targets",
        "syncd.sources",
        "syncd.plan",
        "syncd.mapping",
        "syncd.http",
        "syncd.store",
    )
    files = [
        p for kind in ("airflow", "okta", "entra") for p in (Path(syncd.sandbox.__file__).parent / kind).rglob("*.py")
    ]
    assert len(files) > 10
    assert [] == [(path.name, name) for path in files for name in imported(path) if name.startswith(checked)]


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            yield node.module or ""
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def test_each_promise_and_each_lesson_has_a_test_of_its_name() -> None:
    names = [name for name in vars(sys.modules[__name__]) if name.startswith("test_")]
    for word, last in (("promise", 7), ("lesson", 15)):
        assert [n for n in range(1, last + 1) if any(name.startswith(f"test_{word}_{n}_") for name in names)] == list(
            range(1, last + 1)
        )


# what these stories use of the deployment of dicts is what it does
def test_the_stage_is_as_it_is_told(stage: Stage) -> None:
    assert GIVEN == roles_of(stage.prod, "bob")
    assert permission("can_edit", "DAG:fin_daily") in stage.prod.roles["finance"].permissions
    put(stage.prod, Role("other", frozenset({Permission("can_read", "Pools")})))
    assert ["other"] == [name for name in stage.prod.roles if name != "finance"]
    assert not planned(stage.apply()).changes
