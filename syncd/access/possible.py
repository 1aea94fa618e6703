"""Whether there could be somebody whom these lines mean and those do not, whoever comes to be in which group.

A person is thought of as what may be true of them: to be in a group, to be somebody whom a line names, to be active at a source,
to have a department there. Any of that may be true together, but that nobody is two people, or of two departments at one source.
So it is asked of formulas, and not of today's people:

what is looked at        | is true of whom
-------------------------|---------------------------------------------------------------------------------
a group, by which a line | who is in it, and active at its source (`GIVES`)
gives something          |
a group that takes out   | who is in it, active or not (`TAKES`)
a group that a test      | the same, also below `none_of` (`PLAIN`)
names                    |
what `where` asks        | of whom the source of the account says one of the values; it says one value of each
accounts                 | nobody: they are no people

Where groups have to do with each other (one is within another, or nobody is in both by rule), more is thought possible than
is: so what is said to be impossible is, and who is said to be possible may be somebody whom nobody wants to be there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, assert_never

from syncd.directory.group_names import GroupLookup
from syncd.model import (
    Accounts,
    AllOf,
    AnyOf,
    Attribute,
    Condition,
    Directory,
    Everyone,
    GroupRef,
    Leaf,
    PersonRef,
    Subject,
    Where,
    Without,
    folded,
)

STEPS: Final = 2_000_000
"""So many steps are made for all tests of one run: a few seconds."""


class OutOfSteps(Exception):
    """It takes too long to find out."""


@dataclass(slots=True)
class Steps:
    """How many steps may yet be made for one test; and how many, once, to look at today's people besides."""

    left: int = STEPS
    again: int = 0
    unused: int = 0
    """What was left of the first ones when the others were begun."""

    def give(self, number: int, *, again: int) -> None:
        self.left, self.again, self.unused = number, again, 0

    def begin_again(self) -> None:
        if self.again:
            self.unused, self.left, self.again = max(self.left, 0), self.again, 0

    @property
    def saved(self) -> int:
        """Say how many of the first ones were not made."""
        return max(self.left, 0) if self.again else self.unused

    def take(self, number: int = 1) -> None:
        """Make steps.

        Raises:
            OutOfSteps: there are none left.
        """
        self.left -= number
        if self.left < 0:
            raise OutOfSteps


class Mode(StrEnum):
    """In what sense somebody is in a group; see above."""

    GIVES = "gives"
    TAKES = "takes"
    PLAIN = "plain"

    @property
    def left_out(self) -> Mode:
        """Say in what sense whoever `none_of` names is in a group."""
        return {Mode.GIVES: Mode.TAKES, Mode.TAKES: Mode.GIVES, Mode.PLAIN: Mode.PLAIN}[self]


class AtomKind(StrEnum):
    """What an atom says of somebody."""

    IN = "in"
    IS = "is"
    MAY_BE = "may be"
    """As `IS`, of a name of which it is not known whose it is: whoever else may have it too."""
    SAID = "said"
    """The source says this value of somebody's account there; of each attribute it says one."""
    MEETS = "meets"
    """Somebody who is named meets what is asked, by whichever account."""
    ACTIVE = "active"


@dataclass(frozen=True, slots=True, order=True)
class Atom:
    """One thing that may be true of a person: of a group of a source, of somebody there, or of the source itself.

    Of those that are `alone` in the same, one can be true of a person; empty: any of them can."""

    kind: AtomKind
    source: str
    id: str = ""
    alone: str = ""


World = Mapping[Atom, bool]
"""What is true of somebody, as far as it matters."""


@dataclass(frozen=True, slots=True)
class Said:
    """What `where` asks of an account of a source."""

    source: str
    condition: Condition


@dataclass(frozen=True, slots=True)
class Claim:
    """Somebody has to be one of these, in this sense, by accounts that meet what is `asked`; or, where it is not `wanted`, must
    not be."""

    what: Subject | Said | Atom
    mode: Mode = Mode.GIVES
    wanted: bool = True
    asked: tuple[Condition, ...] = ()

    def __invert__(self) -> Claim:
        return Claim(self.what, self.mode, not self.wanted, self.asked)


class Atoms:
    """Gives groups and people their atoms: one for each, under whatever name a line has it."""

    def __init__(self, directory: Directory) -> None:
        self._lookup, self._directory = GroupLookup(directory), directory
        self.called: dict[Atom, str] = {}

    def parts(self, leaf: Leaf | PersonRef, mode: Mode, asked: Iterable[Condition]) -> Iterator[Claim]:
        """Say what all has to be true of whoever is meant."""
        is_named = isinstance(leaf, PersonRef)
        atom = self._person(leaf) if isinstance(leaf, PersonRef) else self._group(leaf)
        self.called.setdefault(atom, f"of {leaf}" if isinstance(leaf, Everyone) else str(leaf))
        yield Claim(atom)
        if mode is Mode.GIVES:
            yield Claim(Atom(AtomKind.ACTIVE, atom.source, atom.id if is_named else ""))
        for condition in asked:
            yield Claim(self._meeting(str(leaf), condition) if is_named else Said(atom.source, condition))

    def said(self, said: Said) -> Iterator[Claim]:
        """Give each value by which somebody meets a condition."""
        of = said.condition.attribute
        for value in sorted(set(map(folded, said.condition.values))):
            atom = Atom(AtomKind.SAID, said.source, value, f"{of} in {said.source}")
            self.called.setdefault(atom, _phrase(Condition(of, frozenset({value}))))
            yield Claim(atom)

    def _meeting(self, name: str, condition: Condition) -> Atom:
        atom = Atom(AtomKind.MEETS, name, str(condition))
        self.called.setdefault(atom, _phrase(condition))
        return atom

    def _group(self, leaf: Leaf) -> Atom:
        found = self._lookup.find(leaf)
        id_ = leaf.id or self._lookup.remembered(leaf) or (found.group.id if found else f"name {leaf.name}")
        return Atom(AtomKind.IN, leaf.source, id_)

    def _person(self, ref: PersonRef) -> Atom:
        found = self._directory.named.get(ref)
        if found is None or found.is_open or not found.who:
            return Atom(AtomKind.MAY_BE, ref.source, ref.id or ref.name or "")
        who = min(found.who)
        person = self._directory.persons.get(who)
        first = (person.accounts[0].source, person.accounts[0].id) if person else who
        return Atom(AtomKind.IS, *first, alone="person")


@dataclass(slots=True)
class Start:
    """What is claimed of somebody in every question of several, taken apart once; None where that cannot be."""

    state: _State | None


@dataclass(slots=True)
class Search:
    """Looks for somebody of whom several things are true."""

    atoms: Atoms
    steps: Steps = field(default_factory=Steps)

    def start(self, claims: Iterable[Claim]) -> Start:
        """Take apart what is claimed in each of several questions.

        Raises:
            OutOfSteps: it takes too long.
        """
        state = _State(list(claims), [], _Facts())
        return Start(_State([], state.choices, state.facts.beneath()) if self._follow(state) else None)

    def somebody(self, claims: Iterable[Claim], start: Start | None = None) -> World | None:
        """Give what is true of somebody who meets all claims, those of the start too; None: there can be nobody.

        Raises:
            OutOfSteps: it takes too long to find out.
        """
        first = (start or self.start(())).state
        waiting = [iter((first.with_claims(claims),))] if first else []
        while waiting:
            state = next(waiting[-1], None)
            if state is None:
                waiting.pop()
            elif self._follow(state):
                open_choices = self._open(state)
                if not open_choices:
                    return state.facts.world()
                waiting.append(_each_way(state, open_choices))
        return None

    def _open(self, state: _State) -> list[list[Claim]]:
        self.steps.take(1 + len(state.choices) + len(state.facts.own))
        return [choice for choice in state.choices if not _is_made(choice, state.facts)]

    def _follow(self, state: _State) -> bool:
        """Take apart all claims that leave no choice; False: they contradict each other."""
        while state.claims:
            self.steps.take()
            claim = state.claims.pop()
            if isinstance(claim.what, Atom):
                if not state.facts.settle(claim.what, claim.wanted):
                    return False
                continue
            are_all, parts = self._parts(claim.what, claim)
            wanted = parts if claim.wanted else [~part for part in parts]
            if are_all is claim.wanted or len(wanted) == 1:
                state.claims.extend(reversed(wanted))
            elif wanted:
                state.choices.append(wanted)
            else:
                return False
        return True

    def _parts(self, what: Subject | Said, claim: Claim) -> tuple[bool, list[Claim]]:
        """Say what somebody has to be to be meant: all of it, or one of it."""
        mode, asked = claim.mode, claim.asked
        match what:
            case AnyOf(of):
                return False, [Claim(one, mode, asked=asked) for one in of]
            case AllOf(of):
                return True, [Claim(one, mode, asked=asked) for one in of]
            case Where(whole, conditions):
                return True, [Claim(whole, mode, asked=conditions)]
            case Without(whole, none_of):
                return True, [Claim(whole, mode, asked=asked), *(~Claim(one, mode.left_out) for one in none_of)]
            case Accounts():
                return False, []
            case Said():
                return False, list(self.atoms.said(what))
            case GroupRef() | Everyone() | PersonRef():
                return True, list(self.atoms.parts(what, mode, asked))
            case _:
                assert_never(what)


@dataclass(slots=True)
class _Facts:
    """What was found to be true of somebody: what every question has `below`, and what this one found; `alone` by what only one
    can be true of."""

    below: World = field(default_factory=dict)
    own: dict[Atom, bool] = field(default_factory=dict)
    alone: dict[str, Atom] = field(default_factory=dict)

    def get(self, atom: Atom) -> bool | None:
        found = self.own.get(atom)
        return self.below.get(atom) if found is None else found

    def settle(self, atom: Atom, value: bool) -> bool:
        """Take something for true, or for untrue; False: that cannot be."""
        known = self.get(atom)
        if known is not None:
            return known is value
        self.own[atom] = value
        return not (value and atom.alone) or self.alone.setdefault(atom.alone, atom) == atom

    def copied(self) -> _Facts:
        return _Facts(self.below, dict(self.own), dict(self.alone))

    def beneath(self) -> _Facts:
        """Give what others may build on."""
        return _Facts(self.world(), {}, dict(self.alone))

    def world(self) -> World:
        return {**self.below, **self.own}


@dataclass(slots=True)
class _State:
    """What has to be true yet, what is a choice between several things, and what was found to be true."""

    claims: list[Claim]
    choices: list[list[Claim]]
    facts: _Facts

    def with_claims(self, claims: Iterable[Claim]) -> _State:
        return _State([*self.claims, *claims], list(self.choices), self.facts.copied())


def _each_way(state: _State, open_choices: Sequence[list[Claim]]) -> Iterator[_State]:
    """Make the shortest choice in each way that there is."""
    first = min(open_choices, key=len)
    rest = [choice for choice in open_choices if choice is not first]
    return (_State([option], list(rest), state.facts.copied()) for option in first)


def _is_made(choice: Iterable[Claim], facts: _Facts) -> bool:
    return any(isinstance(claim.what, Atom) and facts.get(claim.what) is claim.wanted for claim in choice)


def described(world: World, atoms: Atoms) -> str:
    """Say who that is: `whoever is in okta:finance and not in okta:payments`."""
    ordered = sorted(world, key=lambda atom: (not world[atom], atom))
    parts = [text for atom in ordered if (text := _said(atom, world[atom], atoms))]
    return f"whoever is {' and '.join(parts)}" if parts else "anybody"


def _said(atom: Atom, is_so: bool, atoms: Atoms) -> str:
    name = atoms.called.get(atom, "")
    match atom.kind:
        case AtomKind.SAID:
            return f"{'' if is_so else 'not '}{name} in {atom.source}"
        case AtomKind.ACTIVE:
            return "" if is_so else f"inactive in {atom.source}"
        case AtomKind.IN if not name.startswith("of everyone"):
            return f"{'' if is_so else 'not '}in {name}"
        case _:
            return f"{'' if is_so else 'not '}{name}"


def _phrase(condition: Condition) -> str:
    if condition.attribute is Attribute.GUEST:
        return "a guest" if condition.values == {"true"} else "no guest"
    return f"of {condition}"
