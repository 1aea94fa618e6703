"""Tests that stand beside mapping files: what each kind says of a small world, and which one of them a membership decides."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from syncd.access.given_world import Around, given_world
from syncd.access.invariants import judge
from syncd.access.known import KnownDeployment
from syncd.access.possible import STEPS, Atoms, Claim, Mode, OutOfSteps, Search, Steps
from syncd.access.verdicts import Ruling, Verdict
from syncd.directory.join import join
from syncd.directory.narrow import DirectoryView
from syncd.errors import MappingInvalid
from syncd.mapping.files_of_tests import is_tests
from syncd.mapping.parse import parse
from syncd.mapping.parse_tests import parse_tests
from syncd.model import AllOf, AnyOf, Deployment, Directory, GroupRef
from syncd.targets.airflow import KIND
from syncd.targets.airflow.naming import NAMING

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
SOURCES = frozenset({"okta", "entra"})
MAPPING = """
roles:
  fin: {owner: finance, dags: [{level: trigger, tag: finance}]}
  pay: {owner: payments, dags: [{level: edit, tag: pii}]}
  run: {dags: [{level: trigger, all: true}]}
bindings:
  - {group: okta:finance, roles: [fin], deployments: all, owner: finance}
  - {group: okta:payments, roles: [pay], deployments: {env: prod}, owner: payments}
  - {group: okta:runners, none_of: [okta:interns], roles: [run], deployments: all, owner: platform}
  - {accounts: [svc], roles: [Viewer], deployments: {env: prod}, owner: platform}
  - {people: [anna@example.com], roles: [Op], deployments: {env: dev}, owner: platform}
  - {group: entra:night, roles: [User], deployments: {env: dev}, during: {hours: "22:00-23:00", zone: UTC}, owner: ops}
  - {group: entra:gone, roles: [User], deployments: all, until: 2026-01-31, owner: ops}
"""
GIVEN = """
given:
  deployments: {prod: {env: prod}, dev: {env: dev}}
  groups:
    okta:finance: [anna@example.com, bob@example.com]
    okta:payments: [cid@example.com]
    okta:runners: [bob@example.com]
    okta:interns: [dan@example.com]
    entra:night: [eve@example.com]
    entra:gone: [eve@example.com]
  dags: [{id: fin_daily, tags: [finance]}, {id: pay_out, tags: pii}, {id: other}]
"""


def verdicts(
    tests: str, *, mapping: str = MAPPING, given: str = GIVEN, release: str = "", steps: int = STEPS
) -> tuple[Verdict, ...]:
    rules = parse({"m.yaml": mapping.encode()}, namings=[NAMING], sources=SOURCES)
    text = f"{given}\ntests:\n{tests}"
    (file,) = parse_tests({"_tests.yaml": text.encode()}, namings=[NAMING], sources=SOURCES, rules=rules)
    assert file.given is not None
    dialect = KIND.of_release(release)
    assert dialect is not None
    around = Around((Deployment("prod", naming=NAMING),), tuple(sorted(SOURCES)), dialect, NOW)
    view, known = given_world(file.given, rules, around)
    return judge(file.tests, rules, view, known, now=NOW, steps=steps)


@pytest.mark.parametrize("release", ["2.9", "2.11", "3.0", "3.3"])
@pytest.mark.parametrize(
    ("test", "ruling", "why"),
    [
        ("person: anna@example.com, can: trigger, dag: fin_daily, deployments: all", "today", ""),
        ("person: anna@example.com, can: edit, dag: fin_daily, deployments: {env: prod}", "broken", "no line gives"),
        ("person: bob@example.com, can: trigger, dags: {id: '*'}, deployments: all", "today", ""),
        ("person: anna@example.com, cannot: view, dag: pay_out, deployments: {env: prod}", "today", ""),
        (
            "person: cid@example.com, cannot: view, dag: pay_out, deployments: all",
            "broken",
            "pay by okta:payments (m.yaml:8, owner payments), on pay_out",
        ),
        ("person: cid@example.com, has: pay, deployments: {env: prod}", "today", ""),
        ("person: cid@example.com, has: pay, deployments: all", "broken", "on dev no line gives"),
        ("person: cid@example.com, has_not: fin, deployments: all", "today", ""),
        ("person: eve@example.com, has: User, deployments: {env: dev}", "today", ""),
        ("person: eve@example.com, has_not: User, deployments: {env: prod}", "today", ""),
        ("person: zoe@example.com, has: fin, deployments: all", "broken", "no source knows anybody"),
        ("person: zoe@example.com, has_not: fin, deployments: all", "undecided", "no source knows anybody"),
        ("nobody_outside: okta:payments, has: pay, deployments: all", "always", ""),
        ("nobody_outside: okta:payments, can: own, dags: {tag: pii}, deployments: {env: prod}", "always", ""),
        (
            "nobody_outside: okta:payments, can: trigger, dags: {tag: pii}, deployments: {env: prod}",
            "broken",
            "on prod whoever is in okta:runners and not in okta:interns and not in okta:payments has run (m.yaml:9), "
            "on pay_out (bob@example.com has it today)",
        ),
        ("nobody_in: okta:interns, has: run, deployments: all", "always", ""),
        (
            "nobody_in: okta:interns, has: fin, deployments: all",
            "broken",
            "in okta:finance and in okta:interns has fin (m.yaml:7)",
        ),
        ("nobody_outside: {people: [anna@example.com]}, has: Op, deployments: all", "always", ""),
        ("nobody_outside: {accounts: [svc]}, has: Viewer, deployments: all", "always", ""),
        (
            "nobody_outside: okta:finance, has: Viewer, deployments: all",
            "broken",
            "the account svc has Viewer (m.yaml:10)",
        ),
        ("nobody_in: {accounts: [svc]}, has: Viewer, deployments: all", "broken", "the account svc"),
        ("nobody_in: okta:finance, has: Viewer, deployments: all", "always", ""),
        ("nobody_outside: entra:night, has: User, deployments: all", "always", ""),
        ("nobody_in: entra:night, has: User, deployments: all", "broken", "(m.yaml:12)"),
        ("nobody_has_both: [fin, pay], deployments: {env: dev}", "always", ""),
        ("nobody_has_both: [fin, pay], deployments: all", "broken", "fin (m.yaml:7) and pay (m.yaml:8) (nobody today)"),
        ("nobody_has_both: [Op, Viewer], deployments: all", "always", ""),
        ("at_most: 2, has: fin, deployments: all", "today", ""),
        ("at_most: 1, has: fin, deployments: all", "broken", "2 have it: anna@example.com, bob@example.com"),
        ("at_most: 1, has: Op, deployments: all", "always", ""),
        ("at_most: 0, has: Op, deployments: {env: prod}", "always", ""),
        ("every_binding_has: owner", "always", ""),
        ("every_role_has: owner", "broken", 'm.yaml:5: the role "run" has no owner'),
        ("nobody_in: okta:interns, has: fin, deployments: {env: qa}", "undecided", "there is no such deployment"),
        (
            "nobody_in: okta:interns, can: view, dags: {tag: pci}, deployments: all",
            "undecided",
            "no DAG is one of these",
        ),
    ],
)
def test_each_kind_says_what_is_so(test: str, ruling: str, why: str, release: str) -> None:
    (verdict,) = verdicts(f"  - {{{test}}}", release=release)

    assert ruling == verdict.ruling.value, verdict
    assert why in "; ".join(verdict.why)
    assert bool(verdict.why) == (ruling in ("broken", "undecided"))


def test_what_two_roles_give_together_is_given() -> None:
    mapping = """
roles:
  run: {dags: [{level: trigger, tag: finance}]}
  beside: {permissions: [can_edit on Task Instances, can_edit on DAG Runs]}
bindings:
  - {group: okta:finance, roles: [run], deployments: all}
  - {group: okta:interns, roles: [beside], deployments: all}
"""
    test = "  - {nobody_in: okta:interns, can: edit, dag: fin_daily, deployments: {env: prod}}"

    (verdict,) = verdicts(test, mapping=mapping, release="3.1")

    assert Ruling.BROKEN is verdict.ruling
    assert "in okta:finance and in okta:interns has beside (m.yaml:7) and run (m.yaml:6)" in verdict.why[0]


def test_a_built_in_role_of_which_nobody_knows_what_it_holds_is_taken_to_give_everything() -> None:
    mapping = "bindings: [{group: okta:interns, roles: [Admin], deployments: all}]"

    (verdict,) = verdicts(
        "  - {nobody_in: okta:interns, can: own, dag: other, deployments: {env: prod}}", mapping=mapping
    )

    assert "whoever is in okta:interns has Admin (m.yaml:1), on other" in verdict.why[0]


def test_what_was_never_looked_at_is_not_said_to_hold() -> None:
    rules = parse({"m.yaml": MAPPING.encode()}, namings=[NAMING])
    tests = b"tests: [{nobody_in: okta:a, can: view, dag: x, deployments: all}, {nobody_in: okta:a, has: fin, deployments: all}]"
    (file,) = parse_tests({"_tests.yaml": tests}, namings=[NAMING])
    known = KnownDeployment(Deployment("prod", {"env": "prod"}, naming=NAMING))

    found = judge(file.tests, rules, DirectoryView(join({}, {}, {})), (known,), now=NOW)

    assert [Ruling.UNDECIDED, Ruling.BROKEN] == [verdict.ruling for verdict in found]
    assert "never looked at" in found[0].why[0]


def test_a_search_that_takes_too_long_ends_without_an_answer() -> None:
    pairs = tuple(AnyOf((GroupRef("okta", f"a{n}"), GroupRef("okta", f"b{n}"))) for n in range(40))
    goals = [
        Claim(AllOf(pairs), Mode.PLAIN),
        Claim(AnyOf((*pairs[1:], GroupRef("okta", "c"))), Mode.PLAIN, wanted=False),
    ]

    assert Search(Atoms(Directory({}, {}))).somebody(goals) is None
    with pytest.raises(OutOfSteps):
        Search(Atoms(Directory({}, {})), Steps(10)).somebody(goals)


@pytest.mark.parametrize(
    ("test", "ruling", "why"),
    [
        (
            "nobody_outside: okta:payments, has: fin, deployments: {env: prod}",
            "broken",
            "anna@example.com, bob@example.com have",
        ),
        (
            "nobody_outside: okta:payments, has: pay, deployments: {env: prod}",
            "undecided",
            "nobody has it today, and it takes",
        ),
        (
            "nobody_has_both: [fin, run], deployments: {env: prod}",
            "broken",
            "bob@example.com has it today: fin by okta:finance",
        ),
    ],
)
def test_where_it_takes_too_long_the_people_of_today_are_judged(test: str, ruling: str, why: str) -> None:
    (verdict,) = verdicts(f"  - {{{test}}}", steps=0)

    assert ruling == verdict.ruling.value
    assert why in verdict.why[0]


def test_a_mapping_file_of_before_is_not_taken_for_tests_without_a_word() -> None:
    files = {
        "m.yaml": MAPPING.encode(),
        "team/_tests.yaml": b"roles: {x: {permissions: [can_read on Pools]}}\nbindings: []",
    }

    with pytest.raises(MappingInvalid) as caught:
        parse(files, namings=[NAMING])

    assert [1, 2] == [problem.line for problem in caught.value.problems]
    assert "move it, or rename the file" in str(caught.value)


def test_a_file_of_tests_that_cannot_be_read_may_be_a_mapping_of_before() -> None:
    with pytest.raises(MappingInvalid):
        parse({"m.yaml": MAPPING.encode(), "_tests.yaml": b"roles: [\n"}, namings=[NAMING])


def test_a_mistake_in_a_test_is_none_of_the_mapping_files() -> None:
    files = {"m.yaml": MAPPING.encode(), "_tests.yaml": b"tests: [{person: 1}]"}

    assert 7 == len(parse(files, namings=[NAMING]).bindings)
    with pytest.raises(MappingInvalid):
        parse_tests(files, namings=[NAMING])


def test_files_of_tests_are_known_by_their_name() -> None:
    assert [True, True, True, False] == list(
        map(is_tests, ("_tests.yaml", "a/b/_Tests.YML", "_tests.yml", "tests.yaml"))
    )


# --- what takes too long ------------------------------------------------------------------------------------------------

HOLES = 7


def pigeons() -> str:
    """Say of nobody at all, so that it takes long to see it: eight who are each in one of seven, and no two in the same."""
    of = [[f"okta:p{pigeon}-{hole}" for hole in range(HOLES)] for pigeon in range(HOLES + 1)]
    each = [f"{{any_of: [{', '.join(groups)}]}}" for groups in of]
    pairs = [
        f"{{all_of: [{of[one][hole]}, {of[other][hole]}]}}"
        for hole in range(HOLES)
        for one in range(HOLES + 1)
        for other in range(one)
    ]
    return f"all_of: [{', '.join(each)}], none_of: [{', '.join(pairs)}]"


def test_a_test_that_takes_too_long_takes_nothing_from_the_others() -> None:
    mapping = f"{MAPPING}  - {{{pigeons()}, roles: [Admin], deployments: all}}\n"
    easy = "  - {nobody_outside: okta:payments, has: pay, deployments: all}\n"
    hard = "  - {nobody_in: okta:interns, has: Admin, deployments: all}\n"
    tests = easy + hard + easy + hard + easy * 3

    found = verdicts(tests, mapping=mapping, steps=20_000)

    assert ["always", "undecided", "always", "undecided", *["always"] * 3] == [
        verdict.ruling.value for verdict in found
    ]
    assert found[1].why


def test_what_other_tests_leave_counts_for_one_that_takes_long() -> None:
    hard = "  - {nobody_in: okta:interns, has: run, deployments: all}\n"
    easy = "  - {every_binding_has: owner}\n"
    needed = next(steps for steps in range(1, 2000) if verdicts(hard, steps=steps)[0].ruling is Ruling.ALWAYS)

    found = verdicts(hard + easy * 50, steps=2 * needed)

    assert [Ruling.ALWAYS] * 51 == [verdict.ruling for verdict in found]


def parts_of_a_level() -> str:
    """Make a role of each set of what `own` needs on one DAG: they give it together in very many ways."""
    on = ("can_read", "can_edit", "can_delete")
    parts = [
        *(f"{action} on DAG:other" for action in on),
        *(f"{action} on DAG Run:other" for action in ("can_create", "can_delete")),
        *("can_edit on Task Instances", "can_edit on DAG Runs"),
    ]
    some = [[part for n, part in enumerate(parts) if bits >> n & 1] for bits in range(1, 2 ** len(parts) - 1)]
    roles = [f"  r{n:03}: {{permissions: [{', '.join(of)}]}}" for n, of in enumerate(some)]
    lines = [
        f"  - {{group: 'okta:{f'g{n}' if n in (0, 125) else 'others'}', roles: [r{n:03}], deployments: all}}"
        for n in range(len(some))
    ]
    return "\n".join(["roles:", *roles, "bindings:", *lines])


@pytest.mark.parametrize(
    ("who", "rulings", "why"),
    [
        (
            "anna@example.com",
            ["broken", "today"],
            "on prod anna@example.com has it today: r000 by okta:g0 (m.yaml:129) and r125 by okta:g125 (m.yaml:254), on other",
        ),
        (
            "eve@example.com",
            ["undecided", "today"],
            "on prod nobody has it today, and too many roles may give it together to look at all of them",
        ),
    ],
)
def test_where_too_many_roles_give_it_together_the_people_of_today_are_judged(
    who: str, rulings: list[str], why: str
) -> None:
    groups = f"okta:interns: [anna@example.com], okta:g0: [anna@example.com], okta:g125: [{who}], okta:others: []"
    given = f"given: {{deployments: {{prod: {{env: prod}}}}, groups: {{{groups}}}, dags: [{{id: other}}]}}"
    own = "can: own, dag: other, deployments: all"
    tests = f"  - {{nobody_in: okta:interns, {own}}}\n  - {{at_most: 3, {own}}}"

    found = verdicts(tests, mapping=parts_of_a_level(), given=given, release="3.1")

    assert rulings == [verdict.ruling.value for verdict in found]
    assert (why,) == found[0].why


def test_no_more_tests_are_read_than_can_be_judged() -> None:
    entry = "  - {every_role_has: owner}\n"
    with pytest.raises(MappingInvalid) as caught:
        parse_tests(
            {"a/_tests.yaml": f"tests:\n{entry * 1999}".encode(), "b/_tests.yaml": f"tests:\n{entry * 2}".encode()},
            namings=[NAMING],
        )

    (problem,) = caught.value.problems
    assert ("b/_tests.yaml", 2) == (problem.file, problem.line)
    assert (
        "no more than 2,000 tests may stand beside all mapping files, and with these there are 2,001" in problem.message
    )


def test_what_a_line_asks_of_people_is_thought_of_as_what_a_source_may_say_of_anybody() -> None:
    mapping = """
roles: {make: {permissions: [can_read on Pools]}, approve: {permissions: [can_edit on Pools]}}
bindings:
  - {group: okta:pay, where: {department: Makers}, roles: [make], deployments: all}
  - {group: okta:pay, where: {department: [Approvers, Heads]}, roles: [approve], deployments: all}
  - {everyone: entra, where: {guest: true}, roles: [approve], deployments: {env: dev}}
"""
    tests = """
  - {nobody_has_both: [make, approve], deployments: {env: prod}}
  - {nobody_has_both: [make, approve], deployments: {env: dev}}
  - {nobody_outside: {group: okta:pay, where: {department: [makers, clerks]}}, has: make, deployments: all}
  - {person: anna@example.com, has: make, deployments: all}
  - {person: bob@example.com, has_not: make, deployments: all}
  - {person: cid@example.com, has_not: approve, deployments: all}
"""
    given = """
given:
  deployments: {prod: {env: prod}, dev: {env: dev}}
  groups: {okta:pay: [anna@example.com, bob@example.com, cid@example.com]}
  people:
    okta: [{email: anna@example.com, department: Makers}, {email: cid@example.com, department: Heads, inactive: true}]
    entra: [{email: bob@example.com, guest: true}]
"""

    found = verdicts(tests, mapping=mapping, given=given)

    assert ["always", "broken", "always", "today", "today", "today"] == [verdict.ruling.value for verdict in found]
    assert (
        "on dev whoever is of everyone in entra and in okta:pay and a guest in entra and of department makers in okta "
        "has make (m.yaml:4) and approve (m.yaml:6) (nobody today)" == found[1].why[0]
    )


# --- patterns -----------------------------------------------------------------------------------------------------------

PATTERNS = """
roles:
  "{team}-run": {dags: [{level: trigger, tag: "{team}"}]}
  "{owner}-edit": {dags: [{level: edit, owner: "{owner}"}]}
bindings:
  - {group: "okta:airflow-{team}", roles: ["{team}-run"], deployments: all}
  - {group: okta:leads, each: owner, roles: ["{owner}-edit"], deployments: {env: prod}}
"""
TEAMS = """
given:
  deployments: {prod: {env: prod}, dev: {env: dev}}
  groups: {okta:airflow-fin: [anna@example.com], okta:airflow-pay: [cid@example.com], okta:leads: [eve@example.com]}
  dags: [{id: fin_daily, tags: [fin], owners: [fin-team]}, {id: pay_out, tags: [pay], owners: [pay-team]}]
"""


@pytest.mark.parametrize(
    ("test", "ruling", "why"),
    [
        ("person: anna@example.com, can: trigger, dag: fin_daily, deployments: all", "today", ""),
        ("person: anna@example.com, has_not: pay-run, deployments: all", "today", ""),
        ("person: eve@example.com, has: pay-team-edit, deployments: {env: prod}", "today", ""),
        ("nobody_outside: okta:airflow-pay, can: trigger, dag: pay_out, deployments: {env: dev}", "always", ""),
        (
            "nobody_outside: okta:airflow-pay, can: trigger, dag: pay_out, deployments: all",
            "broken",
            "on prod whoever is in okta:leads and not in okta:airflow-pay has pay-team-edit (m.yaml:7), on pay_out",
        ),
        ("nobody_in: okta:airflow-fin, has: fin-run, deployments: all", "broken", "has fin-run (m.yaml:6)"),
    ],
)
def test_what_patterns_stand_for_is_tested(test: str, ruling: str, why: str) -> None:
    (verdict,) = verdicts(f"  - {{{test}}}", mapping=PATTERNS, given=TEAMS)

    assert ruling == verdict.ruling.value
    assert why in "".join(verdict.why)


def test_a_role_that_no_pattern_makes_is_not_there_to_be_tested() -> None:
    with pytest.raises(MappingInvalid) as caught:
        verdicts("  - {at_most: 1, has: fin-view, deployments: all}", mapping=PATTERNS, given=TEAMS)

    assert 'the role "fin-view" is not defined' in str(caught.value)


def test_of_lines_for_what_dags_have_nothing_is_known_where_these_were_never_seen() -> None:
    rules = parse({"m.yaml": PATTERNS.encode()}, namings=[NAMING])
    test = b"tests: [{nobody_in: okta:leads, has: x-edit, deployments: all}]"
    (file,) = parse_tests({"_tests.yaml": test}, namings=[NAMING], rules=rules)

    (verdict,) = judge(
        file.tests,
        rules,
        DirectoryView(join({}, {}, {})),
        [KnownDeployment(Deployment(name, {"env": name}, naming=NAMING)) for name in ("prod", "dev")],
        now=NOW,
    )

    assert Ruling.UNDECIDED is verdict.ruling
    assert ["on prod it was never looked at"] == [why.partition(",")[0] for why in verdict.why]
