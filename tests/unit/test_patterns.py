"""Patterns on the names of groups: what they capture, what they stand for, and what is left alone in doubt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from effort import steps_of
from mapping_world import ANN, BOB, CID, DAGS, DIALECT, NOW, PROD, group, snapshot

from syncd.directory.expand import expand
from syncd.directory.group_names import new_names
from syncd.directory.join import join
from syncd.mapping.compile import compile_desired
from syncd.mapping.parse import parse
from syncd.model import Deployment, DesiredState, Directory, Group, GroupPattern, Level, Note, Rules
from syncd.model.patterns import MOST_EXPANSIONS, as_glob, filled
from syncd.targets.airflow.naming import NAMING

PATTERN = """
roles:
  "{team}-{level}":
    description: What {team} may do
    dags: [{level: "{level}", tag: "{team}"}]
bindings:
  - group: "people:airflow-{team}-{level}"
    roles: ["{team}-{level}"]
    deployments: all
"""


def rules_of(text: str) -> Rules:
    return parse({"m.yaml": text.encode()}, namings=[NAMING])


def known(*groups: Group, names: Mapping[str, str] | None = None, failed: str = "") -> Directory:
    """Give a directory of one source; `names` are those that were used before, with the ids of their groups."""
    remembered = {("people", name): id_ for name, id_ in (names or {}).items()}
    fresh = {} if failed else {"people": snapshot((ANN, BOB, CID), *groups)}
    return join(fresh, {}, {"people": failed} if failed else {}, names=remembered)


def compiled(rules: Rules, there: Directory, deployment: Deployment = PROD) -> DesiredState:
    return compile_desired(rules, there, deployment, inventory=DAGS, dialect=DIALECT, now=NOW)


@pytest.mark.parametrize(
    ("pattern", "name", "expected"),
    [
        ("airflow-{team}-{level}", "airflow-fin-edit", {"team": "fin", "level": "edit"}),
        ("airflow-{team}-{level}", "airflow-data-eng-edit", {"team": "data-eng", "level": "edit"}),
        ("airflow-{team}-{level}", "airflow-fin", None),
        ("airflow-{team}-{level}", "airflow--edit", None),
        ("airflow-{team}-{level}", "airflow-fin-", None),
        ("airflow-{team}-{level}", "Airflow-fin-edit", None),
        ("airflow-{team}-{level}", "airflow---x", {"team": "-", "level": "x"}),
        ("{team}-x", "a-x", {"team": "a"}),
        ("{team}-x", "-x", None),
        ("ab{t}bc", "abc", None),
        ("ab{t}bc", "abbc", None),
        ("ab{t}bc", "abbbc", {"t": "b"}),
        ("a{x}--{y}z", "a---z", None),
        ("a{x}--{y}z", "a----z", {"x": "-", "y": "-"}),
    ],
)
def test_each_variable_takes_as_much_as_it_can_from_the_left(
    pattern: str, name: str, expected: dict[str, str] | None
) -> None:
    assert expected == GroupPattern("people", pattern).values(name)


def test_a_table_says_what_a_value_stands_for_and_which_groups_are_not_meant() -> None:
    pattern = GroupPattern("people", "a-{t}", (("t", (("fin", "finance"),)),), unless=("a-x*", "a-legacy"))
    assert {"t": "finance"} == pattern.values("a-fin")
    assert {"t": "risk"} == pattern.values("a-risk")
    assert (None, None) == (pattern.values("a-xyz"), pattern.values("a-legacy"))


def test_the_case_of_a_value_is_changed_where_that_is_asked() -> None:
    assert "fin FIN Fin {other}" == filled("{t|lower} {t|upper} {t} {other}", {"t": "Fin"})


def test_what_a_text_can_become_is_a_glob() -> None:
    assert "a[[]*-*-z" == as_glob("a[{x}-{y|lower}-z")


@pytest.mark.timeout(60)  # it takes a hundredth of a second, and trying every way to divide the name takes years
def test_a_hostile_name_is_answered_at_once() -> None:
    pattern = GroupPattern("people", "{a}-{b}-{c}-{d}-{e}x")
    assert pattern.values("-" * 100_000) is None


def test_it_stands_for_the_same_lines_written_by_hand() -> None:
    by_hand = rules_of(
        """
roles:
  fin-edit: {dags: [{level: edit, tag: fin}]}
  risk-view: {dags: [{level: view, tag: risk}]}
bindings:
  - {group: "people:airflow-fin-edit", roles: [fin-edit], deployments: all}
  - {group: "people:airflow-risk-view", roles: [risk-view], deployments: all}
"""
    )
    there = known(group("airflow-fin-edit", "ann"), group("airflow-risk-view", "bob"), group("other", "cid"))
    pattern, lines = compiled(rules_of(PATTERN), there), compiled(by_hand, there)
    assert lines.roles == pattern.roles
    assert lines.users == pattern.users
    assert lines.frozen == pattern.frozen == {}


def test_what_is_captured_is_used_in_labels_and_texts_and_of_what_takes_out() -> None:
    rules = rules_of(
        """
bindings:
  - group: "people:airflow-{team}-{env}"
    none_of: ["people:{team}-interns"]
    roles: [Viewer]
    deployments: {env: "{env}"}
    owner: "{team}@corp.example"
"""
    )
    groups = group("airflow-fin-prod", "ann", "bob"), group("fin-interns", "bob"), group("airflow-fin-dev", "cid")
    there = known(*groups)
    wanted = compiled(rules, there)
    assert {"ann": {"Viewer"}} == {n: set(u.roles) for n, u in wanted.users.items() if u.roles}
    reason = wanted.because["ann"]["Viewer"][0]
    assert ("airflow-fin-prod", "fin@corp.example") == (reason.group, reason.owner)


def test_what_is_captured_is_asked_of_people() -> None:
    rules = rules_of(
        """
bindings:
  - group: "people:airflow-{team}"
    where: {department: "{team}"}
    roles: [Viewer]
    deployments: all
"""
    )
    ann, bob = replace(ANN, department="Fin"), replace(BOB, department="Risk")
    there = join({"people": snapshot((ann, bob), group("airflow-fin", "ann", "bob"))}, {}, {})
    wanted = compiled(rules, there)
    assert {"ann"} == {name for name, user in wanted.users.items() if user.roles}


def codes(notes: tuple[Note, ...]) -> list[str]:
    return [note.code for note in notes]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("airflow-fin-admin", '"admin" is no level'),
        ("airflow-x*-edit", '"x*" as {team} has the character *'),
        ("airflow-a/b-edit", "has the character /"),
        ("airflow- a-edit", "begins or ends with a blank"),
        (f"airflow-{'x' * 101}-edit", "is longer than 100 characters"),
        (f"airflow-{'x' * 90}-edit", "64 characters at most"),
        ("airflow-a\u200bb-edit", "U+200B"),
    ],
)
def test_a_value_that_is_no_good_gives_nothing_and_the_others_go_on(name: str, said: str) -> None:
    rules = rules_of(PATTERN)
    wanted = compiled(rules, known(group(name, "bob"), group("airflow-fin-edit", "ann")))
    assert {"fin-edit"} == wanted.roles.keys()
    assert {"ann"} == {name for name, user in wanted.users.items() if user.roles}
    (note,) = (note for note in wanted.notes if note.code == "expansion_refused")
    assert said in note.text
    assert note.text.startswith("m.yaml:7: ")
    assert {} == wanted.frozen


def test_a_team_that_is_called_admin_gets_no_built_in_role() -> None:
    rules = rules_of(PATTERN.replace("{team}-{level}", "{team}").replace('"{level}"', "edit"))
    wanted = compiled(rules, known(group("airflow-admin", "ann"), group("airflow-Viewer", "ann")))
    assert {} == wanted.roles
    assert set() == {role for user in wanted.users.values() for role in user.roles}
    assert ["expansion_refused"] * 2 == [code for code in codes(wanted.notes) if code.startswith("exp")]


# --- doubt --------------------------------------------------------------------------------------------------------------


def test_a_group_that_was_used_and_is_not_there_takes_nothing_from_anybody() -> None:
    rules = rules_of(PATTERN)
    wanted = compiled(rules, known(group("airflow-risk-view", "bob"), names={"airflow-fin-edit": "gone"}))
    assert {"fin-edit", "risk-view"} == wanted.roles.keys()
    assert {"fin-edit"} == wanted.frozen.keys()
    assert "group_missing" in codes(wanted.notes)


def test_it_ends_where_the_line_says_so() -> None:
    rules = rules_of(f"{PATTERN}    unless: [airflow-fin-*]\n")
    wanted = compiled(rules, known(group("airflow-risk-view", "bob"), names={"airflow-fin-edit": "gone"}))
    assert ({"risk-view"}, {}) == (set(wanted.roles), wanted.frozen)


def test_a_source_that_fails_freezes_what_it_gave() -> None:
    rules = rules_of(PATTERN)
    wanted = compiled(rules, known(names={"airflow-fin-edit": "g1"}, failed="it hung"))
    assert {"fin-edit"} == wanted.frozen.keys() == wanted.roles.keys()


def test_a_group_with_another_name_that_fits_gives_what_that_one_says() -> None:
    rules = rules_of(PATTERN)
    there = group("airflow-risk-view", "ann", identifier="g1")
    wanted = compiled(rules, known(there, names={"airflow-fin-edit": "g1"}))
    assert ({"risk-view"}, {}) == (set(wanted.roles), wanted.frozen)
    other = group("airflow-fin-edit", "bob", identifier="g2")
    wanted = compiled(rules, known(there, other, names={"airflow-fin-edit": "g1"}))
    assert {"risk-view"} == wanted.roles.keys(), "who has the old name gets nothing by it until a person says so"
    assert "pattern_moved" in codes(wanted.notes)


def test_two_groups_that_change_names_keep_what_they_gave_until_a_person_says_so() -> None:
    rules = rules_of(PATTERN)
    one, other = group("airflow-risk-view", "ann", identifier="g1"), group("airflow-fin-edit", "bob", identifier="g2")
    wanted = compiled(rules, known(one, other, names={"airflow-fin-edit": "g1", "airflow-risk-view": "g2"}))
    assert {"ann": {"fin-edit"}, "bob": {"risk-view"}} == {n: set(u.roles) for n, u in wanted.users.items() if u.roles}
    assert 2 == codes(wanted.notes).count("group_renamed")


def test_a_group_that_was_made_anew_inherits_nothing() -> None:
    rules = rules_of(PATTERN)
    anew = group("airflow-fin-edit", "cid", identifier="g2")
    wanted = compiled(rules, known(anew, names={"airflow-fin-edit": "g1"}))
    assert set() == {role for user in wanted.users.values() for role in user.roles}
    assert {"fin-edit"} == wanted.frozen.keys()
    assert "group_recreated" in codes(wanted.notes)


def test_what_a_pattern_gave_is_remembered_also_of_a_group_that_was_read_in_part() -> None:
    rules = rules_of(PATTERN)
    there = known(group("airflow-fin-edit", "ann", complete=False, why="cut"), group("elsewhere", "ann"))
    assert {("people", "airflow-fin-edit")} == new_names(expand(rules, there).rules.bindings, there).keys()


def test_no_more_than_so_many_groups_are_taken_and_those_that_were_used_stay() -> None:
    rules = rules_of(PATTERN)
    many = [group(f"airflow-t{n:04}-view", "bob", identifier=f"i{n}") for n in range(MOST_EXPANSIONS + 5)]
    used = group("airflow-zzz-edit", "ann", identifier="z")
    expanded = expand(rules, known(*many, used, names={"airflow-zzz-edit": "z"}))
    assert MOST_EXPANSIONS == len(expanded.rules.bindings)
    assert "zzz-edit" in expanded.rules.roles
    assert ["too_many_expansions"] == codes(expanded.notes)
    assert () == expanded.held_back


def test_of_what_is_beyond_the_bound_and_was_used_nobody_loses_anything() -> None:
    rules = rules_of(PATTERN)
    many = [group(f"airflow-t{n:04}-view", "bob", identifier=f"i{n}") for n in range(MOST_EXPANSIONS + 1)]
    expanded = expand(rules, known(*many, names={g.name: g.id for g in many}))
    assert [(f"t{MOST_EXPANSIONS:04}-view",)] == [one.rule.roles for one in expanded.held_back]


def test_a_bound_that_was_made_much_smaller_takes_nothing_from_anybody() -> None:
    rules = replace(rules_of(PATTERN), most_expansions=1)
    many = [group(f"airflow-t{n:02}-view", "bob", identifier=f"i{n}") for n in range(25)]
    expanded = expand(rules, known(*many, names={g.name: g.id for g in many}))
    kept = {
        role for one in (*expanded.rules.bindings, *(held.rule for held in expanded.held_back)) for role in one.roles
    }
    assert {f"t{n:02}-view" for n in range(25)} == kept


def test_a_group_that_was_used_and_has_another_name_goes_before_those_that_never_were() -> None:
    rules = replace(rules_of(PATTERN), most_expansions=1)
    there = group("airflow-zzz-view", "ann", identifier="g1"), group("airflow-new-view", "bob", identifier="g2")
    expanded = expand(rules, known(*there, names={"airflow-fin-view": "g1"}))
    assert [("zzz-view",)] == [rule.roles for rule in expanded.rules.bindings]


def test_nobody_loses_by_a_new_name_that_other_groups_have_too() -> None:
    """Whoever makes groups of that name changes nothing for those who are in the one that was used."""
    rules = rules_of(PATTERN)
    there = [group("airflow-risk-view", who, identifier=f"g{n}") for n, who in enumerate(("ann", "bob", "cid"))]
    wanted = compiled(rules, known(*there, names={"airflow-fin-edit": "g0"}))
    assert {"ann": {"fin-edit"}} == {n: set(u.roles) for n, u in wanted.users.items() if u.roles}
    assert {"group_renamed", "group_name_shared"} <= set(codes(wanted.notes))


def many_patterns(count: int) -> Rules:
    lines = "".join(
        f"  - {{group: 'people:a{{n}}', roles: ['{{n}}-r'], deployments: all, reason: r{i}}}\n" for i in range(count)
    )
    return rules_of(f"roles: {{'{{n}}-r': {{dags: [{{level: view, id: 'a{{n}}_*'}}]}}}}\nbindings:\n{lines}")


def many_groups(count: int) -> Directory:
    return known(*(group(f"a{n}", "ann", identifier=f"i{n}") for n in range(count)))


def test_what_many_patterns_on_many_groups_cost_grows_with_what_they_expand_to() -> None:
    rules, few, many = many_patterns(5), many_groups(100), many_groups(500)
    assert steps_of(lambda: expand(rules, many)) < 7 * steps_of(lambda: expand(rules, few))


def test_many_patterns_on_many_groups_are_ended_and_the_first_ones_are_taken() -> None:
    expanded = expand(many_patterns(200), many_groups(1000))
    assert 10 * MOST_EXPANSIONS == len(expanded.rules.bindings)
    assert {f"r{i}" for i in range(10)} == {rule.reason for rule in expanded.rules.bindings}
    (text,) = {note.text for note in expanded.notes if note.text.startswith("m.yaml:18:")}
    assert "with those of other patterns more than 5,000 groups" in text


def test_what_is_said_of_a_group_with_a_long_name_is_short() -> None:
    wanted = compiled(rules_of(PATTERN), known(group(f"airflow-{'x' * 100_000}-edit", "ann")))
    assert max(len(note.text) for note in wanted.notes) < 1000


def test_a_pattern_that_no_group_fits_is_told() -> None:
    assert ["pattern_matches_nothing"] == codes(compiled(rules_of(PATTERN), known()).notes)


# --- roles that meet ----------------------------------------------------------------------------------------------------

LOWER = PATTERN.replace("{team}-{level}", "{team|lower}-{level}").replace("airflow-{team|lower}", "airflow-{team}")


def test_groups_that_make_the_same_role_alike_are_one_role() -> None:
    rules = rules_of(
        """
roles:
  "{team}": {dags: [{level: edit, tag: "{team}"}]}
bindings:
  - {group: "people:airflow-{team}-{region}", roles: ["{team}"], deployments: all}
"""
    )
    wanted = compiled(rules, known(group("airflow-fin-eu", "ann"), group("airflow-fin-us", "bob")))
    assert {"fin"} == wanted.roles.keys()
    assert {"ann", "bob"} == {n for n, u in wanted.users.items() if "fin" in u.roles}


def test_two_that_make_one_role_and_not_alike_are_named_both_and_nobody_gains_or_loses() -> None:
    rules = rules_of(LOWER)
    wanted = compiled(rules, known(group("airflow-Fin-edit", "ann"), group("airflow-fin-edit", "bob")))
    assert {} == wanted.roles
    assert set() == {role for user in wanted.users.values() for role in user.roles}
    assert {"fin-edit"} == wanted.frozen.keys()
    (note,) = (note for note in wanted.notes if note.code == "expansions_meet")
    assert "people:airflow-Fin-edit" in note.text
    assert "people:airflow-fin-edit" in note.text


def test_a_group_that_somebody_makes_changes_nothing_for_the_one_that_was_there_first() -> None:
    rules = rules_of(LOWER)
    groups = group("airflow-Fin-edit", "bob", identifier="new"), group("airflow-fin-edit", "ann", identifier="old")
    wanted = compiled(rules, known(*groups, names={"airflow-fin-edit": "old"}))
    assert {"ann"} == {name for name, user in wanted.users.items() if user.roles}
    assert {} == wanted.frozen
    assert "expansions_meet" in codes(wanted.notes)
    there = known(*groups, names={"airflow-fin-edit": "old"})
    assert {} == new_names(expand(rules, there).rules.bindings, there), "what gives nothing is not remembered as used"


@pytest.mark.parametrize("written", ["fin-edit", "FIN-edit"])
def test_a_role_that_is_written_out_stays_as_it_is_written(written: str) -> None:
    more = f"roles:\n  {written}: {{dags: [{{level: view, tag: other}}]}}"
    rules = rules_of(
        f"{PATTERN}  - {{group: 'people:written', roles: [{written}], deployments: all}}\n".replace("roles:", more, 1)
    )
    wanted = compiled(rules, known(group("airflow-fin-edit", "ann"), group("written", "bob")))
    assert {written} == wanted.roles.keys()
    assert {"bob"} == {name for name, user in wanted.users.items() if user.roles}
    assert {"fin-edit", written} == wanted.frozen.keys()


def test_a_role_with_variables_extends_others_of_its_kind_and_plain_ones() -> None:
    rules = rules_of(
        """
roles:
  base: {dags: [{level: view, tag: shared}]}
  "{team}-reader": {extends: base, dags: [{level: view, tag: "{team}"}]}
  "{team}-editor": {extends: ["{team}-reader"], dags: [{level: edit, id: "{team}_*"}]}
bindings:
  - {group: "people:airflow-{team}", roles: ["{team}-editor"], deployments: all}
"""
    )
    role = expand(rules, known(group("airflow-fin", "ann"))).rules.roles["fin-editor"]
    assert {(Level.VIEW, ("shared",), ()), (Level.VIEW, ("fin",), ()), (Level.EDIT, (), ("fin_*",))} == {
        (entry.level, entry.tags, entry.ids) for entry in role.dags
    }
    assert ("fin-reader",) == role.extends


def test_a_deployment_that_a_pattern_is_not_for_keeps_out_of_its_doubts() -> None:
    rules = rules_of(LOWER.replace("deployments: all", "deployments: {env: dev}"))
    wanted = compiled(rules, known(group("airflow-Fin-edit", "ann"), group("airflow-fin-edit", "bob")), PROD)
    assert {} == wanted.frozen
