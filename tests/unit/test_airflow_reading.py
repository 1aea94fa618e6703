"""Reading a listing whole, and noticing that it changes meanwhile."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from syncd.errors import ReadIncomplete
from syncd.http.answer import Answer
from syncd.targets.airflow.reading import LONGEST_S, MOST_ROWS, TRIES, Page, page, read_all

Fetch = Callable[[int], Page]


def rows(*names: str, total: int) -> Page:
    return Page(tuple({"name": name} for name in names), total)


class Pages:
    """Gives these pages in order, whatever offset is asked for; the last one for ever."""

    def __init__(self, *pages: Page) -> None:
        self.pages = list(pages)
        self.offsets: list[int] = []

    def __call__(self, offset: int) -> Page:
        self.offsets.append(offset)
        return self.pages.pop(0) if len(self.pages) > 1 else self.pages[0]


def read(fetch: Fetch, first: Page | None = None) -> list[str]:
    return [str(row["name"]) for row in read_all(fetch, "name", what="roles of x", first=first)]


def test_pages_are_followed_by_the_rows_that_came() -> None:
    pages = Pages(rows("a", "b", total=5), rows("c", "d", total=5), rows("e", total=5))
    assert ["a", "b", "c", "d", "e"] == read(pages)
    assert [0, 2, 4] == pages.offsets


def test_a_first_page_read_before_is_not_read_again() -> None:
    pages = Pages(rows("c", total=3))
    assert ["a", "b", "c"] == read(pages, first=rows("a", "b", total=3))
    assert [2] == pages.offsets


def test_nothing_is_something() -> None:
    assert [] == read(Pages(rows(total=0)))


@pytest.mark.parametrize(
    ("cut", "why"),
    [
        ((rows("a", "b", total=3), rows("c", total=2)), "the total went from 3 to 2"),
        ((rows("a", "b", total=3), rows("c", total=4)), "the total went from 3 to 4"),
        ((rows("a", "b", total=3), rows(total=3)), "only 2 of 3 came"),
        ((rows("a", "b", total=3), rows("b", total=3)), "one came twice"),
        ((rows("a", "b", total=3), rows("c", "d", total=3)), "4 came where 3 were announced"),
    ],
)
def test_a_table_that_changes_is_read_anew_and_given_up_in_the_end(cut: tuple[Page, ...], why: str) -> None:
    whole = (rows("a", "b", total=2),)
    assert ["a", "b"] == read(Pages(*cut, *whole))
    assert ["a", "b"] == read(Pages(*cut * (TRIES - 1), *whole))
    with pytest.raises(ReadIncomplete, match=f"roles of x could not be read whole, 4 times in a row: {why}"):
        read(Pages(*cut * TRIES, *whole))


def test_a_first_page_that_is_out_of_date_is_read_again() -> None:
    assert ["a", "b"] == read(Pages(rows("b", total=2), rows("a", "b", total=2)), first=rows("x", total=3))


@pytest.mark.parametrize(
    ("status", "kind", "body"),
    [
        (403, "application/json", {"roles": [], "total_entries": 0}),
        (200, "text/html", {"roles": [], "total_entries": 0}),
        (200, "application/json", {"users": [], "total_entries": 0}),
        (200, "application/json", {"roles": [], "total_entries": "many"}),
        (200, "application/json", {"roles": ["a"], "total_entries": 1}),
        (200, "application/json", ["a"]),
    ],
)
def test_what_is_no_page(status: int, kind: str, body: object) -> None:
    assert page(Answer("GET x", status, kind, json.dumps(body).encode()), "roles") is None


def test_what_is_a_page() -> None:
    answer = Answer("GET x", 200, "application/problem+json", b'{"roles": [{"name": "a"}], "total_entries": 1}')
    assert rows("a", total=1) == page(answer, "roles")


@pytest.mark.finding("N-110")
def test_a_listing_that_brings_a_new_row_each_time_ends() -> None:
    seconds = iter(range(10**6))
    came = 0

    def one_more(offset: int) -> Page:
        nonlocal came
        came += 1
        assert came < 2 * LONGEST_S
        return rows(f"r{offset}", total=MOST_ROWS)

    with pytest.raises(ReadIncomplete, match=r"roles of x could not be read whole within 900 s; \d+ came until then"):
        read_all(one_more, "name", what="roles of x", clock=lambda: float(next(seconds)))


@pytest.mark.finding("N-110")
def test_a_listing_that_announces_more_than_there_can_be_is_not_begun() -> None:
    pages = Pages(rows("a", total=10**4000))
    with pytest.raises(ReadIncomplete, match="more than 1,000,000 are announced"):
        read(pages)
    assert [0] == pages.offsets
