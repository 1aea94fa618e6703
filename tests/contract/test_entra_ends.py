"""Every read of a tenant has an end; one odd person is one; what stays uncertified is read more and more rarely."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from entra_world import World, doubts, members, now

from syncd.directory.join import join, lay_over
from syncd.errors import CursorLost, SourceUnavailable
from syncd.http.backoff import Waiting
from syncd.model import CheckResult, Snapshot
from syncd.sandbox.entra import Served
from syncd.sandbox.entra.graph import Rights
from syncd.sandbox.entra.lies import LieKind
from syncd.sources.entra import EntraSettings, EntraSource, GroupSelection
from syncd.sources.entra.examine import examine
from syncd.sources.entra.graph import GraphReply
from syncd.sources.entra.selection import found as found_group
from syncd.sources.kind import SourceSurroundings
from syncd.store import Stores

FOREVER = 10**9
ALL: dict[str, Any] = {"groups": (GroupSelection("all"),), "app_roles": ()}


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def where(world: World) -> Iterator[Served]:
    with world.standin.serve() as found:
        yield found


# --- ends -------------------------------------------------------------------------------------------------------------


@pytest.mark.finding("C-1")
def test_members_whose_next_links_never_end_are_given_up(world: World, where: Served) -> None:
    world.standin.lie(LieKind.FRESH_LINK, f"{world.finance}/members\\?", times=FOREVER)
    found = world.source(where, app_roles=()).read()
    assert {"finance"} == doubts(found).keys()
    assert "the list does not end" in doubts(found)["finance"]
    assert world.truth()["finance"] == members(found)["finance"], "what was read adds"
    assert world.standin.calls < 60


@pytest.mark.finding("C-1")
@pytest.mark.parametrize("path", ["/groups/delta", "/users/delta", r"^/groups\?"])
def test_rounds_and_lists_of_groups_that_never_end_fail_the_source(world: World, where: Served, path: str) -> None:
    world.standin.lie(LieKind.FRESH_LINK, path, times=FOREVER)
    with pytest.raises(SourceUnavailable, match="not end"):
        world.source(where, app_roles=()).read_from_here()
    assert world.standin.calls < 400


@pytest.mark.finding("C-2")
def test_a_slow_tenant_is_read_until_the_deadline(world: World, where: Served) -> None:
    for n in range(60):
        world.tenant.add_group(f"more{n}", world.people[:12])
    events: list[tuple[str, dict[str, object]]] = []

    def emit(event: str, /, **facts: object) -> None:
        events.append((event, facts))

    settings = world.settings(where, concurrency=1, deadline_s=20.0, **ALL)

    def clock() -> float:
        return float(world.standin.calls)  # a second for each request

    found = EntraSource("entra", settings, SourceSurroundings(now, emit), waiting=Waiting(clock)).read()
    assert world.standin.calls <= 20
    assert 60 < len(found.groups), "every group is there, whole or not"
    late = [why for why in doubts(found).values() if "deadline_s" in why]
    assert 0 < len(late) < len(found.groups)
    assert [("read_cut_short", "entra")] == [(event, facts["source"]) for event, facts in events]


@pytest.mark.finding("C-1")
def test_a_read_ends_when_the_process_does(world: World, where: Served) -> None:
    world.standin.lie(LieKind.BUSY, "/members", times=FOREVER)
    began = time.monotonic()
    around = SourceSurroundings(now, stopping=lambda: time.monotonic() - began > 0.5)
    source = EntraSource("entra", world.settings(where), around)
    with pytest.raises(SourceUnavailable, match="syncd is stopping"):
        source.read()
    assert time.monotonic() - began < 60.0


@pytest.mark.finding("C-20")
def test_a_list_whose_page_token_expired_is_read_from_its_start(world: World, where: Served) -> None:
    world.standin.lie(LieKind.EXPIRED_PAGE, f"{world.finance}/members\\?.*skiptoken")
    assert {} == doubts(world.source(where, app_roles=()).read())


@pytest.mark.finding("C-50")
def test_a_tenant_that_wants_rest_is_left_alone_by_every_process(world: World, where: Served, tmp_path: Path) -> None:
    world.standin.retry_after = 1500
    moved = [timedelta(0)]
    settings, url = world.settings(where, **ALL), f"sqlite:///{tmp_path / 'syncd.db'}"
    with closing(Stores.open(url)) as one, closing(Stores.open(url)) as other:

        def source(store: Stores) -> EntraSource:
            return EntraSource("entra", settings, SourceSurroundings(lambda: now() + moved[0], rests=store.readings))

        earlier, cursor = source(one).read_from_here()
        world.standin.lie(LieKind.THROTTLED)
        for store in (one, other):
            asked = world.standin.calls
            with pytest.raises(SourceUnavailable, match="Graph asked to be left alone until"):
                source(store).refresh(earlier, cursor)
        assert asked == world.standin.calls
        moved[0] = timedelta(seconds=1510)
        source(other).refresh(earlier, cursor)
        assert asked < world.standin.calls


# --- one odd person ---------------------------------------------------------------------------------------------------


def _known(found: Snapshot) -> dict[str, bool]:
    return {i.id: i.active for i in found.identities}


@pytest.mark.finding("C-14")
@pytest.mark.finding("I-F11")
@pytest.mark.parametrize("field", ["accountEnabled", "userPrincipalName"])
def test_one_person_of_whom_graph_says_too_little_is_one(world: World, where: Served, field: str) -> None:
    odd = world.people[2]
    before = world.source(where, **ALL).read()
    world.tenant.change_user(odd, **{field: None})
    found = world.source(where, **ALL).read()
    assert {"finance"} == doubts(found).keys()
    assert f"the user {odd} is in doubt ({field} is null)" in doubts(found)["finance"]
    assert world.truth()["finance"] - {odd} == members(found)["finance"]
    directory = join({"entra": found}, {"entra": lay_over(before, None)}, {})
    group = directory.groups["entra", world.finance]
    assert odd in group.members, "as before"
    assert directory.identities["entra", odd].active


@pytest.mark.finding("C-14")
@pytest.mark.finding("I-F11")
def test_one_person_who_becomes_odd_is_one_in_a_poll_too(world: World, where: Served) -> None:
    odd, source = world.people[2], world.source(where, **ALL)
    before, cursor = source.read_from_here()
    world.tenant.change_user(odd, accountEnabled=None)
    world.tenant.change_user(world.people[3], accountEnabled=False)
    found, cursor = source.refresh(before, cursor)
    assert {"finance"} == doubts(found).keys()
    assert world.truth()["finance"] == members(found)["finance"], "as before"
    assert _known(found)[odd]
    assert not _known(found)[world.people[3]], "the others are served"
    world.tenant.change_user(odd, accountEnabled=False)
    found, cursor = source.refresh(lay_over(found, before), cursor)
    assert {} == doubts(found)
    assert not _known(found)[odd]


@pytest.mark.finding("C-14")
def test_one_look_up_that_fails_is_one(world: World, where: Served) -> None:
    source = world.source(where, **ALL)
    before, cursor = source.read_from_here()
    for person in world.people[:5]:
        world.tenant.change_user(person, accountEnabled=False)
    world.standin.lie(LieKind.FORBIDDEN, f"^/users/{world.people[2]}", times=FOREVER)
    found, _ = source.refresh(before, cursor)
    assert {} == doubts(found), "its groups were read, and show them"
    assert not any(_known(found)[person] for person in world.people[:5])


@pytest.mark.finding("I-F3")
@pytest.mark.parametrize("agents", ["include", "exclude"])
def test_an_agent_is_counted_and_is_no_member_unless_it_is_wanted(world: World, where: Served, agents: str) -> None:
    agent = world.tenant.add_agent("helper.bot")
    world.tenant.join(world.finance, agent)
    source = world.source(where, agents=agents, **ALL)
    found, cursor = source.read_from_here()
    assert {} == doubts(found)
    wanted = world.truth()["finance"] | ({agent} if agents == "include" else set())
    assert wanted == members(found)["finance"]
    assert (0 if agents == "include" else 1) == source.ignored.get("agentUser", 0)
    world.tenant.leave(world.finance, world.people[0])
    found, _ = source.refresh(found, cursor)
    assert {} == doubts(found)
    assert wanted - {world.people[0]} == members(found)["finance"]


@pytest.mark.finding("I-F4")
def test_a_changed_employee_number_is_seen_by_a_poll(world: World, where: Served) -> None:
    source = world.source(where, **ALL)
    before, cursor = source.read_from_here()
    world.tenant.change_user(world.people[1], employeeId="4712")
    found, _ = source.refresh(before, cursor)
    assert "4712" == next(i.employee_number for i in found.identities if i.id == world.people[1])


def test_what_mapping_lines_ask_of_people_is_read_and_seen_by_a_poll(world: World, where: Served) -> None:
    source, (_, one, two, *_) = world.source(where, **ALL), world.people
    world.tenant.change_user(one, department="Finance", employeeType="Employee")
    before, cursor = source.read_from_here()
    told = {i.id: (i.department, i.user_type, i.guest) for i in before.identities}
    assert (("Finance", "Employee", False), ("", "", False)) == (told[one], told[two])
    world.tenant.change_user(one, department=None)
    world.tenant.change_user(two, userType="Guest")
    found, _ = source.refresh(before, cursor)
    told = {i.id: (i.department, i.user_type, i.guest) for i in found.identities}
    assert (("", "Employee", False), ("", "", True)) == (told[one], told[two])


def test_a_cursor_of_before_people_were_asked_more_of_is_lost_once(world: World, where: Served) -> None:
    """Its delta tells of no department; a full read asks for the new one."""
    source = world.source(where)
    before, cursor = source.read_from_here()
    with pytest.raises(CursorLost):
        source.refresh(before, cursor.replace('"version":3', '"version":2'))


@pytest.mark.finding("I-F8")
def test_an_app_role_without_an_id_is_a_sentence(world: World, where: Served) -> None:
    world.tenant.apps[world.app].roles[None] = "Broken"  # type: ignore[index]
    with pytest.raises(SourceUnavailable, match="an app role without an id"):
        world.source(where).read()


# --- what stays uncertified -------------------------------------------------------------------------------------------


@pytest.mark.finding("I-F2")
def test_a_group_that_stays_uncertified_is_read_more_and_more_rarely(world: World, where: Served) -> None:
    for n in range(30):
        world.tenant.add_group(f"more{n}", world.people[:3])
    world.standin.lie(LieKind.WRONG_COUNT, "/members/", times=FOREVER)
    costs = []
    before, cursor = world.source(where, **ALL).read_from_here()
    uncertified = doubts(before).keys()
    assert 30 < len(uncertified)
    for _ in range(16):
        world.standin.exchanges.clear()
        # each time by another process, as after a restart
        before, cursor = world.source(where, **ALL).refresh(before, cursor)
        assert uncertified == doubts(before).keys()
        costs.append(sum(1 for e in world.standin.exchanges if "/members?" in e.asked.url))
    assert [1, 3, 7, 15] == [n for n, cost in enumerate(costs, start=1) if cost]


@pytest.mark.finding("I-F2")
def test_a_group_whose_count_moves_is_read_at_once(world: World, where: Served) -> None:
    lie = world.standin.lie(LieKind.WRONG_COUNT, f"{world.finance}/members/", times=FOREVER)
    source = world.source(where, **ALL)
    before, cursor = source.read_from_here()
    for _ in range(4):
        before, cursor = source.refresh(before, cursor)
    assert {"finance"} == doubts(before).keys()
    world.standin.lies.remove(lie)
    before, cursor = source.refresh(before, cursor)
    assert {} == doubts(before)


# --- pages that come too late -----------------------------------------------------------------------------------------


def _tops(world: World, path: str) -> list[str]:
    asked = [one.asked for one in world.standin.exchanges if path in one.asked.path]
    return [one.query["$top"] for one in asked if "$top" in one.query and "$count" not in one.query]


@pytest.mark.finding("I-F7")
def test_pages_that_come_too_late_are_made_smaller_for_the_rest_of_the_read(world: World, where: Served) -> None:
    more = [world.tenant.add_user(f"more{n}.people") for n in range(120)]
    world.tenant.join(world.finance, *more)
    world.standin.lie(LieKind.TIMED_OUT, r"^/groups\?", times=FOREVER)
    source = world.source(where, page_size=999, attempts=1, **ALL)
    found = source.read()
    assert {} == doubts(found)
    assert world.truth()["finance"] == members(found)["finance"]
    assert ["999", "249", "62"] == _tops(world, "/groups")[:3]
    assert {"62"} == set(_tops(world, "/members")), "members too: what is slow is Graph"
    world.standin.lies.clear()
    world.standin.exchanges.clear()
    source.read()
    assert {"999"} == set(_tops(world, "/groups")), "the next read tries again"


@pytest.mark.finding("I-F7")
def test_members_that_come_too_late_are_read_in_smaller_pages(world: World, where: Served) -> None:
    world.standin.lie(LieKind.TIMED_OUT, f"{world.finance}/members", times=FOREVER)
    found = world.source(where, page_size=400, attempts=1, **ALL).read()
    assert ({}, world.truth()["finance"]) == (doubts(found), members(found)["finance"])


@pytest.mark.finding("I-F7")
def test_the_doctor_asks_for_pages_as_large_as_a_read_does(world: World, where: Served) -> None:
    world.standin.lie(LieKind.TIMED_OUT, r"^/groups\?", times=FOREVER)
    slow = _rights(world.settings(where, page_size=999))
    assert slow.ok is False
    assert "/groups answered 504" in slow.detail
    assert slow.detail.endswith("; a smaller page_size may help")
    assert _rights(world.settings(where, page_size=100)).ok


# --- the doctor -------------------------------------------------------------------------------------------------------


def _rights(settings: EntraSettings) -> CheckResult:
    return next(found for found in examine("entra", settings, now) if found.check == "rights")


@pytest.mark.finding("I-F9")
def test_what_is_not_graph_is_no_matter_of_rights(world: World, where: Served) -> None:
    url = where.graph.replace("/v1.0", "/nowhere")
    found = {one.check: one for one in examine("entra", world.settings(where, graph=url), now)}
    assert f"is {url} the address of Microsoft Graph?" in found["rights"].detail
    assert "grant" not in found["rights"].detail
    assert not {"rate limits", "abilities"} & found.keys(), "of what did not answer nothing is said"


@pytest.mark.finding("I-F9")
def test_a_lacking_right_is_named(world: World, where: Served) -> None:
    world.standin.graph.rights = Rights(groups=False)
    assert "grant the application GroupMember.Read.All" in _rights(world.settings(where)).detail


@pytest.mark.finding("I-F9")
def test_a_look_up_that_shows_x_says_so(world: World, where: Served) -> None:
    other = GraphReply(200, {"id": "another"})
    with pytest.raises(SourceUnavailable, match="group g5 could not be looked up: another object came"):
        found_group("entra", other, "g5")


@pytest.mark.finding("C-12")
def test_half_a_character_in_a_name_keeps_nobody_from_being_served(world: World, where: Served) -> None:
    bob = world.people[0]
    world.tenant.change_user(bob, givenName="Bob \ud83d", surname=None)
    world.tenant.rename(world.finance, "fin\ud83d")
    found = world.source(where, **ALL).read()
    assert world.truth()["fin\ud83d"] == members(found)["fin\ufffd"]
    assert "Bob \ufffd" == next(one.given_name for one in found.identities if one.id == bob)
