"""Who is given a role by lines that name people, against every way in which what is not known may turn out."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

from hypothesis import given
from hypothesis import strategies as st
from mapping_world import DIALECT, NOW, PROD, group, person, snapshot

from syncd.directory.join import join
from syncd.directory.named_people import named_people
from syncd.directory.narrow import DirectoryView
from syncd.mapping.compile import compile_desired
from syncd.model import (
    EVERYONE,
    AnyOf,
    At,
    DesiredState,
    Directory,
    FoundPerson,
    GroupRef,
    PersonKey,
    PersonRef,
    Rule,
    Rules,
    Subject,
    Without,
    people_named,
)

NAMES = ("ann", "bob", "cid")
REFS = tuple(PersonRef(name=f"{name}@x.example") for name in (*NAMES, "nobody"))
CREW = GroupRef("people", id="crew")
subjects = st.recursive(
    st.sampled_from((CREW, *REFS)),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda of: AnyOf(tuple(of))),
        st.builds(Without, inner, st.lists(st.sampled_from(REFS), min_size=1, max_size=2).map(tuple)),
    ),
    max_leaves=4,
)
found = st.builds(
    lambda who, is_open: FoundPerson(frozenset(("people", w) for w in who), is_open=is_open),
    st.sets(st.sampled_from((*NAMES, "gone")), max_size=1),
    st.booleans(),
)
worlds = st.tuples(
    st.sets(st.sampled_from(NAMES)), st.sets(st.sampled_from(NAMES)), st.fixed_dictionaries(dict.fromkeys(REFS, found))
)


def known(active: set[str], crew: set[str], named: dict[PersonRef, FoundPerson]) -> Directory:
    people = [replace(person(name), active=name in active) for name in NAMES]
    there = join({"people": snapshot(people, group("crew", *crew, identifier="crew"))}, {}, {})
    return replace(there, named=named)


def ways(named: dict[PersonRef, FoundPerson]) -> list[dict[PersonRef, set[PersonKey]]]:
    """Give every way in which the names may turn out: one that is open may mean anybody, one of whom was found, or nobody."""
    anybody: list[set[PersonKey]] = [{("people", name)} for name in NAMES]
    each = [
        [set(of.who)] if not of.is_open else [set(), *([{w} for w in of.who] if of.who else anybody)]
        for of in named.values()
    ]
    return [dict(zip(named, way, strict=True)) for way in product(*each)]


def is_in(who: PersonKey, subject: Subject, crew: set[str], way: dict[PersonRef, set[PersonKey]]) -> bool:
    match subject:
        case PersonRef():
            return who in way[subject]
        case AnyOf(of):
            return any(is_in(who, one, crew, way) for one in of)
        case Without(whole, none_of):
            return is_in(who, whole, crew, way) and not any(is_in(who, one, crew, way) for one in none_of)
    return who[1] in crew


def compiled(subject: Subject, directory: Directory) -> DesiredState:
    rules = Rules({}, (Rule(subject, ("Op",), (), At("m.yaml", 1)),))
    return compile_desired(rules, directory, PROD, inventory=(), dialect=DIALECT, now=NOW)


def may_lose(desired: DesiredState, name: str) -> bool:
    """Say whether somebody who holds the role on an account that was made for them may lose it."""
    doubts = desired.frozen_for.get("Op")
    who = ("people", name)
    return "Op" not in desired.frozen or (doubts is not None and not any(doubt.may_be(who) for doubt in doubts))


@given(subjects, worlds)
def test_nothing_is_given_that_may_be_wrong_and_nothing_taken_that_may_be_right(
    subject: Subject, world: tuple[set[str], set[str], dict[PersonRef, FoundPerson]]
) -> None:
    active, crew, named = world
    desired = compiled(subject, known(active, crew, named))
    asked = tuple(people_named(subject))
    is_asked_once = len(asked) == len(set(asked))
    """Of `bob or (ann but not bob)` nobody sees that ann is in it whoever bob is: she is given nothing new, and keeps it."""
    for name in sorted(active):
        who = ("people", name)
        turns_out = {is_in(who, subject, crew, way) for way in ways(named)}
        gets = name in desired.users
        if False in turns_out:
            assert not gets
        if turns_out == {True} and is_asked_once:
            assert gets
        if True in turns_out and not gets:
            assert not may_lose(desired, name)


@given(subjects, worlds, st.sets(st.sampled_from(NAMES), min_size=1))
def test_a_look_at_a_few_people_gives_them_what_one_at_everybody_does(
    subject: Subject, world: tuple[set[str], set[str], dict[PersonRef, FoundPerson]], few: set[str]
) -> None:
    directory = known(*world)
    narrowed = DirectoryView(directory).narrowed([("people", name) for name in few], PROD)
    whole, part = compiled(subject, directory), compiled(subject, narrowed)
    for name in few:
        assert (whole.users.get(name), may_lose(whole, name)) == (part.users.get(name), may_lose(part, name))


@given(st.lists(st.sampled_from(NAMES), unique=True), st.sets(st.sampled_from(NAMES)), st.sampled_from(REFS))
def test_the_order_in_which_people_are_read_changes_nobody_who_is_found(
    order: list[str], same: set[str], ref: PersonRef
) -> None:
    people = [replace(person(n), email="ann@x.example" if n in same else f"{n}@x.example") for n in order]
    rule = Rule(AnyOf((ref,)), ("Op",), (), At("m.yaml", 1))
    everybody = group(EVERYONE, *order, identifier=EVERYONE)
    one = named_people([rule], join({"people": snapshot(people, everybody)}, {}, {}))
    other = named_people([rule], join({"people": snapshot(people[::-1], everybody)}, {}, {}))

    assert one == other
