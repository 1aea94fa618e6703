"""The locator: every key and value of a TOML text, at the place where a person sees it."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.text.toml_places import NotScannable, Path, Position, locate

# text | path | place of the key | place of the value
SHAPES: tuple[tuple[str, Path, tuple[int, int], tuple[int, int]], ...] = (
    ("a = 1", ("a",), (1, 1), (1, 5)),
    ("\n\n  a=1", ("a",), (3, 3), (3, 5)),
    ("# c\r\na = 1\r\nb = 2", ("b",), (3, 1), (3, 5)),
    ("a.b . c = 1", ("a", "b", "c"), (1, 7), (1, 11)),
    ("a.b . c = 1", ("a", "b"), (1, 3), (1, 3)),
    ('"a.b"."\\u00e9\\"" = 1', ("a.b", 'é"'), (1, 7), (1, 20)),
    ("'a \"b' = 1", ('a "b',), (1, 1), (1, 10)),
    ("[t]\na = 1", ("t", "a"), (2, 1), (2, 5)),
    ("[ t . 'u v' ]\na = 1", ("t", "u v"), (1, 7), (1, 7)),
    ("[t.u]\n[t]\na = 1", ("t",), (2, 2), (2, 2)),
    ("[t.u]\n[t]\na = 1", ("t", "a"), (3, 1), (3, 5)),
    ("[[t]]\na = 1\n[[t]]\na = 2", ("t", 1, "a"), (4, 1), (4, 5)),
    ("[[t]]\na = 1\n[[t]]\na = 2", ("t", 1), (3, 3), (3, 3)),
    ("[[t]]\n[[t.u]]\n[[t.u]]\na = 1\n[[t]]\n[t.u]\na = 2", ("t", 0, "u", 1, "a"), (4, 1), (4, 5)),
    ("[[t]]\n[[t.u]]\n[[t.u]]\na = 1\n[[t]]\n[t.u]\na = 2", ("t", 1, "u", "a"), (7, 1), (7, 5)),
    ("a = { b = 1, 'c' = [2, 3] }", ("a", "c"), (1, 14), (1, 20)),
    ("a = { b = 1, 'c' = [2, 3] }", ("a", "c", 1), (1, 24), (1, 24)),
    ("a = [ # ]\n  { b = 1 }, # }\n  { b.c = 2 },\n]", ("a", 1, "b", "c"), (3, 7), (3, 11)),
    ('a = """\n] # "" \\" }\n"""\nb = 1', ("b",), (4, 1), (4, 5)),
    ("a = '''\n] # '' }\n'''''\nb = 1", ("b",), (4, 1), (4, 5)),
    ('a = ["]", "\\"]", \'"]\', """ "] """, 1]', ("a", 4), (1, 36), (1, 36)),
    ("a = 1979-05-27 07:32:00Z # x\nb = [1979-05-27, 07:32:00]", ("b", 1), (2, 18), (2, 18)),
    ("a = {}\nb = []\nc = -1.5e3", ("c",), (3, 1), (3, 5)),
)


@pytest.mark.parametrize(("text", "path", "key", "value"), SHAPES)
def test_keys_and_values_are_found(text: str, path: Path, key: tuple[int, int], value: tuple[int, int]) -> None:
    tomllib.loads(text)

    places = locate(text)

    assert (Position(*key), Position(*value)) == (places.key(path), places.value(path))


def test_columns_count_characters() -> None:
    assert Position(1, 13) == locate('a = ["äöü", 1]').value(("a", 1))


def test_what_is_not_written_stands_where_its_table_does() -> None:
    places = locate("[t.u]\na = 1")

    assert Position(1, 4) == places.key(("t", "u", "gone", "too"))
    assert Position(1, 1) == places.key(("gone",))


@pytest.mark.parametrize(
    ("text", "path", "place"),
    [
        ("a = 1\na = 2", ("a",), (2, 1)),
        ("a.b = 1\n[a]\nb = 2", ("a", "b"), (3, 1)),
        ("[t]\n[u]\n[t]", ("t",), (3, 2)),
        ("a = { b = 1, b = 2 }", ("a", "b"), (1, 14)),
        ("a = {}\n[a]", ("a",), (2, 2)),
    ],
)
def test_a_second_time_is_found(text: str, path: Path, place: tuple[int, int]) -> None:
    with pytest.raises(tomllib.TOMLDecodeError):
        tomllib.loads(text)

    assert {path: Position(*place)} == locate(text).repeated


@pytest.mark.parametrize("text", ["a", "= 1", "[a", 'a = "x', "a = [1", "a = {b}", "[]", "a ="])
def test_what_is_not_toml_is_not_guessed_at(text: str) -> None:
    with pytest.raises(NotScannable):
        locate(text)


# --- any document, written in any way ---------------------------------------------------------------------------------

_names = st.text(st.sampled_from("ab-_.é\"' #]"), min_size=1, max_size=3)
_scalars = st.sampled_from(
    [
        '"x"',
        "'y]'",
        "1",
        "-0.5",
        "true",
        "1979-05-27",
        "07:32:00",
        '"""\nm]"""',
        "'''q'''",
        '"\\"#"',
        "1979-05-27 07:32:00Z",
    ]
)


def _quoted(name: str) -> str:
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


_tree = st.recursive(
    _scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_names, inner, max_size=3), max_leaves=12
)
_blank = st.sampled_from(["", " ", "\t"])
_break = st.sampled_from(["", " ", "\n", ' # ] } "\n'])


class _Writer:
    """Writes a document in one of the many ways in which it can be written."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw

    def inline(self, value: Any) -> str:
        match value:
            case dict():
                pairs = [f"{self.blank()}{_quoted(k)}{self.blank()}={self.inline(v)}" for k, v in value.items()]
                return "{" + ",".join(pairs) + self.blank() + "}"
            case list():
                items = [f"{self.draw(_break)}{self.inline(v)}{self.draw(_break)}" for v in value]
                return "[" + ",".join(items) + "]"
            case _:
                return self.blank() + str(value)

    def blank(self) -> str:
        return self.draw(_blank)

    def table(self, path: list[str], table: dict[str, Any]) -> Iterator[str]:
        """Write a table: pairs first, then what is drawn to stand under a header of its own."""
        later = {k: v for k, v in table.items() if _is_table(v) and self.draw(st.booleans())}
        for name, value in table.items():
            if name not in later:
                yield f"{self.blank()}{_quoted(name)} ={self.inline(value)}\n"
        for name, value in later.items():
            below = [*path, name]
            key = f"{self.blank()}.{self.blank()}".join(map(_quoted, below))
            for element in value if isinstance(value, list) else [value]:
                yield f"[[ {key} ]]\n" if isinstance(value, list) else f"[{key}] # [x]\n"
                yield from self.table(below, element)


def _is_table(value: Any) -> bool:
    return isinstance(value, dict) or (
        isinstance(value, list) and value != [] and all(isinstance(v, dict) for v in value)
    )


@st.composite
def _documents(draw: st.DrawFn) -> str:
    return "".join(_Writer(draw).table([], draw(st.dictionaries(_names, _tree, max_size=4))))


def _paths(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    if path:
        yield path, value
    children: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for part, inner in children:
        yield from _paths(inner, (*path, part))


@given(_documents())
def test_every_path_of_any_document_is_found_where_it_stands(text: str) -> None:
    lines = text.split("\n")
    places = locate(text)

    def at(place: Position) -> str:
        return "\n".join([lines[place.line - 1][place.column - 1 :], *lines[place.line :]])

    paths = dict(_paths(tomllib.loads(text)))
    assert set(paths) == set(places.keys)
    assert {} == places.repeated
    for path, value in paths.items():
        if isinstance(path[-1], str):
            assert at(places.key(path)).startswith(_quoted(path[-1]))
        if not isinstance(value, dict | list):
            assert _starts_with_value(at(places.value(path)), value)


def _starts_with_value(text: str, value: Any) -> bool:
    """Say whether a text begins with a value: one of its beginnings reads as that value."""
    for end in range(1, min(len(text), 40) + 1):
        try:
            if tomllib.loads(f"v = {text[:end]}")["v"] == value:
                return True
        except tomllib.TOMLDecodeError:
            continue
    return False
