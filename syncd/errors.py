"""Every deliberate error, each with the exit code it ends a command with.

One class for each thing that a caller would do differently. A message says where, what, and what to do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from syncd.words import and_more, shortened

EXIT_DONE = 0
EXIT_FAILED = 1
EXIT_CHANGES = 2
EXIT_INVALID = 3
EXIT_HELD = 4
EXIT_NO_ANSWER = 5
EXIT_PAUSED = 6

_BY_WEIGHT = (EXIT_DONE, EXIT_CHANGES, EXIT_PAUSED, EXIT_HELD, EXIT_NO_ANSWER, EXIT_FAILED, EXIT_INVALID)


def worst(exit_codes: Iterable[int]) -> int:
    """Give the exit code of what several came to: where one cannot work as it is, trying the others again is no help."""
    return max(exit_codes, key=_BY_WEIGHT.index, default=EXIT_DONE)


SHOWN = 50
"""So many mistakes are told at once; a wrong export has one in each line."""


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One mistake in a text that a person wrote, at its place.

    `line` and `column` count from 1; 0 means the file as a whole. It is told in one line, whatever is repeated in it; no long
    value is repeated whole.
    """

    file: str
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        return "".join(
            c if c.isprintable() else c.encode("unicode_escape").decode() for c in f"{place}: {shortened(self.message)}"
        )


def told(problems: Sequence[Problem] | Sequence[str]) -> Iterator[str]:
    """Give the first of some problems, one a line, and how many more there are."""
    yield from map(str, problems[:SHOWN])
    if len(problems) > SHOWN:
        yield and_more(len(problems) - SHOWN)


class SyncdError(Exception):
    """Base of every error that syncd raises on purpose."""

    exit_code = EXIT_FAILED


class InvalidInput(SyncdError):
    """A text that a person wrote cannot be used; carries every problem in it, sorted by place."""

    exit_code = EXIT_INVALID

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        super().__init__("\n".join(told(self.problems)))


class ConfigInvalid(InvalidInput):
    """The configuration cannot be used."""


class MappingInvalid(InvalidInput):
    """A mapping file cannot be used."""


class SnapshotInvalid(SyncdError):
    """A file is none that `syncd snapshot export` wrote, or not by a syncd that this one can read."""

    exit_code = EXIT_INVALID


@contextmanager
def reading(file: str, invalid: type[InvalidInput]) -> Iterator[None]:
    """Let nothing out but deliberate errors while a file is read: what nobody thought of is a problem of that file.

    Files change under a daemon that keeps the last good ones in use; no text may end it.
    """
    try:
        yield
    except SyncdError:
        raise
    except Exception as error:  # whatever a library raises over a text is a problem of that text
        message = f"the file cannot be used: unexpected {type(error).__name__} (a defect of syncd; please report it)"
        raise invalid([Problem(file, 0, 0, message)]) from error


class ApprovalRefused(SyncdError):
    """What a person wants to let pass is not held, or was planned too long ago; nothing was begun."""

    exit_code = EXIT_INVALID


class SourceUnavailable(SyncdError):
    """A source could not be read; its grants stay as they are."""

    exit_code = EXIT_NO_ANSWER


class CursorLost(SourceUnavailable):
    """What an incremental read goes on from is no longer accepted: a full read is needed, nothing is lost."""


class TargetUnavailable(SyncdError):
    """A deployment did not answer as an Airflow server does; nothing on it was changed by this pass."""

    exit_code = EXIT_NO_ANSWER


class TargetUnauthorized(TargetUnavailable):
    """The deployment answered and refused our credential, or the credential lacks a right: trying again changes nothing."""

    exit_code = EXIT_FAILED


class TargetUnmanageable(TargetUnavailable):
    """The deployment answers, but its role and user API cannot be used; says why and what would help."""

    exit_code = EXIT_FAILED


class ReadIncomplete(TargetUnavailable):
    """A listing could not be read whole: pages contradict each other, or one is cut."""


class ReceiverUnavailable(SyncdError):
    """What the journal is sent to did not take it; nothing counts as sent that it may not have."""

    exit_code = EXIT_NO_ANSWER


class ReceiverUnusable(ReceiverUnavailable):
    """It is not trusted, or does not speak what is spoken to it: trying again changes nothing."""

    exit_code = EXIT_FAILED


class DeploymentBusy(SyncdError):
    """Another writer holds the lease of this deployment."""

    exit_code = EXIT_NO_ANSWER


class PausedNow(SyncdError):
    """Somebody paused what was about to be done; the message says who, until when and why. Nothing more is done of it."""

    exit_code = EXIT_PAUSED


class StoreError(SyncdError):
    """The database cannot be used; nothing is done without it."""


class SecretUnreadable(SyncdError):
    """A secret is not where its reference points to."""

    exit_code = EXIT_FAILED
