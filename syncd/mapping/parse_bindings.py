"""A binding of a mapping file: whom it is for, which roles it gives, where, when, and why."""

from __future__ import annotations

from collections.abc import Mapping

from syncd.mapping.keys import BINDING
from syncd.mapping.parse_labels import read_deployments
from syncd.mapping.parse_patterns import check_bound, check_used, is_pattern, read_pattern
from syncd.mapping.parse_subjects import read_subject
from syncd.mapping.parse_times import read_times
from syncd.mapping.reading import MappingReading, words
from syncd.model import GroupPattern, Rule, Subject
from syncd.text.document import Node, Table


def read_binding(reading: MappingReading, node: Node) -> None:
    """Read one entry of `bindings`; what cannot be used is told, and not kept."""
    strict = reading.strict
    found = strict.record(node, "a binding", known=BINDING.known, required=BINDING.required)
    roles = strict.texts(found.get("roles"), "`roles`")
    reading.bound.extend(roles)
    pattern = read_pattern(reading, found)
    if pattern or not is_pattern(found):
        check_bound(reading, roles, pattern)
    subject = _subject(reading, node, found, pattern)
    deployments = read_deployments(strict, found["deployments"]) if "deployments" in found else None
    if pattern:
        check_used(strict, found.get("deployments"), reading.captured, where="the group of this binding")
    times = read_times(strict, found)
    if reading.people_until and "people" in found and "until" not in found:
        strict.wrong(
            found["people"].at, "a binding that names people needs `until` here: the configuration has people_until"
        )
    reason, owner, ticket = (
        strict.text(found.get(k), f"`{k}`", free=True) or "" for k in ("reason", "owner", "ticket")
    )
    if subject and deployments is not None:
        reading.bindings.append(
            Rule(
                subject,
                words(roles),
                deployments,
                node.at,
                times.until,
                reason,
                since=times.since,
                during=times.during,
                owner=owner,
                ticket=ticket,
                pattern=pattern,
            )
        )


def _subject(
    reading: MappingReading, node: Node, found: Mapping[str, Node], pattern: GroupPattern | None
) -> Subject | None:
    """Read whom the binding is for; what its pattern captures may stand in the names of groups that take out."""
    if not isinstance(node, Table) or (pattern is None and is_pattern(found)):
        return None
    reading.captured = frozenset(pattern.variables) if pattern else frozenset()
    return read_subject(reading, found, node.at)
