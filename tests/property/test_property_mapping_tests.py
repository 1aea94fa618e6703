"""Tests of mapping files, decided for every membership, against each small world that there can be, compiled as in a pass."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from itertools import product

from examples import examples
from hypothesis import event, given, settings
from hypothesis import strategies as st
from mapping_world import DIALECT, group, person, snapshot

from syncd.access.giving import GivingRoles
from syncd.access.invariants import judge
from syncd.access.known import KnownDeployment, Noted
from syncd.access.possible import Atoms, Claim, Mode, OutOfSteps, Search, Steps
from syncd.access.verdicts import Ruling
from syncd.directory.join import join
from syncd.directory.narrow import DirectoryView
from syncd.mapping.compile import compile_desired
from syncd.model import (
    EVERYONE,
    AllOf,
    AnyOf,
    At,
    Attribute,
    Condition,
    Dag,
    DagSelector,
    Deployment,
    Directory,
    Everyone,
    GroupRef,
    Identity,
    Joining,
    JoinKey,
    LastSeen,
    Learned,
    Level,
    Permission,
    PersonKey,
    PersonRef,
    RoleDefinition,
    Rule,
    Rules,
    Subject,
    Where,
    Without,
    folded,
)
from syncd.model.mapping_tests import BothTest, Entitlement, MappingTest, NobodyTest
from syncd.plan.allowed import EVERY_DAG, LevelReader
from syncd.targets.airflow.naming import NAMING

NOW = datetime(2026, 3, 1, tzinfo=UTC)
AT = At("m.yaml", 1)
SOURCES = ("okta", "entra")
PEOPLE = ("1", "2", "3")
GROUPS = (("okta", "a"), ("okta", "b"), ("entra", "c"), ("entra", EVERYONE))
DAGS = (Dag("pay", frozenset({"pii"})), Dag("fin", frozenset()))
BY_ID = Joining(JoinKey.ID, SOURCES, accept_new=True)
SITES = tuple(Deployment("prod", {"env": "prod"}, login_source=login, naming=NAMING) for login in ("okta", ""))


def role(name: str, *dags: DagSelector, permissions: Iterable[Permission] = ()) -> RoleDefinition:
    return RoleDefinition(name, "", dags, tuple((p, AT) for p in permissions), AT)


EDIT = frozenset(DIALECT.levels[Level.EDIT][0])
ROLES = {
    "view-all": role("view-all", DagSelector(Level.VIEW, AT, ids=("*",))),
    "run-pay": role("run-pay", DagSelector(Level.TRIGGER, AT, tags=("pii",))),
    "run-fin": role("run-fin", DagSelector(Level.TRIGGER, AT, ids=("fin",))),
    "beside": role("beside", permissions=EDIT),
}
LEAVES: tuple[Subject, ...] = (
    GroupRef("okta", id="a"),
    GroupRef("okta", name="b"),
    GroupRef("okta", id="b"),
    GroupRef("entra", id="c"),
    Everyone("entra"),
)
NAMED: tuple[Subject, ...] = (
    AnyOf((PersonRef("okta", "1"),)),
    AnyOf((PersonRef("entra", "2"), PersonRef("okta", "1"))),
)
subjects = st.recursive(
    st.sampled_from(LEAVES),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda of: AnyOf(tuple(of))),
        st.lists(inner, min_size=1, max_size=3).map(lambda of: AllOf(tuple(of))),
        st.tuples(inner, st.lists(inner, min_size=1, max_size=2)).map(lambda t: Without(t[0], tuple(t[1]))),
        inner.map(lambda whole: Without(whole, (PersonRef("okta", "2"),))),
    ),
    max_leaves=5,
)
SAID = ("", "Fin", "risk")
conditions = st.one_of(
    st.sets(st.sampled_from(("fin", "RISK")), min_size=1).map(
        lambda of: Condition(Attribute.DEPARTMENT, frozenset(of))
    ),
    st.sampled_from(("true", "false")).map(lambda word: Condition(Attribute.GUEST, frozenset({word}))),
)
asked = st.lists(conditions, min_size=1, max_size=2, unique_by=lambda c: c.attribute).map(tuple)
narrowed = st.tuples(st.one_of(st.sampled_from(LEAVES), st.sampled_from(NAMED), subjects), asked).flatmap(
    lambda t: st.sampled_from((Where(*t), Without(Where(*t), (LEAVES[1],))))
)
whom = st.one_of(subjects, st.sampled_from(NAMED))
simple = st.sampled_from((LEAVES[0], LEAVES[3], LEAVES[4]))
simply_narrowed = st.one_of(simple, st.tuples(simple, asked).map(lambda t: Where(*t)))


def lines_for(subject: st.SearchStrategy[Subject]) -> st.SearchStrategy[tuple[Rule, ...]]:
    roles = st.lists(st.sampled_from(sorted(ROLES)), min_size=1, max_size=2, unique=True)
    pairs = st.lists(st.tuples(subject, roles), max_size=4)
    return pairs.map(lambda of: tuple(Rule(subject, tuple(roles), (), AT) for subject, roles in of))


lines = lines_for(whom)
rights = st.one_of(
    st.sampled_from(sorted(ROLES)).map(Entitlement),
    st.tuples(st.sampled_from(list(Level)), st.sampled_from(("pay", "fin"))).map(
        lambda t: Entitlement(level=t[0], dags=DagSelector(Level.VIEW, AT, ids=(t[1],)))
    ),
)


def nobody_of(subject: st.SearchStrategy[Subject]) -> st.SearchStrategy[NobodyTest]:
    return st.tuples(subject, st.booleans(), rights).map(lambda t: NobodyTest(AT, *t, ()))


nobody = nobody_of(subjects)
both = st.lists(st.sampled_from(sorted(ROLES)), min_size=2, max_size=2, unique=True).map(
    lambda of: BothTest(AT, (of[0], of[1]), ())
)


@dataclass(frozen=True)
class World:
    """One person in some groups, active at some sources; the others are there and in none. No line names the last one.

    Of the one the sources say a department, and whether they are a guest; of the others nothing."""

    who: str
    groups: frozenset[PersonKey]
    inactive: frozenset[str]
    departments: tuple[str, str] = ("", "")
    guest: tuple[bool, bool] = (False, False)

    def directory(self) -> Directory:
        fresh = {}
        for source in SOURCES:
            of = [g for g in GROUPS if g[0] == source]
            read = [
                group(id_, *([self.who] if (source, id_) in self.groups else []), source=source, identifier=id_)
                for _, id_ in of
            ]
            people = (self.identity(source, id_) for id_ in PEOPLE)
            fresh[source] = snapshot(people, *read, source=source)
        return replace(join(fresh, {}, {}, joining=BY_ID), untold=frozenset())

    def identity(self, source: str, id_: str) -> Identity:
        base = person(id_, source=source)
        if id_ != self.who:
            return base
        n = SOURCES.index(source)
        is_active = source not in self.inactive
        return replace(base, active=is_active, department=self.departments[n], guest=self.guest[n])

    def meets(self, source: str, asked: tuple[Condition, ...]) -> bool:
        n = SOURCES.index(source)
        said = {Attribute.DEPARTMENT: self.departments[n], Attribute.GUEST: str(self.guest[n])}
        return all(folded(said[one.attribute]) in set(map(folded, one.values)) for one in asked)

    def is_in(self, subject: Subject, asked: tuple[Condition, ...] = ()) -> bool:
        match subject:
            case AnyOf(of):
                return any(self.is_in(one, asked) for one in of)
            case AllOf(of):
                return all(self.is_in(one, asked) for one in of)
            case Where(whole, those):
                return self.is_in(whole, those)
            case Without(whole, none_of):
                return self.is_in(whole, asked) and not any(map(self.is_in, none_of))
            case PersonRef(source, id_):
                return id_ == self.who and self.meets(source, asked)
            case GroupRef(source, id_, name):
                return (source, id_ or name or "") in self.groups and self.meets(source, asked)
            case Everyone(source):
                return (source, EVERYONE) in self.groups and self.meets(source, asked)
        raise AssertionError(subject)


@cache
def worlds() -> tuple[tuple[World, Directory], ...]:
    found = [
        World(who, frozenset(g for g, is_in in zip(GROUPS, bits, strict=True) if is_in), frozenset(out))
        for who in PEOPLE
        for bits in product((False, True), repeat=len(GROUPS))
        for out in ((), ("okta",), ("entra",))
    ]
    return tuple((world, world.directory()) for world in found)


@cache
def worlds_of_departments() -> tuple[tuple[World, Directory], ...]:
    """Give worlds in which it matters what the sources say of somebody in groups, whom no line names."""
    groups = [g for g in GROUPS if g != ("okta", "b")]
    found = [
        World(
            PEOPLE[-1], frozenset(g for g, is_in in zip(groups, bits, strict=True) if is_in), frozenset(), said, guest
        )
        for bits in product((False, True), repeat=len(groups))
        for said in product(SAID, SAID)
        for guest in product((False, True), (False, True))
    ]
    return tuple((world, world.directory()) for world in found)


any_world = st.builds(
    World,
    st.sampled_from(PEOPLE),
    st.frozensets(st.sampled_from(GROUPS)),
    st.frozensets(st.sampled_from(SOURCES)),
    st.tuples(st.sampled_from(SAID), st.sampled_from(SAID)),
    st.tuples(st.booleans(), st.booleans()),
)


def known(site: Deployment = SITES[0]) -> KnownDeployment:
    seen = LastSeen("prod", Learned(""), {}, {}, DAGS, NOW, NOW, NOW)
    return KnownDeployment(site, noted=Noted(seen), dialect=DIALECT)


def held(
    rules: Rules, site: Deployment, some: Iterable[tuple[World, Directory]]
) -> Iterator[tuple[World, frozenset[str], frozenset[Permission]]]:
    """Give what the one person holds in each world, as a pass would compile it."""
    for world, directory in some:
        there = DirectoryView(directory).looked_for(rules.bindings).directory
        desired = compile_desired(rules, there, site, inventory=DAGS, dialect=DIALECT, now=NOW)
        mine = [name for name, of in desired.whose.items() if ("okta", world.who) in of]
        roles = frozenset[str]().union(*(desired.users[name].roles for name in mine))
        yield world, roles, frozenset[Permission]().union(*(desired.roles[name].permissions for name in roles))


def violates(test: MappingTest, world: World, roles: frozenset[str], permissions: frozenset[Permission]) -> bool:
    if isinstance(test, BothTest):
        return set(test.roles) <= roles
    assert isinstance(test, NobodyTest)
    if world.is_in(test.subject) is not test.inside:
        return False
    if test.right.dags is None:
        return test.right.role in roles
    given = LevelReader(DIALECT).levels(permissions)
    return test.right.level in (given.get(test.right.dags.ids[0]) or given.get(EVERY_DAG) or ())


@settings(max_examples=examples(120), deadline=None)
@given(lines, st.one_of(nobody, both), st.sampled_from(SITES))
def test_what_is_decided_for_every_membership_is_so_in_each_small_world(
    bindings: tuple[Rule, ...], test: MappingTest, site: Deployment
) -> None:
    rules = Rules(ROLES, bindings)
    can_be = any(violates(test, world, roles, given) for world, roles, given in held(rules, site, worlds()))

    (verdict,) = judge((test,), rules, DirectoryView(worlds()[0][1]), (known(site),), now=NOW)

    assert (Ruling.BROKEN if can_be else Ruling.ALWAYS) == verdict.ruling
    assert can_be == bool(verdict.why)


@settings(max_examples=examples(50), deadline=None)
@given(lines_for(simply_narrowed), st.one_of(nobody_of(simply_narrowed), both))
def test_what_is_decided_of_lines_that_ask_for_more_is_so_whatever_sources_say(
    bindings: tuple[Rule, ...], test: MappingTest
) -> None:
    rules = Rules(ROLES, bindings)
    some = held(rules, SITES[1], worlds_of_departments())
    can_be = any(violates(test, world, roles, given) for world, roles, given in some)

    (verdict,) = judge((test,), rules, DirectoryView(worlds()[0][1]), (known(SITES[1]),), now=NOW)

    assert (Ruling.BROKEN if can_be else Ruling.ALWAYS) == verdict.ruling


@settings(max_examples=examples(250), deadline=None)
@given(lines_for(st.one_of(whom, narrowed)), st.one_of(nobody_of(st.one_of(subjects, narrowed)), both), any_world)
def test_whoever_has_what_nobody_should_was_said_to_be_possible(
    bindings: tuple[Rule, ...], test: MappingTest, world: World
) -> None:
    rules = Rules(ROLES, bindings)
    ((_, roles, permissions),) = held(rules, SITES[0], [(world, world.directory())])
    is_so = violates(test, world, roles, permissions)
    event(f"somebody {'has' if is_so else 'has not'} it")

    (verdict,) = judge((test,), rules, DirectoryView(worlds()[0][1]), (known(),), now=NOW)

    assert not is_so or Ruling.BROKEN is verdict.ruling


@settings(max_examples=examples(300), deadline=None)
@given(st.lists(st.tuples(st.one_of(subjects, st.sampled_from(NAMED)), st.booleans()), min_size=1, max_size=4))
def test_somebody_is_found_where_a_small_world_has_them(asked: list[tuple[Subject, bool]]) -> None:
    there = DirectoryView(worlds()[0][1]).looked_for(tuple(Rule(subject, (), (), AT) for subject, _ in asked)).directory
    goals = [Claim(subject, Mode.PLAIN, wanted) for subject, wanted in asked]

    found = Search(Atoms(there)).somebody(goals)

    assert any(all(world.is_in(s) is wanted for s, wanted in asked) for world, _ in worlds()) == (found is not None)


@given(st.lists(st.tuples(subjects, st.booleans()), min_size=1, max_size=4), st.integers(0, 30))
def test_who_is_not_found_in_time_is_not_said_to_be_impossible(asked: list[tuple[Subject, bool]], steps: int) -> None:
    there = worlds()[0][1]
    goals = [Claim(subject, Mode.PLAIN, wanted) for subject, wanted in asked]
    whole = Search(Atoms(there)).somebody(goals)
    try:
        bounded = Search(Atoms(there), Steps(steps)).somebody(goals)
    except OutOfSteps:
        return
    assert (whole is None) == (bounded is None)


PARTS = ("can_read on DAG:pay", "can_edit on DAG:pay", "can_create on DAG Run:pay", "can_edit on Task Instances")


@settings(max_examples=examples(200), deadline=None)
@given(
    st.dictionaries(st.sampled_from("abcde"), st.frozensets(st.sampled_from(PARTS)), max_size=5),
    st.sampled_from((Level.VIEW, Level.TRIGGER, Level.EDIT)),
)
def test_every_least_way_to_a_level_is_found_and_no_other(held: dict[str, frozenset[str]], level: Level) -> None:
    spelled = {name: frozenset(_permission(text) for text in texts) for name, texts in held.items()}
    giving = GivingRoles(known(), spelled)

    def enough(names: Iterable[str]) -> bool:
        given = LevelReader(DIALECT).levels(frozenset[Permission]().union(*(spelled[name] for name in names)))
        return level in given.get("pay", ())

    some = [frozenset(n for n, is_in in zip(sorted(held), bits, strict=True) if is_in) for bits in _bits(len(held))]
    assert [enough(names) for names in some] == [giving.is_given(names, "pay", level) for names in some]
    ways = {frozenset(one) for way in giving.needed("pay", level) for one in product(*way)}
    assert ways == {names for names in some if enough(names) and not any(enough(names - {n}) for n in names)}


def _permission(text: str) -> Permission:
    action, _, resource = text.partition(" on ")
    return NAMING.permission(action, resource)


_bits: Callable[[int], Iterator[tuple[bool, ...]]] = lambda n: product((False, True), repeat=n)  # noqa: E731
