"""What another hand takes or gives each time on a DAG, line by line of the table in `plan/contested.py`."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from syncd.model import Change, DesiredState, Loss, Note, ObservedState, Permission, Role
from syncd.plan.contested import (
    FORGET_AFTER,
    TRY_AGAIN_AFTER,
    YIELD_AFTER,
    Tally,
    give_way,
    given_back,
    is_there,
    taken_back,
)
from syncd.plan.own_acts import own_acts
from syncd.targets.airflow.naming import NAMING, permission

NOW = datetime(2026, 3, 1, tzinfo=UTC)
READ, EDIT = permission("can_read", "DAG:a"), permission("can_edit", "DAG:a")
OTHER, SITE = permission("can_read", "DAG:b"), permission("can_read", "Website")
EVERY, RIGHTS = permission("can_edit", "DAGs"), permission("can_edit", "Users")
ONE_HOUR = timedelta(hours=1)


def wanted(*permissions: Permission, role: str = "team") -> DesiredState:
    return DesiredState("prod", {}, {role: Role(role, frozenset(permissions))}, {})


def there(*permissions: Permission, role: str = "team", unfinished: bool = False) -> ObservedState:
    return ObservedState("prod", {}, {role: Role(role, frozenset(permissions), unfinished=unfinished)})


def loss(of: Permission = READ, *, times: int = 1, ago: timedelta = ONE_HOUR, back: bool = False) -> Loss:
    return Loss("team", of, times=times, last=NOW - ago, back=back)


def of(*permissions: Permission) -> dict[str, frozenset[Permission]]:
    return {"team": frozenset(permissions)} if permissions else {}


@pytest.mark.parametrize(
    ("was", "is_now", "want", "counted"),
    [
        ((READ,), (), (READ,), (READ,)),
        ((READ,), (READ,), (READ,), ()),
        ((), (), (READ,), ()),
        ((READ,), (), (), ()),
        ((READ, OTHER), (OTHER,), (READ, OTHER), (READ,)),
        ((SITE,), (), (SITE,), (SITE,)),
    ],
    ids=["was there and is gone", "is there", "was not there either", "not wanted", "one of two", "on no DAG"],
)
def test_what_was_read_back_and_is_gone_was_taken(
    was: tuple[Permission, ...],
    is_now: tuple[Permission, ...],
    want: tuple[Permission, ...],
    counted: tuple[Permission, ...],
) -> None:
    found = taken_back(wanted(*want), there(*is_now), earlier=wanted(*was), losses=(), now=NOW)
    assert Tally(of(*counted), {}, {}) == found
    assert bool(counted) == bool(found)


@pytest.mark.parametrize(
    ("was", "is_now", "want", "counted"),
    [
        ((), (READ,), (), (READ,)),
        ((READ,), (READ,), (), ()),
        ((), (), (), ()),
        ((), (READ,), (READ,), ()),
        ((), (READ, OTHER), (OTHER,), (READ,)),
        ((), (SITE,), (), (SITE,)),
    ],
    ids=["was gone and is there", "was there before", "is gone", "wanted", "one of two", "on no DAG"],
)
def test_what_was_read_back_as_gone_and_is_there_was_given(
    was: tuple[Permission, ...],
    is_now: tuple[Permission, ...],
    want: tuple[Permission, ...],
    counted: tuple[Permission, ...],
) -> None:
    found = given_back(wanted(*want), there(*is_now), earlier=wanted(*was), ours={"team"}, gains=(), now=NOW)
    assert Tally(of(*counted), {}, {}) == found


@pytest.mark.finding("N-612")
def test_what_we_did_ourselves_is_not_counted() -> None:
    with_it, without = Role("team", frozenset({READ})), Role("team", frozenset())
    took, gave = own_acts([Change(with_it, without)]), own_acts([Change(without, with_it)])
    gone = partial(taken_back, wanted(READ), there(), earlier=wanted(READ), losses=(), now=NOW)
    came = partial(given_back, wanted(), there(READ), earlier=wanted(), ours={"team"}, gains=(), now=NOW)
    assert (Tally({}, {}, {}), Tally({}, {}, {})) == (gone(own=took), came(own=gave))
    assert (of(READ), of(READ)) == (gone(own=gave).counted, came(own=took).counted), "somebody undid it since"


def test_nothing_is_counted_of_what_nobody_left_so() -> None:
    nothing = Tally({}, {}, {})
    gone, came = wanted(READ), there(READ)
    assert nothing == taken_back(gone, there(), earlier=None, losses=(), now=NOW)
    assert nothing == taken_back(gone, there(unfinished=True), earlier=wanted(READ), losses=(), now=NOW)
    assert nothing == taken_back(gone, there(role="other"), earlier=wanted(READ), losses=(), now=NOW)
    assert nothing == taken_back(wanted(role="other"), there(), earlier=wanted(READ), losses=(), now=NOW)
    assert nothing == given_back(wanted(), came, earlier=None, ours={"team"}, gains=(), now=NOW)
    assert nothing == given_back(wanted(), came, earlier=wanted(), ours={"other"}, gains=(), now=NOW)
    half = there(READ, unfinished=True)
    assert nothing == given_back(wanted(), half, earlier=wanted(), ours={"team"}, gains=(), now=NOW)
    assert nothing == given_back(wanted(role="other"), came, earlier=wanted(), ours={"team"}, gains=(), now=NOW)
    assert nothing == given_back(wanted(), there(role="other"), earlier=wanted(), ours={"team"}, gains=(), now=NOW)


@pytest.mark.parametrize(
    ("known", "is_now", "expected"),
    [
        (loss(), (), Tally({}, {}, {})),
        (loss(back=True), (), Tally(of(READ), {}, {})),
        (loss(), (READ,), Tally({}, of(READ), {})),
        (loss(back=True), (READ,), Tally({}, {}, {})),
        (loss(ago=FORGET_AFTER), (READ,), Tally({}, of(READ), {})),
        (loss(ago=FORGET_AFTER + ONE_HOUR), (), Tally(of(READ), {}, of(READ))),
    ],
    ids=["stays lost", "lost again", "put right", "stays right", "just not forgotten", "of long ago"],
)
def test_one_loss_that_stays_is_not_counted_twice(known: Loss, is_now: tuple[Permission, ...], expected: Tally) -> None:
    found = taken_back(wanted(READ), there(*is_now), earlier=wanted(READ), losses=[known], now=NOW)
    assert expected == found
    assert bool(expected.counted or expected.put_right or expected.forgotten) == bool(found)


@pytest.mark.parametrize(
    ("known", "is_now", "expected"),
    [
        (loss(), (READ,), Tally({}, {}, {})),
        (loss(back=True), (READ,), Tally(of(READ), {}, {})),
        (loss(), (), Tally({}, of(READ), {})),
    ],
    ids=["stays given", "given again", "put right"],
)
def test_one_gain_that_stays_is_not_counted_twice(known: Loss, is_now: tuple[Permission, ...], expected: Tally) -> None:
    assert expected == given_back(wanted(), there(*is_now), earlier=wanted(), ours={"team"}, gains=[known], now=NOW)


def test_a_permission_of_a_role_that_is_gone_is_not_there() -> None:
    assert is_there(loss(), there(READ))
    assert not is_there(loss(), there(EDIT))
    assert not is_there(loss(), there(READ, role="other"))


# --- giving way ---------------------------------------------------------------------------------------------------------


OFTEN, RARELY = YIELD_AFTER, YIELD_AFTER - 1
LONG_AGO = TRY_AGAIN_AFTER


@pytest.mark.parametrize(
    ("known", "is_now", "left"),
    [
        (loss(times=OFTEN), (), (OTHER,)),
        (loss(times=OFTEN + 1), (), (OTHER,)),
        (loss(times=RARELY), (), (READ, OTHER)),
        (loss(times=OFTEN, ago=LONG_AGO), (), (READ, OTHER)),
        (loss(times=OFTEN), (READ,), (READ, OTHER)),
    ],
    ids=["often", "more often", "rarely", "a day ago", "it is there"],
)
def test_what_was_taken_too_often_is_wanted_no_more(
    known: Loss, is_now: tuple[Permission, ...], left: tuple[Permission, ...]
) -> None:
    found = give_way(wanted(READ, OTHER), there(*is_now), losses=[known], now=NOW)
    assert of(*left) == {name: role.permissions for name, role in found.roles.items()}
    assert (len(left) == 1) == bool(found.notes)


@pytest.mark.parametrize(
    ("known", "is_now", "left"),
    [
        (loss(times=OFTEN), (READ,), (OTHER, READ)),
        (loss(times=RARELY), (READ,), (OTHER,)),
        (loss(times=OFTEN, ago=LONG_AGO), (READ,), (OTHER,)),
        (loss(times=OFTEN), (), (OTHER,)),
    ],
    ids=["often", "rarely", "a day ago", "it is gone"],
)
def test_what_was_given_too_often_is_left(
    known: Loss, is_now: tuple[Permission, ...], left: tuple[Permission, ...]
) -> None:
    found = give_way(wanted(OTHER), there(*is_now), losses=(), gains=[known], now=NOW)
    assert of(*left) == {name: role.permissions for name, role in found.roles.items()}
    assert (len(left) == 2) == bool(found.notes)


def test_people_are_told_which_dag_it_is_and_what_to_do() -> None:
    before = Note("frozen", "a note of before")
    desired = DesiredState("prod", {}, wanted(READ, EDIT, OTHER).roles, {}, notes=(before,))
    losses = [loss(p, times=OFTEN) for p in (READ, EDIT, OTHER)]
    found = give_way(desired, there(), losses=losses, now=NOW)
    assert before == found.notes[0]
    assert ["dag_takes_back"] * 2 == [note.code for note in found.notes[1:]]
    assert (
        "DAG a takes can_edit and can_read back from role team each time syncd gives it, as a DAG does whose code sets "
        "access_control: that wins over the API. Name team there, or remove access_control; if there is none, somebody takes "
        "it by hand. syncd tries again after 24 hours"
    ) == found.notes[1].text
    assert found.notes[2].text.startswith("DAG b takes can_read back from role team")


def test_people_are_told_which_dag_gives_and_what_to_do() -> None:
    found = give_way(wanted(), there(READ), losses=(), gains=[loss(times=OFTEN)], now=NOW)
    assert (
        Note(
            "dag_gives_back",
            "DAG a gives can_read back to role team each time syncd takes it, as a DAG does whose code names team in "
            "access_control: that wins over the API, and nobody who holds team has it from a mapping line. Take team out "
            "there, or give it in a mapping; if there is no access_control, somebody gives it by hand. syncd tries again "
            "after 24 hours",
        ),
    ) == found.notes


@pytest.mark.finding("N-610")
def test_people_are_told_what_is_taken_and_given_that_is_on_no_dag() -> None:
    pools = permission("can_edit", "Pools")
    desired = wanted(SITE, pools)
    losses, gains = [loss(p, times=OFTEN) for p in (SITE, pools)], [loss(EVERY, times=OFTEN)]
    found = give_way(desired, there(EVERY), losses=losses, gains=gains, now=NOW)
    assert of(EVERY) == {name: role.permissions for name, role in found.roles.items()}
    assert [
        Note(
            "permission_taken_back",
            "role team loses can_edit on Pools, can_read on Website each time syncd gives it, by another tool, a second syncd or "
            "somebody by hand: Airflow notes of no edit in its pages or by its API who made it. syncd tries again after 24 hours",
        ),
        Note(
            "permission_given_back",
            "role team is given can_edit on DAGs each time syncd takes it, by another tool, a second syncd or somebody by hand: "
            "Airflow notes of no edit in its pages or by its API who made it; no mapping line gives it. syncd tries again "
            "after 24 hours",
        ),
    ] == list(found.notes)


@pytest.mark.finding("N-610")
def test_what_administers_is_never_left_however_often_it_is_given() -> None:
    gains = [loss(p, times=OFTEN) for p in (RIGHTS, EVERY)]
    found = give_way(wanted(), there(RIGHTS, EVERY), losses=(), gains=gains, now=NOW, never=NAMING.is_privileged)
    assert of(EVERY) == {name: role.permissions for name, role in found.roles.items()}
    assert "permission_given_back" == found.notes[1].code
    assert found.notes[1].text.startswith(
        "role team is given can_edit on Users each time syncd takes it, by another tool"
    )
    assert found.notes[1].text.endswith("; it administers, so syncd takes it each time")


def test_a_part_of_a_dag_is_said_beside_what_is_done_with_it() -> None:
    run = permission("can_create", "DAG Run:a")
    [note] = give_way(wanted(run), there(), losses=[loss(run, times=OFTEN)], now=NOW).notes
    assert note.text.startswith(f"DAG a takes can_create ({run.part}) back from role team")


def test_roles_that_nobody_contests_stay_as_they_are_wanted() -> None:
    other = Role("other", frozenset({EDIT}))
    desired = DesiredState("prod", {}, {**wanted(READ).roles, "other": other}, {})
    found = give_way(desired, there(), losses=[loss(times=OFTEN)], now=NOW)
    assert other is found.roles["other"]
    assert desired == give_way(desired, there(), losses=(), now=NOW)
    elsewhere = Loss("gone", READ, times=OFTEN, last=NOW, back=True)
    known = [loss(), replace(elsewhere, back=False)]
    assert Tally({}, {}, {}) == taken_back(desired, there(), earlier=desired, losses=known, now=NOW)
    assert desired == give_way(desired, there(READ, role="gone"), losses=(), gains=[elsewhere], now=NOW)
