"""Answers of plans that seldom come up: each with the smallest change that has it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from plan_world import person, role, there, wanted
from store_samples import NOW

from syncd.model import EVERYTHING, Change, Dag, Deployment, Owned, Plan, Scope, Status, VanishedDag, Why
from syncd.plan.accounts import without_missing
from syncd.plan.approval import needs_more
from syncd.plan.diff import diff
from syncd.plan.doubted import HELD, doubt_note
from syncd.plan.effect import after
from syncd.plan.guard import Guarded, guard, still_passing
from syncd.plan.guard_rules import timed_rulings
from syncd.plan.limits import Limits
from syncd.plan.modes import Modes, within_modes
from syncd.plan.rejected import Rejection, without_rejected
from syncd.plan.settle import Settled, planned_again, without_unmade
from syncd.plan.vanished import with_vanished
from syncd.targets.airflow.naming import NAMING, permission

PROD = Deployment("prod", naming=NAMING)
LOSES = Change(person("ann", "fin"), person("ann"))
GAINS = Change(person("bob"), person("bob", "fin"))


def plan(*changes: Change) -> Plan:
    return Plan("prod", EVERYTHING, changes)


def test_what_is_there_once_changes_were_made() -> None:
    world = there(person("ann", "fin", "ops"), person("bob"), roles=(role("fin", "a"), role("ops", "a")))
    changes = [
        GAINS,
        Change(person("ann", "fin", "ops"), None),
        Change(role("ops", "a"), None),
        Change(None, role("x")),
    ]
    found = after(world, changes)
    assert {"bob": person("bob", "fin")} == found.users
    assert {"fin": role("fin", "a"), "x": role("x")} == found.roles


def test_a_role_that_goes_goes_from_its_holders_too() -> None:
    found = after(there(person("ann", "fin", "ops"), roles=(role("fin"),)), [Change(role("fin"), None)])
    assert {"ann": person("ann", "ops")} == found.users


def test_an_account_that_no_directory_has_and_that_is_not_there_gets_nothing() -> None:
    desired = wanted(person("ci", "fin"), person("cd", "fin"), accounts=frozenset({"ci", "cd"}))
    left = without_missing(desired, there(person("cd")), scope=EVERYTHING)
    assert {"cd"} == left.users.keys() == left.because.keys()
    (note,) = left.notes
    assert "account_missing" == note.code
    assert note.text.startswith('there is no account "ci" here')
    assert desired is without_missing(desired, there(person("cd"), person("ci")), scope=EVERYTHING)
    elsewhere = Scope(usernames=frozenset({"cd"}))
    assert () == without_missing(desired, there(person("cd")), scope=elsewhere).notes, "it is not asked about"


def test_the_account_that_syncd_runs_as_is_told_to_get_nothing() -> None:
    desired = wanted(person("root", "fin"), roles=(role("fin", "a"),))
    found = diff(
        desired, there(person("root"), roles=(role("fin", "a"),)), owned=Owned(), deployment=PROD, service_user="root"
    )
    (note,) = [note for note in found.notes if note.code == "user_protected"]
    assert '"root" gets nothing by mapping lines: syncd runs as it here, and leaves it alone' == note.text


def test_a_doubt_of_the_database_says_what_to_do() -> None:
    found = guard(
        plan(LOSES),
        there(person("ann", "fin")),
        Limits(),
        owned=Owned(grants={"ann": frozenset({"fin"})}),
        doubt="it is older",
    )
    assert found.held is not None
    assert HELD in found.held.why[0]
    assert doubt_note("it is older").text.endswith("until somebody says which is true: syncd recover")


@pytest.mark.parametrize(("count", "said"), [(1, "1 person gets a role"), (2, "2 people get a role")])
def test_what_only_an_old_grant_for_a_time_gives_is_kept_back_in_doubt(count: int, said: str) -> None:
    changes = [Change(person(f"p{n}"), person(f"p{n}", "fin", "ops")) for n in range(count)]
    timed = {f"p{n}": frozenset({"fin"}) for n in range(count)}
    (ruling,) = timed_rulings([*changes, LOSES, Change(None, role("fin"))], timed, "it is older")
    assert ruling.why.startswith(f"{said} for a time by a grant that may be over")
    assert {"fin"} == ruling.gives(changes[0])
    assert set() == set(ruling.gives(LOSES)) | set(ruling.gives(Change(None, role("fin"))))
    assert [] == list(timed_rulings([LOSES], timed, "it is older"))


def test_what_was_let_pass_in_an_earlier_look_passes_in_a_later_one_and_nothing_else() -> None:
    world = there(person("ann", "fin"), person("cid", "fin"))
    owned = Owned(users=frozenset({"ann", "cid"}), grants={name: frozenset({"fin"}) for name in ("ann", "cid")})
    none = Limits(removals=0, share=0.0, floor=0)

    def judged(*changes: Change, approvals: frozenset[str] = frozenset()) -> Guarded:
        return guard(plan(*changes), world, none, owned=owned, approvals=approvals)

    held = judged(LOSES).held
    assert held is not None
    passed = judged(LOSES, approvals=frozenset({held.digest}))
    again = still_passing(plan(LOSES), judged(LOSES), before=passed)
    assert ((LOSES,), None, held.digest) == (tuple(again.go), again.held, again.approved)
    more = plan(LOSES, Change(person("cid", "fin"), person("cid")))
    assert still_passing(more, judged(*more.changes), before=passed).held is not None
    nothing_held = judged(GAINS)
    assert nothing_held is still_passing(plan(GAINS), nothing_held, before=passed)


def test_one_digest_is_not_two_people() -> None:
    assert needs_more("prod", "abc").startswith("abc was not let pass by two people: on prod both have to")


REJECTED = Rejection("h3", frozenset(LOSES.effects), "by eve")


def test_a_rejection_of_what_is_not_planned_any_more_says_nothing() -> None:
    other = replace(REJECTED, effects=frozenset(Change(person("dora", "x"), person("dora")).effects), name="h4")
    left, out = without_rejected(plan(LOSES, GAINS), [REJECTED, other])
    assert ((GAINS,), (LOSES,)) == (left.changes, out)
    assert ["h3: 1 change stays undone, rejected by eve; to be asked again: syncd hold reopen h3"] == [
        note.text for note in left.notes
    ]


def test_what_was_not_made_and_is_planned_once_more_takes_what_it_takes_once() -> None:
    failed, made = Settled(Status.FAILED, "no"), Settled(Status.APPLIED, "yes")
    other = Change(person("dora", "fin"), person("dora"))
    assert {7} == planned_again(plan(LOSES), [(7, LOSES, failed), (8, LOSES, made), (9, other, failed)])


def test_what_an_intent_marked_as_ours_and_was_not_made_is_not_ours() -> None:
    owned = Owned(grants={"bob": frozenset({"fin", "ops"}), "ann": frozenset({"fin"})})
    failed, made = Settled(Status.FAILED, "no"), Settled(Status.APPLIED, "yes")
    ends = [
        (GAINS, failed),
        (Change(person("ann"), person("ann", "fin")), made),
        (Change(None, role("x", "a")), failed),
    ]
    assert {"bob": {"ops"}, "ann": {"fin"}} == without_unmade(owned, ends).grants


def test_nothing_is_said_of_dags_on_which_nothing_is_kept() -> None:
    gone = [VanishedDag(Dag("b"), NOW)]
    desired, grace = wanted(roles=(role("fin", "a"),)), timedelta(days=1)
    there_too = there(roles=(role("fin", "a"),))
    assert () == with_vanished(desired, there_too, gone, if_listed={"fin": role("fin", "a")}, grace=grace).notes
    kept = with_vanished(
        desired, there(roles=(role("fin", "a", "b"),)), gone, if_listed={"fin": role("fin", "a", "b")}, grace=grace
    )
    assert permission("can_read", "DAG:b") in kept.roles["fin"].permissions
    assert ["dag_vanished"] == [note.code for note in kept.notes]


def test_a_role_of_an_old_name_that_cannot_be_deleted_is_told() -> None:
    fin = role("fin", "a")
    found = diff(
        wanted(),
        there(roles=(fin,), leftovers={"fin": "delete it by hand"}),
        owned=Owned(roles=frozenset({"fin"})),
        deployment=PROD,
    )
    assert any(note.code == "left_behind" and "delete it by hand" in note.text for note in found.notes)


def test_a_change_that_only_gives_is_not_told_to_take_nothing() -> None:
    grows = Change(role("fin", "a"), role("fin", "a", "b"), (Why("of another role", "ops"),))
    assert () == within_modes(plan(grows), Modes(add_only=True)).notes
