"""What Airflow's own roles hold by the table, beside what the stand-ins hold, which are as 2.11.2 and 3.3.2 were measured."""

from __future__ import annotations

import pytest

from syncd.sandbox.airflow.permissions import built_in as of_stand_in
from syncd.targets.airflow.built_in import built_in
from syncd.targets.airflow.naming import NAMING, permission

MEASURED = {2: {"airflow": (2, 11, 2), "fab": (1, 5, 4)}, 3: {"airflow": (3, 3, 2), "fab": (3, 10, 2)}}


@pytest.mark.parametrize("generation", MEASURED)
def test_the_table_is_what_a_fresh_server_gives(generation: int) -> None:
    theirs = of_stand_in(generation)

    found = built_in(generation, **MEASURED[generation])

    assert NAMING.base_roles == found.keys()
    assert {role: theirs[role] for role in found} == {name: r.permissions | r.all_dags for name, r in found.items()}
    assert {""} == {role.doubt for role in found.values()}


@pytest.mark.parametrize("generation", MEASURED)
def test_what_is_left_is_on_no_dag_of_others(generation: int) -> None:
    for role in built_in(generation, **MEASURED[generation]).values():
        assert {"menu_access"} >= {p.action for p in role.permissions if p.resource == "DAGs"}
        assert not {"Jobs", "Datasets", "Assets", "Cluster Activity"} & {p.resource for p in role.permissions}
        assert (generation == 2) == (permission("can_read", "DAG Dependencies") in role.all_dags)
        assert permission("can_create", "DAG Runs") not in role.all_dags


@pytest.mark.parametrize(
    ("generation", "airflow", "fab", "has", "lacks"),
    [
        (3, (3, 0, 6), (2, 4, 4), "can_read on Backfills", "can_read on HITL Detail"),
        (3, (3, 1, 8), (3, 1, 1), "menu_access on HITL Detail", "can_edit on XComs"),
        (3, (3, 1, 8), (3, 2, 0), "can_edit on XComs", "can_edit on Assets"),
        (3, (3, 3, 2), (3, 8, 1), "can_edit on Assets", "can_read on Datasets"),
        (3, (3, 3, 2), (), "can_delete on Assets", "can_edit on XComs"),
        (2, (2, 9, 3), (1, 2, 2), "can_create on Datasets", "can_read on Backfills"),
    ],
)
def test_a_release_gives_what_it_has(
    generation: int, airflow: tuple[int, ...], fab: tuple[int, ...], has: str, lacks: str
) -> None:
    op = built_in(generation, airflow=airflow, fab=fab)["Op"]

    held = {str(p) for p in op.permissions | op.all_dags}
    assert (True, False, "") == (has in held, lacks in held, op.doubt)


def test_before_airflow_2_9_nobody_writes_datasets() -> None:
    held = {
        str(p) for role in built_in(2, airflow=(2, 8, 4), fab=()).values() for p in role.permissions | role.all_dags
    }
    assert {"can_read on Datasets", "menu_access on Datasets"} == {p for p in held if p.endswith(" on Datasets")}


@pytest.mark.parametrize(
    ("generation", "airflow", "fab"),
    [(2, (2, 8, 4), ()), (3, (3, 5, 0), (3, 10, 2)), (3, (3, 4, 1), (3, 11, 0)), (4, (4, 0, 0), ())],
)
def test_a_release_that_was_not_measured_is_told(
    generation: int, airflow: tuple[int, ...], fab: tuple[int, ...]
) -> None:
    found = built_in(generation, airflow=airflow, fab=fab)["User"]

    said = ".".join(map(str, airflow))
    assert f"what Airflow {said}" in found.doubt
    assert "was not measured" in found.doubt
