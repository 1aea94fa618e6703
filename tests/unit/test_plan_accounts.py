"""Whose account an account is: by the id of the person for whom it was made, whatever it and they are called now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from plan_world import person, reasons, there, wanted

from syncd.model import EVERYTHING, DesiredState, MadeAccount, Note, ObservedState, Scope, User, key
from syncd.plan.accounts import known_accounts, renamed
from syncd.targets.airflow.naming import NAMING

ANN_ID, BOB_ID, OTHER_ID = ("okta", "1"), ("okta", "2"), ("entra", "9")
ANN = person("Ann", "Op", email="ann@corp.example")
BEFORE = Note("frozen", "a note")


def made(**accounts: tuple[str, str]) -> list[MadeAccount]:
    return [MadeAccount(name, who, f"{name}@corp.example") for name, who in accounts.items()]


def state(*people: User, whose: Mapping[str, tuple[tuple[str, str], ...]] | None = None, **more: Any) -> DesiredState:
    return wanted(*people, whose={"ann": (ANN_ID, OTHER_ID)} if whose is None else whose, notes=(BEFORE,), **more)


def known(
    desired: DesiredState,
    observed: ObservedState,
    accounts: list[MadeAccount],
    *,
    ours: frozenset[str] | None = None,
    scope: Scope = EVERYTHING,
    match_email: bool | None = None,
) -> DesiredState:
    ours = frozenset(a.name for a in accounts) if ours is None else ours
    more = {} if match_email is None else {"match_email": match_email}
    return known_accounts(desired, observed, made=accounts, ours=ours, scope=scope, naming=NAMING, **more)


OLD = person("Ann.Old", "Op", email="old@corp.example")
KEPT = (
    "Ann goes by the account Ann.Old, which syncd made for the same person under an earlier login or e-mail; {}. To let "
    "them log in under the new name, rename or delete Ann.Old in Airflow"
)
GIVEN_THERE = Note("account_kept", KEPT.format("what they are given is given there"))
WAITS = Note(
    "account_kept",
    KEPT.format("nothing is changed for them by this pass; the next one over everything gives it there"),
)


def test_an_account_stays_the_persons_for_whom_it_was_made() -> None:
    """They hold on it what is wanted, with the same reasons, and a doubt about them is a doubt about it."""
    desired = state(ANN, person("bob", "Op"), frozen_users={"ann": "in doubt", "zoe": "as well"})
    found = known(desired, there(OLD, person("bob")), made(**{"ann.old": ANN_ID}))
    assert {"ann.old": replace(ANN, username="Ann.Old"), "bob": person("bob", "Op")} == found.users
    assert {"ann.old": reasons(ANN), "bob": reasons(person("bob", "Op"))} == found.because
    assert {"ann.old": (ANN_ID, OTHER_ID)} == found.whose
    assert {"ann.old": "in doubt", "zoe": "as well"} == found.frozen_users
    assert (BEFORE, GIVEN_THERE) == found.notes


@pytest.mark.parametrize(("scope", "is_left"), [(EVERYTHING, False), (Scope.people(["svc"]), True)])
def test_an_account_that_a_line_names_is_left_where_nobody_can_tell_whose_it_is(scope: Scope, is_left: bool) -> None:
    """A pass over a few people does not know for whom else of those it was made."""
    service = person("svc", "Op")
    desired = replace(state(service, whose={}), accounts=frozenset({"svc"}))
    found = known(desired, there(person("svc")), made(svc=ANN_ID), scope=scope)
    assert ({} if is_left else {"svc": service}) == found.users
    assert is_left == ("svc" in found.frozen_users)
    assert (BEFORE,) == found.notes


def test_of_whom_neither_reasons_nor_ids_are_known_none_are_known_after() -> None:
    desired = replace(state(ANN), because={}, whose={})
    found = renamed(desired, {"ann": "Ann.Old"})
    assert (["ann.old"], {"ann.old": {}}, {"ann.old": ()}) == (list(found.users), found.because, found.whose)
    left_out = renamed(desired, {"ann": None})
    assert ({}, {}, {}) == (left_out.users, left_out.because, left_out.whose)


def test_in_a_pass_that_is_not_about_the_old_account_the_person_is_left_out() -> None:
    """Somebody whom the pass does not know may be the one who is to have it."""
    observed, accounts = there(OLD, scope=Scope.people(["ann"])), made(**{"ann.old": ANN_ID})
    found = known(state(ANN), observed, accounts, scope=Scope.people(["ann"]))
    assert ({}, {}, {}) == (found.users, found.because, found.whose)
    assert (BEFORE, WAITS) == found.notes
    both = Scope.people(["ann", "ann.old"])
    assert (BEFORE, GIVEN_THERE) == known(state(ANN), observed, accounts, scope=both).notes


TWO = made(**{"ann.old": ANN_ID, "ann.older": ANN_ID})


@pytest.mark.parametrize(
    ("desired", "accounts", "noted", "ours"),
    [
        pytest.param(state(ANN), (person("Ann"), OLD), made(**{"ann.old": ANN_ID}), {"ann.old"}, id="hers is there"),
        pytest.param(state(ANN), (OLD,), made(**{"ann.old": BOB_ID}), {"ann.old"}, id="made for somebody else"),
        pytest.param(state(ANN), (OLD,), made(**{"ann.old": OTHER_ID}), {"ann.old"}, id="for another id of hers"),
        pytest.param(state(ANN), (), made(**{"ann.old": ANN_ID}), {"ann.old"}, id="it is gone"),
        pytest.param(state(ANN), (OLD,), made(**{"ann.old": ANN_ID}), {"bob"}, id="it is ours no longer"),
        pytest.param(state(ANN), (OLD,), made(**{"ann.old": ANN_ID}), set(), id="nothing is ours"),
        pytest.param(state(ANN), (OLD,), made(bob=BOB_ID), {"ann.old", "bob"}, id="for whom was not noted"),
        pytest.param(state(ANN, whose={}), (OLD,), made(**{"ann.old": ANN_ID}), {"ann.old"}, id="who she is, nobody knows"),
        pytest.param(state(ANN, person("Ann.Old")), (OLD,), made(**{"ann.old": ANN_ID}), {"ann.old"}, id="another is to have it"),
        pytest.param(state(ANN), (OLD, person("Ann.Older")), TWO, {"ann.old", "ann.older"}, id="two were made for her"),
    ],
)  # fmt: skip
def test_who_has_an_account_or_of_whom_no_one_account_is_known_goes_by_their_own_name(
    desired: DesiredState, accounts: tuple[User, ...], noted: list[MadeAccount], ours: set[str]
) -> None:
    found = known(desired, there(*accounts), noted, ours=frozenset(ours))
    assert desired == found


def test_whose_name_is_in_doubt_is_known_by_the_account_that_was_made_for_them() -> None:
    cid = person("cid", "Op")
    desired = state(undecided={"ann": ANN, "cid": cid})
    found = known(desired, there(OLD), made(**{"ann.old": ANN_ID}))
    assert {"ann.old": ANN, "cid": cid} == found.undecided
    assert (BEFORE,) == found.notes
    assert desired == known(desired, there(person("Ann.Old")), made(**{"ann.old": BOB_ID}))


PLACEHOLDER = (
    "Ann gets an account without its e-mail ann@corp.example: the account {} still has it, which syncd made for {}, and "
    'Airflow gives each e-mail once. To free it delete that account, or set leavers = "delete" for this deployment'
)
SOMEBODY, SAME = "somebody else", "the same person under the name that another source gives them"


def in_the_way(name: str, email: str = "ann@corp.example") -> User:
    return person(name, email=email)


@pytest.mark.parametrize(
    ("match_email", "accounts", "noted", "told"),
    [
        pytest.param(False, (in_the_way("Eve"),), made(eve=BOB_ID), ("Eve", SOMEBODY), id="a leaver has it"),
        pytest.param(None, (in_the_way("Eve"),), made(eve=BOB_ID), ("Eve", SOMEBODY), id="by default"),
        pytest.param(True, (in_the_way("Eve"),), made(eve=BOB_ID), ("Eve", SOMEBODY), id="although found by e-mail"),
        pytest.param(False, (in_the_way("Eve"),), made(eve=OTHER_ID), ("Eve", SAME), id="another name of hers has it"),
        pytest.param(
            False,
            (in_the_way("Eve"), in_the_way("Dan")),
            made(eve=BOB_ID, dan=BOB_ID),
            ("Dan, Eve", SOMEBODY),
            id="two leavers have it",
        ),
        pytest.param(
            False,
            (in_the_way("Eve"), in_the_way("Dan")),
            made(eve=OTHER_ID, dan=BOB_ID),
            ("Dan, Eve", SOMEBODY),
            id="one of two is another name of hers",
        ),
        pytest.param(False, (in_the_way("Eve", "ANN@corp.example"),), made(eve=BOB_ID), None, id="in other letters"),
        pytest.param(
            True, (in_the_way("Eve", "ANN@corp.example"),), made(eve=BOB_ID), ("Eve", SOMEBODY), id="matched in any"
        ),
        pytest.param(False, (in_the_way("Eve", "eve@corp.example"),), made(eve=BOB_ID), None, id="another e-mail"),
        pytest.param(False, (in_the_way("Eve"),), [], ("Eve", SOMEBODY), id="nobody noted for whom it was made"),
        pytest.param(None, (in_the_way("Eve"),), [], ("Eve", SOMEBODY), id="nobody noted, by default"),
        pytest.param(True, (in_the_way("Eve"),), [], None, id="which may be she, by e-mail"),
        pytest.param(False, (in_the_way("Eve"), in_the_way("Not")), made(eve=BOB_ID), None, id="syncd made one of two"),
        pytest.param(False, (in_the_way("Not"),), made(eve=BOB_ID), None, id="somebody made it by hand"),
        pytest.param(
            True, (in_the_way("Eve"), in_the_way("Dan")), made(eve=ANN_ID, dan=ANN_ID), None, id="two made for her"
        ),
    ],
)
def test_a_new_account_gets_no_email_that_an_account_of_somebody_else_still_has(
    match_email: bool | None, accounts: tuple[User, ...], noted: list[MadeAccount], told: tuple[str, str] | None
) -> None:
    ours = frozenset({"eve", "dan"})
    found = known(state(ANN), there(*accounts), noted, ours=ours, match_email=match_email)
    email = NAMING.made_up_email("Ann") if told else ANN.email
    assert {"ann": replace(ANN, email=email)} == found.users
    assert (BEFORE, *([Note("email_placeholder", PLACEHOLDER.format(*told))] if told else [])) == found.notes
    assert {"ann": reasons(ANN)} == found.because


@pytest.mark.parametrize(("email", "is_free"), [("Ann@corp.example", False), ("eve@corp.example", True)])
def test_an_account_that_is_wanted_with_its_email_is_in_nobodys_way(email: str, is_free: bool) -> None:
    """Then two people have one e-mail, which is told where accounts are aligned; who is to have another one gives it up."""
    eve = person("Eve", "Op", email=email)
    desired = state(ANN, eve, whose={"ann": (ANN_ID,), "eve": (BOB_ID,)})
    found = known(desired, there(in_the_way("Eve")), made(eve=BOB_ID))
    assert (NAMING.made_up_email("Ann") if is_free else ANN.email) == found.users["ann"].email
    assert eve == found.users[key("Eve")]


def test_of_whom_no_id_is_known_no_account_is_their_own() -> None:
    desired = state(ANN, whose={})
    found = known(desired, there(in_the_way("Eve")), made(eve=BOB_ID))
    assert [Note("email_placeholder", PLACEHOLDER.format("Eve", SOMEBODY))] == list(found.notes[1:])


def test_each_person_is_looked_at_by_themselves() -> None:
    """Ann keeps the account that was made for her, Bob's e-mail is in use, and Cid gets what he is to have."""
    bob, cid = person("bob", "Op"), person("cid", "Op")
    desired = state(ANN, bob, cid, whose={"ann": (ANN_ID,), "bob": (BOB_ID,)})
    observed = there(OLD, person("Eve", email="bob@corp.example"))
    found = known(desired, observed, made(**{"ann.old": ANN_ID, "eve": OTHER_ID}))
    assert {"ann.old", "bob", "cid"} == found.users.keys()
    assert [NAMING.made_up_email("bob"), cid.email] == [found.users[name].email for name in ("bob", "cid")]
    assert ["frozen", "account_kept", "email_placeholder"] == [note.code for note in found.notes]
