"""Every read of an org has an end, in pages, time and bytes; and an org that wants rest is left alone, by everybody."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from email.utils import formatdate
from pathlib import Path
from urllib.parse import parse_qsl

import pytest
from okta_world import TODAY, settings, small_org, source, stand_in, truth, whys
from okta_world import members as members_of

from syncd.errors import SourceUnavailable
from syncd.http.connection import Connection
from syncd.http.rests import OwnRests
from syncd.sandbox.okta import OktaStandIn, Org
from syncd.sandbox.okta.faults import OktaFault
from syncd.sources.kind import SourceSurroundings
from syncd.sources.okta import OktaSource
from syncd.sources.okta.examine import examine
from syncd.store import Stores


@pytest.fixture
def okta() -> Iterator[OktaStandIn]:
    found = stand_in()
    with found.serve():
        yield found


# --- pages, time and bytes --------------------------------------------------------------------------------------------


@pytest.mark.finding("C-1")
def test_a_list_whose_next_links_never_end_is_given_up(okta: OktaStandIn, tmp_path: Path) -> None:
    okta.lie("endless", "members", times=None)
    found = source(okta.url, tmp_path).read()
    assert set(truth(okta.org)) == set(whys(found))
    assert all("the list does not end" in why for why in whys(found).values())
    assert okta.calls("members") < 7 * 30
    assert truth(okta.org) == members_of(found), "what was read adds"


@pytest.mark.finding("C-1")
@pytest.mark.parametrize("area", ["groups", "users"])
def test_a_list_of_groups_or_users_that_never_ends_fails_the_source(
    okta: OktaStandIn, tmp_path: Path, area: str
) -> None:
    reader = source(okta.url, tmp_path)
    before, cursor = reader.read_from_here()
    okta.lie("endless", area, times=None)
    with pytest.raises(SourceUnavailable, match="the list does not end"):
        reader.refresh(before, cursor)


@pytest.mark.finding("C-2")
def test_a_slow_org_is_read_until_the_deadline(tmp_path: Path) -> None:
    org = small_org()
    for n in range(40):
        org.add_group(f"airflow-{n:02}", sorted(org.people)[:1])
    okta = stand_in(org)
    events: list[tuple[str, dict[str, object]]] = []

    def emit(event: str, **facts: object) -> None:
        events.append((event, facts))

    with okta.serve() as url:
        okta.latency_s = 0.4
        began = time.monotonic()
        found = source(url, tmp_path, page_limit=200, concurrency=1, deadline_s=8.0, emit=emit).read()
        assert time.monotonic() - began < 90.0
    assert set(truth(org)) == set(members_of(found)), "every group is there, whole or not"
    assert 0 < len(whys(found)) < 47
    assert {"the time for this read (deadline_s) was over before it could be asked for"} == set(whys(found).values())
    assert ["read_cut_short"] == [event for event, _ in events]


@pytest.mark.finding("A-F9")
def test_what_unpacks_to_more_than_is_read_is_no_answer(okta: OktaStandIn, tmp_path: Path) -> None:
    okta.lie("bomb", "members", times=None, holds=sorted(okta.org.teams)[0])
    found = source(okta.url, tmp_path).read()
    assert ["larger than" in why for why in whys(found).values()] == [True]


@pytest.mark.finding("A-F9")
@pytest.mark.parametrize("kind", ["blank_id", "odd_id"])
def test_what_is_no_id_is_no_member(okta: OktaStandIn, tmp_path: Path, kind: str) -> None:
    okta.lie(kind, "members", times=None, holds=sorted(okta.org.teams)[1])
    found = source(okta.url, tmp_path).read()
    assert {"airflow-one": "page 1: an entry has no id"} == whys(found)


@pytest.mark.finding("C-1")
def test_a_read_ends_when_the_process_does(okta: OktaStandIn, tmp_path: Path) -> None:
    okta.lie("hang", "members", times=None).hang_s = 120.0
    began = time.monotonic()
    around = SourceSurroundings(lambda: TODAY, stopping=lambda: time.monotonic() - began > 0.3)
    reader = OktaSource("okta", settings(okta.url, tmp_path), around)
    with pytest.raises(SourceUnavailable, match="syncd is stopping"):
        reader.read()
    assert time.monotonic() - began < 60.0


# --- rest -------------------------------------------------------------------------------------------------------------


class Now:
    def __init__(self) -> None:
        self.time = TODAY

    def __call__(self) -> datetime:
        return self.time


@pytest.mark.finding("C-50")
@pytest.mark.parametrize("as_date", [False, True])
def test_an_org_that_wants_rest_is_left_alone_by_every_process(
    okta: OktaStandIn, tmp_path: Path, as_date: bool
) -> None:
    wait = formatdate(okta.org.clock.time() + 151, usegmt=True) if as_date else "150"
    now, url = Now(), f"sqlite:///{tmp_path / 'syncd.db'}"
    with closing(Stores.open(url)) as one, closing(Stores.open(url)) as other:

        def reader(store: Stores) -> OktaSource:
            return OktaSource("okta", settings(okta.url, tmp_path), SourceSurroundings(now, rests=store.readings))

        before, cursor = reader(one).read_from_here()
        okta.lie("told_to_wait").wait = wait
        said = "asked to be left alone until 09:02:[23]. UTC"
        with pytest.raises(SourceUnavailable, match=said):
            reader(one).refresh(before, cursor)
        asked = okta.calls()
        for store in (one, other, one):
            with pytest.raises(SourceUnavailable, match=said):
                reader(store).refresh(before, cursor)
            with pytest.raises(SourceUnavailable, match=said):
                reader(store).read()
        assert asked == okta.calls()
        now.time += timedelta(seconds=151)
        reader(other).refresh(before, cursor)
        assert asked < okta.calls()


@pytest.mark.finding("C-50")
def test_no_more_than_an_hour_is_believed(okta: OktaStandIn, tmp_path: Path) -> None:
    okta.lie("told_to_wait", times=None).wait = "999999999"
    rests = OwnRests()
    reader = OktaSource("okta", settings(okta.url, tmp_path), SourceSurroundings(lambda: TODAY, rests=rests))
    with pytest.raises(SourceUnavailable, match="until 10:00:00 UTC"):
        reader.read()
    assert TODAY + timedelta(hours=1) == rests.rests_until(f"okta {okta.url}")


@pytest.mark.finding("C-50")
def test_a_short_rest_is_waited_for(okta: OktaStandIn, tmp_path: Path) -> None:
    okta.lie("told_to_wait", "members", times=2).wait = "1"
    began = time.monotonic()
    assert {} == whys(source(okta.url, tmp_path).read())
    assert time.monotonic() - began >= 1.0


# --- what stays uncertified -------------------------------------------------------------------------------------------


def _large(groups: int) -> Org:
    org = Org()
    org.clock.move(-3600)
    people = [org.add_user(f"person{n}@example.com") for n in range(4)]
    for n in range(groups):
        org.add_group(f"airflow-{n:03}", people)
    org.clock.move(3600)
    return org


@pytest.mark.finding("I-F2")
@pytest.mark.parametrize("kind", ["count_null", "count_high"])
def test_a_group_that_stays_uncertified_is_read_more_and_more_rarely(tmp_path: Path, kind: str) -> None:
    okta = stand_in(_large(60))
    okta.lie(kind, "groups", times=None)
    with okta.serve() as url:
        costs = []
        before, cursor = source(url, tmp_path, page_limit=200).read_from_here()
        for _ in range(16):
            asked = okta.calls()
            # each time by another process, as after a restart
            before, cursor = source(url, tmp_path, page_limit=200).refresh(before, cursor)
            assert 60 == len(whys(before))
            costs.append(okta.calls() - asked)
    reads = [n for n, cost in enumerate(costs, start=1) if cost > 6]
    assert [1, 3, 7, 15] == reads
    assert all(cost <= 4 for n, cost in enumerate(costs, start=1) if n not in reads), "two lists, two look-ups"
    if kind == "count_null":
        assert all(costs[n - 1] <= 4 + 60 for n in reads), "no second look where there is no count"


@pytest.mark.finding("I-F2")
def test_a_group_that_looks_otherwise_is_read_at_once(tmp_path: Path) -> None:
    okta = stand_in(_large(3))
    fault = okta.lie("count_high", "groups", times=None)
    with okta.serve() as url:
        reader = source(url, tmp_path)
        before, cursor = reader.read_from_here()
        for _ in range(5):
            before, cursor = reader.refresh(before, cursor)
        assert 3 == len(whys(before))
        okta.faults.remove(fault)  # the count moves, and no stamp
        before, cursor = reader.refresh(before, cursor)
        assert {} == whys(before)


@pytest.mark.finding("I-F2")
def test_who_joins_a_group_that_is_left_alone_is_seen_at_the_next_poll(tmp_path: Path) -> None:
    okta = stand_in(_large(3))
    okta.lie("count_high", "groups", times=None)
    with okta.serve() as url:
        reader = source(url, tmp_path, connection=Connection(url), overlap_s=0.0)
        before, cursor = reader.read_from_here()
        for _ in range(5):
            before, cursor = reader.refresh(before, cursor)
        newcomer = okta.org.add_user("new@example.com")
        okta.org.join(sorted(okta.org.teams)[1], newcomer)
        before, cursor = reader.refresh(before, cursor)
        assert newcomer in members_of(before)["airflow-001"]
        assert 3 == len(whys(before))


@pytest.mark.finding("N-105")
def test_an_answer_of_too_many_values_is_not_even_read_by_the_package(
    okta: OktaStandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("syncd.sources.okta.transport.MOST_VALUES", 3)
    with pytest.raises(SourceUnavailable, match="or 3 values"):
        source(okta.url, tmp_path).read()


# --- pages that come too late -----------------------------------------------------------------------------------------


def _late(okta: OktaStandIn, area: str, above: int, *, kind: str = "timed_out_504") -> OktaFault:
    fault = okta.lie(kind, area, times=None)
    fault.above = above
    fault.hang_s = 4.0
    return fault


def _limits(okta: OktaStandIn, area: str) -> list[str]:
    return [dict(parse_qsl(seen.query))["limit"] for seen in okta.seen if seen.area == area]


@pytest.mark.finding("I-F7")
@pytest.mark.parametrize("kind", ["timed_out_504", "error_500", "hang"])
def test_pages_that_come_too_late_are_made_smaller_for_the_rest_of_the_read(tmp_path: Path, kind: str) -> None:
    org = _large(120)
    okta = stand_in(org)
    _late(okta, "groups", 50, kind=kind)
    told: list[dict[str, object]] = []

    def emit(event: str, **facts: object) -> None:
        told.extend([facts] if event == "pages_made_smaller" else [])

    with okta.serve() as url:
        found = source(url, tmp_path, page_limit=200, timeout_s=2.0, emit=emit).read()
    assert ({}, truth(org)) == (whys(found), members_of(found))
    assert ["200", "100", "50", "50", "50"] == _limits(okta, "groups")
    assert {"50"} == set(_limits(okta, "members")), "members too: what is slow is the org"
    assert [{"source": "okta", "page_limit": 50}] == told


@pytest.mark.finding("I-F7")
def test_a_page_in_the_middle_is_made_smaller_too(tmp_path: Path) -> None:
    org = Org()
    people = [org.add_user(f"person{n}@example.com") for n in range(300)]
    org.add_group("airflow-all", people)
    okta = stand_in(org)
    okta.lie("timed_out_504", "members", at=2)
    with okta.serve() as url:
        found = source(url, tmp_path, page_limit=100).read()
    assert ({}, truth(org)) == (whys(found), members_of(found))
    # the last is full and leads nowhere, so it is read once more in other sizes
    assert ["100", "100", "50", "50", "50", "50", "49", "49"] == _limits(okta, "members")


@pytest.mark.finding("I-F7")
@pytest.mark.parametrize("kind", ["empty_502", "empty_503", "limited"])
def test_what_says_nothing_of_size_makes_no_page_smaller(tmp_path: Path, kind: str) -> None:
    okta = stand_in(_large(60))
    okta.lie(kind, "groups")
    with okta.serve() as url:
        assert {} == whys(source(url, tmp_path, page_limit=50).read())
    assert {"50"} == set(_limits(okta, "groups"))


@pytest.mark.finding("I-F7")
def test_no_page_is_made_smaller_than_a_bound(tmp_path: Path) -> None:
    okta = stand_in(_large(3))
    _late(okta, "groups", 1)
    with okta.serve() as url, pytest.raises(SourceUnavailable, match="Okta answered 504"):
        source(url, tmp_path, page_limit=60).read()
    assert ["60", "30", "25"] == _limits(okta, "groups")


@pytest.mark.finding("I-F7")
@pytest.mark.parametrize("kind", ["timed_out_504", "hang"])
def test_the_doctor_asks_for_pages_as_large_as_a_read_does(tmp_path: Path, kind: str) -> None:
    okta = stand_in(_large(3))
    _late(okta, "groups", 50, kind=kind)
    with okta.serve() as url:
        connection = Connection(url, timeout_s=2.0)
        slow = examine("okta", settings(url, tmp_path, page_limit=200, connection=connection), lambda: TODAY)
        fine = examine("okta", settings(url, tmp_path, page_limit=50, connection=connection), lambda: TODAY)
    assert ["reachable"] == [found.check for found in slow if found.ok is False]
    assert slow[0].detail.endswith(
        "; a smaller page_limit may help" if kind == "hang" else ": a smaller page_limit may help"
    )
    assert (True, "reachable") == (fine[0].ok, fine[0].check)


# --- halves of characters ---------------------------------------------------------------------------------------------


@pytest.mark.finding("C-12")
def test_half_a_character_in_a_name_keeps_nobody_from_being_served(tmp_path: Path) -> None:
    org = Org()
    bob = org.add_user("bob@example.com")
    org.set_profile(bob, firstName="Bob \ud83d", lastName="\ude00")
    org.add_group("airflow-\ud83d", [bob])
    with stand_in(org).serve() as url, closing(Stores.open(f"sqlite:///{tmp_path / 'syncd.db'}")) as store:
        found = source(url, tmp_path).read()
        store.readings.save_snapshot(found)
        assert found == store.readings.last_snapshot("okta")
    assert ["airflow-\ufffd"] == [group.name for group in found.groups]
    assert [("Bob \ufffd", "\ufffd")] == [(person.given_name, person.family_name) for person in found.identities]
    assert {bob} == set(found.groups[0].members)
