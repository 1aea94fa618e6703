"""An account that syncd made stays that person's, by id, and is nobody else's, whatever login and e-mail become."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fakes import ReadWhole

from syncd.mapping.parse import parse
from syncd.model import Certificate, Deployment, Group, Identity, Scope, Snapshot, User
from syncd.plan.limits import Limits
from syncd.reconcile import PassRequest, Report, Target, World, apply, one_pass, plan, read_directory
from syncd.store import Stores
from syncd.targets.airflow.naming import NAMING
from syncd.targets.memory import MemoryTarget

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
MAPPING = b"bindings:\n  - {group: people:crew, roles: [Viewer], deployments: all}\n"


@dataclass
class People(ReadWhole):
    """A source of people with ids; whoever is listed is in the one group."""

    crew: list[Identity]
    name: str = "people"

    def read(self) -> Snapshot:
        ids = frozenset(i.id for i in self.crew)
        group = Group("people", "crew", "crew", ids, Certificate(1, len(ids), None, NOW, complete=True))
        return Snapshot("people", tuple(self.crew), (group,), NOW)


def person(id_: str, login: str, email: str = "") -> Identity:
    return Identity("people", id_, login, email or f"{login}@corp.example", login.title(), "Test")


@dataclass
class Site:
    """One deployment, one source."""

    store: Stores
    people: People
    prod: MemoryTarget
    deployment: Deployment = field(default_factory=lambda: Deployment("prod", naming=NAMING))

    def world(self) -> World:
        target = Target(self.deployment, True, Limits(removals=100, floor=100), lambda _known: self.prod)
        rules = parse({"m.yaml": MAPPING}, sources=frozenset({"people"}), namings=[NAMING])
        return World((self.people,), rules, (target,), self.store, lambda: NOW, lambda _event, /, **_: None)

    def apply(self) -> Report:
        return apply(self.world())

    def reconcile(self, *usernames: str) -> Report:
        world = self.world()
        return one_pass(
            world, world.targets[0], read_directory(world), PassRequest(Scope.people(usernames), "reconcile")
        )

    def held(self) -> dict[str, set[str]]:
        return {user.username: set(user.roles) for user in self.prod.users.values()}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with closing(Stores.open(f"sqlite:///{tmp_path / 'syncd.db'}")) as store:
        yield Site(store, People([person("1", "abcd")]), MemoryTarget("prod"))


def notes(report: Report) -> list[str]:
    made = report.deployments[0].plan
    return [note.code for note in made.notes] if made is not None else []


@pytest.mark.finding("R-F4")
def test_who_gets_another_login_keeps_what_they_hold_on_the_account_made_for_them(site: Site) -> None:
    site.apply()
    site.people.crew = [person("1", "a.b.c.d", "abcd@corp.example")]
    report = site.apply()
    assert (0, {"abcd": {"Viewer"}}) == (report.exit_code(), site.held())
    assert ["account_kept"] == notes(report)
    assert not site.apply().deployments[0].plan


@pytest.mark.finding("R-F4")
def test_who_gets_another_login_and_leaves_loses_what_they_hold(site: Site) -> None:
    site.apply()
    site.people.crew = [person("1", "a.b.c.d")]
    site.apply()
    site.people.crew = []
    site.apply()
    assert {"abcd": set()} == site.held()


@pytest.mark.finding("R-F4")
@pytest.mark.parametrize("asked", [("a.b.c.d", "abcd"), ("a.b.c.d",)])
def test_a_pass_over_just_this_person_makes_no_second_account(site: Site, asked: tuple[str, ...]) -> None:
    site.apply()
    site.people.crew = [person("1", "a.b.c.d", "abcd@corp.example")]
    site.reconcile(*asked)
    assert {"abcd": {"Viewer"}} == site.held()


@pytest.mark.finding("C-9")
def test_an_account_that_somebody_else_is_to_have_now_is_not_kept(site: Site) -> None:
    site.apply()
    site.people.crew = [person("1", "new"), person("2", "abcd")]
    site.apply()
    assert {"abcd": {"Viewer"}, "new": {"Viewer"}} == site.held()
    assert ["new@corp.example"] == [u.email for u in site.prod.users.values() if u.username == "new"]


@pytest.mark.finding("C-9")
@pytest.mark.parametrize("match_email", [False, True])
def test_the_stale_email_of_a_leaver_does_not_block_a_new_hire(site: Site, match_email: bool) -> None:
    site.deployment = Deployment("prod", username="okta_{id}", match_email=match_email, naming=NAMING)
    site.people.crew = [person("1", "ada", "ada@corp.example")]
    site.apply()
    site.people.crew = []
    site.apply()
    site.people.crew = [person("2", "ada", "ada@corp.example")]
    report = site.apply()
    assert {"okta_1": set(), "okta_2": {"Viewer"}} == site.held()
    assert ["email_placeholder"] == notes(report)
    assert "okta_2@example.invalid" == site.prod.users["okta_2"].email
    assert not site.apply().deployments[0].plan


@pytest.mark.finding("C-9")
def test_a_new_hire_with_the_email_of_a_leaver_is_served_by_a_pass_over_just_them(site: Site) -> None:
    site.deployment = Deployment("prod", username="okta_{id}", naming=NAMING)
    site.people.crew = [person("1", "ada", "ada@corp.example")]
    site.apply()
    site.people.crew = [person("2", "ada", "ada@corp.example")]
    assert 0 == site.reconcile("okta_2").exit_code()
    assert {"okta_1": {"Viewer"}, "okta_2": {"Viewer"}} == site.held()  # the leaver is for the pass that is about them


@pytest.mark.finding("C-9")
def test_an_account_is_never_matched_by_email_for_somebody_else(site: Site) -> None:
    site.deployment = Deployment("prod", match_email=True, naming=NAMING)
    site.people.crew = [person("1", "ada", "shared@corp.example")]
    site.apply()
    site.people.crew = [person("1", "ada", "ada@corp.example"), person("2", "bob", "shared@corp.example")]
    site.apply()
    assert {"ada": {"Viewer"}, "bob": {"Viewer"}} == site.held()


@pytest.mark.finding("C-9")
def test_an_email_that_two_people_want_is_still_a_note_and_no_account(site: Site) -> None:
    site.people.crew = [person("1", "ada", "shared@corp.example")]
    site.apply()
    site.people.crew.append(person("2", "bob", "shared@corp.example"))
    report = site.apply()
    assert {"ada": {"Viewer"}} == site.held()
    assert {"email_taken", "email_shared"} == set(notes(report))


@pytest.mark.finding("C-9")
def test_the_account_of_a_stranger_that_has_the_email_is_left_alone(site: Site) -> None:
    site.prod.users["old"] = User("old", "abcd@corp.example", "O", "L", frozenset({"Op"}))
    report = site.apply()
    assert {"old": {"Op"}} == site.held()
    assert ["email_taken"] == notes(report)


@pytest.mark.finding("X-F1")
def test_an_account_made_under_the_name_of_a_lesser_source_is_not_in_the_way_of_the_right_one(site: Site) -> None:
    """As when it was made before the source that names accounts was read."""
    site.apply()
    theirs = replace(person("1", "abcd"), source="files", id="f1")
    account = next(iter(site.store.holdings.made_accounts("prod")))
    site.store.holdings.remember_accounts("prod", [replace(account, who=(theirs.source, theirs.id))], now=NOW)
    site.people.crew = [person("1", "abcd@okta.example", "abcd@corp.example")]
    site.apply()
    assert {"abcd": set(), "abcd@okta.example": {"Viewer"}} == site.held()


def test_planning_notes_for_nobody_whose_an_account_is(site: Site) -> None:
    plan(site.world())
    assert () == site.store.holdings.made_accounts("prod")


def test_accounts_that_were_made_before_this_was_noted_are_noted_when_they_are_seen(site: Site) -> None:
    site.apply()
    site.store.holdings.remember_accounts(
        "prod", [replace(site.store.holdings.made_accounts("prod")[0], who=("old", "x"))], now=NOW
    )
    site.apply()
    assert [("people", "1")] == [account.who for account in site.store.holdings.made_accounts("prod")]
