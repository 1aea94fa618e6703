"""What a narrowed directory says of people is what the whole one says of them, whatever is in doubt."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from syncd.daemon.delta import (
    DeploymentDelta,
    DirectoryDelta,
    concerned,
    deployment_delta,
    deployment_deltas,
    out_of_doubt,
    wanted,
)
from syncd.directory.join import join
from syncd.directory.narrow import DirectoryView, changed
from syncd.mapping.compile import compile_desired
from syncd.model import (
    EVERYONE,
    AllOf,
    AnyOf,
    At,
    Attribute,
    Certificate,
    Condition,
    Deployment,
    DesiredState,
    Dialect,
    Directory,
    Everyone,
    Group,
    GroupRef,
    Identity,
    Joining,
    JoinKey,
    Leaf,
    Level,
    RoleDefinition,
    Rule,
    Rules,
    Snapshot,
    Where,
    Without,
    key,
)
from syncd.targets.airflow.naming import NAMING

NOW = datetime(2026, 3, 1, tzinfo=UTC)
AT = At("a.yaml", 1)
IDS = ("1", "2", "3", "4")
LOGINS = ("anna", "Anna", "bob", "")
MAILS = ("a@x.org", "A@x.org", "b@x.org", "")
SOURCES = ("okta", "entra")
JOININGS = (Joining(JoinKey.NONE), Joining(JoinKey.EMAIL, ("okta", "entra")), Joining(JoinKey.ID, ("entra", "okta")))
REFS: list[Leaf] = [*(GroupRef(s, id=g) for s in SOURCES for g in ("g", "h")), Everyone("okta")]
flags = st.booleans()
some_ids = st.lists(st.sampled_from(IDS), unique=True)
some_members = st.frozensets(st.sampled_from(IDS))
some_groups = st.lists(st.sampled_from(("g", "h", EVERYONE)), unique=True)
refs = st.sampled_from(REFS)
several = st.lists(refs, min_size=1, max_size=3, unique=True).map(tuple)
of_nobody = st.frozensets(st.tuples(st.sampled_from(SOURCES), st.just(Attribute.DEPARTMENT)))
"""What sources are taken to say of nobody: of so few people as here that is not found."""
departments = st.sampled_from(("", "Finance", None))
FINANCE = (Condition(Attribute.DEPARTMENT, frozenset({"Finance"})),)
asked = st.one_of(refs, several.map(AnyOf), several.map(AllOf)).map(lambda whom: Where(whom, FINANCE))
composed = st.one_of(several.map(AnyOf), several.map(AllOf), st.builds(Without, refs, several), asked)
some_subjects = st.lists(st.one_of(refs, composed), max_size=4, unique=True)
logins, mails, joinings = st.sampled_from(LOGINS), st.sampled_from(MAILS), st.sampled_from(JOININGS)
how_read = st.sampled_from(("fresh", "changed", "failed", "never"))
DIALECT = Dialect(frozenset(), {level: (frozenset(), frozenset()) for level in Level})
ROLES = ("Viewer", "finance")
a_role = st.sampled_from(ROLES)


def certificates(*, complete: bool) -> Certificate:
    return Certificate(1, 0, None, NOW, complete, "" if complete else "cut off")


@st.composite
def snapshots(draw: st.DrawFn, source: str) -> Snapshot:
    people = draw(some_ids)
    identities = tuple(
        Identity(source, i, draw(logins), draw(mails), "A", "B", draw(flags), department=draw(departments))
        for i in people
    )
    groups = tuple(
        Group(source, g, g, draw(some_members), certificates(complete=draw(flags))) for g in draw(some_groups)
    )
    return Snapshot(source, identities, groups, NOW)


READS = {source: snapshots(source) for source in SOURCES}


@st.composite
def directories(draw: st.DrawFn) -> Directory:
    fresh = {s: draw(READS[s]) for s in SOURCES if draw(flags)}
    earlier = {s: draw(READS[s]) for s in SOURCES if draw(flags)}
    failed = {s: "it is down" for s in SOURCES if s not in fresh}
    return replace(join(fresh, earlier, failed, joining=draw(joinings)), untold=draw(of_nobody))


@st.composite
def polls(draw: st.DrawFn) -> tuple[Directory, Directory]:
    """Give a directory before and after one source was polled, which came back, went away or said something else."""
    joining = draw(joinings)
    others = {"entra": draw(READS["entra"])}
    whole = draw(READS["okta"])

    def read() -> Directory:
        how = draw(how_read)
        fresh = {"fresh": whole, "changed": draw(READS["okta"])}
        found = others | ({"okta": fresh[how]} if how in fresh else {})
        earlier = {"okta": whole} if how == "failed" else {}
        joined = join(found, earlier, {} if how in fresh else {"okta": "it is down"}, joining=joining)
        return replace(joined, untold=draw(of_nobody))

    return read(), read()


@st.composite
def rule_sets(draw: st.DrawFn) -> Rules:
    bindings = tuple(Rule(whom, (draw(a_role),), (), AT) for whom in draw(some_subjects))
    return Rules({"finance": RoleDefinition("finance", "", (), (), AT)}, bindings)


deployments = st.builds(
    Deployment,
    naming=st.just(NAMING),
    name=st.just("prod"),
    username=st.sampled_from(("{login}", "{email}", "okta_{id}", "{id}")),
    login_source=st.sampled_from(("", "okta", "entra")),
    protected=st.sampled_from((frozenset[str](), frozenset({"bob"}))),
)


def whole(rules: Rules, directory: Directory, deployment: Deployment) -> DesiredState:
    return compile_desired(rules, directory, deployment, inventory=(), dialect=DIALECT, now=NOW)


@settings(max_examples=examples(400))
@given(directories(), rule_sets(), deployments, st.data())
def test_narrowing_changes_nothing_for_the_people_asked_for(
    directory: Directory, rules: Rules, deployment: Deployment, data: st.DataObject
) -> None:
    everybody = whole(rules, directory, deployment)
    view = DirectoryView(directory)
    who = data.draw(st.frozensets(st.sampled_from([*directory.identities] or [("okta", "1")])))
    some = wanted(view, who, rules, deployment, now=NOW)
    names = view.names_of(who, deployment)
    assert {n: u for n, u in everybody.users.items() if n in names} == {
        n: u for n, u in some.users.items() if n in names
    }
    assert {n: b for n, b in everybody.because.items() if n in names} == {
        n: b for n, b in some.because.items() if n in names
    }
    assert {n for n in everybody.frozen_users if n in names} == {n for n in some.frozen_users if n in names}
    if view.is_certain_for(rules.bindings):
        assert everybody.frozen == some.frozen
        assert everybody.frozen_users.keys() == some.frozen_users.keys() | (everybody.frozen_users.keys() - names)


@pytest.mark.finding("N-433")
def test_a_group_that_is_not_there_leaves_those_in_doubt_who_are_in_the_others() -> None:
    """Of an account that was adopted nobody knows for whom it was made: it is among them, whoever is looked at."""
    people = tuple(Identity("okta", id_, f"p{id_}", f"{id_}@x.org", "A", "B", active=True) for id_ in ("1", "2"))
    group = Group("okta", "g", "g", frozenset({"1"}), certificates(complete=True))
    directory = join({"okta": Snapshot("okta", people, (group,), NOW)}, {}, {}, joining=Joining(JoinKey.NONE))
    both = Rule(AllOf((GroupRef("okta", id="g"), GroupRef("okta", id="h"))), ("finance",), (), AT)
    alone = replace(both, subject=GroupRef("okta", id="h"))
    assert DirectoryView(directory).is_certain
    assert not DirectoryView(directory).is_certain_for([both])
    assert DirectoryView(directory).is_certain_for([alone, replace(both, subject=GroupRef("okta", id="g"))])


@settings(max_examples=examples(400))
@given(directories(), directories(), rule_sets(), deployments)
def test_whoever_is_given_something_else_than_before_is_found(
    before: Directory, after: Directory, rules: Rules, deployment: Deployment
) -> None:
    assert_all_are_found(before, after, rules, deployment)


def assert_all_are_found(before: Directory, after: Directory, rules: Rules, deployment: Deployment) -> None:
    """Who is not found by a new directory is in doubt and loses nothing, or a look at everybody is due."""
    was, is_ = whole(rules, before, deployment), whole(rules, after, deployment)
    moved = DirectoryDelta(DirectoryView(before), DirectoryView(after), changed(before, after))
    found = deployment_deltas(moved, rules, [deployment], now=NOW)
    if all(isinstance(rule.subject, Leaf) for rule in rules.bindings):
        assert _of(deployment_delta(was, is_)) <= _of(found.get("prod"))
    elif not concerned(out_of_doubt(moved, rules), rules, after, [deployment]):
        missed = _of(deployment_delta(was, is_)) - _of(found.get("prod"))
        assert all(lost_of(name, was, is_) <= is_.frozen.keys() and not gained_of(name, was, is_) for name in missed)


def lost_of(name: str, was: DesiredState, is_: DesiredState) -> frozenset[str]:
    return frozenset(was.users[name].roles if name in was.users else ()) - is_.because.get(name, {}).keys()


def gained_of(name: str, was: DesiredState, is_: DesiredState) -> frozenset[str]:
    return frozenset(is_.users[name].roles if name in is_.users else ()) - was.because.get(name, {}).keys()


@pytest.mark.finding("X-F1")
@settings(max_examples=examples(400))
@given(polls(), rule_sets(), deployments)
def test_who_waited_for_a_source_is_found_when_it_was_read(
    poll: tuple[Directory, Directory], rules: Rules, deployment: Deployment
) -> None:
    assert_all_are_found(*poll, rules, deployment)


def test_a_role_that_freezes_moves_nobody_who_was_inactive_before() -> None:
    anna = Identity("entra", "1", "anna", "a@x.org", "A", "B", active=False)
    entra = {"entra": Snapshot("entra", (anna,), (), NOW)}
    group = Group("okta", "g", "g", frozenset(), certificates(complete=True))
    before, after = (join(entra | {"okta": Snapshot("okta", (), groups, NOW)}, {}, {}) for groups in ((group,), ()))
    rules = Rules({}, (Rule(GroupRef("okta", id="g"), ("Viewer",), (), AT),))
    was, is_ = (whole(rules, directory, Deployment("prod", naming=NAMING)) for directory in (before, after))
    assert not was.frozen
    assert {"Viewer"} == is_.frozen.keys()
    assert deployment_delta(was, is_) is None


def _of(change: DeploymentDelta | None) -> frozenset[str]:
    return change.usernames if change else frozenset()


def test_a_name_without_letters_is_nobodys() -> None:
    nameless = [Identity("okta", i, "", "", "A", "B") for i in IDS]
    group = Group("okta", "g", "g", frozenset(IDS), certificates(complete=True))
    directory = join({"okta": Snapshot("okta", tuple(nameless), (group,), NOW)}, {}, {})
    narrowed = DirectoryView(directory).narrowed([("okta", "1")], Deployment("prod", naming=NAMING))
    assert [("okta", "1")] == list(narrowed.identities)
    assert key("") not in DirectoryView(directory).names_of([("okta", "1")], Deployment("prod", naming=NAMING))
