"""Where an incremental read goes on: marks of the server's own time, and what must be looked at again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from syncd.errors import CursorLost
from syncd.sources.again import Again, again_from, again_to
from syncd.sources.okta.settings import OktaSettings

_VERSION = 3
EPOCH = "1970-01-01T00:00:00.000Z"
_FIRST = datetime(1971, 1, 1, tzinfo=UTC)
"""No org is older; a time before it is none, and the overlap could not be taken from it."""


@dataclass(frozen=True, slots=True)
class OktaCursor:
    """`groups` and `users` are time stamps as Okta writes them: changes after them were not seen.

    seen   groups changed after the mark that were read already, with the stamps they had then
    again  groups that could not be read whole, and when each is read again
    """

    groups: str
    users: str
    settings: str
    seen: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    again: Mapping[str, Again] = field(default_factory=dict)

    def text(self) -> str:
        found = {
            "version": _VERSION,
            "settings": self.settings,
            "groups": self.groups,
            "users": self.users,
            "seen": {id_: list(self.seen[id_]) for id_ in sorted(self.seen)},
            "again": again_to(self.again),
        }
        return json.dumps(found, separators=(",", ":"))

    @classmethod
    def read(cls, text: str, *, settings: str) -> OktaCursor:
        """Read a cursor back.

        Raises:
            CursorLost: it is of another version or other settings, or is no cursor.
        """
        try:
            found = json.loads(text)
            if found["version"] != _VERSION or found["settings"] != settings:
                raise CursorLost("the settings of the source changed since the last read; a full read is needed")
            seen = {str(id_): (str(a), str(b)) for id_, (a, b) in found["seen"].items()}
            marks = moment(str(found["groups"])), moment(str(found["users"]))
            return cls(stamp(marks[0]), stamp(marks[1]), settings, seen, again_from(found["again"]))
        except (ValueError, OverflowError, KeyError, TypeError, AttributeError):
            raise CursorLost("the saved cursor cannot be read; a full read is needed") from None


def fingerprint(settings: OktaSettings, *, everyone: bool = False) -> str:
    """Tell settings apart that see different groups; a cursor of one says nothing to the other."""
    found = repr((settings.connection.root, settings.groups, *(("everyone",) if everyone else ())))
    return hashlib.sha256(found.encode()).hexdigest()[:12]


def mark(stamps: Iterable[str], *, asked_at: datetime | None, overlap_s: float, floor: str = EPOCH) -> str:
    """Give the time from which the next read must look: the newest stamp seen, less the overlap.

    It is not after the list was first asked for: what changed while its pages were read may be on a page read before. It
    is never before `floor`, and stays there where no stamp was seen.
    """
    moments = [m for s in stamps if (m := _moment_or_none(s)) is not None and m > _FIRST]
    if not moments:
        return floor
    newest = max(moments) if asked_at is None else min(max(moments), asked_at)
    return max(floor, stamp(newest - timedelta(seconds=overlap_s)))


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def stamp(when: datetime) -> str:
    """Write a time as Okta does, so that texts compare as times do."""
    return when.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _moment_or_none(text: str) -> datetime | None:
    try:
        return moment(text)
    except (ValueError, OverflowError):  # the year 9999 with a zone behind UTC is in no calendar
        return None
