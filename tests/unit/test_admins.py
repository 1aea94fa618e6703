"""Who stays an administrator, what our own account keeps, and roles that are nobody's to touch."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from syncd.model import EVERYTHING, Change, DesiredState, ObservedState, Owned, Permission, Plan, Reason, Role, User
from syncd.plan.guard import Guarded, guard
from syncd.plan.guard_rules import Admins, Privileged
from syncd.plan.limits import Limits
from syncd.plan.protected import owned_without, without_protected
from syncd.targets.airflow.naming import permission

FREE = Limits(share=1.0)


def user(name: str, *roles: str) -> User:
    return User(name, f"{name}@x", name, name, frozenset(roles))


def loses(name: str, *left: str) -> Change:
    return Change(user(name, "Admin", *left), user(name, *left))


def gains(name: str) -> Change:
    return Change(user(name), user(name, "Admin"))


def judged(
    *changes: Change,
    now: Iterable[str] | None = (),
    least: int = 1,
    required: Iterable[str] = (),
    own: User | None = None,
    roles: Iterable[Role] = (),
    privileged: Privileged | None = None,
) -> Guarded:
    admins = Admins(frozenset({"Admin"}), None if now is None else frozenset(now), least, frozenset(required))
    observed = ObservedState("prod", {}, {role.name: role for role in roles})
    plan = Plan("prod", EVERYTHING, changes)
    return guard(plan, observed, FREE, owned=Owned(), admins=admins, own=own, privileged=privileged)


@pytest.mark.parametrize(
    ("changes", "now", "least", "why"),
    [
        ([loses("anna")], ["anna", "bob"], 1, None),
        ([loses("anna")], ["anna"], 1, "1 person loses Admin, and 0 would be left: at least 1 stay (min_admins)"),
        ([loses("anna")], ["anna"], 0, None),
        (
            [loses("anna"), loses("bob")],
            ["anna", "bob", "cid"],
            2,
            "2 people lose Admin, and 1 would be left: at least 2 stay (min_admins)",
        ),
        ([loses("anna"), gains("dora")], ["anna"], 1, None),
        ([Change(user("anna", "Admin"), None)], ["anna"], 1, "1 person loses Admin, and 0 would be left"),
        ([Change(user("anna", "Op"), user("anna"))], [], 5, None),
        ([gains("dora")], [], 5, None),
        ([loses("anna")], None, 1, "1 person loses Admin, and how many there are is not known: at least 1 stay"),
    ],
)
def test_so_many_administrators_stay(changes: list[Change], now: list[str] | None, least: int, why: str | None) -> None:
    found = judged(*changes, now=now, least=least)
    if why is None:
        assert (None, tuple(changes)) == (found.held, found.go)
    else:
        assert found.held is not None
        assert found.held.why[0].startswith(why)
        assert {c for c in changes if "Admin" in c.revoked} == set(found.held.changes)


def test_who_is_not_made_one_after_all_does_not_count() -> None:
    because = {"dora": {"Admin": (Reason("people", "g", "g", "m.yaml:2"),)}}
    unmarked = Privileged({"Admin": ""}, frozenset(), frozenset(), because)
    found = judged(loses("anna"), gains("dora"), now=["anna"], privileged=unmarked)
    assert found.held is not None
    assert ((), {loses("anna"), gains("dora")}) == (found.go, set(found.held.changes))


def test_who_is_required_stays_one_and_others_do_not_have_to() -> None:
    found = judged(loses("Anna"), loses("bob", "Viewer"), now=["anna", "bob", "cid"], required=["anna"])
    assert found.held is not None
    assert ("Anna would not be Admin any more, and required_admins names them",) == found.held.why
    assert ([loses("bob", "Viewer")], [loses("Anna")]) == (list(found.go), list(found.held.changes))


def test_who_is_kept_as_required_is_one_of_those_who_stay() -> None:
    found = judged(loses("anna"), loses("bob"), now=["anna", "bob"], required=["anna"], least=1)
    assert found.held is not None
    assert [loses("anna")] == list(found.held.changes)


# --- the account that we run as ----------------------------------------------------------------------------------------


def role(name: str, *resources: str) -> Role:
    return Role(name, frozenset(permission("can_edit", resource) for resource in resources))


@pytest.mark.parametrize(
    ("before", "after", "held"),
    [
        (role("tools", "Users", "Pools"), role("tools", "Users"), True),
        (role("tools", "Users", "Roles"), role("tools", "Users"), False),  # it has that by another role
        (role("tools", "Users"), role("tools", "Users", "Pools"), False),
        (role("tools", "Pools"), None, True),
        (role("theirs", "Pools"), None, False),
    ],
)
def test_our_own_account_loses_nothing_by_a_role_that_it_holds(before: Role, after: Role | None, held: bool) -> None:
    other = role("other", "Roles")
    found = judged(Change(before, after), own=user("syncd", "tools", "other"), roles=(before, other))
    assert held == (found.held is not None)
    if found.held is not None:
        assert ("syncd runs as syncd, which holds tools and would lose can_edit on Pools",) == found.held.why


# --- protected roles ----------------------------------------------------------------------------------------------------

NOBODY: frozenset[Permission] = frozenset()


def test_a_protected_role_is_given_to_nobody_and_that_is_told() -> None:
    reason = (Reason("people", "g", "g", "m.yaml:2"),)
    because = {"anna": {"Admin": reason, "Viewer": reason}}
    desired = DesiredState("prod", {"anna": user("anna", "Admin", "Viewer")}, {"admin": Role("admin", NOBODY)}, because)
    found = without_protected(desired, ["ADMIN"])
    assert ({"anna": user("anna", "Viewer")}, {}, {"anna": {"Viewer": reason}}) == (
        found.users,
        found.roles,
        found.because,
    )
    [note] = found.notes
    assert ("role_protected", True) == (note.code, note.text.startswith("role Admin is protected"))
    assert desired is without_protected(desired, ["Op"])


def test_what_is_ours_of_a_protected_role_is_not_taken() -> None:
    owned = Owned(roles=frozenset({"team", "other"}), grants={"anna": frozenset({"team", "other"})})
    found = owned_without(owned, ["team"])
    assert (frozenset({"other"}), {"anna": frozenset({"other"})}) == (found.roles, found.grants)
