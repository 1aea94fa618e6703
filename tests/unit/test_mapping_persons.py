"""One person with accounts in several sources: who is joined, under which name, and what they are given."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mapping_world import PROD, compiled, group, person, snapshot

from syncd.directory.join import join
from syncd.model import DesiredState, Directory, Group, Identity, Joining, JoinKey, Members, Snapshot

MAPPING = """
bindings:
  - {group: okta:staff, roles: [Viewer], deployments: all}
  - {group: entra:finance, roles: [Op], deployments: all}
"""
BY_EMAIL = Joining(precedence=("okta", "entra"))
OKTA = replace(PROD, login_source="okta")

ANN_O = person("o1", source="okta", login="ann", email="Ann@corp.example", given_name="Ann", family_name="Okta")
ANN_E = person("e1", source="entra", login="ann@upn", email="ann@CORP.example", given_name="Anna", family_name="Entra")


def directory(
    *people: Identity,
    groups: tuple[Group, ...] = (),
    joining: Joining = BY_EMAIL,
    failed: dict[str, str] | None = None,
    earlier: dict[str, Snapshot] | None = None,
) -> Directory:
    """Join one read of each source that people and groups name, save those that failed."""
    names = {p.source for p in people} | {g.source for g in groups}
    fresh = {
        s: snapshot((p for p in people if p.source == s), *(g for g in groups if g.source == s), source=s)
        for s in sorted(names - (failed or {}).keys())
    }
    return join(fresh, earlier or {}, failed or {}, joining=joining)


def staff(*members: Identity, complete: bool = True, why: str = "") -> Group:
    return group("staff", *(m.id for m in members), source="okta", complete=complete, why=why)


def finance(*members: Identity) -> Group:
    return group("finance", *(m.id for m in members), source="entra")


def held(desired: DesiredState) -> dict[str, set[str]]:
    return {user.username: set(user.roles) for user in desired.users.values()}


def codes(desired: DesiredState) -> list[str]:
    return [note.code for note in desired.notes]


def test_grants_of_all_accounts_add_up_on_the_one_that_logs_in() -> None:
    known = directory(ANN_O, ANN_E, groups=(staff(ANN_O), finance(ANN_E)))
    for deployment, username in ((PROD, "ann"), (OKTA, "ann"), (replace(PROD, login_source="entra"), "ann@upn")):
        desired = compiled(MAPPING, known, deployment)
        assert {username: {"Viewer", "Op"}} == held(desired)
        sources = {r.source for roles in desired.because.values() for why in roles.values() for r in why}
        assert {"okta", "entra"} == sources


def test_names_come_by_precedence_and_the_email_from_where_the_person_logs_in() -> None:
    known = directory(ANN_O, ANN_E, groups=(finance(ANN_E),), joining=Joining(precedence=("entra", "okta")))
    [user] = compiled(MAPPING, known, OKTA).users.values()
    assert ("ann", "Anna", "Entra", "Ann@corp.example") == (user.username, user.first_name, user.last_name, user.email)


def test_who_has_no_name_in_the_first_source_gets_that_of_the_next() -> None:
    known = directory(replace(ANN_O, given_name="", family_name=" "), ANN_E, groups=(finance(ANN_E),))
    [user] = compiled(MAPPING, known, OKTA).users.values()
    assert ("Anna", "Entra") == (user.first_name, user.last_name)


def test_who_is_inactive_where_they_log_in_gets_nothing_at_all() -> None:
    gone = replace(ANN_O, active=False)
    desired = compiled(MAPPING, directory(gone, ANN_E, groups=(staff(gone), finance(ANN_E))), OKTA)
    assert ({}, {}) == (held(desired), desired.frozen)


def test_who_is_inactive_elsewhere_gets_nothing_by_that_account() -> None:
    gone = replace(ANN_E, active=False)
    desired = compiled(MAPPING, directory(ANN_O, gone, groups=(staff(ANN_O), finance(gone))), OKTA)
    assert {"ann": {"Viewer"}} == held(desired)


def test_who_cannot_log_in_gets_nothing_and_that_is_told() -> None:
    desired = compiled(MAPPING, directory(ANN_E, groups=(staff(), finance(ANN_E))), OKTA)
    assert ({}, {}, ["no_login_identity"]) == (held(desired), desired.frozen, codes(desired))
    assert "entra:ann@upn get nothing: okta, which this deployment logs in with" in desired.notes[0].text


@pytest.mark.parametrize("doubt", ["failed", "never whole", "nameless member"])
def test_nothing_is_taken_from_whom_the_login_source_may_just_not_have_shown(doubt: str) -> None:
    groups = {
        "failed": (finance(ANN_E),),
        "never whole": (finance(ANN_E), staff(complete=False, why="page 2 was cut")),
        "nameless member": (finance(ANN_E), staff(ANN_O)),
    }[doubt]
    failed = {"okta": "it does not answer"} if doubt == "failed" else {}
    desired = compiled(MAPPING, directory(ANN_E, groups=groups, failed=failed), OKTA)
    assert {} == held(desired)
    assert "Op" in desired.frozen
    assert "no_login_identity" in codes(desired)


def test_who_was_known_before_the_login_source_failed_keeps_everything() -> None:
    earlier = {"okta": snapshot((ANN_O,), staff(ANN_O), source="okta")}
    known = directory(ANN_E, groups=(finance(ANN_E),), failed={"okta": "it does not answer"}, earlier=earlier)
    assert {"ann": {"Viewer", "Op"}} == held(compiled(MAPPING, known, OKTA))


def test_a_source_that_fails_keeps_nobody_of_another_source_who_leaves() -> None:
    bob = person("e2", source="entra", login="bob@upn", email="bob@corp.example")
    earlier = {"okta": snapshot((ANN_O,), staff(ANN_O), source="okta")}
    known = directory(ANN_E, bob, groups=(finance(ANN_E),), failed={"okta": "it does not answer"}, earlier=earlier)
    desired = compiled(MAPPING, known)
    assert ({"ann": {"Viewer", "Op"}}, {}) == (held(desired), dict(desired.frozen)), "bob is in no group any more"


def test_who_is_in_no_group_of_a_source_that_fails_keeps_the_name_that_it_gives() -> None:
    earlier = {"okta": snapshot((ANN_O,), staff(), source="okta")}
    known = directory(ANN_E, groups=(finance(ANN_E),), failed={"okta": "it does not answer"}, earlier=earlier)
    assert {"ann": {"Op"}} == held(compiled(MAPPING, known))


def test_a_source_that_fails_and_was_never_read_may_know_anybody() -> None:
    known = directory(ANN_E, groups=(finance(ANN_E),), failed={"okta": "it does not answer"})
    assert {"Op", "Viewer"} == set(compiled(MAPPING, known).frozen)


@pytest.mark.parametrize(
    ("order", "frozen", "given"),
    [
        (("okta", "entra"), {"Op", "Viewer"}, {}),
        (("entra", "okta"), {"Viewer"}, {"ann@upn": {"Op"}}),
        ((), {"Viewer"}, {"ann@upn": {"Op"}}),
    ],
)
def test_who_may_have_another_account_keeps_what_is_on_it_and_gets_nothing_on_this_one(
    order: tuple[str, ...], frozen: set[str], given: dict[str, set[str]]
) -> None:
    """Without a login source the first that knows a person names the account; if it was not read whole, it may yet."""
    groups = (finance(ANN_E), staff(complete=False, why="page 2 was cut"))
    desired = compiled(MAPPING, directory(ANN_E, groups=groups, joining=Joining(precedence=order)))
    assert (given, frozen) == (held(desired), set(desired.frozen))
    assert bool(given) != ("ann@upn" in desired.undecided)


def test_two_accounts_of_one_source_are_never_one_person() -> None:
    admin = replace(ANN_O, id="o2", login="adm-ann")
    desired = compiled(MAPPING, directory(ANN_O, admin, ANN_E, groups=(staff(ANN_O, admin), finance(ANN_E))))
    assert {"ann": {"Viewer"}, "adm-ann": {"Viewer"}, "ann@upn": {"Op"}} == held(desired)
    assert {"ann", "adm-ann", "ann@upn"} == set(desired.frozen_users), "what they hold may have come through another"
    [note] = [n for n in desired.notes if n.code == "join_ambiguous"]
    assert "entra:ann@upn (id e1) and okta:adm-ann (id o2) and okta:ann (id o1) have one e-mail" in note.text


@pytest.mark.parametrize(
    ("key", "changes", "is_joined"),
    [
        (JoinKey.EMAIL, {}, True),
        (JoinKey.EMAIL, {"email": ""}, False),
        (JoinKey.NONE, {}, False),
        (JoinKey.ID, {}, False),
        (JoinKey.ID, {"id": "O1"}, True),
        (JoinKey.EMPLOYEE_NUMBER, {}, False),
        (JoinKey.EMPLOYEE_NUMBER, {"employee_number": "007"}, True),
    ],
)
def test_what_joins(key: JoinKey, changes: dict[str, str], *, is_joined: bool) -> None:
    okta = replace(ANN_O, employee_number="007" if changes.get("employee_number") else "")
    known = directory(okta, replace(ANN_E, **changes), joining=Joining(key))  # type: ignore[arg-type]
    assert is_joined == bool(known.persons)


def test_two_people_with_one_user_name_are_an_error_that_names_both() -> None:
    other = replace(ANN_E, email="other@corp.example", login="ANN")
    desired = compiled(MAPPING, directory(ANN_O, other, groups=(staff(ANN_O), finance(other))))
    assert {} == held(desired)
    assert {"ann": "entra:ANN (id e1) and okta:ann (id o1) would share one account"} == desired.frozen_users


# --- properties -------------------------------------------------------------------------------------------------------

SOURCES = ("okta", "entra", "file")
identities = st.builds(
    Identity,
    st.sampled_from(SOURCES),
    st.sampled_from(["1", "2", "3", "4"]),
    st.just("login"),
    st.sampled_from(["", "a@x", "A@X", "b@x", "c@x"]),
    st.just("Given"),
    st.just("Family"),
    st.booleans(),
)
crowds = st.lists(identities, unique_by=lambda i: (i.source, i.id), max_size=10)


@given(crowds, st.permutations(SOURCES), st.randoms(use_true_random=False))
def test_joining_does_not_depend_on_the_order_of_reading(
    crowd: list[Identity], order: list[str], chance: object
) -> None:
    shuffled = sorted(crowd, key=lambda i: (order.index(i.source), i.id))
    first, second = directory(*crowd), directory(*shuffled)
    assert (first.persons, first.notes) == (second.persons, second.notes)


@given(crowds)
def test_nobody_is_joined_within_a_source_and_everybody_belongs_to_one_person(crowd: list[Identity]) -> None:
    found = directory(*crowd)
    for place, person_ in found.persons.items():
        sources = [i.source for i in person_.accounts]
        assert len(set(sources)) == len(sources) > 1
        assert 1 == len({i.email.casefold() for i in person_.accounts})
        assert place in {(i.source, i.id) for i in person_.accounts}
        assert all(found.persons[i.source, i.id] == person_ for i in person_.accounts)


@given(crowds)
def test_joining_gives_nobody_a_role_that_no_account_of_theirs_is_given(crowd: list[Identity]) -> None:
    """Whatever is joined, each account holds what the groups of its person give, and no more."""
    mapping = "bindings:\n" + "".join(f"  - {{group: {s}:g, roles: [R{s}], deployments: all}}\n" for s in SOURCES)
    mapping += "roles:\n" + "".join(f'  R{s}: {{permissions: ["can_read on Pools"]}}\n' for s in SOURCES)
    crowd = [replace(i, login=f"{i.source}-{i.id}") for i in crowd]
    groups = tuple(group("g", *(i.id for i in crowd if i.source == s), source=s) for s in SOURCES)
    found = directory(*crowd, groups=groups)
    for user in compiled(mapping, found).users.values():
        source, _, id_ = user.username.partition("-")
        person_ = found.persons.get((source, id_))
        accounts = person_.accounts if person_ else (found.identities[source, id_],)
        assert {f"R{i.source}" for i in accounts if i.active} >= user.roles
        assert accounts[0].active, "who cannot log in gets nothing"


def test_members_are_still_what_they_were() -> None:
    assert Members(staff(ANN_O)) == directory(ANN_O, groups=(staff(ANN_O),)).groups["okta", "id-staff"]
