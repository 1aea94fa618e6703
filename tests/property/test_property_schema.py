"""The schema of mapping files beside the parser: on files made of what the table of keys says, and on nearly such ones."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, assert_never

import pytest
from hypothesis import event, given
from hypothesis import strategies as st
from schema_world import against

from syncd.cli.schema_files import SchemaOf
from syncd.errors import MappingInvalid
from syncd.mapping.key_shapes import (
    DagAction,
    Either,
    Flag,
    KeyTable,
    ListOf,
    Named,
    Number,
    Plain,
    Ref,
    Shape,
    Text,
    Word,
)
from syncd.mapping.keys import MAPPING_FILE, OF_MAPPING, OF_SCOPE, SCOPE
from syncd.mapping.keys_of_tests import OF_TESTS, TEST, TESTS_FILE, VERBS
from syncd.mapping.parse import parse
from syncd.mapping.parse_tests import parse_tests
from syncd.targets.airflow.naming import NAMING

TEXTS = (
    *(
        "okta:finance",
        "entra: eu",
        "can_read on Pools",
        "2027-01-31",
        "2027-01-31T18:00:00Z",
        "08:00-18:00",
        "UTC",
        "fin_*",
    ),
    *("3.1", "${x}", "a ${x} b", "all", "delete_dag", "mon", "Viewer", "../x", " a", ":b"),
)
ODD: st.SearchStrategy[Any] = st.sampled_from((None, 1, True, "", " ", [], {}, [[1]], {"a": "b"}, ["a", "a"], *TEXTS))
RECORDS = {record.name: record for record in (*OF_MAPPING, *OF_SCOPE, *OF_TESTS)}
DEEP = 3


def values(shape: Shape, *, deep: int = 0) -> st.SearchStrategy[Any]:
    """Make what has this shape, and now and then something else."""
    return st.integers(0, 30).flatmap(lambda chance: _values(shape, deep) if chance else ODD)


def _values(shape: Shape, deep: int) -> st.SearchStrategy[Any]:
    match shape:
        case Text(pattern):
            return st.sampled_from([text for text in TEXTS if re.search(pattern, text)])
        case Word(words):
            return st.sampled_from(words).map(str)
        case DagAction():
            return st.sampled_from(NAMING.dag_actions)
        case Flag():
            return st.booleans()
        case Number():
            return st.sampled_from((0, 3, "12", -1, 1.5))
        case Plain():
            return st.sampled_from(("a", 1, True))
        case ListOf(of):
            return st.lists(values(of, deep=deep + 1), min_size=1, max_size=2)
        case Named(of):
            return st.dictionaries(st.sampled_from(("x", "role", "env", "a b")), values(of, deep=deep + 1), max_size=2)
        case Ref(record):
            return tables(RECORDS[record], deep=deep + 1) if deep < DEEP * 2 else ODD
        case Either(shapes):
            return st.one_of([values(each, deep=deep) for each in shapes])
    assert_never(shape)


@st.composite
def tables(draw: st.DrawFn, record: KeyTable, *, deep: int = 0) -> dict[str, Any]:
    """Make a table with the keys that it needs, mostly, and a few of the others."""
    one = draw(st.sampled_from(record.one or record.some or record.known))
    others = draw(st.sets(st.sampled_from((*record.known, "odd")), max_size=2))
    wanted = {*record.required, one, *(others if draw(st.integers(0, 3)) == 0 else ())}
    return {key.name: draw(values(key.shape, deep=deep)) for key in record.keys if key.name in wanted} | (
        {"odd": 1} if "odd" in wanted else {}
    )


def is_right(files: dict[str, Any]) -> bool:
    try:
        parse({name: json.dumps(found).encode() for name, found in files.items()}, namings=[NAMING])
    except MappingInvalid:
        return False
    return True


@given(tables(MAPPING_FILE))
def test_a_mapping_file_that_the_schema_refuses_is_wrong(file: dict[str, Any]) -> None:
    said = against(SchemaOf.MAPPING, file)
    right = is_right({"a.yaml": file})
    event(f"schema {'refuses' if said else 'takes'}, parser {'takes' if right else 'refuses'}")

    assert not right or [] == said


@given(tables(SCOPE))
def test_a_scope_that_the_schema_refuses_is_wrong(scope: dict[str, Any]) -> None:
    said = against(SchemaOf.SCOPE, scope)
    right = is_right({"x/_scope.yaml": scope, "a.yaml": {"bindings": []}})
    event(f"schema {'refuses' if said else 'takes'}, parser {'takes' if right else 'refuses'}")

    assert not right or [] == said


@given(tables(TESTS_FILE))
def test_a_file_of_tests_that_the_schema_refuses_is_wrong(file: dict[str, Any]) -> None:
    said = against(SchemaOf.TESTS, file)
    try:
        parse_tests({"_tests.yaml": json.dumps(file).encode()}, namings=[NAMING])
        right = True
    except MappingInvalid:
        right = False
    event(f"schema {'refuses' if said else 'takes'}, parser {'takes' if right else 'refuses'}")

    assert not right or [] == said


# --- every key of the table is read -----------------------------------------------------------------------------------

WRONG = [[1]]
"""What stands nowhere."""
AROUND: dict[str, Any] = {
    "mapping": lambda found: {"bindings": [], **found},
    "defaults": lambda found: {"defaults": found, "bindings": [{"group": "okta:a", "roles": ["Viewer"]}]},
    "role": lambda found: {"roles": {"r": found}},
    "entry": lambda found: AROUND["role"]({"dags": [{"level": "view", "tag": "a", **found}]}),
    "left_out": lambda found: AROUND["entry"]({"not": found}),
    "words": lambda found: AROUND["entry"]({"tag": found}),
    "binding": lambda found: {"bindings": [{"roles": ["Viewer"], "deployments": "all", **found}]},
    "members": lambda found: AROUND["binding"]({"any_of": [found]}),
    "where": lambda found: AROUND["binding"]({"group": "okta:a", "where": found}),
    "group": lambda found: AROUND["binding"]({"group": {"source": "okta", **found}}),
    "person": lambda found: AROUND["binding"]({"people": [{"source": "okta", **found}]}),
    "label_test": lambda found: AROUND["binding"]({"deployments": {"env": found}}),
    "window": lambda found: AROUND["binding"]({"during": {"zone": "UTC", "days": "mon", **found}}),
    "scope": lambda found: found,
    "dags": lambda found: {"dags": [found]},
    "tests": lambda found: {"tests": [{"every_role_has": "owner"}], **found},
    "test": lambda found: {"tests": [{**_beside(*found), **found}]},
    "whom": lambda found: AROUND["test"]({"nobody_in": found, "has": "Op", "deployments": "all"}),
    "given": lambda found: AROUND["tests"]({"given": found}),
    "given_person": lambda found: AROUND["given"]({"people": {"okta": [{"email": "a", **found}]}}),
    "given_dag": lambda found: AROUND["given"]({"dags": [{"id": "a", **found}]}),
}


def _beside(key: str, *_: str) -> dict[str, str]:
    """Give what stands beside a key of a test, so that its value is read."""
    if key in TEST.one:
        return {}
    verb = {} if key in VERBS else {"can": "view"}
    about = {} if key in ("dag", "dags") else {"dag": "x"}
    return {"person": "a", "deployments": "all", **verb, **about}


def each_key() -> Iterator[tuple[SchemaOf, str, str]]:
    of_tests = (SchemaOf.TESTS, OF_TESTS[:6])
    for of, records in ((SchemaOf.MAPPING, OF_MAPPING), (SchemaOf.SCOPE, (SCOPE, OF_SCOPE[1])), of_tests):
        for record in records:
            yield from ((of, record.name, key) for key in record.known)


@pytest.mark.parametrize(("of", "record", "key"), list(each_key()))
def test_a_key_of_the_table_is_read_and_its_value_is_looked_at(of: SchemaOf, record: str, key: str) -> None:
    whole = AROUND[record]({key: WRONG})
    name = {SchemaOf.SCOPE: "x/_scope.yaml", SchemaOf.TESTS: "_tests.yaml"}.get(of, "a.yaml")
    read = parse_tests if of is SchemaOf.TESTS else parse
    text = json.dumps(whole, indent=0).replace("\n", "").replace("[[1]]", "\n[[1]]\n")

    with pytest.raises(MappingInvalid) as caught:
        read({name: text.encode(), "b.yaml": b"bindings: []"}, namings=[NAMING])

    assert 2 in {problem.line for problem in caught.value.problems}
    assert "unknown key" not in str(caught.value)
    assert against(of, whole)
