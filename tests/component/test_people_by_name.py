"""Lines that name people one by one: an address changes hands, and what was given stays with the person."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest
from stages import NOW, People, Stage, planned

from syncd import app
from syncd.config import load
from syncd.daemon.delta import between
from syncd.daemon.poll_followup import InForce, PollTimes, ends_of, work_of
from syncd.directory.narrow import DirectoryView
from syncd.errors import SourceUnavailable
from syncd.mapping.parse import parse
from syncd.model import EVERYONE, Certificate, Group, Identity, Snapshot, What, key
from syncd.reconcile import Report, World, apply, read_directory
from syncd.store import Stores
from syncd.targets.airflow.naming import NAMING
from syncd.targets.memory import MemoryTarget

ANNA = "- {people: [anna@example.com], roles: [Op], deployments: all, privileged: true}\n"
CREW = "- {group: people:crew, roles: [Viewer], deployments: all}\n"
BUT_BOB = "- {group: people:crew, except: [bob@example.com], roles: [Op], deployments: all, privileged: true}\n"


FILES = """
[sources.people]
type = "file"
directory = "people"
[deployments.prod]
url = "http://127.0.0.1:9"
auth = {kind = "basic", username = "admin", password = {env = "SYNCD_TEST_NOT_SET"}}
"""


@dataclass
class Everybody(People):
    """A source of which everybody is read, too; `emails` are those of people who have another one."""

    emails: dict[str, str] = field(default_factory=dict)
    everybody: list[str] = field(default_factory=list)
    whole: bool = True

    def read(self) -> Snapshot:
        if self.down:
            raise SourceUnavailable(self.down)
        people = tuple(
            Identity("people", n, f"u-{n}", self.emails.get(n, f"{n}@example.com"), n, "Test") for n in self.everybody
        )
        read = Certificate(1, len(people), None, NOW, complete=self.whole, why="cut")
        groups = [Group("people", EVERYONE, EVERYONE, frozenset(self.everybody), read)]
        groups += [Group("people", g, g, frozenset(m), replace(read, complete=True)) for g, m in self.members.items()]
        return Snapshot("people", people, tuple(groups), NOW)


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with closing(Stores.open(f"sqlite:///{tmp_path / 'syncd.db'}")) as store:
        people = Everybody({"crew": ["anna", "bob"]}, everybody=["anna", "bob", "cid"])
        yield Stage(store, people, {"prod": MemoryTarget("prod")})


def source(stage: Stage) -> Everybody:
    assert isinstance(stage.people, Everybody)
    return stage.people


def by(stage: Stage, lines: str) -> World:
    rules = parse({"m.yaml": f"bindings:\n{lines}".encode()}, sources=frozenset({"people"}), namings=[NAMING])
    return replace(stage.world(), rules=rules)


def held(stage: Stage) -> dict[str, set[str]]:
    return {user.username: set(user.roles) for user in stage.prod.users.values() if user.roles}


def codes(report: Report) -> list[str]:
    return [note.code for note in planned(report).notes]


def test_who_is_named_is_given_it_and_keeps_it_with_another_address(stage: Stage) -> None:
    world = by(stage, ANNA)
    assert (0, []) == ((report := apply(world)).exit_code(), codes(report))
    assert {"u-anna": {"Op"}} == held(stage)
    [row] = stage.store.queries.audit(user="u-anna", role="Op")
    assert "Op: people:anna@example.com (m.yaml:2)" in map(str, row.change.because)

    source(stage).emails = {"anna": "anna.new@example.com", "cid": "anna@example.com"}
    assert ["person_renamed"] == codes(apply(world))
    assert {"u-anna": {"Op"}} == held(stage), "cid has the address now, and gets nothing"

    source(stage).everybody.remove("anna")
    assert ["person_recreated"] == codes(apply(world))
    assert {"u-anna": {"Op"}} == held(stage), "nobody knows whether cid is she"

    source(stage).emails = {}
    assert ["person_missing"] == codes(apply(world))
    assert {} == held(stage)
    [row] = stage.store.queries.audit(user="u-anna", role="Op", limit=1)
    assert {What.NOT_KNOWN} == {why.what for why in row.change.because}


def test_of_a_name_that_nobody_has_is_told_what_is_so_in_except_too(stage: Stage) -> None:
    """There it leaves nobody out, so "nobody gets anything by it" would be wrong."""
    report = apply(by(stage, CREW.replace("roles", "except: [zoe@example.com], roles")))

    assert ["m.yaml:2: there is nobody zoe@example.com; correct the name, or take it out"] == [
        note.text
        for note in report.deployments[0].plan.notes  # type: ignore[union-attr]
    ]


def test_who_was_not_found_before_is_given_nothing_and_loses_nothing_while_not_everybody_is_read(stage: Stage) -> None:
    source(stage).whole = False
    assert ["person_unread"] == [c for c in codes(apply(by(stage, ANNA))) if c.startswith("person")]
    assert {} == held(stage)

    source(stage).whole = True
    apply(by(stage, ANNA))
    source(stage).whole = False
    assert [] == [c for c in codes(apply(by(stage, ANNA))) if c.startswith("person")]
    assert {"u-anna": {"Op"}} == held(stage), "whose id is remembered"

    source(stage).down = "it is down"
    apply(by(stage, ANNA.replace("anna@", "cid@")))
    assert {"u-anna": {"Op"}} == held(stage), "nobody knows who cid is, so Op is frozen"


def test_who_is_excepted_gets_nothing_by_the_line_and_others_do(stage: Stage) -> None:
    assert [] == codes(apply(by(stage, BUT_BOB + CREW)))
    assert {"u-anna": {"Op", "Viewer"}, "u-bob": {"Viewer"}} == held(stage)


def test_while_nobody_knows_who_is_excepted_nothing_is_given_or_taken(stage: Stage) -> None:
    apply(by(stage, BUT_BOB.replace("bob@", "cid@")))
    assert {"u-anna": {"Op"}, "u-bob": {"Op"}} == held(stage)
    source(stage).whole = False
    stage.people.members["crew"].append("cid")

    report = apply(by(stage, BUT_BOB.replace("bob@", "dana@")))

    assert "person_unread" in codes(report)
    assert {"u-anna": {"Op"}, "u-bob": {"Op"}} == held(stage)


def test_a_plan_of_other_files_remembers_nobody(stage: Stage) -> None:
    from syncd import reconcile

    reconcile.plan(by(stage, ANNA))
    assert {} == stage.store.readings.group_names()
    apply(by(stage, ANNA))
    assert {("people", "{person}anna@example.com"): "anna"} == stage.store.readings.group_names()


def test_a_daemon_is_told_of_whom_it_concerns(stage: Stage) -> None:
    world = by(stage, ANNA)
    basis = InForce(world.rules, [target.deployment for target in world.targets])
    source(stage).emails = {"anna": "a@example.com"}
    before = DirectoryView(read_directory(world, applying=True))
    source(stage).emails = {}
    after = DirectoryView(read_directory(world, applying=True))

    moved = between(before, after)
    assert moved is not None
    [(name, item)] = work_of(moved, basis, now=NOW, seen=PollTimes()).puts
    assert ("prod", "GAIN", frozenset({key("u-anna")})) == (name, item.urgency.name, item.scope.usernames)


def test_a_daemon_looks_at_everybody_once_a_doubt_is_over(stage: Stage) -> None:
    world = by(stage, ANNA.replace("anna@", "gone@"))
    basis = InForce(world.rules, [target.deployment for target in world.targets])
    source(stage).whole = False
    before = DirectoryView(read_directory(world, applying=True))
    source(stage).whole = True
    moved = between(before, DirectoryView(read_directory(world, applying=True)))

    assert moved is not None
    assert not before.is_certain
    assert [("prod", None)] == [
        (name, item.scope.usernames) for name, item in work_of(moved, basis, now=NOW, seen=PollTimes()).puts
    ]


def test_the_end_of_what_a_line_gives_a_named_person_is_seen_on_the_clock(stage: Stage) -> None:
    world = by(stage, ANNA.replace("deployments", "until: 2026-03-02, deployments"))
    basis = InForce(world.rules, [target.deployment for target in world.targets])
    view = DirectoryView(read_directory(world, applying=True))

    [(_, item)] = ends_of(view, basis, since=NOW, now=NOW + timedelta(days=2)).work.puts

    assert ("LOSS", frozenset({"u-anna"})) == (item.urgency.name, item.scope.usernames)


@pytest.mark.parametrize(
    "line", [ANNA, BUT_BOB, "- {everyone: people, roles: [Op], deployments: all, privileged: true}\n"]
)
def test_everybody_is_read_where_a_line_needs_them(stage: Stage, line: str) -> None:
    sources = ("people", "okta")
    expected = {"people"} if "everyone" in line else set(sources)

    assert expected == by(stage, line).rules.everyone(sources)
    assert set() == by(stage, CREW).rules.everyone(sources)


def test_people_in_files_are_found_who_are_in_no_group(tmp_path: Path) -> None:
    for name, text in {
        "c.toml": FILES,
        "people/p.yaml": "people: [{login: anna, email: anna@example.com}]\n",
        "mappings/m.yaml": f"bindings:\n{ANNA}",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    settings = load(tmp_path / "c.toml")
    with closing(app.open_store(settings)) as store:
        found = read_directory(app.build(settings, store, emit=lambda _event, /, **_: None), applying=True).named

    assert [(frozenset({("people", "anna")}), False)] == [(of.who, of.is_open) for of in found.values()]
