"""A binding of a mapping file: whom it is for, which roles it gives, where, and until when."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta

from syncd.mapping.parse_subjects import read_subject
from syncd.mapping.reading import MappingReading, words
from syncd.model import Rule
from syncd.text.document import TEXT, Items, Node, Scalar, Table
from syncd.text.strict import Strict, listed_text


def read_binding(reading: MappingReading, node: Node) -> None:
    strict = reading.strict
    required = ("group", "roles", "deployments")
    found = strict.record(node, "a binding", known=(*required, "until", "reason"), required=required)
    roles = strict.texts(found.get("roles"), "`roles`")
    reading.bound.extend(roles)
    subject = read_subject(reading, found)
    deployments = _deployments(strict, found["deployments"]) if "deployments" in found else None
    until = _until(strict, found["until"]) if "until" in found else None
    reason = strict.text(found.get("reason"), "`reason`", free=True)
    if subject and deployments is not None:
        reading.bindings.append(Rule(subject, words(roles), deployments, node.at, until, reason or ""))


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
        (label.text, frozenset(words(strict.texts(values, f'the label "{label.text}"', alone=True))))
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
