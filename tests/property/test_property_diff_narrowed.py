"""Comparing only those whom changed lines can concern says what comparing everybody says, on worlds full of namesakes."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from examples import examples
from hypothesis import assume, event, given, settings
from hypothesis import strategies as st
from mapping_world import DAGS, DIALECT, NOW, group, permissions, person, snapshot

from syncd.access.compare import RulesComparison
from syncd.access.known import KnownDeployment, Noted
from syncd.directory.join import join
from syncd.directory.narrow import DirectoryView
from syncd.mapping.parse import parse
from syncd.model import (
    Adopt,
    Deployment,
    Directory,
    Identity,
    Joining,
    JoinKey,
    LastSeen,
    Learned,
    MadeAccount,
    Owned,
    Role,
    Rules,
    User,
    key,
)
from syncd.targets.airflow.naming import NAMING

IDS = ("1", "2", "3", "4", "5")
LOGINS = ("ann", "Ann", "bob", "böb", "cid", "")
MAILS = ("a@x.org", "A@x.org", "b@x.org", "c@x.org", "")
ACCOUNTS = ("ann", "bob", "bob ", "cid", "1", "2", "robot", "a@x.org")
GROUPS = ("g0", "g1", "g2", "g3")
BODIES = {
    "reader": ("{dags: [{level: view, tag: finance}]}", "{dags: [{level: edit, tag: finance}]}"),
    "runner": (
        "{dags: [{level: trigger, id: fin_daily}]}",
        "{dags: [{level: view, id: 'fin_*'}], exclusive: true}",
    ),
    "plain": ("{permissions: [can_read on Pools]}", "{permissions: [can_read on Pools], mode: add-only}"),
    '"{tag}-each"': ('{dags: [{level: edit, tag: "{tag}"}]}', '{dags: [{level: view, tag: "{tag}"}]}'),
}
SUBJECTS = (
    *(f"group: people:{name}" for name in GROUPS),
    "any_of: [people:g0, people:g1]",
    "all_of: [people:g1, people:g2]",
    "group: people:g0, none_of: [people:g3]",
    "group: okta:g0",
    "group: people:gone",
    "everyone: people",
    "accounts: [robot]",
    "accounts: [ann]",
    "people: [b@x.org]",
    "group: people:g1, until: 2026-05-01",
)
THERE = {
    "reader": Role("reader", permissions("can_read on DAG:fin_daily", "can_read on DAG Runs", "can_read on Website")),
    "plain": Role("plain", permissions("can_read on Pools", "can_read on Website")),
    "Viewer": Role("Viewer", permissions("can_read on DAG Runs")),
    "hers": Role("hers", permissions("can_read on DAG:fin_daily", "can_read on DAG Runs")),
}
names, mails = st.sampled_from(LOGINS), st.sampled_from(MAILS)
some_ids = st.sets(st.sampled_from(IDS))
given_roles = st.sampled_from(["reader", "runner", "plain", "Viewer"])
a_line = st.one_of(
    st.tuples(st.sampled_from(SUBJECTS), given_roles),
    st.tuples(st.sampled_from(GROUPS).map(lambda name: f"group: people:{name}, each: tag"), st.just('"{tag}-each"')),
)
lines = st.lists(a_line, max_size=5, unique=True)
which_bodies = st.lists(st.booleans(), min_size=len(BODIES), max_size=len(BODIES))
held_roles = st.frozensets(st.sampled_from(sorted(THERE)))
flags = st.booleans()


def mapping(bodies: Mapping[str, str], bindings: list[tuple[str, str]]) -> Rules:
    text = "roles:\n" + "".join(f"  {name}: {body}\n" for name, body in bodies.items())
    said = "".join(f"  - {{{whom}, roles: [{role}], deployments: all}}\n" for whom, role in bindings)
    return parse({"m.yaml": f"{text}bindings:{'' if said else ' []'}\n{said}".encode()}, namings=[NAMING])


@st.composite
def two_sides(draw: st.DrawFn) -> tuple[Rules, Rules]:
    """Give rules, and others that differ from them in some lines and roles."""
    common, roles = draw(lines), draw(which_bodies)
    sides = []
    for _ in range(2):
        other = draw(which_bodies) if draw(st.integers(0, 3)) == 0 else roles
        bodies = {name: both[second] for (name, both), second in zip(BODIES.items(), other, strict=True)}
        more = draw(st.lists(a_line, max_size=2, unique=True))
        sides.append(mapping(bodies, [*common, *(line for line in more if line not in common)]))
    return sides[0], sides[1]


@st.composite
def directories(draw: st.DrawFn) -> Directory:
    """Give people of two sources who have names and addresses in common; most often all of it was read whole."""

    def some(source: str) -> list[Identity]:
        return [person(id_, source=source, login=draw(names), email=draw(mails)) for id_ in sorted(draw(some_ids))]

    people, okta, everything = some("people"), some("okta"), draw(st.integers(0, 4)) > 0
    known = [identity.id for identity in people]
    members = st.sets(st.sampled_from(known if known and everything else IDS))
    mine = [group(name, *sorted(draw(members)), complete=everything or draw(flags)) for name in GROUPS]
    everybody = group("*", *known, identifier="*")
    theirs = group("g0", *(i.id for i in okta if draw(flags)), source="okta")
    joining = draw(st.sampled_from([Joining(JoinKey.NONE), Joining(JoinKey.EMAIL, ("okta", "people"))]))
    fresh = {"people": snapshot(people, *mine, everybody), "okta": snapshot(okta, theirs, source="okta")}
    return join(fresh, {}, {}, joining=joining)


@st.composite
def deployments(draw: st.DrawFn) -> KnownDeployment:
    deployment = Deployment(
        "prod",
        {},
        username=draw(st.sampled_from(["{login}", "{email}", "{id}"])),
        match_email=draw(flags),
        delete_leavers=draw(flags),
        remove_manual_grants=draw(flags),
        adopt=draw(st.sampled_from(list(Adopt))),
        naming=NAMING,
        add_only=draw(st.integers(0, 5)) == 0,
    )
    users = {
        key(name): User(name, draw(mails), "G", "F", draw(held_roles))
        for name in draw(st.sets(st.sampled_from(ACCOUNTS)))
    }
    ours = {name: frozenset(r for r in sorted(user.roles) if draw(flags)) for name, user in sorted(users.items())}
    made_by_us = frozenset(name for name in sorted(users) if draw(flags))
    owned = Owned(
        made_by_us,
        draw(st.frozensets(st.sampled_from(["reader", "plain", "hers"]))),
        {n: r for n, r in ours.items() if r},
    )
    made = tuple(
        MadeAccount(
            name, (draw(st.sampled_from(["people", "okta"])), draw(st.sampled_from(IDS))), key(users[name].email)
        )
        for name in sorted(made_by_us)
        if draw(flags)
    )
    unclear = {"cid": "two have it"} if "cid" not in users and draw(flags) else {}
    there = {name: role for name, role in THERE.items() if name == "Viewer" or draw(flags)}
    users = {name: User(u.username, u.email, "G", "F", u.roles & there.keys()) for name, u in users.items()}
    seen = LastSeen("prod", Learned("{}"), users, there, DAGS, NOW, NOW, NOW, "syncd", unclear)
    return KnownDeployment(deployment, True, Noted(seen, owned, made), DIALECT)


@settings(max_examples=examples(200))
@given(two_sides(), directories(), deployments())
@pytest.mark.finding("N-640")
def test_narrowing_a_comparison_changes_nothing_that_it_finds(
    sides: tuple[Rules, Rules], people: Directory, known: KnownDeployment
) -> None:
    """Where a pass by the old files leaves nothing to do; what a second one would do anyway is no change of files."""
    old, view = sides[0], DirectoryView(people)
    assume(not RulesComparison(old, old, view, NOW).whole(known).plan)
    comparison = RulesComparison(*sides, view, NOW)
    everybody, found = comparison.whole(known), comparison.on(known)
    assert found is not None
    event(f"looked at all: {found.plan == everybody.plan}, something changes: {bool(found.plan)}")
    assert everybody.plan.changes == found.plan.changes
    assert [c.because for c in everybody.plan.changes] == [c.because for c in found.plan.changes]
    assert everybody.effects == found.effects
    assert set(found.plan.kept) <= set(everybody.plan.kept)
    assert set(found.plan.blocked) <= set(everybody.plan.blocked)
