"""Whom a rule means, against a model that asks each person by itself, and against every way in which a doubt may end.

The model walks the tree for one person. What is not known of a group is an open question there; the law is that roles are
given to whom the rule means however every open question is answered, and may be taken from whom it means in no case.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import product

from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from syncd.directory.join import join
from syncd.mapping.diagnostics import Diagnostics
from syncd.mapping.subjects import bind
from syncd.model import (
    AllOf,
    AnyOf,
    At,
    Attribute,
    Certificate,
    Condition,
    Directory,
    Everyone,
    Group,
    GroupRef,
    Identity,
    Joining,
    JoinKey,
    Leaf,
    PersonKey,
    Rule,
    Snapshot,
    Subject,
    Where,
    Without,
    alternatives,
)

NOW = datetime(2026, 3, 1, tzinfo=UTC)
SOURCES = ("okta", "entra")
IDS = ("1", "2", "3")
STRANGER = "9"
"""A member of whom the source says nothing."""
BY_ID = Joining(JoinKey.ID, SOURCES, accept_new=True)
LEAVES: tuple[Leaf, ...] = (
    GroupRef("okta", id="a"),
    GroupRef("okta", id="b"),
    GroupRef("entra", id="c"),
    Everyone("entra"),
)
ROLE = "Viewer"

some_members = st.frozensets(st.sampled_from((*IDS, STRANGER)))
subjects = st.recursive(
    st.sampled_from(LEAVES),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda of: AnyOf(tuple(of))),
        st.lists(inner, min_size=1, max_size=3).map(lambda of: AllOf(tuple(of))),
        st.tuples(inner, st.lists(inner, min_size=1, max_size=2)).map(lambda t: Without(t[0], tuple(t[1]))),
    ),
    max_leaves=6,
)


DEPARTMENTS = (None, "", "Finance", "Risk")
conditions = st.sampled_from(
    (
        (Condition(Attribute.DEPARTMENT, frozenset({"finance"})),),
        (Condition(Attribute.GUEST, frozenset({"false"})),),
        (
            Condition(Attribute.DEPARTMENT, frozenset({"Finance", "risk"})),
            Condition(Attribute.GUEST, frozenset({"true"})),
        ),
    )
)
asked = st.tuples(subjects, conditions).map(lambda t: Where(*t))
asked_but = st.tuples(asked, st.sampled_from(LEAVES)).map(lambda t: Without(t[0], (t[1],)))
everything = st.one_of(subjects, asked, asked_but)


def group(source: str, id_: str, members: frozenset[str], *, complete: bool) -> Group:
    return Group(source, id_, id_, members, Certificate(1, 0, None, NOW, complete, "" if complete else "cut off"))


@st.composite
def directories(draw: st.DrawFn) -> Directory:
    """Draw what was read now and before: people in one source or both, groups whole, in part, not there, never read."""
    fresh: dict[str, Snapshot] = {}
    earlier: dict[str, Snapshot] = {}
    failed: dict[str, str] = {}
    for source in SOURCES:
        ids = draw(st.lists(st.sampled_from(IDS), unique=True))
        people = tuple(
            Identity(
                source,
                *(i, i, "", "", ""),
                active=draw(st.booleans()),
                department=draw(st.sampled_from(DEPARTMENTS)),
                guest=draw(st.sampled_from((None, False, True))),
            )
            for i in sorted(ids)
        )
        now, then = [], []
        for ref in (leaf for leaf in LEAVES if leaf.source == source):
            state = draw(st.sampled_from(("whole", "part", "never", "missing")))
            assert ref.id is not None
            if state in ("whole", "part"):
                then.append(group(source, ref.id, draw(some_members), complete=True))
            if state != "missing":
                now.append(group(source, ref.id, draw(some_members), complete=state == "whole"))
        if draw(st.sampled_from((True, True, True, False))):
            fresh[source] = Snapshot(source, people, tuple(now), NOW)
        else:
            failed[source] = "down"
        if draw(st.booleans()):
            earlier[source] = Snapshot(source, people, tuple(then), NOW)
    untold = draw(st.frozensets(st.tuples(st.sampled_from(SOURCES), st.just(Attribute.DEPARTMENT))))
    return replace(join(fresh, earlier, failed, joining=BY_ID), untold=untold)


# --- the model --------------------------------------------------------------------------------------------------------

Value = bool | None


@dataclass(frozen=True)
class Model:
    """Asks one person. `answers` are for open questions, in the order in which they are met; None leaves them open."""

    directory: Directory
    person: frozenset[PersonKey]
    answers: Iterator[bool] | None = None

    def of(self, subject: Subject, *, takes: bool = False, asks: tuple[Condition, ...] = ()) -> Value:
        match subject:
            case AnyOf(of):
                return self._any([self.of(one, takes=takes, asks=asks) for one in of])
            case AllOf(of):
                return self._all([self.of(one, takes=takes, asks=asks) for one in of])
            case Where(whole, those):
                return self.of(whole, takes=takes, asks=those)
            case Without(whole, none_of):
                first = self.of(whole, takes=takes, asks=asks)
                return self._all([first, self._not(self._any([self.of(one, takes=not takes) for one in none_of]))])
        assert isinstance(subject, Leaf)
        value = self._all([self.leaf(subject, takes=takes), *(self.meets(subject.source, one) for one in asks)])
        return next(self.answers) if value is None and self.answers else value

    def meets(self, source: str, condition: Condition) -> Value:
        """Say whether the account there meets a condition; where there is none, the group alone decides."""
        mine = [i for who in self.person if (i := self.directory.identities.get(who)) and i.source == source]
        if not mine:
            return True
        said = mine[0].department if condition.attribute is Attribute.DEPARTMENT else mine[0].guest
        if said == "" and (source, condition.attribute) in self.directory.untold:
            return None
        return None if said is None else str(said).lower() in {value.lower() for value in condition.values}

    @classmethod
    def _all(cls, values: list[Value]) -> Value:
        return cls._not(cls._any([cls._not(value) for value in values]))

    def leaf(self, leaf: Leaf, *, takes: bool) -> Value:
        found = self.directory.groups.get((leaf.source, leaf.id or ""))
        mine = {id_ for source, id_ in self.person if source == leaf.source}
        known = {
            self.directory.identities[w] for w in self.person if w in self.directory.identities and w[0] == leaf.source
        }
        if not takes and known and not any(identity.active for identity in known):
            return False
        if found is not None and mine & found.group.members:
            return True
        if found is None or found.unknown:
            return None
        if mine & found.stale or (takes and not found.certified):
            return None
        others = {id_ for id_ in found.members if (leaf.source, id_) not in self.directory.identities}
        return None if others and not known else False

    @staticmethod
    def _any(values: list[Value]) -> Value:
        return True if True in values else None if None in values else False

    @staticmethod
    def _not(value: Value) -> Value:
        return None if value is None else not value


def persons(directory: Directory) -> list[frozenset[PersonKey]]:
    found = {who: frozenset({who}) for who in directory.identities}
    found |= {who: frozenset((i.source, i.id) for i in p.accounts) for who, p in directory.persons.items()}
    return sorted(set(found.values()), key=sorted)


def part_of_a_whole(subject: Subject) -> bool:
    """Say whether no part of a rule is a group alone, of which today's rows of the table are the law."""
    return not any(isinstance(part, GroupRef | Everyone) for part in alternatives(subject))


def given_and_kept(subject: Subject, directory: Directory, person: frozenset[PersonKey]) -> tuple[bool, bool]:
    diagnostics = Diagnostics()
    bounds = bind([Rule(subject, (ROLE,), (), At("m.yaml", 1))], directory, diagnostics)
    is_given = any((b.members.group.source, id_) in person for b in bounds for id_ in b.members.members)
    doubts = diagnostics.frozen_for.get(ROLE)
    kept = [ROLE in diagnostics.frozen and (doubts is None or any(d.may_be(who) for d in doubts)) for who in person]
    assert len(set(kept)) == 1, "of which account of a person it is asked makes no difference"
    return is_given, kept[0]


composed = everything.filter(part_of_a_whole)


@settings(max_examples=examples(400))
@given(composed, directories())
def test_it_gives_and_keeps_what_the_model_says(subject: Subject, directory: Directory) -> None:
    for person in persons(directory):
        value = Model(directory, person).of(subject)
        is_given, is_kept = given_and_kept(subject, directory, person)
        assert (value is True) == is_given
        assert is_given or (value is None) <= is_kept
        assert value is not False or not is_kept or has_strangers(directory), "what no doubt is about is taken"


def has_strangers(directory: Directory) -> bool:
    """Say whether there are people of whom nothing is known: a doubt about them may be about others."""
    return any(
        (where[0], id_) not in directory.identities for where, m in directory.groups.items() for id_ in m.members
    )


@settings(max_examples=examples(300))
@given(composed, directories())
def test_nothing_is_given_that_a_doubt_could_deny_or_taken_that_one_could_keep(
    subject: Subject, directory: Directory
) -> None:
    for person in persons(directory):
        ends = {Model(directory, person, iter(answers)).of(subject) for answers in product((True, False), repeat=7)}
        is_given, is_kept = given_and_kept(subject, directory, person)
        assert not is_given or ends == {True}
        assert is_given or is_kept or ends == {False}


@given(st.lists(st.sampled_from(LEAVES), min_size=1, max_size=3), directories())
def test_any_of_groups_is_a_line_for_each(of: list[Leaf], directory: Directory) -> None:
    together, apart = Diagnostics(), Diagnostics()
    at = At("m.yaml", 1)
    one = bind([Rule(AnyOf(tuple(of)), (ROLE,), (), at)], directory, together)
    several = bind([Rule(leaf, (ROLE,), (), at) for leaf in of], directory, apart)
    assert [b.members for b in several] == [b.members for b in one]
    assert (apart.frozen, apart.notes) == (together.frozen, together.notes)


def reversed_(subject: Subject) -> Subject:
    match subject:
        case AnyOf(of):
            return AnyOf(tuple(reversed_(one) for one in of[::-1]))
        case AllOf(of):
            return AllOf(tuple(reversed_(one) for one in of[::-1]))
        case Without(whole, none_of):
            return Without(reversed_(whole), tuple(reversed_(one) for one in none_of[::-1]))
        case Where(whole, those):
            return Where(reversed_(whole), those[::-1])
    return subject


@settings(max_examples=examples(100))
@given(everything, directories())
def test_in_which_order_a_list_is_written_makes_no_difference(subject: Subject, directory: Directory) -> None:
    for person in persons(directory):
        assert given_and_kept(subject, directory, person) == given_and_kept(reversed_(subject), directory, person)


@given(st.lists(st.sampled_from(LEAVES), min_size=1, max_size=3), conditions, directories())
def test_where_beside_any_of_is_where_beside_each(
    of: list[Leaf], those: tuple[Condition, ...], directory: Directory
) -> None:
    for person in persons(directory):
        together = given_and_kept(Where(AnyOf(tuple(of)), those), directory, person)
        apart = [given_and_kept(Where(leaf, those), directory, person) for leaf in of]
        assert together == (any(gives for gives, _ in apart), any(keeps for _, keeps in apart))
