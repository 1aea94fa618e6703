"""What `check` finds, for programs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from syncd.errors import EXIT_DONE, EXIT_INVALID, InvalidInput, SyncdError

if TYPE_CHECKING:
    from syncd.access.verdicts import Verdict
    from syncd.cli.check import Checked
    from syncd.cli.invocation import Invocation


def show_checked(this: Invocation, *, strict: bool, expand: bool, snapshot: Path | None) -> int:
    """Check everything and write what was found as one object; gives the exit code of `check`."""
    from syncd.cli.check import checked
    from syncd.cli.expansions import Expansions, listed
    from syncd.cli.output import show_json

    try:
        settings = this.settings()
        found = checked(settings, snapshot=snapshot)
    except SyncdError as error:
        show_json(_shown((error,), (), None, is_sound=False))
        return error.exit_code
    expanded = listed(settings, found.rules, snapshot=snapshot) if expand and found.rules else Expansions(())
    is_noted = strict and (found.advice or settings.notes or expanded.meet)
    shown = _shown(found.mistakes, settings.notes, found, is_sound=found.is_sound and not is_noted)
    told = [*expanded.lines, *(f"note: {note}" for note in expanded.meet)]
    show_json({**shown, "expansions": told} if expand else shown)
    return EXIT_DONE if found.is_sound and not is_noted else EXIT_INVALID


def _shown(
    mistakes: Iterable[SyncdError], notes: Iterable[str], found: Checked | None, *, is_sound: bool
) -> dict[str, object]:
    told = [{"code": "configuration", "text": text} for text in notes]
    return {
        "version": 1,
        "is_sound": is_sound,
        "problems": [problem for error in mistakes for problem in _problems(error)],
        "tests": [_test(verdict) for verdict in found.tested.verdicts] if found else [],
        "notes": [*told, *(asdict(note) for note in found.advice)] if found else told,
    }


def _problems(error: SyncdError) -> Iterator[dict[str, object]]:
    """Give each mistake; one that stands at no place in a file has neither file nor line."""
    if isinstance(error, InvalidInput):
        yield from (asdict(problem) for problem in error.problems)
    else:
        yield {"file": "", "line": 0, "column": 0, "message": str(error)}


def _test(verdict: Verdict) -> dict[str, object]:
    from syncd.access.verdicts import said

    at = verdict.at
    return {
        "file": at.file,
        "line": at.line,
        "column": at.column,
        "test": said(verdict.test),
        "reason": verdict.test.reason,
        "ruling": verdict.ruling.value,
        "why": list(verdict.why),
    }
