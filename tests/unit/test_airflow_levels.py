"""What a level is on each generation; that it means what it says is proven on real servers (docs/levels.md)."""

from __future__ import annotations

import pytest

from syncd.model import Level
from syncd.targets.airflow.abilities import Capabilities
from syncd.targets.airflow.levels import dialect, release
from syncd.targets.airflow.naming import NAMING, permission


def can(version: str, *, dag_run_resources: bool = True) -> Capabilities:
    return Capabilities(int(version[0]), version, "FAB", dag_run_resources=dag_run_resources)


def spelled(capabilities: Capabilities, level: Level) -> tuple[set[str], set[str]]:
    everywhere, on_dag = dialect(capabilities).levels[level]
    return {str(p) for p in everywhere}, {str(p) for p in on_dag}


READ = {"menu_access on DAGs"} | {
    f"can_read on {name}" for name in ("DAG Runs", "Task Instances", "Task Logs", "DAG Code", "XComs", "DAG Warnings")
}
READ_3 = READ | {"can_read on DAG Versions", "can_read on DAG Dependencies"}


@pytest.mark.parametrize(
    ("version", "everywhere"),
    [
        ("2.9.3", READ),
        ("2.11.2", READ),
        ("3.0.6", READ_3),
        ("3.1.8", READ_3 | {"can_read on HITL Detail"}),
        ("3.4.1", READ_3 | {"can_read on HITL Detail"}),  # without Dag Bundles, as Airflow's own Viewer
    ],
)
def test_view(version: str, everywhere: set[str]) -> None:
    assert (everywhere, {"can_read on DAG:{dag}"}) == spelled(can(version), Level.VIEW)


@pytest.mark.parametrize("version", ["2.11.2", "3.0.6", "3.3.2"])
def test_trigger(version: str) -> None:
    expected = {"can_edit on DAG:{dag}", "can_create on DAG Run:{dag}"}
    assert (set(), expected) == spelled(can(version), Level.TRIGGER)


def test_trigger_without_run_resources() -> None:
    expected = ({"can_create on DAG Runs"}, {"can_edit on DAG:{dag}"})
    assert expected == spelled(can("2.9.3", dag_run_resources=False), Level.TRIGGER)


@pytest.mark.parametrize(
    ("capabilities", "expected"),
    [
        (can("2.11.2"), ({"can_edit on Task Instances"}, {"can_edit on DAG Run:{dag}"})),
        (can("2.9.3", dag_run_resources=False), ({"can_edit on Task Instances", "can_edit on DAG Runs"}, set())),
        (can("3.3.2"), ({"can_edit on Task Instances", "can_edit on DAG Runs"}, set())),
    ],
)
def test_edit(capabilities: Capabilities, expected: tuple[set[str], set[str]]) -> None:
    assert expected == spelled(capabilities, Level.EDIT)


@pytest.mark.parametrize(
    ("capabilities", "runs"),
    [
        (can("2.11.2"), (set(), {"can_delete on DAG Run:{dag}"})),
        (can("2.9.3", dag_run_resources=False), ({"can_delete on DAG Runs"}, set())),
        (can("3.3.2"), (set(), {"can_delete on DAG Run:{dag}"})),
    ],
)
def test_own_is_to_delete_the_dag_and_its_runs(capabilities: Capabilities, runs: tuple[set[str], set[str]]) -> None:
    actions = dialect(capabilities).dag_actions
    deletes = tuple({str(p) for p in part} for part in actions["delete_runs"])

    assert runs == deletes
    assert (runs[0], {"can_delete on DAG:{dag}"} | runs[1]) == spelled(capabilities, Level.OWN)
    assert (frozenset(), frozenset({permission("can_delete", "DAG:{dag}")})) == actions["delete_dag"]


def test_the_words_of_airflow_for_one_dag_mean_themselves_where_they_are() -> None:
    with_runs, without = (dialect(can("3.3.2", dag_run_resources=known)).dag_actions for known in (True, False))

    assert set(NAMING.dag_actions) == with_runs.keys()
    assert (frozenset(), frozenset({permission("can_edit", "DAG Run:{dag}")})) == with_runs["can_edit on DAG Run"]
    assert {"delete_dag", "delete_runs"} | {f"can_{do} on DAG" for do in ("read", "edit", "delete")} == without.keys()


@pytest.mark.parametrize(
    ("version", "there", "elsewhere"), [("2.11.2", "Datasets", "Assets"), ("3.3.2", "Assets", "Datasets")]
)
def test_a_resource_has_the_name_of_its_generation(version: str, there: str, elsewhere: str) -> None:
    assert {elsewhere: there} == dialect(can(version)).renamed
    assert {there, elsewhere} == NAMING.translations.keys()


def test_every_role_has_what_airflow_adds_by_itself() -> None:
    assert frozenset({permission("can_read", "Website")}) == dialect(can("3.3.2")).every_role


@pytest.mark.parametrize(
    ("version", "expected"),
    [("3.1.8", (3, 1, 8)), ("3.1.8rc1", (3, 1, 8)), ("2.11.2.post1", (2, 11, 2)), ("3.2b1", (3, 2)), ("x", ())],
)
def test_the_numbers_of_a_version(version: str, expected: tuple[int, ...]) -> None:
    assert expected == release(version)
