"""Answers of mapping evaluation that seldom come up: each with the smallest files and people that have it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from mapping_world import (
    ANN,
    BOB,
    DAGS,
    DIALECT,
    NOW,
    PROD,
    compiled,
    directory,
    grants,
    group,
    notes,
    person,
    snapshot,
)

from syncd.directory.named_people import named_people
from syncd.errors import MappingInvalid
from syncd.mapping.compile import compile_desired
from syncd.mapping.doubtful import doubtful, translated
from syncd.mapping.endings import Endings
from syncd.mapping.not_now import given_at_other_hours
from syncd.mapping.parse import parse
from syncd.mapping.parse_tests import parse_tests
from syncd.mapping.patterns import Names
from syncd.mapping.select import idle_bindings
from syncd.mapping.vain import vain_conditions
from syncd.mapping.within import Inclusion
from syncd.model import Accounts, GroupRef, Reason, Rules, What, Without
from syncd.targets.airflow.naming import NAMING

BOUND = "bindings: [{group: people:finance, roles: [Viewer], deployments: all}]\n"


def parsed(text: str) -> Rules:
    return parse({"m.yaml": text.encode()}, namings=[NAMING])


def said_of(text: str) -> list[str]:
    return [str(note.text) for note in doubtful(parsed(text), [NAMING], now=NOW)]


def problems(text: str) -> list[str]:
    with pytest.raises(MappingInvalid) as found:
        parsed(text)
    return [str(problem) for problem in found.value.problems]


# --- what is doubtful -------------------------------------------------------------------------------------------------


def test_a_role_that_two_lines_give_to_one_group_is_told_once() -> None:
    line = "  - {group: people:finance, roles: [Viewer, Op], deployments: all}\n"
    found = said_of("bindings:\n" + line + line.replace(", Op", ""))
    (said,) = [text for text in found if "already" in text]
    assert "m.yaml:3: gives Viewer to people:finance where m.yaml:2 does already; take it out of one of them" == said


def test_a_resource_that_no_release_has_is_told_with_the_nearest_one() -> None:
    text = 'roles: {fin: {permissions: ["can_read on Poolz"]}}\n' + BOUND.replace("Viewer", "fin")
    (said,) = [one for one in said_of(text) if "Poolz" in one]
    assert 'no release has a resource "Poolz" of its own' in said
    assert "Pools" in said


def test_hours_at_which_a_line_gives_something_are_named_by_account_and_role() -> None:
    windowed = BOUND.replace(
        "deployments: all", "deployments: all, during: {days: [mon, tue], hours: '08:00-09:00', zone: UTC}"
    )
    rules, known = parsed(windowed), directory([ANN], group("finance", "ann"))
    sunday = datetime(2026, 6, 7, 12, tzinfo=UTC)
    found = given_at_other_hours(rules, known, PROD, dags=DAGS, now=sunday)
    ((reason, hours),) = found["ann"]["Viewer"]
    assert "finance" == reason.group
    assert "mon" in hours
    assert {} == given_at_other_hours(parsed(BOUND), known, PROD, dags=DAGS, now=sunday), "it is always on"


# --- what ended -------------------------------------------------------------------------------------------------------


FINANCE = Reason("people", "id-finance", "finance", "m.yaml:1:12")
ENDED_LINE = BOUND.replace("deployments: all", "deployments: all, until: 2026-01-31")


@pytest.mark.parametrize(
    ("mapping", "people", "members", "who", "reason", "what"),
    [
        ("bindings: []\n", [ANN], ["ann"], ("people", "ann"), FINANCE, What.LINE_GONE),
        (ENDED_LINE, [ANN], ["ann"], ("people", "ann"), FINANCE, What.BINDING_ENDED),
        (BOUND, [ANN], None, ("people", "ann"), FINANCE, What.GROUP_GONE),
        (BOUND, [replace(ANN, active=False)], ["ann"], ("people", "ann"), FINANCE, What.DEACTIVATED),
        (BOUND, [ANN], [], ("people", "ann"), FINANCE, What.LEFT_GROUP),
        (BOUND, [ANN], ["ann"], ("people", "ann"), FINANCE, What.RENAMED),
        (BOUND, [BOB], ["bob"], ("people", "ann"), FINANCE, What.NOT_KNOWN),
        (BOUND, [BOB], ["bob"], None, FINANCE, What.NOT_GIVEN),
        ("bindings: []\n", [ANN], [], None, Reason("people", "ann", "ann", "grant 3"), What.GRANT_ENDED),
        (
            "bindings: []\n",
            [replace(ANN, active=False)],
            [],
            None,
            Reason("people", "ann", "ann", "grant 3"),
            What.DEACTIVATED,
        ),
        ("bindings: []\n", [BOB], [], None, Reason("people", "ann", "ann", "grant 3"), What.NOT_KNOWN),
        (
            BOUND.replace("deployments: all", "deployments: all, during: {days: [sat, sun], zone: UTC}"),
            [ANN],
            ["ann"],
            ("people", "ann"),
            FINANCE,
            What.NOT_NOW,
        ),
        (
            BOUND.replace("group: people:finance", "people: [ann@corp.example]"),
            [ANN],
            [],
            None,
            Reason("people", "ann", "ann@corp.example", "m.yaml:1:12"),
            What.LEFT_OUT,
        ),
        (
            BOUND.replace("group: people:finance", "people: [ann@corp.example]"),
            [replace(ANN, active=False)],
            [],
            None,
            Reason("people", "ann", "ann@corp.example", "m.yaml:1:12"),
            What.DEACTIVATED,
        ),
        (
            BOUND.replace("group: people:finance", "people: [ann@corp.example]"),
            [BOB],
            [],
            None,
            Reason("people", "ann", "ann@corp.example", "m.yaml:1:12"),
            What.NOT_KNOWN,
        ),
        (
            BOUND.replace("group: people:finance", "accounts: [ci]"),
            [ANN],
            [],
            None,
            Reason("", "ci", "account ci", "m.yaml:1:12"),
            What.NOT_GIVEN,
        ),
    ],
)
def test_what_ended_is_told_line_by_line_of_the_table(
    mapping: str,
    people: list[object],
    members: list[str] | None,
    who: tuple[str, str] | None,
    reason: Reason,
    what: What,
) -> None:
    groups = [] if members is None else [group("finance", *members)]
    known = directory(people, *groups)  # type: ignore[arg-type]
    endings = Endings(parsed(mapping), known, PROD, {"ann": (who,) if who else ()}, NOW)
    assert what is endings.of("ann", "Viewer", reason)


def test_whoever_a_line_leaves_out_was_left_out() -> None:
    text = BOUND.replace("group: people:finance", "all_of: [people:finance, people:staff]")
    known = directory([ANN], group("finance", "ann"), group("staff"))
    endings = Endings(parsed(text), known, PROD, {"ann": (("people", "ann"),)}, NOW)
    assert What.LEFT_OUT is endings.of("ann", "Viewer", FINANCE)


def test_a_group_that_a_line_names_by_its_id_is_that_one_whatever_its_name() -> None:
    by_id = BOUND.replace("group: people:finance", "group: {source: people, id: id-finance, name: was}")
    known = directory([ANN], group("finance"))
    assert What.LEFT_GROUP is Endings(parsed(by_id), known, PROD, {"ann": (("people", "ann"),)}, NOW).of(
        "ann", "Viewer", FINANCE
    )


# --- bounds of files --------------------------------------------------------------------------------------------------


def test_a_list_of_people_has_a_bound() -> None:
    many = ", ".join(f"p{n}@x.example" for n in range(1001))
    (said,) = problems(BOUND.replace("group: people:finance", f"people: [{many}]"))
    assert "names 1,001 people and may name" in said
    assert said.endswith("make them a group")


def test_a_glob_has_a_bound() -> None:
    (said,) = problems(
        f"roles: {{fin: {{dags: [{{level: view, id: {'a' * 2000}}}]}}}}\n" + BOUND.replace("Viewer", "fin")
    )
    assert "characters at most and this one has 2,000; write several" in said


def test_what_roles_have_of_each_other_has_a_bound() -> None:
    """Each of a thousand roles has all of the one before: half a million entries of a file that is small."""
    wide = ", ".join(f'"can_read on P{n}"' for n in range(300))
    roles = [f"  r0: {{permissions: [{wide}]}}\n", *(f"  r{n}: {{extends: [r{n - 1}]}}\n" for n in range(1, 800))]
    said = problems("roles:\n" + "".join(roles) + BOUND)
    assert [one for one in said if "`extends` brings more than 200,000 entries" in one and '"r667"' in one]


# --- people and accounts ----------------------------------------------------------------------------------------------


def test_an_e_mail_that_the_deployment_cannot_have_is_told() -> None:
    odd = person("ann", email="x" * 600)
    found = compiled(BOUND, directory([odd], group("finance", "ann")))
    assert {("ann", "Viewer")} == grants(found)
    (said,) = notes(found)
    assert said.startswith("email_placeholder ann gets an account without the e-mail of")


ACCOUNT = BOUND.replace("group: people:finance", "accounts: [ci]")


def test_an_account_that_no_directory_has_gets_what_its_line_gives() -> None:
    found = compiled(ACCOUNT, directory([ANN]))
    assert {("ci", "Viewer")} == grants(found)
    assert [] == notes(found)


def test_an_account_that_is_protected_gets_nothing() -> None:
    found = compiled(ACCOUNT, directory([ANN]), replace(PROD, protected=frozenset({"ci"})))
    assert set() == grants(found)
    assert "gets nothing" in notes(found)[0]


def test_an_account_with_the_name_of_a_person_is_nobodys() -> None:
    found = compiled(ACCOUNT, directory([person("ci")]))
    assert set() == grants(found)
    (said,) = notes(found)
    assert said.startswith('username_clash "ci" is not touched')
    assert "ci" in found.frozen_users


def test_whom_a_line_names_and_nobody_knows_is_told() -> None:
    text = BOUND.replace("group: people:finance", "people: [zoe@corp.example]")
    known = directory([ANN], group("*", "ann", identifier="*"))
    named = replace(known, named=named_people(parsed(text).bindings, known))
    (said,) = notes(compiled(text, named))
    assert "zoe@corp.example" in said
    assert said.split()[1].startswith("m.yaml:1")
    unread = directory([ANN], group("finance", "ann"))
    doubt = replace(unread, named=named_people(parsed(text).bindings, unread))
    (said,) = notes(compiled(text, doubt))
    assert said.endswith("not everybody in people was read; nobody loses Viewer for now")


# --- other sentences --------------------------------------------------------------------------------------------------


TESTED = "given:\n  people: {people: [{email: a@x.example}, a@x.example, b@x.example, [1]]}\ntests: []\n"


def of_tests(**files: str) -> list[str]:
    with pytest.raises(MappingInvalid) as found:
        parse_tests(
            {f"{name}/_tests.yaml": text.encode() for name, text in files.items()},
            namings=[NAMING],
            sources=frozenset({"people"}),
            asking={},
            rules=None,
        )
    return [str(problem) for problem in found.value.problems]


def test_somebody_who_is_given_twice_to_a_test_is_a_mistake() -> None:
    assert any(said.endswith("a@x.example is given twice; keep one") for said in of_tests(a=TESTED))


def test_a_file_of_tests_that_cannot_be_read_hides_no_mistake_of_another() -> None:
    found = of_tests(a="tests: [", b=TESTED)
    assert {"a/_tests.yaml", "b/_tests.yaml"} == {said.partition(":")[0] for said in found}


def test_a_scope_with_a_glob_that_is_none_is_a_mistake() -> None:
    with pytest.raises(MappingInvalid) as raised:
        parse({"t/_scope.yaml": b"roles: ['a[b']\n", "t/m.yaml": BOUND.encode()}, namings=[NAMING])
    found = [str(problem) for problem in raised.value.problems]
    assert any('the "[" in "a[b" is never closed' in said for said in found)


def test_names_that_a_regular_expression_may_begin_anywhere_in_are_all_tried() -> None:
    names = Names([("a-fin", "1"), ("zfin", "2"), ("ops", "3")])
    assert {"1", "2"} == names.matching("/.*fin/")


def test_that_nobody_is_a_guest_is_told_without_another_word_for_it() -> None:
    asked = parsed(BOUND.replace("people:finance", "people:finance, where: {guest: true}")).bindings
    said = list(vain_conditions(asked, {"people": snapshot([ANN], group("finance", "ann"))}))
    assert [f"{asked[0].at}: nobody in people is a guest"] == said
    guests = parsed(BOUND.replace("people:finance", "people:finance, where: {guest: false}")).bindings
    all_guests = {"people": snapshot([replace(ANN, guest=True)], group("finance", "ann"))}
    assert [f"{guests[0].at}: nobody in people is no guest"] == list(vain_conditions(guests, all_guests))


PER_TEAM = BOUND.replace("people:finance", "'people:af-{team}'").replace("[Viewer]", "['{team}']")


@pytest.mark.parametrize(
    ("entries", "count"),
    [
        ("'can_read on Pools'", 0),
        ("'can_read on {team}', 'can_read on Pools'", 1),
        ("&a 'can_read on {team}', *a", 1),
    ],
)
def test_a_variable_stands_in_no_permission_and_is_told_once(entries: str, count: int) -> None:
    text = f"roles: {{'{{team}}': {{permissions: [{entries}]}}}}\n" + PER_TEAM
    said = problems(text) if count else [str(rule) for rule in parsed(text).bindings]
    assert count == sum("a variable cannot stand in a permission" in one for one in said)


def test_a_word_that_is_another_one_on_some_releases_is_told_with_its_place() -> None:
    word, said = next(iter(sorted(NAMING.translations.items())))
    found = list(translated(parsed(f'roles: {{fin: {{permissions: ["can_read on {word}"]}}}}\n' + BOUND), [NAMING]))
    assert [f'm.yaml:1: "{word}": {said}'] == [one.replace("m.yaml:1:27", "m.yaml:1") for one in found]
    assert [] == list(translated(parsed('roles: {fin: {permissions: ["can_read on Pools"]}}\n' + BOUND), [NAMING]))


def test_what_a_pattern_captures_is_no_label_that_nobody_has() -> None:
    text = "roles: {'{env}': {permissions: [can_read on Pools]}}\n" + PER_TEAM.replace("{team}", "{env}").replace(
        "deployments: all", "deployments: {env: '{env}'}"
    )
    assert () == idle_bindings(parsed(text), [PROD])


def test_a_question_that_takes_too_long_is_answered_with_no() -> None:
    assert Inclusion().is_glob_within("fin_*", ("*",))
    assert Inclusion().is_glob_within("fin_a", ("fin_*",))
    assert not Inclusion(left=1).is_glob_within("fin_a", ("fin_*", "b"))


def test_an_account_among_those_who_are_left_out_leaves_nobody_out() -> None:
    subject = Without(GroupRef("people", "id-finance", "finance"), (Accounts(("ci",)),))
    (rule,) = parsed(BOUND).bindings
    rules = Rules({}, (replace(rule, subject=subject),))
    known = directory([ANN], group("finance", "ann"))
    found = compile_desired(rules, known, PROD, inventory=DAGS, dialect=DIALECT, now=NOW)
    assert {("ann", "Viewer")} == grants(found)
