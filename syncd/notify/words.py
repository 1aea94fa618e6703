"""One alarm at one moment, and how it is said: titles, times, and the numbers that tell messages apart."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from syncd.render.lines import safe

LONGEST_TEXT: Final = 3000
"""Characters of a text that a chat gets; Slack cuts after 40,000 and people stop much earlier."""


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


def title(message: Message) -> str:
    """Say in a line what the alarm is."""
    return f"{'' if message.firing else 'over: '}{one_line(message.kind)}: {one_line(message.subject)}"


def story(message: Message) -> str:
    """Tell what happened, and since when."""
    since = f"{message.since.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    until = "" if message.firing else f", over {message.at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    to_do = f"\nwhat to do: {message.runbook}" if message.runbook and message.firing else ""
    text = "\n".join(safe(line) for line in message.text.split("\n"))
    return f"{text}\nsince {since}{until}{to_do}"


def sendable(text: str) -> str:
    """Put a sign in the place of what no mail, and not every chat, can take: names come from elsewhere."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def one_line(text: str) -> str:
    """Leave out what would begin a line."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def cut(text: str) -> str:
    """Give the beginning of a text that is too long for a chat."""
    return text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]}…"


def stamp(at: datetime) -> str:
    """Write a time for machines."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def alarm_id(message: Message) -> str:
    """Name an alarm from when it is raised until it is cleared."""
    return _digest(message.kind, message.subject, message.since.astimezone(UTC).isoformat())


def message_id(message: Message) -> str:
    """Name one message about an alarm, however often it is delivered."""
    return _digest(alarm_id(message), str(message.firing), message.at.astimezone(UTC).isoformat())


def fingerprint(message: Message) -> str:
    """Name what an alarm is about, each time it comes back the same."""
    return _digest(message.kind, message.subject)[:16]


def _digest(*parts: str) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]
