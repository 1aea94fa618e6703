"""What people want to be true of their mapping files, whatever these come to say: the tests that stand beside them.

The `deployments` of a test are tests of labels, as those of a binding are: all of them must hold; none means every deployment.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from syncd.model.deployment import Dag
from syncd.model.labels import LabelTest
from syncd.model.rules import At, DagSelector, Level
from syncd.model.subjects import Subject


@dataclass(frozen=True, slots=True)
class Entitlement:
    """What somebody may have: a role, or a level on DAGs (whose own level says nothing)."""

    role: str = ""
    level: Level = Level.VIEW
    dags: DagSelector | None = None


@dataclass(frozen=True, slots=True)
class PersonTest:
    """One person has something, everywhere and on each of the DAGs; or, where it is not `wanted`, has it nowhere, on none."""

    at: At
    person: str
    wanted: bool
    right: Entitlement
    deployments: tuple[LabelTest, ...]
    reason: str = ""


@dataclass(frozen=True, slots=True)
class NobodyTest:
    """Nobody who is one of these (`inside`), or nobody else, has something on any of the DAGs, anywhere."""

    at: At
    subject: Subject
    inside: bool
    right: Entitlement
    deployments: tuple[LabelTest, ...]
    reason: str = ""


@dataclass(frozen=True, slots=True)
class BothTest:
    """Nobody has both roles on one deployment."""

    at: At
    roles: tuple[str, str]
    deployments: tuple[LabelTest, ...]
    reason: str = ""


@dataclass(frozen=True, slots=True)
class MostTest:
    """So many people and accounts have something on a deployment, and no more."""

    at: At
    most: int
    right: Entitlement
    deployments: tuple[LabelTest, ...]
    reason: str = ""


@dataclass(frozen=True, slots=True)
class EveryTest:
    """Every role of a mapping file, or every binding (`of`), says these keys."""

    at: At
    of: str
    keys: tuple[str, ...]
    reason: str = ""


MappingTest = PersonTest | NobodyTest | BothTest | MostTest | EveryTest


@dataclass(frozen=True, slots=True)
class GivenPerson:
    """Somebody of a small world, as one source tells of them."""

    email: str
    department: str = ""
    user_type: str = ""
    guest: bool = False
    active: bool = True


@dataclass(frozen=True, slots=True)
class Given:
    """A small world that tests are judged in, in place of what was read and seen last.

    groups       by source and name: whom they have, by e-mail address
    people       by source: people who may be in no group, or of whom it says more
    deployments  by name: their labels; None: those of the configuration
    dags         what each of them lists
    release      of the target, as it spells levels; empty: the newest that is known
    """

    groups: Mapping[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    people: Mapping[str, tuple[GivenPerson, ...]] = field(default_factory=dict)
    deployments: Mapping[str, Mapping[str, str]] | None = None
    dags: tuple[Dag, ...] = ()
    release: str = ""


@dataclass(frozen=True, slots=True)
class TestFile:
    """The tests of one file, and the world that they are judged in; None: the one that was read and seen last."""

    __test__ = False  # what pytest asks of whatever is called a test

    tests: tuple[MappingTest, ...]
    given: Given | None = None
