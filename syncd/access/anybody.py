"""Who could have what nobody should: an account that lines name, or a person of whom no line rules it out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from syncd.access.giving import Needed
from syncd.access.possible import Atom, AtomKind, Claim, Mode, OutOfSteps, Search, Start, World, described
from syncd.access.today import Site
from syncd.model import Accounts, AnyOf, Rule
from syncd.model.mapping_tests import BothTest, Entitlement, NobodyTest


@dataclass(frozen=True, slots=True)
class Giver:
    """What gives somebody something on a deployment: one role of each of these; and on which DAG, where it is about DAGs."""

    way: Needed
    dag: str = ""


def givers(test: NobodyTest | BothTest, site: Site) -> Iterator[Giver]:
    """Give every least way to what nobody should have.

    Raises:
        TooManyRoles: there may be others, and it takes too long to find out.
    """
    if isinstance(test, BothTest):
        yield Giver(tuple(frozenset({role}) for role in test.roles))
    else:
        yield from ways_to(test.right, site)


def ways_to(right: Entitlement, site: Site) -> Iterator[Giver]:
    """Give every least way to something, each of them once.

    Raises:
        TooManyRoles: as above.
    """
    if right.dags is None:
        yield Giver((frozenset({right.role}),))
    tried: set[Needed] = set()
    for dag, *_ in site.alike(right):
        for way in site.giving.needed(dag, right.level):
            if way not in tried:
                tried.add(way)
                yield Giver(way, dag)


_Found = tuple[World, Sequence[Rule]]
"""What is true of whoever it could be, and by which lines; no lines: it takes too long to say."""


@dataclass(slots=True)
class Anybody:
    """Looks for anybody at all, for one test. What was found for some lines is so on each deployment that has the same."""

    test: NobodyTest | BothTest
    search: Search
    _starts: dict[str, Start] = field(default_factory=dict)
    _known: dict[object, _Found | None] = field(default_factory=dict)

    def having(self, site: Site, giver: Giver) -> str:
        """Say who could have all of it, and by which lines; empty: nobody.

        Raises:
            OutOfSteps: it takes too long to find out.
        """
        lines = [site.lines_for(roles) for roles in giver.way]
        if not all(lines):
            return ""
        on_it = f", on {giver.dag}" if giver.dag else ""
        if account := self._account(lines):
            mine = [next(rule for rule in of if account in _accounts(rule)) for of in lines]
            return f"on {site.name} the account {account} has {_by(giver, mine)}{on_it}"
        found = self._somebody(site.known.deployment.login_source, lines)
        if found is None:
            return ""
        world, chosen = found
        by = _by(giver, chosen) if chosen else " and ".join(min(roles) for roles in giver.way)
        return f"on {site.name} {described(world, self.search.atoms)} has {by}{on_it}"

    def _account(self, lines: Sequence[Sequence[Rule]]) -> str:
        """Name an account that lines give all of it; empty: there is none, or the test is not about it."""
        test = self.test
        exempt = test.subject if isinstance(test, NobodyTest) else None
        if isinstance(test, NobodyTest) and test.inside and not isinstance(exempt, Accounts):
            return ""
        names = [{name for rule in of for name in _accounts(rule)} for of in lines]
        for name in sorted(set.intersection(*names)):
            is_mentioned = isinstance(exempt, Accounts) and name in exempt.names
            if isinstance(test, BothTest) or is_mentioned is test.inside:
                return name
        return ""

    def _somebody(self, login: str, lines: Sequence[Sequence[Rule]]) -> _Found | None:
        asked = login, tuple(tuple(map(id, of)) for of in lines)
        if asked not in self._known:
            self._known[asked] = self._found(self._start(login), lines)
        return self._known[asked]

    def _start(self, login: str) -> Start:
        """Say what all has to be true of whom the test is about, wherever it is."""
        if login not in self._starts:
            test = self.test
            whom = (Claim(test.subject, Mode.PLAIN, test.inside),) if isinstance(test, NobodyTest) else ()
            can_log_in = (Claim(Atom(AtomKind.ACTIVE, login)),) if login else ()
            self._starts[login] = self.search.start((*whom, *can_log_in))
        return self._starts[login]

    def _found(self, start: Start, lines: Sequence[Sequence[Rule]]) -> _Found | None:
        wanted = [Claim(AnyOf(tuple(rule.subject for rule in of))) for of in lines]
        world = self.search.somebody(wanted, start)
        if world is None:
            return None
        chosen: list[Rule] = []
        try:
            for n, of in enumerate(lines):
                fixed = [Claim(rule.subject) for rule in chosen]
                some = ((rule, [*fixed, Claim(rule.subject), *wanted[n + 1 :]]) for rule in of)
                chosen.append(next(rule for rule, claims in some if self.search.somebody(claims, start) is not None))
            return self.search.somebody([Claim(rule.subject) for rule in chosen], start) or world, chosen
        except OutOfSteps:
            return world, ()


def _accounts(rule: Rule) -> tuple[str, ...]:
    return rule.subject.names if isinstance(rule.subject, Accounts) else ()


def _by(giver: Giver, chosen: Sequence[Rule]) -> str:
    """Name the roles and the lines that give them."""
    return " and ".join(
        f"{min(roles & set(rule.roles))} ({rule.at})" for rule, roles in zip(chosen, giver.way, strict=True)
    )
