"""Small changes of groups and mapping files that could give somebody something, and what is so once they are made."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import reduce

from syncd.model import (
    At,
    Attribute,
    DagSelector,
    Directory,
    GroupRef,
    Identity,
    LabelTest,
    Level,
    Members,
    Person,
    PersonKey,
    RoleDefinition,
    Rule,
    Rules,
)

NEW = At("a new line", 0)


@dataclass(frozen=True, slots=True, order=True)
class JoinGroup:
    """Put an identity into a group."""

    who: PersonKey
    group: PersonKey
    name: str

    def __str__(self) -> str:
        return f"put them into the group {self.group[0]}:{self.name}"


@dataclass(frozen=True, slots=True, order=True)
class LeaveGroup:
    """Take an identity out of a group that takes out."""

    who: PersonKey
    group: PersonKey
    name: str

    def __str__(self) -> str:
        return f"take them out of the group {self.group[0]}:{self.name}"


@dataclass(frozen=True, slots=True, order=True)
class Activate:
    """Make an identity active."""

    who: PersonKey
    name: str

    def __str__(self) -> str:
        return f"make {self.name} active"


@dataclass(frozen=True, slots=True, order=True)
class Describe:
    """Let a source say something else of an identity, which a line asks for."""

    who: PersonKey
    name: str
    attribute: Attribute
    value: str

    def __str__(self) -> str:
        if self.attribute is Attribute.GUEST:
            return f"make {self.name} {'a guest' if self.value == 'true' else 'no guest'}"
        return f"give {self.name} the {self.attribute} {json.dumps(self.value, ensure_ascii=False)}"


@dataclass(frozen=True, slots=True, order=True)
class Bind:
    """Add a binding of a role for a group, on one deployment."""

    role: str
    group: PersonKey
    name: str
    deployment: str

    @property
    def text(self) -> str:
        """Give the line as a mapping file has it, below `bindings:`."""
        source, id_ = self.group
        group = _quoted({"source": source, "id": id_, "name": self.name or id_})
        return f"- {{group: {group}, roles: [{json.dumps(self.role)}], deployments: {{name: {json.dumps(self.deployment)}}}}}"

    def __str__(self) -> str:
        return f"add below `bindings:`  {self.text}"


@dataclass(frozen=True, slots=True, order=True)
class Define:
    """Add a role that gives a level on one DAG."""

    role: str
    level: Level
    dag: str

    @property
    def text(self) -> str:
        """Give the line as a mapping file has it, below `roles:`."""
        return f"{json.dumps(self.role)}: {{dags: [{{level: {self.level.value}, id: {json.dumps(self.dag)}}}]}}"

    def __str__(self) -> str:
        return f"add below `roles:`  {self.text}"


Edit = JoinGroup | LeaveGroup | Activate | Describe | Bind | Define


def _quoted(fields: dict[str, str]) -> str:
    return f"{{{', '.join(f'{name}: {json.dumps(value)}' for name, value in fields.items())}}}"


@dataclass(frozen=True, slots=True)
class Ground:
    """What is edited: mapping files, and who is in which group."""

    rules: Rules
    directory: Directory

    def after(self, edits: Iterable[Edit]) -> Ground:
        """Give what is so once the edits are made."""
        return reduce(Ground._with, edits, self)

    def _with(self, edit: Edit) -> Ground:
        match edit:
            case JoinGroup(who, group):
                return self._regrouped(group, lambda members: members | {who[1]})
            case LeaveGroup(who, group):
                return self._regrouped(group, lambda members: members - {who[1]})
            case Activate(who):
                return replace(
                    self, directory=_changed(self.directory, replace(self.directory.identities[who], active=True))
                )
            case Describe(who, _, attribute, value):
                return replace(
                    self, directory=_changed(self.directory, _said(self.directory.identities[who], attribute, value))
                )
            case Bind():
                return replace(self, rules=replace(self.rules, bindings=(*self.rules.bindings, _rule(edit))))
            case Define(role, level, dag):
                made = RoleDefinition(role, "", (DagSelector(level, NEW, ids=(dag,)),), (), NEW)
                return replace(self, rules=replace(self.rules, roles={**self.rules.roles, role: made}))

    def _regrouped(self, where: PersonKey, changed: object) -> Ground:
        assert callable(changed)
        known = self.directory.groups[where]
        group = replace(known.group, members=frozenset(changed(known.group.members)))
        stale = known.stale if group.members >= known.group.members else frozenset(changed(known.stale))
        members: Members = replace(known, group=group, stale=stale - group.members)
        return replace(self, directory=replace(self.directory, groups={**self.directory.groups, where: members}))


def _rule(edit: Bind) -> Rule:
    subject = GroupRef(edit.group[0], edit.group[1], edit.name or edit.group[1])
    return Rule(subject, (edit.role,), (LabelTest("name", frozenset({edit.deployment})),), NEW)


def _said(identity: Identity, attribute: Attribute, value: str) -> Identity:
    match attribute:
        case Attribute.DEPARTMENT:
            return replace(identity, department=value)
        case Attribute.USER_TYPE:
            return replace(identity, user_type=value)
        case Attribute.GUEST:
            return replace(identity, guest=value == "true")
    return identity


def _changed(directory: Directory, identity: Identity) -> Directory:
    """Put another identity in the place of the one that has its id."""
    who, persons = (identity.source, identity.id), dict(directory.persons)
    if person := persons.get(who):
        accounts = tuple(identity if (i.source, i.id) == who else i for i in person.accounts)
        persons |= {(i.source, i.id): Person(accounts) for i in accounts}
    return replace(directory, identities={**directory.identities, who: identity}, persons=persons)
