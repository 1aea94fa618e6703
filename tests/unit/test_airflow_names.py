"""The physical names of a role."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.targets.airflow.names import Family, families, family, logical, seconds
from syncd.targets.airflow.naming import LONGEST_ROLE, is_second, refusal, stem


@pytest.mark.parametrize(
    ("present", "expected"),
    [
        ([], Family("x", None)),
        (["x"], Family("x", "x")),
        (["x", "x~1"], Family("x", "x~1", ("x",))),
        (["x~1"], Family("x", "x~1")),
        (["x", "x~2", "x~10"], Family("x", "x~10", ("x", "x~2"))),
        (["x", "x~old1", "x~old2"], Family("x", "x", (), ("x~old1", "x~old2"))),
        (["x~old1"], Family("x", None, (), ("x~old1",))),
        (["x", "x~", "x~0", "x~01", "x~1a", "xx~1", "x~older", "X~1"], Family("x", "x")),
    ],
)
def test_the_family_of_a_role(present: list[str], expected: Family) -> None:
    assert expected == family("x", present, made=present)


def test_a_role_that_syncd_manages_belongs_to_no_other() -> None:
    found = families({"x", "x~1", "Admin"}, {"x", "x~1", "x~2", "Admin"}, made={"x~1", "x~2"})
    assert {"x": Family("x", "x~2", ("x",)), "x~1": Family("x~1", "x~1")} == found
    assert {"x": "x", "x~2": "x", "x~1": "x~1"} == logical(found)


def test_new_names_are_free() -> None:
    found = family("x", ["x", "x~1", "x~7", "x~9999", "x~old3"], made=["x~1", "x~old3"])
    assert "x~2" == found.successor(["x", "x~1"])
    assert "x~4" == found.successor(["x~2", "x~3", "x~9999"])
    assert "x~old4" == found.grave([])


def test_a_name_alone_makes_no_role_ours() -> None:
    assert Family("x", "x~2", ("x",)) == family("x", ["x", "x~1", "x~2", "x~9", "x~old1"], made=["x~2", "x~5"])
    assert Family("x", None) == family("x", ["x~1", "x~old1"], made=[])
    assert is_second("x~1", "x") and is_second("x~old22", "x")  # noqa: PT018
    assert not any(is_second(name, "x") for name in ("x", "x~", "x~01", "x~10000", "y~1", "x~older"))
    assert {"x~1", "x~old2"} == seconds(
        ["x", "x~1", "x~old2", "x~01", "x~10000", "y~1", "x~1~2", "Admin~1"], of=["x", "z"]
    )


names = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1, max_size=LONGEST_ROLE)


@given(names, st.integers(1, 9998))
def test_a_successor_fits_and_is_recognised(name: str, number: int) -> None:
    before = f"{stem(name)}~{number}"
    after = family(name, [before], made=[before]).successor([before])
    assert len(after) <= LONGEST_ROLE
    assert after == family(name, [before, after], made=[before, after]).current


def test_long_names_that_begin_alike_are_told_apart() -> None:
    one, two = "x" * 63 + "a", "x" * 63 + "b"
    successor = family(one, [one], made=[]).successor([])
    assert successor == family(one, [one, two, successor], made=[successor]).current
    assert two == family(two, [one, two, successor], made=[successor]).current


@pytest.mark.parametrize("name", ["Admin", "Public", "", "x" * 65, "a/b", ".", "..", "a\nb", "a\x7f", "<b>"])
def test_names_that_are_never_written(name: str) -> None:
    assert refusal(name)


@pytest.mark.parametrize("name", ["a b", "ünï", "😀", "a%2Fb", "?#&=;", "x" * 64, "null", "admin"])
def test_names_that_can_be_reached(name: str) -> None:
    assert "" == refusal(name)
