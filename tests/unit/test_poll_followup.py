"""What follows from a poll, line by line of the tables in `daemon/poll_followup.py`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest
from mapping_world import NOW, directory, group, person

from syncd.daemon.delta import between
from syncd.daemon.poll_followup import PERSONS, Doubts, InForce, PollTimes, Work, alarms_of, ends_of, who_waits, work_of
from syncd.daemon.words import Say
from syncd.directory.narrow import DirectoryView
from syncd.mapping.parse import parse
from syncd.model import Deployment, Directory, Doubt, Group, Note
from syncd.ports import SourceHealth
from syncd.targets.airflow.naming import NAMING

MAPPING = """
bindings:
  - {group: people:team, roles: [Op], deployments: all}
  - {group: people:crew, roles: [User], deployments: {env: prod}}
  - {group: people:guests, roles: [Viewer], deployments: all, until: 2026-06-01}
"""
PROD, LAB = Deployment("prod", {"env": "prod"}, naming=NAMING), Deployment("lab", {"env": "lab"}, naming=NAMING)
BASIS = InForce(parse({"m.yaml": MAPPING.encode()}, namings=[NAMING]), (LAB, PROD))
SEEN = PollTimes(20.0, 5.0)
NAMES = ("ann", "bob", "cid")


def known(*groups: Group, absent: str = "") -> Directory:
    return directory([replace(person(n), active=n != absent) for n in NAMES], *groups)


def people(**members: str) -> Directory:
    """Everybody, with these members of groups."""
    return known(*[group(name, *who.split()) for name, who in members.items()])


def in_doubt(name: str, *members: str) -> Group:
    return group(name, *members, complete=False, why="cut off")


def work(before: Directory | None, after: Directory, basis: InForce = BASIS) -> Work:
    moved = between(DirectoryView(before) if before else None, DirectoryView(after))
    return work_of(moved, basis, now=NOW, seen=SEEN) if moved else Work()


def shown(found: Work) -> list[tuple[str, str, frozenset[str] | None]]:
    return [(name, item.urgency.name, item.scope.usernames) for name, item in found.puts]


ANN, BOB = frozenset({"ann"}), frozenset({"bob"})
TEAM = people(team="ann bob", crew="bob")


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        pytest.param(TEAM, TEAM, [], id="nothing"),
        pytest.param(
            TEAM, people(team="bob", crew="bob"), [("lab", "LOSS", ANN), ("prod", "LOSS", ANN)], id="somebody loses"
        ),
        pytest.param(TEAM, people(team="ann bob", crew="bob ann"), [("prod", "GAIN", ANN)], id="somebody gains"),
        pytest.param(
            TEAM,
            people(team="bob ann cid", crew=""),
            [("prod", "LOSS", frozenset({"bob", "cid"})), ("lab", "GAIN", frozenset({"cid"}))],
            id="losses before gains",
        ),
        pytest.param(
            TEAM,
            known(group("team", "ann", "bob"), group("crew", "bob"), absent="ann"),
            [("lab", "LOSS", ANN), ("prod", "LOSS", ANN)],
            id="somebody was deactivated",
        ),
        pytest.param(people(team="ann", other="bob"), people(team="ann", other="cid"), [], id="a group without a line"),
        pytest.param(
            known(in_doubt("crew", "bob")), people(crew="bob"), [("prod", "WHOLE", None)], id="a group out of doubt"
        ),
        pytest.param(
            known(in_doubt("other", "bob")), people(other="bob"), [], id="a group out of doubt that no line names"
        ),
        pytest.param(None, TEAM, [], id="the first directory"),
    ],
)
def test_what_a_poll_leads_to(
    before: Directory | None, after: Directory, expected: list[tuple[str, str, frozenset[str] | None]]
) -> None:
    assert expected == shown(work(before, after))


def test_each_item_knows_when_the_change_was_seen_and_what_was_wanted_before() -> None:
    found = work(TEAM, people(team="bob", crew="bob"))
    assert 2 == found.deployments
    for _, item in found.puts:
        assert (20.0, 5.0, "people") == (item.seen_at, item.bound_at, item.command)
        assert item.earlier is not None
        assert frozenset({"Op"}) == item.earlier.users["ann"].roles


def test_a_replica_works_for_its_share_alone() -> None:
    assert [("lab", "LOSS", ANN)] == shown(work(TEAM, people(team="bob", crew="bob"), replace(BASIS, ours=(LAB,))))


def test_the_end_of_a_binding_takes_what_it_gave() -> None:
    view, end = DirectoryView(people(team="ann", guests="ann bob")), BASIS.rules.bindings[2].until
    assert end is not None
    found = ends_of(view, BASIS, since=end - timedelta(seconds=1), now=end)
    assert [("lab", "LOSS"), ("prod", "LOSS")] == [(name, kind) for name, kind, _ in shown(found.work)]
    assert (BASIS.rules.bindings[2:], 2) == (found.rules, found.people)
    assert {"expiry"} == {item.command for _, item in found.work.puts}
    for since, now in ((end, end + timedelta(days=1)), (end - timedelta(days=2), end - timedelta(seconds=1))):
        assert ((), Work()) == ((again := ends_of(view, BASIS, since=since, now=now)).rules, again.work)


IN_HOURS = """
bindings:
  - {group: people:team, roles: [Op], deployments: {env: prod}, during: {hours: "08:00-18:00", zone: UTC}}
  - {group: people:guests, roles: [Viewer], deployments: {env: lab}, from: 2026-06-01}
"""


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        pytest.param("2026-06-01T00:00Z", [("lab", "GAIN", ANN)], id="a binding begins"),
        pytest.param("2026-06-01T08:00Z", [("prod", "GAIN", BOB)], id="a window opens"),
        pytest.param("2026-06-01T18:00Z", [("prod", "LOSS", BOB)], id="a window closes"),
        pytest.param("2026-06-01T12:00Z", [], id="nothing turns"),
    ],
)
def test_what_the_hours_of_a_binding_lead_to(at: str, expected: list[tuple[str, str, frozenset[str] | None]]) -> None:
    view, moment = DirectoryView(people(team="bob", guests="ann")), datetime.fromisoformat(at)
    basis = replace(BASIS, rules=parse({"m.yaml": IN_HOURS.encode()}, namings=[NAMING]))

    found = ends_of(view, basis, since=moment - timedelta(seconds=1), now=moment)

    assert expected == shown(found.work)


# --- alarms -------------------------------------------------------------------------------------------------------------


STANDS = SourceHealth("okta", None, None, (), None, None)


def doubtful(*groups: str) -> SourceHealth:
    return replace(STANDS, doubts=tuple(Doubt(f"id-{g}", g, None, f"{g} was cut off") for g in groups))


WELL = (Say("source_failed", "okta"), Say("uncertified", "okta"))


@dataclass(frozen=True)
class Line:
    stands: SourceHealth | None
    says: tuple[Say, ...]
    since: Mapping[str, float] = field(default_factory=dict)
    """Since when which group is in doubt, before."""
    then: Mapping[str, float] = field(default_factory=dict)


LINES = {
    "never read": Line(None, (), {"a": 1.0}, {"a": 1.0}),
    "read": Line(STANDS, WELL),
    "failed": Line(
        replace(STANDS, failed_at=NOW, failure="it does not answer"),
        (Say("source_failed", "okta", "it does not answer"),),
        {"a": 1.0},
        {"a": 1.0},
    ),
    "a group in doubt": Line(doubtful("a"), WELL, {}, {"a": 100.0}),
    "a group in doubt for a while": Line(doubtful("a"), WELL, {"a": 41.0}, {"a": 41.0}),
    "a group in doubt for too long": Line(
        doubtful("a", "b"),
        (
            Say("source_failed", "okta"),
            Say("uncertified", "okta", "a: not read whole, so nobody loses anything by them; a was cut off"),
        ),
        {"a": 40.0},
        {"a": 40.0, "b": 100.0},
    ),
    "no group in doubt any more": Line(doubtful("b"), WELL, {"a": 1.0, "b": 50.0}, {"b": 50.0}),
}


@pytest.mark.parametrize("line", LINES.values(), ids=LINES)
def test_which_alarms_follow_from_how_a_source_stands(line: Line) -> None:
    doubts, says = alarms_of("okta", line.stands, Doubts(line.since, 60.0), now=100.0)
    assert (line.then, line.says) == (doubts.since, says)


def test_many_groups_in_doubt_are_counted() -> None:
    groups = "abcdefg"
    _, says = alarms_of("okta", doubtful(*groups), Doubts(dict.fromkeys(groups, 0.0), 60.0), now=100.0)
    assert says[1].text.startswith("a, b, c, d, e and 2 more: not read whole")


def test_somebody_is_asked_about_accounts_that_may_be_one_person() -> None:
    none = Say("person_joined", PERSONS)
    assert none == who_waits(None)
    assert none == who_waits(TEAM)
    asked = tuple(Note("person_joined", f"question {n}") for n in range(3))
    assert "question 0; and 2 more, see syncd plan" == who_waits(replace(TEAM, notes=asked)).text
