"""The shape of the house, read from its text: what an import contract cannot see.

A new exception needs its reason beside it, and one that is no longer needed has to go.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from statistics import median, quantiles
from typing import TypeAlias, TypeGuard

import pytest

import syncd

ROOT = Path(syncd.__file__).parent
TESTS = Path(__file__).parents[1]
MODULES = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in sorted(ROOT.rglob("*.py"))}

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef
Definition: TypeAlias = Function | ast.ClassDef

SLEEP = re.compile(r"\bsleep\(")
MOST_LINES = 400
LONG_MODULES: dict[str, str] = {}
MOST_LINES_OF_A_FUNCTION = 50
MOST_ARGUMENTS = 7

ONLY_AIRFLOW_KNOWS = re.compile(
    r"\bFAB\b|\bDAG:|DAG Run:|\bPatch\.[A-Z]|\bDelete\.[A-Z]|example\.invalid|BUILT_IN_ROLES"
    r"|LONGEST_(ROLE|RESOURCE|DAG_ID|USERNAME)"
)
MAY_KNOW_TOO = {
    "sandbox/": "stand-ins are Airflow",
    "targets/airflow/": "its adapter",
    "targets/memory.py": "has permissions in the words of Airflow, so that tests read like the real thing",
    "cli/demo.py": "talks to its Airflow directly, as the person whom it plays",
    "store/codec/plans.py": "reads permissions that were written before they said which DAG they are on",
}


@cache
def definitions() -> tuple[tuple[str, Definition], ...]:
    """Give every function and class of the house, each with its module."""
    return tuple((name, node) for name, text in MODULES.items() for node in _defined(ast.parse(text)))


def _defined(node: ast.AST) -> Iterator[Definition]:
    """Give what is defined at any depth; expressions define nothing that counts here, and are most of a tree."""
    for inner in ast.iter_child_nodes(node):
        if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield inner
        if not isinstance(inner, ast.expr):
            yield from _defined(inner)


def functions() -> Iterator[tuple[str, Function]]:
    for name, node in definitions():
        if "/migrations/" not in name and not isinstance(node, ast.ClassDef):
            yield f"{name}:{node.name}", node


@cache
def know_airflow() -> frozenset[str]:
    return frozenset(name for name, text in MODULES.items() if ONLY_AIRFLOW_KNOWS.search(text))


def lines_of(node: Function) -> int:
    """Count the lines of a function without its docstring."""
    body = node.body[1:] if ast.get_docstring(node) is not None and len(node.body) > 1 else node.body
    return (node.end_lineno or 0) - body[0].lineno + 1


def test_modules_are_short_but_for_those_that_say_why() -> None:
    long = {name for name, text in MODULES.items() if text.count("\n") > MOST_LINES}

    assert set(LONG_MODULES) == long


def test_functions_are_short() -> None:
    lines = {name: lines_of(node) for name, node in functions()}

    assert {} == {name: n for name, n in lines.items() if n > MOST_LINES_OF_A_FUNCTION}
    assert median(lines.values()) <= 8
    assert quantiles(lines.values(), n=10)[-1] <= 25


def test_no_class_wants_many_things_to_be_made() -> None:
    found = {}
    for name, node in definitions():
        makers = [m for m in node.body if isinstance(m, ast.FunctionDef) and m.name == "__init__"]
        for maker in makers if isinstance(node, ast.ClassDef) else ():
            wants = len(maker.args.args) + len(maker.args.kwonlyargs) - 1
            if wants > MOST_ARGUMENTS:
                found[f"{name}:{node.name}"] = wants

    assert {} == found


def test_the_name_of_a_public_class_means_one_thing() -> None:
    homes = defaultdict(set)
    for name, node in definitions():
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            homes[node.name].add(name)

    assert {} == {name: where for name, where in homes.items() if len(where) > 1}


def test_every_module_says_what_it_holds() -> None:
    assert [] == [name for name, text in MODULES.items() if text.strip() and not text.startswith(('"""', 'r"""'))]


def test_who_sleeps_in_a_test_says_why_the_time_is_what_matters() -> None:
    sleeps = [
        f"{path.relative_to(TESTS)}:{number}"
        for path in sorted(TESTS.rglob("*.py"))
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if SLEEP.search(line) and "  # " not in line
    ]

    assert [] == sleeps, "wait for a condition (waiting.until), or say beside it why the time itself is what is tested"


CLOCKS = "monotonic()", "perf_counter()", "time.time()"
PROCESSORS = "process_time", "thread_time"


def test_no_test_depends_on_how_fast_the_machine_is() -> None:
    texts = {str(path.relative_to(TESTS)): path.read_text(encoding="utf-8") for path in sorted(TESTS.rglob("*.py"))}
    have_a_clock = {name: text for name, text in texts.items() if any(clock in text for clock in CLOCKS + PROCESSORS)}
    nodes = ((name, node) for name, text in have_a_clock.items() for node in ast.walk(ast.parse(text)))
    timed = [f"{name}:{node.lineno}" for name, node in nodes if _is_timed(node)]

    assert [] == timed, "count steps (effort.steps_of), or wait for a minute for what would hang for ever"


def _is_timed(node: ast.AST) -> TypeGuard[ast.expr | ast.alias]:
    """Say whether this takes the time of a processor, or expects that less than ten seconds went by."""
    if isinstance(node, ast.Name | ast.Attribute | ast.alias):
        return ast.unparse(node).rpartition(".")[2] in PROCESSORS
    return isinstance(node, ast.Compare) and any(
        _has_passed(less) and isinstance(more, ast.Constant) and isinstance(more.value, int | float) and more.value < 10
        for less, more in _pairs(node)
    )


def _pairs(node: ast.Compare) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Give what is expected to be less beside what is expected to be more."""
    for left, operator, right in zip([node.left, *node.comparators], node.ops, node.comparators, strict=False):
        if isinstance(operator, ast.Lt | ast.LtE):
            yield left, right
        elif isinstance(operator, ast.Gt | ast.GtE):
            yield right, left


def _has_passed(node: ast.expr) -> bool:
    """Say whether this is the time that has passed since another."""
    now = node.left if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub) else None
    return isinstance(now, ast.Call) and ast.unparse(now).endswith(CLOCKS)


@pytest.mark.parametrize("allowed", [None, *MAY_KNOW_TOO])
def test_nobody_but_its_adapter_knows_what_is_true_of_airflow_only(allowed: str | None) -> None:
    if allowed is None:
        assert [] == sorted(name for name in know_airflow() if not name.startswith(tuple(MAY_KNOW_TOO)))
    else:
        assert any(name.startswith(allowed) for name in know_airflow()), f"{allowed} needs no exception any more"


def test_the_code_uses_the_words_of_the_glossary() -> None:
    page = (ROOT.parent / "docs" / "glossary.md").read_text(encoding="utf-8")
    words = [word for row in re.findall(r"^\| (?!word|-)([^|]+) \|", page, re.M) for word in row.split(", ")]
    said = "".join(re.findall(r"[a-z0-9]", "".join(MODULES.values()).lower()))

    assert 40 < len(words)
    assert [] == [word for word in words if "".join(re.findall(r"[a-z0-9]", word.lower())) not in said]


def test_every_note_is_explained_in_a_page() -> None:
    calls = (node for text in MODULES.values() for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call))
    made = [c.args[0] for c in calls if c.args and ast.unparse(c.func).rpartition(".")[2] in ("Note", "note")]
    codes = {code.value for code in made if isinstance(code, ast.Constant) and isinstance(code.value, str)}
    pages = "".join(page.read_text(encoding="utf-8") for page in (ROOT.parent / "docs").glob("*.md"))

    assert 25 < len(codes)
    assert [] == sorted(code for code in codes if f"`{code}`" not in pages)


@pytest.mark.finding("N-642")
@pytest.mark.parametrize("lock", ["run", "postgres"])
def test_what_runs_is_what_was_developed_with(lock: str) -> None:
    """Tests say nothing of a release that only an installation has."""
    runs, develops = (_locked(name) for name in (lock, "dev"))
    assert runs
    assert {name: develops.get(name, release) for name, release in runs.items()} == runs


def _locked(name: str) -> dict[str, str]:
    text = (ROOT.parent / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
    return dict(re.findall(r"^([a-z0-9-]+)(?:\[[a-z,]+\])?==(\S+)", text, flags=re.MULTILINE))
