"""One alarm at one moment, or many in one message, and how that is said: titles, times, and what tells messages apart."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from syncd.alarm_kinds import FEW, severity
from syncd.alarm_kinds import alarm_id as id_of
from syncd.render.lines import safe
from syncd.words import in_one_line, some

SEVERAL: Final = "several"
"""The kind of a message about alarms of several kinds."""
MOST_NAMES: Final = 20
"""So many of one kind are named in a message about many; the rest is counted."""
BRIEF: Final = 200
"""Characters of the text of one alarm among many."""
LONGEST_TEXT: Final = 3000
"""Characters of a text that a chat gets; Slack cuts after 40,000 and people stop much earlier."""

_CALL = re.compile(r"(?<!\w)@(?=(?:channel|here|all|everyone)\b)", re.IGNORECASE)
"""Of everybody in a channel; a word joiner after the sign is not to be seen, and makes it a word."""


@dataclass(frozen=True, slots=True)
class Message:
    """One alarm at one moment: it was raised, it lasts, or (`firing` false) it is over. Times are aware.

    `since` is when it was raised; kind, subject and `since` together tell one alarm from every other.
    """

    kind: str
    subject: str
    text: str
    firing: bool
    at: datetime
    since: datetime
    runbook: str = ""
    """Where it is written what to do."""
    is_again: bool = False
    """Whether this alarm was told by itself before."""


@dataclass(frozen=True, slots=True)
class Telling:
    """What is one message: one alarm, or many of one moment, all of which begin or are over.

    standing  what of their kinds still stands, by kind and subject
    """

    alarms: tuple[Message, ...]
    standing: tuple[tuple[str, str], ...] = ()

    @property
    def is_one(self) -> bool:
        return len(self.alarms) == 1

    @property
    def whole(self) -> Message:
        """Give the one message that tells all: of one alarm its own."""
        if self.is_one:
            return self.alarms[0]
        kinds = _by_kind(self.alarms)
        counts = ", ".join(f"{kind} ({len(of):,})" for kind, of in kinds.items())
        return Message(
            kind=next(iter(kinds)) if len(kinds) == 1 else SEVERAL,
            subject=f"{len(self.alarms):,} alarms: {counts}" if len(kinds) > 1 else f"{len(self.alarms):,} alarms",
            text="\n".join((*_listing(kinds), *self._left(), "all that stands, each with its text: syncd alarms")),
            firing=self.alarms[0].firing,
            at=max(message.at for message in self.alarms),
            since=min(message.since for message in self.alarms),
        )

    def _left(self) -> Iterator[str]:
        """Say, of an end, what of the same kinds is not over."""
        if self.alarms[0].firing:
            return
        left = [f"{kind}: {one_line(subject)}" for kind, subject in self.standing]
        yield f"still standing: {some(left, MOST_NAMES)}" if left else "nothing of that stands any more"


def _by_kind(alarms: Sequence[Message]) -> dict[str, list[Message]]:
    """Part alarms by kind: what is worse first, then what is more."""
    found: dict[str, list[Message]] = {}
    for message in alarms:
        found.setdefault(message.kind, []).append(message)
    return dict(sorted(found.items(), key=lambda item: (severity(item[0]) != "critical", -len(item[1]), item[0])))


def _listing(kinds: Mapping[str, Sequence[Message]]) -> Iterator[str]:
    """Tell of each kind what and how many: of a few each with its text, of many their names and the text of the first."""
    for kind, alarms in kinds.items():
        if len(alarms) <= FEW:
            yield from (f"{kind}: {one_line(message.subject)}: {_brief(message.text)}" for message in alarms)
        else:
            yield f"{kind}, {len(alarms):,}: {some([one_line(message.subject) for message in alarms], MOST_NAMES)}"
            yield f"  {one_line(alarms[0].subject)}: {_brief(alarms[0].text)}"
        if alarms[0].runbook and alarms[0].firing:
            yield f"  what to do: {alarms[0].runbook}"


def _brief(text: str) -> str:
    return cut(in_one_line(text), BRIEF)


def title(message: Message) -> str:
    """Say in a line what the alarm is."""
    return f"{'' if message.firing else 'over: '}{headline(message)}"


def headline(message: Message) -> str:
    """Name in a line what a message is about, the same at its beginning and its end."""
    kind = "" if message.kind == SEVERAL else f"{one_line(message.kind)}: "
    return f"{kind}{one_line(message.subject)}"


def story(message: Message) -> str:
    """Tell what happened, and since when."""
    since = f"{message.since.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    until = "" if message.firing else f", over {message.at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    to_do = f"\nwhat to do: {message.runbook}" if message.runbook and message.firing else ""
    text = "\n".join(safe(line) for line in message.text.split("\n"))
    return f"{text}\nsince {since}{until}{to_do}"


def quiet(text: str) -> str:
    """Let no name in a text call everybody of a channel."""
    return _CALL.sub("@\u2060", text).replace("<!", "<\u2060!").replace("<@", "<\u2060@")


def sendable(text: str) -> str:
    """Put a sign in the place of what no mail, and not every chat, can take: names come from elsewhere."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def one_line(text: str) -> str:
    """Leave out what would begin a line."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def cut(text: str, most: int = LONGEST_TEXT) -> str:
    """Give the beginning of a text that is too long for a chat."""
    return text if len(text) <= most else f"{text[:most]}…"


def stamp(at: datetime) -> str:
    """Write a time for machines."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def alarm_id(message: Message) -> str:
    """Name an alarm from when it is raised until it is cleared."""
    return id_of(message.kind, message.subject, message.since)


def message_id(message: Message) -> str:
    """Name one message about an alarm, however often it is delivered."""
    return _digest(alarm_id(message), str(message.firing), message.at.astimezone(UTC).isoformat())


def fingerprint(message: Message) -> str:
    """Name what an alarm is about, each time it comes back the same."""
    return _digest(message.kind, message.subject)[:16]


def _digest(*parts: str) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]
