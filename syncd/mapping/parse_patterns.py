"""Patterns on the names of groups: variables between braces, and where they may be used.

A binding whose `group` has variables in its name stands for each group that fits. What it captures is used in its roles,
deployments and texts, and in the roles that have these variables in their names: so one name of a role says all that can
differ in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from syncd.mapping.patterns import glob_problem, is_regex
from syncd.mapping.reading import MappingReading, is_source, words
from syncd.model import GroupPattern
from syncd.model.patterns import CASES, variables
from syncd.text.document import Items, Node, Scalar, Table
from syncd.text.strict import Strict

KEYS: Final = ("captures", "unless")
"""The keys of a binding that say more of its pattern."""
MOST_VARIABLES: Final = 5
_BRACES: Final = re.compile(r"\{[^{}]*\}?|\}")
_VARIABLE: Final = re.compile(r"\{[A-Za-z_][A-Za-z0-9_]*\}")
_HOW: Final = 'a variable is written {team}, with letters, digits and "_" in its name'


def read_pattern(reading: MappingReading, found: Mapping[str, Node]) -> GroupPattern | None:
    """Read the pattern of a binding; None: its group, if it has one, is written out, or is no good."""
    named = _named(found.get("group"))
    if named is None:
        for key in KEYS:
            if key in found:
                reading.strict.wrong(
                    found[key].at, f'`{key}` goes with a pattern, as in `group: "okta:airflow-{{team}}"`; take it out'
                )
        return None
    source, name = named
    problem = _problem(name.text)
    if problem:
        reading.strict.wrong(name.at, problem)
    is_known = is_source(reading, source, name.at)
    captures = tuple(_captures(reading.strict, found.get("captures"), variables(name.text)))
    unless = reading.strict.texts(found.get("unless"), "`unless`", alone=True)
    for glob in unless:
        if wrong := glob_problem(glob.text):
            reading.strict.wrong(glob.at, wrong)
    return None if problem or not is_known else GroupPattern(source, name.text, captures, words(unless))


def is_pattern(found: Mapping[str, Node]) -> bool:
    """Say whether the group of a binding is written as a pattern, good or bad."""
    return _named(found.get("group")) is not None


def _named(node: Node | None) -> tuple[str, Scalar] | None:
    """Give source and name of a group that is written with a variable in its name."""
    if isinstance(node, Table):
        entries = {key.text: value for key, value in node.entries}
        source, name = entries.get("source"), entries.get("name")
        if "id" in entries or not (isinstance(source, Scalar) and isinstance(name, Scalar)):
            return None
        return (source.text, name) if _is_meant(name.text) else None
    if not isinstance(node, Scalar):
        return None
    word, colon, name_text = node.text.partition(":")
    is_group = colon and word.strip() == word != "" and name_text.strip() == name_text
    return (word, Scalar(name_text, node.kind, node.at)) if is_group and _is_meant(name_text) else None


def _is_meant(name: str) -> bool:
    return bool(re.search(r"(?<!\$)\{", name))


def _problem(text: str) -> str:
    """Say what is wrong with a pattern and what to write; empty: nothing."""
    found = _BRACES.findall(text)
    if bad := next((braces for braces in found if not _VARIABLE.fullmatch(braces)), ""):
        return f'"{bad}" in the name of a group is no variable: {_HOW}; the case is changed where it is used'
    if "*" in text:
        return f'"*" in the name of a group is reserved; write a variable in its place, as in "{text.replace("*", "{any}")}"'
    if twice := next((braces for braces in found if found.count(braces) > 1), ""):
        return f'the variable {twice} is in "{text}" twice; give the second another name'
    if "}{" in text:
        return (
            f'there is nothing between two variables of "{text}", so nobody can say where one ends; put some text there'
        )
    if len(found) > MOST_VARIABLES:
        return f"a pattern has {MOST_VARIABLES} variables at most and this one has {len(found)}; use fewer"
    if _VARIABLE.fullmatch(text):
        return f'"{text}" is every group of the source; write some text beside the variable, as in "airflow-{text}"'
    return ""


def _captures(
    strict: Strict, node: Node | None, known: frozenset[str]
) -> Iterator[tuple[str, tuple[tuple[str, str], ...]]]:
    """Read what values stand for, by variable."""
    for variable, table in strict.table(node, "`captures`") if node else ():
        what = f"`{variable.text}` of `captures`"
        if variable.text not in known:
            hint = strict.near(variable.text, known) or f"; there are {', '.join(sorted(known))}"
            strict.wrong(variable.at, f'the group has no variable "{variable.text}"{hint}')
        read = [
            (value.text, strict.text(instead, f'"{value.text}" in {what}'))
            for value, instead in strict.table(table, what)
        ]
        yield variable.text, tuple(sorted((value, instead) for value, instead in read if instead is not None))


# --- where variables are used -----------------------------------------------------------------------------------------


def check_used(strict: Strict, node: Node | None, known: frozenset[str], *, where: str) -> None:
    """Find what stands between braces in the values of a node and is none of these variables."""
    for scalar in _scalars(node):
        check_text(strict, scalar, known, where=where)


def check_text(strict: Strict, scalar: Scalar, known: frozenset[str], *, where: str) -> None:
    """Find what stands between braces in a text and is none of these variables; `where` says what would capture them."""
    for braces in _BRACES.findall(scalar.text) if "{" in scalar.text else ():
        name, bar, case = braces.strip("{}").partition("|")
        if _VARIABLE.fullmatch(f"{{{name}}}") and braces.endswith("}") and name not in known:
            hint = strict.near(name, known) or (f"; there are {', '.join(sorted(known))}" if known else "")
            strict.wrong(scalar.at, f'{where} has no variable "{name}"{hint}')
        elif name in known and bar and case not in CASES:
            hint = strict.near(case, CASES) or f"; there are {' and '.join(CASES)}"
            strict.wrong(scalar.at, f'"{case}" behind the variable {name} is nothing that can be done with it{hint}')


def check_template(strict: Strict, name: Scalar, found: Mapping[str, Node]) -> None:
    """Find what a role with variables in its name may not have: others than these, and any where no value could be put."""
    known = variables(name.text)
    check_text(strict, name, known, where="the name")
    where = f'the name of the role "{name.text}"'
    for key in ("extends", "dags", "permissions"):
        check_used(strict, found.get(key), known, where=where)
    for scalar in _scalars(found.get("permissions")):
        if variables(scalar.text):
            strict.wrong(
                scalar.at, f'a variable cannot stand in a permission, as in "{scalar.text}"; use `dags` with `also`'
            )
    for scalar in _scalars(found.get("dags")):
        if is_regex(scalar.text) and variables(scalar.text):
            strict.wrong(
                scalar.at, f'a variable cannot stand in a regular expression; write a glob for "{scalar.text}"'
            )


def _scalars(node: Node | None) -> Iterator[Scalar]:
    """Give every value of a node, each node once."""
    rest, seen = [node] if node else [], set[int]()
    while rest:
        one = rest.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        match one:
            case Scalar():
                yield one
            case Items(items):
                rest.extend(reversed(items))
            case Table(entries):
                rest.extend(value for _, value in reversed(entries))


def check_bound(reading: MappingReading, roles: tuple[Scalar, ...], pattern: GroupPattern | None) -> None:
    """Find roles of a binding whose variables nothing captures."""
    for role in roles:
        if pattern:
            check_text(reading.strict, role, frozenset(pattern.variables), where="the group of this binding")
        elif used := variables(role.text):
            reading.strict.wrong(
                role.at,
                f'the role "{role.text}" has the variable {min(used)}, and the group of this binding captures none; '
                f'write a pattern, as in `group: "okta:airflow-{{{min(used)}}}"`',
            )


def check_extended(reading: MappingReading) -> None:
    """Find roles that extend one with variables which they have not."""
    for name, others in reading.extended.items():
        for other in others:
            if missing := variables(other.text) - variables(name):
                reading.strict.wrong(
                    other.at,
                    f'"{name}" cannot extend "{other.text}", because it has no variable {min(missing)} in its own name',
                )
