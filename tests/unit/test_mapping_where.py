"""`where`: what a binding asks of people besides their groups, and what is left as it is where nobody read that yet."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest
from effort import steps_of
from mapping_world import ANN, BOB, CID, DIALECT, NOW, PROD, compiled, directory, grants, group, notes, person, snapshot

from syncd.access.edits import Bind, Describe, Ground
from syncd.access.known import KnownDeployment
from syncd.access.pseudonyms import Pseudonyms, identity_of
from syncd.access.why_not import Goal, Wish, is_given, why_not
from syncd.daemon.delta import DirectoryDelta, between, concerned, deployment_deltas, out_of_doubt
from syncd.directory.join import join
from syncd.directory.narrow import ATTRIBUTES, DirectoryView
from syncd.directory.untold import FEW
from syncd.errors import MappingInvalid
from syncd.mapping.endings import Endings
from syncd.mapping.named import words_of
from syncd.mapping.parse import parse
from syncd.mapping.vain import vain_conditions
from syncd.model import (
    AnyOf,
    Askable,
    Asking,
    Attribute,
    Condition,
    DesiredState,
    Directory,
    GroupRef,
    Identity,
    Joining,
    JoinKey,
    Rules,
    What,
    Where,
    Without,
)
from syncd.targets.airflow.naming import NAMING

ANN_FINANCE = replace(ANN, department="Finance", user_type="Employee")
BOB_RISK = replace(BOB, department="Risk", user_type="Contractor", guest=True)
CID_NOTHING = CID
UNREAD = replace(ANN, department=None, user_type=None, guest=None)
STAFF = group("staff", "ann", "bob", "cid")
EVERYBODY = [ANN_FINANCE, BOB_RISK, CID_NOTHING]


def line(whom: str) -> str:
    return f"bindings:\n  - {{{whom}, roles: [Viewer], deployments: all}}\n"


def rules(whom: str, *, asking: Asking | None = None) -> Rules:
    sources = None if asking is None else frozenset(asking)
    return parse({"m.yaml": line(whom).encode()}, namings=[NAMING], asking=asking, sources=sources)


def who(desired: DesiredState) -> set[str]:
    return {name for name, _ in grants(desired)}


def may_keep(desired: DesiredState, person: str) -> bool:
    doubts = desired.frozen_for.get("Viewer")
    return "Viewer" in desired.frozen and (doubts is None or any(d.may_be(("people", person)) for d in doubts))


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("department: Finance", {"ann"}),
        ("department: fINANCE", {"ann"}),
        ("department: [Finance, Risk]", {"ann", "bob"}),
        ("department: [Finance, Risk], guest: false", {"ann"}),
        ("guest: false", {"ann", "cid"}),
        ("guest: true", {"bob"}),
        ("user_type: Employee", {"ann"}),
        ("email_domain: CORP.example", {"ann", "bob", "cid"}),
        ("email_domain: example", set()),
        ("department: Sales", set()),
    ],
)
def test_who_is_meant(where: str, expected: set[str]) -> None:
    desired = compiled(line(f"group: people:staff, where: {{{where}}}"), directory(EVERYBODY, STAFF))
    assert (expected, {}) == (who(desired), desired.frozen)


def test_it_is_read_as_a_tree() -> None:
    text = "any_of: [okta:a, okta:b], where: {guest: false, department: [X, Y]}, none_of: [okta:c]"
    asked = (
        Condition(Attribute.DEPARTMENT, frozenset({"X", "Y"})),
        Condition(Attribute.GUEST, frozenset({"false"})),
    )
    groups = AnyOf((GroupRef("okta", name="a"), GroupRef("okta", name="b")))
    subject = rules(text).bindings[0].subject
    assert Without(Where(groups, asked), (GroupRef("okta", name="c"),)) == subject
    assert "(((okta:a or okta:b) where department X or Y and no guest) but not okta:c)" == f"({subject})"


def test_it_asks_of_people_who_are_named() -> None:
    whom = "people: [ann@corp.example, bob@corp.example], where: {guest: false}"
    everyone = group("*", "ann", "bob", "cid", identifier="*")
    known = directory(EVERYBODY, STAFF, everyone)
    view = DirectoryView(known).looked_for(rules(whom).bindings)
    assert {"ann"} == who(compiled(line(whom), view.directory))


def test_it_asks_nothing_of_those_who_are_left_out() -> None:
    whom = "group: people:staff, where: {department: [Finance, Risk]}, none_of: [people:guests]"
    assert {"bob"} == who(compiled(line(whom), directory(EVERYBODY, STAFF, group("guests", "ann"))))


def test_the_account_that_is_in_the_group_is_asked() -> None:
    """Ann is of Finance at one source, and in the group by her account at the other, which says nothing."""
    ann = replace(ANN, source="entra", id="e-ann")
    read = {
        "people": snapshot([ANN_FINANCE], group("staff", "ann")),
        "entra": snapshot([ann], group("staff", "e-ann", source="entra"), source="entra"),
    }
    known = join(read, {}, {}, joining=Joining(JoinKey.EMAIL, ("people", "entra")))
    assert set() == who(compiled(line("group: entra:staff, where: {department: Finance}"), known))
    assert {"ann"} == who(compiled(line("group: people:staff, where: {department: Finance}"), known))
    both = compiled(line("any_of: [entra:staff, people:staff], where: {department: Finance}"), known)
    assert ["people"] == [reason.source for reason in both.because["ann"]["Viewer"]]


# --- doubts -----------------------------------------------------------------------------------------------------------


def test_what_nobody_read_yet_gives_nothing_and_takes_nothing() -> None:
    desired = compiled(
        line("group: people:staff, where: {department: Finance}"), directory([UNREAD, BOB_RISK, CID], STAFF)
    )
    assert set() == who(desired)
    assert [True, False, False] == [may_keep(desired, name) for name in ("ann", "bob", "cid")]
    assert [
        "attribute_unread m.yaml:2: people was not read since it is asked what a line asks of people:ann; none of them is given "
        "Viewer by it, or loses what it gave"
    ] == notes(desired)


def test_what_is_known_not_to_be_so_leaves_no_doubt_about_the_rest() -> None:
    """A guest of a department that nobody read yet is out where guests are."""
    ann = replace(UNREAD, guest=True)
    whom = "group: people:staff, where: {department: Finance, guest: false}"
    desired = compiled(line(whom), directory([ann, BOB_RISK], group("staff", "ann", "bob")))
    assert (set(), {}) == (who(desired), desired.frozen)


def test_a_source_that_is_down_gives_nothing_by_it_and_takes_nothing_from_those_who_met_it() -> None:
    known = join({}, {"people": snapshot(EVERYBODY, STAFF)}, {"people": "down"})
    desired = compiled(line("group: people:staff, where: {department: Finance}"), known)
    assert set() == who(desired)
    assert [True, False, False] == [may_keep(desired, name) for name in ("ann", "bob", "cid")]


def test_of_a_group_that_is_not_there_who_does_not_meet_it_keeps_nothing() -> None:
    desired = compiled(line("group: people:gone, where: {department: Finance}"), directory(EVERYBODY, STAFF))
    assert [True, False, False] == [may_keep(desired, name) for name in ("ann", "bob", "cid")]


# --- what a source says of nobody -------------------------------------------------------------------------------------

MANY = [replace(person(f"p{n}"), department="Finance" if n < 2 else "") for n in range(FEW + 1)]
HIDDEN = [replace(one, department="") for one in MANY]
OF_FINANCE = "group: people:staff, where: {department: Finance}"


def staffed(people: list[Identity]) -> Directory:
    return directory(people, group("staff", *(one.id for one in people)))


def test_an_attribute_that_vanishes_for_everybody_gives_nothing_and_takes_nothing() -> None:
    desired = compiled(line(OF_FINANCE), staffed(HIDDEN))
    assert set() == who(desired)
    assert all(may_keep(desired, one.id) for one in HIDDEN)
    assert [
        "attribute_untold m.yaml:2: nobody in people has `department`, so it may be hidden from syncd; nobody is given Viewer "
        "by it, or loses what it gave; let syncd see it, or take `department` out"
    ] == notes(desired)


def test_so_it_is_after_a_restart_while_the_source_is_down() -> None:
    known = join({}, {"people": snapshot(HIDDEN, group("staff", *(p.id for p in HIDDEN)))}, {"people": "down"})
    desired = compiled(line(OF_FINANCE), known)
    assert all(may_keep(desired, one.id) for one in HIDDEN)


def test_of_a_few_people_nobody_may_have_it_by_chance() -> None:
    desired = compiled(line(OF_FINANCE), staffed(HIDDEN[:FEW]))
    assert (set(), {}) == (who(desired), desired.frozen)


def test_that_nobody_is_a_guest_is_an_answer() -> None:
    desired = compiled(line("group: people:staff, where: {guest: false}"), staffed(HIDDEN))
    assert {one.login for one in HIDDEN} == who(desired)
    desired = compiled(line("group: people:staff, where: {guest: true}"), staffed(HIDDEN))
    assert (set(), {}) == (who(desired), desired.frozen)


def test_who_was_seen_before_does_not_say_that_it_is_shown_now() -> None:
    """A member of a group that was not read whole is carried over with the department of then."""
    earlier = snapshot(MANY, group("staff", *(p.id for p in MANY)))
    partial = group("staff", *(p.id for p in HIDDEN[1:]), complete=False)
    known = join({"people": snapshot([*HIDDEN[1:], person("new")], partial)}, {"people": earlier}, {})
    assert "Finance" == known.identities["people", "p0"].department
    assert ("people", Attribute.DEPARTMENT) in known.untold


def test_a_pass_over_a_few_people_is_in_the_same_doubt() -> None:
    view = DirectoryView(staffed(HIDDEN))
    few = view.narrowed([("people", "p0")], PROD)
    assert may_keep(compiled(line(OF_FINANCE), few), "p0")
    assert not view.is_certain_for(rules(OF_FINANCE).bindings)
    assert view.is_certain_for(rules("group: people:staff").bindings)
    assert view.is_certain_for(rules("group: people:staff, where: {guest: true}").bindings)


def test_once_somebody_has_it_again_everybody_is_looked_at() -> None:
    was, is_ = staffed(HIDDEN), staffed(MANY)
    delta = between(DirectoryView(was), DirectoryView(is_))
    assert delta is not None
    asked = rules(OF_FINANCE)
    assert {"prod"} == concerned(out_of_doubt(delta, asked), asked, is_, [PROD])
    back = between(DirectoryView(is_), DirectoryView(was))
    assert back is not None
    assert ("people", ATTRIBUTES) not in back.cleared


# --- what a poll changes ----------------------------------------------------------------------------------------------


def moved(before: list[Identity], after: list[Identity]) -> tuple[Directory, Directory]:
    return directory(before, STAFF), directory(after, STAFF)


def test_who_changes_departments_is_looked_at() -> None:
    was, is_ = moved(EVERYBODY, [ANN_FINANCE, replace(BOB_RISK, department="Finance"), CID])
    delta = between(DirectoryView(was), DirectoryView(is_))
    assert delta is not None
    assert {("people", "bob")} == delta.who
    asked = rules("group: people:staff, where: {department: Finance}")
    found = deployment_deltas(delta, asked, [PROD], now=NOW)
    assert {"bob"} == found["prod"].usernames
    assert not found["prod"].loss
    back = deployment_deltas(DirectoryDelta(delta.after, delta.before, delta.who), asked, [PROD], now=NOW)
    assert back["prod"].loss


def test_when_attributes_are_read_at_last_everybody_is_looked_at_where_a_line_asks_for_them() -> None:
    was, is_ = moved([UNREAD, BOB_RISK, CID], EVERYBODY)
    delta = between(DirectoryView(was), DirectoryView(is_))
    assert delta is not None
    assert ("people", ATTRIBUTES) in delta.cleared
    assert not delta.before.is_certain
    assert delta.after.is_certain
    for whom, expected in (("people:staff, where: {department: Finance}", {"prod"}), ("people:staff", set())):
        asked = rules(f"group: {whom}")
        assert expected == concerned(out_of_doubt(delta, asked), asked, is_, [PROD])


def test_who_does_not_meet_it_any_more_was_left_out() -> None:
    whom = "group: people:staff, where: {department: Finance}"
    reason = compiled(line(whom), directory(EVERYBODY, STAFF)).because["ann"]["Viewer"][0]
    now = directory([replace(ANN, department="Sales")], STAFF)
    endings = Endings(rules(whom), now, PROD, {"ann": (("people", "ann"),)}, NOW)
    assert What.LEFT_OUT == endings.of("ann", "Viewer", reason)


# --- mistakes, and what may be one ------------------------------------------------------------------------------------

OKTA = Askable(frozenset({Attribute.DEPARTMENT, Attribute.EMAIL_DOMAIN}), frozenset({"corp.example"}))
ENTRA = Askable(frozenset(Attribute), frozenset())


@pytest.mark.parametrize(
    ("whom", "told"),
    [
        ("group: okta:a, where: {guest: false}", 'the source "okta" does not tell who is a guest; take `guest` out'),
        (
            "any_of: [entra:a, okta:b], where: {user_type: [X]}",
            'the source "okta" does not tell the user type of people; take `user_type` out',
        ),
        (
            "people: [ann@corp.example], where: {guest: true}",
            'the source "okta" does not tell who is a guest; take `guest` out',
        ),
        (
            "group: okta:a, where: {email_domain: [corp.example, gmail.com]}",
            'the source "okta" does not answer for the domain gmail.com (`email_domains`: corp.example), so whoever sets an '
            "address there could choose what this line gives; name it there if nobody can, or ask for something else",
        ),
        (
            "everyone: entra, where: {email_domain: corp.example}",
            'the source "entra" does not answer for the domain corp.example (`email_domains`: none), so whoever sets an '
            "address there could choose what this line gives; name it there if nobody can, or ask for something else",
        ),
    ],
)
def test_what_a_source_does_not_tell_is_a_mistake(whom: str, told: str) -> None:
    with pytest.raises(MappingInvalid) as caught:
        rules(whom, asking={"okta": OKTA, "entra": ENTRA})
    assert [told] == [problem.message for problem in caught.value.problems]
    assert 2 == caught.value.problems[0].line


def test_what_takes_out_may_be_of_a_source_that_tells_nothing() -> None:
    whom = "group: entra:a, where: {guest: false}, none_of: [okta:b]"
    assert 1 == len(rules(whom, asking={"okta": OKTA, "entra": ENTRA}).bindings)


@pytest.mark.parametrize(
    ("where", "told"),
    [
        ("department: Finnance", ['nobody in people has the department "Finnance"; did you mean "Finance"?']),
        ("department: [Finance, Sales]", ['nobody in people has the department "Sales"']),
        (
            "department: Finance, guest: true",
            ["nobody in people meets all of this: department Finance, guest; correct one of them"],
        ),
        ("department: Finance, guest: false", []),
        (
            "email_domain: corp.exmaple",
            ['nobody in people has the email_domain "corp.exmaple"; did you mean "corp.example"?'],
        ),
    ],
)
def test_what_nobody_is_is_told(where: str, told: list[str]) -> None:
    asked = rules(f"group: people:staff, where: {{{where}}}").bindings
    found = vain_conditions(asked, {"people": snapshot(EVERYBODY, STAFF)})
    assert [f"m.yaml:2: {text}" for text in told] == list(found)
    assert [] == list(vain_conditions(asked, {"okta": snapshot(EVERYBODY, STAFF, source="okta")})), "it was not read"


def test_under_other_words_a_line_means_the_same_people() -> None:
    asked = rules("group: people:staff, where: {department: Finance}")
    words = Pseudonyms(b"secret", frozenset(words_of(asked.bindings)))
    people = [identity_of(identity, words) for identity in EVERYBODY]
    desired = compiled(
        line("group: people:staff, where: {department: Finance}"),
        directory(people, group("staff", *[p.id for p in people])),
    )
    assert {people[0].login} == who(desired)
    assert people[1].department not in ("Risk", "risk", "")


def test_lines_that_ask_cost_little_however_many_they_are() -> None:
    lines = "".join(
        f"  - {{group: people:staff, where: {{department: D{n % 50}, guest: false}}, roles: [Viewer], deployments: all}}\n"
        for n in range(200)
    )
    text = f"bindings:\n{lines}"
    _, few, many = (steps_of(partial(compiled, text, known)) for known in map(departments, (100, 500, 1000)))
    assert many - few < 500 * 400, "225 for each person, of whom four lines ask; no line looks at everybody"


def departments(people: int) -> Directory:
    everybody = [replace(person(f"p{n}"), department=f"D{n % 50}") for n in range(people)]
    return directory(everybody, group("staff", *(p.id for p in everybody)))


def test_who_is_of_another_department_could_be_of_the_one_that_is_asked_for() -> None:
    asked = rules("group: people:staff, where: {department: Finance, guest: false}")
    known = KnownDeployment(PROD, dialect=DIALECT)
    wish = Wish((("people", "bob"),), Goal("Viewer"), known, NOW)
    basis = Ground(asked, directory(EVERYBODY, STAFF))
    assert not is_given(wish, basis)
    bind, *_ = why_not(wish, basis)
    assert ["add below"] == [str(edit)[:9] for edit in bind], "a line that does not ask is one change, and that two"
    both = (
        Describe(("people", "bob"), "people:bob", Attribute.DEPARTMENT, "Finance"),
        Describe(("people", "bob"), "people:bob", Attribute.GUEST, "false"),
    )
    assert is_given(wish, basis.after(both))
    assert not is_given(wish, basis.after(both[:1]))
    assert ['give people:bob the department "Finance"', "make people:bob no guest"] == [str(edit) for edit in both]
    alone = Ground(rules("group: people:staff, where: {guest: false}"), basis.directory)
    assert [(both[1],)] == [edits for edits in why_not(wish, alone) if not isinstance(edits[0], Bind)]
