"""What a pass leaves behind for the next one to compare with, and which changes another hand made necessary."""

from __future__ import annotations

from dataclasses import replace

import pytest
from plan_world import person, role, wanted, why

from syncd.model import Change, DesiredState, Held, Kept, Role, User
from syncd.plan.own_acts import own_acts
from syncd.plan.reached import is_drift, remembered

ANN_ID, BOB_ID = ("okta", "1"), ("okta", "2")
ANN, BOB = person("Ann", "Op"), person("Bob", "Op", "Admin")
EARLIER = wanted(ANN, BOB, whose={"ann": (ANN_ID,), "bob": (BOB_ID,)})


def held(*changes: Change) -> Held:
    return Held(changes, ("too many",), "prod")


def kept(name: str, *roles: str) -> list[Kept]:
    return [Kept(name, role, "in doubt") for role in roles]


ANN_STAYS = wanted(ANN, whose={"ann": (ANN_ID,)})
BOB_LEAVES = Change(BOB, person("Bob"))
BOB_GOES = Change(BOB, None)
BOB_IS_REDUCED = Change(BOB, person("Bob", "Op"))


@pytest.mark.parametrize(
    ("changes", "keeps", "roles"),
    [
        pytest.param((), [], None, id="nothing stays against the mapping"),
        pytest.param((BOB_LEAVES,), [], {"Op", "Admin"}, id="a limit holds all that he loses"),
        pytest.param((BOB_GOES,), [], {"Op", "Admin"}, id="a limit holds his account"),
        pytest.param((BOB_IS_REDUCED,), [], {"Admin"}, id="a limit holds one role"),
        pytest.param((), kept("BOB", "Op"), {"Op"}, id="a doubt keeps one role"),
        pytest.param((), kept("BOB", "Op", "Admin"), {"Op", "Admin"}, id="a doubt keeps two"),
        pytest.param((BOB_IS_REDUCED,), kept("Bob", "Op"), {"Op", "Admin"}, id="a limit one, a doubt the other"),
        pytest.param((Change(person("Bob"), None),), [], None, id="his account has no roles"),
    ],
)
def test_what_somebody_holds_against_the_mapping_is_remembered_with_the_reasons_of_before(
    changes: tuple[Change, ...], keeps: list[Kept], roles: set[str] | None
) -> None:
    found = remembered(ANN_STAYS, EARLIER, held=held(*changes) if changes else None, kept=keeps)
    bob = {"bob": replace(BOB, roles=frozenset(roles))} if roles else {}
    assert {"ann": ANN} | bob == found.users
    assert {"ann": EARLIER.because["ann"]} | ({"bob": {r: why(r) for r in roles}} if roles else {}) == found.because
    assert {"ann": (ANN_ID,)} | ({"bob": (BOB_ID,)} if roles else {}) == found.whose


def test_of_whom_nothing_was_known_no_reason_is_known() -> None:
    """A limit shows the account; of one that only a doubt keeps nobody knows more than the name."""
    for earlier in (None, wanted(ANN)):
        found = remembered(ANN_STAYS, earlier, held=held(BOB_LEAVES), kept=kept("zoe", "Op"))
        assert {"ann": ANN, "bob": BOB} == found.users
        assert {"Op": (), "Admin": ()} == found.because["bob"]
        assert {"ann": (ANN_ID,), "bob": ()} == found.whose


def test_a_role_of_before_without_a_reason_stays_without_one() -> None:
    earlier = replace(EARLIER, because={"bob": {"Op": why("Op")}})
    found = remembered(ANN_STAYS, earlier, held=held(BOB_LEAVES), kept=[])
    assert {"Op": why("Op"), "Admin": ()} == found.because["bob"]


def test_what_is_wanted_now_counts_beside_what_stays_and_gives_the_later_reasons() -> None:
    """Bob moves to another role and is held; the account of before is what the mapping says now, and so is whose it is."""
    now = replace(person("Bob", "User"), email="new@corp.example")
    desired = wanted(now, whose={"bob": (ANN_ID,)})
    both = replace(now, roles=frozenset({"User", "Op", "Admin"}))
    found = remembered(desired, EARLIER, held=held(Change(both, now)), kept=kept("bob", "User"))
    assert {"bob": replace(now, roles=frozenset({"User", "Op", "Admin"}))} == found.users
    assert {"User": why("User"), "Op": why("Op"), "Admin": why("Admin")} == found.because["bob"]
    assert {"bob": (ANN_ID,)} == found.whose
    unexplained = replace(desired, because={})
    assert {"bob": {"User": ()}} == remembered(unexplained, None, held=None, kept=kept("bob", "User")).because


FIN, PART, NONE_OF_IT = role("fin", "a", "b"), role("fin", "a"), role("fin")
FIN_B = role("fin", "b")


@pytest.mark.parametrize(
    ("wants", "change", "has"),
    [
        pytest.param((), Change(FIN, None), FIN, id="a role that would go"),
        pytest.param((PART,), Change(FIN, PART), FIN, id="a role that would shrink"),
        pytest.param(
            (role("fin", "c"),), Change(FIN, role("fin", "a", "c")), FIN_B, id="one that changes and is held whole"
        ),
        pytest.param((FIN,), Change(PART, FIN), PART, id="a role that grows"),
        pytest.param((FIN,), Change(None, FIN), FIN, id="a role that comes"),
        pytest.param((), Change(NONE_OF_IT, None), NONE_OF_IT, id="an empty role that would go"),
    ],
)
def test_what_a_held_change_would_take_from_a_role_is_remembered_as_in_it_and_what_it_would_give_is_not(
    wants: tuple[Role, ...], change: Change, has: Role
) -> None:
    other = role("other", "z")
    found = remembered(wanted(roles=(*wants, other)), None, held=held(change), kept=[])
    assert {"fin": has, "other": other} == found.roles


GIVES, TAKES = Change(person("Ann"), ANN), Change(ANN, person("Ann"))
GROWS, SHRINKS = Change(NONE_OF_IT, PART), Change(PART, NONE_OF_IT)
NOBODY, HAS, HAS_OTHER, ROLE_HAS = wanted(), wanted(ANN), wanted(person("ann", "Admin")), wanted(roles=(PART,))
ROLE_EMPTY = wanted(roles=(NONE_OF_IT, role("other", "a")))


@pytest.mark.parametrize(
    ("change", "was", "now", "is_anothers"),
    [
        pytest.param(GIVES, HAS, HAS, True, id="given: wanted before and now"),
        pytest.param(GIVES, NOBODY, HAS, False, id="given: not wanted before"),
        pytest.param(GIVES, HAS_OTHER, HAS, False, id="given: another role was wanted before"),
        pytest.param(Change(None, ANN), HAS, HAS, True, id="made: wanted before and now"),
        pytest.param(TAKES, NOBODY, NOBODY, True, id="taken: wanted neither before nor now"),
        pytest.param(TAKES, HAS_OTHER, HAS_OTHER, True, id="taken: another one is wanted"),
        pytest.param(TAKES, HAS, NOBODY, False, id="taken: wanted before"),
        pytest.param(TAKES, NOBODY, HAS, False, id="taken: wanted now"),
        pytest.param(Change(ANN, None), NOBODY, NOBODY, False, id="an account goes"),
        pytest.param(GROWS, ROLE_HAS, ROLE_HAS, True, id="a permission: wanted before and now"),
        pytest.param(GROWS, ROLE_EMPTY, ROLE_HAS, False, id="a permission: not wanted before"),
        pytest.param(GROWS, NOBODY, ROLE_HAS, False, id="a permission: no such role before"),
        pytest.param(SHRINKS, ROLE_EMPTY, ROLE_EMPTY, True, id="a permission less: wanted neither before nor now"),
        pytest.param(SHRINKS, NOBODY, NOBODY, True, id="a permission less: no such role"),
        pytest.param(SHRINKS, ROLE_HAS, ROLE_EMPTY, False, id="a permission less: wanted before"),
        pytest.param(Change(FIN, None), NOBODY, NOBODY, False, id="a role goes"),
    ],
)  # fmt: skip
def test_it_was_another_hand_where_the_mapping_wants_what_it_wanted_before(
    change: Change, was: DesiredState, now: DesiredState, is_anothers: bool
) -> None:
    assert is_anothers is is_drift(change, now, was)


@pytest.mark.finding("N-611")
def test_what_we_took_or_gave_ourselves_since_is_no_drift() -> None:
    assert not is_drift(GIVES, HAS, HAS, own_acts([TAKES]))
    assert not is_drift(TAKES, NOBODY, NOBODY, own_acts([GIVES]))
    assert not is_drift(GROWS, ROLE_HAS, ROLE_HAS, own_acts([SHRINKS]))
    assert is_drift(GIVES, HAS, HAS, own_acts([TAKES, GIVES])), "we gave it again since"
    assert is_drift(SHRINKS, ROLE_EMPTY, ROLE_EMPTY, own_acts([GROWS, SHRINKS]))


def test_one_of_two_roles_that_go_was_given_by_another_hand() -> None:
    both: User = person("Ann", "Op", "Admin")
    assert is_drift(Change(both, person("Ann")), NOBODY, HAS)
    assert not is_drift(Change(both, person("Ann")), NOBODY, wanted(both))


def test_what_a_limit_keeps_from_being_given_is_not_remembered_as_given() -> None:
    """Else the next pass would take it for what another hand took."""
    zoe, role_now = person("Zoe", "Op"), role("finance", "a", "b", "c")
    want = wanted(ANN, BOB, zoe, whose={"ann": (ANN_ID,), "bob": (BOB_ID,), "zoe": (("okta", "3"),)})
    want = replace(want, roles={"finance": role_now})
    changes = Change(person("Bob", "Op"), BOB), Change(None, zoe), Change(role("finance", "a"), role_now)
    found = remembered(want, EARLIER, held=held(*changes), kept=())
    assert {"ann": ANN, "bob": person("Bob", "Op")} == found.users
    assert {"ann": want.because["ann"], "bob": {"Op": want.because["bob"]["Op"]}} == found.because
    assert {"ann", "bob"} == found.whose.keys()
    assert {"finance": role("finance", "a")} == found.roles
