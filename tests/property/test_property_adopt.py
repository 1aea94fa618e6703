"""What `syncd adopt` writes gives what people hold and nothing else: the first plan after it is empty, on random worlds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

from hypothesis import given
from hypothesis import strategies as st
from mapping_world import DAGS, DIALECT, NOW, directory, group, permission, person

from syncd.mapping.adopt import Adopted, adopt, as_named
from syncd.mapping.adopt_roles import LiveDeployment
from syncd.mapping.adopt_text import mapping_text
from syncd.mapping.compile import compile_desired
from syncd.mapping.parse import parse
from syncd.model import (
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
ACCOUNTS = (*PEOPLE, "svc-a", "Svc B", "admin")
ROLES = ("finance", "data team", "2024: x", "true")
RAW = (
    "can_read on Pools",
    "can_edit on Variables",
    "can_delete on DAG:fin_daily",
    "can_read on DAG:gone",
    "can_list on Own",
)
levels = st.sampled_from([None, *Level])
MORE = (*DAGS, Dag("fin_x", frozenset({"daily"}), frozenset({"o'b: #1"})), Dag("x.y-z", frozenset({"[odd]", "no"})))


def spelled(level: Level | None, dag: str) -> set[Permission]:
    if level is None:
        return set()
    parts = [DIALECT.levels[included] for included in level.included]
    return {p.at(dag) for _, templates in parts for p in templates} | {p for base, _ in parts for p in base}


@st.composite
def roles(draw: st.DrawFn, dags: tuple[Dag, ...]) -> frozenset[Permission]:
    held = set(DIALECT.every_role) if draw(st.integers(0, 9)) else set()
    whole = draw(st.sampled_from([None, None, *Level]))
    for dag in dags:
        held |= spelled(whole or draw(levels), dag.id)
    held |= {permission(text) for text in draw(st.sets(st.sampled_from(RAW), max_size=1))}
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
    deployment = Deployment(name, {"env": env}, protected=frozenset({"admin"}), naming=NAMING)
    return LiveDeployment(deployment, ObservedState(name, users, there), dags, DIALECT, "admin")


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
                rules, as_named(known, found.given), live.deployment, inventory=live.dags, dialect=DIALECT, now=NOW
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
        assert {name: live.observed.roles[name] for name in aligned.roles} == aligned.roles
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
        "  - {accounts: [svc], roles: [Op], deployments: {env: prod}, until: 2026-09-01, reason: adopted}",
    ] == text_of(live(*held, roles=(finance,)), known=known)


def test_who_holds_a_role_by_no_group_is_listed_and_who_is_inactive_is_left() -> None:
    people = [person("ann"), replace(person("bob"), active=False), person("cid")]
    known = directory(people, group("team", "ann", "cid"))

    lines = text_of(live(user("ann", "Op"), user("bob", "Op"), user("cid")), known=known)

    assert [
        "# prod: bob holds Op by no line, and it is left as it is; they are in no group that is known",
        "",
        "bindings:",
        "  - {people: [{source: people, id: ann, name: ann}], roles: [Op], deployments: {env: prod}, until: 2026-09-01, "
        "reason: adopted}",
    ] == lines[1:]
