"""What a plan is, person by person and role by role: who keeps what, who loses it, and which sentence is told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from plan_world import person, reasons, role, there, wanted, why

from syncd.model import (
    Adopt,
    Change,
    Deployment,
    DesiredState,
    Doubted,
    Kept,
    Note,
    ObservedState,
    Owned,
    Plan,
    Reason,
    Scope,
    What,
)
from syncd.plan.diff import align, diff
from syncd.targets.airflow.naming import NAMING, permission

PROD = Deployment("prod", naming=NAMING)
REMOVES, DELETES = replace(PROD, remove_manual_grants=True), replace(PROD, delete_leavers=True)
FIN, OPS = role("fin", "a"), role("ops", "b")


def plan(desired: DesiredState, observed: ObservedState, owned: Owned | None = None, **more: Any) -> Plan:
    return diff(desired, observed, owned=owned or Owned(), **{"deployment": PROD, **more})


def by_us(**grants: str) -> dict[str, frozenset[str]]:
    return {name: frozenset(roles.split()) for name, roles in grants.items()}


# --- roles ------------------------------------------------------------------------------------------------------------


def test_a_built_in_role_is_not_touched_whatever_a_state_wants_of_it() -> None:
    assert () == plan(wanted(roles=(role("Viewer", "a"),)), there(roles=(role("Viewer", "b"),))).changes


def test_a_role_that_goes_says_why() -> None:
    [change] = plan(wanted(), there(roles=(FIN,)), Owned(roles=frozenset({"fin"}))).changes
    [one] = change.because
    assert (Change(FIN, None), "no mapping line gives this role any more", What.LINE_GONE) == (
        change,
        one.text,
        one.what,
    )


HELD = "no mapping line gives role fin any more, but {} hold it by another hand; it is left: {}"
BY_THEM = 'take it from them, or set manual_grants = "remove", and it goes'
BY_HAND = "they are protected; take it from them by hand and it goes"


@pytest.mark.parametrize(
    ("deployment", "who", "advice"),
    [
        (PROD, "ann, bob, cid and 2 more", BY_THEM),
        (replace(REMOVES, protected=frozenset({"bob", "cid"})), "bob, cid", BY_HAND),
    ],
    ids=["left alone", "protected"],
)
def test_a_role_that_others_hold_stays_and_is_told_with_what_to_do(
    deployment: Deployment, who: str, advice: str
) -> None:
    people = [person(name, "fin") for name in ("dan", "ann", "bob", "cid", "eve")]
    found = plan(wanted(), there(*people, roles=(FIN,)), Owned(roles=frozenset({"fin"})), deployment=deployment)
    assert [Note("role_held_by_others", HELD.format(who, advice))] == list(found.notes)
    assert not any(change.subject == "role" for change in found.changes)


def test_a_role_that_only_a_doubt_keeps_with_somebody_is_not_held_by_others() -> None:
    """Bob holds it by another hand; Ann keeps it because nobody can say whether she left."""
    owned = Owned(roles=frozenset({"fin"}), grants=by_us(ann="fin"))
    desired = wanted(frozen={"fin": "okta failed"})
    ann, bob = person("Ann", "fin"), person("bob", "fin")
    assert () == plan(desired, there(ann, roles=(FIN,)), owned).notes
    found = plan(desired, there(ann, bob, roles=(FIN,)), owned)
    assert [HELD.format("bob", BY_THEM)] == [note.text for note in found.notes]
    assert (Kept("Ann", "fin", "okta failed"),) == found.kept


def test_a_role_of_somebody_else_only_gains_and_is_told() -> None:
    strange = replace(FIN, permissions=role("", *"bcdef").permissions)
    found = plan(wanted(roles=(FIN,)), there(roles=(strange,)))
    both = replace(FIN, permissions=FIN.permissions | strange.permissions)
    assert (Change(strange, both),) == found.changes
    texts = ", ".join(f"can_read on DAG:{dag}" for dag in "bcd")
    assert [
        Note(
            "role_not_ours",
            f"role fin was there before syncd and has what the mapping does not say ({texts} and 2 more); that is left "
            'alone. To make the role exactly as the mapping says set adopt = "declared" for this deployment',
        )
    ] == list(found.notes)
    declared = plan(wanted(roles=(FIN,)), there(roles=(strange,)), deployment=replace(PROD, adopt=Adopt.DECLARED))
    assert ((Change(strange, FIN),), ()) == (declared.changes, declared.notes)
    whole = plan(wanted(roles=(FIN,)), there(roles=(replace(both, permissions=both.permissions),)))
    assert () == whole.changes


# --- people -----------------------------------------------------------------------------------------------------------

MANUAL = 'eve hold role fin although no mapping line says so; left alone (manual_grants = "remove" takes it)'
ROLES = Owned(roles=frozenset({"fin", "ops"}))
HERE = wanted(person("ann", "fin"), roles=(FIN, OPS))


def test_who_holds_a_role_of_ours_by_another_hand_is_told_or_loses_it() -> None:
    """Whoever it is: of Eve no line says anything, and nothing that she holds is by us. What is not ours stays hers."""
    observed = there(person("ann", "fin"), person("eve", "fin", "theirs"), roles=(FIN, OPS, role("theirs")))
    found = plan(HERE, observed, ROLES)
    assert ((), (Note("manual_grant", MANUAL),)) == (found.changes, found.notes)
    removed = plan(HERE, observed, ROLES, deployment=REMOVES)
    assert ((Change(person("eve", "fin", "theirs"), person("eve", "theirs")),), ()) == (removed.changes, removed.notes)
    assert () == plan(HERE, observed, Owned()).notes


@pytest.mark.parametrize(
    ("deployment", "exclusive", "lost"),
    [
        (PROD, {"fin": True}, {"fin"}),
        (PROD, {"fin": False}, set()),
        (REMOVES, {"fin": False}, {"ops"}),
        (REMOVES, {"fin": True}, {"fin", "ops"}),
        (PROD, {}, set()),
    ],
)
def test_a_role_says_itself_whether_only_mapping_lines_give_it(
    deployment: Deployment, exclusive: dict[str, bool], lost: set[str]
) -> None:
    """What is no role of ours is never taken, and a doubt keeps what people have."""
    observed = there(person("eve", "fin", "ops", "theirs"), roles=(FIN, OPS, role("theirs")))
    desired = replace(HERE, exclusive={**exclusive, "theirs": True})
    found = plan(desired, observed, ROLES, deployment=deployment)
    assert lost == {role for change in found.changes for role in change.revoked if change.name == "eve"}
    assert {"fin", "ops"} - lost == {note.text.split(" hold role ")[1].split()[0] for note in found.notes}

    doubted = plan(replace(desired, frozen={"fin": "?", "ops": "?"}), observed, ROLES, deployment=deployment)
    assert lost == {kept.role for kept in doubted.kept}
    assert () == tuple(change for change in doubted.changes if change.name == "eve")


def test_each_role_that_people_hold_by_another_hand_is_told_with_its_people() -> None:
    people = person("eve", "fin"), person("dan", "ops", "fin"), person("Cid", "fin"), person("bob", "fin")
    found = plan(HERE, there(person("ann", "fin"), *people, roles=(FIN, OPS)), ROLES)
    assert [
        'Cid, bob, dan and 1 more hold role fin although no mapping line says so; left alone (manual_grants = "remove" takes it)',
        'dan hold role ops although no mapping line says so; left alone (manual_grants = "remove" takes it)',
    ] == [note.text for note in found.notes]


def test_a_role_that_no_line_gives_any_more_is_told_as_one_that_stays_and_not_of_each_person() -> None:
    found = plan(wanted(roles=(OPS,)), there(person("eve", "fin"), roles=(FIN, OPS)), ROLES)
    assert ["role_held_by_others"] == [note.code for note in found.notes]


def test_who_loses_by_us_and_by_another_hand_loses_both_where_that_is_wanted() -> None:
    """Ann keeps what is neither ours nor given by us."""
    ann = person("ann", "fin", "ops", "theirs")
    owned = replace(ROLES, grants=by_us(ann="fin"))
    observed = there(ann, roles=(FIN, OPS))
    assert (Change(ann, person("ann", "ops", "theirs")),) == plan(wanted(), observed, owned).changes[:1]
    assert (Change(ann, person("ann", "theirs")),) == plan(wanted(), observed, owned, deployment=REMOVES).changes[:1]


def test_who_is_given_nothing_gets_no_account() -> None:
    assert () == plan(wanted(person("ann")), there()).changes


@pytest.mark.parametrize(
    ("observed", "owned", "goes"),
    [
        pytest.param(there(person("ann")), Owned(frozenset({"ann"})), True, id="syncd made it, and nothing is on it"),
        pytest.param(there(person("ann")), Owned(), False, id="somebody else made it"),
        pytest.param(there(person("ann", "Op")), Owned(frozenset({"ann"})), False, id="somebody gave her a role"),
    ],
)
def test_an_account_goes_with_what_was_on_it_and_says_why(observed: ObservedState, owned: Owned, goes: bool) -> None:
    found = plan(wanted(), observed, owned, deployment=DELETES).changes
    assert ["no mapping line gives this person anything here"] * goes == [str(*change.because) for change in found]
    assert () == plan(wanted(), observed, owned).changes
    for kept in ({"frozen_users": {"ann": "in doubt"}}, {"undecided": {"ann": person("ann")}}):
        assert () == plan(wanted(**kept), observed, owned, deployment=DELETES).changes


ANN_ID, OTHER_ID, ELSEWHERE = ("okta", "1"), ("okta", "2"), ("entra", "2")


@pytest.mark.parametrize(
    ("said", "made_for", "keeps"),
    [
        pytest.param({"frozen": {"fin": "in doubt"}}, None, "in doubt", id="a doubt about whoever is in a group"),
        pytest.param({"frozen": {"ops": "in doubt"}}, None, None, id="a doubt about another role"),
        pytest.param({"frozen_users": {"ann": "who is she"}}, None, "who is she", id="a doubt about her"),
        pytest.param({"inactive": {"ann": "inactive"}, "frozen": {"fin": "in doubt"}}, None, None, id="she is inactive"),
        pytest.param({"inactive": {"bob": "inactive"}, "frozen": {"fin": "in doubt"}}, None, "in doubt", id="Bob is"),
        pytest.param({"frozen": {"fin": "in doubt"}, "frozen_for": {}}, ANN_ID, "in doubt", id="about everybody"),
        pytest.param({"frozen_for": {"fin": {OTHER_ID}}}, ANN_ID, None, id="about somebody else of her source"),
        pytest.param({"frozen_for": {"fin": {OTHER_ID}}}, None, "in doubt", id="whose account it is was not noted"),
        pytest.param({"frozen_for": {"fin": {ANN_ID}}}, ANN_ID, "in doubt", id="about just her"),
        pytest.param({"frozen_for": {"fin": {ANN_ID, OTHER_ID}}}, ANN_ID, "in doubt", id="about her and another"),
        pytest.param({"frozen_for": {"fin": {ELSEWHERE}}}, ANN_ID, "in doubt", id="of another source, which may be she"),
        pytest.param({"frozen_for": {"fin": {ELSEWHERE, OTHER_ID}}}, ANN_ID, "in doubt", id="one of them is"),
        pytest.param({"frozen_for": {"ops": {OTHER_ID}}}, ANN_ID, "in doubt", id="the other role is in doubt for one"),
    ],
)  # fmt: skip
def test_what_a_doubt_keeps_with_whom(
    said: dict[str, Any], made_for: tuple[str, str] | None, keeps: str | None
) -> None:
    """`made` says of Bob's account that it was made for him, and of Ann's where that was noted."""
    if "frozen_for" in said:
        for_whom = {r: (Doubted.about(frozenset(d)),) for r, d in said["frozen_for"].items() if d}
        said = {"frozen": {"fin": "in doubt"}, "frozen_for": for_whom}
    made = {"bob": ("okta", "9")} | ({"ann": made_for} if made_for else {})
    owned = Owned(grants=by_us(ann="fin"))
    found = plan(wanted(**said), there(person("Ann", "fin"), roles=(FIN,)), owned, made=made)
    assert ((Kept("Ann", "fin", keeps),) if keeps else ()) == found.kept
    assert (() if keeps else (Change(person("Ann", "fin"), person("Ann")),)) == found.changes


@pytest.mark.parametrize(("match_email", "keeps"), [(True, False), (False, True)])
def test_who_is_inactive_by_email_loses_where_accounts_are_found_by_it(match_email: bool, keeps: bool) -> None:
    desired = wanted(frozen={"fin": "in doubt"}, inactive={"ann@corp.example": "inactive"})
    deployment, owned = replace(PROD, match_email=match_email), Owned(grants=by_us(a1="fin", bob="fin"))
    people = person("A1", "fin", email="Ann@corp.example"), person("bob", "fin")
    found = plan(desired, there(*people, roles=(FIN,)), owned, deployment=deployment)
    assert {"bob"} | ({"A1"} if keeps else set()) == {kept.username for kept in found.kept}


def test_what_is_blocked_is_named_and_the_reasons_know_how_what_was_given_ended() -> None:
    """Cid holds something by us on an account that nobody can tell from another one."""
    owned = Owned(grants=by_us(ann="fin", cid="fin"))
    observed = there(person("ann", "fin"), roles=(FIN,), unclear={"cid": "two accounts are cid"})
    asked: list[tuple[str, str, Reason]] = []

    def ended(name: str, role: str, reason: Reason) -> What:
        asked.append((name, role, reason))
        return What.LEFT_GROUP

    found = plan(wanted(), observed, owned, earlier=wanted(person("ann", "fin")), ended=ended)
    assert ("cid",) == found.blocked
    assert ["fin: was given by okta:fin (m.yaml:3): left the group"] == [str(*c.because) for c in found.changes]
    assert [("ann", "fin", *why("fin"))] == asked


def test_a_pass_over_dags_and_one_over_people_leave_the_rest() -> None:
    """The one plans roles on those DAGs, and what of people is theirs; the other plans people alone."""
    desired, observed = wanted(person("ann", "fin"), roles=(FIN,)), there(person("ann"), roles=(role("fin", "b", "c"),))
    owned = Owned(roles=frozenset({"fin"}))
    [change] = plan(desired, observed, owned, scope=Scope.of_dags(["a", "b"])).changes
    assert change.after == replace(FIN, permissions=role("", "a", "c").permissions)
    [gives] = plan(desired, observed, owned, scope=Scope.people(["ANN"])).changes
    assert (Change(person("ann"), person("ann", "fin")), reasons(person("ann", "fin"))["fin"]) == (
        gives,
        gives.because[0].reasons,
    )


# --- accounts of another name -----------------------------------------------------------------------------------------


def test_who_is_nowhere_by_email_stands_in_nobodys_way() -> None:
    """Ann and Zoe have no account; hers goes by her e-mail, and Cid, whose name is in doubt, has none at all."""
    ann, zoe, cid = person("ann", "fin"), person("zoe", "fin"), person("cid", "fin")
    observed = there(person("Z1", email="ZOE@corp.example"))
    desired = replace(wanted(ann, zoe), undecided={"cid": cid})
    found = align(desired, observed, match_email=True)
    assert {"ann": "ann", "z1": "Z1"} == {name: user.username for name, user in found.users.items()}
    assert ({"cid": cid}, ()) == (found.undecided, found.notes)


def test_permissions_are_named_as_the_server_names_them() -> None:
    more = replace(FIN, permissions=FIN.permissions | {permission("can_read", "Pools")})
    assert ("can_read on Pools",) == plan(wanted(roles=(more,)), there(roles=(FIN,)), ROLES).changes[0].granted
