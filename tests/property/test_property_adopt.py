"""What `syncd adopt` writes gives what people hold and nothing else: the first plan after it is empty, on random worlds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mapping_world import DAGS, DIALECT, NOW, directory, group, permission, permissions, person

from syncd.mapping.adopt import Adopted, adopt, as_named
from syncd.mapping.adopt_dags import LiveDeployment
from syncd.mapping.adopt_text import mapping_text
from syncd.mapping.compile import compile_desired
from syncd.mapping.parse import parse
from syncd.model import (
    Adopt,
    BuiltIn,
    Dag,
    Deployment,
    DesiredState,
    Directory,
    Level,
    ObservedState,
    Owned,
    Permission,
    Role,
    User,
    key,
)
from syncd.plan.diff import align, diff
from syncd.targets.airflow.naming import NAMING

PEOPLE = ("ann", "bob", "cid", "dee")
ACCOUNTS = (*PEOPLE, "svc-a", "Svc B", "admin", "zero\u200bwidth", 'o\'b: "#1"')
ROLES = ("finance", "data team", "2024: x", "true")
RAW = (
    "can_read on Pools",
    "can_edit on Variables",
    "can_delete on DAG:fin_daily",
    "can_delete on DAG Run:fin_daily",
    "can_delete on DAG Runs",
    "can_read on DAG:gone",
    "can_list on Own",
)
levels = st.sampled_from([None, *Level])
ODD = frozenset({"[odd]", "no", "zero\u200bwidth", " padded", "two\nlines", "${x}", "*"})
MORE = (
    *(replace(dag, bundle="b", path=f"{dag.id[:3]}/{dag.id}.py") for dag in DAGS),
    Dag("fin_x", frozenset({"daily"}), frozenset({"o'b: #1", ""}), "b [1]", "fin/x*/y.py"),
    Dag("x.y-z", ODD, ODD, " b", "a\u200bb/c.py"),
    Dag("ünï", path="ünï/b/c.py"),
)
RICH = replace(
    DIALECT,
    built_in={
        "Viewer": BuiltIn(
            permissions(
                "can_read on Website",
                "can_read on Pools",
                "can_read on DAG Runs",
                "can_read on XComs",
                "menu_access on Docs",
            ),
            permissions("can_read on DAGs"),
        ),
        "Op": BuiltIn(permissions("can_read on Website", "can_edit on Variables"), permissions(), "was not measured"),
    },
)
BASES: tuple[frozenset[Permission], ...] = (
    frozenset(),
    RICH.built_in["Viewer"].permissions,
    RICH.built_in["Viewer"].permissions | permissions("can_read on DAGs"),
)


def spelled(level: Level | None, dag: str) -> set[Permission]:
    if level is None:
        return set()
    parts = [DIALECT.levels[included] for included in level.included]
    return {p.at(dag) for _, templates in parts for p in templates} | {p for base, _ in parts for p in base}


@st.composite
def roles(draw: st.DrawFn, dags: tuple[Dag, ...]) -> frozenset[Permission]:
    held = set(DIALECT.every_role) if draw(st.integers(0, 9)) else set()
    held |= draw(st.sampled_from(BASES))
    whole = draw(st.sampled_from([None, None, *Level]))
    for dag in dags:
        held |= spelled(whole or draw(levels), dag.id)
    held |= {permission(text) for text in draw(st.sets(st.sampled_from(RAW), max_size=2))}
    return frozenset(held)


@st.composite
def lives(draw: st.DrawFn, name: str, env: str) -> LiveDeployment:
    dags = tuple(draw(st.lists(st.sampled_from(MORE), unique=True)))
    there = {n: Role(n, draw(roles(dags))) for n in draw(st.sets(st.sampled_from(ROLES)))}
    can_hold = st.sets(st.sampled_from([*there, "Viewer", "Op"]), max_size=3)
    users = {
        key(n): User(n, f"{n}@corp.example".replace(" ", ""), "G", "F", frozenset(draw(can_hold)))
        for n in draw(st.sets(st.sampled_from(ACCOUNTS)))
    }
    mode = draw(st.sampled_from([Adopt.MATCHING, Adopt.DECLARED]))
    deployment = Deployment(name, {"env": env}, adopt=mode, protected=frozenset({"admin"}), naming=NAMING)
    return LiveDeployment(deployment, ObservedState(name, users, there), dags, RICH, "admin")


@st.composite
def directories(draw: st.DrawFn) -> Directory:
    people = [person(name) for name in PEOPLE]
    people = [replace(p, active=draw(st.integers(0, 5)) > 0) for p in people]
    several = draw(st.lists(st.sets(st.sampled_from(PEOPLE)), max_size=5))
    groups = [group(f"g {n}", *sorted(m), complete=draw(st.integers(0, 5)) > 0) for n, m in enumerate(several)]
    return directory(people, *groups)


@dataclass
class Read:
    """What the text says, read as syncd reads it."""

    text: str
    live: LiveDeployment
    desired: DesiredState


def read_back(found: Adopted, several: tuple[LiveDeployment, ...], known: Directory) -> list[Read]:
    text = mapping_text(found, [live.deployment for live in several], until=date(2026, 9, 1), said="Adopted.")
    rules = parse({"m.yaml": text.encode()}, namings=[NAMING], sources=frozenset({"people"}))
    assert {rule.at.file for rule in rules.bindings} <= {"m.yaml"}
    return [
        Read(
            text,
            live,
            compile_desired(
                rules, as_named(known, found.given), live.deployment, inventory=live.dags, dialect=live.dialect, now=NOW
            ),
        )
        for live in several
    ]


worlds = st.tuples(directories(), st.tuples(lives("a", "dev"), lives("b", "prod"), lives("c", "prod")))


@given(worlds, st.integers(1, 3))
def test_the_first_plan_is_empty_and_what_is_left_out_is_told(
    world: tuple[Directory, tuple[LiveDeployment, ...]], number: int
) -> None:
    known, fleet = world
    several = fleet[:number]
    found = adopt(several, known, now=NOW)

    for read in read_back(found, several, known):
        live = read.live
        aligned = align(read.desired, live.observed, match_email=False)
        plan = diff(aligned, live.observed, owned=Owned(), deployment=live.deployment, service_user="admin")
        assert () == plan.changes
        there = {dag.id for dag in live.dags}
        for name, wanted in aligned.roles.items():
            more = live.observed.roles[name].permissions - wanted.permissions
            assert wanted.permissions <= live.observed.roles[name].permissions
            assert {None} & {p.dag for p in more} == set() == {p.dag for p in more} & there
            assert not more or any(line.startswith(f"{live.name}: {name} also has") for line in found.left)
        given_there = {(grant.username, grant.role) for grant in aligned.grants()}
        held = {(u.username, r) for u in live.observed.users.values() for r in u.roles if u.username != "admin"}
        assert given_there <= held
        for _, role in held - given_there:
            assert any(line.startswith(f"{live.name}: ") and role in line for line in found.left)


def live(
    *users: User, roles: tuple[Role, ...] = (), dags: tuple[Dag, ...] = DAGS, name: str = "prod"
) -> LiveDeployment:
    deployment = Deployment(name, {"env": name}, naming=NAMING)
    observed = ObservedState(name, {key(u.username): u for u in users}, {r.name: r for r in roles})
    return LiveDeployment(deployment, observed, dags, DIALECT)


def user(name: str, *held: str) -> User:
    return User(name, f"{name}@corp.example", "G", "F", frozenset(held))


def text_of(*several: LiveDeployment, known: Directory) -> list[str]:
    (first, *_) = read_back(adopt(several, known, now=NOW), several, known)
    return first.text.splitlines()


def test_the_fewest_groups_and_words_say_it() -> None:
    finance = Role(
        "finance", frozenset(DIALECT.every_role | spelled(Level.EDIT, "fin_daily") | spelled(Level.EDIT, "fin_monthly"))
    )
    everyone = group("everyone", "ann", "bob", "cid")
    known = directory([person(n) for n in PEOPLE], everyone, group("half", "ann"), group("fin", "ann", "bob"))

    held = [
        user("ann", "finance", "Viewer"),
        user("bob", "finance", "Viewer"),
        user("cid", "Viewer"),
        user("svc", "Op"),
    ]

    assert [
        "# Adopted.",
        "",
        "roles:",
        "  finance:",
        "    dags:",
        "      - {level: edit, tag: finance}",
        "",
        "bindings:",
        "  - {group: {source: people, id: id-everyone, name: everyone}, roles: [Viewer], deployments: {env: prod}}",
        "  - {group: {source: people, id: id-fin, name: fin}, roles: [finance], deployments: {env: prod}}",
        "  - {accounts: [svc], roles: [Op], deployments: {env: prod}, privileged: true, until: 2026-09-01, reason: adopted}",
    ] == text_of(live(*held, roles=(finance,)), known=known)


def in_roles(*roles: Role, dags: tuple[Dag, ...] = MORE) -> str:
    """Give what is written of these roles, each held by somebody."""
    lines = text_of(
        replace(live(user("ann", *(r.name for r in roles)), roles=roles, dags=dags), dialect=RICH),
        known=directory([person("ann")]),
    )
    return "\n".join(lines[lines.index("roles:") + 1 : lines.index("bindings:") - 1])


@pytest.mark.finding("N-431")
def test_what_is_beyond_a_level_stands_beside_it() -> None:
    deleter = (
        spelled(Level.TRIGGER, "fin_daily")
        | spelled(Level.TRIGGER, "fin_monthly")
        | {permission("can_delete on DAG:fin_daily")}
    )
    reader = spelled(Level.VIEW, "ünï") | spelled(Level.VIEW, "plat_cleanup")
    no_runs = spelled(Level.VIEW, "ünï") | {permission("can_edit on DAG:ünï")}

    assert """\
  deleter:
    dags:
      - {level: trigger, id: fin_monthly}
      - {level: trigger, id: fin_daily, also: delete_dag}
  no-runs:
    dags:
      - {level: view, id: "ünï"}
    permissions:
      - "can_edit on DAG:ünï"
  reader:
    dags:
      - {level: view, id: [plat_cleanup, "ünï"]}""" == in_roles(
        *(
            Role(name, DIALECT.every_role | held)
            for name, held in {"deleter": deleter, "reader": reader, "no-runs": no_runs}.items()
        )
    )


@pytest.mark.finding("N-431")
def test_a_role_that_has_all_of_another_or_of_a_built_in_one_extends_it() -> None:
    viewer = RICH.built_in["Viewer"]
    more = permissions("can_edit on Variables", "can_create on Pools")

    assert """\
  a copy:
    extends: Viewer
  but these:
    extends: Viewer
    without: all_dags
    dags:
      - {level: view, tag: finance}
  senior:
    extends: but these
    permissions:
      - can_create on Pools
      - can_edit on Variables""" == in_roles(
        Role("a copy", viewer.permissions | viewer.all_dags),
        Role("but these", viewer.permissions | spelled(Level.VIEW, "fin_daily") | spelled(Level.VIEW, "fin_monthly")),
        Role(
            "senior", viewer.permissions | spelled(Level.VIEW, "fin_daily") | spelled(Level.VIEW, "fin_monthly") | more
        ),
    )


@pytest.mark.finding("N-431")
@pytest.mark.parametrize(("said", "chosen"), [(True, 'path: "a/*"'), (False, "id: [one, two]")])
def test_dags_are_chosen_by_their_folder_where_the_server_says_it_of_all(said: bool, chosen: str) -> None:
    dags = (Dag("one", path="a/1.py"), Dag("two", path="a/b/2.py"), Dag("three", path="c.py" if said else None))
    held = DIALECT.every_role | spelled(Level.VIEW, "one") | spelled(Level.VIEW, "two")
    assert f"  r:\n    dags:\n      - {{level: view, {chosen}}}" == in_roles(Role("r", held), dags=dags)


@pytest.mark.finding("N-431")
def test_what_a_role_has_on_a_dag_that_is_gone_is_told_and_keeps_nothing_else_from_being_adopted() -> None:
    held = DIALECT.every_role | spelled(Level.VIEW, "fin_daily") | spelled(Level.VIEW, "gone")
    lines = text_of(live(user("ann", "r"), roles=(Role("r", frozenset(held)),)), known=directory([person("ann")]))
    assert lines[1].startswith(
        "# prod: r also has can_read on DAG:gone on DAGs that are not there: that is left as it is"
    )
    assert "      - {level: view, id: fin_daily}" in lines


@pytest.mark.finding("N-431")
def test_a_name_with_a_character_that_nobody_can_see_is_left_and_told() -> None:
    lines = text_of(live(user("zero\u200bwidth", "Op")), known=directory([person("ann")]))
    assert [
        "# prod: zero?width holds Op by no line, and it is left as it is; they are in no group that is known"
    ] == lines[1:2]


def test_who_holds_a_role_by_no_group_is_listed_and_who_is_inactive_is_left() -> None:
    people = [person("ann"), replace(person("bob"), active=False), person("cid")]
    known = directory(people, group("team", "ann", "cid"))

    lines = text_of(live(user("ann", "Op"), user("bob", "Op"), user("cid")), known=known)

    assert [
        "# prod: bob holds Op by no line, and it is left as it is; they are inactive in people",
        "",
        "bindings:",
        "  - {people: [{source: people, id: ann, name: ann}], roles: [Op], deployments: {env: prod}, privileged: true, "
        "until: 2026-09-01, reason: adopted}",
    ] == lines[1:]


def test_a_role_with_braces_in_its_name_is_left_as_it_is() -> None:
    braces = Role("{team}-x", frozenset(DIALECT.every_role | spelled(Level.EDIT, "fin_daily")))
    lines = text_of(live(user("ann", "{team}-x"), roles=(braces,)), known=directory([person("ann")]))
    assert lines[1].startswith("# prod: ")
    assert "{team} in its name would make it a role for each group of a pattern" in lines[1]
