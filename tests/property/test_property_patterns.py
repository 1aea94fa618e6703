"""Patterns: the same as the lines written by hand, whatever the order; what a group captures, against a naive search of every
way in which a name can be parted; and what a doubt about groups lets nobody lose."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product

from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from mapping_world import ANN, BOB, CID, DAGS, DIALECT, NOW, PROD, group, snapshot

from syncd.daemon.delta import between, concerned, deployment_deltas, out_of_doubt, released
from syncd.directory.expand import expand
from syncd.directory.group_names import new_names
from syncd.directory.join import join
from syncd.directory.narrow import DirectoryView
from syncd.mapping.compile import compile_desired
from syncd.mapping.parse import parse
from syncd.model import Dag, DesiredState, Directory, Group, GroupPattern, Rules
from syncd.model.patterns import as_glob, filled
from syncd.targets.airflow.naming import NAMING

PATTERNS = """
roles:
  "{team}-{level}": {dags: [{level: "{level}", tag: "{team}", not: {id: "{team}_x*"}}], owner: "{team}"}
  "only-{team|lower}": {extends: base, dags: [{level: trigger, id: "{team}_*"}]}
  "{team|lower}-met": {dags: [{level: view, tag: "{team}"}]}
  base: {dags: [{level: view, tag: daily}]}
bindings:
  - {group: "people:af-{team}-{level}", roles: ["{team}-{level}"], deployments: all}
  - group: "people:only-{team}"
    captures: {team: {fin: finance}}
    roles: ["only-{team|lower}", base]
    deployments: {env: prod}
  - {group: "people:met-{team}", roles: ["{team|lower}-met"], deployments: all}
"""
TEAMS, LEVELS = ("finance", "fin", "x-y", "risk"), ("view", "edit", "own", "nonsense")
NAMES = (
    *(f"af-{team}-{level}" for team, level in product(TEAMS, LEVELS)),
    *(f"only-{team}" for team in TEAMS),
    "other",
)

MEETING = ("met-fin", "met-FIN", "met-Fin")
"""Groups whose roles have one name and mean several things."""


def rules_of(text: str) -> Rules:
    return parse({"m.yaml": text.encode()}, namings=[NAMING])


RULES = rules_of(PATTERNS)
members = st.frozensets(st.sampled_from(["ann", "bob", "cid"]))
apart = st.dictionaries(st.sampled_from(NAMES), members, max_size=6)
groups = st.dictionaries(st.sampled_from((*NAMES, *MEETING, *MEETING)), members, max_size=6)


def known(there: Mapping[str, frozenset[str]], names: Mapping[tuple[str, str], str] | None = None) -> Directory:
    read = (group(name, *sorted(who)) for name, who in there.items())
    return join({"people": snapshot((ANN, BOB, CID), *read)}, {}, {}, names=names or {})


def compiled(rules: Rules, directory: Directory) -> DesiredState:
    return compile_desired(rules, directory, PROD, inventory=DAGS, dialect=DIALECT, now=NOW)


def held(desired: DesiredState) -> dict[str, frozenset[str]]:
    return {name: user.roles for name, user in desired.users.items() if user.roles}


def by_hand(there: Mapping[str, frozenset[str]]) -> Rules:
    """Write out what the patterns say of these groups, as a person would."""
    roles, lines = {"base": "{dags: [{level: view, tag: daily}]}"}, []
    for name in there:
        team, _, level = name.removeprefix("af-").rpartition("-")
        if name.startswith("af-") and level != "nonsense":
            entry = f'{{level: {level}, tag: {team}, not: {{id: "{team}_x*"}}}}'
            roles[f"{team}-{level}"] = f"{{dags: [{entry}], owner: {team}}}"
            lines.append(f"{{group: 'people:{name}', roles: [{team}-{level}], deployments: all}}")
        if name.startswith("only-"):
            team = {"fin": "finance"}.get(name.removeprefix("only-"), name.removeprefix("only-"))
            roles[f"only-{team}"] = f'{{extends: base, dags: [{{level: trigger, id: "{team}_*"}}]}}'
            lines.append(f"{{group: 'people:{name}', roles: [only-{team}, base], deployments: {{env: prod}}}}")
    written = "".join(f"  {name}: {body}\n" for name, body in roles.items())
    bound = "".join(f"  - {line}\n" for line in lines)
    return rules_of(f"roles:\n{written}bindings:{' []' if not lines else ''}\n{bound}")


@settings(max_examples=examples(60))
@given(apart)
def test_a_pattern_is_the_same_as_the_lines_written_by_hand(there: Mapping[str, frozenset[str]]) -> None:
    pattern, lines = compiled(RULES, known(there)), compiled(by_hand(there), known(there))
    assert lines.roles == pattern.roles
    assert held(lines) == held(pattern)
    assert lines.frozen == pattern.frozen


EACH = """
roles:
  "{owner}-all": {dags: [{level: view, owner: "{owner}"}]}
  "{tag|lower}-{team}": {extends: base, dags: [{level: edit, tag: "{tag}", owner: "{team}"}]}
  "{folder}-own": {dags: [{level: own, path: "{folder}/*"}]}
  base: {dags: [{level: view, tag: daily}]}
bindings:
  - {group: "people:other", each: owner, roles: ["{owner}-all", base], deployments: all}
  - {group: "people:af-{team}-view", each: tag, captures: {tag: {t1: t2}}, roles: ["{tag|lower}-{team}"], deployments: all}
  - {group: "people:only-{folder}", each: folder, roles: ["{folder}-own"], deployments: {env: prod}}
"""
lists = st.lists(
    st.builds(
        lambda tags, owner, folder: (tags, owner, folder),
        st.frozensets(st.sampled_from(["t1", "t2", "T3", "a/b"])),
        st.sampled_from(["fin", "risk", "admin*"]),
        st.sampled_from(["finance", "x-y", ""]),
    ),
    max_size=4,
)


def each_by_hand(there: Mapping[str, frozenset[str]], dags: tuple[Dag, ...]) -> Rules:
    """Write out what the lines for each value say of these groups and DAGs, as a person would."""
    roles, lines = {"base": "{dags: [{level: view, tag: daily}]}"}, []
    owners = sorted({owner for dag in dags for owner in dag.owners} - {"admin*"})
    tags = sorted({{"t1": "t2"}.get(tag, tag) for dag in dags for tag in dag.tags} - {"a/b"})
    folders = {dag.path.split("/")[0] for dag in dags if dag.path and "/" in dag.path}
    for owner in owners if "other" in there else ():
        roles[f"{owner}-all"] = f"{{dags: [{{level: view, owner: {owner}}}]}}"
        lines.append(f"{{group: 'people:other', roles: [{owner}-all, base], deployments: all}}")
    for name in there:
        team = name.removeprefix("af-").removesuffix("-view")
        for tag in tags if name.startswith("af-") and name.endswith("-view") else ():
            role = f"{tag.lower()}-{team}"
            roles[role] = f"{{extends: base, dags: [{{level: edit, tag: {tag}, owner: {team}}}]}}"
            lines.append(f"{{group: 'people:{name}', roles: [{role}], deployments: all}}")
        folder = name.removeprefix("only-")
        if name.startswith("only-") and folder in folders:
            roles[f"{folder}-own"] = f'{{dags: [{{level: own, path: "{folder}/*"}}]}}'
            lines.append(f"{{group: 'people:{name}', roles: [{folder}-own], deployments: all}}")
    written = "".join(f"  {name}: {body}\n" for name, body in roles.items())
    bound = "".join(f"  - {line}\n" for line in lines)
    return rules_of(f"roles:\n{written}bindings:{' []' if not lines else ''}\n{bound}")


@settings(max_examples=examples(60))
@given(apart, lists)
def test_a_line_for_each_value_is_the_same_as_the_lines_written_by_hand(
    there: Mapping[str, frozenset[str]], found: list[tuple[frozenset[str], str, str]]
) -> None:
    dags = tuple(
        Dag(f"d{n}", tags, frozenset({owner}), path=f"{folder}/d.py" if folder else "d.py")
        for n, (tags, owner, folder) in enumerate(found)
    )
    there = {"other": frozenset({"ann"}), **there}
    pattern, lines = (
        compile_desired(rules, known(there), PROD, inventory=dags, dialect=DIALECT, now=NOW)
        for rules in (rules_of(EACH), each_by_hand(there, dags))
    )
    assert lines.roles == pattern.roles
    assert held(lines) == held(pattern)
    assert lines.frozen == pattern.frozen == {}


@settings(max_examples=examples(60))
@given(groups, st.data())
def test_no_order_says_anything(there: Mapping[str, frozenset[str]], data: st.DataObject) -> None:
    shuffled = dict(data.draw(st.permutations(list(there.items()))))
    turned = Rules(RULES.roles, RULES.bindings[::-1], dict(list(RULES.templates.items())[::-1]), RULES.namings)
    first, second = compiled(RULES, known(there)), compiled(turned, known(shuffled))
    assert (first.roles, first.users, first.frozen, first.notes) == (
        second.roles,
        second.users,
        second.frozen,
        second.notes,
    )


@settings(max_examples=examples(60))
@given(apart, apart)
def test_who_was_given_something_by_a_group_that_is_gone_loses_nothing(
    before: Mapping[str, frozenset[str]], after: Mapping[str, frozenset[str]]
) -> None:
    was = known(before)
    names = new_names(expand(RULES, was).rules.bindings, was)
    gave, gives = compiled(RULES, was), compiled(RULES, known(after, names))
    for name in before.keys() - after.keys():
        alone = compiled(RULES, known({name: before[name]}))
        for roles in held(alone).values():
            assert roles <= gives.frozen.keys() & gives.roles.keys()
    assert gives.frozen.keys() <= gave.roles.keys(), "a doubt is about what was given"


@settings(max_examples=examples(80))
@given(groups, groups, st.booleans())
def test_a_change_of_groups_concerns_everybody_of_whom_something_else_is_wanted(
    before: Mapping[str, frozenset[str]], after: Mapping[str, frozenset[str]], are_ids_kept: bool
) -> None:
    was = known(before)
    names = new_names(expand(RULES, was).rules.bindings, was)
    is_ = known(after, names) if are_ids_kept else renamed_to(before, after, names)
    wanted, wants = compiled(RULES, was), compiled(RULES, is_)
    moved = between(DirectoryView(was), DirectoryView(is_))
    deltas = deployment_deltas(moved, RULES, (PROD,), now=NOW) if moved else {}
    told = deltas["prod"].usernames if deltas else frozenset[str]()
    assert {n for n in ("ann", "bob", "cid") if held(wanted).get(n) != held(wants).get(n)} <= told
    if wanted.frozen.keys() - wants.frozen.keys():
        assert moved
        due = concerned(out_of_doubt(moved, RULES), RULES, is_, (PROD,))
        assert {"prod"} == due | released(moved, RULES, (PROD,))


def renamed_to(
    before: Mapping[str, frozenset[str]], after: Mapping[str, frozenset[str]], names: Mapping[tuple[str, str], str]
) -> Directory:
    """Give the same groups, by their ids, under the names of others."""
    ids = [f"id-{name}" for name in before] + [f"new-{name}" for name in after]
    read = (group(name, *sorted(who), identifier=id_) for (name, who), id_ in zip(after.items(), ids, strict=False))
    return join({"people": snapshot((ANN, BOB, CID), *read)}, {}, {}, names=names)


def parted(pattern: GroupPattern, name: str) -> list[dict[str, str]]:
    """Try every text for every variable, the longest for the left one first."""
    texts = {name[i:j] for i in range(len(name)) for j in range(i + 1, len(name) + 1)}
    every = product(sorted(texts, key=len, reverse=True), repeat=len(pattern.variables))
    ways = (dict(zip(pattern.variables, values, strict=True)) for values in every)
    return [way for way in ways if filled(pattern.text, way) == name]


@settings(max_examples=examples(150))
@given(
    st.sampled_from(["{a}-{b}", "x{a}-{b}", "{a}--{b}x", "{a}-x", "x-{a}-{b}-", "-{a}x{b}-"]), st.text("x-", max_size=9)
)
def test_what_is_captured_is_the_longest_for_the_left_one_of_all_ways(text: str, name: str) -> None:
    pattern = GroupPattern("people", text)
    ways = parted(pattern, name)
    best = max(ways, key=lambda way: [len(way[v]) for v in pattern.variables], default=None)
    assert best == pattern.values(name)


@given(st.sampled_from(["{a}-[{b}]", "x*{a|lower}?", "{a}"]), st.text("xX-[]*", min_size=1), st.text("xX-", min_size=1))
def test_whatever_a_text_becomes_its_glob_fits(text: str, a: str, b: str) -> None:
    from fnmatch import fnmatchcase

    assert fnmatchcase(filled(text, {"a": a, "b": b}), as_glob(text))


def test_the_world_has_what_the_laws_are_about() -> None:
    there: dict[str, frozenset[str]] = {name: frozenset({"ann"}) for name in NAMES}
    read: list[Group] = [members.group for members in known(there).groups.values()]
    assert len(NAMES) == len(read)
    assert {"finance-edit", "only-finance", "base"} <= compiled(RULES, known(there)).roles.keys()
