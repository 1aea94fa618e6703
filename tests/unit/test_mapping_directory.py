"""Joining reads: what was not read whole is carried over from the last read that was, and nothing is lost by it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mapping_world import ANN, BOB, CID, NOW, compiled, directory, grants, group, person, snapshot

from syncd.directory.join import join, lay_over
from syncd.model import DesiredState, Directory, Group, Members, Snapshot

PEOPLE = (ANN, BOB, CID)


def joined(fresh: Snapshot, earlier: Snapshot | None = None) -> Directory:
    return join({"people": fresh}, {"people": earlier} if earlier else {}, {})


def the_group(known: Directory) -> Members:
    return known.groups["people", "id-finance"]


def test_a_group_that_was_read_whole_is_as_read() -> None:
    earlier = snapshot(PEOPLE, group("finance", "ann", "bob"))
    fresh = group("finance", "ann", "cid")

    assert Members(fresh) == the_group(joined(snapshot(PEOPLE, fresh), earlier))


def test_a_whole_read_may_be_empty() -> None:
    earlier = snapshot(PEOPLE, group("finance", "ann"))

    assert frozenset() == the_group(joined(snapshot(PEOPLE, group("finance")), earlier)).members


def test_a_cut_read_is_laid_over_the_last_whole_one() -> None:
    earlier = snapshot(PEOPLE, group("finance", "ann", "bob"))
    fresh = group("finance", "bob", "cid", complete=False, why="page 2 was cut")
    found = the_group(joined(snapshot(PEOPLE, fresh), earlier))

    assert Members(fresh, frozenset({"ann"}), certified=False, why="page 2 was cut", since=NOW) == found


@pytest.mark.parametrize("earlier", [None, snapshot(PEOPLE), snapshot(PEOPLE, group("finance", "ann", complete=False))])
def test_a_cut_read_without_a_whole_one_before_is_unknown(earlier: Snapshot | None) -> None:
    fresh = group("finance", "bob", complete=False, why="cut")

    assert Members(fresh, certified=False, unknown=True, why="cut") == the_group(
        joined(snapshot(PEOPLE, fresh), earlier)
    )


def test_the_groups_of_a_source_that_failed_are_carried_over() -> None:
    earlier = snapshot(PEOPLE, group("finance", "ann", "bob"))
    known = join({}, {"people": earlier}, {"people": "it is on fire"})

    found = the_group(known)
    assert (frozenset(), frozenset({"ann", "bob"})) == (found.group.members, found.stale)
    assert (False, False, "it is on fire") == (found.certified, found.unknown, found.why)
    everybody = {("people", person.id): person for person in PEOPLE}
    assert everybody == known.identities, "who is in no group may still be who names an account"
    assert {"people": "it is on fire"} == known.failed


def test_a_group_that_was_never_read_whole_is_unknown_when_its_source_fails() -> None:
    earlier = snapshot(PEOPLE, group("finance", "ann", complete=False))
    found = the_group(join({}, {"people": earlier}, {"people": "down"}))

    assert (True, frozenset()) == (found.unknown, found.members)


def test_a_source_that_failed_and_was_never_read_has_no_groups() -> None:
    assert Directory({}, {}, {"people": "down"}) == join({}, {}, {"people": "down"})


def test_a_saved_read_of_a_source_that_is_no_longer_asked_is_not_used() -> None:
    assert Directory({}, {}) == join({}, {"people": snapshot(PEOPLE, group("finance", "ann"))}, {})


def test_a_group_that_a_read_does_not_list_is_gone() -> None:
    assert {} == joined(snapshot(PEOPLE), snapshot(PEOPLE, group("finance", "ann"))).groups


def test_what_was_just_read_of_a_person_wins_over_what_was_saved() -> None:
    earlier = snapshot([person("ann", login="old")], group("finance", "ann"))
    fresh = snapshot([person("ann", login="new")], group("finance", complete=False))

    assert "new" == joined(fresh, earlier).identities["people", "ann"].login


def test_a_person_carried_over_whom_the_read_lacks_comes_from_the_saved_read_and_nobody_else_does() -> None:
    earlier = snapshot(PEOPLE, group("finance", "ann"))
    fresh = snapshot([BOB], group("finance", "bob", complete=False))

    assert {("people", "ann"), ("people", "bob")} == joined(fresh, earlier).identities.keys()


def test_sources_do_not_see_each_others_people_and_groups() -> None:
    other = replace(ANN, source="okta", login="other")
    fresh = {"people": snapshot([ANN], group("finance", "ann")), "okta": snapshot([other], source="okta")}
    earlier = {"okta": snapshot([other], group("finance", "ann", source="okta"), source="okta")}

    assert ["ann"] == [i.login for i in join({"people": fresh["people"]}, earlier, {}).identities.values()]
    assert {("people", "id-finance")} == join(fresh, earlier, {}).groups.keys()


# --- what is saved ----------------------------------------------------------------------------------------------------


def test_a_whole_read_is_saved_as_it_is() -> None:
    fresh = snapshot(PEOPLE, group("finance", "ann"))

    assert fresh == lay_over(fresh, snapshot(PEOPLE, group("finance", "bob")))
    assert fresh == lay_over(fresh, None)


def test_a_cut_read_is_saved_with_the_certificate_and_members_of_the_whole_one() -> None:
    whole = group("finance", "ann", "bob")
    cut = replace(group("finance", "bob", "cid", complete=False), name="Finance (new name)")
    saved = lay_over(snapshot([BOB, CID], cut), snapshot(PEOPLE, whole))

    expected = Group("people", "id-finance", "Finance (new name)", frozenset({"ann", "bob", "cid"}), whole.certificate)
    assert (expected,) == saved.groups
    assert (BOB, CID, ANN) == saved.identities


def test_a_cut_read_without_a_whole_one_before_is_saved_as_a_cut_read() -> None:
    fresh = snapshot(PEOPLE, group("finance", "ann", complete=False))

    assert fresh == lay_over(fresh, None)
    assert fresh == lay_over(fresh, snapshot(PEOPLE, group("finance", "bob", complete=False)))


def test_people_who_left_are_not_saved_for_ever() -> None:
    saved = lay_over(snapshot([ANN], group("finance", "ann")), snapshot(PEOPLE, group("finance", "ann", "bob")))

    assert (ANN,) == saved.identities


@pytest.mark.finding("N-201")
def test_a_member_of_whom_the_source_says_nothing_gets_nothing_once_it_fails() -> None:
    seen = snapshot(PEOPLE, group("a", "ann", "bob"), group("b"))
    unknown = snapshot([ANN, CID], group("a", "ann", "bob"), group("b"))
    saved = lay_over(unknown, seen)

    now = compiled(MAPPING, joined(unknown, seen))
    failed = compiled(MAPPING, join({}, {"people": saved}, {"people": "down"}))

    assert {("ann", "Viewer")} == grants(now) == grants(failed)
    assert {"Viewer"} == now.frozen.keys() == failed.frozen.keys()


@pytest.mark.finding("N-201")
def test_who_may_be_in_a_group_still_is_saved_as_they_were() -> None:
    whole = snapshot(PEOPLE, group("a", "ann"), group("b", "bob"))
    cut = snapshot([CID], group("a", "cid", complete=False), group("b", "bob"))

    assert (CID, ANN) == lay_over(cut, whole).identities


# --- nothing is taken on doubt ----------------------------------------------------------------------------------------

MAPPING = """\
bindings:
  - {group: people:a, roles: [Viewer], deployments: all}
  - {group: people:b, roles: [Op, Viewer], deployments: all}
"""

members = st.frozensets(st.sampled_from(["ann", "bob", "cid"]))


@st.composite
def reads(draw: st.DrawFn, *, complete: bool) -> Snapshot:
    """Draw one read of groups a and b; one that is not complete may also lack a group, or people."""
    names = draw(st.permutations("ab")) if complete else draw(st.lists(st.sampled_from("ab"), unique=True))
    groups = [group(name, *draw(members), complete=complete) for name in names]
    people = PEOPLE if complete else draw(st.lists(st.sampled_from(PEOPLE), unique=True))
    return snapshot(people, *groups)


def kept(before: DesiredState, after: DesiredState) -> set[tuple[str, str]]:
    """Give the grants of `before` that `after` gives too, or that nobody may lose now."""
    return {g for g in grants(before) if g in grants(after) or g[1] in after.frozen}


@given(reads(complete=True), reads(complete=False))
def test_a_read_that_is_not_whole_takes_nothing(earlier: Snapshot, fresh: Snapshot) -> None:
    before = compiled(MAPPING, joined(earlier))

    assert grants(before) == kept(before, compiled(MAPPING, joined(fresh, earlier)))


@given(reads(complete=True))
def test_a_source_that_fails_takes_nothing(earlier: Snapshot) -> None:
    before = compiled(MAPPING, joined(earlier))
    after = compiled(MAPPING, join({}, {"people": earlier}, {"people": "down"}))

    assert grants(before) == grants(after)
    assert all(reason.stale for grant in after.grants() for reason in grant.because)


@given(reads(complete=True), st.lists(reads(complete=False), min_size=2, max_size=4))
def test_a_row_of_reads_that_are_not_whole_takes_nothing(saved: Snapshot, doubtful: list[Snapshot]) -> None:
    before = compiled(MAPPING, joined(saved))
    for fresh in doubtful:
        after = compiled(MAPPING, joined(fresh, saved))
        assert grants(before) == kept(before, after)
        before, saved = after, lay_over(fresh, saved)


@given(reads(complete=True), reads(complete=False), reads(complete=True))
def test_a_whole_read_decides_alone(earlier: Snapshot, doubtful: Snapshot, fresh: Snapshot) -> None:
    after = compiled(MAPPING, joined(fresh, lay_over(doubtful, earlier)))

    assert grants(compiled(MAPPING, directory(PEOPLE, *fresh.groups))) == grants(after)
    assert {} == after.frozen
    assert not any(reason.stale for grant in after.grants() for reason in grant.because)


@given(reads(complete=True), reads(complete=False))
def test_a_reason_is_stale_exactly_where_only_the_saved_read_says_so(earlier: Snapshot, fresh: Snapshot) -> None:
    after = compiled(MAPPING, joined(fresh, earlier))
    seen = {g.id: g.members for g in fresh.groups}

    for grant in after.grants():
        for reason in grant.because:
            assert reason.stale is (grant.username not in seen[reason.group_id])
