"""Laws of what is not known: whatever part of the sources could not be read, nobody loses what is still theirs, and nobody
is given anything under a name that is not theirs.

The world: people with one e-mail each, in any of three sources, which only ever come and never leave a source; groups that
people join and leave. Each source was read whole in the past. Now any of them is whole, cut, failed, or was never read.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from syncd.directory.join import join
from syncd.mapping.compile import compile_desired, frozen_roles
from syncd.model import (
    At,
    Certificate,
    Deployment,
    DesiredState,
    Dialect,
    Directory,
    Group,
    GroupRef,
    Identity,
    Joining,
    JoinKey,
    LabelTest,
    Level,
    ObservedState,
    Owned,
    Rule,
    Rules,
    Snapshot,
    User,
)
from syncd.plan.diff import align, diff
from syncd.targets.airflow.naming import NAMING

NOW = datetime(2026, 3, 1, tzinfo=UTC)
SOURCES = ("okta", "entra", "files")
PEOPLE = ("ann", "bob", "cid", "dee")
ROLES = ("Viewer", "Op", "User")
DIALECT = Dialect(frozenset(), {level: (frozenset(), frozenset()) for level in Level})
RULES = Rules(
    {}, tuple(Rule(GroupRef(s, id=f"{s}-g"), (r,), (), At("a.yaml", 1)) for s, r in zip(SOURCES, ROLES, strict=True))
)
JOINING = Joining(JoinKey.EMAIL, SOURCES)

Crowd = dict[str, tuple[frozenset[str], frozenset[str]]]
"""For each source, who is in it, and who of them is in its group."""


@dataclass(frozen=True)
class World:
    past: Crowd
    now: Crowd
    inactive: frozenset[tuple[str, str]]
    states: dict[str, str]
    seen: dict[str, frozenset[str]]
    """Of a source that was read in part, whom the read showed."""

    def snapshot(self, source: str, crowd: Crowd, *, only: frozenset[str] | None = None) -> Snapshot:
        people, members = crowd[source]
        shown = people if only is None else people & only
        identities = tuple(
            Identity(source, p, f"{source}-{p}", f"{p}@x", p, "T", (source, p) not in self.inactive)
            for p in sorted(shown)
        )
        proof = Certificate(1, len(shown), None, NOW, only is None, "" if only is None else "cut")
        groups = tuple(
            Group(source, f"{source}-{g}", g, in_it & shown, proof) for g, in_it in (("all", people), ("g", members))
        )
        return Snapshot(source, identities, groups, NOW)

    def read_whole(self, crowd: Crowd) -> Directory:
        return join({s: self.snapshot(s, crowd) for s in SOURCES}, {}, {}, joining=JOINING)

    def as_read(self) -> Directory:
        """Give what is known now."""
        fresh, earlier, failed = {}, {}, {}
        for source, state in self.states.items():
            if state in ("whole", "cut", "never whole"):
                only = None if state == "whole" else self.seen[source]
                fresh[source] = self.snapshot(source, self.now, only=only)
            if state in ("whole", "cut", "failed"):
                earlier[source] = self.snapshot(source, self.past)
            if state in ("failed", "never read"):
                failed[source] = "it is down"
        return join(fresh, earlier, failed, joining=JOINING)


some = st.frozensets(st.sampled_from(PEOPLE))
how_read = st.sampled_from(("whole", "cut", "never whole", "failed", "never read"))
some_identities = st.frozensets(st.tuples(st.sampled_from(SOURCES), st.sampled_from(PEOPLE)), max_size=2)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    past, now = {}, {}
    for source in SOURCES:
        before = draw(some)
        after = before | draw(some)
        past[source] = before, before & draw(some)
        now[source] = after, after & draw(some)
    states = {s: draw(how_read) for s in SOURCES}
    inactive = draw(some_identities)
    return World(past, now, inactive, states, {s: draw(some) for s in SOURCES})


deployments = st.builds(
    Deployment,
    naming=st.just(NAMING),
    name=st.just("prod"),
    login_source=st.sampled_from(("", *SOURCES)),
    match_email=st.booleans(),
)


def wants(directory: Directory, deployment: Deployment) -> DesiredState:
    return compile_desired(RULES, directory, deployment, inventory=(), dialect=DIALECT, now=NOW)


def reached(desired: DesiredState) -> tuple[ObservedState, Owned]:
    """Give the deployment as it is after everything that was wanted was done by us."""
    grants = {name: user.roles for name, user in desired.users.items()}
    return ObservedState("prod", dict(desired.users), {}), Owned(frozenset(grants), frozenset(), grants)


def takes(world: World, deployment: Deployment) -> set[tuple[str, str]]:
    """Give who would lose what by a plan that is made with what is known now."""
    observed, owned = reached(wants(world.read_whole(world.past), deployment))
    desired = align(wants(world.as_read(), deployment), observed, match_email=deployment.match_email)
    changes = diff(desired, observed, owned=owned, deployment=deployment).changes
    return {(change.name, role) for change in changes for role in change.revoked}


def holds(users: dict[str, User]) -> set[tuple[str, str]]:
    return {(user.username, role) for user in users.values() for role in user.roles}


@pytest.mark.finding("X-F0")
@settings(max_examples=examples(500))
@given(worlds(), deployments)
def test_nobody_loses_what_was_and_is_theirs_whatever_could_not_be_read(world: World, deployment: Deployment) -> None:
    deployment = replace(deployment, match_email=False)
    past, now = (wants(world.read_whole(crowd), deployment) for crowd in (world.past, world.now))
    theirs = holds(dict(past.users)) & holds(dict(now.users))
    assert not theirs & takes(world, deployment)


@pytest.mark.finding("X-F1")
@settings(max_examples=examples(500))
@given(worlds(), deployments)
def test_nobody_is_given_anything_under_a_name_that_is_not_theirs(world: World, deployment: Deployment) -> None:
    whole = world.read_whole(world.now)
    mine: dict[str, str] = {}
    for who, identity in whole.identities.items():
        person = whole.persons[who].accounts if who in whole.persons else (identity,)
        named = [i for i in person if i.source == deployment.login_source] if deployment.login_source else person[:1]
        mine |= {i.login: i.email for i in named}
    given_to = {user.username: user.email for user in wants(world.as_read(), deployment).users.values()}
    assert given_to.items() <= mine.items()


@pytest.mark.finding("I-F1")
@settings(max_examples=examples(500))
@given(worlds(), st.sampled_from(SOURCES))
def test_whom_the_login_source_shows_as_inactive_keeps_nothing(world: World, login: str) -> None:
    deployment = Deployment("prod", login_source=login, naming=NAMING)
    was = replace(world, inactive=frozenset())
    observed, owned = reached(wants(was.read_whole(world.past), deployment))
    known = world.as_read()
    changes = diff(wants(known, deployment), observed, owned=owned, deployment=deployment).changes
    left = {c.name: c.after.roles for c in changes if isinstance(c.after, User)}
    for identity in known.identities.values():
        if identity.source == login and not identity.active and identity.login in observed.users:
            assert not left[identity.login]


@settings(max_examples=examples(200))
@given(worlds(), st.lists(st.tuples(deployments, st.sampled_from(("", "a", "b"))), min_size=1, max_size=4))
def test_what_check_calls_frozen_is_what_a_pass_freezes(world: World, fleet: list[tuple[Deployment, str]]) -> None:
    tests = ((), (LabelTest("team", frozenset({"a"})),), (LabelTest("team", but=frozenset({"a"})),))
    bindings = tuple(replace(rule, deployments=of) for rule, of in zip(RULES.bindings, tests, strict=True))
    rules, directory = Rules({}, bindings), world.as_read()
    labelled = [replace(each, labels={"team": team} if team else {}) for each, team in fleet]

    found = [frozen for _, frozen in frozen_roles(rules, directory, labelled, now=NOW)]

    wanted = (compile_desired(rules, directory, d, inventory=(), dialect=DIALECT, now=NOW) for d in labelled)
    assert [desired.frozen for desired in wanted] == found
