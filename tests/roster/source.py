"""A roster as a source: read whole, or what was written since."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime

from syncd.errors import CursorLost, SourceUnavailable
from syncd.model import Certificate, CheckResult, Group, Identity, Snapshot
from syncd.sources.kind import SourceSurroundings

from .table import RosterSettings

Teams = dict[str, frozenset[str]]

_LINE = re.compile(r"([+-]) (\S+) (\S+)")


class RosterSource:
    """One roster; see `ports.Source` and `ports.Feed`. A cursor is how many characters were read."""

    def __init__(self, name: str, settings: RosterSettings, around: SourceSurroundings) -> None:
        self.name = name
        self.ignored: Mapping[str, int] = {}
        self._settings = settings
        self._now = around.now

    @property
    def feed(self) -> RosterSource:
        return self

    def close(self) -> None:
        """Do nothing: the file is not open between two reads."""

    def read(self) -> Snapshot:
        return self.read_from_here()[0]

    def read_from_here(self, earlier: Snapshot | None = None) -> tuple[Snapshot, str]:  # noqa: ARG002 - nobody is in doubt
        return self._read({}, 0)

    def refresh(self, earlier: Snapshot, cursor: str) -> tuple[Snapshot, str]:
        if not cursor.isdecimal():
            raise CursorLost(f"source {self.name}: the saved cursor cannot be read; a full read is needed")
        return self._read({group.name: group.members for group in earlier.groups}, int(cursor))

    def _read(self, teams: Teams, start: int) -> tuple[Snapshot, str]:
        text = self._text()
        if len(text) < start:
            raise CursorLost(f"source {self.name}: the roster is shorter than it was; a full read is needed")
        end = text.rfind("\n") + 1
        for line in text[start:end].splitlines():
            self._follow(line, teams)
        return self._snapshot(teams, torn=text[end:] != ""), str(end)

    def _text(self) -> str:
        try:
            return self._settings.file.read_text(encoding="utf-8")
        except (OSError, UnicodeError) as error:
            why = f"the roster cannot be read ({type(error).__name__})"
            raise SourceUnavailable(f"source {self.name}: {self._settings.file}: {why}") from error

    def _follow(self, line: str, teams: Teams) -> None:
        found = _LINE.fullmatch(line)
        if found is None:
            raise SourceUnavailable(
                f'source {self.name}: a line of the roster is neither "+ team login" nor "- team login"'
            )
        sign, team, login = found.groups()
        before = teams.get(team, frozenset())
        teams[team] = before | {login} if sign == "+" else before - {login}

    def _snapshot(self, teams: Teams, *, torn: bool) -> Snapshot:
        """Certify every team, but not while a line is being written: whom it is about nobody knows."""
        now, why = self._now(), "the last line of the roster is not complete" if torn else ""
        logins = sorted(frozenset[str]().union(*teams.values()))
        people = (Identity(self.name, login, login, f"{login}@{self._settings.domain}", login, "") for login in logins)
        groups = (
            Group(self.name, team, team, members, Certificate(1, len(members), None, now, complete=not torn, why=why))
            for team, members in sorted(teams.items())
        )
        return Snapshot(self.name, tuple(people), tuple(groups), now)


def examine(name: str, settings: RosterSettings, now: Callable[[], datetime]) -> tuple[CheckResult, ...]:
    """Say whether the roster can be read."""
    subject = f"source {name}"
    try:
        found = RosterSource(name, settings, SourceSurroundings(now)).read()
    except SourceUnavailable as error:
        return (CheckResult(subject, "reachable", False, str(error)),)
    return (CheckResult(subject, "reachable", True, f"{settings.file}: {len(found.groups)} teams"),)
