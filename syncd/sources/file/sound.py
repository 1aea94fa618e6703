"""Files of JSON that are as they should be, read straight into people and groups, in less than half the time.

Nothing is told here. Whatever is odd in any way, and be it right, is left to `source`, which knows what is a mistake and says
where it is; so there is one home of that. What is read here is what would be read there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from syncd.model import EVERYONE, Certificate, Group, Identity, Snapshot, key, nfc
from syncd.text.characters import unseen

NAMES: Final = ("given_name", "family_name")
"""What is free text, and no name of an account."""
SAID: Final = ("email", *NAMES, "employee_number", "department", "user_type")
TEXTS: Final = ("id", "login", *SAID)
_OF_PERSON: Final = {*TEXTS, "active", "guest"}
_OF_GROUP: Final = {"id", "name", "members"}


class KeyTwice(ValueError):
    """A JSON object has a key twice."""


class _Odd(ValueError):
    """Something is not as it is in most files."""


def read_sound(source: str, contents: Mapping[str, bytes], *, taken_at: datetime) -> Snapshot | None:
    """Read files, in the order of their names; None: at least one of them is odd."""
    if not all(name.lower().endswith(".json") for name in contents):
        return None
    draft = _Draft(source)
    try:
        for content in contents.values():
            draft.file(json.loads(content.decode("utf-8-sig"), object_pairs_hook=once_each))
        return draft.snapshot(taken_at)
    except (ValueError, RecursionError):
        return None


def once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make a JSON object.

    Raises:
        KeyTwice: Python would take the last of two.
    """
    table = dict(pairs)
    if len(table) < len(pairs):
        raise KeyTwice
    return table


@dataclass(slots=True)
class _Draft:
    source: str
    people: dict[str, Identity] = field(default_factory=dict)
    ids_by_login: dict[str, str] = field(default_factory=dict)
    groups: dict[str, tuple[str, list[Any]]] = field(default_factory=dict)

    def file(self, root: Any) -> None:
        found = _table(root, {"people", "groups"})
        for person in _list(found.get("people", [])):
            self.person(_table(person, _OF_PERSON))
        for group in _list(found.get("groups", [])):
            self.group(_table(group, _OF_GROUP))

    def person(self, found: dict[str, Any]) -> None:
        texts = {name: _text(value, free=name in NAMES) for name, value in found.items() if name in TEXTS}
        login = texts.get("login") or _odd()
        id_, name = texts.get("id", login), key(login)
        if id_ in self.people or name in self.ids_by_login:
            _odd()
        active, guest = _truth(found.get("active", True)), _truth(found.get("guest", False))
        said = {name: texts.get(name, "") for name in SAID}
        self.people[id_] = Identity(self.source, id_, login, **said, active=active, guest=guest)
        self.ids_by_login[name] = id_

    def group(self, found: dict[str, Any]) -> None:
        name, members = _text(found.get("name")), _list(found.get("members"))
        id_ = _text(found.get("id", name))
        if id_ in self.groups or id_ == EVERYONE:
            _odd()
        self.groups[id_] = name, members

    def snapshot(self, taken_at: datetime) -> Snapshot:
        if len({name for name, _ in self.groups.values()}) < len(self.groups):
            _odd()
        groups = tuple(self.joined(id_, *self.groups[id_], taken_at=taken_at) for id_ in sorted(self.groups))
        return Snapshot(self.source, tuple(self.people[id_] for id_ in sorted(self.people)), groups, taken_at)

    def joined(self, id_: str, name: str, listed: list[Any], *, taken_at: datetime) -> Group:
        members = frozenset(self.member(_text(word)) for word in listed)
        if len(members) < len(listed):
            _odd()
        return Group(
            self.source, id_, name, members, Certificate(1, len(members), len(listed), taken_at, complete=True)
        )

    def member(self, word: str) -> str:
        by_id, by_login = word if word in self.people else None, self.ids_by_login.get(key(word))
        if by_id and by_login and by_id != by_login:
            _odd()
        return by_id or by_login or _odd()


def _odd() -> Any:
    raise _Odd


def _table(value: Any, known: set[str]) -> dict[str, Any]:
    return value if isinstance(value, dict) and value.keys() <= known else _odd()


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else _odd()


def _truth(value: Any) -> bool:
    return value if isinstance(value, bool) else _odd()


def _text(value: Any, *, free: bool = False) -> str:
    """Take a text in which all can be seen."""
    if not isinstance(value, str) or not value.strip():
        _odd()
    text: str = nfc(value)
    return _odd() if unseen(text, free=free) else text
