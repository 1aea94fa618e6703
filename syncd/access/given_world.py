"""The small world that a file of tests brings, made as if its sources had been read whole and its deployments just seen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from syncd.access.known import KnownDeployment, Noted, SourcesSaid
from syncd.directory.narrow import DirectoryView
from syncd.model import (
    EVERYONE,
    Certificate,
    Deployment,
    Dialect,
    Group,
    GroupRef,
    Identity,
    Joining,
    JoinKey,
    LastSeen,
    Learned,
    Role,
    Rules,
    Snapshot,
)
from syncd.model.mapping_tests import Given, GivenPerson


@dataclass(frozen=True, slots=True)
class Around:
    """What a small world takes from the configuration: the deployments, the sources, and how the target spells levels."""

    deployments: tuple[Deployment, ...]
    sources: tuple[str, ...]
    dialect: Dialect
    now: datetime


def given_world(given: Given, rules: Rules, around: Around) -> tuple[DirectoryView, tuple[KnownDeployment, ...]]:
    """Make the people and the deployments of a small world. Who has one e-mail address in several sources is one person.

    What a source says of nobody there is not hidden: it is as the file says."""
    named = {ref for rule in rules.bindings for ref in rule.groups if isinstance(ref, GroupRef)}
    ids = {(ref.source, word): ref.id for ref in named for word in (ref.id, ref.name) if ref.id and word}
    said = {source: _snapshot(given, source, ids, around.now) for source in around.sources}
    joining = Joining(JoinKey.EMAIL, around.sources, accept_new=True)
    deployments = tuple(_seen(each, given, around) for each in _deployments(given, around))
    directory = SourcesSaid(said).view(joining).directory
    return DirectoryView(replace(directory, untold=frozenset())), deployments


def _snapshot(given: Given, source: str, ids: Mapping[tuple[str, str], str], now: datetime) -> Snapshot:
    groups = {name: members for (of, name), members in given.groups.items() if of == source}
    people = {word: GivenPerson(word) for members in groups.values() for word in members}
    people |= {person.email: person for person in given.people.get(source, ())}
    identities = tuple(_identity(source, people[word]) for word in sorted(people))
    can_log_in = [word for word, person in people.items() if person.active]
    read = [_group(source, ids.get((source, name), name), name, members, now) for name, members in groups.items()]
    return Snapshot(source, identities, (*read, _group(source, EVERYONE, "", can_log_in, now)), now)


def _identity(source: str, person: GivenPerson) -> Identity:
    word = person.email
    return Identity(
        source,
        word,
        word,
        word,
        "",
        "",
        person.active,
        department=person.department,
        user_type=person.user_type,
        guest=person.guest,
    )


def _group(source: str, id_: str, name: str, members: Iterable[str], now: datetime) -> Group:
    who = frozenset(members)
    return Group(source, id_, name, who, Certificate(1, len(who), None, now, complete=True))


def _deployments(given: Given, around: Around) -> Iterator[Deployment]:
    if given.deployments is None:
        yield from (
            replace(each, username="{login}", login_source="", protected=frozenset()) for each in around.deployments
        )
        return
    naming = around.deployments[0].naming
    yield from (Deployment(name, labels, naming=naming) for name, labels in given.deployments.items())


def _seen(deployment: Deployment, given: Given, around: Around) -> KnownDeployment:
    """Give a deployment as it looks when it was just set up: with what its own roles hold on this release, as far as known."""
    own = {name: Role(name, held.permissions | held.all_dags) for name, held in around.dialect.built_in.items()}
    now = around.now
    seen = LastSeen(deployment.name, Learned(""), {}, own, given.dags, now, now, now)
    return KnownDeployment(deployment, noted=Noted(seen), dialect=around.dialect)
