"""What stands in the code of DAGs is read from its text: whatever is plain, and nothing else is guessed at."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.model import InCode
from syncd.targets.airflow.in_code import in_code

pytestmark = pytest.mark.finding("N-432")

NESTED = '{"ops": {"DAGs": {"can_read"}, "DAG Runs": {"can_create"}}}'
HEAD = "from airflow import DAG\nfrom airflow.decorators import dag\nfrom airflow.security import permissions\n"


def read(text: str, file: str = "dags/x.py") -> tuple[InCode, ...]:
    return in_code(file, (HEAD + text).encode())


def given_by(text: str) -> list[tuple[str, dict[str, list[str]]]]:
    found = [(one.dag, {role: sorted(map(str, p)) for role, p in one.gives.items()}) for one in read(text)]
    assert not [one.doubt for one in read(text) if one.doubt]
    return found


@pytest.mark.parametrize(
    "text",
    [
        'DAG("x", access_control={"ops": {"can_read"}})',
        'with DAG(dag_id="x", access_control={"ops": ["can_read"]}) as dag: pass',
        'ID = "x"\nWHO = {"ops": {"can_read"}}\nmodels.DAG(dag_id=ID, access_control=WHO)',
        'DAG("x", access_control={"ops": {permissions.ACTION_CAN_READ}})',
        'DAG("x", access_control={"ops": set(["can_dag_read"])})',
        '@dag(access_control={"ops": ("can_read",)})\ndef x(): pass',
        '@dag(dag_id="x", access_control={"ops": {"can_read"}})\ndef y(): pass',
        'WHO: dict = {"ops": {"DAGs": {"can_read"}}}\nDAG("x", access_control=WHO)',
        'def make():\n    return DAG("x", access_control={"ops": {"can_read"}})',
    ],
)
def test_what_is_plain_is_read(text: str) -> None:
    assert [("x", {"ops": ["can_read on DAG:x"]})] == given_by(text)


def test_actions_on_runs_and_tables_that_give_nothing() -> None:
    assert [("x", {"ops": ["can_create on DAG Run:x", "can_read on DAG:x"]})] == given_by(
        f'DAG("x", access_control={NESTED})'
    )
    assert [("x", {})] == given_by('DAG("x", access_control={})')
    assert [("x", {"ops": []})] == given_by('DAG("x", access_control={"ops": set()})')
    assert [] == given_by('DAG("x", access_control=None)')
    assert [] == given_by('DAG("x")  # access_control is not used here')


def test_each_place_is_told_in_the_order_in_which_it_stands() -> None:
    text = 'DAG("b", access_control={"r": {"can_read"}})\nDAG("a",\n    access_control={"r": {"can_edit"}})'
    assert [("dags/x.py:4", "b"), ("dags/x.py:6", "a")] == [(str(one.at), one.dag) for one in read(text)]


WHOSE = "for which DAG that is can be seen only when it runs"
COMPUTED = "what it gives is computed, so it is known only when it runs"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('for i in "ab":\n    DAG(i, access_control={"ops": {"can_read"}})', WHOSE),
        ('DAG(f"x{1}", access_control={"ops": {"can_read"}})', WHOSE),
        ('DAG(**{"access_control": {"ops": {"can_read"}}})', WHOSE),
        ('DAG(**rest, access_control={"ops": {"can_read"}})', WHOSE),
        ('d.access_control = {"ops": {"can_read"}}', WHOSE),
        ('DAG("x", access_control=teams())', COMPUTED),
        ('DAG("x", access_control={"ops": {"can_fly"}})', COMPUTED),
        ('DAG("x", access_control={"ops": {"Pools": {"can_read"}}})', COMPUTED),
        ('DAG("x", access_control={"ops": "can_read"})', COMPUTED),
        ('DAG("x", access_control={**more, "ops": {"can_read"}})', COMPUTED),
        ('WHO = {"ops": {"can_read"}}\nWHO["dev"] = {"can_edit"}\nDAG("x", access_control=WHO)', COMPUTED),
        ('WHO = {"ops": {"can_read"}}\nWHO.update(more)\nDAG("x", access_control=WHO)', COMPUTED),
        ('WHO = {"ops": {"can_read"}}\ndef make(WHO):\n    DAG("x", access_control=WHO)', COMPUTED),
        ('from teams import WHO\nWHO = {"ops": {"can_read"}}\nDAG("x", access_control=WHO)', COMPUTED),
        ('A = set(B)\nB = set(A)\nDAG("x", access_control={"ops": A})', COMPUTED),
        ("A = B\nB = A\nDAG('x', access_control=A)", COMPUTED),
    ],
)
def test_what_is_not_plain_is_told_and_not_guessed(text: str, why: str) -> None:
    [one] = read(text)
    assert why == one.doubt


def test_nothing_is_run_and_what_is_no_python_is_told() -> None:
    bomb = 'raise SystemExit\nDAG("x", access_control={"r": {"can_read"}})'
    assert ["x"] == [one.dag for one in read(bomb)]
    [broken] = read("def (: access_control")
    [table] = in_code("dags/x.yaml", b"x: {access_control: {ops: [can_read]}}")
    [deep] = read("x = " + "[" * 5000 + "]" * 5000 + "  # access_control")
    assert ["cannot be read as Python" in one.doubt for one in (broken, table, deep)] == [True, False, True]
    assert "is no Python" in table.doubt


PIECES = (
    "DAG(",
    "access_control=",
    "{",
    "}",
    '"x"',
    ":",
    "[",
    "]",
    "set(",
    ")",
    ",",
    "dag_id=",
    "\n",
    "A",
    "=",
    "@dag",
    "None",
)


@given(st.lists(st.sampled_from(PIECES)).map("".join) | st.binary().map(lambda raw: raw.decode("latin-1")))
def test_whatever_stands_in_a_file_is_answered(text: str) -> None:
    for one in read(f"{text}  # access_control"):
        assert one.doubt or one.dag
