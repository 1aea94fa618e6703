"""Two YAML libraries read one language: what libyaml composes, the other composes too, node for node and place for place.

What it leaves to the other is not looked at here: then there is only one.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from examples import examples
from hypothesis import example, given, settings
from hypothesis import strategies as st
from ruamel.yaml.nodes import ScalarNode
from ruamel.yaml.resolver import VersionedResolver

from syncd.errors import Problem
from syncd.text import document
from syncd.text.broken import DEEPEST, Broken
from syncd.text.composing import compose
from syncd.text.document import Items, Node, Scalar, Table, read_document
from syncd.text.libyaml import composed, plain_tag

ROOT = Path(__file__).parents[2]
FOLDERS = ("mappings", "people", "tests/golden", "docs", "deploy")
FILES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.y*ml") if path.stat().st_size < 40_000)
TEXTS = sorted({path.read_bytes().decode("utf-8", "replace") for path in FILES})
SMALL = [
    "a: b\nc: [d, e]\n",
    "- a\n-\n- b:\n  c:\n",
    "a: |\n  x\n   y\n\nb: >-\n  q\n  r\n",
    "{a: b, c: [d, {e: f}], 'g h': \"i\"}",
    "&a x: &b\n  - *a \n  - <<: *b\n",
    "a: 'it''s'\nb: \"x\\ny\"\n# c\nd: #e\n f\n",
    "---\na: b\n...\n",
    "? a\n: b\n",
    "a:\n- b\n- c\nd: e f\n  g h\n",
    "a: !!str 5\nb: !x y\n",
]
PIECES = [
    *"\"'[]{}:-#,&*?|>!%\\~@`=<é😀a1",
    *("0x1", "1_0", ".5", "1e3", "true", "yes", "null", "<<", "2027-01-31", "2027-1-3"),
    *(": ", "- ", "\n", "\n  ", "\n    ", " ", " #", "# ", ", ", "&a ", "*a ", "*a", "<<: ", "? ", "| ", "|\n", ">\n", "!!str "),
    *("---\n", "...\n", "\\n", "\\x41", "\\ud800", "\\\n", "::", ":a", "''", '"a"', "[]", "{a}", '{"a":b}', "[a: b]", "\n- x\n"),
    *("\r\n", "\r", "\t", "\x85", "\u2028", "\u00a0", "\u200b", "\ufeff", "&a:", "&a?", "]:a", '":a', "key: value", "b c"),
]  # fmt: skip


def seen(node: Any, before: dict[int, int]) -> object:
    """Give all that a node says and where; one that was there before, which one."""
    if id(node) in before:
        return before[id(node)]
    before[id(node)] = len(before)
    place = node.id, node.start_mark.line, node.start_mark.column
    match node.id:
        case "scalar":
            return *place, node.value, node.style or "", str(node.tag)
        case "sequence":
            return *place, *(seen(each, before) for each in node.value)
        case _:
            return *place, *((seen(name, before), seen(value, before)) for name, value in node.value)


def by_the_other(text: str) -> object:
    try:
        return seen(compose(text), {})
    except Broken as broken:
        return str(broken)


def agree(text: str) -> bool:
    """See that both say the same; whether both were asked."""
    fast = composed(text, deepest=DEEPEST)
    if fast is not None:
        assert by_the_other(text) == seen(fast, {})
    return fast is not None


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_files_that_people_wrote_are_read_the_same(text: str) -> None:
    agree(text)


def test_most_files_are_read_by_the_fast_one() -> None:
    fast = sum(map(agree, TEXTS))

    assert fast > len(TEXTS) / 2


@settings(max_examples=examples(600))
@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=14).map("".join))
@example("&a:b c")
@example("&a?\n- b")
@example("[{a: b}:c]")
@example('["a":b]')
@example("|\n# c")
@example("- a\n-\n")
@example("a: *a\nb: &a c")
@example("&a [*a]")
def test_pieces_of_yaml_are_read_the_same(text: str) -> None:
    agree(text)


@settings(max_examples=examples(600))
@given(st.sampled_from([*TEXTS, *SMALL]), st.integers(0, 2**32))
def test_files_with_changes_in_them_are_read_the_same(text: str, seed: int) -> None:
    chance = random.Random(seed)
    lines = text.split("\n")
    start = chance.randrange(len(lines))
    text = "\n".join(lines[start : start + chance.randint(2, 12)])
    for _ in range(chance.randint(1, 3)):
        at = chance.randint(0, len(text))
        text = text[:at] + chance.choice([*PIECES, ""]) + text[at + chance.choice([0, 0, 1, 3]) :]

    agree(text)


NUMBERS = st.text(st.sampled_from("0123456789+-._eEbBoOxXaAfF:TZ nN~<=tru"), max_size=12)


@settings(max_examples=examples(600))
@given(
    st.one_of(NUMBERS, st.sampled_from(["true", "FALSE", "Null", "~", "<<", "=", "1.", ".inf", "-.INF", ".nan", "+.5"]))
)
@example("2027-01-31T18:00:00.5 +01:00")
@example("2027-1-3 1:02:03Z")
def test_values_without_quotes_are_taken_for_the_same(text: str) -> None:
    slow = VersionedResolver(version=(1, 2)).resolve(ScalarNode, text, (True, False))

    assert str(slow) == (plain_tag(text) if text else "tag:yaml.org,2002:null")


def told(node: Node | None) -> object:
    match node:
        case Scalar(text, kind, at):
            return text, kind, at
        case Items(items, at):
            return at, *map(told, items)
        case Table(entries, at):
            return at, *((told(name), told(value)) for name, value in entries)
    return None


@pytest.mark.parametrize(
    "text",
    [*TEXTS, *SMALL, "- " * 1000, "- " * 500_000, "{a: " * 1000, "a: [\n", "\ud800".encode(errors="replace").decode()],
)
def test_without_libyaml_everything_is_as_with_it(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with_it: list[Problem] = []
    without: list[Problem] = []
    tree = told(read_document("m.yaml", text.encode(), with_it))

    monkeypatch.setattr(document, "_composed_by_libyaml", lambda _text: None)

    assert (told(read_document("m.yaml", text.encode(), without)), without) == (tree, with_it)
