"""What changes do to people, all of them together: who loses which role and, by it, which level on which DAGs."""

from __future__ import annotations

import pytest
from plan_world import person, there

from syncd.model import Change, Level, ObservedState, Owned, Permission, Role, User
from syncd.plan.on_people import Effects, OfRole, OnDags, Toll, effects_on_people, moved
from syncd.targets.memory import DIALECT

EVERY_DAG, READ_RUNS, EDIT_RUNS = (
    Permission("can_read", "DAGs"),
    Permission("can_read", "DAG Runs"),
    Permission("can_edit", "DAG Runs"),
)


def on(dag: str, level: Level = Level.VIEW) -> frozenset[Permission]:
    found = [permission.at(dag) for each in level.included for permission in DIALECT.levels[each][1]]
    return frozenset(found) | ({EDIT_RUNS} if level is Level.EDIT else frozenset())


def role(name: str, *permissions: frozenset[Permission]) -> Role:
    return Role(name, frozenset().union(*permissions))


VIEWS, TRIGGERS, EDITS = (
    role("views", on("a")),
    role("triggers", on("a", Level.TRIGGER)),
    role("edits", on("a", Level.EDIT)),
)
SEES_ALL = role("sees_all", frozenset({EVERY_DAG}))
ROLES = (VIEWS, TRIGGERS, EDITS, SEES_ALL)


def leaves(*people: User) -> list[Change]:
    return [Change(one, person(one.username)) for one in people]


def effects(observed: ObservedState, *changes: Change, owned: Owned | None = None) -> Effects:
    return effects_on_people(observed, changes, owned=owned or Owned(), dialect=DIALECT)


def lost(level: Level, people: int, *roles: tuple[str, int], dags: tuple[str, ...] = ("a",)) -> OnDags:
    return OnDags(level, people, dags, tuple(OfRole(name, count) for name, count in roles))


def loses(observed: ObservedState, *changes: Change) -> tuple[OnDags, ...]:
    return effects(observed, *changes).loses.on_dags


def test_each_person_is_told_at_the_highest_level_that_they_lose() -> None:
    """Ann edits, Bob triggers and Cid views: each is counted once, and not again at what is below."""
    ann, bob, cid = person("ann", "edits"), person("bob", "triggers"), person("cid", "views")
    found = loses(there(ann, bob, cid, roles=ROLES), *leaves(ann, bob, cid))
    assert found == (
        lost(Level.EDIT, 1, ("edits", 1)),
        lost(Level.TRIGGER, 1, ("triggers", 1)),
        lost(Level.VIEW, 1, ("views", 1)),
    )


def test_who_has_the_same_by_another_role_loses_nothing_on_a_dag_and_is_not_counted_there() -> None:
    """Ann keeps a role that lets her edit as much, and Bob one on every DAG; Cid has nothing else."""
    again = role("again", on("a", Level.EDIT))
    ann, bob, cid = person("ann", "edits", "again"), person("bob", "views", "sees_all"), person("cid", "edits", "views")
    changes = [Change(ann, person("ann", "again")), Change(bob, person("bob", "sees_all")), *leaves(cid)]
    found = effects(there(ann, bob, cid, roles=(*ROLES, again)), *changes).loses
    assert (lost(Level.EDIT, 1, ("edits", 1)),) == found.on_dags
    assert (3, (OfRole("edits", 2, 2), OfRole("views", 2, 2))) == (found.people, found.roles)


def test_who_keeps_one_dag_is_counted_on_the_other() -> None:
    """Both lose a role on two DAGs, and each keeps another one of them: two people lose by it, one on each."""
    both, a, b = role("both", on("a"), on("b")), role("only_a", on("a")), role("only_b", on("b"))
    ann, bob = person("ann", "both", "only_a"), person("bob", "both", "only_b")
    changes = Change(ann, person("ann", "only_a")), Change(bob, person("bob", "only_b"))
    found = loses(there(ann, bob, roles=(both, a, b)), *changes)
    assert (lost(Level.VIEW, 2, ("both", 2), dags=("a", "b")),) == found


def test_roles_are_told_that_most_people_lose_first() -> None:
    ann, bob, cid = person("ann", "views"), person("bob", "triggers"), person("cid", "triggers")
    found = effects(there(ann, bob, cid, roles=ROLES), *leaves(ann, bob, cid)).loses
    assert (OfRole("triggers", 2, 2), OfRole("views", 1, 1)) == found.roles


def test_what_another_hand_had_given_is_counted_apart() -> None:
    ann, bob = person("ann", "views", "edits"), person("bob", "views")
    owned = Owned(grants={"ann": frozenset({"views"}), "bob": frozenset({"views"})})
    found = effects(there(ann, bob, roles=ROLES), *leaves(ann, bob), owned=owned)
    assert (2, 1, (OfRole("views", 2, 0), OfRole("edits", 1, 1))) == (
        found.loses.people,
        found.loses.not_ours,
        found.loses.roles,
    )
    assert Toll() == found.gains
    assert Effects() == effects(there(ann, bob, roles=ROLES))


ANN, BOB, CID = person("Ann", "views", "edits"), person("bob", "views"), person("cid", "edits")
HERE = there(ANN, BOB, CID, roles=ROLES)
GOES, GROWS = Change(VIEWS, None), Change(VIEWS, role("views", on("a"), on("b")))
ROLES_OF_ANN, ROLES_OF_BOB = ANN.roles, BOB.roles
LESS = person("Ann", "edits")


@pytest.mark.parametrize(
    ("changes", "people"),
    [
        ([Change(ANN, LESS)], {"ann": (ANN.roles, LESS.roles)}),
        ([Change(ANN, LESS), Change(LESS, person("Ann"))], {"ann": (ANN.roles, frozenset())}),
        ([Change(None, person("Zoe", "views"))], {"zoe": (None, frozenset({"views"}))}),
        ([Change(BOB, None)], {"bob": (BOB.roles, None)}),
        ([GROWS], {"ann": (ANN.roles, ANN.roles), "bob": (BOB.roles, BOB.roles)}),
        ([Change(ANN, LESS), GROWS], {"ann": (ANN.roles, LESS.roles), "bob": (BOB.roles, BOB.roles)}),
        ([GOES], {"ann": (ANN.roles, LESS.roles), "bob": (BOB.roles, frozenset())}),
        ([Change(BOB, None), GOES], {"ann": (ANN.roles, LESS.roles), "bob": (BOB.roles, None)}),
        ([Change(None, role("new", on("a")))], {}),
    ],
    ids=[
        "by a change of their own",
        "by two of them",
        "who comes",
        "who goes",
        "by a role that changes",
        "by both",
        "by a role that goes",
        "and one who goes",
        "a role that nobody holds",
    ],
)
def test_whom_changes_touch_and_what_they_hold_before_and_after(
    changes: list[Change], people: dict[str, tuple[frozenset[str] | None, frozenset[str] | None]]
) -> None:
    assert people == moved(HERE, changes)


def test_a_role_that_is_made_and_goes_again_is_nobodys_gain() -> None:
    bigger = role("views", on("a"), on("b"))
    found = effects(HERE, Change(VIEWS, bigger), Change(bigger, None))
    assert (lost(Level.VIEW, 1, ("views", 1)),) == found.loses.on_dags
    assert (2, Toll()) == (found.loses.people, found.gains)


def test_what_is_gained_is_what_would_be_lost_the_other_way_round() -> None:
    found = effects(HERE, Change(BOB, person("bob", "views", "triggers")), Change(None, person("zoe", "edits")), GROWS)
    assert (3, (OfRole("views", 2), OfRole("edits", 1), OfRole("triggers", 1))) == (
        found.gains.people,
        found.gains.roles,
    )
    assert (
        lost(Level.EDIT, 1, ("edits", 1)),
        lost(Level.TRIGGER, 1, ("triggers", 1)),
        lost(Level.VIEW, 2, ("views", 2), dags=("b",)),
    ) == found.gains.on_dags
    assert Toll() == found.loses
