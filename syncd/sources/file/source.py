"""A source that is a directory of YAML or JSON files: for networks without an identity provider, for demos, for tests.

    people:
      - login: anna.schmidt         # who a person is; `id` is the same unless it is given
        email: anna@example.com
        given_name: Anna
        family_name: Schmidt
        active: true                # the default
        department: Finance         # what mapping lines may ask for (`where`), as is
        user_type: Employee
        guest: false                # the default
    groups:
      - name: finance               # `id` is the same unless it is given
        members: [anna.schmidt]     # logins or ids

A YAML file has at most 8 MiB, a JSON file 64 MiB, all of them together 128 MiB: half a million people.

The files count as one. They are read whole or not at all: one mistake anywhere, and this read says nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from syncd.errors import InvalidInput, Problem, SourceUnavailable, reading
from syncd.files import MIB
from syncd.model import EVERYONE, At, Certificate, CheckResult, Group, Identity, Snapshot, key, nfc
from syncd.sources.file.sound import NAMES, SAID, TEXTS, once_each, read_sound
from syncd.sources.file.table import FileSettings
from syncd.text.document import NOTHING, TEXT, TRUTH, Items, Node, Scalar, Table, read_document
from syncd.text.folder import FolderUnreadable, Wanted, read_folder
from syncd.text.slips import conflict, slip_at
from syncd.text.strict import Strict

FILES = Wanted({".yaml": 8 * MIB, ".yml": 8 * MIB, ".json": 64 * MIB}, together=128 * MIB)
"""What is read of the directory. JSON is read some hundred times as fast as YAML; 64 MiB are half a million people."""
LOCATED = 8 * MIB
"""In so many bytes of JSON mistakes are told at their lines, which needs the slow reading."""


@dataclass(frozen=True, slots=True)
class FileSource:
    """Reads the directory anew each time it is asked."""

    name: str
    directory: Path
    now: Callable[[], datetime]
    everyone: bool = False

    @property
    def feed(self) -> None:
        """None: files do not say what changed in them."""

    @property
    def ignored(self) -> Mapping[str, int]:
        return {}

    def close(self) -> None:
        """Do nothing: no file is open between two reads."""

    def read(self) -> Snapshot:
        """Read everything; see `ports.Source`. People and groups come sorted by id."""
        try:
            contents = read_folder(self.directory, FILES)
        except FolderUnreadable as error:
            raise SourceUnavailable(f"source {self.name}: {error}") from error
        taken_at = self.now()
        try:
            return self._snapshot(contents, taken_at=taken_at)
        except InvalidInput as error:
            raise SourceUnavailable(f"source {self.name} is not used until this is put right:\n{error}") from error

    def _snapshot(self, contents: Mapping[str, bytes], *, taken_at: datetime) -> Snapshot:
        if (sound := read_sound(self.name, contents, taken_at=taken_at)) is not None:
            return with_everyone(sound) if self.everyone else sound
        snapshot, problems = _interpreted(self.name, contents, taken_at=taken_at, exact=False)
        if problems and sum(map(len, contents.values())) <= LOCATED:
            _, problems = _interpreted(self.name, contents, taken_at=taken_at, exact=True)
        if problems:
            raise PeopleInvalid(problems)
        return with_everyone(snapshot) if self.everyone else snapshot


def with_everyone(snapshot: Snapshot) -> Snapshot:
    """Add everybody in the files as a group, which is first: its id is before every other one."""
    ids = frozenset(person.id for person in snapshot.identities)
    whole = Certificate(1, len(ids), len(snapshot.identities), snapshot.taken_at, complete=True)
    group = Group(snapshot.source, EVERYONE, EVERYONE, ids, whole)
    return replace(snapshot, groups=tuple(sorted((group, *snapshot.groups), key=lambda g: g.id)))


def examine(name: str, settings: FileSettings, now: Callable[[], datetime]) -> tuple[CheckResult, ...]:
    """Say whether the directory can be used."""
    subject = f"source {name}"
    try:
        found = FileSource(name, settings.directory, now=now).read()
    except SourceUnavailable as error:
        return (CheckResult(subject, "reachable", False, str(error)),)
    held = f"{len(found.identities):,} people, {len(found.groups):,} groups"
    return (CheckResult(subject, "reachable", True, f"{settings.directory}: {held}"),)


# --- text to nodes ----------------------------------------------------------------------------------------------------


class PeopleInvalid(InvalidInput):
    """A file with people and groups cannot be used."""


def _interpreted(
    source: str, contents: Mapping[str, bytes], *, taken_at: datetime, exact: bool
) -> tuple[Snapshot, list[Problem]]:
    """Read every file; JSON, unless `exact`, in a quick way that knows no places (ten times as fast)."""
    draft = _Draft(source)
    for file, content in contents.items():
        with reading(file, PeopleInvalid):
            root = _node(file, content, draft.strict.problems, exact=exact)
            if root is not None:
                draft.file(root)
    return draft.snapshot(taken_at), sorted(set(draft.strict.problems))


def _node(file: str, content: bytes, problems: list[Problem], *, exact: bool) -> Node | None:
    if not content.strip():
        problems.append(
            Problem(file, 1, 1, "the file is empty; write `people:`, `groups:` or both, or delete the file")
        )
        return None
    if not file.lower().endswith(".json"):
        return read_document(file, content, problems)
    try:
        value = json.loads(content.decode("utf-8-sig"), object_pairs_hook=once_each)
    except json.JSONDecodeError as error:
        problems.append(_no_json(file, error))
        return None
    except RecursionError:
        problems.append(Problem(file, 1, 1, "the file is nested too deeply to hold people and groups"))
        return None
    except ValueError:  # a key twice, bytes that are not UTF-8, a number of more digits than Python reads
        exact = True
    if exact and len(content) > LOCATED:
        problems.append(Problem(file, 1, 1, "a key is here twice, a byte is not UTF-8, or a number is too long"))
        return None
    # JSON is YAML, but for tabs between tokens; inside its texts there are none
    return read_document(file, content.replace(b"\t", b" "), problems) if exact else _Quick(At(file, 1)).node(value)


def _no_json(file: str, error: json.JSONDecodeError) -> Problem:
    if left := conflict(error.doc):
        return Problem(file, left[0], 1, left[1])
    told = slip_at(error.doc, error.lineno, error.colno)
    return Problem(file, error.lineno, error.colno, told or f"this is not JSON: {error.msg[0].lower()}{error.msg[1:]}")


class _Quick:
    """Turns values of JSON into nodes that all have one place; a name that stands in each of many tables is one node."""

    def __init__(self, at: At) -> None:
        self.at = at
        self.names: dict[str, Scalar] = {}

    def node(self, value: Any) -> Node:
        if isinstance(value, str):
            return Scalar(nfc(value), TEXT, self.at)
        if isinstance(value, dict):
            return Table(tuple([(self.name(k), self.node(v)) for k, v in value.items()]), self.at)
        if isinstance(value, list):
            return Items(tuple(map(self.node, value)), self.at)
        if isinstance(value, bool):
            return Scalar(str(value).lower(), TRUTH, self.at)
        return Scalar("", NOTHING, self.at) if value is None else Scalar(str(value), "a number", self.at)

    def name(self, name: str) -> Scalar:
        if name not in self.names:
            self.names[name] = Scalar(nfc(name), TEXT, self.at)
        return self.names[name]


# --- nodes to people and groups ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Group:
    id: str
    name: str
    references: tuple[Scalar, ...]


@dataclass(slots=True)
class _Draft:
    """What the files say, and what is wrong with it."""

    source: str
    strict: Strict = field(default_factory=Strict)
    people: dict[str, Identity] = field(default_factory=dict)
    groups: list[_Group] = field(default_factory=list)
    ids_by_login: dict[str, str] = field(default_factory=dict)
    first: dict[tuple[str, str], At] = field(default_factory=dict)

    def file(self, root: Node) -> None:
        found = self.strict.record(root, "the file", known=("people", "groups"))
        for node in self.listed(found, "people"):
            self.person(node)
        for node in self.listed(found, "groups"):
            self.group(node)

    def listed(self, table: Mapping[str, Node], name: str) -> tuple[Node, ...]:
        return self.strict.items(table[name], f"`{name}`") if name in table else ()

    def person(self, node: Node) -> None:
        known = (*TEXTS, "active", "guest")
        found = self.strict.record(node, "a person", known=known, required=("login",))
        texts = {
            name: self.strict.text(found[name], f"`{name}`", free=name in NAMES) or ""
            for name in found
            if name in TEXTS
        }
        active = self.truth(found["active"], "`active`") if "active" in found else True
        guest = self.truth(found["guest"], "`guest`") if "guest" in found else False
        login, id_ = texts.get("login", ""), texts.get("id") or texts.get("login", "")
        if login and self.new("person with the id", id_, node) and self.new("login", key(login), node):
            said = {name: texts.get(name, "") for name in SAID}
            self.people[id_] = Identity(self.source, id_, login, **said, active=active, guest=guest)
            self.ids_by_login[key(login)] = id_

    def group(self, node: Node) -> None:
        found = self.strict.record(node, "a group", known=("id", "name", "members"), required=("name", "members"))
        texts = {name: self.strict.text(found[name], f"`{name}`") or "" for name in ("id", "name") if name in found}
        members = self.listed(found, "members")
        references = tuple(m for m in members if self.strict.text(m, "a member") and isinstance(m, Scalar))
        name, id_ = texts.get("name", ""), texts.get("id") or texts.get("name", "")
        if id_ == EVERYONE:
            self.strict.wrong(
                node.at, f'the id "{EVERYONE}" stands for everybody in the source; give the group another id'
            )
        if name and self.new("group with the id", id_, node) and self.new("group with the name", name, node):
            self.groups.append(_Group(id_, name, references))

    def truth(self, node: Node, what: str) -> bool:
        if isinstance(node, Scalar) and node.kind == TRUTH:
            return node.text.lower() == "true"
        self.strict.wrong(node.at, f"{what} must be true or false and is {node.words}")
        return True

    def new(self, what: str, name: str, node: Node) -> bool:
        """Say whether a name is new; one that is not is a problem."""
        first = self.first.get((what, name))
        if first is not None:
            self.strict.wrong(node.at, f'there is a {what} "{name}" already, at {first}; keep one')
        self.first.setdefault((what, name), node.at)
        return first is None

    def snapshot(self, taken_at: datetime) -> Snapshot:
        groups = tuple(sorted((self.joined(g, taken_at) for g in self.groups), key=lambda g: g.id))
        people = tuple(self.people[id_] for id_ in sorted(self.people))
        return Snapshot(self.source, people, groups, taken_at)

    def joined(self, group: _Group, taken_at: datetime) -> Group:
        """Find the members of a group. The files say their number in two ways: as they are listed, and as people."""
        members: set[str] = set()
        for reference in group.references:
            id_ = self.member(reference)
            if id_ in members:
                self.strict.wrong(reference.at, f'"{reference.text}" is in group "{group.name}" twice; keep one')
            if id_ is not None:
                members.add(id_)
        whole = Certificate(1, len(members), len(group.references), taken_at, complete=True)
        return Group(self.source, group.id, group.name, frozenset(members), whole)

    def member(self, reference: Scalar) -> str | None:
        by_id = reference.text if reference.text in self.people else None
        by_login = self.ids_by_login.get(key(reference.text))
        if by_id and by_login and by_id != by_login:
            what = (
                f'"{reference.text}" is the id of one person and the login of another; write the other of the two names'
            )
            self.strict.wrong(reference.at, what)
        elif not (by_id or by_login):
            hint = self.strict.near(reference.text, self.ids_by_login)
            self.strict.wrong(reference.at, f'there is no person with the login or id "{reference.text}"{hint}')
        return by_id or by_login
