"""A small file cannot become a large one, or a long wait, by its syntax alone."""

from __future__ import annotations

import pytest

from syncd.errors import MappingInvalid, Problem
from syncd.mapping.parse import parse
from syncd.targets.airflow.naming import NAMING
from syncd.text.document import DEEPEST, read_document
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
