"""The tests beside the mapping files, as `check` runs them: by what was read and seen last, or in their own small world."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from syncd.access.known import LastKnown
    from syncd.access.verdicts import Verdict
    from syncd.cli.known import Answering
    from syncd.config import Settings
    from syncd.model import Note, Rules
    from syncd.model.mapping_tests import Given, TestFile


@dataclass(frozen=True, slots=True)
class Tested:
    """What came of all tests."""

    verdicts: tuple[Verdict, ...] = ()
    not_asked: str = ""
    """Why nothing was known of any deployment."""

    @property
    def broken(self) -> Iterator[str]:
        """Say of each test that does not hold where it stands, and why."""
        for verdict in self.verdicts:
            if verdict.is_broken:
                yield f"{verdict.at}:{verdict.at.column}: {verdict}"

    @property
    def notes(self) -> Iterator[Note]:
        """Say of each test of which nobody knows whether it holds why that is."""
        from syncd.model import Note

        for verdict in self.verdicts:
            if verdict.is_undecided:
                yield Note("test_undecided", f"{verdict.at}: {verdict}")
        if self.not_asked:
            yield Note("test_undecided", self.not_asked)

    @property
    def summary(self) -> str:
        """Say how many hold; empty where there are none."""
        if not self.verdicts:
            return ""
        from syncd.access.verdicts import Ruling
        from syncd.render.lines import counted

        always = sum(verdict.ruling is Ruling.ALWAYS for verdict in self.verdicts)
        today = sum(verdict.ruling is Ruling.TODAY for verdict in self.verdicts)
        said = counted(always + today, "test holds", "tests hold")
        return f"; {said} ({always} whoever is in which group, {today} for the people of today)"


def run_tests(settings: Settings, rules: Rules, files: tuple[TestFile, ...], kept: Callable[[], LastKnown]) -> Tested:
    """Judge all tests of some files, those without a world of their own by what is kept; each file has its share of the steps."""
    from syncd.access.invariants import judge
    from syncd.access.possible import STEPS
    from syncd.cli.known import answered_from

    found: list[Verdict] = []
    number = sum(len(file.tests) for file in files)
    last = answered_from(settings, rules, kept(), deployments=()) if any(not file.given for file in files) else None
    for file in files:
        steps = STEPS * len(file.tests) // number
        if file.given:
            found.extend(_in_its_world(settings, rules, file, file.given, steps=steps))
        elif last:
            found.extend(judge(file.tests, rules, last.view, last.deployments, now=last.now, steps=steps))
    return Tested(tuple(found), _not_asked(settings, last))


def _not_asked(settings: Settings, last: Answering | None) -> str:
    from syncd.cli.known import is_kept_here

    if last is None or is_kept_here(settings) or any(known.seen for known in last.deployments):
        return ""
    return (
        "the database is on a server, which `check` does not ask, so nothing is known of deployments; "
        "`syncd snapshot export` writes a file of it for `check --snapshot`"
    )


def _in_its_world(settings: Settings, rules: Rules, file: TestFile, given: Given, *, steps: int) -> tuple[Verdict, ...]:
    from syncd import app
    from syncd.access.given_world import Around, given_world
    from syncd.access.invariants import judge
    from syncd.access.known import NO_DIALECT

    deployments = tuple(each.deployment for each in settings.deployments)
    sources = tuple(source.name for source in settings.sources)
    dialect = app.kind_of(settings.deployments[0]).of_release(given.release) or NO_DIALECT
    now = app.utc_now()
    view, known = given_world(given, rules, Around(deployments, sources, dialect, now))
    return judge(file.tests, rules, view, known, now=now, steps=steps)
