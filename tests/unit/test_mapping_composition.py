"""Variables and defaults of a mapping file, and the scope of a folder: what they mean, and what bounds them."""

from __future__ import annotations

from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.errors import MappingInvalid
from syncd.mapping.parse import parse
from syncd.mapping.parse_scope import read_scopes
from syncd.mapping.reading import MappingReading
from syncd.mapping.scope import Judge
from syncd.model import (
    Accounts,
    AllOf,
    AnyOf,
    At,
    Attribute,
    Condition,
    DagSelector,
    Everyone,
    GroupRef,
    LabelTest,
    Level,
    PersonRef,
    RoleDefinition,
    Rule,
    Rules,
    Subject,
    Where,
    Without,
)
from syncd.targets.airflow.naming import NAMING


def parsed(text: str, **files: str) -> Rules:
    named = {f"m/{name.replace('_', '/', 1)}.yaml": content.encode() for name, content in files.items()}
    return parse({"m/m.yaml": text.encode(), **named}, namings=[NAMING])


def problems(files: dict[str, str]) -> list[str]:
    with pytest.raises(MappingInvalid) as caught:
        parse({name: text.encode() for name, text in files.items()}, namings=[NAMING])
    return [str(problem) for problem in caught.value.problems]


# --- variables --------------------------------------------------------------------------------------------------------

BY_VARIABLES = """\
vars:
  team: finance
  tags: [finance, risk]
  end: 2027-01-31
  level: trigger
  word: "$${x}"
roles:
  reader:
    description: Costs $5 and {x}, or $${team} and ${word}
    dags:
      - {level: "${level}", tag: "${tags}", id: "${team}_*_${team}"}
      - level: ${level}
        tag: [a, "${tags}", b]
bindings:
  - {group: "people:${team}", roles: [reader], deployments: {env: "${tags}"}, until: "${end}", reason: "for ${team}"}
"""
BY_HAND = """\
# the same, so
# that the lines
# are the same,
# too
#
#
roles:
  reader:
    description: "Costs $5 and {x}, or ${team} and ${x}"
    dags:
      - {level: trigger,    tag: [finance, risk], id: "finance_*_finance"}
      - level: trigger
        tag: [a, finance, risk, b]
bindings:
  - {group: "people:finance", roles: [reader], deployments: {env: [finance, risk]}, until: 2027-01-31, reason: "for finance"}
"""


def test_a_file_with_variables_says_what_it_says_by_hand() -> None:
    assert parsed(BY_HAND) == parsed(BY_VARIABLES)


def test_a_file_without_variables_means_what_it_says() -> None:
    rule = parsed('bindings: [{group: "people:${team}", roles: [Op], deployments: all, reason: "$${x}"}]').bindings[0]

    assert (GroupRef("people", name="${team}"), "$${x}") == (rule.subject, rule.reason)


def test_variables_are_those_of_one_file() -> None:
    other = 'vars: {x: y}\nbindings: [{group: "people:${team}", roles: [Op], deployments: {env: "${x}"}}]'

    assert [
        'o.yaml:2:20: there is no variable "team" in this file; define it under `vars`, or write `$${` for the text `${` itself'
    ] == problems(
        {
            "m.yaml": "vars: {team: a}\nbindings: [{group: 'people:${team}', roles: [Op], deployments: all}]",
            "o.yaml": other,
        }
    )


@given(st.text("ab${}", max_size=12))
def test_text_that_is_escaped_is_itself(text: str) -> None:
    escaped = text.replace("${", "$${")

    said = parsed(
        f"vars: {{t: '{escaped}x', u: v}}\nbindings: [{{group: 'p:${{u}}', roles: [Op], deployments: all, reason: '${{t}}'}}]"
    )

    assert f"{text}x" == said.bindings[0].reason or "$${" in text


def test_what_variables_bring_has_a_bound() -> None:
    entries = ", ".join(f"t{n}" for n in range(9_000))
    many = ", ".join(["*a"] * 9_000)
    text = f'vars: {{x: [{entries}]}}\nroles:\n  r:\n    dags: [{{level: view, tag: [&a "${{x}}", {many}]}}]'

    assert any("variables bring more than 1,000,000 characters" in said for said in problems({"m.yaml": text}))


def test_a_long_value_that_is_used_often_is_refused() -> None:
    uses = "\n".join("  - {group: 'p:${x}', roles: [Op], deployments: all}" for _ in range(30))

    found = problems({"m.yaml": f"vars: {{x: {'a' * 100_000}}}\nbindings:\n{uses}"})

    assert any("variables bring more than" in said for said in found)


# --- defaults ---------------------------------------------------------------------------------------------------------


def test_a_binding_takes_what_it_does_not_say_from_the_defaults() -> None:
    rules = parsed("""\
defaults: {deployments: {env: prod}, until: 2027-01-31, reason: FIN-1}
bindings:
  - {group: people:a, roles: [Op]}
  - {group: people:b, roles: [Op], deployments: all, reason: FIN-2}
""")

    prod = (LabelTest("env", frozenset({"prod"})),)
    assert [(prod, "FIN-1"), ((), "FIN-2")] == [(rule.deployments, rule.reason) for rule in rules.bindings]
    assert 1 == len({rule.until for rule in rules.bindings})
    assert [3, 4] == [rule.at.line for rule in rules.bindings]


# --- scopes -----------------------------------------------------------------------------------------------------------

SCOPE = """{roles: ['*'], level: edit, dags: [{tag: fin}], groups: ['okta:fin-*', 'people:*'], deployments: all, built_in: [Op],
    accounts: ['svc-*']}"""


def test_every_part_of_a_role_and_a_binding_is_looked_at_or_grants_nothing() -> None:
    """What is new in one of these can be a way around a scope: judge it in `scope`, then name it here."""
    judged = {
        RoleDefinition: {"name", "dags", "permissions", "extends", "bases"},
        DagSelector: {
            "level",
            "ids",
            "tags",
            "owners",
            "all_tags",
            "all_owners",
            "bundles",
            "paths",
            "but",
            "also",
            "variable",
        },
        Rule: {"subject", "roles", "deployments"},  # which are those of its pattern, too
    }
    grants_nothing = {
        RoleDefinition: {"at", "description", "owner", "exclusive", "mode", "privileged"},
        DagSelector: {"at"},
        Rule: {
            "at",
            "since",
            "until",
            "during",
            "owner",
            "reason",
            "ticket",
            "pattern",
            "each",
            "captured",
            "privileged",
            "grant",
        },
    }

    for kind, looked_at in judged.items():
        assert looked_at | grants_nothing[kind] == {field.name for field in fields(kind)}


FIN: Subject = GroupRef("okta", name="fin-a")
ALL: Subject = GroupRef("okta", name="all")
PEOPLE: Subject = Everyone("people")
OKTA: Subject = Everyone("okta")
STAFF = (Condition(Attribute.GUEST, frozenset({"false"})),)


@pytest.mark.parametrize(
    ("people", "subject", "is_allowed"),
    [
        (None, PersonRef(name="ann@fin.example"), False),
        (None, PersonRef("people", name="ann"), True),
        (["*@fin.example"], PersonRef(name="ann@fin.example"), True),
        (["*@fin.example"], PersonRef("okta", name="ann@fin.example"), True),
        (["*@fin.example"], PersonRef("okta", id="1", name="ann@fin.example"), False),
        (["*@fin.example"], PersonRef(name="ann@other.example"), False),
        (["*@fin.example"], PersonRef("people", name="ann"), False),
        (["okta:1"], PersonRef("okta", id="1", name="ann@other.example"), True),
        (["okta:*"], PersonRef("entra", id="1"), False),
        (["*@fin.example"], AnyOf((PersonRef(name="ann@fin.example"), PersonRef(name="bob@other.example"))), False),
    ],
)
def test_people_are_allowed_by_name_or_id_where_a_scope_says_which(
    people: list[str] | None, subject: Subject, is_allowed: bool
) -> None:
    reading = MappingReading(None, [NAMING])
    said = "groups: ['people:*', 'okta:fin-*']\nroles: ['*']\nbuilt_in: [Op]\ndeployments: all\n"
    said += f"people: {people}\n" if people else ""
    judge = Judge(read_scopes(reading, {"m/_scope.yaml": said.encode()}), frozenset({"Op"}), reading.strict)
    judge.judge([], [Rule(subject, ("Op",), (), At("m/x.yaml", 1))])
    assert is_allowed == (not reading.strict.problems)
    place = "(m/_scope.yaml:5)" if people else "(m/_scope.yaml:1)"
    assert all(place in problem.message for problem in reading.strict.problems)


@pytest.mark.parametrize(
    ("subject", "is_allowed"),
    [
        (FIN, True),
        (ALL, False),
        (GroupRef("okta", id="00g1", name="fin-a"), False),
        (PEOPLE, True),
        (OKTA, False),
        (AnyOf((FIN, PEOPLE)), True),
        (AnyOf((FIN, ALL)), False),
        (AllOf((FIN, ALL)), True),
        (AllOf((OKTA, ALL)), False),
        (Accounts(("svc-a", "svc-b")), True),
        (Accounts(("svc-a", "admin")), False),
        (Without(FIN, (ALL,)), True),
        (Without(OKTA, (FIN,)), False),
        (Where(FIN, STAFF), True),
        (Where(OKTA, STAFF), False),
        (Without(Where(FIN, STAFF), (OKTA,)), True),
    ],
)
def test_whom_a_scope_allows_to_be_meant(subject: Subject, is_allowed: bool) -> None:
    reading = MappingReading(None, [NAMING])
    judge = Judge(read_scopes(reading, {"m/_scope.yaml": SCOPE.encode()}), frozenset({"Op"}), reading.strict)

    judge.judge([], [Rule(subject, ("Op",), (), At("m/x.yaml", 1))])

    assert is_allowed == (not reading.strict.problems)


@pytest.mark.parametrize(
    ("listed", "allowed"),
    [("Op", []), ("User", ["User", "User without"]), ("User without all_dags", ["User without"]), ("Viewer", [])],
)
def test_a_built_in_role_is_extended_where_a_scope_lists_it(listed: str, allowed: list[str]) -> None:
    scope = f"{{roles: ['*'], built_in: ['{listed}'], level: view, dags: [{{all: true}}]}}"
    roles = {"User": "extends: User", "User without": "extends: User, without: all_dags"}

    found = []
    for name, said in roles.items():
        try:
            parse({"m/_scope.yaml": scope.encode(), "m/x.yaml": f"roles: {{r: {{{said}}}}}".encode()}, namings=[NAMING])
            found.append(name)
        except MappingInvalid as error:
            assert "not within the scope of this folder (m/_scope.yaml:1)" in str(error)  # noqa: PT017
    assert allowed == found


def test_a_scope_is_for_its_folder_and_those_below() -> None:
    bad = "bindings: [{group: people:x, roles: [Viewer], deployments: all}]"
    files = {"m/a/_scope.yaml": SCOPE, "m/a.yaml": bad, "m/ab/x.yaml": bad, "m/a/x.yaml": bad, "m/a/b/c/x.yaml": bad}

    assert {"m/a/x.yaml", "m/a/b/c/x.yaml"} == {said.partition(":")[0] for said in problems(files)}


def test_a_scope_alone_is_no_mapping() -> None:
    assert ["mappings: there is no mapping file; write one, or `bindings: []`"] == problems({"m/_scope.yml": SCOPE})


def test_what_takes_too_long_to_compare_is_not_allowed() -> None:
    entries = ", ".join(f'"{"*a" * (n % 40 + 9)}?b[!{n % 10}]*"' for n in range(3_000))
    text = f"roles:\n  r:\n    dags: [{{level: view, id: [{entries}]}}]"
    scope = f"{{roles: ['*'], level: edit, dags: [{{id: ['{'*a' * 200}', '{'?*b' * 200}']}}]}}"

    assert all(
        "within the scope" in said or "twice" in said for said in problems({"m/_scope.yaml": scope, "m/x.yaml": text})
    )


def test_a_level_is_within_a_higher_one() -> None:
    for level in Level:
        text = f"roles: {{r: {{dags: [{{level: {level}, tag: fin}}]}}}}"
        scope = SCOPE.replace("level: edit", f"level: {tuple(Level)[-1]}")
        assert "r" in parse({"m/_scope.yaml": scope.encode(), "m/x.yaml": text.encode()}, namings=[NAMING]).roles
        below = level in Level.EDIT.included
        assert below == (problems({"m/_scope.yaml": SCOPE, "m/x.yaml": f"{text}\nbindings: 7"})[1:] == [])


@pytest.mark.parametrize(
    ("narrower", "is_allowed"),
    [
        ("level: edit", False),
        ("level: edit, permissions: [can_read on Pools]", False),
        ("level: edit, permissions: [delete_dag]", True),
        ("level: own", True),
    ],
)
def test_what_stands_beside_a_level_is_within_the_highest_or_where_it_is_listed(
    narrower: str, is_allowed: bool
) -> None:
    role = "roles: {r: {dags: [{level: view, tag: fin, also: delete_dag}]}}"
    files = {"m/_scope.yaml": f"{{roles: ['*'], {narrower}, dags: [{{tag: fin}}]}}", "m/x.yaml": role}

    if is_allowed:
        parse({name: text.encode() for name, text in files.items()}, namings=[NAMING])
    else:
        assert '"delete_dag" beside a level is' in problems(files)[0]


# --- people among groups ----------------------------------------------------------------------------------------------


def test_people_stand_beside_groups() -> None:
    whom = "any_of: [okta:fin, {people: [ann@corp.example]}], none_of: [okta:interns]"
    [rule] = parse({"m.yaml": line(whom)}, namings=[NAMING]).bindings
    groups = (GroupRef("okta", name="fin"), AnyOf((PersonRef(name="ann@corp.example"),)))
    assert Without(AnyOf(groups), (GroupRef("okta", name="interns"),)) == rule.subject


@pytest.mark.parametrize(
    "whom", ["any_of: [okta:fin, {people: [ann]}]", "all_of: [okta:fin, {people: [ann]}]", "people: [ann]"]
)
def test_a_line_that_names_people_anywhere_needs_an_end_where_that_is_asked_for(whom: str) -> None:
    with pytest.raises(MappingInvalid, match="needs `until` here"):
        parse({"m.yaml": line(whom)}, namings=[NAMING], people_until=True)
    parse({"m.yaml": line("group: okta:a, none_of: [{people: [ann]}]")}, namings=[NAMING], people_until=True)


def line(whom: str) -> bytes:
    return f"bindings:\n  - {{{whom}, roles: [Viewer], deployments: all}}\n".encode()
