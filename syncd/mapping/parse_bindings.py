"""A binding of a mapping file: whom it is for, which roles it gives, where, when, and why."""

from __future__ import annotations

from collections.abc import Mapping

from syncd.mapping.keys import BINDING
from syncd.mapping.parse_labels import read_deployments
from syncd.mapping.parse_patterns import Several, check_bound, check_used, read_several
from syncd.mapping.parse_subjects import read_subject
from syncd.mapping.parse_times import read_times
from syncd.mapping.reading import MappingReading, words
from syncd.model import Rule, Subject, people_named
from syncd.text.document import Node, Table


def read_binding(reading: MappingReading, node: Node) -> None:
    """Read one entry of `bindings`; what cannot be used is told, and not kept."""
    strict = reading.strict
    found = strict.record(node, "a binding", known=BINDING.known, required=BINDING.required)
    roles = strict.texts(found.get("roles"), "`roles`")
    reading.bound.extend(roles)
    several = read_several(reading, found)
    check_bound(reading, roles, several, at=node.at)
    subject = _subject(reading, node, found, several)
    deployments = read_deployments(strict, found["deployments"]) if "deployments" in found else None
    for key in ("deployments", "where") if several.variables else ():
        check_used(strict, found.get(key), several.of_group, where="the group of this binding")
    times = read_times(strict, found)
    if reading.people_until and "until" not in found and subject and any(people_named(subject, giving=True)):
        strict.wrong(
            found["people"].at if "people" in found else node.at,
            "a binding that names people needs `until` here: the configuration has people_until",
        )
    reason, owner, ticket = (
        strict.text(found.get(k), f"`{k}`", free=True) or "" for k in ("reason", "owner", "ticket")
    )
    is_privileged = bool(strict.flag(found.get("privileged"), "`privileged`"))
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
                pattern=several.pattern,
                each=several.each,
                privileged=is_privileged,
            )
        )


def _subject(reading: MappingReading, node: Node, found: Mapping[str, Node], several: Several) -> Subject | None:
    """Read whom the binding is for; what its group captures may stand in the names of groups that take out."""
    if not isinstance(node, Table) or several.is_bad:
        return None
    reading.captured = several.of_group
    return read_subject(reading, found, node.at)
