"""What `where` asks and nobody is, as the sources were read last: most often a typing mistake; `check` and `doctor` tell it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from syncd.mapping.meeting import Attributes
from syncd.model import (
    Attribute,
    Condition,
    Identity,
    PersonKey,
    Rule,
    Snapshot,
    conditions_of,
    giving_sources,
    value_of,
)
from syncd.text.strict import Strict


def vain_conditions(bindings: Iterable[Rule], snapshots: Mapping[str, Snapshot]) -> Iterator[str]:
    """Say which values nobody has, and which conditions nobody meets together, in sources that were all read."""
    asked = [
        (rule, conditions, sources)
        for rule in bindings
        if (conditions := conditions_of(rule.subject))
        and (sources := giving_sources(rule.subject, snapshots)) <= snapshots.keys()
    ]
    people = {(i.source, i.id): i for said in snapshots.values() for i in said.identities if i.active} if asked else {}
    attributes, near = Attributes(people), Strict().near
    known = {attribute: _values(people, attribute) for attribute in Attribute}
    for rule, conditions, sources in asked:
        where = " or ".join(sorted(sources))
        missing = [
            (c, value) for c in conditions for value in sorted(c.values) if not _has(attributes, sources, c, value)
        ]
        for condition, value in missing:
            hint = near(value, known[condition.attribute]) if condition.attribute is not Attribute.GUEST else ""
            yield f"{rule.at}: nobody in {where} {_said(condition, value)}{hint}"
        if not missing and not any(attributes.meeting(source, conditions).may_be for source in sources):
            yield f"{rule.at}: nobody in {where} meets all of this: {', '.join(map(str, conditions))}; correct one of them"


def _said(condition: Condition, value: str) -> str:
    if condition.attribute is Attribute.GUEST:
        return "is a guest" if value == "true" else "is no guest"
    return f'has the {condition.attribute} "{value}"'


def _has(attributes: Attributes, sources: Iterable[str], condition: Condition, value: str) -> bool:
    one = (Condition(condition.attribute, frozenset({value})),)
    return any(attributes.meeting(source, one).may_be for source in sources)


def _values(people: Mapping[PersonKey, Identity], attribute: Attribute) -> frozenset[str]:
    """Give what is said of anybody, as the source writes it where that is a text of its own."""
    written = {Attribute.DEPARTMENT: "department", Attribute.USER_TYPE: "user_type"}.get(attribute)
    if written is None:
        return frozenset(value_of(identity, attribute) or "" for identity in people.values()) - {""}
    return frozenset(getattr(identity, written) or "" for identity in people.values()) - {""}
