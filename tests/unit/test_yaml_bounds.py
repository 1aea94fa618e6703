"""A small file cannot become a large one, or a long wait, by its syntax alone."""

from __future__ import annotations

import pytest

from syncd.errors import MappingInvalid, Problem
from syncd.mapping.parse import parse
from syncd.mapping.reading import MappingReading, is_readable
from syncd.model import At
from syncd.targets.airflow.naming import NAMING
from syncd.text.broken import DEEPEST
from syncd.text.document import TEXT, Items, Scalar, read_document
from syncd.text.strict import COMPARED, Strict
from syncd.text.toml_places import TooDeep, locate


@pytest.mark.finding("A-F4")
def test_a_list_in_the_list_of_a_merge_key_is_a_mistake() -> None:
    with pytest.raises(MappingInvalid) as caught:
        parse(
            {"m.yaml": b"roles:\n  a: &a {permissions: [can_read on Pools]}\n  b: {<<: [*a, [*a]]}\n"}, namings=[NAMING]
        )

    assert [
        "m.yaml:3:16: `<<` merges a table, or a list of tables, and this is none; name an anchor, as in `<<: *common`"
    ] == [str(problem) for problem in caught.value.problems]


@pytest.mark.finding("A-F4")
def test_what_is_merged_twice_is_there_once() -> None:
    problems: list[object] = []

    table = read_document("m.yaml", b"a: &a {x: 1}\nb: {<<: [*a, *a], <<: *a}\n", problems)  # type: ignore[arg-type]

    assert ([], ["x"]) == (problems, [name.text for name, _ in table.entries[1][1].entries])  # type: ignore[union-attr]


@pytest.mark.finding("A-F10")
def test_hints_end_after_so_many_comparisons() -> None:
    strict, known = Strict(), [f"role{n}" for n in range(1_000)]

    hints = [strict.near("rolle1", known) for _ in range(100)]

    assert COMPARED // len(known) == sum(map(bool, hints))
    assert '; did you mean "role1"?' == hints[0]
    assert "" == Strict().near("x" * 200, ["x" * 201])


@pytest.mark.parametrize(
    ("text", "line", "column"), [("a = 1\nb = " + "[" * 30, 2, 29), ("x.y" + ".z" * 30 + " = 1", 1, 1)]
)
def test_what_is_nested_too_deeply_is_told_with_its_place(text: str, line: int, column: int) -> None:
    with pytest.raises(TooDeep) as caught:
        locate(text)

    assert (line, column) == (caught.value.place.line, caught.value.place.column)


@pytest.mark.finding("X2-F2")
@pytest.mark.parametrize("opening", ["[", "{", "[a, ", "[{"])
@pytest.mark.parametrize("times", [1000, 500_000])
def test_brackets_in_brackets_are_refused_at_the_first_too_many(opening: str, times: int) -> None:
    problems: list[Problem] = []

    assert read_document("m.yaml", ("a: " + opening * times).encode(), problems) is None

    [told] = problems
    brackets = [at for at, character in enumerate("a: " + opening * 100, start=1) if character in "[{"]
    assert (1, brackets[DEEPEST]) == (told.line, told.column)
    assert "nested too deeply" in told.message


@pytest.mark.finding("X2-F2")
def test_brackets_that_are_closed_may_be_many() -> None:
    problems: list[Problem] = []
    text = "a: [" + "[" * (DEEPEST - 1) + "]" * (DEEPEST - 1) + ", [x]" * 1000 + "]"

    assert read_document("m.yaml", text.encode(), problems) is not None
    assert [] == problems


FEW = "m.yaml:{}: what is used again in all files (by aliases, `<<`, `vars` or `defaults`) brings more than 1,000,000 entries"


def in_layers(layers: int) -> str:
    """Write groups in lists of which each names the one before it ten times."""
    lists = ["{any_of: &a0 [okta:a, okta:b]}"]
    for n in range(1, layers):
        lists.append(
            f"{{any_of: &a{n} [{', '.join(f'{{any_of: *a{n - 1}, none_of: [okta:{k}]}}' for k in range(10))}]}}"
        )
    return f"bindings:\n  - any_of: [{', '.join(lists)}]\n    roles: [Viewer]\n    deployments: all\n"


MANY = ", ".join(f"t{n}" for n in range(2000))
ROLE = "{{dags: [{{level: view, tag: {}}}]}}"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (in_layers(9), "2:2191"),
        (
            f"bindings: []\nroles:\n  r: {ROLE.format(f'&t [{MANY}]')}\n"
            + "".join(f"  r{n}: {ROLE.format('*t')}\n" for n in range(550)),
            "3:33",
        ),
        (
            f"defaults:\n  deployments: {{team: [{MANY}]}}\nbindings:\n"
            + "".join(f"  - {{group: okta:g{n}, roles: [Viewer]}}\n" for n in range(550)),
            "2:16",
        ),
    ],
    ids=["groups", "tags", "defaults"],
)
def test_what_is_used_again_and_again_is_bounded(text: str, place: str) -> None:
    """A file of a kilobyte whose lists name each other was read for hours."""
    with pytest.raises(MappingInvalid) as caught:
        parse({"m.yaml": text.encode()}, namings=[NAMING])

    [problem] = map(str, caught.value.problems)
    assert problem.startswith(FEW.format(place))


def test_what_is_used_again_is_counted_over_all_files() -> None:
    reading, at = MappingReading(None, [NAMING]), At("m.yaml", 1)
    once = Items(tuple(Scalar(f"{n}", TEXT, at) for n in range(999)), at)
    often = Items((once,) * 601, at)

    assert [True, False, False] == [is_readable(reading, often) for _ in range(3)]
    assert is_readable(reading, once), "a file that repeats nothing is read"
    assert 1 == len(reading.strict.problems)


def test_a_scope_cannot_multiply_either() -> None:
    lists = "".join(f"  - {{tag: *t, owner: [o{n}]}}\n" for n in range(550))
    with pytest.raises(MappingInvalid, match=r"_scope\.yaml:2:11: what is used again"):
        parse(
            {"m/_scope.yaml": f"dags:\n  - {{tag: &t [{MANY}]}}\n{lists}".encode(), "m/a.yaml": b"bindings: []\n"},
            namings=[NAMING],
        )


@pytest.mark.parametrize("use", ['"${l}"', '["${l}"]', '"${x}"', '"a${x}"'])
def test_variables_that_bring_too_much_are_one_mistake(use: str) -> None:
    values = ", ".join(f"v{n:01000}" for n in range(100, 200))
    entries = ", ".join(f"{{level: view, tag: {use}}}" for _ in range(20))
    text = f"vars: {{l: [{values}], x: {'x' * 100_000}}}\nroles: {{r: {{dags: [{entries}]}}}}\nbindings: []\n"

    with pytest.raises(MappingInvalid) as caught:
        parse({"m.yaml": text.encode()}, namings=[NAMING])

    others = ("used nowhere", "characters and may have 2,000")
    assert ["variables bring more than 1,000,000 characters; use them less"] == [
        problem.message for problem in caught.value.problems if not any(other in problem.message for other in others)
    ]


@pytest.mark.parametrize(
    "said",
    [
        "bindings: [{group: 'okta:a', roles: [Viewer], deployments: all, reason: %s}]",
        "bindings: [{group: 'okta:%s', roles: [Viewer], deployments: all}]",
        "bindings: [{people: [%s], roles: [Viewer], deployments: all}]",
        "bindings: [{group: 'okta:a', roles: [Viewer], deployments: {env: %s}}]",
        "roles: {r: {description: %s, permissions: [can_read on Pools]}}",
        "roles: {r: {dags: [{level: view, tag: %s}]}}",
    ],
)
def test_a_text_has_a_bound(said: str) -> None:
    """It is repeated in what people read for everybody whom it gives something."""
    parse({"m.yaml": (said % ("x" * 1900)).encode()}, namings=[NAMING])
    with pytest.raises(MappingInvalid) as caught:
        parse({"m.yaml": (said % ("x" * 1_000_000)).encode()}, namings=[NAMING])
    [problem] = caught.value.problems
    assert "1,000,0" in problem.message
    assert "characters and may have 2,000; make it shorter" in problem.message


MANY_VARIABLES = "-".join(f"{{a{n}}}" for n in range(20_000))


@pytest.mark.parametrize(
    "said",
    [
        "bindings: [{group: 'okta:%s', roles: [Viewer], deployments: all}]",
        "bindings: [{group: {source: okta, name: '%s'}, roles: [Viewer], deployments: all}]",
        "roles: {? '%s' : {extends: Viewer}}\nbindings: []",
        "roles: {'r{x}': {dags: [{level: view, tag: '%s'}]}}\nbindings: []",
        "bindings: [{group: 'okta:a{x}', roles: ['%s'], deployments: all}]",
        "bindings: [{group: 'okta:a{x}', roles: [Viewer], deployments: {env: '%s'}}]",
    ],
)
def test_a_text_of_many_variables_has_the_same_bound(said: str) -> None:
    """Each was compared with each other: one group of 170 KB took 42 seconds."""
    with pytest.raises(MappingInvalid) as caught:
        parse({"m.yaml": (said % MANY_VARIABLES).encode()}, namings=[NAMING])

    assert any("characters and may have 2,000; make it shorter" in problem.message for problem in caught.value.problems)
    assert len(caught.value.problems) <= 2
