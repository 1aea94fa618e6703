"""What a file may grant is inside of the scope of its folder, on any deployments and any DAGs; judged by a naive model."""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from itertools import product
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from syncd.errors import Problem
from syncd.mapping.inventory import Inventory
from syncd.mapping.parse import parse
from syncd.mapping.parse_dags import read_dags
from syncd.mapping.parse_labels import read_deployments
from syncd.mapping.parse_scope import read_scopes
from syncd.mapping.reading import MappingReading
from syncd.mapping.scope import FolderScope, Judge
from syncd.mapping.select import chooses
from syncd.mapping.within import Inclusion, Labels, labels_beyond
from syncd.model import Dag, DagSelector, Deployment, Level, RoleDefinition, Rule
from syncd.targets.airflow.naming import NAMING
from syncd.text.document import read_document
from syncd.text.strict import Strict


def some_of(words: list[str]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(words), min_size=1, max_size=2, unique=True)


# --- globs ------------------------------------------------------------------------------------------------------------

LETTERS = "abc"
TEXTS = ["".join(letters) for n in range(6) for letters in product(LETTERS, repeat=n)]
globs = st.lists(
    st.sampled_from(["a", "b", "*", "*", "?", "[ab]", "[!a]", "[a-b]", "[!b-c]"]), min_size=1, max_size=4
).map("".join)


@given(globs, st.lists(globs, min_size=1, max_size=3, unique=True).map(tuple))
def test_a_glob_is_inside_of_others_where_no_text_says_otherwise(inner: str, outer: tuple[str, ...]) -> None:
    beyond = [t for t in TEXTS if fnmatchcase(t, inner) and not any(fnmatchcase(t, glob) for glob in outer)]

    if Inclusion().is_glob_within(inner, outer):
        assert [] == beyond
    else:
        # a text of other letters, or a longer one, may be all that is outside
        others = ["".join(letters) for n in range(5) for letters in product("ax~", repeat=n)]
        longer = ["".join(letters) for n in (6, 7) for letters in product(LETTERS, repeat=n)]
        mixed = ["".join(letters) for n in range(7) for letters in product("abz", repeat=n)]
        found = (t for t in (*beyond, *others, *mixed, *longer) if fnmatchcase(t, inner))
        assert any(not any(fnmatchcase(t, glob) for glob in outer) for t in found)


# --- labels -----------------------------------------------------------------------------------------------------------

VALUES = {"env": ["dev", "prod"], "team": ["a", "b"], "name": ["x", "y"]}
OTHERS = {"env": ["other", ""], "team": ["other", ""], "name": ["other"]}


def label_tests(values: list[str]) -> st.SearchStrategy[Any]:
    tables = st.fixed_dictionaries(
        {}, optional={"in": some_of(values), "not": some_of(values), "exists": st.booleans()}
    ).filter(bool)
    return some_of(values) | tables


labels = st.fixed_dictionaries(
    {}, optional={label: label_tests([*values, "new"]) for label, values in VALUES.items()}
).filter(lambda said: as_labels(said) is not None)
FLEET = [
    Deployment(name, {k: v for k, v in (("env", env), ("team", team)) if v}, naming=NAMING)
    for env, team, name in product(*([*values, "new", *OTHERS[label]] for label, values in VALUES.items()))
]


def is_meant(test: Any, value: str | None) -> bool:
    said = test if isinstance(test, dict) else {"in": test}
    return (
        ("in" not in said or value in said["in"])
        and ("not" not in said or value not in said["not"])
        and ("exists" not in said or said["exists"] == (value is not None))
    )


def chosen(said: dict[str, Any]) -> set[str]:
    def is_chosen(deployment: Deployment) -> bool:
        have = {**deployment.labels, "name": deployment.name}
        return all(is_meant(test, have.get(label)) for label, test in said.items())

    return {str(d) for d in FLEET if is_chosen(d)}


def as_labels(said: dict[str, Any]) -> Labels | None:
    """Read labels as the file does; None: they contradict themselves, which is a mistake."""
    strict, problems = Strict(), list[Problem]()
    node = read_document("m.yaml", json.dumps(said).encode(), problems)
    assert node is not None
    found = read_deployments(strict, node) if said else ()
    return None if strict.problems else found


@given(labels, labels)
def test_labels_are_inside_of_others_just_where_every_deployment_says_so(
    inner: dict[str, Any], outer: dict[str, Any]
) -> None:
    narrow, wide = as_labels(inner), as_labels(outer)
    assert narrow is not None
    assert wide is not None
    assert (chosen(inner) <= chosen(outer)) == (not labels_beyond(narrow, wide))


# --- whole files ------------------------------------------------------------------------------------------------------

TAGS, OWNERS = ["finance", "risk"], ["fin", "ops"]
IDS = ["fin_*", "fin_a", "*", "risk_?", "fin_[ab]", "*_a"]
BUNDLES, PATHS = ["b1", "b2"], ["fin/*", "fin/a*", "*.py"]


def among(words: list[str]) -> st.SearchStrategy[Any]:
    tables = st.fixed_dictionaries(NOTHING, optional={"any": some_of(words), "all": some_of(words)}).filter(bool)
    return some_of(words) | tables


NOTHING: dict[str, st.SearchStrategy[Any]] = {}
KINDS = {
    "id": some_of(IDS),
    "tag": among(TAGS),
    "owner": among(OWNERS),
    "bundle": some_of(BUNDLES),
    "path": some_of(PATHS),
}
plain = st.fixed_dictionaries(NOTHING, optional=KINDS).filter(bool)
selectors = st.fixed_dictionaries(NOTHING, optional={**KINDS, "not": plain}).filter(
    lambda said: bool({*said} - {"not"})
)
levels = st.sampled_from([str(level) for level in Level])
NAMES = ["finance-a", "finance-b", "risk-a"]
RAW = ["can_read on Pools", "can_edit on Variables"]
BUILT_IN = ["Viewer", "Op"]
GROUPS = ["people:fin-a", "people:fin-b", "people:all"]
scopes = st.fixed_dictionaries(
    NOTHING,
    optional={
        "roles": some_of(["finance-*", "risk-*", "*-a"]),
        "built_in": some_of(BUILT_IN),
        "level": levels,
        "dags": st.lists(selectors, min_size=1, max_size=2),
        "permissions": some_of(RAW),
        "groups": some_of(["people:fin-*", "people:*"]),
        "deployments": labels.filter(bool) | st.just("all"),
    },
).filter(bool)
roles = st.fixed_dictionaries(
    {
        "dags": st.lists(
            selectors.flatmap(lambda s: levels.map(lambda level: {**s, "level": level})), min_size=1, max_size=2
        )
    },
    optional={"permissions": some_of(RAW)},
)
bindings = st.fixed_dictionaries(
    {
        "group": st.sampled_from(GROUPS),
        "roles": some_of([*NAMES, *BUILT_IN]),
        "deployments": labels.filter(bool) | st.just("all"),
    }
)
files = st.fixed_dictionaries(
    {"roles": st.dictionaries(st.sampled_from(NAMES), roles, max_size=2), "bindings": st.lists(bindings, max_size=2)}
)
DAGS = [
    Dag(id_, frozenset(tags), frozenset(owners), bundle, path)
    for id_ in ("fin_a", "fin_c", "risk_a", "x")
    for tags, owners in product(((), ("finance",), TAGS), ((), ("fin",), OWNERS))
    for bundle, path in ((None, None), ("b1", "fin/a.py"), ("b2", "fin/x"), ("b1", "x.py"))
]


def fits(dag: Dag, said: dict[str, Any], *, in_doubt: bool = False) -> bool:
    """Say whether a DAG is one that an entry is for, word by word."""

    def is_among(kind: str, there: frozenset[str]) -> bool:
        words = said.get(kind, {})
        tests = words if isinstance(words, dict) else {"any": words}
        return bool(there & {*tests.get("any", there)} or not tests.get("any")) and there >= {*tests.get("all", ())}

    def matches(kind: str, word: str | None) -> bool:
        return kind not in said or (in_doubt if word is None else any(fnmatchcase(word, glob) for glob in said[kind]))

    return (
        all(matches(kind, word) for kind, word in (("id", dag.id), ("bundle", dag.bundle), ("path", dag.path)))
        and is_among("tag", dag.tags)
        and is_among("owner", dag.owners)
        and not ("not" in said and fits(dag, said["not"], in_doubt=True))
    )


def dags_as_read(said: dict[str, Any]) -> DagSelector:
    reading, problems = MappingReading(None, [NAMING]), list[Problem]()
    node = read_document("m.yaml", json.dumps(said).encode(), problems)
    assert node is not None
    found = read_dags(reading, node)
    assert [] == [*problems, *reading.strict.problems]
    return found


@given(st.lists(selectors, min_size=1, max_size=3), st.data())
def test_an_entry_is_inside_of_others_only_where_every_dag_says_so(
    outer: list[dict[str, Any]], data: st.DataObject
) -> None:
    """Half of the entries are made of one that is allowed, by asking for more."""
    more = data.draw(selectors)
    inner = data.draw(st.sampled_from([more, {**more, **outer[0]}]))

    is_inside = Inclusion().is_selector_within(dags_as_read(inner), tuple(map(dags_as_read, outer)))

    beyond = [dag for dag in DAGS if fits(dag, inner) and not any(fits(dag, said) for said in outer)]
    assert not is_inside or [] == beyond
    if inner == {**more, **outer[0]} and "not" not in more:
        assert is_inside, "who asks for more than is asked for is inside"


Said = dict[str, Any]


def allows(scope: Said, key: str, word: str, *, unsaid: bool) -> bool:
    return unsaid if key not in scope else any(fnmatchcase(word, glob) for glob in scope[key])


def is_role_inside(role: RoleDefinition, scope: Said, *, unsaid: bool) -> bool:
    """Say whether a role gives, on whatever DAGs, only what a scope allows; `unsaid` is what it leaves out."""
    seen = [(entry, dag) for entry in role.dags for dag in DAGS if Inventory([dag]).matching(entry)]
    highest = Level(scope["level"]).included if "level" in scope else tuple(Level) if unsaid else ()
    return (
        allows(scope, "roles", role.name, unsaid=unsaid)
        and all(allows(scope, "permissions", str(permission), unsaid=unsaid) for permission, _ in role.permissions)
        and all(entry.level in highest for entry in role.dags)
        and all(any(fits(dag, said) for said in scope.get("dags", [{}] if unsaid else [])) for _, dag in seen)
    )


def is_binding_inside(rule: Rule, scope: Said, *, unsaid: bool) -> bool:
    """Say whether a binding reaches, on whatever deployments, only what a scope allows."""
    said = scope.get("deployments", "all" if unsaid else {"name": ["none"]})
    where = chosen({} if said == "all" else said)
    return (
        allows(scope, "groups", str(rule.subject), unsaid=unsaid)
        and all(allows(scope, "built_in" if role in BUILT_IN else "roles", role, unsaid=unsaid) for role in rule.roles)
        and {str(d) for d in FLEET if chooses(rule, d)} <= where
    )


@given(scopes, scopes | st.just({"roles": ["*"]}), files)
def test_what_a_file_grants_is_inside_of_every_scope_above_it(outer: Said, inner: Said, said: Said) -> None:
    texts = {"m/t/_scope.yaml": outer, "m/t/u/_scope.yaml": inner}
    found = read_scopes(
        MappingReading(None, [NAMING]), {file: json.dumps(text).encode() for file, text in texts.items()}
    )
    rest = {name: {"permissions": ["can_read on Jobs"]} for name in NAMES if name not in said["roles"]}
    rules = parse(
        {"m/t/u/x.yaml": json.dumps(said).encode(), "m/y.yaml": json.dumps({"roles": rest, "bindings": []}).encode()},
        namings=[NAMING],
    )
    for role in rules.roles.values():
        is_inside = role.name in rest or all(is_role_inside(role, s, unsaid=s is inner) for s in (outer, inner))
        assert is_inside or judged(found, [role], [])
    for rule in rules.bindings:
        is_inside = all(is_binding_inside(rule, s, unsaid=s is inner) for s in (outer, inner))
        assert is_inside != bool(judged(found, [], [rule])), "labels, groups and names of roles are decided exactly"


def judged(found: dict[str, FolderScope], roles: list[RoleDefinition], bindings: list[Rule]) -> list[Problem]:
    strict = Strict()
    Judge(found, frozenset(BUILT_IN), strict).judge(roles, bindings)
    return strict.problems


def test_an_entry_that_is_allowed_in_parts_is_allowed_whole() -> None:
    scope = (
        b'{roles: ["*"], level: edit, dags: [{id: "fin_*"}, {tag: finance, owner: fin}, {tag: finance, owner: ops}]}'
    )
    files = {
        "m/_scope.yaml": scope,
        "m/x.yaml": b"""{roles: {r: {dags: [{level: view, id: ["fin_a", "fin_[ab]*"]}, {level: view, tag: finance,
            owner: [fin, ops]}, {level: edit, id: "fin_*", tag: risk}]}}}""",
    }

    assert 3 == len(parse(files, namings=[NAMING]).roles["r"].dags)
