"""Patterns on the names of groups: variables between braces, and where they may be used.

A binding whose `group` has variables in its name stands for each group that fits, one with `each` for each value that DAGs
have. What they capture is used in its roles, deployments and texts, and in the roles that have these variables in their names:
so one name of a role says all that can differ in it. The deployments are those of groups alone: which DAGs there are is asked
once it is known where.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from syncd.mapping.patterns import glob_problem, is_regex
from syncd.mapping.reading import MappingReading, is_source, words
from syncd.model import At, FoundValue, GroupPattern
from syncd.model.patterns import CASES, KINDS, variables
from syncd.text.document import Items, Node, Scalar, Table
from syncd.text.strict import Strict

MOST_VARIABLES: Final = 5
_BRACES: Final = re.compile(r"\{[^{}]*\}?|\}")
_VARIABLE: Final = re.compile(r"\{[A-Za-z_][A-Za-z0-9_]*\}")
_HOW: Final = 'a variable is written {team}, with letters, digits and "_" in its name'


_Captures = tuple[tuple[str, tuple[tuple[str, str], ...]], ...]


@dataclass(frozen=True, slots=True)
class Several:
    """What a binding stands for several by; `is_bad`: its group is a pattern that is no good, which was told."""

    pattern: GroupPattern | None = None
    each: FoundValue | None = None
    is_bad: bool = False

    @property
    def of_group(self) -> frozenset[str]:
        """Name the variables that the group captures."""
        return frozenset(self.pattern.variables if self.pattern else ())

    @property
    def variables(self) -> frozenset[str]:
        return self.of_group | ({self.each.kind} if self.each else frozenset())


def read_several(reading: MappingReading, found: Mapping[str, Node]) -> Several:
    """Read the pattern of a binding, and the values of DAGs that it is for each of, if it has them."""
    strict, named = reading.strict, _named(found.get("group"))
    kind = _kind(strict, found["each"]) if "each" in found else ""
    if named is None and "each" not in found:
        for key in ("captures", "unless"):
            if key in found:
                strict.wrong(
                    found[key].at, f'`{key}` goes with a pattern, as in `group: "okta:airflow-{{team}}"`; take it out'
                )
        return Several()
    known = (variables(named[1].text) if named else frozenset()) | ({kind} if kind else frozenset())
    captures = tuple(_captures(strict, found.get("captures"), known))
    unless = _unless(strict, found.get("unless"))
    mine = dict(captures).get(kind, ())
    each = FoundValue(kind, mine, () if named else unless) if kind else None
    if named is None:
        return Several(each=each)
    pattern = _pattern(reading, *named, captures, unless)
    return Several(pattern, each, is_bad=pattern is None)


def _kind(strict: Strict, node: Node) -> str:
    """Read what of DAGs a binding is for each of; empty: there is no such."""
    text = strict.text(node, "`each`")
    if text is not None and text not in KINDS:
        hint = strict.near(text, KINDS) or f"; there are {', '.join(KINDS)}"
        strict.wrong(node.at, f'`each` is not "{text}"{hint}')
    return text if text in KINDS else ""


def _unless(strict: Strict, node: Node | None) -> tuple[str, ...]:
    unless = strict.texts(node, "`unless`", alone=True)
    for glob in unless:
        if wrong := glob_problem(glob.text):
            strict.wrong(glob.at, wrong)
    return words(unless)


def _pattern(
    reading: MappingReading, source: str, name: Scalar, captures: _Captures, unless: tuple[str, ...]
) -> GroupPattern | None:
    if reading.strict.text(name, "`group`") is None:
        return None
    problem = _problem(name.text)
    if problem:
        reading.strict.wrong(name.at, problem)
    is_known = is_source(reading, source, name.at)
    return None if problem or not is_known else GroupPattern(source, name.text, captures, unless)


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
    if len(found) > MOST_VARIABLES:
        return f"a pattern has {MOST_VARIABLES} variables at most and this one has {len(found)}; use fewer"
    if twice := next((braces for braces in found if found.count(braces) > 1), ""):
        return f'the variable {twice} is in "{text}" twice; give the second another name'
    if "}{" in text:
        return (
            f'there is nothing between two variables of "{text}", so nobody can say where one ends; put some text there'
        )
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
            hint = strict.near(variable.text, known) or (f"; there are {', '.join(sorted(known))}" if known else "")
            strict.wrong(variable.at, f'this binding has no variable "{variable.text}"{hint}')
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
    if strict.longest is not None and len(scalar.text) > strict.longest:
        return  # which is told where it is read
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
    if strict.text(name, "the name of a role") is None:
        return
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
            case _:
                rest.extend(value for _, value in reversed(one.entries))


def check_bound(reading: MappingReading, roles: tuple[Scalar, ...], several: Several, *, at: At) -> None:
    """Find roles of a binding whose variables nothing captures, and an `each` that no role says anything of."""
    if several.is_bad:
        return
    for role in roles:
        if several.variables:
            where = "this binding" if several.each else "the group of this binding"
            check_text(reading.strict, role, several.variables, where=where)
        elif used := variables(role.text):
            reading.strict.wrong(role.at, _unbound(role.text, min(used)))
    each = several.each
    if each and each.kind not in several.of_group and not any(each.kind in variables(role.text) for role in roles):
        reading.strict.wrong(
            at,
            f"`each: {each.kind}` says nothing, as no role of this binding has {{{each.kind}}} in its name; take it out",
        )


def _unbound(role: str, variable: str) -> str:
    pattern = f'`group: "okta:airflow-{{{variable}}}"`'
    also = f", or `each: {variable}` for every {variable} that DAGs have" if variable in KINDS else ""
    captured = f'the role "{role}" has the variable {variable}, and the group of this binding captures none'
    return f"{captured}; write a pattern, as in {pattern}{also}"


def check_extended(reading: MappingReading) -> None:
    """Find roles that extend one with variables which they have not."""
    for name, others in reading.extended.items():
        for other in others:
            if missing := variables(other.text) - variables(name):
                reading.strict.wrong(
                    other.at,
                    f'"{name}" cannot extend "{other.text}", because it has no variable {min(missing)} in its own name',
                )
