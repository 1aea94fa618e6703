"""What a role gives is set algebra over DAGs, as a reader would do it by hand, whichever file its parts stand in."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from mapping_world import ANN, compiled, directory, group

from syncd.mapping.inventory import Inventory
from syncd.model import At, Dag, DagSelector, Level, Permission

KNOWN = directory([ANN], group("finance", "ann"))
NAMES = ("a", "b", "c", "d", "e")
DAGS = (
    Dag("fin_daily", frozenset({"finance", "daily"}), frozenset({"fin-team"}), "fin", "daily/fin.py"),
    Dag("fin_monthly", frozenset({"finance", "pii"}), frozenset({"fin-team", "platform"}), "fin", "fin.py"),
    Dag("plat_cleanup", frozenset({"daily"}), frozenset({"platform"}), "plat", None),
    Dag("old", frozenset(), frozenset(), None, "daily/old.py"),
    Dag("nowhere", frozenset({"finance"}), frozenset({"platform"})),
)
WORDS: Mapping[str, tuple[str, ...]] = {
    "id": ("fin_*", "*_daily", "plat_cleanup", "*", "[!f]*", "/fin_[a-d].*/", "/.*y|old/", "/n/"),
    "tag": ("finance", "daily", "pii"),
    "owner": ("fin-team", "platform"),
    "bundle": ("fin", "plat", "none"),
    "path": ("daily/*", "*.py", "fin.py"),
}
Entry = dict[str, Any]
Body = dict[str, Any]


def _words(kind: str) -> st.SearchStrategy[Any]:
    several = st.lists(st.sampled_from(WORDS[kind]), min_size=1, max_size=2, unique=True)
    if kind not in {"tag", "owner"}:
        return several
    return several | st.fixed_dictionaries({"all": several}, optional={"any": several})


filters = st.fixed_dictionaries({}, optional={kind: _words(kind) for kind in WORDS}).filter(bool)
chosen = filters | st.just({"all": True})
levels = st.sampled_from(("view", "edit"))
left_out = st.fixed_dictionaries({}, optional={"not": filters | st.lists(filters, min_size=1, max_size=2)})
entries = st.builds(lambda level, found, but: {"level": level, **found, **but}, levels, chosen, left_out)
pools = st.just(["can_read on Pools"])


@st.composite
def role_sets(draw: st.DrawFn) -> dict[str, Body]:
    """Give roles that extend only roles before them in NAMES, so in no circle."""
    bodies: dict[str, Body] = {}
    for number, name in enumerate(NAMES):
        body: Body = {"dags": draw(st.lists(entries, min_size=1, max_size=2))}
        if (
            before := draw(st.lists(st.sampled_from(NAMES[:number] or NAMES), max_size=2, unique=True))
            if number
            else []
        ):
            body["extends"] = before
        body |= {"permissions": draw(pools)} if draw(st.booleans()) else {}
        bodies[name] = body
    return bodies


def _naive(name: str, bodies: Mapping[str, Body]) -> set[tuple[str, str]]:
    """Say by hand which level a role gives on which DAG; `pools` is the permission beside."""
    body = bodies[name]
    found = {(entry["level"], dag.id) for entry in body["dags"] for dag in DAGS if _fits(dag, entry)}
    found |= {("pools", "")} if "permissions" in body else set()
    return found.union(*(_naive(other, bodies) for other in body.get("extends", ())))


def _fits(dag: Dag, entry: Entry) -> bool:
    left_out = entry.get("not", [])
    several = [left_out] if isinstance(left_out, dict) else left_out
    return _has(dag, entry, unknown=False) and not any(_has(dag, one, unknown=True) for one in several)


def _has(dag: Dag, entry: Entry, *, unknown: bool) -> bool:
    """Say whether every kind fits; what is not known of a DAG fits as `unknown` says."""

    def fits(kind: str, wanted: Any) -> bool:
        match kind:
            case "id":
                return any(_id_fits(dag.id, pattern) for pattern in wanted)
            case "tag" | "owner":
                words = dag.tags if kind == "tag" else dag.owners
                several = wanted if isinstance(wanted, dict) else {"any": wanted}
                return all(word in words for word in several.get("all", ())) and (
                    "any" not in several or any(word in words for word in several["any"])
                )
            case "bundle":
                return unknown if dag.bundle is None else dag.bundle in wanted
            case _:
                return unknown if dag.path is None else any(fnmatchcase(dag.path, glob) for glob in wanted)

    return all(fits(kind, wanted) for kind, wanted in entry.items() if kind in WORDS)


def _id_fits(id_: str, pattern: str) -> bool:
    return re.fullmatch(pattern[1:-1], id_) is not None if pattern[0] == "/" else fnmatchcase(id_, pattern)


def _read_back(permissions: frozenset[Permission]) -> set[tuple[str, str]]:
    known = {("can_read", "DAG"): "view", ("can_create", "DAG Run"): "edit"}
    found = {(known.get((p.action, p.resource.partition(":")[0])), p.dag) for p in permissions if p.dag}
    found |= {("pools", "")} if Permission("can_read", "Pools") in permissions else set()
    return {(level, dag or "") for level, dag in found if level}


def _files(bodies: Mapping[str, Body], order: list[str], where: Mapping[str, str]) -> dict[str, str]:
    bind = {"group": "people:finance", "roles": list(NAMES), "deployments": "all"}
    files: dict[str, dict[str, Any]] = {"z.yaml": {"bindings": [bind]}}
    for name in order:
        files.setdefault(where[name], {}).setdefault("roles", {})[name] = bodies[name]
    return {file: json.dumps(content) for file, content in files.items()}


@settings(max_examples=examples(80))
@given(
    role_sets(),
    st.permutations(NAMES),
    st.fixed_dictionaries({name: st.sampled_from(("a.yaml", "b.yaml", "z.yaml")) for name in NAMES}),
)
def test_what_a_role_gives_is_the_union_of_what_it_and_all_that_it_extends_say(
    bodies: dict[str, Body], order: list[str], where: Mapping[str, str]
) -> None:
    roles = compiled(_files(bodies, order, where), KNOWN, dags=DAGS).roles

    for name in NAMES:
        naive = _naive(name, bodies)
        naive |= {("view", dag) for level, dag in naive if level == "edit"}
        assert naive == _read_back(roles[name].permissions), name


@settings(max_examples=examples(400))
@given(
    st.from_regex(r"/[a-c.]{1,3}[*+?]?([|][a-c]{1,2}|[(][ab][|]c[)]|\[[a-c]-c\]){0,2}/", fullmatch=True),
    st.lists(st.text("abcd", min_size=1, max_size=4), max_size=8, unique=True),
)
def test_regular_expressions_agree_with_those_of_python(pattern: str, ids: list[str]) -> None:
    found = Inventory(Dag(i) for i in ids).matching(DagSelector(Level.VIEW, At("m", 1), ids=(pattern,)))

    assert {i for i in ids if re.fullmatch(pattern[1:-1], i)} == found
