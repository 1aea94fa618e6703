"""A binding of a mapping file: whom it is for, which roles it gives, where, when, and why."""

from __future__ import annotations

from syncd.mapping.keys import BINDING
from syncd.mapping.parse_labels import read_deployments
from syncd.mapping.parse_subjects import read_subject
from syncd.mapping.parse_times import read_times
from syncd.mapping.reading import MappingReading, words
from syncd.model import Rule
from syncd.text.document import Node, Table


def read_binding(reading: MappingReading, node: Node) -> None:
    """Read one entry of `bindings`; what cannot be used is told, and not kept."""
    strict = reading.strict
    found = strict.record(node, "a binding", known=BINDING.known, required=BINDING.required)
    roles = strict.texts(found.get("roles"), "`roles`")
    reading.bound.extend(roles)
    subject = read_subject(reading, found, node.at) if isinstance(node, Table) else None
    deployments = read_deployments(strict, found["deployments"]) if "deployments" in found else None
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
            )
        )
