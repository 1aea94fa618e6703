"""What every target has to do, whatever kind it is: `ports.LastingSession`, asked of all of them in the same words.

A new kind of target is one more parameter: a server that can be opened again and again. What Airflow's adapter does besides,
release by release, is in tests/component/test_airflow_*; that stand-ins are as real servers are, in test_standin_airflow_*.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import uuid4

import pytest
from airflow_world import MADE, MANAGEABLE, Killed, Steps, World, world
from sheet import KIND as SHEET
from sheet import SheetSettings

from syncd.http.connection import Connection
from syncd.http.secrets import Secret
from syncd.model import (
    EVERYTHING,
    Change,
    Dag,
    Learned,
    Level,
    Naming,
    ObservedState,
    Outcome,
    Role,
    Scope,
    Status,
    User,
    key,
)
from syncd.ports import LastingSession
from syncd.sandbox.airflow import StandIn
from syncd.sandbox.servers import RealAirflow
from syncd.targets.airflow import KIND as AIRFLOW
from syncd.targets.airflow import AirflowSettings, Credential
from syncd.targets.kind import TargetSurroundings
from syncd.targets.memory import MemoryTarget

BAD_NAME = "a/\nb"
DIES_AT = (0, 1, 2, 3, 5, 8)
"""At which word of what is recorded of a change the process dies; a change of few calls ends before the last ones."""

Open = Callable[[Learned | None, TargetSurroundings], LastingSession]


Reach = Callable[[pytest.FixtureRequest, Path], Iterator[tuple[Open, Naming]]]
"""Gives how sessions with one server are opened, for as long as it is there."""


def memory(_request: pytest.FixtureRequest, _tmp_path: Path) -> Iterator[tuple[Open, Naming]]:
    server = MemoryTarget.of("prod", dags=(Dag("a"), Dag("b")))
    server.fails = frozenset({BAD_NAME})

    def opened(_known: Learned | None, around: TargetSurroundings) -> LastingSession:
        server.protected = around.protected
        return server

    yield opened, AIRFLOW.naming


def sheet(_request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Open, Naming]]:
    file = tmp_path / "sheet.json"
    file.write_text(json.dumps({"dags": [["a"], ["b"]], "roles": [["keeper"]], "users": []}))
    yield lambda known, around: SHEET.open("prod", SheetSettings(file), around, known), SHEET.naming


def stand_in(preset: str) -> Reach:
    def reach(_request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Open, Naming]]:
        with world(StandIn(preset), tmp_path) as w:
            yield _quick(w), AIRFLOW.naming

    return reach


def _quick(w: World) -> Open:
    """Open sessions that do not wait between two looks."""
    return lambda known, around: w.target(known, protected=tuple(around.protected))


def real(fixture: str, credential: str) -> Reach:
    def reach(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Open, Naming]]:
        server: RealAirflow = request.getfixturevalue(fixture)
        (tmp_path / "password").write_text("admin")
        secret = Secret("file", (str(tmp_path / "password"),))
        settings = AirflowSettings(Connection(server.url), (Credential(credential, "admin", secret),))
        yield lambda known, around: AIRFLOW.open("prod", settings, around, known), AIRFLOW.naming

    return reach


REACHES = [
    pytest.param(memory, id="memory"),
    pytest.param(sheet, id="sheet"),
    *(pytest.param(stand_in(preset), id=preset) for preset in MANAGEABLE),
    pytest.param(real("real_airflow_2", "basic"), id="real 2.11.2", marks=pytest.mark.servers),
    pytest.param(real("real_airflow_3", "token"), id="real 3.3.2", marks=pytest.mark.servers),
]


def told_whose(session: LastingSession) -> None:
    """Say which second roles are ours, as every pass does before it writes."""
    session.observe(Scope.people(()), role_names=frozenset(), members=frozenset(MADE))


@dataclass
class Site:
    """One server. Everything that a test makes there bears names of its own: others may use the server too.

    What one session learned is given to the next, as a pass does.
    """

    open: Open
    naming: Naming
    tag: str
    known: Learned | None = None

    @contextmanager
    def session(self, *, protected: str = "") -> Iterator[LastingSession]:
        around = TargetSurroundings(frozenset({protected} if protected else ()))
        with closing(self.open(self.known, around)) as opened:
            opened.look()
            yield opened
            self.known = opened.learned()

    def named(self, name: str) -> str:
        return f"{name} {self.tag}"

    def person(self, name: str, *roles: str) -> User:
        called = f"{name}-{self.tag}"
        return User(called, f"{called}@example.com", name.title(), "Doe", frozenset(roles))

    def role(self, name: str, level: Level = Level.VIEW, dags: int = 2) -> Role:
        """Give a role as mapping evaluation would make it for this server."""
        with self.session() as opened:
            spelled, there = opened.dialect(), opened.inventory()[:dags]
        wanted = set(spelled.every_role)
        for included in level.included:
            everywhere, templates = spelled.levels[included]
            wanted |= everywhere | {template.at(dag.id) for template in templates for dag in there}
        return Role(self.named(name), frozenset(wanted))

    def make(self, *things: User | Role) -> None:
        for thing in things:
            assert Status.APPLIED is self.apply(None, thing).status

    def apply(self, before: User | Role | None, after: User | Role | None) -> Outcome:
        with self.session() as opened:
            told_whose(opened)
            return opened.apply(Change(before, after), Steps())

    def seen(self, *roles: Role, scope: Scope = EVERYTHING, once: tuple[Role, ...] = ()) -> ObservedState:
        """Look as a pass does that begins now; `roles` are those that it manages, `once` those that it did."""
        names, before = (frozenset(role.name for role in some) for some in (roles, once))
        with self.session() as opened:
            return opened.observe(scope, role_names=names, once=before, members=frozenset(MADE))

    def holder(self, user: User, *roles: Role) -> User | None:
        return self.seen(*roles).users.get(key(user.username))


@pytest.fixture(params=REACHES)
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    for opened, naming in request.param(request, tmp_path):
        yield Site(opened, naming, uuid4().hex[:8])


# --- looking ----------------------------------------------------------------------------------------------------------


def test_what_was_found_out_is_said_again_and_may_be_given_to_the_next_session(site: Site) -> None:
    with site.session() as first:
        found = first.look()
        assert (found, found) == (first.look(), first.learned())
    with site.session() as second:
        assert (found, found) == (second.look(), second.learned())


def test_dags_are_listed_once_and_by_id(site: Site) -> None:
    with site.session() as opened:
        ids = [dag.id for dag in opened.inventory()]

    assert ids
    assert sorted(set(ids)) == ids


def test_each_level_is_spelled_and_says_which_dag_it_is_on(site: Site) -> None:
    with site.session() as opened:
        spelled = opened.dialect()

    assert set(Level) == spelled.levels.keys()
    for templates in (templates for _, templates in spelled.levels.values()):
        for template in templates:
            filled = template.at("some.dag")
            assert "some.dag" == filled.dag
            read = site.naming.permission(filled.action, filled.resource)
            assert (filled, filled.dag, filled.part) == (read, read.dag, read.part)


def test_a_look_at_everything_sees_people_and_roles_and_one_at_a_few_no_more_than_those(site: Site) -> None:
    role = site.role("team")
    anna, bob = site.person("anna", role.name), site.person("bob", role.name)
    site.make(role, anna, bob)

    whole = site.seen(role)
    few = site.seen(role, scope=Scope.people([bob.username.upper()]))
    on_dags = site.seen(role, scope=Scope.of_dags(["a"]))

    assert (anna, bob) == tuple(whole.users[key(who.username)] for who in (anna, bob))
    assert role == whole.roles[role.name]
    assert ({key(bob.username): bob}, {}) == (few.users, few.roles)
    assert ({}, role) == (on_dags.users, on_dags.roles[role.name])
    assert [EVERYTHING, Scope.people([bob.username])] == [whole.scope, few.scope]


def test_what_is_not_there_is_not_seen(site: Site) -> None:
    assert {} == site.seen(scope=Scope.people([site.person("nobody").username])).users


def test_permissions_that_are_read_say_which_dag_they_are_on(site: Site) -> None:
    role = site.role("team", dags=1)
    site.make(role)

    read = site.seen(role).roles[role.name].permissions
    assert {(p, p.dag, p.part) for p in role.permissions} == {(p, p.dag, p.part) for p in read}
    assert 1 == len({p.dag for p in read if p.dag is not None})


# --- changing ---------------------------------------------------------------------------------------------------------


def test_each_kind_of_change_is_made_and_read_back(site: Site) -> None:
    small, large = site.role("team", dags=1), site.role("team", Level.TRIGGER)
    other = site.role("other", dags=1)
    anna = site.person("anna", small.name)
    moved = replace(anna, roles=frozenset({other.name}))
    bare = replace(anna, roles=frozenset())

    steps: list[tuple[User | Role | None, User | Role | None]] = [
        (None, small),
        (None, other),
        (None, anna),
        (small, large),
        (large, small),
        (anna, moved),
        (moved, bare),
        (small, None),
        (other, None),
        (bare, None),
    ]
    for n, (before, after) in enumerate(steps):
        outcome = site.apply(before, after)
        ended = tuple(thing for thing, then in steps[: n + 1] if then is None and isinstance(thing, Role))
        now = site.seen(*{small, other} - set(ended), once=ended)
        assert (before, after, Status.APPLIED) == (before, after, outcome.status), outcome.detail
        match before or after:
            case Role(name):
                assert after == now.roles.get(name) or (after is None and name in now.leftovers)
            case _:
                assert after == now.users.get(key(anna.username))


def test_names_are_as_asked_for(site: Site) -> None:
    role = replace(site.role("team"), name=site.named("Fächer & Co. (é)"))
    anna = replace(
        site.person("anna", role.name), username=f"Anna.Ünal+x@{site.tag}", first_name="Änna", last_name="O'Hara"
    )
    site.make(role, anna)

    now = site.seen(role)
    assert (role, anna) == (now.roles[role.name], now.users[key(anna.username)])


def test_what_is_not_asked_for_is_not_touched(site: Site) -> None:
    """What another hand gave since the plan was made stays, with everybody and everything that the change does not name."""
    role, by_hand = site.role("team", dags=1), site.role("by hand")
    anna, bob = site.person("anna", role.name), site.person("bob", role.name)
    site.make(role, by_hand, anna, bob)
    before = site.seen(role)

    site.apply(anna, replace(anna, roles=anna.roles | {by_hand.name}))
    site.apply(anna, replace(anna, roles=frozenset()))
    site.apply(role, replace(role, permissions=site.role("team").permissions))

    now = site.seen(role)
    assert frozenset({by_hand.name}) == now.users[key(anna.username)].roles
    others = before.users.keys() - {key(anna.username)}
    assert {name: before.users[name] for name in others} == {name: now.users.get(name) for name in others}
    left = before.roles.keys() - {role.name}
    assert {name: before.roles[name] for name in left} == {name: now.roles.get(name) for name in left}


def test_each_call_that_writes_is_announced_before_it_is_made_and_closed_after(site: Site) -> None:
    role = site.role("team")
    steps = Steps()
    with site.session() as opened:
        opened.observe(EVERYTHING, role_names=frozenset({role.name}), members=frozenset(MADE))
        opened.apply(Change(None, role), steps)

    assert len(steps.words) >= 2
    assert 0 == len(steps.words) % 2

    silent = site.role("silent")
    with site.session() as opened, pytest.raises(Killed):
        opened.apply(Change(None, silent), Steps(die_at=0))
    assert silent.name not in site.seen(silent).roles, "what could not be announced was not made"


@pytest.mark.parametrize("die_at", DIES_AT)
def test_a_change_that_was_cut_off_is_finished_by_who_looks_next(site: Site, die_at: int) -> None:
    large, small = site.role("team", Level.TRIGGER), site.role("team", dags=1)
    anna = site.person("anna", large.name)
    site.make(large, anna)
    with site.session() as dying:
        try:
            dying.apply(Change(large, small), Steps(die_at=die_at))
        except Killed:
            between = site.seen(large)
            assert frozenset({large.name}) == between.users[key(anna.username)].roles, "nobody is without access"

    with site.session() as following:
        names, members = frozenset({large.name}), frozenset(MADE)
        found = following.observe(EVERYTHING, role_names=names, members=members).roles.get(large.name)
        outcome = following.apply(Change(found, small), Steps()) if found != small else None

    now = site.seen(large)
    assert outcome is None or Status.APPLIED is outcome.status
    assert (small, anna) == (now.roles[large.name], now.users[key(anna.username)])


def test_what_cannot_be_done_is_an_outcome_and_changes_nothing(site: Site) -> None:
    before = site.seen()

    assert site.naming.username_problem(BAD_NAME)
    assert site.naming.role_problem(BAD_NAME)
    for thing in (replace(site.person("anna"), username=BAD_NAME), replace(site.role("team"), name=BAD_NAME)):
        assert Status.FAILED is site.apply(None, thing).status

    now = site.seen()
    assert (before.users, before.roles) == (now.users, now.roles)


def test_who_is_protected_is_not_touched(site: Site) -> None:
    role = site.role("team")
    anna = site.person("anna", role.name)
    site.make(role, anna)

    with site.session(protected=anna.username.upper()) as opened:
        outcome = opened.apply(Change(anna, replace(anna, roles=frozenset())), Steps())

    assert Status.FAILED is outcome.status
    assert anna == site.holder(anna, role)


# --- a session that lasts ---------------------------------------------------------------------------------------------


def test_a_session_that_forgets_sees_what_others_changed(site: Site) -> None:
    role = site.role("team")
    anna = site.person("anna", role.name)
    site.make(role, anna)
    with site.session() as lasting:
        assert (
            anna
            == lasting.observe(EVERYTHING, role_names=frozenset({role.name}), members=frozenset(MADE)).users[
                key(anna.username)
            ]
        )
        site.apply(anna, replace(anna, roles=frozenset()))

        for looked in (False, True):
            lasting.forget(looked=looked)
            lasting.look()
            now = lasting.observe(EVERYTHING, role_names=frozenset({role.name}), members=frozenset(MADE)).users[
                key(anna.username)
            ]
            assert frozenset() == now.roles


def test_calls_are_counted_and_what_is_closed_can_be_closed_again(site: Site) -> None:
    role = site.role("team")
    with site.session() as opened:
        looked = opened.calls
        opened.apply(Change(None, role), Steps())
        assert 0 < looked < opened.calls
        opened.close()


def test_what_writes_taught_is_good_for_the_next_session(site: Site) -> None:
    large, small = site.role("team", Level.TRIGGER), site.role("team", dags=1)
    site.make(large)
    with site.session() as first:
        told_whose(first)
        first.apply(Change(large, small), Steps())
        learned = first.learned()
    with site.session() as second:
        assert learned == second.look()
        told_whose(second)
        assert Status.APPLIED is second.apply(Change(small, large), Steps()).status
    assert large == site.seen(large).roles[large.name]
