"""`any_of`, `all_of` and `none_of`: whom a binding means, and what a doubt about a group leaves as it is."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest
from effort import steps_of
from mapping_world import ANN, BOB, CID, NOW, PROD, compiled, directory, grants, group, notes, person, snapshot

from syncd.daemon.delta import between, concerned, out_of_doubt
from syncd.directory.join import join
from syncd.directory.narrow import DirectoryView
from syncd.mapping.endings import Endings
from syncd.mapping.parse import parse
from syncd.model import AllOf, AnyOf, DesiredState, Directory, Doubted, GroupRef, Joining, JoinKey, Rule, What, Without
from syncd.targets.airflow.naming import NAMING

EVERYBODY = [ANN, BOB, CID]


def line(whom: str) -> str:
    return f"bindings:\n  - {{{whom}, roles: [Viewer], deployments: all}}\n"


def rule(whom: str) -> Rule:
    return parse({"m.yaml": line(whom).encode()}, namings=[NAMING]).bindings[0]


def who(desired: DesiredState) -> set[str]:
    return {name for name, _ in grants(desired)}


def may_keep(desired: DesiredState, person: str, source: str = "people") -> bool:
    doubts = desired.frozen_for.get("Viewer")
    return "Viewer" in desired.frozen and (doubts is None or any(d.may_be((source, person)) for d in doubts))


LEADS_AND_FINANCE = group("finance", "ann", "bob"), group("leads", "bob", "cid")


@pytest.mark.parametrize(
    ("whom", "expected"),
    [
        ('any_of: ["people:finance", "people:leads"]', {"ann", "bob", "cid"}),
        ('all_of: ["people:finance", "people:leads"]', {"bob"}),
        ('group: people:finance, none_of: ["people:leads"]', {"ann"}),
        ('any_of: ["people:leads", {group: people:finance, none_of: ["people:leads"]}]', {"ann", "bob", "cid"}),
        ('all_of: ["people:finance", {any_of: ["people:leads", "people:finance"]}]', {"ann", "bob"}),
        ('all_of: ["people:finance"], none_of: [{all_of: ["people:finance", "people:leads"]}]', {"ann"}),
        ('any_of: ["people:finance"], none_of: [{group: people:leads, none_of: ["people:finance"]}]', {"ann", "bob"}),
    ],
)
def test_who_is_meant(whom: str, expected: set[str]) -> None:
    desired = compiled(line(whom), directory(EVERYBODY, *LEADS_AND_FINANCE))
    assert (expected, {}) == (who(desired), desired.frozen)


def test_the_reasons_are_the_groups_that_give() -> None:
    desired = compiled(
        line('all_of: ["people:finance", "people:leads"], none_of: ["people:none"]'),
        directory(EVERYBODY, *LEADS_AND_FINANCE, group("none")),
    )
    assert ["finance", "leads"] == [reason.group for reason in desired.because["bob"]["Viewer"]]


def test_it_is_read_as_a_tree() -> None:
    whom = 'any_of: ["okta:a", {all_of: [{source: okta, id: "1"}, "okta:c"]}], none_of: ["okta:d"]'
    a, one, c, d = (
        GroupRef("okta", name="a"),
        GroupRef("okta", "1"),
        GroupRef("okta", name="c"),
        GroupRef("okta", name="d"),
    )
    assert Without(AnyOf((a, AllOf((one, c)))), (d,)) == rule(whom).subject


@pytest.mark.parametrize("word", ["6f9619ff-8b86-d011-b42d-00cf4fc964ff", "00g1emaKYZTWRYYRRTSK"])
def test_what_looks_like_an_id_is_one(word: str) -> None:
    assert GroupRef("okta", id=word) == rule(f"group: okta:{word}").subject


def test_a_person_is_meant_by_all_of_their_accounts() -> None:
    """Ann is in one group by one account and in the other by another; Bob has one of the two."""
    ann = replace(ANN, source="entra", id="e-ann")
    read = {
        "people": snapshot([ANN, BOB], group("finance", "ann", "bob")),
        "entra": snapshot([ann], group("staff", "e-ann", source="entra"), source="entra"),
    }
    known = join(read, {}, {}, joining=Joining(JoinKey.EMAIL, ("people", "entra")))
    assert {"ann"} == who(compiled(line('all_of: ["people:finance", "entra:staff"]'), known))
    assert {"bob"} == who(compiled(line('group: people:finance, none_of: ["entra:staff"]'), known))


def test_who_is_deactivated_gets_nothing_by_that() -> None:
    """An account in a group whose members are left out leaves them out also once it is inactive."""
    ann = replace(ANN, source="entra", id="e-ann", active=False)
    read = {
        "people": snapshot([ANN, BOB], group("staff", "ann", "bob")),
        "entra": snapshot([ann], group("contractors", "e-ann", source="entra"), source="entra"),
    }
    known = join(read, {}, {}, joining=Joining(JoinKey.EMAIL, ("people", "entra")))
    assert {"bob"} == who(compiled(line('group: people:staff, none_of: ["entra:contractors"]'), known))
    assert set() == who(compiled(line('all_of: ["people:staff", "entra:contractors"]'), known))


# --- doubts -----------------------------------------------------------------------------------------------------------


def read_in_part(*, was: frozenset[str] | None) -> Directory:
    """Give finance read whole, and leads, in which Bob was seen, in part; `was`: who was in it once."""
    now = snapshot(
        EVERYBODY, group("finance", "ann", "bob", "cid"), group("leads", "bob", complete=False, why="cut off")
    )
    before = {"people": snapshot(EVERYBODY, group("leads", *sorted(was)))} if was is not None else {}
    return join({"people": now}, before, {})


def test_what_a_doubt_leaves_of_none_of() -> None:
    desired = compiled(line('group: people:finance, none_of: ["people:leads"]'), read_in_part(was=frozenset({"cid"})))
    assert set() == who(desired), "anybody may be in it by now"
    assert [True, False, True] == [may_keep(desired, name) for name in ("ann", "bob", "cid")], "but Bob is for sure"
    assert [
        "group_uncertified m.yaml:2: people:leads was not read whole since 2026-06-01 12:00 UTC (cut off): 1 members were seen, "
        "others may be in it, so nobody is given Viewer by this line, or loses what it gave"
    ] == notes(desired)


def test_what_a_doubt_leaves_of_all_of() -> None:
    desired = compiled(line('all_of: ["people:finance", "people:leads"]'), read_in_part(was=frozenset({"cid"})))
    assert {"bob"} == who(desired)
    assert [False, True] == [may_keep(desired, name) for name in ("ann", "cid")], (
        "Ann is not in it, as of the last whole read"
    )
    never = compiled(line('all_of: ["people:finance", "people:leads"]'), read_in_part(was=None))
    assert ({"bob"}, True, True) == (who(never), may_keep(never, "ann"), may_keep(never, "cid"))


def test_a_group_that_is_not_there_is_told_by_what_it_does() -> None:
    known = directory(EVERYBODY, group("finance", "ann"))
    desired = compiled(line('group: people:finance, none_of: ["people:interns"]'), known)
    assert ([True, False], set()) == ([may_keep(desired, name) for name in ("ann", "bob")], who(desired))
    assert [
        "group_missing m.yaml:2: there is no group people:interns; nobody is given Viewer by this line, or loses what it gave"
    ] == notes(desired)


def test_a_member_of_whom_nothing_is_known_may_be_whoever_is_not_known_there() -> None:
    """Bob has no account in entra that is known: he may be the stranger in the group of those who are left out."""
    ann = replace(ANN, source="entra", id="e-ann")
    read = {
        "people": snapshot([ANN, BOB], group("staff", "ann", "bob")),
        "entra": snapshot([ann], group("interns", "e-x", source="entra"), source="entra"),
    }
    known = join(read, {}, {}, joining=Joining(JoinKey.EMAIL, ("people", "entra")))
    desired = compiled(line('group: people:staff, none_of: ["entra:interns"]'), replace(known, order=()))
    assert {"ann"} == who(desired)
    assert (True, False) == (may_keep(desired, "bob"), may_keep(desired, "ann"))
    assert may_keep(desired, "e-y", "entra"), "made for somebody of whom nothing is known: they may be Bob"


def test_a_doubt_about_some_is_none_about_others() -> None:
    about = Doubted(frozenset({("okta", "1")}), frozenset({"okta"}), frozenset({("entra", "2")}))
    assert [True, True, False, False, True] == [
        about.may_be(made_for) for made_for in (None, ("okta", "1"), ("okta", "2"), ("entra", "2"), ("entra", "3"))
    ]


# --- what a delta concerns --------------------------------------------------------------------------------------------


def test_the_end_of_a_doubt_is_a_reason_to_look_at_everybody() -> None:
    rules = parse({"m.yaml": line('group: people:finance, none_of: ["people:leads"]').encode()}, namings=[NAMING])
    in_doubt, whole = (
        read_in_part(was=frozenset({"bob"})),
        directory(EVERYBODY, group("finance"), group("leads", "bob")),
    )
    moved = between(DirectoryView(in_doubt), DirectoryView(whole))
    assert moved is not None
    assert {("people", "id-leads")} == out_of_doubt(moved, rules)
    assert {"prod"} == concerned(out_of_doubt(moved, rules), rules, whole, [PROD])
    plain = parse({"m.yaml": line("group: people:leads").encode()}, namings=[NAMING])
    assert frozenset() == out_of_doubt(moved, plain), "a group alone gave all that it gives"


def test_who_left_one_of_several_groups_is_told_so() -> None:
    text = line('group: people:finance, none_of: ["people:leads"]')
    before = compiled(text, directory([ANN], group("finance", "ann"), group("leads")))
    known = directory([ANN], group("finance", "ann"), group("leads", "ann"))
    rules = parse({"m.yaml": text.encode()}, namings=[NAMING])
    endings = Endings(rules, known, PROD, {"ann": (("people", "ann"),)}, NOW + timedelta(hours=1))
    [reason] = before.because["ann"]["Viewer"]
    assert What.LEFT_OUT is endings.of("ann", "Viewer", reason)


# --- size -------------------------------------------------------------------------------------------------------------


def test_many_people_are_sets() -> None:
    people = [person(f"p{n}") for n in range(2_000)]
    ids = [p.id for p in people]
    known = directory(people, group("staff", *ids), group("also", *ids), group("interns", *ids[:500]))
    plain, several = (
        line("group: people:staff"),
        line('all_of: ["people:staff", "people:also"], none_of: ["people:interns"]'),
    )
    assert [2_000, 1_500] == [len(compiled(text, known).users) for text in (plain, several)]
    assert steps_of(lambda: compiled(several, known)) < 3 * steps_of(lambda: compiled(plain, known))


def test_each_of_many_entries_costs_the_same() -> None:
    few, many = (steps_of(partial(none_of, count)) for count in (500, 2_500))
    assert many < 5.5 * few


def none_of(count: int) -> None:
    listed = ", ".join(f'"people:g{n}"' for n in range(count))
    assert count == len(list(rule(f"group: people:finance, none_of: [{listed}]").groups)) - 1


# --- everybody --------------------------------------------------------------------------------------------------------


def test_everyone_is_who_the_source_lists_and_not_who_is_in_some_group() -> None:
    listed = replace(group("*", "ann", "bob"), id="*")
    cid = replace(CID, active=False)
    known = directory(
        [ANN, BOB, cid], replace(listed, members=frozenset({"ann", "bob", "cid"})), group("finance", "ann")
    )
    desired = compiled(line("everyone: people"), known)
    assert {"ann", "bob"} == who(desired)
    [reason] = desired.because["ann"]["Viewer"]
    assert "everyone in people (m.yaml:2)" == str(reason)
    assert {"bob"} == who(compiled(line('everyone: people, none_of: ["people:finance"]'), known))


def test_everyone_of_a_source_that_did_not_list_them_takes_nothing() -> None:
    desired = compiled(line("everyone: people"), directory([ANN], group("finance", "ann")))
    assert set() == who(desired)
    assert {"Viewer": "who is in people is not known, because it was not read yet"} == desired.frozen


def test_a_source_is_asked_for_everybody_where_a_line_asks() -> None:
    text = (
        line('group: "people:a", none_of: [{everyone: entra}]')
        + '  - {group: "okta:b", roles: [Op], deployments: all}\n'
    )
    assert {"entra"} == parse({"m.yaml": text.encode()}, namings=[NAMING]).everyone(("entra", "okta"))
