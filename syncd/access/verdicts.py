"""What came of a test of mapping files, and how a test is said in words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from syncd.mapping.scope import labels, shown
from syncd.model import At, LabelTest
from syncd.model.mapping_tests import BothTest, Entitlement, EveryTest, MappingTest, MostTest, NobodyTest, PersonTest
from syncd.words import some


class Ruling(StrEnum):
    """What came of a test.

    always     it holds whoever is in which group
    today      it holds for the people of today; nothing more was asked, or can be said
    broken     it does not hold
    undecided  what is known does not say whether it holds
    """

    ALWAYS = "always"
    TODAY = "today"
    BROKEN = "broken"
    UNDECIDED = "undecided"


_BY_WEIGHT = (Ruling.ALWAYS, Ruling.TODAY, Ruling.UNDECIDED, Ruling.BROKEN)


@dataclass(frozen=True, slots=True)
class Finding:
    """What came of a test in one place: on one deployment, or of one line. `why` says it to people."""

    ruling: Ruling
    why: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of a test, and why."""

    test: MappingTest
    ruling: Ruling
    why: tuple[str, ...] = ()

    @property
    def at(self) -> At:
        return self.test.at

    @property
    def is_broken(self) -> bool:
        return self.ruling is Ruling.BROKEN

    @property
    def is_undecided(self) -> bool:
        return self.ruling is Ruling.UNDECIDED

    def __str__(self) -> str:
        reason = f" ({self.test.reason})" if self.test.reason else ""
        head = "it is not so that" if self.is_broken else "nobody can say whether"
        return f"{head} {said(self.test)}{reason}: {some(list(self.why), 3, between='; ')}"


def verdict(test: MappingTest, findings: Iterable[Finding]) -> Verdict:
    """Put together what came of a test in several places: the worst of it."""
    found = list(findings)
    worst = max((one.ruling for one in found), key=_BY_WEIGHT.index, default=Ruling.ALWAYS)
    return Verdict(test, worst, tuple(dict.fromkeys(one.why for one in found if one.ruling is worst and one.why)))


def said(test: MappingTest) -> str:
    """Say what a test asks for, as it is written."""
    match test:
        case PersonTest(person=person, wanted=wanted, right=right):
            return f"{person} {_verb(right, wanted=wanted)}{_place(test.deployments)}"
        case NobodyTest(subject=subject, inside=inside, right=right):
            who = f"nobody {'in' if inside else 'outside'} {subject}"
            return f"{who} {_verb(right)}{_place(test.deployments)}"
        case BothTest(roles=(one, other)):
            return f"nobody has both {one} and {other}{_place(test.deployments)}"
        case MostTest(most=most, right=right):
            return f"at most {most} {_verb(right)}{_place(test.deployments)}"
        case EveryTest(of=of, keys=keys):
            return f"every {of} has {' and '.join(keys)}"


def _place(tests: tuple[LabelTest, ...]) -> str:
    return f" on {labels(tests)}" if tests else " on every deployment"


def _verb(right: Entitlement, *, wanted: bool = True) -> str:
    if right.dags is None:
        return f"{'has' if wanted else 'has not'} {right.role}"
    return f"{'can' if wanted else 'cannot'} {right.level} {what(right)}"


def what(right: Entitlement) -> str:
    """Say what is meant by a right, without a verb: `fin_daily`, `DAGs {tag: pii}`, or the name of a role."""
    if right.dags is None:
        return right.role
    ids = right.dags.ids
    return ids[0] if len(ids) == 1 and shown(right.dags) == f"{{id: {ids[0]}}}" else f"DAGs {shown(right.dags)}"
