"""Okta is read whole, or it is said which part was not: the real okta transport against a stand-in that lies."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from okta_world import TODAY, TOKEN, members, secret, small_org, source, stand_in, truth, whys

from syncd.errors import CursorLost, SourceUnavailable
from syncd.http.backoff import Retries
from syncd.http.secrets import Secret
from syncd.model import Snapshot
from syncd.ports import Source
from syncd.sandbox.okta import FAULTS, Limit, OktaStandIn
from syncd.sources.okta import GroupFilter, OktaApiToken, OktaSource

SLOW = {"limited", "limited_concurrency", "told_to_wait", "bomb"}
"""Faults that cost a second each, or the rest of the read; they have tests of their own."""
HANG_S = 0.2
KINDS = sorted({*FAULTS, "hang"} - SLOW)
HIDING = {"short_page", "empty_page", "lost_next", "repeated_page"}
"""Lies that may leave a changed thing out of a list of changes; the next full read finds it."""
MISCOUNTS = {"count_low", "count_high", "not_found"}
"""Lies that a second lie can make look true: what is missing is then missing from two answers."""


@pytest.fixture
def okta() -> Iterator[OktaStandIn]:
    found = stand_in()
    with found.serve():
        yield found


# --- a full read ------------------------------------------------------------------------------------------------------


def test_everything_is_read_whole(okta: OktaStandIn, tmp_path: Path) -> None:
    reader: Source = source(okta.url, tmp_path)
    snapshot = reader.read()
    assert truth(okta.org) == members(snapshot)
    assert {} == whys(snapshot)
    assert "okta" == snapshot.source
    counts = {g.name: (g.certificate.count, g.certificate.independent_count) for g in snapshot.groups}
    small = {"airflow-one": (1, 1), "airflow-x": (2, 2), "airflow-y": (2, 2), "airflow-z": (2, 2)}
    assert {"airflow-empty": (0, 0), "airflow-even": (10, 10), "airflow-many": (12, 12), **small} == counts
    assert {TODAY} == {g.certificate.taken_at for g in snapshot.groups}


def test_people_come_with_what_okta_says_of_them(okta: OktaStandIn, tmp_path: Path) -> None:
    people = source(okta.url, tmp_path).read().identities
    assert sorted(people, key=lambda p: p.id) == list(people)
    found = {p.login: (p.email, p.given_name, p.family_name, p.active) for p in people}
    assert ("person0@example.com", "Person0", "Example", True) == found["person0@example.com"]
    assert not found["leaver@example.com"][-1]


def test_what_mapping_lines_ask_of_people_is_read_and_seen_by_a_poll(okta: OktaStandIn, tmp_path: Path) -> None:
    user = next(id_ for id_, user in okta.org.people.items() if user.profile["login"] == "person0@example.com")
    okta.org.set_profile(user, department="Finance", userType=None)
    reader = source(okta.url, tmp_path)
    before, cursor = reader.read_from_here()
    assert ("Finance", "", False) == next(
        (i.department, i.user_type, i.guest) for i in before.identities if i.id == user
    )
    calls = reader.calls
    reader.refresh(before, cursor)
    quiet, calls = reader.calls - calls, reader.calls
    okta.org.set_profile(user, department=None, userType="Employee")
    found, _ = reader.refresh(before, cursor)
    assert ("", "Employee") == next((i.department, i.user_type) for i in found.identities if i.id == user)
    assert quiet == reader.calls - calls, "it costs no call more than a quiet poll"


@pytest.mark.parametrize("next_first", [False, True])
def test_the_order_of_the_link_headers_does_not_matter(okta: OktaStandIn, tmp_path: Path, *, next_first: bool) -> None:
    okta.next_first = next_first
    assert truth(okta.org) == members(source(okta.url, tmp_path).read())


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        (GroupFilter(all=True), {"airflow-one", "finance", "imported"}),
        (GroupFilter(all=True, types=("BUILT_IN",)), {"Everyone"}),
        (GroupFilter(all=True, types=("APP_GROUP",)), {"imported"}),
        (GroupFilter(names=("finance", "nobody knows it")), {"finance"}),
        (GroupFilter(prefixes=("air", "imp")), {"airflow-one", "imported"}),
        (GroupFilter(ids=("00gEveryone", "00gGone")), {"Everyone"}),
        (GroupFilter(ids=("00gEveryone",), names=("finance",)), {"Everyone", "finance"}),
    ],
)
def test_groups_are_chosen_by_name_id_prefix_and_type(
    tmp_path: Path, selection: GroupFilter, expected: set[str]
) -> None:
    okta = stand_in()
    okta.org.teams.clear()
    person = okta.org.add_user("anna@example.com")
    okta.org.add_group("airflow-one", [person])
    okta.org.add_group("finance", [person])
    okta.org.add_group("imported", [person], type_="APP_GROUP")
    okta.org.add_group("Everyone", [person], type_="BUILT_IN", id_="00gEveryone")
    with okta.serve() as url:
        snapshot = source(url, tmp_path, groups=selection).read()
    assert expected == set(members(snapshot))
    assert {} == whys(snapshot)


def test_a_renamed_group_is_followed_and_a_deleted_one_is_not(okta: OktaStandIn, tmp_path: Path) -> None:
    before = source(okta.url, tmp_path).read()
    one, many = (next(g.id for g in before.groups if g.name == name) for name in ("airflow-one", "airflow-many"))
    okta.org.rename_group(one, "renamed")
    okta.org.delete_group(many)
    after = source(okta.url, tmp_path).read_from_here(before)[0]
    assert set(truth(okta.org)) == set(members(after))
    assert 6 == len(after.groups)
    assert {} == whys(after)


def test_a_group_that_only_a_list_lost_is_not_taken_for_gone(okta: OktaStandIn, tmp_path: Path) -> None:
    before = source(okta.url, tmp_path).read()
    okta.lie("short_page", "groups", times=None)
    after = source(okta.url, tmp_path).read_from_here(before)[0]
    assert set(truth(okta.org)) == set(members(after))


@pytest.mark.parametrize(
    ("kind", "area", "expected"),
    [
        ("foreign_next", "members", "leads to another host (evil.example), which is not asked"),
        ("other_list_next", "members", "leads to another list"),
        ("circle", "members", "the pages run in a circle"),
        ("count_high", "groups", "12 members were read, and Okta counts 13"),
        ("stats_null", "groups", "gave no count"),
        ("short_page", "members", "members were read, and Okta counts"),
        ("empty_502", "members", "asked 3 times: Okta answered 502"),
        ("read_only_503", "members", "asked 3 times: Okta answered 503 (E0000010)"),
        ("truncated_json", "members", "not JSON"),
        ("cut_body", "members", "asked 3 times: the answer broke off; look at the server"),
        ("hang", "members", "asked 3 times: no answer within 0.2 s; look at"),
        ("forbidden", "members", "E0000006"),
        ("redirect", "members", "redirects to https://evil.example"),
        ("bad_text", "members", "cannot be read as text"),
        ("limited_bare", "members", "asked 3 times: Okta answered 429 (E0000047)"),
    ],
)
def test_a_group_that_could_not_be_read_says_why(
    okta: OktaStandIn, tmp_path: Path, kind: str, area: str, expected: str
) -> None:
    okta.lie(kind, area, times=None)
    found = whys(source(okta.url, tmp_path, timeout_s=HANG_S if kind == "hang" else 10.0).read())
    assert expected in found["airflow-many"]


def test_a_count_without_the_deactivated_members_agrees_too(okta: OktaStandIn, tmp_path: Path) -> None:
    okta.lie("count_low", "groups", times=None)
    found = whys(source(okta.url, tmp_path, page_limit=20).read())
    assert {"airflow-even", "airflow-one", "airflow-x", "airflow-y", "airflow-z"} == set(found)


def test_a_membership_change_in_the_middle_of_a_read_is_read_again(okta: OktaStandIn, tmp_path: Path) -> None:
    okta.lie("count_low", "groups", at=1, times=1)
    assert {} == whys(source(okta.url, tmp_path, page_limit=20).read())


def test_a_page_that_breaks_the_packages_own_model_is_read(okta: OktaStandIn, tmp_path: Path) -> None:
    okta.lie("odd_person", "members", times=None)
    snapshot = source(okta.url, tmp_path).read()
    assert truth(okta.org) == members(snapshot)
    assert {} == whys(snapshot)


@pytest.mark.parametrize("area", ["groups", "members"])
def test_a_lost_link_after_a_full_page_is_noticed(okta: OktaStandIn, tmp_path: Path, area: str) -> None:
    """Without an earlier read, and with no need of the count."""
    okta.lie("lost_next", area)
    snapshot = source(okta.url, tmp_path).read()
    assert truth(okta.org) == members(snapshot)
    assert {} == whys(snapshot)
    assert 0 == sum("filter=id" in seen.query for seen in okta.seen)


def test_a_lost_link_in_what_changed_is_noticed(okta: OktaStandIn, tmp_path: Path) -> None:
    reader = source(okta.url, tmp_path)
    before, cursor = reader.read_from_here()
    for person in sorted(okta.org.people):
        okta.org.set_status(person, "SUSPENDED")
    okta.lie("lost_next", "users")
    after, _ = reader.refresh(before, cursor)
    assert {False} == {person.active for person in after.identities}


# --- every lie, everywhere --------------------------------------------------------------------------------------------

faults = st.tuples(
    st.sampled_from(KINDS),
    st.sampled_from(["groups", "group", "members", "users", "*"]),
    st.integers(1, 12),
    st.sampled_from([1, 2, None]),
)
patient = hypothesis_settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], database=None
)


@pytest.fixture(scope="module")
def honest() -> Iterator[OktaStandIn]:
    """One server for all examples; each takes its faults away again."""
    found = stand_in()
    with found.serve():
        yield found


@patient
@given(fault=faults, second=st.one_of(st.none(), faults))
@example(fault=("lost_next", "members", 1, None), second=None)
@example(fault=("lost_next", "groups", 1, None), second=None)
@example(fault=("empty_502", "members", 2, None), second=None)
@example(fault=("empty_page", "*", 1, None), second=None)
def test_a_full_read_is_whole_or_says_what_is_not(
    honest: OktaStandIn,
    tmp_path: Path,
    fault: tuple[str, str, int, int | None],
    second: tuple[str, str, int, int | None] | None,
) -> None:
    """0 removals from an uncertified read, wherever the fault is: nothing is missing from what is called whole."""
    honest.faults.clear()
    honest.org = small_org()
    before = _true_snapshot(honest, tmp_path)
    for kind, area, at, times in filter(None, (fault, second)):
        if second is None or kind not in MISCOUNTS:
            honest.lie(kind, area, at=at, times=times)
    for lie in honest.faults:
        lie.hang_s = 1.0
    try:
        snapshot = source(honest.url, tmp_path, timeout_s=HANG_S).read_from_here(before)[0]
    except SourceUnavailable:
        return
    _never_less_than(snapshot, truth(honest.org))
    active = {p.id: p.active for p in before.identities}
    assert {p.id: active[p.id] for p in snapshot.identities} == {p.id: p.active for p in snapshot.identities}


_SNAPSHOTS: dict[str, Snapshot] = {}


def _true_snapshot(okta: OktaStandIn, folder: Path) -> Snapshot:
    """Read the small org without a fault, once; every small org has the same ids."""
    if okta.url not in _SNAPSHOTS:
        _SNAPSHOTS[okta.url] = source(okta.url, folder).read()
    return _SNAPSHOTS[okta.url]


def _never_less_than(snapshot: Snapshot, right: dict[str, frozenset[str]]) -> None:
    ids = {g.id: g for g in snapshot.groups}
    assert len(right) == len(ids), "no group may be missing"
    for group in snapshot.groups:
        if group.certificate.complete and group.name:
            assert right[group.name] == group.members


@patient
@given(fault=faults)
@example(fault=("short_page", "members", 1, None))
@example(fault=("empty_502", "users", 1, None))
def test_a_refresh_is_whole_or_says_what_is_not(
    tmp_path: Path, fault: tuple[str, str, int, int | None], honest: OktaStandIn
) -> None:
    """After a fault nothing is missed: the next refresh without one is the truth, unless a list was made to hide it."""
    honest.faults.clear()
    honest.org = small_org()
    before, cursor = source(honest.url, tmp_path).read_from_here()
    old = truth(honest.org)
    _, leaver = _change(honest)
    kind, area, at, times = fault
    honest.lie(kind, area, at=at, times=times).hang_s = 1.0
    try:
        after, next_cursor = source(honest.url, tmp_path, timeout_s=HANG_S).refresh(before, cursor)
    except SourceUnavailable:
        after, next_cursor = before, cursor
    right = truth(honest.org)
    for found in after.groups:
        if found.certificate.complete and found.name:
            assert found.members in (right[found.name], old[found.name])
    honest.faults.clear()
    settled, _ = source(honest.url, tmp_path).refresh(after, next_cursor)
    if kind not in HIDING:
        assert right == members(settled)
        assert {} == whys(settled)
        assert [False] == [p.active for p in settled.identities if p.id == leaver]


def _change(okta: OktaStandIn) -> tuple[str, str]:
    """Let somebody join a group and leave another, and deactivate a third person."""
    org = okta.org
    ids = {team.name: team.id for team in org.teams.values()}
    people = sorted(org.people)
    org.join(ids["airflow-one"], people[5])
    org.leave(ids["airflow-many"], people[1])
    org.set_status(people[3], "SUSPENDED")
    return ids["airflow-one"], people[3]


# --- what changed -----------------------------------------------------------------------------------------------------


def test_a_quiet_poll_costs_two_calls(okta: OktaStandIn, tmp_path: Path) -> None:
    reader = source(okta.url, tmp_path, page_limit=200)
    before, cursor = reader.read_from_here()
    for _ in range(3):
        calls = okta.calls()
        after, cursor = reader.refresh(before, cursor)
        assert 2 == okta.calls() - calls
        assert before.groups == after.groups
        assert before.identities == after.identities
        assert all(a.certificate is b.certificate for a, b in zip(before.groups, after.groups, strict=True))


def test_one_change_costs_two_calls_and_the_pages_of_its_group_once(okta: OktaStandIn, tmp_path: Path) -> None:
    reader = source(okta.url, tmp_path, page_limit=200)
    before, cursor = reader.read_from_here()
    person = next(p for p in okta.org.people.values() if p.profile["login"] == "person5@example.com").id
    okta.org.join(next(g.id for g in before.groups if g.name == "airflow-one"), person)
    calls = okta.calls()
    after, cursor = reader.refresh(before, cursor)
    assert 3 == okta.calls() - calls
    assert truth(okta.org) == members(after)
    calls = okta.calls()
    again, _ = reader.refresh(after, cursor)
    assert 2 == okta.calls() - calls
    assert after.groups == again.groups


def test_a_refresh_gives_what_a_full_read_would(okta: OktaStandIn, tmp_path: Path) -> None:
    reader = source(okta.url, tmp_path)
    before, cursor = reader.read_from_here()
    group, _ = _change(okta)
    okta.org.rename_group(group, "airflow-uno")
    new = okta.org.add_user("new@example.com", status="STAGED")
    okta.org.add_group("airflow-new", [new])
    okta.org.add_group("not ours", [new])
    okta.org.set_profile(sorted(okta.org.people)[0], email="other@example.com")
    after, _ = reader.refresh(before, cursor)
    full = source(okta.url, tmp_path).read_from_here(before)[0]
    assert members(full) == members(after)
    assert full.identities == after.identities
    assert {} == whys(after)


def test_a_mass_change_is_paid_for_once(okta: OktaStandIn, tmp_path: Path) -> None:
    """Many groups changed at one time: the mark moves on to the server's time, lest every quiet poll lists them all."""
    for team in list(okta.org.teams):
        okta.org.join(team, sorted(okta.org.people)[0])
    okta.org.clock.move(600)
    reader = source(okta.url, tmp_path)
    before, cursor = reader.read_from_here()
    before, cursor = reader.refresh(before, cursor)
    calls = okta.calls()
    after, _ = reader.refresh(before, cursor)
    assert 2 == okta.calls() - calls
    assert truth(okta.org) == members(after)


def test_a_renamed_group_is_not_read_again(okta: OktaStandIn, tmp_path: Path) -> None:
    reader = source(okta.url, tmp_path)
    before, cursor = reader.read_from_here()
    okta.org.rename_group(before.groups[0].id, "something else")
    calls = okta.calls("members")
    after, _ = reader.refresh(before, cursor)
    assert "something else" == after.groups[0].name
    assert before.groups[0].certificate is after.groups[0].certificate
    assert calls == okta.calls("members")


def test_a_count_that_moved_without_its_stamp_is_believed(okta: OktaStandIn, tmp_path: Path) -> None:
    """A member is gone, and of the group's stamps only that of its profile moved."""
    reader = source(okta.url, tmp_path)
    before, cursor = reader.read_from_here()
    team = okta.org.teams[before.groups[1].id]
    okta.org.rename_group(team.id, team.name)
    team.members, team.ordered = set(), None
    after, _ = reader.refresh(before, cursor)
    assert truth(okta.org) == members(after)


def test_the_watermark_is_the_servers_time(okta: OktaStandIn, tmp_path: Path) -> None:
    """A server whose clock is a day behind or ahead misses nothing."""
    for offset_s in (-86_400.0, 86_400.0):
        okta.org.clock.offset_s = offset_s
        okta.org.join(sorted(okta.org.teams)[0], sorted(okta.org.people)[0])
        reader = source(okta.url, tmp_path)
        before, cursor = reader.read_from_here()
        okta.org.leave(sorted(okta.org.teams)[0], sorted(okta.org.people)[0])
        after, _ = reader.refresh(before, cursor)
        assert truth(okta.org) == members(after)


def test_a_change_that_shows_late_is_seen_within_the_overlap(okta: OktaStandIn, tmp_path: Path) -> None:
    org = okta.org
    org.clock.move(600)
    first, second = sorted(org.teams)[:2]
    org.join(first, sorted(org.people)[5])
    reader = source(okta.url, tmp_path)
    before, cursor = reader.read_from_here()
    org.clock.move(-30)
    org.join(second, sorted(org.people)[5])
    org.clock.move(30)
    after, _ = reader.refresh(before, cursor)
    assert truth(org) == members(after)


def test_a_group_that_could_not_be_read_is_read_by_the_next_refresh(okta: OktaStandIn, tmp_path: Path) -> None:
    okta.lie("error_500", "members", times=None, holds=sorted(okta.org.teams)[2])
    reader = source(okta.url, tmp_path)
    before, cursor = reader.read_from_here()
    assert ["airflow-many"] == list(whys(before))
    okta.faults.clear()
    after, cursor = reader.refresh(before, cursor)
    assert {} == whys(after)
    assert truth(okta.org) == members(after)
    assert '"again":{}' in cursor


def test_a_group_to_be_read_again_that_is_gone_goes(okta: OktaStandIn, tmp_path: Path) -> None:
    okta.lie("error_500", "members", times=None, holds=sorted(okta.org.teams)[2])
    reader = source(okta.url, tmp_path)
    before, cursor = reader.read_from_here()
    okta.faults.clear()
    okta.org.delete_group(sorted(okta.org.teams)[2])
    after, _ = reader.refresh(before, cursor)
    assert truth(okta.org) == members(after)


def test_a_cursor_of_other_settings_is_lost(okta: OktaStandIn, tmp_path: Path) -> None:
    before, cursor = source(okta.url, tmp_path).read_from_here()
    with pytest.raises(CursorLost, match="settings"):
        source(okta.url, tmp_path, groups=GroupFilter(all=True)).refresh(before, cursor)
    with pytest.raises(CursorLost, match="cannot be read"):
        source(okta.url, tmp_path).refresh(before, "{}")


# --- who is in doubt --------------------------------------------------------------------------------------------------


def test_a_stranger_with_an_unknown_status_is_left_out_and_nobody_loses(okta: OktaStandIn, tmp_path: Path) -> None:
    told: list[tuple[str, object]] = []
    okta.org.set_status(sorted(okta.org.people)[0], "ACTIVATING")
    snapshot = source(okta.url, tmp_path, emit=lambda event, **facts: told.append((event, facts["kept"]))).read()
    person = sorted(okta.org.people)[0]
    assert person not in members(snapshot)["airflow-one"]
    assert "the status ACTIVATING of person0@example.com is not known" in whys(snapshot)["airflow-one"]
    assert [("user_in_doubt", False)] == told


@pytest.mark.parametrize("active", [True, False])
def test_somebody_known_with_an_unknown_status_stays_as_they_were(
    okta: OktaStandIn, tmp_path: Path, *, active: bool
) -> None:
    told: list[tuple[str, object]] = []
    person = sorted(okta.org.people)[0]
    okta.org.set_status(person, "ACTIVE" if active else "SUSPENDED")
    reader = source(okta.url, tmp_path, emit=lambda event, **facts: told.append((event, facts["kept"])))
    before, cursor = reader.read_from_here()
    okta.org.set_status(person, "ACTIVATING")
    for after in (reader.refresh(before, cursor)[0], source(okta.url, tmp_path).read_from_here(before)[0]):
        assert [active] == [p.active for p in after.identities if p.id == person]
        assert truth(okta.org) == members(after)
        assert {} == whys(after)
    assert [("user_in_doubt", True)] == told


def test_somebody_known_from_another_group_gets_nothing_new_with_an_unknown_status(
    okta: OktaStandIn, tmp_path: Path
) -> None:
    reader = source(okta.url, tmp_path)
    before, cursor = reader.read_from_here()
    person = sorted(okta.org.people)[5]
    okta.org.set_status(person, "ACTIVATING")
    okta.org.join(sorted(okta.org.teams)[1], person)
    after, _ = reader.refresh(before, cursor)
    assert person not in members(after)["airflow-one"]
    assert person in members(after)["airflow-even"]
    assert ["airflow-one"] == list(whys(after))


# --- limits -----------------------------------------------------------------------------------------------------------


def test_a_share_of_the_rate_limit_is_left_to_others(tmp_path: Path) -> None:
    org = small_org()
    okta = stand_in(org, members=Limit(10, window_s=1.0))
    with okta.serve() as url:
        snapshot = source(url, tmp_path, page_limit=200, concurrency=8).read()
    assert {} == whys(snapshot)
    assert 5 == okta.buckets["members"].lowest
    assert all(seen.status != 429 for seen in okta.seen)


def test_a_storm_of_429_passes(okta: OktaStandIn, tmp_path: Path) -> None:
    okta.lie("limited", "members", at=2, times=2)
    okta.lie("limited_concurrency", "members", at=5, times=2)
    okta.lie("limited_bare", "members", at=9, times=2)
    snapshot = source(okta.url, tmp_path, retries=Retries(attempts=7, first_s=0.001)).read()
    assert truth(okta.org) == members(snapshot)
    assert {} == whys(snapshot)


def test_no_more_requests_at_once_than_allowed(okta: OktaStandIn, tmp_path: Path) -> None:
    okta.latency_s = 0.05
    source(okta.url, tmp_path, concurrency=2).read()
    assert 2 == okta.busiest


def test_a_read_ends_at_its_deadline(okta: OktaStandIn, tmp_path: Path) -> None:
    okta.lie("hang", "members", times=None).hang_s = 120.0
    began = time.monotonic()
    found = whys(source(okta.url, tmp_path, deadline_s=5.0, timeout_s=4.0).read())
    assert 60.0 > time.monotonic() - began
    assert "the time for this read" in found["airflow-z"]


def test_a_dead_org_is_given_up(tmp_path: Path) -> None:
    org = small_org()
    for n in range(60):
        org.add_group(f"airflow-{n:02}", sorted(org.people)[:1])
    okta = stand_in(org)
    okta.lie("empty_502", "members", times=None)
    with okta.serve() as url:
        found = whys(source(url, tmp_path, page_limit=200).read())
    assert 67 == len(found)
    assert sum(1 for why in found.values() if "given up after 20 failures in a row" in why) > 40
    assert 80 > okta.calls("members")


# --- signing in -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("revoked", "401 (E0000011): the API token is not valid"),
        ("forbidden", "403 (E0000006): the administrator who made the API token may not read this"),
        ("not_found", "404 (E0000007): this is not the management API of an Okta org"),
        ("html_200", "asked 3 times: the answer is not JSON"),
        ("hang", "no answer within 0.2 s"),
        ("redirect", "redirects to https://evil.example/api/v1/groups"),
        ("null_200", "the answer is not a list"),
        ("null_entry", "an entry has no id"),
        ("lost_next", "a full page has no next link"),
        ("circle", "the pages run in a circle"),
        ("foreign_next", "evil.example"),
    ],
)
def test_a_list_that_cannot_be_read_is_a_sentence(okta: OktaStandIn, tmp_path: Path, kind: str, expected: str) -> None:
    okta.lie(kind, times=None)
    with pytest.raises(SourceUnavailable) as caught:
        source(okta.url, tmp_path, timeout_s=HANG_S if kind == "hang" else 10.0).read()
    assert str(caught.value).startswith(f"source okta: {okta.url}: ")
    assert expected in str(caught.value)


def test_a_secret_that_is_not_there_is_a_sentence(okta: OktaStandIn, tmp_path: Path) -> None:
    missing = OktaApiToken(Secret.parse("env:SYNCD_NO_SUCH_VARIABLE"))
    with pytest.raises(
        SourceUnavailable, match=r"^source okta: .*env:SYNCD_NO_SUCH_VARIABLE: the environment variable"
    ):
        source(okta.url, tmp_path, credential=missing).read()
    assert 0 == okta.calls()


def test_no_server_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailable, match="the connection was refused"):
        source("http://127.0.0.1:9", tmp_path).read()


def test_the_header_of_an_api_token_is_as_okta_documents_it(okta: OktaStandIn, tmp_path: Path) -> None:
    source(okta.url, tmp_path).read()
    assert {f"SSWS {TOKEN}"} == {seen.authorization for seen in okta.seen}


def test_a_token_that_is_replaced_is_used_without_a_new_source(okta: OktaStandIn, tmp_path: Path) -> None:
    reader = source(okta.url, tmp_path)
    reader.read()
    okta.ssws = {"the next"}
    with pytest.raises(SourceUnavailable):
        reader.read()
    secret(tmp_path, "the next")
    assert truth(okta.org) == members(reader.read())


# --- threads ----------------------------------------------------------------------------------------------------------


def test_sources_are_read_from_any_thread_at_once(okta: OktaStandIn, tmp_path: Path) -> None:
    readers = [source(okta.url, tmp_path), source(okta.url, tmp_path)]
    with ThreadPoolExecutor(4) as pool:
        reads = list(pool.map(OktaSource.read, readers * 3))
    assert [truth(okta.org)] * 6 == [members(read) for read in reads]


def test_a_year_of_quiet_moves_nothing(okta: OktaStandIn, tmp_path: Path) -> None:
    okta.org.clock.move(365 * 86_400.0)
    reader = source(okta.url, tmp_path, page_limit=200)
    before, cursor = reader.read_from_here()
    after, later = reader.refresh(before, cursor)
    assert before.groups == after.groups
    assert cursor == later


def test_settings_name_a_credential_and_never_show_it(tmp_path: Path) -> None:
    assert TOKEN not in repr(OktaApiToken(secret(tmp_path, TOKEN)))
