"""What was renamed by hand: when it counts as renamed, who keeps it until when, and what is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

import pytest
from plan_world import person, reasons, role, there, wanted, why

from syncd.model import DesiredState, Note, Owned, Role, User
from syncd.plan.renamed import (
    account_notes,
    held_by_us,
    left_by,
    renamed_accounts,
    renamed_roles,
    server_note,
    still_wanted,
)
from syncd.targets.airflow.naming import NAMING

FIN, OTHER, BUILT_IN = role("fin", "a", "b"), role("other", "c"), role("Viewer", "a", "b")
NEW = replace(FIN, name="finance")


def by_us(**grants: str) -> dict[str, frozenset[str]]:
    return {name: frozenset(roles.split()) for name, roles in grants.items()}


OWNED = Owned(roles=frozenset({"fin", "other"}), grants=by_us(ann="fin", bob="fin other", cid="other", gone="fin"))
EARLIER = wanted(person("ann", "fin"), person("bob", "fin", "other"), roles=(FIN, OTHER))
SEEN = frozenset({"fin", "other", "Viewer"})
BOTH_HOLD = (person("ann", "finance"), person("bob", "finance", "other"), person("cid", "other"))


def roles_renamed(
    *roles: Role,
    people: tuple[User, ...] = BOTH_HOLD,
    desired: DesiredState = EARLIER,
    earlier: DesiredState | None = EARLIER,
    seen: frozenset[str] | None = SEEN,
    owned: Owned = OWNED,
    members: frozenset[str] = frozenset(),
    known: Mapping[str, str] = MappingProxyType({}),
) -> dict[str, str]:
    observed = there(*people, roles=(*roles, BUILT_IN))
    observed = replace(observed, members=members)
    return dict(renamed_roles(desired, observed, owned, earlier=earlier, seen=seen, naming=NAMING, known=known))


ONE_OF_TWO = (person("ann", "finance"), person("bob", "other"))
ONE_OF_THREE = (*ONE_OF_TWO, person("gone"))
NOBODY = (person("ann"), person("bob", "other"))
TWO_CAME = (person("ann", "finance"), person("bob", "finance", "fin2"))


def test_a_role_that_went_when_one_of_the_same_permissions_and_people_came_was_renamed() -> None:
    assert {"finance": "fin"} == roles_renamed(NEW, OTHER)
    assert {"finance": "fin"} == roles_renamed(NEW, OTHER, people=ONE_OF_TWO)


@pytest.mark.parametrize(
    ("roles", "more"),
    [
        pytest.param((FIN, NEW, OTHER), {}, id="it is there as well"),
        pytest.param((NEW, OTHER), {"earlier": None}, id="what was there before is not known"),
        pytest.param((NEW, OTHER), {"seen": None}, id="what was seen before is not known"),
        pytest.param((NEW, OTHER), {"seen": SEEN | {"finance"}}, id="the other one was there before"),
        pytest.param((NEW, OTHER), {"owned": replace(OWNED, roles=OWNED.roles | {"finance"})}, id="ours"),
        pytest.param((NEW, OTHER), {"owned": replace(OWNED, once=frozenset({"finance"}))}, id="ours once"),
        pytest.param((NEW, OTHER), {"owned": replace(OWNED, roles=frozenset({"other"}))}, id="the old one was not"),
        pytest.param((NEW, OTHER), {"desired": wanted(roles=(NEW,))}, id="a line gives the other one"),
        pytest.param((NEW, OTHER), {"earlier": wanted(roles=(OTHER,))}, id="it was wanted by nobody before"),
        pytest.param((replace(NEW, permissions=OTHER.permissions), OTHER), {}, id="other permissions"),
        pytest.param((NEW, replace(NEW, name="fin2"), OTHER), {"people": TWO_CAME}, id="two came"),
        pytest.param((NEW, OTHER), {"people": ONE_OF_THREE}, id="one of three of its people holds the other one"),
        pytest.param((NEW, OTHER), {"people": NOBODY}, id="nobody of its people holds the other one"),
        pytest.param((NEW, OTHER), {"people": ()}, id="nobody of its people is there"),
        pytest.param((NEW, OTHER), {"people": (*NOBODY, person("eve", "finance"))}, id="others hold it"),
        pytest.param((OTHER,), {"people": (person("ann", "Viewer"), person("bob", "Viewer"))}, id="built in"),
    ],
)  # fmt: skip
def test_a_role_that_went_was_not_renamed(roles: tuple[Role, ...], more: dict[str, object]) -> None:
    assert {} == roles_renamed(*roles, **more)  # type: ignore[arg-type]


def test_a_built_in_role_is_nobodys_new_name() -> None:
    people = (person("ann", "Viewer"), person("bob", "Viewer"))
    assert {} == roles_renamed(OTHER, people=people, seen=frozenset({"fin", "other"}))


def test_several_roles_are_renamed_at_once() -> None:
    changed = (NEW, replace(OTHER, name="another"))
    people = (person("ann", "finance"), person("bob", "finance", "another"), person("cid", "another"))
    assert {"another": "other", "finance": "fin"} == roles_renamed(*changed, people=people)


@pytest.mark.finding("N-413")
def test_a_second_role_that_we_made_was_renamed_although_the_first_is_there() -> None:
    both = replace(OWNED, members=frozenset({"fin~1", "other~2"}))
    assert {"finance": "fin"} == roles_renamed(FIN, NEW, OTHER, owned=both, members=frozenset({"other~2"}))
    assert {} == roles_renamed(FIN, NEW, OTHER, owned=both, members=both.members)
    assert {} == roles_renamed(FIN, NEW, OTHER, owned=both, members=frozenset({"fin~1"}))


@pytest.mark.finding("N-413")
def test_what_was_renamed_is_renamed_again() -> None:
    held = replace(OWNED, grants={**OWNED.grants, "ann": frozenset({"fin", "middle"}), "bob": frozenset({"middle"})})
    more = {"owned": held, "known": {"middle": "fin"}}
    assert {"finance": "fin"} == roles_renamed(FIN, NEW, OTHER, **more)  # type: ignore[arg-type]
    middle = replace(FIN, name="middle")
    assert {} == roles_renamed(FIN, NEW, OTHER, middle, **more)  # type: ignore[arg-type]
    assert {} == roles_renamed(FIN, NEW, OTHER, people=NOBODY, **more)  # type: ignore[arg-type]


RENAMES = {"finance": "fin"}


def test_who_had_it_from_us_holds_it_by_us_under_the_new_name() -> None:
    """Who holds the new one by another hand, or lost it meanwhile, does not."""
    observed = there(person("ann", "finance"), person("bob", "other"), person("cid", "finance", "other"), roles=(NEW,))
    assert Owned(grants=by_us(ann="finance")) == held_by_us(observed, OWNED, RENAMES)
    assert Owned() == held_by_us(observed, OWNED, {})


ROLE_NOTE = Note(
    "role_renamed",
    "fin seems to be called finance now: the one went when the other came, with the same permissions and people. fin "
    "is made anew, and who leaves loses both. If finance is ours run: syncd accept-role prod finance (what syncd "
    "gave of it goes, and it goes once nobody holds it); if it is somebody's add --leave; or call it finance in the mapping",
)


def test_who_is_still_given_a_role_that_was_renamed_keeps_it_and_who_is_not_loses_it() -> None:
    """Ann keeps it, for the reasons she has the old one. Bob lost its line, Cid holds nothing by us, and Zoe left."""
    ann, bob, cid = person("ann", "fin"), person("bob", "other"), person("cid", "fin")
    before = Note("frozen", "a note")
    desired = wanted(ann, bob, cid, roles=(FIN,), frozen={"fin": "in doubt", "other": "too"}, notes=(before,))
    mine = Owned(grants=by_us(ann="finance", bob="finance", zoe="finance"))
    found = still_wanted(desired, mine, RENAMES)
    kept = {"ann": person("ann", "fin", "finance"), "bob": bob, "cid": cid}
    assert kept == found.users
    assert {"fin": why("fin"), "finance": why("fin")} == found.because["ann"]
    assert reasons(bob) == found.because["bob"]
    assert {"fin": "in doubt", "other": "too", "finance": "in doubt"} == found.frozen
    assert (before, ROLE_NOTE) == found.notes
    assert desired.roles == found.roles
    assert still_wanted(desired, mine, {"finance": "other"}).users["bob"] == person("bob", "other", "finance")


def test_who_is_given_a_role_without_a_reason_keeps_it_without_one() -> None:
    desired = replace(wanted(person("ann", "fin")), because={})
    mine = Owned(grants=by_us(ann="finance"))
    assert {"ann": {"finance": ()}} == still_wanted(desired, mine, RENAMES).because
    assert {"ann": {"finance": ()}} == still_wanted(replace(desired, because={"ann": {}}), mine, RENAMES).because
    assert still_wanted(desired, mine, {}) is desired


EMAILS = {"ann": "Ann@corp.example", "bob": "bob@corp.example"}
A1 = person("A1", "fin", "more", email="ann@CORP.example")


@pytest.mark.parametrize(
    ("accounts", "desired", "owned", "found"),
    [
        pytest.param((A1,), wanted(), by_us(ann="fin"), {"a1": "ann"}, id="her e-mail and all that she held"),
        pytest.param((replace(A1, roles=frozenset({"fin"})),), wanted(), by_us(ann="fin"), {"a1": "ann"}, id="just that"),
        pytest.param((A1, person("ann")), wanted(), by_us(ann="fin"), {}, id="hers is there as well"),
        pytest.param((A1,), wanted(), by_us(ann="fin ops"), {}, id="not all that she held"),
        pytest.param((A1,), wanted(), by_us(ann=""), {}, id="she held nothing by us"),
        pytest.param((A1,), wanted(), {"zoe": frozenset({"fin"})}, {}, id="an e-mail that nobody knows"),
        pytest.param((replace(A1, email=""),), wanted(), {"zoe": frozenset({"fin"})}, {}, id="none is no e-mail"),
        pytest.param((A1, person("A2", "fin", email="ann@corp.example")), wanted(), by_us(ann="fin"), {}, id="two"),
        pytest.param((A1,), wanted(person("a1")), by_us(ann="fin"), {}, id="somebody else is to have it"),
        pytest.param((A1,), wanted(), by_us(ann="fin", a1="ops"), {}, id="somebody else holds something on it by us"),
        pytest.param(
            (A1, person("B1", "ops", email="BOB@corp.example")),
            wanted(),
            by_us(ann="fin", bob="ops"),
            {"a1": "ann", "b1": "bob"},
            id="two people",
        ),
    ],
)  # fmt: skip
def test_an_account_was_renamed_that_has_the_email_and_all_that_syncd_gave(
    accounts: tuple[User, ...],
    desired: DesiredState,
    owned: dict[str, frozenset[str]],
    found: dict[str, str],
) -> None:
    observed = there(*accounts, person("eve", "fin"))
    renames = renamed_accounts(desired, observed, Owned(grants=owned), email_of=lambda name: EMAILS.get(name, ""))
    assert found == renames


def test_an_account_that_syncd_made_for_another_was_not_renamed() -> None:
    owned = Owned(users=frozenset({"a1"}), grants=by_us(ann="fin"))
    assert {} == renamed_accounts(wanted(), there(A1), owned, email_of=lambda name: EMAILS.get(name, ""))


@pytest.mark.parametrize(
    ("desired", "loses"),
    [
        pytest.param(wanted(), True, id="she left"),
        pytest.param(wanted(person("ann", "ops")), False, id="a line gives her something"),
        pytest.param(wanted(frozen_users={"ann": "in doubt"}), False, id="who she is, is in doubt"),
    ],
)
def test_who_left_loses_by_the_new_name_what_syncd_gave_by_the_old(desired: DesiredState, loses: bool) -> None:
    owned = Owned(grants=by_us(ann="fin", bob="ops"))
    assert Owned(grants=by_us(a1="fin") if loses else {}) == left_by({"a1": "ann"}, desired, owned)


def test_what_is_told_of_accounts_and_servers_that_changed_their_names() -> None:
    first, second = account_notes({"b1": "bob", "a1": "ann"})
    assert first == Note(
        "account_renamed",
        "ann seems to be called a1 now: the account has its e-mail and all that syncd gave it. It keeps that until ann "
        "leaves, and then loses it. Call it ann again, or correct the username rule of this deployment",
    )
    assert second.text.startswith("bob seems to be called b1 now")
    assert server_note("prod", "https://new", was="https://old") == Note(
        "server_changed",
        "prod is at https://new now and was at https://old before, which counts as another server: what syncd gave there is "
        "left as it is, and nothing is taken here because of it. If it is the same server under another address run: "
        "syncd accept-server prod (what was ours before is ours again); if it is another one add --leave",
    )
