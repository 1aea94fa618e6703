"""What a target's own log says that people did there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class LoggedEdit:
    """Somebody changed accounts or roles, as the log of the server has it word for word.

    at           by the clock of the server
    by           who, in the words of the log, and on which host
    said         what they ran
    takes        whether it took something; else it gave
    account      the account that it was about, by its name or its e-mail as they wrote it; empty: it was about roles
    roles        what the account was given, or lost; none: the account itself went. Of roles: which
    permissions  of roles: which they were given, or lost, in words; none: the roles themselves
    """

    at: datetime
    by: str
    said: str
    takes: bool
    account: str = ""
    roles: frozenset[str] = frozenset()
    permissions: frozenset[str] = frozenset()

    def __str__(self) -> str:
        when = f"{self.at:%Y-%m-%d %H:%M} UTC"
        return f"{self.by} did, with `{self.said}` at {when}, as the event log of that server says"


@dataclass(frozen=True, slots=True)
class LoggedAct:
    """An account did something there: `what` names it in the words of the log."""

    at: datetime
    what: str
