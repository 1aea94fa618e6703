"""What a role allows on which DAGs, in levels, by dialects that spell them in several ways."""

from __future__ import annotations

import pytest

from syncd.model import Dialect, Level, Permission
from syncd.plan.allowed import EVERY_DAG, LevelReader

READ, EDIT, RUN = (
    Permission("can_read", "DAG:{dag}", "{dag}"),
    Permission("can_edit", "DAG:{dag}", "{dag}"),
    Permission("can_create", "DAG Run:{dag}", "{dag}", "runs"),
)
RUNS, TASKS, DAGS, ALL_DAGS = (
    Permission("can_read", "DAG Runs"),
    Permission("can_edit", "Task Instances"),
    Permission("can_read", "DAGs"),
    Permission("can_edit", "DAGs"),
)
DIALECT = Dialect(
    frozenset(),
    {
        Level.VIEW: (frozenset({RUNS}), frozenset({READ})),
        Level.TRIGGER: (frozenset(), frozenset({EDIT, RUN})),
        Level.EDIT: (frozenset({TASKS}), frozenset()),
    },
    everywhere={READ: DAGS, EDIT: ALL_DAGS},
)


def on(dag: str, *templates: Permission) -> set[Permission]:
    return {template.at(dag) for template in templates}


ALL = (READ, EDIT, RUN)
VIEW, TRIGGER = (Level.VIEW,), (Level.VIEW, Level.TRIGGER)
OTHER, EDITS = (None,), (*TRIGGER, Level.EDIT)
STRANGE, PART = (
    Permission("can_delete", "DAG:{dag}", "{dag}"),
    Permission("can_read", "DAG Code:{dag}", "{dag}", "code"),
)


@pytest.mark.parametrize(
    ("permissions", "levels"),
    [
        pytest.param(set(), {}, id="nothing"),
        pytest.param({RUNS, TASKS}, {}, id="nothing on a DAG"),
        pytest.param(on("a", READ), {"a": VIEW}, id="view"),
        pytest.param(on("a", *ALL), {"a": TRIGGER}, id="trigger"),
        pytest.param(on("a", *ALL) | {TASKS}, {"a": EDITS}, id="edit"),
        pytest.param(on("a", READ) | {TASKS}, {"a": VIEW}, id="what edit gives beside makes no edit"),
        pytest.param(on("a", READ, EDIT), {"a": (None, *VIEW)}, id="a half of trigger makes no level"),
        pytest.param(on("a", EDIT), {"a": OTHER}, id="nor does it alone"),
        pytest.param(on("a", STRANGE), {"a": OTHER}, id="nor what no level has"),
        pytest.param(on("a", READ, STRANGE), {"a": (None, *VIEW)}, id="which is said beside a level"),
        pytest.param(on("a", PART), {}, id="a part of a DAG that no level is about"),
        pytest.param(on("a", READ) | on("b", *ALL), {"a": VIEW, "b": TRIGGER}, id="each DAG by itself"),
        pytest.param(on("gone", *ALL), {}, id="a DAG that is gone"),
        pytest.param({DAGS}, {EVERY_DAG: VIEW}, id="on every DAG"),
        pytest.param({DAGS, ALL_DAGS}, {EVERY_DAG: (None, *VIEW)}, id="two things on every DAG"),
        pytest.param({DAGS, ALL_DAGS} | on("a", RUN), {EVERY_DAG: (None, *VIEW), "a": TRIGGER}, id="and one on a DAG"),
    ],
)
def test_a_role_gives_a_level_where_it_has_all_that_the_level_needs(
    permissions: set[Permission], levels: dict[str, tuple[Level | None, ...]]
) -> None:
    reader = LevelReader(DIALECT, there=frozenset({"a", "b"}))
    assert levels == reader.levels(frozenset(permissions))


def test_where_it_is_not_known_which_dags_are_there_each_counts() -> None:
    assert {"gone": VIEW} == LevelReader(DIALECT).levels(frozenset(on("gone", READ)))
    assert not LevelReader(DIALECT).is_of_nothing(READ.at("gone"))


def test_of_some_permissions_the_whole_role_says_what_is_beside() -> None:
    reader, some = LevelReader(DIALECT), frozenset(on("a", *ALL))
    assert {"a": EDITS} == reader.levels(some, all_of=some | {TASKS})
    assert {"a": TRIGGER} == reader.levels(some | {TASKS}, all_of=some)


@pytest.mark.parametrize(
    ("permission", "is_of_nothing"),
    [(READ.at("gone"), True), (READ.at("a"), False), (PART.at("gone"), False), (RUNS, False)],
    ids=["on a DAG that is gone", "on one that is there", "on a part that no level is about", "on no DAG"],
)
def test_what_is_on_a_dag_that_is_gone_is_worth_nothing(permission: Permission, is_of_nothing: bool) -> None:
    assert is_of_nothing is LevelReader(DIALECT, there={"a"}).is_of_nothing(permission)


def test_what_can_give_the_same_on_a_dag() -> None:
    """The same DAG and what is on every one; of what is on every DAG, anything."""
    reader = LevelReader(DIALECT)
    assert frozenset(on("a", READ) | {DAGS, ALL_DAGS}) == reader.about_dags(
        frozenset(on("a", READ) | on("a", PART) | {RUNS})
    )
    assert None is reader.about_dags(frozenset({DAGS}) | on("a", READ))


def test_a_level_that_is_on_no_dag_is_read_on_none_and_a_level_may_need_two_things() -> None:
    """`view` is no matter of DAGs in this dialect, and whoever triggers needs what it gives beside."""
    dialect = Dialect(
        frozenset(),
        {
            Level.VIEW: (frozenset({RUNS}), frozenset()),
            Level.TRIGGER: (frozenset(), frozenset({READ, RUN})),
            Level.EDIT: (frozenset({TASKS}), frozenset()),
        },
    )
    reader = LevelReader(dialect)
    for one in (READ, RUN):
        assert {"a": OTHER} == reader.levels(frozenset(on("a", one)))
    both = frozenset(on("a", READ, RUN))
    assert {"a": (Level.TRIGGER,)} == reader.levels(both | {RUNS})
    assert {"a": (Level.TRIGGER, Level.EDIT)} == reader.levels(both | {RUNS, TASKS})
    assert {"a": OTHER} == reader.levels(both | {TASKS})
