"""Timed grants as lines of the mapping: a line for one person, with an end, that no file has.

the grant                                   | then
--------------------------------------------|-------------------------------------------------------------------
waits for a person's word, or is over       | no line
is active, and its person is active         | a line that gives its role until its end
is active, and its person is deactivated, or| the line gives nothing; the grant is ended for good (`why_ended`)
gone from a source of which everybody was   |
read                                        |
is active, and its source cannot say now    | as any line for that person: what they have they keep, until its end
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from syncd.directory.named_people import person_by_id
from syncd.model import At, Directory, GrantState, LabelTest, PersonRef, Rule, Rules, TimedGrant
from syncd.model.labels import NAME


def with_grants(rules: Rules, grants: Iterable[TimedGrant], *, deployment: str | None = None) -> Rules:
    """Give the rules with a line for each of these grants, which are active, and for no others; with `deployment`, lines of
    grants for other ones stay. Where nothing is other, the same object is given: what was found of it is still so."""
    lines = tuple(map(rule_of, grants))
    there = tuple(rule for rule in rules.bindings if rule.grant and _is_for(rule, deployment))
    if set(there) == set(lines):
        return rules
    others = tuple(rule for rule in rules.bindings if not (rule.grant and _is_for(rule, deployment)))
    return replace(rules, bindings=(*others, *lines))


def _is_for(rule: Rule, deployment: str | None) -> bool:
    return deployment is None or all(test.accepts(deployment) for test in rule.deployments)


def rule_of(grant: TimedGrant) -> Rule:
    """Write a grant as a line."""
    asked = grant.request
    source, id_ = asked.who
    return Rule(
        PersonRef(source, id_, asked.person),
        (asked.role,),
        (LabelTest(NAME, frozenset({asked.deployment})),),
        At(grant.place, 0),
        until=grant.until,
        reason=grant.said,
        ticket=asked.ticket,
        privileged=True,  # `[[grants.allow]]` names the role
        grant=grant.id,
    )


def why_ended(grant: TimedGrant, directory: Directory, *, now: datetime) -> str:
    """Say why a grant that nobody ended is over for good by now; empty: it is not, or nobody can say."""
    if grant.state(now) is GrantState.OVER:
        return "its time is over" if grant.given else "nobody let it pass in time"
    source, id_ = grant.request.who
    identity = directory.identities.get(grant.request.who)
    if identity is not None:
        return "" if identity.active else f"{grant.request.person} was deactivated"
    found = person_by_id(PersonRef(source, id_), directory)
    return "" if found.is_open else f"{grant.request.person} left {source}"


def all_ended(grants: Iterable[TimedGrant], directory: Directory, *, now: datetime) -> Mapping[int, str]:
    """Give those that are over for good by now, by number, each with why."""
    return {grant.id: why for grant in grants if (why := why_ended(grant, directory, now=now))}
