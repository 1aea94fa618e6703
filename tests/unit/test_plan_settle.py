"""What became of changes that got no answer, line by line: what is ours by them, what is somebody else's, and what is told."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from plan_world import person, role, there

from syncd.model import EVERYTHING, Awaited, Change, Owned, Role, Scope, Status, User
from syncd.plan.settle import LATEST, Settled, came_late, settled, will_not_come, with_more, without_others

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)

ANN = person("Ann", "Op", "User")
MADE, MADE_BARE = Change(None, ANN), Change(None, person("Ann"))
JOINS = Change(person("Ann", "User"), ANN)
LEAVES = Change(ANN, person("Ann", "User"))
MOVES = Change(person("Ann", "Op"), person("Ann", "Admin"))
GOES = Change(ANN, None)
FIN, PART = role("fin", "a", "b"), role("fin", "a")
ROLE_MADE, ROLE_GROWS, ROLE_GOES = Change(None, FIN), Change(role("fin"), FIN), Change(FIN, None)

AS_MEANT = Settled(Status.APPLIED, "it is as intended")
NOT_AS_MEANT = Settled(Status.FAILED, "it is not as intended; planned again")
NOT_THERE = Settled(Status.FAILED, "it is not there")
LACKS_ROLES = Settled(Status.PENDING, "it was made; the roles that it lacks are planned again")
OF_ANOTHER = Settled(Status.FAILED, "somebody else made an account of that name", final=True)


@pytest.mark.parametrize(
    ("change", "account", "end"),
    [
        pytest.param(MADE, ANN, AS_MEANT, id="made"),
        pytest.param(MADE, person("ann", "Op", "User", "Admin"), AS_MEANT, id="made, and given more since"),
        pytest.param(MADE, None, NOT_THERE, id="not made"),
        pytest.param(MADE, person("Ann", "User"), LACKS_ROLES, id="made, with fewer roles"),
        pytest.param(MADE, replace(ANN, email="eve@corp.example"), OF_ANOTHER, id="another e-mail"),
        pytest.param(MADE, replace(ANN, email="ANN@corp.example"), AS_MEANT, id="the e-mail in other letters"),
        pytest.param(MADE, replace(ANN, first_name="Eve"), OF_ANOTHER, id="another first name"),
        pytest.param(MADE, replace(ANN, last_name="Evans"), OF_ANOTHER, id="another last name"),
        pytest.param(MADE, replace(ANN, first_name="An", last_name="T"), AS_MEANT, id="names that were cut"),
        pytest.param(Change(None, replace(ANN, first_name="")), ANN, AS_MEANT, id="no name was sent"),
        pytest.param(JOINS, ANN, AS_MEANT, id="given"),
        pytest.param(JOINS, replace(ANN, email="new@corp.example"), AS_MEANT, id="given, and another e-mail since"),
        pytest.param(JOINS, person("Ann", "User"), NOT_AS_MEANT, id="not given"),
        pytest.param(JOINS, None, NOT_THERE, id="given, and gone since"),
        pytest.param(LEAVES, person("Ann", "User"), AS_MEANT, id="taken"),
        pytest.param(LEAVES, ANN, NOT_AS_MEANT, id="not taken"),
        pytest.param(MOVES, person("Ann", "Admin"), AS_MEANT, id="moved"),
        pytest.param(MOVES, person("Ann", "Admin", "Op"), NOT_AS_MEANT, id="given and not taken"),
        pytest.param(MOVES, person("Ann"), NOT_AS_MEANT, id="taken and not given"),
        pytest.param(GOES, None, Settled(Status.APPLIED, "it is gone"), id="deleted"),
        pytest.param(GOES, ANN, Settled(Status.FAILED, "it is still there"), id="not deleted"),
    ],
)
def test_how_a_change_of_a_person_ended_is_what_their_account_says(
    change: Change, account: User | None, end: Settled
) -> None:
    accounts = [account] if account else []
    for scope in (EVERYTHING, Scope.people(["aNN"])):
        assert end == settled(change, there(*accounts, person("bob", "Op"), scope=scope))
    assert None is settled(change, there(*accounts, scope=Scope.people(["bob"])))


@pytest.mark.parametrize(
    ("change", "found", "end"),
    [
        pytest.param(ROLE_MADE, FIN, AS_MEANT, id="made"),
        pytest.param(
            ROLE_MADE,
            replace(FIN, unfinished=True),
            Settled(Status.APPLIED, "it was made, and this pass finishes it"),
            id="made, unfinished",
        ),
        pytest.param(
            ROLE_MADE,
            PART,
            Settled(Status.APPLIED, "it was made in part (1 of 2 permissions are missing); this pass finishes it"),
            id="made in part",
        ),
        pytest.param(ROLE_MADE, None, NOT_THERE, id="not made"),
        pytest.param(ROLE_GROWS, FIN, AS_MEANT, id="grown"),
        pytest.param(
            ROLE_GROWS,
            role("fin"),
            Settled(Status.FAILED, "it was made in part (2 of 2 permissions are missing); this pass finishes it"),
            id="not grown",
        ),
        pytest.param(ROLE_GOES, None, Settled(Status.APPLIED, "it is gone"), id="deleted"),
        pytest.param(ROLE_GOES, FIN, Settled(Status.FAILED, "it is still there"), id="not deleted"),
    ],
)
def test_how_a_change_of_a_role_ended_is_what_a_look_at_all_roles_says(
    change: Change, found: Role | None, end: Settled
) -> None:
    roles = (role("other", "a"), *([found] if found else []))
    assert end == settled(change, there(roles=roles))
    for scope in (Scope.people(["fin"]), Scope.of_dags(["a"])):
        assert None is settled(change, there(roles=roles, scope=scope))


def test_what_somebody_else_made_is_not_ours_although_it_was_marked_before() -> None:
    owned = Owned(frozenset({"ann", "bob"}), frozenset({"fin"}), {"ann": frozenset({"Op"}), "bob": frozenset({"Op"})})
    ends = [(MADE, OF_ANOTHER), (Change(None, person("bob", "Op")), LACKS_ROLES)]
    assert Owned(frozenset({"bob"}), owned.roles, {"bob": frozenset({"Op"})}) == without_others(owned, ends)
    assert owned == without_others(owned, ends[1:])


OURS = Owned()


def sent(change: Change, *roles: str, id_: int = 7) -> Awaited:
    return Awaited(id_, change, frozenset(roles), NOW)


def holds(name: str, *roles: str) -> dict[str, frozenset[str]]:
    return {name: frozenset(roles)}


@pytest.mark.parametrize(
    ("late", "account", "owned", "brought"),
    [
        pytest.param(sent(JOINS, "Op"), ANN, OURS, Owned(grants=holds("ann", "Op")), id="given"),
        pytest.param(sent(JOINS, "Op"), person("Ann", "User"), OURS, None, id="not given"),
        pytest.param(sent(JOINS, "Op"), None, OURS, None, id="no account"),
        pytest.param(sent(JOINS, "Op"), ANN, Owned(grants=holds("ann", "Op")), None, id="ours before"),
        pytest.param(
            sent(JOINS, "Op", "User"),
            ANN,
            Owned(grants=holds("ann", "Op")),
            Owned(grants=holds("ann", "User")),
            id="one of two was ours",
        ),
        pytest.param(
            sent(MADE, "Op"), ANN, OURS, Owned(frozenset({"ann"}), grants=holds("ann", "Op")), id="made, with a role"
        ),
        pytest.param(sent(MADE_BARE), person("Ann"), OURS, Owned(frozenset({"ann"})), id="made, without roles"),
        pytest.param(sent(MADE_BARE), person("Ann"), Owned(frozenset({"ann"})), None, id="made, ours before"),
        pytest.param(
            sent(MADE, "Op"),
            ANN,
            Owned(frozenset({"ann"})),
            Owned(grants=holds("ann", "Op")),
            id="made, ours before, and its role was not",
        ),
        pytest.param(sent(JOINS), person("Ann"), OURS, None, id="nothing was sent that could be ours"),
        pytest.param(
            sent(JOINS, "Op"),
            replace(ANN, email="new@corp.example"),
            OURS,
            Owned(grants=holds("ann", "Op")),
            id="given, and another e-mail since",
        ),
        pytest.param(
            sent(MADE, "Op"), replace(ANN, email="eve@corp.example"), OURS, None, id="somebody else made the account"
        ),
    ],
)
def test_what_a_call_brought_after_all_is_ours_unless_it_was_so_before(
    late: Awaited, account: User | None, owned: Owned, brought: Owned | None
) -> None:
    observed = there(*([account] if account else []), person("bob", "Op"))
    assert ({7: brought} if brought else {}) == came_late([late], observed, owned)
    assert {} == came_late([late], replace(observed, scope=Scope.people(["bob"])), owned)


@pytest.mark.parametrize(
    ("change", "found", "owned", "is_ours"),
    [
        pytest.param(ROLE_MADE, FIN, OURS, True, id="made"),
        pytest.param(ROLE_MADE, PART, OURS, True, id="made in part"),
        pytest.param(ROLE_MADE, role("fin", "a", "c"), OURS, False, id="made by another, who gave it something else"),
        pytest.param(ROLE_MADE, None, OURS, False, id="not made"),
        pytest.param(ROLE_MADE, FIN, Owned(roles=frozenset({"fin"})), False, id="ours before"),
        pytest.param(ROLE_GROWS, FIN, OURS, False, id="it was there before"),
    ],
)
def test_a_role_that_was_made_late_is_ours_where_it_holds_nothing_that_was_not_sent(
    change: Change, found: Role | None, owned: Owned, is_ours: bool
) -> None:
    brought = came_late([sent(change)], there(roles=(found,) if found else ()), owned)
    assert ({7: Owned(roles=frozenset({"fin"}))} if is_ours else {}) == brought


def test_each_call_that_came_late_is_told_with_what_it_brought() -> None:
    lates = [sent(JOINS, "Op", id_=1), sent(ROLE_MADE, id_=2), sent(Change(None, person("zoe", "Op")), "Op", id_=3)]
    found = came_late(lates, there(ANN, roles=(FIN,)), OURS)
    assert {1: Owned(grants=holds("ann", "Op")), 2: Owned(roles=frozenset({"fin"}))} == found


DAY = LATEST


@pytest.mark.parametrize(
    ("change", "account", "after", "is_over"),
    [
        pytest.param(JOINS, person("Ann"), timedelta(0), False, id="it may still come"),
        pytest.param(JOINS, person("Ann"), DAY, False, id="for a day"),
        pytest.param(JOINS, person("Ann"), DAY + timedelta(seconds=1), True, id="and no longer"),
        pytest.param(JOINS, None, timedelta(0), True, id="nothing comes to an account that is gone"),
        pytest.param(MADE, None, timedelta(0), False, id="but the account itself"),
        pytest.param(MADE, None, DAY + timedelta(seconds=1), True, id="which also does not come for ever"),
        pytest.param(MADE, person("Ann"), timedelta(0), False, id="made, and its roles may still come"),
    ],
)
def test_a_call_is_awaited_for_a_day_where_it_can_still_bring_something(
    change: Change, account: User | None, after: timedelta, is_over: bool
) -> None:
    observed = there(*([account] if account else []))
    assert (frozenset({7}) if is_over else frozenset()) == will_not_come([sent(change)], observed, now=NOW + after)
    elsewhere = replace(observed, scope=Scope.people(["bob"]))
    assert frozenset() == will_not_come([sent(change)], elsewhere, now=NOW + after)


def test_what_came_late_is_ours_beside_what_was() -> None:
    before = Owned(frozenset({"bob"}), frozenset({"ops"}), holds("ann", "User"), frozenset({"old"}), people=3)
    more = {
        1: Owned(frozenset({"ann"}), grants=holds("ann", "Op")),
        2: Owned(roles=frozenset({"fin"}), grants=holds("ann", "Admin") | holds("bob", "Op")),
    }
    then = Owned(
        frozenset({"ann", "bob"}),
        frozenset({"ops", "fin"}),
        holds("ann", "User", "Op", "Admin") | holds("bob", "Op"),
        frozenset({"old"}),
        people=3,
    )
    assert then == with_more(before, more)
    assert before == with_more(before, {})
