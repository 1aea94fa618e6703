"""A directory cut down to a few people, and whom a new one says something else of."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from mapping_world import PROD, group, person

from syncd.directory.narrow import DirectoryView, changed, cleared
from syncd.model import Directory, Group, Identity, Members, Person, PersonKey

ANN, BOB, CID = (person(name, source="okta") for name in ("ann", "bob", "cid"))
ANN_E, DAN_E = person("a1", source="entra", login="ann.e"), person("dan", source="entra")
EVERYBODY = (ANN, BOB, CID, ANN_E, DAN_E)
ONE = Person((ANN, ANN_E))
JOINED = {("okta", "ann"): ONE, ("entra", "a1"): ONE}


def has(*members: str, name: str = "staff", source: str = "okta") -> Group:
    return group(name, *members, source=source)


def of(*people: Identity, groups: tuple[Members, ...] = (), **more: Any) -> Directory:
    known = {(i.source, i.id): i for i in people}
    whole = Directory(known, {(m.group.source, m.group.id): m for m in groups}, read=frozenset({"okta", "entra"}))
    return replace(whole, **more)


def who(*names: str) -> set[PersonKey]:
    entra = {"a1", "dan"}
    return {("entra" if name in entra else "okta", name) for name in names}


def in_staff(*members: str, stale: tuple[str, ...] = (), unknown: bool = False) -> Directory:
    staff = Members(has(*members), frozenset(stale), certified=not (stale or unknown), unknown=unknown)
    return of(*EVERYBODY, groups=(staff, Members(has("bob", name="ops"))))


def copied(directory: Directory) -> Directory:
    """Say the same in other values, as a read that is the same as the last one does."""
    groups = {
        where: replace(m, group=replace(m.group, members=frozenset(sorted(m.group.members))))
        for where, m in directory.groups.items()
    }
    return replace(directory, identities={w: replace(i) for w, i in directory.identities.items()}, groups=groups)


def only_stale(directory: Directory, *stale: str) -> Directory:
    """Let members be known by an older read alone, beside just those who were read."""
    groups = {where: replace(m, stale=frozenset(stale)) for where, m in directory.groups.items()}
    return replace(directory, groups=groups)


FAILED = {"okta": "down"}
NAMED = {("okta", "Team"): "id-staff"}
NAMED_OTHER = {("okta", "Team"): "id-ops"}
STAFF = in_staff("ann", "cid")


@pytest.mark.parametrize(
    ("before", "after", "people"),
    [
        pytest.param(of(ANN, BOB), of(ANN, BOB, CID), who("cid"), id="somebody came"),
        pytest.param(of(ANN, BOB), of(BOB), who("ann"), id="somebody went"),
        pytest.param(of(ANN, BOB), of(replace(ANN, email="new@x"), BOB), who("ann"), id="another e-mail"),
        pytest.param(STAFF, copied(STAFF), set(), id="the same, read again"),
        pytest.param(in_staff("ann"), in_staff("ann", "bob"), who("bob"), id="joined a group"),
        pytest.param(in_staff("ann", "bob"), in_staff("bob"), who("ann"), id="left a group"),
        pytest.param(in_staff("ann", stale=("bob",)), in_staff("ann"), who("bob"), id="known to have left"),
        pytest.param(in_staff("ann"), in_staff("ann", stale=("bob",)), who("bob"), id="may be in it again"),
        pytest.param(STAFF, only_stale(STAFF, "bob"), who("bob"), id="may be in it, by the same read"),
        pytest.param(only_stale(STAFF, "bob"), STAFF, who("bob"), id="is not in it, by the same read"),
        pytest.param(in_staff("ann"), in_staff("bob", unknown=True), who("ann", "bob"), id="a group came into doubt"),
        pytest.param(in_staff("ann", unknown=True), in_staff("ann"), who("ann"), id="a group came out of doubt"),
        pytest.param(in_staff("ann", unknown=True), in_staff("ann", "bob", unknown=True), who("bob"), id="it stays in doubt"),
        pytest.param(of(*EVERYBODY), STAFF, who("ann", "cid", "bob"), id="groups came"),
        pytest.param(STAFF, of(*EVERYBODY), who("ann", "cid", "bob"), id="groups went"),
        pytest.param(of(*EVERYBODY), of(*EVERYBODY, persons=JOINED), who("ann", "a1"), id="two became one person"),
        pytest.param(of(*EVERYBODY, persons=JOINED), of(*EVERYBODY), who("ann", "a1"), id="one person became two"),
        pytest.param(
            of(*EVERYBODY, persons=JOINED), of(*EVERYBODY, persons=dict(JOINED)), set(), id="one person stays one"
        ),
        pytest.param(of(ANN), of(ANN, mistaken={("okta", "ann"): "two"}), who("ann"), id="who she is came into doubt"),
        pytest.param(
            of(ANN, BOB, mistaken={("okta", "bob"): "two", ("okta", "ann"): "two"}),
            of(ANN, BOB, mistaken={("okta", "bob"): "two"}),
            who("ann"),
            id="who she is came out of doubt, and Bob stays in it",
        ),
        pytest.param(STAFF, replace(STAFF, names=NAMED), who("ann", "cid"), id="a name came to mean a group"),
        pytest.param(replace(STAFF, names=NAMED), STAFF, who("ann", "cid"), id="a name means it no more"),
        pytest.param(
            replace(STAFF, names=NAMED), replace(STAFF, names=NAMED_OTHER), who("ann", "cid", "bob"), id="it means another"
        ),
        pytest.param(replace(STAFF, names=NAMED), replace(STAFF, names=dict(NAMED)), set(), id="it means the same"),
        pytest.param(
            replace(STAFF, names=NAMED),
            replace(in_staff("ann", "cid", "bob"), names={}, mistaken={("entra", "dan"): "two"}),
            who("ann", "cid", "bob", "dan"),
            id="all at once",
        ),
    ],
)  # fmt: skip
def test_of_whom_something_else_is_said(before: Directory, after: Directory, people: set[PersonKey]) -> None:
    assert people == changed(before, after)
    assert frozenset() == changed(after, after)


RANKED = of(*EVERYBODY, person("fay", source="files"), persons=JOINED)
RANKED = replace(RANKED, order=("okta", "entra"), read=RANKED.read | {"files"})
OKTA_FAILED, ENTRA_FAILED = replace(RANKED, failed=FAILED), replace(RANKED, failed={"entra": "down"})
ALL_IDS = frozenset(RANKED.identities)
BELOW_OKTA, UNRANKED = who("dan") | {("files", "fay")}, {("files", "fay")}


@pytest.mark.parametrize(
    ("before", "after", "people"),
    [
        pytest.param(RANKED, RANKED, set(), id="nothing failed"),
        pytest.param(RANKED, OKTA_FAILED, BELOW_OKTA, id="the first failed"),
        pytest.param(OKTA_FAILED, RANKED, BELOW_OKTA, id="the first is back"),
        pytest.param(RANKED, ENTRA_FAILED, UNRANKED, id="the second failed"),
        pytest.param(OKTA_FAILED, ENTRA_FAILED, who("dan"), id="one is back and the other failed"),
        pytest.param(OKTA_FAILED, replace(OKTA_FAILED, failed={"okta": "429"}), set(), id="it fails in another way"),
        pytest.param(RANKED, replace(RANKED, order=("entra", "okta")), ALL_IDS, id="another order"),
        pytest.param(
            RANKED, replace(OKTA_FAILED, order=("entra", "okta")), ALL_IDS, id="another order, and one failed"
        ),
    ],
)
def test_whose_account_a_source_of_higher_rank_may_name_is_in_doubt_while_it_fails(
    before: Directory, after: Directory, people: set[PersonKey]
) -> None:
    """Ann is in both, and the first of them names her: whatever the second does, it names her no more."""
    assert people == changed(replace(before, groups={}), replace(after, identities=dict(after.identities)))


def test_which_groups_came_out_of_doubt() -> None:
    unknown, known = in_staff("ann", unknown=True), in_staff("ann")
    staff, ops = ("okta", "id-staff"), ("okta", "id-ops")
    assert {staff} == cleared(unknown, known)
    assert set() == cleared(known, unknown) == cleared(known, known)
    assert {staff, ops} == cleared(of(ANN), known)
    assert {ops} == cleared(of(ANN), unknown)
    assert {staff} == cleared(known, replace(known, names=NAMED))
    assert set() == cleared(known, replace(known, names={("okta", "Team"): "id-gone"}))


# --- cut down to a few ------------------------------------------------------------------------------------------------

STRANGE = Members(has("ann", "bob", "eve"), frozenset({"cid", "ida"}), certified=False)
ENTRA = Members(has("a1", "dan", "eve", name="finance", source="entra"))
OTHERS = dict.fromkeys((("okta", "bob"), ("entra", "dan")), Person((BOB, DAN_E)))
WHOLE = of(*EVERYBODY, groups=(STRANGE, ENTRA), persons=JOINED | OTHERS)


def narrowed(directory: Directory, *people: str) -> Directory:
    return DirectoryView(directory).narrowed(who(*people), PROD)


def test_a_narrowed_directory_has_these_people_and_whoever_a_group_may_have_beside() -> None:
    """All accounts of each, and of each group those members of whom its source says nothing."""
    found = narrowed(WHOLE, "ann")
    staff = replace(STRANGE, group=replace(STRANGE.group, members=frozenset({"ann", "eve"})), stale=frozenset({"ida"}))
    finance = replace(ENTRA, group=replace(ENTRA.group, members=frozenset({"a1", "eve"})))
    groups = {("okta", "id-staff"): staff, ("entra", "id-finance"): finance}
    identities = {("entra", "a1"): ANN_E, ("okta", "ann"): ANN}
    assert replace(WHOLE, identities=identities, groups=groups, persons=JOINED) == found


def test_of_a_source_with_none_of_them_no_members_are_left() -> None:
    staff = Members(has("ann", "bob"), frozenset({"cid"}), certified=False)
    found = narrowed(of(*EVERYBODY, groups=(staff,)), "dan")
    empty = replace(staff, group=replace(staff.group, members=frozenset()), stale=frozenset())
    assert ({("okta", "id-staff"): empty}, {("entra", "dan"): DAN_E}, {}) == (
        found.groups,
        found.identities,
        found.persons,
    )


def test_whoever_would_have_the_same_account_name_comes_along_with_all_their_accounts() -> None:
    """And who cannot be told from somebody else always does. No name is nobody's name."""
    twin, nobody = replace(BOB, id="bob2", login="ANN"), replace(CID, id="cid2", login="")
    directory = of(*EVERYBODY, twin, nobody, replace(nobody, id="cid3"), persons=JOINED)
    view = DirectoryView(directory)
    assert who("ann", "a1", "bob2") == view.closed(who("bob2"), PROD)
    assert who("bob", "ann", "a1", "bob2") == view.closed(who("bob", "a1"), PROD)
    assert who("cid2") == view.closed(who("cid2"), PROD)
    assert who("cid", "zoe") == view.closed(who("cid", "zoe"), PROD)
    doubtful = replace(directory, mistaken={("okta", "cid"): "two"})
    assert who("bob", "cid") == narrowed(doubtful, "bob").identities.keys()


@pytest.mark.parametrize(
    ("directory", "is_certain"),
    [
        (of(*EVERYBODY, groups=(Members(has("ann")),)), True),
        (of(*EVERYBODY), True),
        (of(*EVERYBODY, failed=FAILED), False),
        (of(*EVERYBODY, groups=(Members(has("ann")), Members(has("bob", name="ops"), certified=False))), False),
        (of(*EVERYBODY, groups=(Members(has("ann", "eve")),)), False),
        (of(*EVERYBODY, groups=(Members(has("dan")),)), False),
    ],
    ids=[
        "all read",
        "no groups",
        "a source failed",
        "a group in part",
        "a stranger",
        "known elsewhere is a stranger too",
    ],
)
def test_a_directory_is_certain_where_all_was_read_and_everybody_in_a_group_is_known(
    directory: Directory, is_certain: bool
) -> None:
    view = DirectoryView(directory)
    assert [is_certain, is_certain] == [view.is_certain, view.is_certain]


def test_people_are_known_by_account_name_and_email_in_any_case() -> None:
    view = DirectoryView(WHOLE)
    assert who("ann", "dan") == view.known_as(["ANN", "Dan@Corp.example", "nobody", ""], PROD)
    assert {"ann", "ann.e"} == view.names_of(who("ann", "a1", "zoe"), PROD)
    assert set() == DirectoryView(of(replace(ANN, login=""))).names_of(who("ann"), PROD)


def test_what_was_cut_once_is_kept_for_other_deployments_and_not_for_ever() -> None:
    people = [person(f"p{n}", source="okta") for n in range(34)]
    view = DirectoryView(of(*people))
    first = view.narrowed(who("p0"), PROD)
    for one in people[1:32]:
        view.narrowed(who(one.id), PROD)
    assert view.narrowed(who("p0"), PROD) is first
    assert view.narrowed(who("p32"), PROD) is view.narrowed(who("p32"), PROD)
    assert view.narrowed(who("p0"), PROD) is not first
