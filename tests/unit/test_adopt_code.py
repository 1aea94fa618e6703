"""What is told of the code of DAGs beside what was adopted: whether the lines give the same, and what no line gives."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from mapping_world import DAGS, DIALECT, directory, permission, permissions, person

from syncd.mapping.adopt import adopt
from syncd.mapping.adopt_code import told, told_contested
from syncd.mapping.adopt_dags import LiveDeployment
from syncd.model import At, Deployment, InCode, Loss, ObservedState, Role, User
from syncd.targets.airflow.naming import NAMING

pytestmark = pytest.mark.finding("N-432")

NOW = datetime(2026, 6, 1, tzinfo=UTC)
READ = permissions("can_read on DAG:fin_daily")
EDIT = permissions("can_edit on DAG:fin_daily")


def live(*roles: str) -> LiveDeployment:
    """A server on which ann holds these roles, all of which may read fin_daily."""
    there = {name: Role(name, DIALECT.every_role | READ) for name in (*roles, "idle", "Viewer")}
    ann = User("ann", "ann@corp.example", "G", "F", frozenset(roles))
    return LiveDeployment(Deployment("prod", naming=NAMING), ObservedState("prod", {"ann": ann}, there), DAGS, DIALECT)


def code(dag: str = "fin_daily", doubt: str = "", **gives: frozenset[object]) -> InCode:
    return InCode(At("dags/x.py", 7), dag, gives, doubt)  # type: ignore[arg-type]


def lines(*codes: InCode) -> list[str]:
    server = live("ops")
    return told(codes, [server], adopt([server], directory([person("ann")]), now=NOW))


def test_where_nothing_sets_it_that_is_said() -> None:
    assert ["no file of DAGs sets access_control"] == lines()


def test_the_order_in_which_nobody_loses_anything_comes_first() -> None:
    said = lines(code(ops=READ))
    assert said[0].startswith("1 place in the code of DAGs sets access_control")
    assert ["1.", "2.", "3."] == [line[:2] for line in said[1:4]]
    assert ["  dags/x.py:7: fin_daily: ops: read"] == said[4:], "the lines give the same, so nothing is to be told"
    assert lines(code(ops=READ), code(ops=READ))[0].startswith("2 places in the code of DAGs set ")


@pytest.mark.parametrize(
    ("found", "problem"),
    [
        (
            code(ops=READ | EDIT),
            "ops: it does not have can_edit on DAG:fin_daily yet; adopt again when the file was parsed",
        ),
        (code(idle=READ), "idle: it is left as it is, as is said above, and keeps this"),
        (
            code(Viewer=READ),
            "Viewer: it is built in, and no line changes it: it keeps this until somebody takes it away by hand",
        ),
        (code(who=READ), "who: there is no such role, so the file cannot be parsed there"),
        (code("another", ops=READ), "no such DAG is listed"),
    ],
)
def test_what_no_line_gives_is_told(found: InCode, problem: str) -> None:
    assert f"    prod: {problem}" == lines(found)[-1]


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (code("", doubt="who knows", ops=READ), "dags/x.py:7: a DAG: ops: read; who knows"),
        (code(doubt="who knows"), "dags/x.py:7: fin_daily: who knows"),
        (code(), "dags/x.py:7: fin_daily: takes it from every role"),
        (code(ops=frozenset()), "dags/x.py:7: fin_daily: ops: nothing"),
    ],
)
def test_what_is_not_known_is_told_and_not_judged(found: InCode, said: str) -> None:
    assert [f"  {said}"] == lines(found)[4:]


def test_dags_that_are_fought_over_are_named_where_no_file_explains_it() -> None:
    taken = [Loss("ops", permission(f"can_edit on DAG:{dag}"), 2, NOW) for dag in ("fin_daily", "fin_monthly")]
    given = [Loss("ops", permission("can_create on DAG Run:x"), 2, NOW)]
    rest = "and no file here sets access_control for that; look who does"
    assert [
        f"prod: something takes back what syncd gives on fin_monthly, {rest}",
        f"prod: something gives back what syncd takes on x, {rest}",
    ] == list(told_contested(live("ops"), taken, given, [code(ops=READ)]))
