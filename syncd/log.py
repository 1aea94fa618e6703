"""Structured events on standard error: JSON lines, or columns where a person looks on.

Events are fixed and in the past tense; everything else about them is a field. Nothing secret gets through: fields that
are named like secrets are blotted out, so are the secrets that this process knows, and credentials inside of texts; a text is
cut after 256 characters.
"""

from __future__ import annotations

import json
import logging
import re
import resource
import sys
from collections.abc import MutableMapping
from typing import Any, TextIO

import structlog

from syncd.http.secrets import BLOT, blotted
from syncd.ports import Emit

LONGEST = 256
"""Characters of a text. What is longer is the body of an answer, and nobody knows what is in it."""
_SENTENCES = frozenset({"exception", "error", "detail", "why"})
"""Fields that hold our own words, which say at their end what to do."""

_LEVELS = {
    "source_failed": logging.ERROR,
    "deployment_failed": logging.ERROR,
    "change_failed": logging.ERROR,
    "change_unknown": logging.ERROR,
    "not_converged": logging.ERROR,
    "change_held": logging.WARNING,
    "change_pending": logging.WARNING,
    "grants_vanished": logging.WARNING,
    "server_was_away": logging.WARNING,
    "api_failed": logging.ERROR,
    "api_refused": logging.WARNING,
    "certificate_rejected": logging.ERROR,
    "http_failed": logging.ERROR,
    "use_not_recorded": logging.ERROR,
    "alarm_raised": logging.WARNING,
    "alarm_dropped": logging.ERROR,
    "alarms_failed": logging.ERROR,
    "config_rejected": logging.ERROR,
    "clock_jumped": logging.WARNING,
    "database_failed": logging.ERROR,
    "deployment_quarantined": logging.ERROR,
    "job_failed": logging.ERROR,
    "notification_failed": logging.ERROR,
    "pass_failed": logging.ERROR,
    "poll_failed": logging.ERROR,
}
_SECRET_NAME = re.compile(r"password|passwd|secret|token|authorization|cookie|api_?key", re.IGNORECASE)
_SECRET_TEXT = re.compile(
    r"(?i)\b(basic|bearer|ssws)\s+[A-Za-z0-9._~+/=-]{6,}|(?<=://)[^/\s@]+(?=@)|\beyJ[\w-]{8,}\.[\w.-]+"
)

_Event = MutableMapping[str, Any]


def set_up(*, verbose: bool = False, quiet: bool = False, stream: TextIO | None = None) -> Emit:
    """Give the function that writes events.

    On a terminal only what nobody expected is written, with its traceback, because the command itself says the rest;
    elsewhere warnings and errors are. `verbose` writes every event anywhere, `quiet` only errors.
    """
    out = stream or sys.stderr
    at_terminal = out.isatty()
    least = (
        logging.INFO if verbose else logging.CRITICAL if at_terminal else logging.ERROR if quiet else logging.WARNING
    )
    logger = structlog.wrap_logger(
        structlog.PrintLogger(out), processors=_processors(at_terminal), cache_logger_on_first_use=True
    )

    def emit(event: str, /, **facts: object) -> None:
        level = _LEVELS.get(event, logging.INFO)
        if level >= least or facts.get("exc_info"):
            logger.msg(event, level=logging.getLevelName(level).lower(), **facts)

    return emit


def _processors(at_terminal: bool) -> list[Any]:
    shape: list[Any] = (
        # no locals in a traceback, and texts as Python literals, so that no name moves the cursor
        [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback, repr_native_str=True)]
        if at_terminal
        else [structlog.processors.JSONRenderer(ensure_ascii=False, default=str), _printable]
    )
    stamp = structlog.processors.TimeStamper(fmt="iso", utc=True)
    return [_peak_memory, structlog.processors.format_exc_info, redact, stamp, *shape]


def _printable(_logger: object, _method: str, line: str) -> str:
    """Escape what a terminal or a reader of lines might act on, beyond what JSON asks for: bidi marks, U+009B, U+2028."""
    return line if line.isprintable() else "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in line)


def _peak_memory(_logger: object, _method: str, event: _Event) -> _Event:
    """Add the most memory that this process has had, to the line that sums up a run."""
    if event.get("event") == "run_ended":
        unit = 1 if sys.platform == "darwin" else 1024
        event["peak_mib"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20)
    return event


def redact(_logger: object, _method: str, event: _Event) -> _Event:
    """Blot out what may be secret, and cut what is long; a traceback stays whole."""
    for name, value in event.items():
        event[name] = _clean(name, value)
    return event


def _clean(name: str, value: object) -> object:
    match value:
        case _ if _SECRET_NAME.search(name) and value is not None:
            return BLOT
        case dict():
            return {key: _clean(str(key), inner) for key, inner in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_clean(name, inner) for inner in value]
        case bool() | int() | float() | None:
            return value
        case _:
            text = _SECRET_TEXT.sub(BLOT, blotted(str(value)))
            whole = name in _SENTENCES or len(text) <= LONGEST
            return text if whole else f"{text[:LONGEST]}… ({len(text)} characters)"
