"""The daemon among real parts: both Airflows, both directories, both databases; people come and go, and so do daemons.

The tests run on stand-ins with SQLite, and on real Airflow 2 and 3 servers with PostgreSQL. On `two` (Airflow 2) people log
in with Entra ID, on `three` (Airflow 3) with Okta. `-s` shows how long things took.
"""

from __future__ import annotations

import signal
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import pytest
from daemon_site import Company, Daemon, House, tell
from postgres_server import new_database
from sites import RealSite, Site, StandInSite

from syncd.sandbox.airflow import PRESETS, StandIn, serve
from syncd.sandbox.airflow.faults import HANG, Slow, on
from syncd.sandbox.servers import RealAirflow

LOGINS = {"two": "entra", "three": "okta"}
MANY = 20
UNTIL_S = 4.0
Build = Callable[..., House]


@pytest.fixture(params=["stand-ins", pytest.param("servers", marks=pytest.mark.servers)])
def build(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Build]:
    """Builds a house. `also` names further deployments, which are stand-ins."""
    with ExitStack() as stack:

        def make(*also: str, extra: Mapping[str, list[str]] | None = None) -> House:
            company = Company(uuid.uuid4().hex[:6])
            where, okta = stack.enter_context(company.entra.serve()), stack.enter_context(company.okta.serve())
            real = request.param == "servers"
            sites = _real_sites(request) if real else _stand_ins(stack, two="2.11.2", three="3.3.2")
            logins = {**LOGINS, **dict.fromkeys(also, "okta")}
            sites |= _stand_ins(stack, **dict.fromkeys(also, "3.3.2"))
            database = _postgres(request) if real else f"sqlite:///{tmp_path}/syncd.db"
            house = House(tmp_path, company, where, okta, sites, logins, database, extra=dict(extra or {}))
            if real:
                stack.callback(house.tidy)
            return house

        yield make


def _real_sites(request: pytest.FixtureRequest) -> dict[str, Site]:
    two: RealAirflow = request.getfixturevalue("real_airflow_2")
    three: RealAirflow = request.getfixturevalue("real_airflow_3")
    return {"two": RealSite(two), "three": RealSite(three)}


def _stand_ins(stack: ExitStack, **presets: str) -> dict[str, Site]:
    servers = {name: StandIn(replace(PRESETS[preset], cache_ttl_s=0)) for name, preset in presets.items()}
    return {name: StandInSite(name, server, stack.enter_context(serve(server))) for name, server in servers.items()}


def _postgres(request: pytest.FixtureRequest) -> str:
    """Name the socket's folder in a URL that has a host, as the configuration wants one."""
    url: str = new_database(request.getfixturevalue("postgres_url"))
    return url.replace("postgresql://syncd@/", "postgresql+psycopg://syncd@localhost/")


def test_joiner_mover_leaver_and_a_renamed_group(build: Build) -> None:
    house = build()
    company = house.company
    company.hire("anna", "bea", finance=True)
    with house.daemon() as daemon:
        daemon.waits_until("anna and bea are in", lambda: house.everywhere("anna bea", "finance"))
        daemon.rests()

        company.hire("carl", finance=True)
        joined = daemon.waits_until("carl is in", lambda: house.everywhere("carl", "finance"))
        company.move_to_platform("carl")
        moved = daemon.waits_until("carl has moved", lambda: house.everywhere("carl", "platform", "Viewer"))
        company.okta.org.rename_group(company.finance, "air-money")
        company.hire("dora", finance=True)
        renamed = daemon.waits_until("dora is in by the new name", lambda: house.everywhere("dora", "finance"))
        forget_calls(house)
        company.dismiss("carl", "anna")
        left = daemon.waits_until("they are out", lambda: house.everywhere("anna carl"))

        tell(f"joined {joined:.2f} s, moved {moved:.2f} s, renamed {renamed:.2f} s, left {left:.2f} s, on both servers")
        assert house.everywhere("bea", "finance"), "a bystander keeps what she has"
        assert 0 == daemon.metric("syncd_changes_total", outcome="failed")
        assert {} == daemon.alarms()
        assert daemon.metric("syncd_lag_seconds_count", kind="revoked") >= 4
        for name in ("carl", "anna"):
            assert {"GET": 1, "PATCH": 1} == calls_about(house, name), "one look and one write on each deployment"
        reasons = [row["because"] for row in daemon.changes(deployment="two", user=company.account("carl", "entra"))]
        assert all(reasons), "the journal says why"
        daemon.stop()


def forget_calls(house: House) -> None:
    for site in house.sites.values():
        if isinstance(site, StandInSite):
            site.server.calls.clear()


def calls_about(house: House, name: str) -> Counter[str]:
    """Count the calls about somebody's account by method, the most of any deployment; real servers do not count."""
    most = Counter({"GET": 1, "PATCH": 1})
    for deployment, site in house.sites.items():
        if isinstance(site, StandInSite):
            account = house.company.account(name, house.logins[deployment])
            most |= Counter(seen.method for seen in site.server.calls if seen.path.endswith(f"/{account}"))
    return most


def test_until_is_enforced_on_the_clock_while_a_provider_is_down(build: Build) -> None:
    house = build()
    company = house.company
    company.hire("anna", finance=True, platform=True)
    company.hire("bea", finance=True)
    both = ("finance", "platform", "Viewer")
    with house.daemon() as daemon:
        daemon.waits_until(
            "they are in", lambda: house.everywhere("anna", *both) and house.everywhere("bea", "finance")
        )
        with company.okta_is_down():
            daemon.waits_until("people are told", lambda: ("source_failed", "okta") in daemon.alarms())
            assert 0 == daemon.metric("syncd_source_up", source="okta")
            company.okta.org.leave(company.finance, company.in_okta["bea"])
            end = datetime.now(UTC) + timedelta(seconds=UNTIL_S)
            house.write_mapping(house.usual_mapping(platform_until=end.isoformat()))
            daemon.send(signal.SIGHUP)
            daemon.waits_until("the new end is known", lambda: daemon.events("config_reloaded"))
            daemon.waits_until("platform is over", lambda: house.everywhere("anna", "finance"))
            late = (datetime.now(UTC) - end).total_seconds()
            assert house.everywhere("bea", "finance"), "that she left nobody knows, and so she keeps it"
        daemon.waits_until("bea is out", lambda: house.everywhere("bea"))
        daemon.waits_until("nobody need see to anything", lambda: not daemon.alarms())
        tell(f"platform ended {late:.2f} s after its time, on both servers")
        assert 0 <= late < 5, "not before, and soon after"
        (change,) = daemon.changes(deployment="three", user=company.account("anna", "okta"), status="applied")[:1]
        assert ["Viewer", house.role("platform")] == sorted(change["revoked"])


def test_a_restart_sees_what_happened_meanwhile_and_does_nothing_twice(build: Build) -> None:
    house = build()
    company = house.company
    company.hire("anna", "bea", finance=True)
    with house.daemon() as daemon:
        daemon.waits_until("they are in", lambda: house.everywhere("anna bea", "finance"))
        daemon.rests()
        before = daemon.changes()
        tell(f"it ended in {daemon.stop():.2f} s")
    company.dismiss("anna")
    company.hire("carl", platform=True)
    with house.daemon() as daemon:
        seconds = daemon.waits_until("anna is out", lambda: house.everywhere("anna"))
        daemon.waits_until("carl is in", lambda: house.everywhere("carl", "platform", "Viewer"))
        daemon.rests()
        after = daemon.changes()
        tell(f"anna was out {seconds:.2f} s after the start")
        daemon.stop()
    told = about_people(house, after[: len(after) - len(before)])
    assert {("anna", "two"), ("anna", "three"), ("carl", "two"), ("carl", "three")} == {who[:2] for who in told}
    assert {1} == set(told.values()), "each role is given or taken once, whichever source says so first"
    with house.daemon() as daemon:
        daemon.rests()
        assert [row["id"] for row in after] == [row["id"] for row in daemon.changes()], "nothing is done twice"


def about_people(house: House, rows: list[dict[str, object]]) -> Counter[tuple[str, str, str]]:
    """Count what was given and taken by person, deployment and role."""
    names = {
        (house.company.account(name, login), deployment): (name, deployment)
        for deployment, login in house.logins.items()
        for name in house.company.in_okta
    }
    people = [row for row in rows if row["subject"] == "user"]
    return Counter(
        (*names[str(row["name"]), str(row["deployment"])], f"{verb} {role}")
        for row in people
        for verb in ("granted", "revoked")
        for role in cast("list[str]", row[verb])
    )


def test_sigterm_in_the_middle_of_a_large_change(build: Build) -> None:
    house = build()
    people = " ".join(f"p{number:02}" for number in range(MANY))
    slow_down(house)
    with house.daemon() as daemon:
        daemon.rests()
        house.company.hire(*people.split(), finance=True)
        daemon.waits_until("some are in", lambda: daemon.metric("syncd_changes_total", outcome="applied") >= 8)
        took = daemon.stop()
    assert not house.everywhere(people, "finance"), "it was not in the middle"
    with house.daemon() as daemon:
        converged = daemon.waits_until("all are in", lambda: all_in(daemon, 2 * MANY))
        daemon.rests()
        rows = daemon.changes()
        tell(f"ended in {took:.2f} s with code 0; {converged:.1f} s after the next start all are in")
        assert 0 == daemon.metric("syncd_journal_unsettled_changes")
        daemon.stop()
    assert house.everywhere(people, "finance")
    assert {"applied"} == {str(row["status"]) for row in rows if row["subject"] == "user"}
    assert {1} == set(about_people(house, rows).values()), "each once"


def all_in(daemon: Daemon, number: int) -> bool:
    rows = daemon.changes(status="applied")
    return sum(1 for row in rows if row["subject"] == "user" and row["kind"] == "create") >= number


def slow_down(house: House, *, seconds: float = 0.1) -> None:
    """Let stand-ins take their time to write users, as real servers do, which hash passwords."""
    for site in house.sites.values():
        if isinstance(site, StandInSite):
            for method in ("POST", "PATCH"):
                site.server.faults.add(Slow(before_s=seconds), on(method, "*/users*"))


def test_a_bad_mapping_keeps_the_last_good_one(build: Build) -> None:
    house = build()
    company = house.company
    company.hire("anna", "bea", finance=True)
    good = house.mapping
    with house.daemon() as daemon:
        daemon.waits_until("they are in", lambda: house.everywhere("anna bea", "finance"))

        house.write_mapping(good.replace("level: view", "level: see"))  # seen by looking at the files
        daemon.waits_until("it is not ready", lambda: "mappings/all.yaml:3:" in daemon.unready())
        assert 0 == daemon.metric("syncd_config_last_reload_successful")
        assert 1 == daemon.metric("syncd_alarms", kind="config_invalid")
        company.dismiss("anna")
        daemon.waits_until("anna is out by the last good one", lambda: house.everywhere("anna"))
        assert house.everywhere("bea", "finance")

        house.write_mapping(good.replace(f"[{house.role('finance')}]", f"[{house.role('finance')}, Viewer]"))
        daemon.waits_until("it is ready", daemon.is_ready)
        daemon.waits_until("bea has what the new one gives", lambda: house.everywhere("bea", "finance", "Viewer"))
        assert {} == daemon.alarms()

        house.write_mapping("roles: [")  # and now at a word
        daemon.send(signal.SIGHUP)
        at_once = daemon.waits_until("it is not ready", lambda: "mappings/all.yaml:1:" in daemon.unready())
        house.write_mapping(good)
        daemon.send(signal.SIGHUP)
        daemon.waits_until("bea has what the old one gave", lambda: house.everywhere("bea", "finance"))
        tell(f"seen {at_once:.2f} s after SIGHUP")
        assert 1 == daemon.metric("syncd_config_last_reload_successful")
        assert "" == daemon.unready()


def test_reconcile_puts_one_person_right_at_once(build: Build) -> None:
    house = build(extra={"daemon": ['poll = "1h"', 'stale_after = "2h"']})
    company = house.company
    company.hire("anna", "bea", finance=True)
    with house.daemon() as daemon:
        daemon.waits_until("they are in", lambda: house.everywhere("anna bea", "finance"))
        daemon.rests()
        company.dismiss("anna", "bea")
        ran = house.syncd("reconcile", "--user", company.account("anna", "okta"), "-d", "three")
        assert (0, [set()]) == (ran.code, house.roles("three", "anna")), ran.out + ran.err
        job = daemon.get("jobs/1")
        seconds = moment(job["ended_at"]) - moment(job["asked_at"])
        tell(f"{seconds.total_seconds():.2f} s from the order to its end, {ran.seconds:.2f} s for the command")
        assert seconds < timedelta(seconds=60), "under a second; the next poll is in an hour"
        assert ["three"] == [row["deployment"] for row in job["results"]]
        again = house.syncd("reconcile", "--user", f"anna.{company.tag}@corp.example")
        assert 0 == again.code, again.out + again.err
        assert house.everywhere("anna"), "by e-mail, on every deployment"


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_what_a_limit_holds_goes_when_it_is_approved(build: Build) -> None:
    house = build(extra={"limits": ["removals = 2", "floor = 1", "share = 0.5"]})
    company = house.company
    staff = "anna bea carl dora"
    company.hire(*staff.split(), finance=True)
    with house.daemon() as daemon:
        daemon.waits_until("all are in", lambda: house.everywhere(staff, "finance"))
        daemon.rests()
        company.dismiss("anna", "bea", "carl")
        for name in LOGINS:
            daemon.waits_until("it is held", lambda: daemon.deployment(name)["held"])  # noqa: B023 - called at once
        assert house.everywhere(staff, "finance"), "nobody loses anything by half"
        held = daemon.deployment("three")["held"]
        daemon.waits_until("people are told", lambda: ("held", "three") in daemon.alarms())
        assert 1 == daemon.metric("syncd_deployment_held", deployment="three")
        assert [held] == [hold["digest"] for hold in daemon.get("holds?deployment=three")["holds"]]

        wrong = house.syncd("approve", "three", "0000")
        assert (3, "") == (wrong.code, wrong.out), wrong.err
        ran = house.syncd("approve", "three", held)
        assert 0 == ran.code, ran.out + ran.err
        assert [set(), set(), set(), {house.role("finance")}] == house.roles("three", staff)
        assert [{house.role("finance")}] == house.roles("two", "anna"), "what was not approved is still held"
        daemon.waits_until("the alarm is over", lambda: ("held", "three") not in daemon.alarms())
        assert ("held", "two") in daemon.alarms()
        (row,) = daemon.changes(deployment="three", user=company.account("anna", "okta"))[:1]
        assert "applied" == row["status"]


def test_apply_beside_a_daemon_writes_nothing_twice(build: Build) -> None:
    house = build()
    company = house.company
    people = " ".join(f"p{number}" for number in range(8))
    slow_down(house, seconds=0.4)
    with house.daemon() as daemon:
        daemon.rests()
        company.hire(*people.split(), finance=True)
        daemon.waits_until("the daemon is at work", lambda: begun(daemon, "two") and begun(daemon, "three"))
        apply_beside(house)  # comes while the daemon is at work
        daemon.waits_until("all are in", lambda: house.everywhere(people, "finance"))
        daemon.rests()

        house.write_mapping(house.mapping.replace(f"[{house.role('finance')}]", f"[{house.role('finance')}, Viewer]"))
        apply_beside(house)  # is at work when the daemon comes, which looks at its files every two seconds
        daemon.waits_until("the daemon has read it", lambda: daemon.events("config_reloaded"))
        daemon.rests()
        assert house.everywhere(people, "finance", "Viewer")
        rows = daemon.changes()
        told = about_people(house, rows)
        assert {1} == set(told.values()), "each person came once, and got Viewer once"
        assert 2 * len(people.split()) * len(house.logins) == len(told)
        assert {"applied"} == {str(row["status"]) for row in rows}
        assert {} == daemon.alarms(), "that another one is at work is nothing to see to"


def apply_beside(house: House) -> None:
    """Run `syncd apply`: it does its work, or says who else does it; which, is a matter of moments on a busy machine."""
    ran = house.syncd("apply")
    tell(f"apply beside the daemon ended with {ran.code} after {ran.seconds:.1f} s")
    assert ran.code in {0, 5}, ran.out + ran.err
    assert ("has been at work on it since" in ran.out) == (ran.code == 5)


def test_of_two_daemons_one_is_killed(build: Build) -> None:
    """On stand-ins both work on one SQLite file, with real servers on PostgreSQL."""
    also = ("east", "west", "north", "south")
    house = build(*also, extra={"daemon": ['poll = "500ms"']})
    company = house.company
    company.hire("anna", "bea", finance=True)
    with house.daemon("a") as a, house.daemon("b") as b:
        both = (a, b)
        for one in both:
            one.waits_until("both know of each other", lambda: one.metric("syncd_replicas") == 2)  # noqa: B023
        a.waits_until("they are in", lambda: house.everywhere("anna bea", "finance"))
        for one in both:
            one.rests()
        shares = {one: share(one) for one in both}
        assert set(house.sites) == shares[a] | shares[b]
        assert not shares[a] & shares[b]
        company.dismiss("anna")
        left = a.waits_until("anna is out everywhere", lambda: house.everywhere("anna"))
        assert {1} == set(about_people(house, [r for r in a.changes() if r["revoked"]]).values()), "once on each"

        victim, survivor = sorted(both, key=lambda one: len(shares[one]), reverse=True)
        crowd = " ".join(f"p{number}" for number in range(6))
        slow_down(house, seconds=0.3)
        company.hire(*crowd.split(), finance=True)
        a.waits_until("the victim is at work", lambda: any(begun(survivor, name) for name in shares[victim]))
        killed_at = datetime.now(UTC)
        victim.send(signal.SIGKILL)
        company.dismiss("bea")
        survivor.waits_until(
            "all were swept", lambda: swept_since(survivor, killed_at) == set(house.sites), within_s=30
        )
        took = (datetime.now(UTC) - killed_at).total_seconds()
        assert share(survivor) == set(house.sites)
        out = survivor.waits_until("bea is out everywhere", lambda: house.everywhere("bea"))
        survivor.waits_until("the crowd is in", lambda: house.everywhere(crowd, "finance"))
        tell(f"shares {len(shares[victim])} and {len(shares[survivor])}; with two a leaver took {left:.2f} s")
        tell(f"all was swept {took:.1f} s after the kill, a leaver of that moment was out {out:.1f} s later")
        company.hire("carl", finance=True)
        survivor.waits_until("carl is in everywhere", lambda: house.everywhere("carl", "finance"))
        rows = survivor.changes(status="applied")
        assert {1} == set(about_people(house, [r for r in rows if r["revoked"]]).values()), "each left once"
        assert {1} == set(about_people(house, [r for r in rows if r["kind"] == "create"]).values()), "each came once"
        survivor.rests()
        assert 0 == survivor.metric("syncd_journal_unsettled_changes")
        survivor.stop()


def share(daemon: Daemon) -> set[str]:
    """Name the deployments that a replica works on."""
    return {d["name"] for d in daemon.get("status")["deployments"] if d["standing"] != "elsewhere"}


def swept_since(daemon: Daemon, when: datetime) -> set[str]:
    rows = daemon.get("status")["deployments"]
    return {d["name"] for d in rows if d["swept_at"] and moment(d["swept_at"]) > when}


@pytest.mark.parametrize("build", ["stand-ins"], indirect=True)
def test_a_server_that_hangs_does_not_keep_the_daemon_from_ending(build: Build) -> None:
    house = build("east")
    site = house.sites["east"]
    assert isinstance(site, StandInSite)
    house.company.hire("anna", finance=True)
    site.server.faults.add(HANG, on("POST", "*/users"), times=1)
    with house.daemon() as daemon:
        daemon.waits_until("the call is out", lambda: begun(daemon, "east"))
        took = daemon.stop()
    with house.daemon() as daemon:
        daemon.waits_until("anna is in", lambda: house.everywhere("anna", "finance"))
        daemon.rests()
        statuses = [
            row["status"] for row in daemon.changes(deployment="east", user=house.company.account("anna", "okta"))
        ]
        tell(f"ended in {took:.2f} s; the journal says {statuses}")
        assert ["applied", "failed"] == statuses, "the intent that nobody knew the end of is settled"


def begun(daemon: Daemon, deployment: str) -> bool:
    return any(row["subject"] == "user" for row in daemon.changes(deployment=deployment, status="intent"))
