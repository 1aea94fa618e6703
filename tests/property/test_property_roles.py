"""What a role gives is set algebra over DAGs, as a reader would do it by hand, whichever file its parts stand in."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from mapping_world import ANN, DAGS, compiled, directory, group

from syncd.model import Dag, Permission

KNOWN = directory([ANN], group("finance", "ann"))
NAMES = ("a", "b", "c", "d", "e")
WORDS: Mapping[str, tuple[str, ...]] = {
    "id": ("fin_*", "*_daily", "plat_cleanup", "*", "[!f]*"),
    "tag": ("finance", "daily", "pii"),
    "owner": ("fin-team", "platform"),
}
Entry = dict[str, Any]
Body = dict[str, Any]


def _filters() -> st.SearchStrategy[Entry]:
    words = {kind: st.lists(st.sampled_from(some), min_size=1, max_size=2, unique=True) for kind, some in WORDS.items()}
    return st.fixed_dictionaries({}, optional=words).filter(bool)


entries = st.builds(lambda level, found: {"level": level, **found}, st.sampled_from(("view", "edit")), _filters())
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
    ids = {
        "fin_*": dag.id.startswith("fin_"),
        "*_daily": dag.id.endswith("_daily"),
        "plat_cleanup": dag.id == "plat_cleanup",
        "*": True,
        "[!f]*": not dag.id.startswith("f"),
    }
    has = {"tag": dag.tags, "owner": dag.owners}
    of_id = "id" not in entry or any(ids[glob] for glob in entry["id"])
    return of_id and all(kind not in entry or set(entry[kind]) & words for kind, words in has.items())


def _read_back(permissions: frozenset[Permission]) -> set[tuple[str, str]]:
    levels = {("can_read", "DAG"): "view", ("can_create", "DAG Run"): "edit"}
    found = {(levels.get((p.action, p.resource.partition(":")[0])), p.dag) for p in permissions if p.dag}
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
    roles = compiled(_files(bodies, order, where), KNOWN).roles

    for name in NAMES:
        naive = _naive(name, bodies)
        naive |= {("view", dag) for level, dag in naive if level == "edit"}
        assert naive == _read_back(roles[name].permissions), name
