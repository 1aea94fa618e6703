"""Answers about people and groups that seldom come up: each with the smallest directory that has it."""

from __future__ import annotations

from dataclasses import replace

from mapping_world import ANN, BOB, directory, group

from syncd.directory.expand import expand
from syncd.directory.filling import filled_rule
from syncd.directory.named_people import place_of, word_of
from syncd.directory.narrow import DirectoryView, changed
from syncd.mapping.parse import parse
from syncd.model import Attribute, Condition, GroupRef, PersonRef, Rules, Where, Without
from syncd.targets.airflow.naming import NAMING

PATTERN = "bindings: [{group: 'people:af-{team}', roles: ['{team}'], deployments: all}]\n"
ROLE = "roles: {'{team}': {permissions: ['can_read on Pools']}}\n"


def parsed(text: str) -> Rules:
    return parse({"m.yaml": text.encode()}, namings=[NAMING])


def test_so_many_groups_are_looked_at_and_no_more() -> None:
    groups = [group(f"af-t{n:03}", "ann") for n in range(60)]
    found = expand(replace(parsed(ROLE + PATTERN), most_expansions=2), directory([ANN], *groups))
    made = {rule.roles[0] for rule in found.rules.bindings if not rule.pattern}
    assert 2 == len(made)
    (note,) = found.notes
    assert "others give nothing" in note.text


def test_a_pattern_fills_whom_its_line_leaves_out_and_what_it_asks() -> None:
    (rule,) = parsed(ROLE + PATTERN).bindings
    whole = rule.subject
    pattern = rule.pattern
    assert pattern is not None
    asked = Where(whole, (Condition(Attribute.DEPARTMENT, frozenset({"{team}"})),))
    filled = filled_rule(
        replace(rule, subject=Without(asked, (GroupRef("people", name="not-{team}"),))), "af-fin", {"team": "fin"}
    )
    assert (
        Without(
            Where(GroupRef("people", name="af-fin"), (Condition(Attribute.DEPARTMENT, frozenset({"fin"})),)),
            (GroupRef("people", name="not-fin"),),
        )
        == filled.subject
    )


def test_who_is_meant_is_remembered_where_no_group_can_be() -> None:
    by_name, by_id = PersonRef("people", name="ann"), PersonRef("people", "a1", "ann")
    assert (("people", "{person}ann"), ("people", "{person}a1")) == (place_of(by_name), place_of(by_id))
    assert ("ann", None) == (word_of("{person}ann"), word_of("ann"))


def test_whom_other_rules_name_is_looked_for_once() -> None:
    rules = parsed("bindings: [{people: [ann@corp.example], roles: [Viewer], deployments: all}]\n").bindings
    view = DirectoryView(directory([ANN, BOB], group("*", "ann", "bob", identifier="*")))
    found = view.looked_for(rules)
    assert found is not view
    assert {("people", "ann")} == next(iter(found.directory.named.values())).who
    assert found is view.looked_for(rules)
    assert found is found.looked_for(rules), "what it was read for needs no search"


def test_whom_a_line_names_moves_when_it_is_somebody_else() -> None:
    rules = parsed("bindings: [{people: [ann@corp.example], roles: [Viewer], deployments: all}]\n").bindings
    known = directory([ANN, BOB], group("*", "ann", "bob", identifier="*"))
    found = DirectoryView(known).looked_for(rules).directory
    assert {("people", "ann")} == changed(known, found) == changed(found, known)
    assert set() == changed(found, replace(found, named=dict(found.named)))
