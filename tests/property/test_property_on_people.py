"""What a plan does to people, all together: the same as asking each person about each DAG, before and after."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from states import user

from syncd.model import Change, Dialect, Level, ObservedState, Owned, Permission, Role, User
from syncd.plan.effect import after
from syncd.plan.on_people import Effects, OfRole, OnDags, Toll, effects_on_people
from syncd.targets.airflow.naming import permission

READ, EDIT, RUN, DELETE = (("can_read", "DAG"), ("can_edit", "DAG"), ("can_create", "DAG Run"), ("can_delete", "DAG"))
TASKS, ALL = permission("can_edit", "Task Instances"), permission("can_read", "DAGs")
DIALECT = Dialect(
    frozenset(),
    {
        Level.VIEW: (frozenset(), frozenset({permission("can_read", "DAG:{dag}")})),
        Level.TRIGGER: (
            frozenset(),
            frozenset({permission("can_edit", "DAG:{dag}"), permission("can_create", "DAG Run:{dag}")}),
        ),
        Level.EDIT: (frozenset({TASKS}), frozenset()),
    },
    everywhere={permission("can_read", "DAG:{dag}"): ALL},
)
DAGS, PEOPLE, ROLES = "abc", ("anna", "bob", "carl", "dora"), ("finance", "ops", "pii")


def on(dag: str, *verbs: tuple[str, str]) -> frozenset[Permission]:
    return frozenset(permission(action, f"{kind}:{dag}") for action, kind in verbs)


VIEW, TRIGGER = (READ,), (READ, EDIT, RUN)
everything = frozenset().union(*(on(dag, READ, EDIT, RUN, DELETE) for dag in DAGS), {TASKS, ALL})
permissions = st.frozensets(st.sampled_from(sorted(everything, key=str)), max_size=8)
roles = st.dictionaries(st.sampled_from(ROLES), permissions)
people = st.dictionaries(st.sampled_from(PEOPLE), st.frozensets(st.sampled_from(ROLES)))


@st.composite
def worlds(draw: st.DrawFn) -> tuple[ObservedState, tuple[Change, ...], Owned]:
    """A deployment, and changes of some people and roles."""
    was, is_ = draw(roles), draw(roles)
    holds, will = draw(people), draw(people)
    observed = ObservedState(
        "prod",
        {name: user(name, theirs & was.keys()) for name, theirs in holds.items()},
        {name: Role(name, parts) for name, parts in was.items()},
    )
    touched = [name for name in ROLES if was.get(name) != is_.get(name) and draw(st.booleans())]
    there = (was.keys() - set(touched)) | (is_.keys() & set(touched))
    changes = [
        Change(observed.roles.get(name), Role(name, is_[name]) if name in is_ else None)
        for name in sorted(touched, key=lambda name: name not in is_)
    ]
    for name in PEOPLE:
        have, want = observed.users.get(name), user(name, will[name] & there) if name in will else None
        if have != want and draw(st.booleans()):
            changes.append(Change(have, want))
    owned = Owned(grants=draw(people))
    return observed, tuple(changes), owned


def levels(state: ObservedState, name: str, dag: str) -> list[Level]:
    """Give what a person has on a DAG, the highest level last."""
    person = state.users.get(name)
    found: set[Level] = set()
    for role in person.roles & state.roles.keys() if person else ():
        parts = state.roles[role].permissions
        here = {(p.action, p.resource.partition(":")[0]) for p in parts if p.resource.endswith(f":{dag}")}
        here |= {READ} if ALL in parts else set()
        has = {Level.VIEW: READ in here, Level.TRIGGER: {READ, EDIT, RUN} <= here}
        has[Level.EDIT] = has[Level.TRIGGER] and TASKS in parts
        found |= {level for level, is_so in has.items() if is_so}
    return [level for level in Level if level in found]


def lost_on_dags(before: ObservedState, now: ObservedState) -> dict[tuple[str, str], Level]:
    """Give by person and DAG the highest level that is gone."""
    pairs = {(n, d): [x for x in levels(before, n, d) if x not in levels(now, n, d)] for n in PEOPLE for d in DAGS}
    return {pair: gone[-1] for pair, gone in pairs.items() if gone}


@given(worlds())
def test_what_people_lose_and_gain_on_dags_is_what_each_of_them_loses_and_gains(
    world: tuple[ObservedState, tuple[Change, ...], Owned],
) -> None:
    observed, changes, owned = world
    now = after(observed, changes)
    found = effects_on_people(observed, changes, owned=owned, dialect=DIALECT)
    for toll, was, is_ in ((found.loses, observed, now), (found.gains, now, observed)):
        pairs = lost_on_dags(was, is_)
        told = {one.level: one for one in toll.on_dags if one.level}
        for level in Level:
            them = [pair for pair, lost in pairs.items() if lost is level]
            one = told.get(level, OnDags(level, 0, (), ()))
            if not one.everywhere:  # then it is on DAGs too that nothing here names
                assert one.people == len({name for name, _ in them})
                assert set(one.dags) == {dag for _, dag in them}
            assert len({name for name, _ in them}) <= one.people
            assert set(one.dags) <= {dag for _, dag in them}


@given(worlds())
def test_who_loses_a_role_is_counted_once_and_by_role(
    world: tuple[ObservedState, tuple[Change, ...], Owned],
) -> None:
    observed, changes, owned = world
    now = after(observed, changes)
    less = {c.name for c in changes if isinstance(c.before, Role) and isinstance(c.after, Role) and c.revoked}
    lost = {
        name: (person.roles - (now.users[name].roles if name in now.users else frozenset())) | (person.roles & less)
        for name, person in observed.users.items()
    }
    foreign = {name: theirs - owned.grants.get(name, frozenset()) for name, theirs in lost.items()}
    toll = effects_on_people(observed, changes, owned=owned, dialect=DIALECT).loses
    by_role = {
        role: (sum(role in theirs for theirs in lost.values()), sum(role in theirs for theirs in foreign.values()))
        for role in frozenset().union(*lost.values(), frozenset())
    }
    gone = observed.users.keys() - now.users.keys()
    assert by_role == {one.role: (one.people, one.not_ours) for one in toll.roles}
    assert toll.people == len({name for name, theirs in lost.items() if theirs} | gone)
    assert toll.not_ours == sum(1 for theirs in foreign.values() if theirs)


# --- single cases -------------------------------------------------------------------------------------------------------


def people_with(*theirs: str, count: int = 3) -> dict[str, User]:
    return {name: user(name, theirs) for name in PEOPLE[:count]}


def effects(observed: ObservedState, *changes: Change, owned: Owned = Owned(), dags: str | None = None) -> Effects:
    return effects_on_people(observed, changes, owned=owned, dialect=DIALECT, dags=dags)


@pytest.mark.finding("H-D1")
def test_a_role_that_goes_takes_what_it_gave_on_dags_from_its_holders() -> None:
    pii = Role("pii", frozenset().union(*(on(dag, *TRIGGER) for dag in DAGS)))
    observed = ObservedState("prod", people_with("pii"), {"pii": pii})
    found = effects(observed, Change(pii, None), owned=Owned(grants={"anna": frozenset({"pii"})}))
    through = (OfRole("pii", 3),)
    assert Toll(3, 2, (OfRole("pii", 3, 2),), (OnDags(Level.TRIGGER, 3, ("a", "b", "c"), through),)) == found.loses
    assert Toll() == found.gains


@pytest.mark.finding("H-D1")
def test_who_has_the_same_by_another_role_loses_the_role_alone() -> None:
    roles = {"pii": Role("pii", on("a", *TRIGGER) | on("b", *VIEW)), "ops": Role("ops", on("a", *TRIGGER))}
    observed = ObservedState("prod", people_with("pii", "ops", count=2), roles)
    leaves = (Change(person, user(name, ("ops",))) for name, person in observed.users.items())
    found = effects(observed, *leaves).loses
    assert (2, (OfRole("pii", 2, 2),)) == (found.people, found.roles)
    assert (OnDags(Level.VIEW, 2, ("b",), (OfRole("pii", 2),)),) == found.on_dags


def test_the_highest_level_that_is_lost_is_said() -> None:
    was, is_ = Role("pii", on("a", *TRIGGER) | {TASKS}), Role("pii", on("a", *VIEW) | {TASKS})
    observed = ObservedState("prod", people_with("pii"), {"pii": was})
    assert (OnDags(Level.EDIT, 3, ("a",), (OfRole("pii", 3),)),) == effects(observed, Change(was, is_)).loses.on_dags


def test_what_makes_no_level_is_told_without_one() -> None:
    was, is_ = Role("pii", on("a", READ, DELETE)), Role("pii", on("a", READ))
    observed = ObservedState("prod", people_with("pii"), {"pii": was})
    assert (OnDags(None, 3, ("a",), (OfRole("pii", 3),)),) == effects(observed, Change(was, is_)).loses.on_dags


def test_a_role_that_loses_what_is_on_a_dag_that_is_gone_takes_nothing_from_anybody() -> None:
    was, is_ = Role("pii", on("a", *TRIGGER) | on("b", *VIEW)), Role("pii", on("b", *VIEW))
    observed = ObservedState("prod", people_with("pii"), {"pii": was})
    assert Effects() == effects(observed, Change(was, is_), dags="b")
    assert 3 == effects(observed, Change(was, is_), dags="ab").loses.people


def test_who_sees_every_dag_loses_it_on_every_dag() -> None:
    viewer = Role("Viewer", frozenset({ALL}))
    roles = {"Viewer": viewer, "pii": Role("pii", on("a", *TRIGGER))}
    observed = ObservedState("prod", people_with("Viewer", "pii", count=1), roles)
    [anna] = observed.users.values()
    all_gone = effects(observed, Change(anna, user("anna", ()))).loses.on_dags
    assert [(Level.TRIGGER, ("a",), False), (Level.VIEW, (), True)] == [
        (o.level, o.dags, o.everywhere) for o in all_gone
    ]
    still_sees = effects(observed, Change(anna, user("anna", ("Viewer",)))).loses.on_dags
    assert [(Level.TRIGGER, ("a",))] == [(o.level, o.dags) for o in still_sees]


def test_an_account_that_comes_or_goes_without_a_role_counts() -> None:
    observed = ObservedState("prod", {"bob": user("bob", ())}, {})
    found = effects(observed, Change(None, user("anna", ())), Change(observed.users["bob"], None))
    assert (1, 1) == (found.gains.people, found.loses.people)


def test_who_is_given_a_role_that_is_new_gains_what_is_in_it() -> None:
    new = Role("pii", on("a", *VIEW))
    found = effects(ObservedState("prod", {}, {}), Change(None, new), Change(None, user("anna", ("pii",)))).gains
    assert Toll(1, 0, (OfRole("pii", 1),), (OnDags(Level.VIEW, 1, ("a",), (OfRole("pii", 1),)),)) == found
