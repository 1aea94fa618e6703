"""The Entra source against the stand-in: real msal, real requests, real TLS; nothing in them is patched."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from entra_world import APP, World, doubts, lost, members, now, or_error
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from syncd.errors import CursorLost, SourceUnavailable
from syncd.http.backoff import Waiting
from syncd.model import Identity
from syncd.sandbox.entra import LieKind, Rights, Served
from syncd.sources.entra import EntraSource, GroupSelection
from syncd.sources.kind import SourceSurroundings

FOREVER = 10_000


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def where(world: World) -> Iterator[Served]:
    with world.standin.serve() as served:
        yield served


# --- a whole read -----------------------------------------------------------------------------------------------------


def test_everything_is_read_and_certified(world: World, where: Served) -> None:
    snapshot = world.source(where).read()

    assert world.truth() == members(snapshot)
    assert {} == doubts(snapshot)
    for group in snapshot.groups:
        certificate = group.certificate
        assert len(group.members) == certificate.count
        assert (None if "approle" in group.name else certificate.count) == certificate.independent_count
    finance = next(group.certificate for group in snapshot.groups if group.name == "finance")
    assert (12, 3) == (finance.count, finance.pages)


def test_people_are_who_entra_says(world: World, where: Served) -> None:
    people = {i.id: i for i in world.source(where).read().identities}

    first = world.people[0]
    login = "given0.family0@contoso.example"
    assert Identity("entra", first, login, login, "Given0", "Family0", True) == people[first]
    assert not people[world.disabled].active
    assert ("gina_m@partner.example", "gina_m_partner.example#EXT#@contoso.example") == (
        people[world.guest].email,
        people[world.guest].login,
    )
    assert world.people[13] not in people, "somebody in no group is of no interest"


def test_what_is_no_person_is_ignored_and_counted(world: World, where: Served) -> None:
    source = world.source(where)
    source.read()
    assert {"device": 1} == source.ignored  # v1.0 does not list service principals


def test_guests_count_unless_the_settings_say_otherwise(world: World, where: Served) -> None:
    source = world.source(where, guests="exclude")
    snapshot = source.read()

    assert world.truth()["ops"] - {world.guest} == members(snapshot)["ops"]
    assert world.guest not in {i.id for i in snapshot.identities}
    assert {} == doubts(snapshot)
    assert 1 == source.ignored["guest"]


@pytest.mark.parametrize(
    ("selection", "names"),
    [
        (GroupSelection("name", "finance"), {"finance"}),
        (GroupSelection("name", "no such group"), set()),
        (GroupSelection("prefix", "E"), {"empty"}),
        (GroupSelection("prefix", "it's"), {"It's"}),
        (GroupSelection("all"), {"finance", "deep", "nested", "ops", "empty", "It's"}),
        (GroupSelection("id", "00000000-0000-4000-8000-000000000000"), set()),
    ],
    ids=lambda value: "+".join(sorted(value)) if isinstance(value, set) else str(value),
)
def test_groups_are_selected(world: World, where: Served, selection: GroupSelection, names: set[str]) -> None:
    world.tenant.add_group("It's")
    source = world.source(where, groups=(selection,), app_roles=())
    assert names == set(members(source.read()))


def test_a_name_that_two_groups_have_is_an_error_with_their_ids(world: World, where: Served) -> None:
    twin = world.tenant.add_group("Finance")
    source = world.source(where, groups=(GroupSelection("name", "finance"),))

    with pytest.raises(SourceUnavailable, match=f'2 groups are named "finance".*{world.finance}, {twin}'):
        source.read()


def test_a_twin_that_comes_later_is_an_error_too(world: World, where: Served) -> None:
    source = world.source(where, groups=(GroupSelection("name", "finance"),), app_roles=())
    snapshot, cursor = source.read_from_here()
    world.tenant.add_group("Finance")

    with pytest.raises(SourceUnavailable, match="2 groups are named"):
        source.refresh(snapshot, cursor)


def test_direct_members_are_not_those_of_nested_groups(world: World, where: Served) -> None:
    direct = world.source(where, groups=(GroupSelection("name", "ops"),), app_roles=()).read()
    assert world.tenant.people(world.ops) == members(direct)["ops"]


# --- what is missing --------------------------------------------------------------------------------------------------


def test_without_user_read_all_the_error_names_the_permission(world: World, where: Served) -> None:
    world.standin.graph.rights = Rights(users=False)
    with pytest.raises(SourceUnavailable, match=r"accountEnabled is null.*User\.Read\.All"):
        world.source(where).read()


def test_without_group_member_read_all_the_error_names_the_permission(world: World, where: Served) -> None:
    world.standin.graph.rights = Rights(groups=False)
    with pytest.raises(SourceUnavailable, match=r"GroupMember\.Read\.All"):
        world.source(where).read()


def test_without_application_read_all_the_error_names_the_permission(world: World, where: Served) -> None:
    world.standin.graph.rights = Rights(applications=False)
    with pytest.raises(SourceUnavailable, match=r"Application\.Read\.All"):
        world.source(where).read()


def test_an_application_that_is_not_there_is_an_error(world: World, where: Served) -> None:
    with pytest.raises(SourceUnavailable, match="no enterprise application with the id elsewhere"):
        world.source(where, app_roles=("elsewhere",)).read()


def test_a_hidden_membership_is_not_an_empty_group(world: World, where: Served) -> None:
    world.tenant.add_group("secret", world.people[:3], visibility="HiddenMembership")
    snapshot = world.source(where).read()
    assert {"secret"} == doubts(snapshot).keys()
    assert "Member.Read.Hidden" in doubts(snapshot)["secret"]

    world.standin.graph.rights = Rights(hidden_members=True)
    assert {} == doubts(world.source(where).read())


def test_a_disabled_app_role_is_no_group(world: World, where: Served) -> None:
    app = world.tenant.apps[world.app]
    app.disabled = {role for role, value in app.roles.items() if value == "Viewer"}
    names = set(members(world.source(where).read()))
    assert "approle:Admin" in names
    assert "approle:Viewer" not in names


# --- every lie at every place -----------------------------------------------------------------------------------------

LAST_WORD = {LieKind.FORBIDDEN, LieKind.NULL_ENABLED, LieKind.NOT_FOUND}
"""Lies that are believed when told once: they only ever stop a read, or leave it uncertified."""


Lying = tuple[World, EntraSource, int]


@pytest.fixture(scope="module")
def lying() -> Iterator[Lying]:
    """One world, one source, and how many requests a read takes; examples change nothing but the lies."""
    world = World()
    world.standin.hang_s = 0.8
    world.standin.keep = False
    with world.standin.serve() as where:
        source = world.source(where, timeout_s=0.4, attempts=3)
        counter = world.standin.lie(LieKind.NO_COUNT, at=FOREVER)
        source.read()
        yield world, source, counter.seen


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(kind=st.sampled_from(LieKind), place=st.floats(0, 1))
def test_one_lie_anywhere_is_seen_through(lying: Lying, kind: LieKind, place: float) -> None:
    world, source, requests = lying
    world.standin.lies.clear()
    lie = world.standin.lie(kind, at=1 + int(place * (requests - 1)))
    snapshot = or_error(source.read)

    assert 1 == lie.told
    if snapshot is None:
        assert kind in LAST_WORD
        return
    assert {} == lost(snapshot, world.truth())
    if kind not in LAST_WORD:
        assert {} == doubts(snapshot)
    for group in snapshot.groups:
        assert world.truth()[group.name] >= group.members


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kind=st.sampled_from([k for k in LieKind if k is not LieKind.HANG]),
    place=st.floats(0, 1),
    times=st.integers(2, 200),
)
def test_no_lie_however_often_takes_access(lying: Lying, kind: LieKind, place: float, times: int) -> None:
    world, source, requests = lying
    world.standin.lies.clear()
    # That there is no such object is believed when Graph says it twice; a list without a count when two readings agree.
    path = (
        r"^(?!/groups/[^/]+\?|.*appRoleAssignedTo|/users/)" if kind is LieKind.NOT_FOUND else "^(?!.*appRoleAssignedTo)"
    )
    world.standin.lie(kind, path, at=1 + int(place * (requests - 1)), times=times)
    snapshot = or_error(source.read)

    if snapshot is not None:
        assert {} == lost(snapshot, world.truth())


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kind=st.sampled_from([k for k in LieKind if k is not LieKind.HANG]),
    place=st.integers(1, 25),
    seed=st.integers(0, 99),
)
def test_no_lie_in_a_refresh_takes_access(kind: LieKind, place: int, seed: int, lying: Lying) -> None:
    world, source, _ = lying
    world.standin.lies.clear()
    earlier, cursor = source.read_from_here()
    before = world.truth()
    person = world.people[seed % 10]
    world.tenant.leave(world.finance, person)
    world.tenant.join(world.nested, person)
    after = world.truth()
    world.standin.lie(kind, at=place)
    try:
        snapshot, _ = source.refresh(earlier, cursor)
        assert {} == lost(snapshot, {name: before[name] & after[name] for name in after})
        for group in snapshot.groups:
            if group.certificate.complete:
                assert group.members in (before[group.name], after[group.name])
    except SourceUnavailable:
        world.standin.lies.clear()
        assert after == members(source.refresh(earlier, cursor)[0]), "the cursor before is as good as it was"
    finally:
        world.standin.lies.clear()
        world.tenant.leave(world.nested, person)
        world.tenant.join(world.finance, person)


# --- lies by themselves: what exactly comes of them -------------------------------------------------------------------


def test_a_count_that_lags_is_waited_for(world: World, where: Served) -> None:
    waits: list[float] = []
    source = world.source(where, waits=waits, app_roles=())
    world.standin.lie(LieKind.WRONG_COUNT, f"{world.finance}/members/microsoft.graph.user", times=2)

    assert {} == doubts(source.read())
    assert [2.0, 4.0] == waits


def test_a_count_that_never_agrees_leaves_the_group_uncertified(world: World, where: Served) -> None:
    world.standin.lie(LieKind.WRONG_COUNT, f"{world.finance}/members/microsoft.graph.user", times=FOREVER)
    snapshot = world.source(where, app_roles=()).read()

    assert {"finance": "12 read, but Graph counts 13"} == doubts(snapshot)
    assert world.truth()["finance"] == members(snapshot)["finance"]


def test_a_page_that_comes_twice_is_noticed_where_the_count_fits(world: World, where: Served) -> None:
    lie = world.standin.lie(LieKind.REPEATED_PAGE, rf"{world.finance}/members\?.*skiptoken")
    snapshot = world.source(where, app_roles=()).read()
    assert 1 == lie.told
    assert {} == lost(snapshot, {"finance": world.truth()["finance"]})


def test_what_is_missing_from_a_batch_is_asked_for_again(world: World, where: Served) -> None:
    waits: list[float] = []
    world.standin.lie(LieKind.DROPPED, rf"{world.finance}/members\?")
    assert {} == doubts(world.source(where, waits=waits, app_roles=()).read())
    assert [0.5] == waits


def test_a_list_of_groups_that_is_cut_is_no_list(world: World, where: Served) -> None:
    world.standin.lie(LieKind.CUT_PAGE, r"^/groups\?.*top=5$", times=FOREVER)
    with pytest.raises(SourceUnavailable, match=r"list of groups \(all\) could not be read whole: 2 read.*counts 5"):
        world.source(where, groups=(GroupSelection("all"),)).read()


def test_that_a_group_does_not_exist_is_believed_when_it_is_said_twice(world: World, where: Served) -> None:
    source = world.source(where, groups=(GroupSelection("id", world.finance.upper()),), app_roles=())
    world.standin.lie(LieKind.NOT_FOUND, f"(?i)^/groups/{world.finance}", times=1)
    assert {"finance"} == members(source.read()).keys()
    world.standin.lie(LieKind.NOT_FOUND, f"(?i)^/groups/{world.finance}", times=2)
    assert set() == members(source.read()).keys()


def test_assignments_are_believed_when_two_readings_agree(world: World, where: Served) -> None:
    source = world.source(where)
    for place in (1, 2):
        world.standin.lies.clear()
        world.standin.lie(LieKind.CUT_PAGE, "appRoleAssignedTo", at=place)
        assert ({}, world.truth()) == (doubts(snapshot := source.read()), members(snapshot))


def test_a_group_with_a_role_is_not_gone_because_of_one_answer(world: World, where: Served) -> None:
    source = world.source(where, groups=(GroupSelection("name", "ops"),))
    world.standin.lie(LieKind.NOT_FOUND, rf"{world.finance}/members\?")
    assert {"approle:Viewer": "a group with a role was deleted while it was read"} == doubts(source.read())


def test_a_link_to_another_host_is_not_followed(world: World, where: Served) -> None:
    world.standin.lie(LieKind.FOREIGN_LINK, f"{world.finance}/members", times=FOREVER)
    found = doubts(world.source(where, app_roles=()).read())
    assert {"finance": "a next link leads to another host"} == found


def test_a_storm_of_429_ends_with_one_sentence(world: World, where: Served) -> None:
    world.standin.lie(LieKind.THROTTLED, times=FOREVER)
    with pytest.raises(SourceUnavailable, match=r"Graph answered 429 \(toomanyrequests\)"):
        world.source(where).read()


def test_retry_after_is_kept_and_without_it_waits_double(world: World, where: Served) -> None:
    waits: list[float] = []
    world.standin.retry_after = 7
    world.standin.lie(LieKind.THROTTLED, r"^/\$batch")
    world.source(where, waits=waits, app_roles=()).read()
    assert 6.5 < max(waits) <= 7.0

    waits.clear()
    world.standin.lies.clear()
    world.standin.lie(LieKind.BUSY, r"^/\$batch", times=4)
    world.source(where, waits=waits, app_roles=()).read()
    assert [0.5, 1.0, 2.0, 4.0] == waits


@pytest.mark.finding("C-50")
def test_after_a_retry_after_beyond_all_patience_nothing_is_asked(world: World, where: Served) -> None:
    waits: list[float] = []
    world.standin.retry_after = 3600
    world.standin.lie(LieKind.THROTTLED, f"{world.finance}/members")
    source = world.source(where, waits=waits, app_roles=())
    with pytest.raises(SourceUnavailable, match=r"Graph asked to be left alone until \d\d:\d\d:\d\d UTC"):
        source.read()
    asked = world.standin.calls
    with pytest.raises(SourceUnavailable, match="Graph asked to be left alone until"):
        source.read()
    assert asked == world.standin.calls
    assert [] == waits


def test_only_what_was_throttled_in_a_batch_is_asked_again(world: World, where: Served) -> None:
    source = world.source(where, app_roles=())
    lie = world.standin.lie(LieKind.THROTTLED, f"{world.empty}/members")
    counts = [
        world.standin.lie(LieKind.NO_COUNT, f"{group}/members", at=FOREVER) for group in (world.empty, world.deep)
    ]

    assert {} == doubts(source.read())
    assert 1 == lie.told
    assert [3, 2] == [count.seen for count in counts]


def test_the_limit_of_the_tenant_slows_the_source_down(world: World, where: Served) -> None:
    waits: list[float] = []
    world.standin.limit_units = 20
    source = world.source(where, waits=waits, app_roles=(), attempts=50)
    or_error(source.read)
    assert any(wait > 0 for wait in waits)


def test_a_token_that_expired_is_renewed_once(world: World, where: Served) -> None:
    source = world.source(where)
    world.standin.lie(LieKind.TOKEN_EXPIRED, f"{world.finance}/members")
    assert {} == doubts(source.read())
    assert 2 == len(world.standin.authority.proofs)


def test_tokens_that_are_refused_for_ever_are_an_error(world: World, where: Served) -> None:
    world.standin.lie(LieKind.TOKEN_EXPIRED, times=FOREVER)
    with pytest.raises(SourceUnavailable, match="refuses a new access token"):
        world.source(where).read()


def test_a_group_that_is_deleted_while_it_is_read_is_not_empty(world: World, where: Served) -> None:
    world.standin.lie(LieKind.NOT_FOUND, f"{world.empty}/members", times=FOREVER)
    assert {"empty": "the group was deleted while it was read"} == doubts(world.source(where).read())


# --- what changed -----------------------------------------------------------------------------------------------------


def test_a_quiet_poll_is_three_calls_and_changes_nothing(world: World, where: Served) -> None:
    source = world.source(where)
    earlier, cursor = source.read_from_here()
    calls = source.calls
    snapshot, again = source.refresh(earlier, cursor)

    assert 3 == source.calls - calls
    assert replace(earlier, taken_at=snapshot.taken_at) == snapshot
    for before, after in zip(earlier.groups, snapshot.groups, strict=True):
        assert before.certificate is after.certificate
    assert json.loads(cursor) == json.loads(again)


def test_without_app_roles_a_quiet_poll_is_two_calls(world: World, where: Served) -> None:
    source = world.source(where, app_roles=())
    earlier, cursor = source.read_from_here()
    calls = source.calls
    source.refresh(earlier, cursor)
    assert 2 == source.calls - calls


def _change(world: World, what: str) -> None:
    tenant, people = world.tenant, world.people
    match what:
        case "joined":
            tenant.join(world.finance, people[22])
        case "left":
            tenant.leave(world.finance, people[0])
        case "left and came back":
            tenant.leave(world.finance, people[0])
            tenant.join(world.finance, people[0])
        case "joined a group in a group in a group":
            tenant.join(world.deep, people[0])
        case "left a nested group":
            tenant.leave(world.nested, people[14])
        case "a group was nested":
            tenant.join(world.deep, world.empty)
            tenant.join(world.empty, people[5])
        case "a group is nested no more":
            tenant.leave(world.nested, world.deep)
        case "disabled":
            tenant.change_user(people[3], accountEnabled=False)
        case "renamed person":
            tenant.change_user(people[3], userPrincipalName="new@contoso.example", surname="New", mail=None)
        case "deleted person":
            tenant.delete_user(people[3])
        case "new group":
            tenant.add_group("new", people[:7])
        case "renamed group":
            tenant.rename(world.finance, "money")
        case "deleted group":
            tenant.delete_group(world.finance)
        case "role given":
            tenant.assign(world.app, people[9], "Viewer")
        case "role taken":
            tenant.unassign(world.app, people[20], "Admin")
        case "nothing":
            pass
        case _:
            raise AssertionError(what)


CHANGES = [
    "joined",
    "left",
    "left and came back",
    "joined a group in a group in a group",
    "left a nested group",
    "a group was nested",
    "a group is nested no more",
    "disabled",
    "renamed person",
    "deleted person",
    "new group",
    "renamed group",
    "deleted group",
    "role given",
    "role taken",
    "nothing",
]


@pytest.mark.parametrize("what", CHANGES)
def test_one_poll_sees_a_change_as_a_full_read_does(world: World, where: Served, what: str) -> None:
    source = world.source(where)
    earlier, cursor = source.read_from_here()
    _change(world, what)
    snapshot, cursor = source.refresh(earlier, cursor)
    full = source.read()

    assert world.truth() == members(snapshot) == members(full)
    assert full.identities == snapshot.identities
    assert {} == doubts(snapshot)
    again, _ = source.refresh(snapshot, cursor)
    assert snapshot.groups == again.groups or what == "left and came back"


def test_the_feed_may_replay_repeat_and_shuffle(world: World, where: Served) -> None:
    source = world.source(where)
    earlier, cursor = source.read_from_here()
    world.standin.graph.shuffle = random.Random(7)
    world.standin.graph.delta_page = 2
    world.standin.lie(LieKind.DELTA_REPLAYED, "/delta", times=FOREVER)
    for what in ("joined", "left a nested group", "deleted person", "deleted group"):
        _change(world, what)
    snapshot, cursor = source.refresh(earlier, cursor)
    assert world.truth() == members(snapshot)

    snapshot, _ = source.refresh(snapshot, cursor)
    assert world.truth() == members(snapshot)
    assert source.read().identities == snapshot.identities


@pytest.mark.parametrize("kind", [LieKind.DELTA_GONE, LieKind.DELTA_LOST, LieKind.DELTA_RESYNC])
@pytest.mark.parametrize("feed", ["groups", "users"])
def test_a_place_in_the_feed_that_is_lost_asks_for_a_full_read(
    world: World, where: Served, kind: LieKind, feed: str
) -> None:
    source = world.source(where)
    earlier, cursor = source.read_from_here()
    world.standin.lie(kind, f"/{feed}/delta")
    with pytest.raises(CursorLost):
        source.refresh(earlier, cursor)


def test_very_many_changed_people_ask_for_a_full_read(world: World, where: Served) -> None:
    many = [world.tenant.add_user(f"one.of{n}") for n in range(101)]
    world.tenant.join(world.empty, *many)
    source = world.source(where, app_roles=())
    earlier, cursor = source.read_from_here()
    for person in many[1:]:
        world.tenant.change_user(person, accountEnabled=False)
    snapshot, again = source.refresh(earlier, cursor)
    assert 101 == sum(not i.active for i in snapshot.identities)

    world.tenant.change_user(many[0], accountEnabled=False)
    with pytest.raises(CursorLost, match="101 people changed"):
        source.refresh(earlier, cursor)
    assert 102 == sum(not i.active for i in source.refresh(snapshot, again)[0].identities)


def test_expired_delta_tokens_ask_for_a_full_read(world: World, where: Served) -> None:
    source = world.source(where)
    earlier, cursor = source.read_from_here()
    world.standin.expire_deltas()
    with pytest.raises(CursorLost, match=r"410 \(syncstatenotfound\)"):
        source.refresh(earlier, cursor)


@pytest.mark.parametrize("cursor", ["", "{}", "[]", '{"version": 2}', '{"version": 3}', "null"])
def test_a_cursor_that_is_none_asks_for_a_full_read(world: World, where: Served, cursor: str) -> None:
    source = world.source(where)
    with pytest.raises(CursorLost):
        source.refresh(source.read(), cursor)


def test_other_settings_ask_for_a_full_read(world: World, where: Served) -> None:
    earlier, cursor = world.source(where).read_from_here()
    with pytest.raises(CursorLost, match="settings"):
        world.source(where, guests="exclude").refresh(earlier, cursor)


@pytest.mark.parametrize("kind", [LieKind.LOST_LINK, LieKind.FOREIGN_LINK, LieKind.LOOPED_LINK])
def test_of_a_round_without_an_end_nothing_is_used(world: World, where: Served, kind: LieKind) -> None:
    source = world.source(where)
    earlier, cursor = source.read_from_here()
    world.standin.graph.delta_page = 1
    _change(world, "left")
    _change(world, "left a nested group")
    world.standin.lie(kind, "/groups/delta")
    with pytest.raises(SourceUnavailable, match="nothing of it is used"):
        source.refresh(earlier, cursor)

    assert world.truth() == members(source.refresh(earlier, cursor)[0])


def test_a_group_that_could_not_be_read_whole_is_read_again(world: World, where: Served) -> None:
    source = world.source(where, app_roles=())
    earlier, cursor = source.read_from_here()
    _change(world, "left")
    lie = world.standin.lie(LieKind.BROKEN, f"{world.finance}/members", times=FOREVER)
    doubtful, cursor = source.refresh(earlier, cursor)
    assert {"finance"} == doubts(doubtful).keys()
    assert {i.id for i in earlier.identities} == {i.id for i in doubtful.identities}

    world.standin.lies.remove(lie)
    whole, cursor = source.refresh(doubtful, cursor)
    assert {} == doubts(whole)
    assert world.truth()["finance"] == members(whole)["finance"]
    assert {} == json.loads(cursor)["again"]


def test_a_read_that_is_behind_the_feed_is_read_again(world: World, where: Served) -> None:
    """A replica that answers late shows the group as it was: the feed said otherwise, so the next poll looks once more."""
    source = world.source(where, app_roles=())
    earlier, cursor = source.read_from_here()
    world.tenant.join(world.finance, world.people[22])
    world.tenant.leave(world.finance, world.people[22])
    events = world.tenant.log
    events[-2], events[-1] = events[-1], events[-2]  # what was said last is that they came
    _, cursor = source.refresh(earlier, cursor)
    assert [world.finance] == list(json.loads(cursor)["again"])


def test_a_member_who_becomes_a_guest_goes_where_guests_do_not_count(world: World, where: Served) -> None:
    source = world.source(where, guests="exclude")
    earlier, cursor = source.read_from_here()
    world.tenant.change_user(world.people[2], userType="Guest")
    snapshot, _ = source.refresh(earlier, cursor)
    assert world.people[2] not in members(snapshot)["finance"]
    assert members(source.read()) == members(snapshot)


def test_reading_goes_on_when_the_token_can_no_longer_be_renewed(world: World, where: Served) -> None:
    """msal raises although a token is good for some minutes yet; ours is kept until it really expires."""
    clock = [now()]
    world.standin.authority.lifetime_s = 240
    source = EntraSource(
        "entra", world.settings(where), SourceSurroundings(lambda: clock[0]), waiting=Waiting(pause=lambda _: None)
    )
    source.read()
    world.standin.authority.failures = [(503, "AADSTS90033")] * FOREVER
    clock[0] += timedelta(seconds=200)
    assert {} == doubts(source.read())

    clock[0] += timedelta(seconds=50)
    with pytest.raises(SourceUnavailable, match="the authority answered with a server error"):
        source.read()


def test_app_role_groups_keep_their_ids_when_values_change(world: World, where: Served) -> None:
    role, _ = next(iter(world.tenant.apps[world.app].roles.items()))
    source = world.source(where)
    before = {g.id: g.name for g in source.read().groups}
    world.tenant.apps[world.app].roles[role] = "Boss"
    after = {g.id: g.name for g in source.read().groups}
    assert before.keys() == after.keys()
    assert ("approle:Admin", "approle:Boss") == (before[f"{APP}:{role}"], after[f"{APP}:{role}"])
