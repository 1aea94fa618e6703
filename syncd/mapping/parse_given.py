"""The small world of a file of tests: who is in which group, which deployments there are, and their DAGs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from syncd.mapping.keys_of_tests import GIVEN, GIVEN_DAG, GIVEN_PERSON
from syncd.mapping.reading import MappingReading, is_source, words
from syncd.model import Dag
from syncd.model.mapping_tests import Given, GivenPerson
from syncd.text.document import Node, Scalar, Table

_RELEASE = re.compile(r"[23]\.[0-9]{1,3}(\.[0-9]{1,3})?")


def read_given(reading: MappingReading, node: Node) -> Given:
    """Read the world that tests are judged in."""
    strict = reading.strict
    found = strict.record(node, "`given`", known=GIVEN.known)
    return Given(
        groups=dict(_groups(reading, found.get("groups"))),
        people=dict(_people(reading, found.get("people"))),
        deployments=dict(_deployments(reading, found["deployments"])) if "deployments" in found else None,
        dags=tuple(_dags(reading, found.get("dags"))),
        release=_release(reading, found.get("release")),
    )


def _groups(reading: MappingReading, node: Node | None) -> Iterator[tuple[tuple[str, str], tuple[str, ...]]]:
    for name, members in reading.strict.table(node, "`groups` of `given`") if node else ():
        source, colon, group = name.text.partition(":")
        if not (colon and source and group):
            reading.strict.wrong(name.at, f'"{name.text}" does not name a group; write `source:name`')
        elif is_source(reading, source, name.at):
            entries = reading.strict.items(members, f"the group {name.text}")
            who = [reading.strict.text(entry, f"a member of {name.text}") for entry in entries]
            yield (source, group), tuple(word for word in who if word)


def _people(reading: MappingReading, node: Node | None) -> Iterator[tuple[str, tuple[GivenPerson, ...]]]:
    for source, people in reading.strict.table(node, "`people` of `given`") if node else ():
        if is_source(reading, source.text, source.at):
            entries = reading.strict.items(people, f"the people of {source.text}")
            yield source.text, tuple(_several(reading, entries))


def _several(reading: MappingReading, entries: Iterable[Node]) -> Iterator[GivenPerson]:
    first: dict[str, GivenPerson] = {}
    for entry in entries:
        person = _person(reading, entry)
        if person and first.setdefault(person.email, person) is not person:
            reading.strict.wrong(entry.at, f"{person.email} is given twice; keep one")
        elif person:
            yield person


def _person(reading: MappingReading, node: Node) -> GivenPerson | None:
    strict = reading.strict
    if not isinstance(node, Table):
        email = strict.text(node, "a person of `given`")
        return GivenPerson(email) if email else None
    found = strict.record(node, "a person of `given`", known=GIVEN_PERSON.known, required=GIVEN_PERSON.required)
    email, department, user_type = (
        strict.text(found.get(key), f"`{key}`") for key in ("email", "department", "user_type")
    )
    guest, inactive = (bool(strict.flag(found.get(key), f"`{key}`")) for key in ("guest", "inactive"))
    return GivenPerson(email, department or "", user_type or "", guest, not inactive) if email else None


def _deployments(reading: MappingReading, node: Node) -> Iterator[tuple[str, Mapping[str, str]]]:
    for name, body in reading.strict.table(node, "`deployments` of `given`"):
        yield name.text, dict(_labels(reading, name, body))


def _labels(reading: MappingReading, deployment: Scalar, body: Node) -> Iterator[tuple[str, str]]:
    for label, node in reading.strict.table(body, f"the labels of {deployment.text}"):
        if value := reading.strict.text(node, f'the label "{label.text}"'):
            yield label.text, value


def _dags(reading: MappingReading, node: Node | None) -> Iterator[Dag]:
    strict = reading.strict
    first: dict[str, Scalar] = {}
    for entry in strict.items(node, "`dags` of `given`"):
        found = strict.record(
            entry, "a DAG of `given`", known=GIVEN_DAG.known, required=GIVEN_DAG.required * isinstance(entry, Table)
        )
        id_, bundle, path = (strict.text(found.get(key), f"`{key}`") for key in ("id", "bundle", "path"))
        tags, owners = (
            frozenset(words(strict.texts(found.get(key), f"`{key}`", alone=True))) for key in ("tags", "owners")
        )
        if id_ in first:
            strict.wrong(found["id"].at, f'the DAG "{id_}" is given twice; keep one')
        elif id_ and isinstance(found["id"], Scalar):
            first[id_] = found["id"]
            yield Dag(id_, tags, owners, bundle, path)


def _release(reading: MappingReading, node: Node | None) -> str:
    word = reading.strict.text(node, "`release`") or ""
    if node and word and not _RELEASE.fullmatch(word):
        reading.strict.wrong(node.at, f'"{word}" is no release; write one as in "3.1"')
    return word
