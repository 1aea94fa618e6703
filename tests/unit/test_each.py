"""Lines that are for each owner, folder or tag that DAGs have."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest
from mapping_world import ANN, BOB, DIALECT, NOW, PROD, group, snapshot

from syncd.directory.expand import expand
from syncd.directory.found_values import found_values
from syncd.directory.group_names import new_names
from syncd.directory.join import join
from syncd.mapping.compile import compile_desired
from syncd.mapping.parse import parse
from syncd.model import Dag, Deployment, DesiredState, Directory, Rules
from syncd.targets.airflow.naming import NAMING

FINANCE = Dag("a", frozenset({"daily"}), frozenset({"fin"}), path="finance/a.py")
RISK = Dag("b", frozenset({"daily", "pii"}), frozenset({"risk"}), path="risk/deep/b.py")
BESIDE = Dag("c", owners=frozenset({"fin"}), path="c.py")
NOWHERE = Dag("d")
DAGS = (FINANCE, RISK, BESIDE, NOWHERE)


def rules_of(each: str, selector: str = "", *, whom: str = "people:team", more: str = "", role: str = "") -> Rules:
    name = role or f"{{{each}}}-viewer"
    return parse(
        {
            "m.yaml": f"""
roles:
  "{name}": {{dags: [{{level: view, {selector or f'{each}: "{{{each}}}"'}}}]}}
bindings:
  - group: "{whom}"
    each: {each}
    roles: ["{name}"]
    deployments: all
{more}""".encode()
        },
        namings=[NAMING],
    )


def known(*names: str, used: Iterable[str] = ()) -> Directory:
    read = (group(name, "ann") for name in names or ("team",))
    return join({"people": snapshot((ANN, BOB), *read)}, {}, {}, names={("people", n): f"id-{n}" for n in used})


def compiled(
    rules: Rules,
    there: Directory | None = None,
    *,
    dags: tuple[Dag, ...] = DAGS,
    also: tuple[Dag, ...] | None = (),
    deployment: Deployment = PROD,
) -> DesiredState:
    return compile_desired(rules, there or known(), deployment, inventory=dags, dialect=DIALECT, now=NOW, also=also)


def on(desired: DesiredState) -> dict[str, set[str | None]]:
    """Say on which DAGs each role gives something."""
    return {name: {p.dag for p in role.permissions if p.dag} for name, role in desired.roles.items()}


def codes(desired: DesiredState) -> list[str]:
    about_dags = {"selector_matches_nothing", "dag_place_unknown"}
    return [note.code for note in desired.notes if note.code not in about_dags]


def test_what_is_found_of_dags() -> None:
    found = {kind: set(values) for kind, values in found_values(DAGS).items()}
    assert {"owner": {"fin", "risk"}, "folder": {"finance", "risk"}, "tag": {"daily", "pii"}} == found


@pytest.mark.parametrize(
    ("each", "selector", "expected"),
    [
        ("owner", "", {"fin-viewer": {"a", "c"}, "risk-viewer": {"b"}}),
        ("tag", "", {"daily-viewer": {"a", "b"}, "pii-viewer": {"b"}}),
        ("folder", 'path: "{folder}/*"', {"finance-viewer": {"a"}, "risk-viewer": {"b"}}),
    ],
)
def test_there_is_a_role_for_each_value_and_whoever_has_one_has_them_all(
    each: str, selector: str, expected: dict[str, set[str]]
) -> None:
    wanted = compiled(rules_of(each, selector))
    assert expected == on(wanted)
    assert {"ann": frozenset(expected)} == {name: user.roles for name, user in wanted.users.items() if user.roles}
    assert [] == codes(wanted)


def test_another_value_can_stand_for_it_and_some_are_left_out() -> None:
    rules = rules_of(
        "owner", 'owner: ["{owner}", fin]', more="    captures: {owner: {fin: finance}}\n    unless: [ri*]\n"
    )
    assert {"finance-viewer": {"a", "c"}} == on(compiled(rules))


def test_where_a_group_says_the_value_there_is_a_role_where_dags_have_it() -> None:
    rules = rules_of("owner", whom="people:team-{owner}")
    wanted = compiled(rules, known("team-fin", "team-sales"))
    assert {"fin-viewer": {"a", "c"}} == on(wanted)
    assert {"ann": {"fin-viewer"}} == {name: set(user.roles) for name, user in wanted.users.items() if user.roles}


def test_a_group_and_a_value_go_together() -> None:
    rules = rules_of("tag", 'tag: "{tag}", owner: "{team}"', whom="people:team-{team}", role="{team}-{tag}")
    assert {"fin-daily": {"a"}, "fin-pii": set(), "risk-daily": {"b"}, "risk-pii": {"b"}} == on(
        compiled(rules, known("team-fin", "team-risk"))
    )


def test_a_value_that_is_no_good_gives_nothing_and_the_first_ones_are_told() -> None:
    bad = tuple(Dag(f"x{n}", frozenset({f"team/{n}"})) for n in range(5))
    wanted = compiled(rules_of("tag"), dags=(*DAGS, *bad))
    assert {"daily-viewer", "pii-viewer"} == wanted.roles.keys()
    (note,) = (note for note in wanted.notes if note.code == "expansion_refused")
    assert note.text.startswith('m.yaml:5: the "tag team/0" gives nothing: "team/0" as {tag} has the character /')
    assert note.text.endswith("; and 2 more; or name it in `unless`")


def test_an_owner_that_is_called_admin_gets_no_built_in_role() -> None:
    wanted = compiled(rules_of("owner", role="{owner}"), dags=(Dag("x", owners=frozenset({"admin"})),))
    assert {} == wanted.roles
    assert "expansion_refused" in codes(wanted)


def test_of_what_is_beyond_the_bound_nobody_loses_anything() -> None:
    many = tuple(Dag(f"x{n:03}", frozenset({f"t{n:03}"})) for n in range(502))
    wanted = compiled(rules_of("tag"), dags=many)
    assert 500 == len(wanted.roles)
    assert {"t500-viewer", "t501-viewer"} == wanted.frozen.keys()
    assert "too_many_expansions" in codes(wanted)


def test_nobody_loses_by_values_of_which_there_are_more_than_are_looked_at() -> None:
    rules = replace(rules_of("tag"), most_expansions=2)
    wanted = compiled(rules, dags=tuple(Dag(f"x{n:02}", frozenset({f"t{n:02}"})) for n in range(45)))
    assert {f"t{n:02}-viewer" for n in range(45)} == wanted.roles.keys() | wanted.frozen.keys()


def test_nobody_loses_by_values_that_are_no_good_however_many_there_are() -> None:
    refused = tuple(Dag(f"x{n:02}", frozenset({f"a/{n:02}"})) for n in range(41))
    wanted = compiled(replace(rules_of("tag"), most_expansions=2), dags=(*refused, RISK))
    assert {"daily-viewer", "pii-viewer"} <= wanted.roles.keys() | wanted.frozen.keys()


def test_what_names_mean_is_remembered_of_more_groups_than_have_a_value_where_they_are_used() -> None:
    """Else a group that is used, because DAGs have its value, could go and take its roles with it."""
    rules = replace(rules_of("folder", selector='path: "{folder}/*"', whom="people:af-{folder}"), most_expansions=1)
    there = known("af-a", "af-b", "af-risk")
    assert {"risk-viewer"} == compiled(rules, there).roles.keys()
    assert ("people", "af-risk") in new_names(expand(rules, there).rules.bindings, there)


def test_what_others_listed_counts_for_the_values_and_for_nothing_else() -> None:
    wanted = compiled(rules_of("owner"), dags=(FINANCE,), also=(RISK,))
    assert {"fin-viewer": {"a"}, "risk-viewer": set()} == on(wanted)


def test_where_nobody_says_which_dags_there_are_the_line_gives_its_roles_as_they_are_written() -> None:
    wanted = compiled(rules_of("owner"), dags=(), also=None)
    assert {"ann": {"{owner}-viewer"}} == {name: set(user.roles) for name, user in wanted.users.items() if user.roles}
    assert [] == codes(wanted)


def test_the_values_of_a_deployment_say_nothing_to_lines_for_others() -> None:
    rules = parse(
        {
            "m.yaml": b"""
roles:
  "{tag}-viewer": {dags: [{level: view, tag: "{tag}"}]}
bindings:
  - {group: "people:team", each: tag, roles: ["{tag}-viewer"], deployments: {env: dev}}
"""
        },
        namings=[NAMING],
    )
    wanted = compiled(rules, dags=(Dag("x", frozenset({"a/b"})),))
    assert ({}, []) == (wanted.roles, codes(wanted))


def test_roles_that_differ_in_case_alone_meet_and_nobody_gains_or_loses() -> None:
    rules = rules_of("tag", role="{tag|lower}-viewer", selector='tag: "{tag}"')
    wanted = compiled(rules, dags=(Dag("x", frozenset({"Pii"})), Dag("y", frozenset({"pii"}))))
    assert ({}, {"pii-viewer"}) == (wanted.roles, set(wanted.frozen))
    assert "expansions_meet" in codes(wanted)


def test_no_order_says_anything() -> None:
    rules = rules_of("tag")
    assert compiled(rules) == compiled(rules, dags=DAGS[::-1])


def test_without_dags_groups_are_found_all_the_same() -> None:
    """What names mean is remembered by a pattern whose values no DAG has yet."""
    rules = rules_of("owner", whom="people:team-{owner}")
    made = expand(rules, known("team-sales")).rules.bindings
    assert [("people", "team-sales")] == [(ref.source, ref.name) for rule in made for ref in rule.groups]
