"""The journal's lines as messages of syslog (RFC 5424), each in a frame that says its length (RFC 5425).

The header says when the record was made, its kind (MSGID) and its number (structured data); the message is the line itself. That
is ASCII, so it has no mark of UTF-8 in front and stays the text that was hashed. 32473 is the enterprise number that RFC 5612
keeps for those who have none of their own.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

LARGEST: Final = 8192
"""Octets that every receiver should take (RFC 5425, 4.3.1); what is longer, many cut without a word."""
_AUDIT, _WARNING, _INFO = 13, 4, 6
_IS_WRONG: Final = frozenset({"failed", "unknown"})


@dataclass(frozen=True, slots=True)
class SyslogOrigin:
    """Who sends: the name of this machine, and the number of the process."""

    host: str
    process: int


def syslog_message(line: str, origin: SyslogOrigin, *, facts_in: str = "") -> bytes:
    """Give the message of a line of JSON; `facts_in` is the key under which that has the facts of the record, empty: they are it.

    One that would be longer than LARGEST has in place of the line how long that is and its SHA-256, and says so: `octets`.
    """
    document = json.loads(line)
    facts: Mapping[str, Any] = document[facts_in] if facts_in else document
    whole = _message(facts, origin, {}, line)
    if len(whole) <= LARGEST:
        return whole
    text = line.encode("ascii")
    known = {name: facts[name] for name in ("seq", "at", "kind")}
    instead = json.dumps({**known, "octets": len(text), "sha256": sha256(text).hexdigest()}, separators=(",", ":"))
    return _message(facts, origin, {"octets": len(text)}, instead)


def framed(messages: Iterable[bytes]) -> bytes:
    """Put each message behind its length in octets, as TLS and TCP carry them."""
    return b"".join(b"%d %b" % (len(message), message) for message in messages)


def _message(facts: Mapping[str, Any], origin: SyslogOrigin, more: Mapping[str, int], text: str) -> bytes:
    severity = _WARNING if facts.get("status") in _IS_WRONG else _INFO
    said = "".join(f' {name}="{number}"' for name, number in {"record": int(facts["seq"]), **more}.items())
    host, kind = _printable(origin.host, 255), _printable(str(facts["kind"]), 32)
    head = f"<{_AUDIT * 8 + severity}>1 {facts['at']} {host} syncd {origin.process} {kind} [syncd@32473{said}]"
    return f"{head} {text}".encode("ascii")


def _printable(text: str, longest: int) -> str:
    return "".join(c for c in text if "!" <= c <= "~")[:longest] or "-"
