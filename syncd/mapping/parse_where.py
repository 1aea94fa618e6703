"""What a binding asks of those whom it is for: `where`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from syncd.mapping.keys import WHERE
from syncd.mapping.reading import MappingReading, words
from syncd.model import Accounts, Attribute, Condition, Subject, folded, giving_sources
from syncd.text.document import Node, Scalar, Table

_WHAT: Final = {
    Attribute.DEPARTMENT: "the department of people",
    Attribute.USER_TYPE: "the user type of people",
    Attribute.GUEST: "who is a guest",
}


def read_where(reading: MappingReading, node: Node, subject: Subject | None) -> tuple[Condition, ...] | None:
    """Read what is asked of whoever a subject gives; None where that cannot be said, or its sources do not tell it."""
    before = len(reading.strict.problems)
    found = reading.strict.record(node, "`where`", known=WHERE.known)
    if isinstance(node, Table) and not node.entries:
        listed = ", ".join(f"`{key}`" for key in WHERE.known[:-1])
        reading.strict.wrong(node.at, f"`where` is empty; write {listed} or `{WHERE.known[-1]}`, or take it out")
    sources = (
        sorted(giving_sources(subject, reading.asking or ())) if subject and not isinstance(subject, Accounts) else []
    )
    conditions = [_condition(reading, Attribute(key), found[key], sources) for key in WHERE.known if key in found]
    is_sound = len(reading.strict.problems) == before
    return tuple(condition for condition in conditions if condition) if is_sound else None


def _condition(reading: MappingReading, attribute: Attribute, node: Node, sources: Iterable[str]) -> Condition | None:
    for source in sources:
        if reading.asking and source in reading.asking and attribute not in reading.asking[source].attributes:
            reading.strict.wrong(
                node.at, f'the source "{source}" does not tell {_WHAT[attribute]}; take `{attribute}` out'
            )
    if attribute is Attribute.GUEST:
        guest = reading.strict.flag(node, "`guest`")
        return None if guest is None else Condition(attribute, frozenset({str(guest).lower()}))
    values = reading.strict.texts(node, f"`{attribute}`", alone=True)
    _check_different(reading, values)
    if attribute is Attribute.EMAIL_DOMAIN:
        for value in values:
            _check_domain(reading, value, sources)
    return Condition(attribute, frozenset(words(values)))


def _check_different(reading: MappingReading, values: Iterable[Scalar]) -> None:
    first: dict[str, Scalar] = {}
    for value in values:
        other = first.setdefault(folded(value.text), value)
        if other.text != value.text:
            reading.strict.wrong(value.at, f'"{value.text}" is the same as "{other.text}" in this list; keep one')


def _check_domain(reading: MappingReading, value: Scalar, sources: Iterable[str]) -> None:
    if "@" in value.text:
        reading.strict.wrong(value.at, f'"{value.text}" is no domain; write the part after the "@"')
        return
    for source in sources:
        if reading.asking and source in reading.asking and folded(value.text) not in reading.asking[source].domains:
            reading.strict.wrong(value.at, _may_be_chosen(source, value.text, reading.asking[source].domains))


def _may_be_chosen(source: str, domain: str, domains: Iterable[str]) -> str:
    listed = ", ".join(sorted(domains)) or "none"
    return (
        f'the source "{source}" does not answer for the domain {domain} (`email_domains`: {listed}), so whoever sets an '
        f"address there could choose what this line gives; name it there if nobody can, or ask for something else"
    )
