"""What roles hold on a DAG that is not listed any more, as values; what passes make of it is in test_vanished_dags.py."""

from __future__ import annotations

from datetime import timedelta

import pytest
from plan_world import there, wanted
from store_samples import NOW

from syncd.model import Dag, Permission, Role, VanishedDag
from syncd.plan.vanished import in_grace, vanished, with_vanished
from syncd.targets.airflow.naming import permission

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
A, B = Dag("a", frozenset({"x"})), Dag("b")


def on(dag: str, action: str = "can_read") -> Permission:
    return permission(action, f"DAG:{dag}")


def test_a_dag_is_vanished_since_it_was_first_missing_and_as_it_was_then() -> None:
    was = VanishedDag(A, NOW - HOUR)

    first = vanished({"a", "b"}, {"b"}, before=[A, B], known=[], now=NOW)
    assert (VanishedDag(A, NOW),) == first
    assert (was,) == vanished({"a", "b"}, {"b"}, before=[B], known=[was], now=NOW)
    assert (was,) == vanished({"a"}, set(), before=[Dag("a")], known=[was], now=NOW), "what was noted first counts"


@pytest.mark.parametrize(
    ("held", "listed", "known"),
    [
        ({"a"}, {"a"}, [VanishedDag(A, NOW)]),
        (set(), set(), [VanishedDag(A, NOW)]),
        ({"c"}, {"b"}, []),
    ],
    ids=["it is back", "no role holds anything on it", "nobody knows how it was"],
)
def test_a_dag_of_which_nothing_is_to_stay_is_not_kept(
    held: set[str], listed: set[str], known: list[VanishedDag]
) -> None:
    assert () == vanished(held, listed, before=[A, B], known=known, now=NOW)


def test_the_grace_ends_to_the_moment() -> None:
    gone = VanishedDag(A, NOW - DAY)

    assert (gone,) == in_grace([gone], DAY + timedelta(seconds=1), now=NOW)
    assert () == in_grace([gone], DAY, now=NOW)
    assert () == in_grace([gone], timedelta(0), now=NOW)


def test_what_is_there_stays_and_nothing_is_given() -> None:
    """Of what the role would be if the DAG were listed it keeps what it has; what it has besides goes."""
    desired = wanted(roles=(Role("fin", frozenset({on("b")})), Role("new", frozenset({on("b")}))))
    if_listed = {
        "fin": Role("fin", frozenset({on("a"), on("a", "can_edit"), on("b"), on("c")})),
        "new": Role("new", frozenset({on("a"), on("b")})),
    }
    has = Role("fin", frozenset({on("a"), on("a", "can_delete"), on("c")}))

    found = with_vanished(
        desired, there(roles=(has,)), [VanishedDag(A, NOW), VanishedDag(B, NOW)], if_listed=if_listed, grace=DAY
    )

    assert {"fin": frozenset({on("a"), on("b")}), "new": frozenset({on("b")})} == {
        name: role.permissions for name, role in found.roles.items()
    }
    (note,) = found.notes
    assert "dag_vanished" == note.code
    assert note.text.startswith("a is not listed any more; what roles have on it stays until ")
