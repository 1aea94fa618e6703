"""Whether the database is the one that was worked with last, and what a person said where it may not be."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol


class Truth(StrEnum):
    """What a person says of a database in doubt.

    as_it_is     what it says is ours is ours
    begin_anew   nothing of before is ours; what a mapping line gives becomes so again, as `adopt` says
    """

    AS_IT_IS = "as_it_is"
    BEGIN_ANEW = "begin_anew"


@dataclass(frozen=True, slots=True)
class DatabaseDoubt:
    """Why a database may not be the one that was worked with last, and since when that is known."""

    why: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Recovery:
    """What a person said, when, and of which doubt."""

    at: datetime
    by: str
    truth: str
    doubt: str


class Installation(Protocol):
    """The identity of the database: an id, a count of the work of consequence, and what is remembered of both elsewhere."""

    def doubt(self) -> DatabaseDoubt | None:
        """Compare what is remembered with what the database says; None: it is the same one, or a person said so."""
        ...

    def notice(self) -> DatabaseDoubt | None:
        """Do as `doubt`, and write it down for all who remember nothing; where there is none, remember how things stand."""
        ...

    def mark(self) -> None:
        """Count one more piece of work of consequence, and remember it elsewhere too, unless there is a doubt."""
        ...
