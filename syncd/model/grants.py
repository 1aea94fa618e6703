"""Roles that a person is given for a time by somebody's word, in place of a mapping line: who asked, why, and until when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from syncd.model.labels import LabelTest
from syncd.model.people import PersonKey


class GrantState(StrEnum):
    """How a timed grant stands.

    waiting  nobody let it pass yet; it gives nothing
    active   it gives its role
    over     its time ran out, or somebody ended it, or its person left: it never gives anything again
    """

    WAITING = "waiting"
    ACTIVE = "active"
    OVER = "over"


@dataclass(frozen=True, slots=True)
class GrantWord:
    """What somebody said: who, from which host, and when."""

    by: str
    origin: str
    at: datetime


@dataclass(frozen=True, slots=True)
class GrantRequest:
    """What is asked for: a role for a person (by the identity that names their account there) on one deployment, for a span.

    `person` is what they were called then. `expires_at` is until when it waits for another person's word; None: it needs none.
    """

    deployment: str
    role: str
    who: PersonKey
    person: str
    lasts: timedelta
    reason: str
    asked: GrantWord
    ticket: str = ""
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class TimedGrant:
    """A request with its number, and what became of it: each of `given` and `ended` is said once, and stays.

    `until` is known once it is given. `ended_why` says why it ended before that.
    """

    id: int
    request: GrantRequest
    given: GrantWord | None = None
    until: datetime | None = None
    ended: GrantWord | None = None
    ended_why: str = ""

    def state(self, now: datetime) -> GrantState:
        """Say how it stands at a moment."""
        end = self.until if self.given else self.request.expires_at
        if self.ended is not None or end is None or end <= now:
            return GrantState.OVER
        return GrantState.ACTIVE if self.given else GrantState.WAITING

    @property
    def place(self) -> str:
        """Name it as the place of a mapping line is named."""
        return place_of_grant(self.id)

    @property
    def said(self) -> str:
        """Say by whom, until when and why it is given."""
        until = f" until {self.until.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if self.until else ""
        return f"granted by {self.request.asked.by}{until} because {self.request.reason}"


_PLACE = "grant "


def place_of_grant(id_: int) -> str:
    """Name a timed grant where a mapping line would be named: no file of mappings can be called so."""
    return f"{_PLACE}{id_}"


def is_place_of_grant(at: str) -> bool:
    """Say whether a place is that of a timed grant."""
    return at.startswith(_PLACE) and at[len(_PLACE) :].isdigit()


@dataclass(frozen=True, slots=True)
class Allowance:
    """What may be given for a time: one `[[grants.allow]]`.

    by           globs: who may ask, as they stand in the journal
    roles        globs
    longest      the longest span
    groups       `source:name` or `source:id`: whom it may be given to; none: anybody who is known
    deployments  tests of labels, all of which have to hold
    approvers    globs: who may let it pass, another person than who asked; none: it needs nobody
    """

    by: tuple[str, ...]
    roles: tuple[str, ...]
    longest: timedelta
    groups: tuple[str, ...] = ()
    deployments: tuple[LabelTest, ...] = ()
    approvers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GrantsAllowed:
    """All of them; `wait` is for how long a request waits for another person's word."""

    allow: tuple[Allowance, ...] = ()
    wait: timedelta = timedelta(hours=24)
