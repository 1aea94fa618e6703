"""The mapping language: text of mapping files -> Rules, or every problem in all of them at once.

docs/mapping.md is the reference for people; this module is the language itself. Add a key by adding it to the `known` keys
of its record and reading it there.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

from syncd import errors
from syncd.errors import MappingInvalid, Problem
from syncd.mapping.select import glob_problem
from syncd.model import (
    At,
    DagSelector,
    GroupRef,
    Level,
    Naming,
    Permission,
    RoleDefinition,
    Rule,
    Rules,
    drawn,
)
from syncd.text.document import TEXT, Items, Node, Scalar, Table, read_document
from syncd.text.strict import Strict, listed_text

SECTIONS = ("roles", "bindings")


def parse(files: Mapping[str, bytes], *, namings: Collection[Naming], sources: frozenset[str] | None = None) -> Rules:
    """Read mapping files (name -> content) as one set of rules.

    `namings` are those of every kind of target that the files are for: what one of them cannot take is a mistake. Give
    `sources`, the names of the configured sources, to have groups of other sources refused. No file at all is a
    mistake: a wrong directory must not read as "nobody has anything".

    Raises:
        MappingInvalid: carries every problem of every file.
    """
    reading = _Reading(sources, namings)
    if not files:
        reading.strict.problems.append(
            Problem("mappings", 0, 0, "there is no mapping file; write one, or `bindings: []`")
        )
    for file in sorted(files):
        with errors.reading(file, MappingInvalid):
            _file(reading, file, files[file])
    _check_role_names(reading)
    if reading.strict.problems:
        raise MappingInvalid(reading.strict.problems)
    return Rules({r.name: r for r in reading.roles}, tuple(reading.bindings))


@dataclass(slots=True)
class _Reading:
    """What was read so far, over all files."""

    sources: frozenset[str] | None
    namings: Collection[Naming]
    strict: Strict = field(default_factory=Strict)
    roles: list[RoleDefinition] = field(default_factory=list)
    bindings: list[Rule] = field(default_factory=list)
    defined: list[tuple[str, At]] = field(default_factory=list)
    """Every role name that a definition stands under, good or bad."""
    bound: list[Scalar] = field(default_factory=list)
    """Every role name in a binding."""
    whole: bool = True
    """Whether every definition was seen; else a role that seems unknown may be in the part that could not be read."""


def _file(reading: _Reading, file: str, content: bytes) -> None:
    root = read_document(file, content, reading.strict.problems)
    if not isinstance(root, Table):
        reading.whole = False
        if root:
            reading.strict.wrong(
                root.at, f"a mapping file holds `roles:`, `bindings:` or both, and this is {root.words}"
            )
        return
    found = reading.strict.record(root, "a mapping file", known=SECTIONS)
    reading.whole &= len(found) == len(root.entries)
    if not root.entries:
        reading.strict.wrong(
            root.at, "the file has neither `roles` nor `bindings`; write one of them, or delete the file"
        )
    if roles := found.get("roles"):
        reading.whole &= isinstance(roles, Table)
        if isinstance(roles, Items) and (name := _first_name(roles)):
            reading.strict.wrong(
                roles.at, f"`roles` is no list; write `{name}:` in place of `- {name}`, and below it what it gives"
            )
        else:
            for role, body in reading.strict.table(roles, "`roles`"):
                _role(reading, role, body)
    if bindings := found.get("bindings"):
        for node in reading.strict.items(bindings, "`bindings`"):
            _binding(reading, node)


def _first_name(roles: Items) -> str:
    """Give the name in the first entry of a list that should be keys."""
    match roles.items[:1]:
        case (Table(entries=((name, _), *_)),) | (Scalar() as name,):
            return name.text
    return ""


# --- roles ------------------------------------------------------------------------------------------------------------


def _role(reading: _Reading, name: Scalar, body: Node) -> None:
    strict = reading.strict
    reading.defined.append((name.text, name.at))
    for problem in _problems(naming.role_problem(name.text) for naming in reading.namings):
        strict.wrong(name.at, problem)
    found = strict.record(body, "a role", known=("description", "dags", "permissions"))
    if isinstance(body, Table) and not {"dags", "permissions"} & found.keys():
        strict.wrong(name.at, f'the role "{name.text}" gives nothing; write `dags`, `permissions` or both')
    description = strict.text(found.get("description"), "`description`", lines=True)
    selectors = [_selector(strict, node) for node in strict.items(found.get("dags"), "`dags`", at_least=1)]
    permissions = strict.texts(found.get("permissions"), "`permissions`")
    read = [(_permission(reading, p), p.at) for p in permissions]
    reading.roles.append(
        RoleDefinition(
            name.text,
            description or "",
            tuple(s for s in selectors if s),
            tuple((p, at) for p, at in read if p),
            name.at,
        )
    )


def _problems(said: Iterable[str]) -> Iterable[str]:
    """Give each sentence once, and no empty one."""
    return dict.fromkeys(sentence for sentence in said if sentence)


def _selector(strict: Strict, node: Node) -> DagSelector | None:
    kinds = ("id", "tag", "owner")
    found = strict.record(node, "an entry of `dags`", known=("level", *kinds), required=("level",))
    if isinstance(node, Table) and not set(kinds) & found.keys():
        strict.wrong(node.at, 'an entry of `dags` needs `id`, `tag` or `owner`; write `id: "*"` for every DAG')
    ids, tags, owners = (strict.texts(found.get(kind), f"`{kind}`", alone=True) for kind in kinds)
    for glob in ids:
        if problem := glob_problem(glob.text):
            strict.wrong(glob.at, problem)
    for owner in owners:
        if owner.text != owner.text.strip():
            strict.wrong(
                owner.at, f'the owner "{owner.text}" begins or ends with a blank, and no owner does; take it out'
            )
    level = _level(strict, found.get("level"))
    return DagSelector(level, node.at, _words(ids), _words(tags), _words(owners)) if level else None


def _words(scalars: tuple[Scalar, ...]) -> tuple[str, ...]:
    return tuple(s.text for s in scalars)


def _level(strict: Strict, node: Node | None) -> Level | None:
    word = strict.text(node, "`level`")
    if node is None or word is None:
        return None
    if word not in set(Level):
        hint = strict.near(word, tuple(Level)) or "; write view, trigger or edit"
        strict.wrong(node.at, f'unknown level "{word}"{hint}')
        return None
    return Level(word)


def _permission(reading: _Reading, node: Scalar) -> Permission | None:
    strict = reading.strict
    action, on, resource = node.text.partition(" on ")
    if not (on and action.strip() == action and resource and resource.strip() == resource):
        strict.wrong(
            node.at, f'"{node.text}" is not a permission; write "<action> on <resource>", as in "can_read on Pools"'
        )
        return None
    problems = tuple(_problems(_permission_problem(naming, strict, action, resource) for naming in reading.namings))
    for problem in problems:
        strict.wrong(node.at, problem)
    return None if problems else Permission(action, resource)


def _permission_problem(naming: Naming, strict: Strict, action: str, resource: str) -> str:
    if action in naming.actions:
        return naming.resource_problem(resource)
    hint = strict.near(action, naming.actions) or f"; there are {', '.join(naming.actions)}"
    return f'unknown action "{action}"{hint}'


# --- bindings ---------------------------------------------------------------------------------------------------------


def _binding(reading: _Reading, node: Node) -> None:
    strict = reading.strict
    required = ("group", "roles", "deployments")
    found = strict.record(node, "a binding", known=(*required, "until", "reason"), required=required)
    roles = strict.texts(found.get("roles"), "`roles`")
    reading.bound.extend(roles)
    group = _group(reading, found.get("group"))
    deployments = _deployments(strict, found["deployments"]) if "deployments" in found else None
    until = _until(strict, found["until"]) if "until" in found else None
    reason = strict.text(found.get("reason"), "`reason`", free=True)
    if group and deployments is not None:
        reading.bindings.append(Rule(group, _words(roles), deployments, node.at, until, reason or ""))


_GROUP = "write `source:name`, or {source: ..., id: ..., name: ...}"


def _group(reading: _Reading, node: Node | None) -> GroupRef | None:
    strict = reading.strict
    if isinstance(node, Table):
        return _long_group(reading, node)
    word = strict.text(node, "`group`")
    if node is None or word is None:
        return None
    source, colon, name = word.partition(":")
    if not (colon and source.strip() == source != "" and name.strip() == name != ""):
        strict.wrong(node.at, f'"{word}" does not name a group; {_GROUP}')
        return None
    return GroupRef(source, name=name) if _is_source(reading, source, node.at) else None


def _long_group(reading: _Reading, node: Table) -> GroupRef | None:
    strict = reading.strict
    keys = ("source", "id", "name")
    if len(node.entries) == 1 and node.entries[0][0].text not in keys:
        strict.wrong(node.at, f"this does not name a group; {_GROUP}, without a blank after the colon")
        return None
    found = strict.record(node, "`group`", known=keys, required=("source",))
    if not {"id", "name"} & found.keys():
        strict.wrong(node.at, "`group` needs `id`, `name` or both")
    source, identifier, name = (strict.text(found.get(k), f"`{k}`") for k in keys)
    known = source is not None and _is_source(reading, source, found["source"].at)
    return GroupRef(source, identifier, name) if source and known and (identifier or name) else None


def _is_source(reading: _Reading, source: str, at: At) -> bool:
    if reading.sources is None or source in reading.sources:
        return True
    hint = (
        reading.strict.near(source, reading.sources)
        or f"; the configuration has {', '.join(sorted(reading.sources)) or 'none'}"
    )
    reading.strict.wrong(at, f'unknown source "{source}"{hint}')
    return False


def _deployments(strict: Strict, node: Node) -> tuple[tuple[str, frozenset[str]], ...] | None:
    if isinstance(node, Scalar) and node.text == "all":
        return ()
    if not isinstance(node, Table) or not node.entries:
        by_name = _by_name(node)
        strict.wrong(node.at, f"`deployments` must be `all`, or labels with values, as in {{env: prod}}{by_name}")
        return None
    for label, _ in node.entries:
        strict.visible(label.at, label.text, "a label")
    return tuple(
        (label.text, frozenset(_words(strict.texts(values, f'the label "{label.text}"', alone=True))))
        for label, values in node.entries
    )


def _by_name(node: Node) -> str:
    """Say how to write deployments that stand there by their names."""
    if isinstance(node, Scalar) and node.kind == TEXT and node.text.casefold() != "all":
        return f"; deployments by their names are {{name: {listed_text(node.text)}}}"
    if isinstance(node, Items) and node.items and all(isinstance(n, Scalar) and n.kind == TEXT for n in node.items):
        names = ", ".join(listed_text(n.text)[1:-1] for n in node.items if isinstance(n, Scalar))
        return f"; deployments by their names are {{name: [{names}]}}"
    return ""


_UNTIL = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}([Tt ][0-9:.]+(?P<zone>[Zz]| ?[+-][0-9]{2}:?[0-9]{2})?)?")


def _until(strict: Strict, node: Node) -> datetime | None:
    if not isinstance(node, Scalar) or not node.text:
        strict.wrong_type(node, "`until`", "a date (2027-01-31)")
    elif not (shape := _UNTIL.fullmatch(node.text)):
        example = "write a date, as in 2027-01-31, or a time, as in 2027-01-31T18:00:00Z"
        strict.wrong(node.at, f'`until` is "{node.text}"; {example}')
    elif shape[1] and not shape["zone"]:
        strict.wrong(
            node.at, f'`until` has a time without a zone; write "{node.text}Z" for UTC, or an offset such as +01:00'
        )
    else:
        try:
            return _moment(node.text)
        except ValueError:
            strict.wrong(node.at, f'`until` is "{node.text}", which no calendar or clock shows; correct it')
        except OverflowError:
            strict.wrong(node.at, "`until` is too far away; leave it out for a binding that has no end")
    return None


def _moment(text: str) -> datetime:
    """Give the moment from which a binding gives nothing; a date means the end of that day in UTC."""
    if len(text) == len("2027-01-31"):
        return datetime.combine(date.fromisoformat(text), time(tzinfo=UTC)) + timedelta(days=1)
    day, clock = text[:10], text[11:].replace(" ", "").replace("z", "Z")
    return datetime.fromisoformat(f"{day}T{clock}").astimezone(UTC)


# --- all files together -----------------------------------------------------------------------------------------------


def _check_role_names(reading: _Reading) -> None:
    """Find roles that are defined twice, look like each other, or are bound and defined nowhere."""
    first: dict[str, tuple[str, At]] = {}
    for name, at in reading.defined:
        other, there = first.setdefault(drawn(name), (name, at))
        if there is at:
            continue
        if other == name:
            reading.strict.wrong(at, f'the role "{name}" is defined twice, first in {there}; keep one of them')
        elif other.casefold() != name.casefold():
            reading.strict.wrong(
                at, f'the role "{name}" looks like "{other}" in {there} and has other letters; rename one of them'
            )
        else:
            reading.strict.wrong(
                at, f'the role "{name}" differs from "{other}" in {there} only in case; rename one of them'
            )
    built_in = frozenset().union(*(naming.built_in_roles for naming in reading.namings))
    known = built_in | {name for name, _ in reading.defined}
    for role in reading.bound:
        if role.text not in known and reading.whole:
            hint = reading.strict.near(role.text, known) or "; define it under `roles`, or bind another"
            reading.strict.wrong(role.at, f'the role "{role.text}" is not defined{hint}')
