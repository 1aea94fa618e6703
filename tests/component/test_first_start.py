"""A first pass on an empty database while a source is away: who is given what, by the command that does it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from fakes import ReadWhole
from mapping_world import NOW, group, person, snapshot

from syncd.errors import SourceUnavailable
from syncd.mapping.parse import parse
from syncd.model import Deployment, Joining, Snapshot
from syncd.plan.limits import Limits
from syncd.reconcile import Report, Target, World, apply
from syncd.store import Stores
from syncd.targets.airflow.naming import NAMING
from syncd.targets.memory import MemoryTarget

MAPPING = b"""
bindings:
  - {group: okta:staff, roles: [Viewer], deployments: all}
  - {group: files:team, roles: [Op], deployments: all, privileged: true}
"""


@dataclass
class Plain(ReadWhole):
    """A source with one group; the login says where somebody is from, the e-mail who they are."""

    name: str
    group: str
    members: set[str]
    down: bool = False
    hidden: set[str] = field(default_factory=set)
    """Members of whom nothing is said."""

    def read(self) -> Snapshot:
        if self.down:
            raise SourceUnavailable("it does not answer")
        people = [person(f"{self.name}-{m}", source=self.name, email=f"{m}@x") for m in sorted(self.members)]
        shown = [p for p in people if p.id.partition("-")[2] not in self.hidden]
        return snapshot(shown, group(self.group, *(p.id for p in people), source=self.name), source=self.name)


@dataclass
class Stage:
    store: Stores
    login_source: str = ""
    okta: Plain = field(default_factory=lambda: Plain("okta", "staff", {"ann", "bob"}))
    files: Plain = field(default_factory=lambda: Plain("files", "team", {"ann", "cid"}))
    prod: MemoryTarget = field(default_factory=lambda: MemoryTarget("prod"))

    def apply(self) -> Report:
        deployment = Deployment("prod", login_source=self.login_source, naming=NAMING)
        world = World(
            (self.okta, self.files),
            parse({"m.yaml": MAPPING}, namings=[NAMING]),
            (Target(deployment, True, Limits(share=1.0), lambda _known: self.prod),),
            self.store,
            lambda: NOW,
            lambda _event, /, **_: None,
            joining=Joining(precedence=("okta", "files"), accept_new=True),
        )
        return apply(world)

    def held(self) -> dict[str, set[str]]:
        return {user.username: set(user.roles) for user in self.prod.users.values()}


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with closing(Stores.open(f"sqlite:///{tmp_path}/syncd.db")) as store:
        yield Stage(store)


def notes(report: Report) -> list[str]:
    [this] = report.deployments
    assert this.plan is not None
    return [note.code for note in this.plan.notes]


@pytest.mark.finding("X-F1")
@pytest.mark.parametrize("login_source", ["", "okta"])
def test_nobody_gets_an_account_under_a_name_that_a_source_that_is_away_would_give(
    stage: Stage, login_source: str
) -> None:
    stage.login_source, stage.okta.down = login_source, True
    first = stage.apply()
    assert (5, {}) == (first.exit_code(), stage.held())
    assert ("no_login_identity" if login_source else "name_undecided") in notes(first)
    stage.okta.down = False
    second = stage.apply()
    nobody_else: dict[str, set[str]] = {} if login_source else {"files-cid": {"Op"}}
    assert {"okta-ann": {"Viewer", "Op"}, "okta-bob": {"Viewer"}} | nobody_else == stage.held()
    assert (0, True) == (second.exit_code(), second.deployments[0].converged)


@pytest.mark.finding("X-F1")
def test_who_is_served_already_keeps_it_and_others_are_served_while_a_source_is_away(stage: Stage) -> None:
    stage.apply()
    before = stage.held()
    stage.okta.down = True
    stage.files.members |= {"bob", "dee"}
    stage.apply()
    assert before | {"okta-bob": {"Viewer", "Op"}} == stage.held(), "bob's name is known, dee's is not"
    stage.okta.down = False
    stage.apply()
    assert {"Op"} == stage.held()["files-dee"]


@pytest.mark.finding("C-14")
def test_a_member_of_whom_nothing_is_known_keeps_a_role_for_nobody_but_themselves(stage: Stage) -> None:
    stage.okta.members |= {"cid", "dee"}
    stage.apply()
    stage.okta.members -= {"bob"}
    stage.okta.hidden = {"dee"}
    stage.apply()
    assert {"okta-bob": set(), "okta-dee": {"Viewer"}} == {
        name: roles for name, roles in stage.held().items() if name in ("okta-bob", "okta-dee")
    }


@pytest.mark.finding("X-F1")
def test_an_account_under_the_name_of_a_lesser_source_does_not_stand_in_the_way(stage: Stage) -> None:
    stage.okta.members = {"bob"}
    stage.apply()
    assert {"Op"} == stage.held()["files-ann"]
    stage.okta.members.add("ann")
    report = stage.apply()
    assert {"Viewer", "Op"} == stage.held()["okta-ann"]
    assert ["email_placeholder"] == notes(report)
    assert set() == stage.held()["files-ann"]
    assert report.deployments[0].converged
