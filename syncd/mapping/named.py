"""From a line to the people whom it names one by one, as they were found when the sources were read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Final

from syncd.directory.named_people import NOT_LOOKED_FOR, person_by_id
from syncd.mapping.diagnostics import Diagnostics
from syncd.model import (
    Accounts,
    Certificate,
    Directory,
    FoundPerson,
    Group,
    Members,
    PersonRef,
    Rule,
    conditions_of,
    folded,
    people_named,
)

_ITSELF: Final = Certificate(0, 1, None, datetime.min.replace(tzinfo=UTC), complete=True)
"""Nothing was read to know who is in a group of one."""


def words_of(rules: Iterable[Rule]) -> frozenset[str]:
    """Give every word under which rules name somebody: people, accounts that no directory has, and what they ask of people."""
    bindings = tuple(rules)
    refs = (ref for rule in bindings for ref in people_named(rule.subject))
    accounts = (name for rule in bindings if isinstance(rule.subject, Accounts) for name in rule.subject.names)
    asked = (folded(v) for rule in bindings for condition in conditions_of(rule.subject) for v in condition.values)
    return frozenset((*accounts, *asked)).union(*({ref.name or "", ref.id or ""} for ref in refs)) - {""}


def found_person(
    rule: Rule, ref: PersonRef, directory: Directory, diagnostics: Diagnostics, *, takes: bool
) -> FoundPerson:
    """Give who is meant by a name, and tell what people should know of it; `takes`: they get nothing by the line."""
    if rule.grant:  # an id is found without a search, and what becomes of a grant is told of the grant
        return person_by_id(ref, directory)
    found = directory.named.get(ref, NOT_LOOKED_FOR)
    if found.code:
        roles = ", ".join(rule.roles)
        effect = (
            f"; nobody is given {roles} by this line, or loses what it gave"
            if takes
            else f"; nobody loses {roles} for now"
        )
        diagnostics.note(found.code, f"{rule.at}: {found.text}{effect if found.is_open else ''}")
    return found


def as_group(ref: PersonRef, found: FoundPerson) -> Iterator[Members]:
    """Give each identity of a person as a group of one, by which they are given something."""
    for source, id_ in sorted(found.who):
        yield Members(Group(source, id_, ref.name or id_, frozenset({id_}), _ITSELF))
