"""What undoing a run wants no more, and what it is about: the table in `plan/rollback.py`."""

from __future__ import annotations

from plan_world import person, role, wanted

from syncd.model import Change, Plan, Scope, What, Why
from syncd.plan.rollback import Undo, only_touched, undo_of, without_given

GAVE = (
    Change(None, person("Ann", "fin")),
    Change(person("bob", "ops"), person("bob", "fin")),
    Change(person("cid", "ops"), None),
    Change(None, role("fin", "a")),
    Change(role("ops", "a"), role("ops", "a", "b")),
)


def undone() -> Undo:
    return undo_of(GAVE, what="rollback of run 3")


def test_what_a_run_gave_is_put_together_by_account_and_by_role() -> None:
    found = undone()
    assert {"ann": {"fin"}, "bob": {"fin"}, "cid": set()} == found.people
    assert {"fin": {"can_read on DAG:a"}, "ops": {"can_read on DAG:b"}} == found.roles
    assert {"fin"} == found.made
    assert {("user", "ann"), ("user", "bob"), ("user", "cid"), ("role", "fin"), ("role", "ops")} == found.touched


def test_what_was_given_to_somebody_in_two_changes_is_undone_whole() -> None:
    twice = undo_of([*GAVE, Change(person("ann", "fin"), person("ann", "fin", "ops"))], what="x")
    assert {"fin", "ops"} == twice.people["ann"]


def test_what_was_given_is_wanted_no_more_and_what_was_taken_is_if_a_line_gives_it() -> None:
    ann, bob, dora = person("ann", "fin", "ops"), person("bob", "ops"), person("dora", "ops")
    left = without_given(wanted(ann, bob, dora, roles=(role("fin", "a"), role("ops", "a", "b", "c"))), undone())
    assert {"ann": {"ops"}, "bob": {"ops"}, "dora": {"ops"}} == {name: set(u.roles) for name, u in left.users.items()}
    assert {"ops": role("ops", "a", "c")} == left.roles
    assert bob is left.users["bob"]


def test_whoever_holds_a_role_that_the_run_made_loses_it_with_the_role() -> None:
    left = without_given(wanted(person("eve", "fin", "ops"), roles=(role("ops", "a"),)), undone())
    assert {"ops"} == left.users["eve"].roles
    assert role("ops", "a") == left.roles["ops"]


def test_a_rollback_is_about_what_the_run_touched_alone_and_says_so() -> None:
    plan = Plan(
        "prod",
        Scope(),
        (
            Change(person("ann", "fin"), None),
            Change(person("eve", "fin"), None),
            Change(role("fin", "a"), None),
            Change(role("new", "a"), None),
        ),
    )
    left = only_touched(plan, undone()).changes
    assert ["ann", "fin"] == [change.name for change in left]
    assert (Why("rollback of run 3", "fin", What.OTHER),) == left[0].because
    assert (Why("rollback of run 3", "", What.OTHER),) == left[1].because


def test_what_comes_back_keeps_the_reason_for_which_a_line_gives_it() -> None:
    gives = Why("people:ops (m.yaml:3)", "ops", What.GIVEN)
    change = Change(person("bob", "fin"), person("bob", "ops"), (gives,))
    (left,) = only_touched(Plan("prod", Scope(), (change,)), undone()).changes
    assert (Why("rollback of run 3", "fin", What.OTHER), gives) == left.because


def test_a_permission_that_comes_back_keeps_the_reason_of_the_change() -> None:
    gives = Why("it is in the mapping")
    change = Change(role("ops", "a"), role("ops", "a", "c"), (gives,))
    (left,) = only_touched(Plan("prod", Scope(), (change,)), undone()).changes
    assert (gives,) == left.because
