"""What is rejected and what goes are the plan, and nothing that was rejected goes, whichever change would take it."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from syncd.model import EVERYTHING, Change, Kept, ObservedState, Permission, Plan, Role, User, digest, key
from syncd.plan.effect import after
from syncd.plan.rejected import Rejection, shrunk, still_rejected, without_rejected

NAMES, ROLES = st.sampled_from(["ann", "Bob", "carl"]), st.sampled_from(["fin", "ops", "Viewer"])
HELD = [Permission("can_read", name) for name in ("A", "B", "C", "D")]
users = st.none() | st.builds(lambda roles: frozenset(roles), st.frozensets(ROLES))
permissions = st.none() | st.frozensets(st.sampled_from(HELD))


@st.composite
def changes(draw: st.DrawFn) -> tuple[Change, ...]:
    found = []
    for name in draw(st.frozensets(NAMES)):
        was, will = (None if r is None else User(name, "", "", "", r) for r in (draw(users), draw(users)))
        found.append(Change(was, will)) if was or will else None
    for name in draw(st.frozensets(ROLES)):
        before, then = (None if p is None else Role(name, p) for p in (draw(permissions), draw(permissions)))
        found.append(Change(before, then)) if before or then else None
    return tuple(change for change in found if change.effects)


@st.composite
def rejected_plans(draw: st.DrawFn) -> tuple[Plan, Rejection]:
    plan = Plan("prod", EVERYTHING, draw(changes()))
    effects = sorted({effect for change in plan.changes for effect in change.effects})
    chosen = draw(st.frozensets(st.sampled_from(effects))) if effects else frozenset()
    return plan, Rejection("h1", chosen, "by anna")


def effects_of(these: tuple[Change, ...]) -> list[tuple[str, ...]]:
    return sorted(effect for change in these for effect in change.effects)


@given(rejected_plans())
def test_what_goes_and_what_is_left_out_are_the_plan(made: tuple[Plan, Rejection]) -> None:
    plan, rejection = made
    goes, left = without_rejected(plan, [rejection])
    assert effects_of(plan.changes) == sorted((*effects_of(goes.changes), *effects_of(left)))
    assert plan.digest == digest("prod", (*goes.changes, *left))
    assert rejection.effects.isdisjoint(effects_of(goes.changes))
    assert bool(left) == bool(rejection.effects) == any(note.code == "hold_rejected" for note in goes.notes)


_ANN = User("ann", "", "", "", frozenset({"fin"}))
_LOSES, _GOES = Change(_ANN, User("ann", "", "", "", frozenset())), Change(Role("fin", frozenset(HELD)), None)


@given(rejected_plans())
@example((Plan("prod", EVERYTHING, (_LOSES, _GOES)), Rejection("h1", frozenset(_LOSES.effects), "by anna")))
@example((Plan("prod", EVERYTHING, (Change(_ANN, None),)), Rejection("h1", frozenset(_LOSES.effects), "by anna")))
def test_nobody_loses_what_somebody_rejected_that_they_lose(made: tuple[Plan, Rejection]) -> None:
    """Whichever change would take it: of the person, of the account, or the end of the role."""
    plan, rejection = made
    there = ObservedState(
        "prod",
        {key(c.name): c.before for c in plan.changes if isinstance(c.before, User)},
        {c.name: c.before for c in plan.changes if isinstance(c.before, Role)},
    )
    then = after(there, without_rejected(plan, [rejection])[0].changes)
    for verb, subject, name, detail in rejection.effects:
        if (verb, subject) == ("revoke", "user"):
            assert detail in then.users[name].roles
        elif (verb, subject) == ("revoke", "role"):
            assert detail in {str(held) for held in then.roles[name].permissions}
        elif verb == "grant":
            found = then.users.get(name) if subject == "user" else then.roles.get(name)
            held = (
                set(found.roles) if isinstance(found, User) else {str(p) for p in found.permissions} if found else set()
            )
            assert detail not in held
        elif verb == "delete":
            assert name in (then.users if subject == "user" else then.roles)


@given(rejected_plans())
def test_as_long_as_it_is_planned_it_is_rejected(made: tuple[Plan, Rejection]) -> None:
    plan, rejection = made
    _, left = without_rejected(plan, [rejection])
    held = tuple(change for change in plan.changes if not rejection.effects.isdisjoint(change.effects))
    again = [shrunk(change, still_rejected(change, left, plan)) for change in held]
    kept = {effect for change in again if change is not None for effect in change.effects}
    assert rejection.effects <= kept


def test_what_is_in_doubt_or_unclear_is_still_rejected() -> None:
    loses = Change(User("Ann", "", "", "", frozenset({"fin", "ops"})), User("Ann", "", "", "", frozenset()))
    doubted = Plan("prod", EVERYTHING, (), (Kept("Ann", "fin", "the group was not read whole"),))
    assert {("revoke", "user", "ann", "fin")} == still_rejected(loses, (), doubted)
    assert loses == shrunk(loses, still_rejected(loses, (), Plan("prod", EVERYTHING, (), blocked=("ANN",))))
    part = shrunk(loses, still_rejected(loses, (), doubted))
    assert part is not None
    assert (("fin",), ()) == (part.revoked, part.granted)
    assert shrunk(loses, still_rejected(loses, (), Plan("prod", EVERYTHING, ()))) is None
