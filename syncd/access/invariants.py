"""Whether tests of mapping files hold: whoever comes to be in which group, where that can be decided, else for today's people.

test                          | is decided for
------------------------------|----------------------------------------------------------------------------------
a person can, or has          | the groups that they are in today
nobody in, outside; not both  | all memberships; for today's where that takes too long, which is said
at most so many               | all memberships where lines name them one by one, else today's
every role, every binding has | what the files say

What a line gives at some hour from now on it gives, as far as tests are concerned: none of them holds at noon alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Final

from syncd.access.anybody import Anybody, givers, ways_to
from syncd.access.giving import TooManyRoles
from syncd.access.known import KnownDeployment, all_called
from syncd.access.possible import STEPS, Atoms, OutOfSteps, Search, Steps
from syncd.access.today import Have, Site, meant
from syncd.access.verdicts import Finding, Ruling, Verdict, verdict
from syncd.directory.narrow import DirectoryView
from syncd.mapping.select import is_chosen
from syncd.mapping.when import is_over
from syncd.model import Accounts, PersonKey, Rule, Rules, key, people_named
from syncd.model.mapping_tests import BothTest, Entitlement, EveryTest, MappingTest, MostTest, NobodyTest, PersonTest
from syncd.words import some

SHOWN: Final = 3
_TO_LOOK: Final = 20
"""So many steps it takes to look at a deployment at all."""
_HOLDS: Final = Finding(Ruling.ALWAYS)
_TOO_LONG: Final = "it takes too long to look at every group that somebody may come to be in"
_NOT_SEEN: Final = "it was never looked at, so its DAGs are not known; `syncd plan` looks"
_TOO_MANY: Final = "too many roles may give it together to look at all of them"


def judge(
    tests: Iterable[MappingTest],
    rules: Rules,
    view: DirectoryView,
    deployments: Iterable[KnownDeployment],
    *,
    now: datetime,
    steps: int = STEPS,
) -> tuple[Verdict, ...]:
    """Say of each test whether it holds; all of them together may make so many steps, and each has its share of them.

    What one leaves the others have; for those that are not decided by then, what all leave.
    """
    asked = tuple(tests)
    court = _court(asked, rules, view, deployments, now)
    found: dict[int, Verdict] = {}
    left = steps
    for is_last in (False, True):
        waiting = [n for n in range(len(asked)) if n not in found]
        for before, n in enumerate(waiting):
            share = left // (len(waiting) - before)
            court.steps.give(share, again=STEPS // len(asked))
            with suppress(OutOfSteps):
                found[n] = verdict(asked[n], court.findings(asked[n], is_last=is_last))
            left -= share - court.steps.saved
    return tuple(found[n] for n in range(len(asked)))


def _court(
    asked: tuple[MappingTest, ...],
    rules: Rules,
    view: DirectoryView,
    deployments: Iterable[KnownDeployment],
    now: datetime,
) -> _Court:
    live = tuple(replace(rule, since=None, during=()) for rule in rules.bindings if not is_over(rule, now))
    always = replace(rules, bindings=live)
    named = tuple(Rule(test.subject, (), (), test.at) for test in asked if isinstance(test, NobodyTest))
    found = view.looked_for((*live, *named))
    steps = Steps()
    sites = tuple(Site(always, found, known, now, steps) for known in deployments)
    return _Court(rules, found, sites, Search(Atoms(found.directory), steps))


@dataclass(slots=True)
class _Court:
    """Judges one test after the other."""

    rules: Rules
    view: DirectoryView
    sites: tuple[Site, ...]
    search: Search
    _called: Mapping[str, frozenset[PersonKey]] | None = None
    _meant: dict[NobodyTest, tuple[frozenset[PersonKey], str]] = field(default_factory=dict)

    @property
    def steps(self) -> Steps:
        return self.search.steps

    def findings(self, test: MappingTest, *, is_last: bool) -> Iterator[Finding]:
        """Say what comes of a test, deployment by deployment.

        Raises:
            OutOfSteps: it takes too long; if it is not the `last` time that it is asked.
        """
        if isinstance(test, EveryTest):
            yield from _of_files(test, self.rules)
            return
        here = [site for site in self.sites if is_chosen(site.known.deployment, test.deployments)]
        if not here:
            yield Finding(Ruling.UNDECIDED, "there is no such deployment")
        right = Entitlement() if isinstance(test, BothTest) else test.right
        look = self._looking(test, is_last=is_last)
        found = [finding for site in here for finding in _at(site, right, look, is_last=is_last)]
        yield from found or (Finding(Ruling.UNDECIDED, f"on {site.name} no DAG is one of these") for site in here)

    def _looking(
        self, test: PersonTest | NobodyTest | BothTest | MostTest, *, is_last: bool
    ) -> Callable[[Site], Iterator[Finding]]:
        """Say how to look at each deployment."""
        match test:
            case PersonTest():
                return partial(self._person, test)
            case MostTest():
                return partial(self._most, test)
            case _:
                return partial(self._nobody, Anybody(test, self.search), is_last=is_last)

    # --- nobody -------------------------------------------------------------------------------------------------------

    def _nobody(self, whoever: Anybody, site: Site, *, is_last: bool) -> Iterator[Finding]:
        """Look for anybody at all, and where that takes too long, at the people of today."""
        try:
            self.steps.take(_TO_LOOK)
            found = (whoever.having(site, giver) for giver in givers(whoever.test, site))
            why = next(filter(None, found), "")
        except TooManyRoles:
            yield from self._only_today(whoever.test, site, _TOO_MANY)
        except OutOfSteps:
            if not is_last:
                raise
            self.steps.begin_again()
            yield from self._only_today(whoever.test, site, _TOO_LONG)
        else:
            yield Finding(Ruling.BROKEN, f"{why}{self._so_today(whoever.test, site)}") if why else _HOLDS

    def _so_today(self, test: NobodyTest | BothTest, site: Site) -> str:
        self.steps.begin_again()
        try:
            today = self._having(test, site)
        except OutOfSteps:
            return ""
        return f" ({_people(today)})" if today else " (nobody today)"

    def _having(self, test: NobodyTest | BothTest, site: Site) -> list[Have]:
        """Give those of today who have what nobody should."""
        if isinstance(test, BothTest):
            return list(site.holding(frozenset(test.roles)))
        mine, _ = self._whom(test)
        return [have for have in site.having(test.right) if _is_meant(have, test, mine)]

    def _whom(self, test: NobodyTest) -> tuple[frozenset[PersonKey], str]:
        if test not in self._meant:
            self._meant[test] = meant(test.subject, test, self.view)
        return self._meant[test]

    def _only_today(self, test: NobodyTest | BothTest, site: Site, why: str) -> Iterator[Finding]:
        """Do with the people of today, where it takes too long to think of all that there could be."""
        today = self._having(test, site)
        if today:
            yield Finding(Ruling.BROKEN, f"on {site.name} {_people(today)}: {site.because(today[0])}")
            return
        doubt = self._whom(test)[1] if isinstance(test, NobodyTest) else ""
        rights = [Entitlement(role) for role in test.roles] if isinstance(test, BothTest) else [test.right]
        doubt = doubt or next(filter(None, (site.in_doubt(one) for one in rights)), "")
        yield Finding(Ruling.UNDECIDED, f"on {site.name} {doubt or f'nobody has it today, and {why}'}")

    # --- today --------------------------------------------------------------------------------------------------------

    def _person(self, test: PersonTest, site: Site) -> Iterator[Finding]:
        self.steps.take(_TO_LOOK)
        if self._called is None:
            self._called = all_called(self.view)
        who = self._called.get(key(test.person), frozenset())
        if not who:
            ruling = Ruling.BROKEN if test.wanted else Ruling.UNDECIDED
            yield Finding(ruling, f"no source knows anybody who is called {test.person}")
            return
        mine = list(site.having(test.right, who))
        if not test.wanted:
            yield from self._cannot(test, site, mine, who)
            return
        lacking = sorted(set(site.dags(test.right)).difference(*(have.dags for have in mine)))
        if lacking or not mine:
            on = f" {some(lacking, SHOWN)}" if lacking else ""
            ask = f"--dag {lacking[0]} --deployment {site.name} --why-not" if lacking else ""
            hint = f"; `syncd explain {test.person} {ask}` says what would" if ask else ""
            yield Finding(Ruling.BROKEN, f"on {site.name} no line gives {test.person} {_named(test.right)}{on}{hint}")
        else:
            yield Finding(Ruling.TODAY)

    def _cannot(
        self, test: PersonTest, site: Site, mine: list[Have], who: frozenset[tuple[str, str]]
    ) -> Iterator[Finding]:
        if mine:
            yield Finding(Ruling.BROKEN, f"on {site.name} {test.person} has {site.because(mine[0])}")
        elif doubt := site.in_doubt(test.right, who):
            yield Finding(Ruling.UNDECIDED, f"on {site.name} {doubt}")
        else:
            yield Finding(Ruling.TODAY)

    # --- at most ------------------------------------------------------------------------------------------------------

    def _most(self, test: MostTest, site: Site) -> Iterator[Finding]:
        self.steps.take(_TO_LOOK)
        today = {have.account.username: have for have in site.having(test.right)}
        if len(today) > test.most:
            told = some(sorted(today), SHOWN)
            first = today[min(today)]
            yield Finding(
                Ruling.BROKEN, f"on {site.name} {len(today)} have it: {told}; {min(today)} has {site.because(first)}"
            )
        elif doubt := site.in_doubt(test.right):
            yield Finding(Ruling.UNDECIDED, f"on {site.name} {doubt}")
        else:
            bound = self._ever(test.right, site)
            yield Finding(Ruling.ALWAYS if bound is not None and bound <= test.most else Ruling.TODAY)

    def _ever(self, right: Entitlement, site: Site) -> int | None:
        """Say how many could ever have it, where lines name all of them one by one; None: nobody can say."""
        try:
            ways = [giver.way for giver in ways_to(right, site)]
        except TooManyRoles:
            return None
        lines = {id(rule): rule for way in ways for roles in way for rule in site.lines_for(roles)}
        names: set[object] = set()
        for rule in lines.values():
            if any(True for _ in rule.groups):
                return None
            names.update(
                rule.subject.names if isinstance(rule.subject, Accounts) else people_named(rule.subject, giving=True)
            )
        return len(names)


def _at(
    site: Site, right: Entitlement, look: Callable[[Site], Iterator[Finding]], *, is_last: bool
) -> Iterator[Finding]:
    """Say what comes of a test on one deployment; nothing, where it has none of the DAGs that the test is about."""
    if site.known.seen is None and (right.dags is not None or site.asks_for_dags):
        yield Finding(Ruling.UNDECIDED, f"on {site.name} {_NOT_SEEN}")
        return
    try:
        if right.dags is None or site.alike(right):
            yield from look(site)
    except OutOfSteps:
        if not is_last:
            raise
        yield Finding(Ruling.UNDECIDED, f"on {site.name} {_TOO_LONG}")


def _is_meant(have: Have, test: NobodyTest, mine: frozenset[tuple[str, str]]) -> bool:
    if not have.who:
        named = isinstance(test.subject, Accounts) and have.account.username in test.subject.names
        return named is test.inside
    return (not mine.isdisjoint(have.who)) is test.inside


def _named(right: Entitlement) -> str:
    return f"the role {right.role}" if right.dags is None else f"{right.level} on"


def _people(today: list[Have]) -> str:
    names = list(dict.fromkeys(have.account.username for have in today))
    return f"{some(names, SHOWN)} {'has' if len(names) == 1 else 'have'} it today"


def _of_files(test: EveryTest, rules: Rules) -> Iterator[Finding]:
    """Say which roles, or bindings, do not say what every one should."""
    if test.of == "role":
        entries = [
            (f'{role.at}: the role "{name}"', role) for name, role in sorted({**rules.roles, **rules.templates}.items())
        ]
        yield from _lacking(test, entries)
    else:
        yield from _lacking(test, [(f"{rule.at}: the binding of {rule.subject}", rule) for rule in rules.bindings])


def _lacking(test: EveryTest, entries: Iterable[tuple[str, object]]) -> Iterator[Finding]:
    for said, entry in entries:
        missing = [key for key in test.keys if not getattr(entry, key)]
        if missing:
            yield Finding(Ruling.BROKEN, f"{said} has no {' and no '.join(missing)}")
