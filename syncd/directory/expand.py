"""What patterns in the mapping stand for, by the groups and DAGs that there are: rules and roles as if each was written by hand.

the name of a group                                  | then
-----------------------------------------------------|----------------------------------------------------------------------
fits a pattern, and a group bears it                 | there is a rule for it, and its roles, with what was captured filled in
fits, was used before, and nobody bears it now       | the same: its group is not there, so nobody loses the roles (group_missing)
fits, was used before, and its group has another     | nothing: what the group gives it gives by its new name; who has the
name now that fits                                   | old name now gives nothing until a person says so (pattern_moved)
the same, and that name was used for another group   | the same as before: nobody loses what the old name gave (group_renamed)
the same, and other groups have that name too        | the same
fits, and a value makes no name, level or the like   | nothing (expansion_refused); the others go on
fits, and is beyond the bound of its pattern         | nothing, and nobody loses the roles if it was used (too_many_expansions)

what DAGs have (`each`)                              | then
-----------------------------------------------------|----------------------------------------------------------------------
an owner, folder or tag                              | there is a rule for it, and its roles; no good, or too many: as above
nobody says which DAGs there are                     | a rule and roles with the variable as it is: whoever has one has them all
a group captures the variable too                    | a rule for the group where DAGs have that value

several lines make one role (expansions_meet)        | then
-----------------------------------------------------|----------------------------------------------------------------------
they say the same of it                              | it is that
it is written out in a file too                      | as it is written; no pattern gives it, and nobody loses it
by groups of which some were used before, all alike  | as these say; the groups that are new give nothing of it
otherwise                                            | it stays as it is, is given to nobody, and nobody loses it

Whoever can make a group so gets what the pattern says of its name, and changes nothing for others.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Final

from syncd.directory.filling import filled_role, filled_rule, problem
from syncd.directory.found_values import FoundValues, found_values
from syncd.directory.pattern_groups import GroupNames, NamedGroups, named_groups
from syncd.model import (
    Dag,
    Directory,
    FoundValue,
    GroupPattern,
    Note,
    RoleDefinition,
    Rule,
    Rules,
    drawn,
    nfc,
)
from syncd.model.patterns import Values, filled
from syncd.words import shortened, some

MEET: Final = "expansions_meet"
_PATTERNS: Final = 10
"""So many patterns may be for as many groups as one may: more lines than that nobody wants worked out in every pass."""
_LOOKED_AT: Final = 20
"""So many times as many groups are looked at as a pattern may be for; of what is beyond only what somebody may hold is kept."""


@dataclass(frozen=True, slots=True)
class HeldBack:
    """A rule of which nobody may lose the roles now, and why."""

    rule: Rule
    why: str


@dataclass(frozen=True, slots=True)
class Expansion:
    """What one group or value stands for: the rule for it, and the roles that only patterns define.

    `of` says which group or value; `was_used`: the name of the group was before.
    """

    rule: Rule
    roles: tuple[RoleDefinition, ...]
    of: str
    was_used: bool
    is_there: bool = True


@dataclass(frozen=True, slots=True)
class Expanded:
    """Rules without patterns, as of one directory, and what is to be told and kept of what they do not give."""

    rules: Rules
    notes: tuple[Note, ...] = ()
    held_back: tuple[HeldBack, ...] = ()


def expand(rules: Rules, directory: Directory, *, dags: Iterable[Dag] | None = None) -> Expanded:
    """Put in place of every rule with a pattern those for the groups that there are; the same for every order of either.

    `dags` are those by which lines with `each` go; None: nobody says which there are.
    """
    patterns = list(filter(_stands_for_several, rules.bindings))
    if not patterns:
        return Expanded(rules)
    sources = {rule.pattern.source for rule in patterns if rule.pattern}
    found = None if dags is None else found_values(dags if any(rule.each for rule in patterns) else ())
    return _expanded(_Known(rules), named_groups(directory, sources), found and tuple(sorted(found.items())))


def _stands_for_several(rule: Rule) -> bool:
    return bool(rule.pattern or rule.each)


def _place(rule: Rule) -> tuple[str, int, int]:
    return rule.at.file, rule.at.line, rule.at.column


class _Known:
    """Rules that are the same where they are the same object: to compare a thousand of them costs as much as to expand them."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Known) and self.rules is other.rules

    def __hash__(self) -> int:
        return id(self.rules)


@lru_cache(maxsize=16)
def _expanded(known: _Known, groups: NamedGroups, found: tuple[tuple[str, frozenset[str]], ...] | None) -> Expanded:
    """Expand; a poll asks the same for each deployment, and a pass several times."""
    rules = known.rules
    draft = _Draft(rules, GroupNames(groups), None if found is None else dict(found), rules.most_expansions * _PATTERNS)
    for rule in sorted(filter(_stands_for_several, rules.bindings), key=_place):
        draft.add(rule)
    made = tuple(_Meeting(draft, rules).settled())
    plain = tuple(rule for rule in rules.bindings if not _stands_for_several(rule))
    filled = {role.name: role for one in made for role in one.roles}
    bindings = plain + tuple(one.rule for one in made if one.rule.roles)
    roles = {**rules.roles, **filled}
    meant = replace(rules, roles=roles, bindings=bindings, made=frozenset(filled))
    return Expanded(meant, tuple(sorted(draft.notes)), tuple(draft.held_back))


# --- what each of them makes ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A group or value, or both, that a rule may be for. `is_open`: the variable of `each` stands for whatever there is."""

    values: Values
    group: str = ""
    is_there: bool = True
    was_used: bool = False
    is_open: bool = False


@dataclass(slots=True)
class _Draft:
    """What patterns make so far."""

    rules: Rules
    groups: GroupNames
    found: FoundValues | None
    room: int
    """So many more there may be altogether."""
    made: list[Expansion] = field(default_factory=list)
    notes: set[Note] = field(default_factory=set)
    held_back: list[HeldBack] = field(default_factory=list)

    def add(self, rule: Rule) -> None:
        """Add what one rule makes of the groups and values that fit it."""
        looked_at, refused, beyond = self.rules.most_expansions * _LOOKED_AT, list[str](), list[_Candidate]()
        left = looked_at if self._is_open(rule) else min(self.rules.most_expansions, self.room)
        for n, candidate in enumerate(self._candidates(rule)):
            if n >= looked_at and rule.pattern and not candidate.was_used:
                break  # those that were used are first
            if n >= looked_at or (candidate.is_there and left <= 0):
                beyond.append(candidate)
                continue
            one = self._expansion(rule, candidate)
            if why := self._problem(rule, one, candidate):
                refused.append(f"{_told_of(rule, candidate)} gives nothing: {why}")
            else:
                left -= one.is_there
                self.room -= one.is_there and not self._is_open(rule)
                self.made.append(one)
        self._refuse(rule, refused)
        if beyond:
            self._hold_back(rule, beyond, self._too_many(rule))

    def _hold_back(self, rule: Rule, beyond: Iterable[_Candidate], why: str) -> None:
        """Let nobody lose what they may hold beyond the bound: of a group all values at once, there can be many."""
        roles: dict[str, set[str]] = defaultdict(set)
        values: dict[str, Values] = {}
        for one in beyond:
            if one.was_used or rule.each:
                values.setdefault(one.group, one.values)
                roles[one.group].update(filled(role, one.values) for role in rule.roles)
        for group, names in roles.items():
            held = replace(filled_rule(rule, group, values[group]), roles=tuple(sorted(names)))
            self.held_back.append(HeldBack(held, why))

    def _is_open(self, rule: Rule) -> bool:
        """Say whether nobody knows yet for which values a line is: which of its groups are within the bound is not known then."""
        return self.found is None and rule.each is not None

    def _candidates(self, rule: Rule) -> Iterator[_Candidate]:
        """Give the groups and values in order, those first that were used before, as they are needed: there may be millions."""
        for one in self._of_groups(rule, rule.pattern) if rule.pattern else (_Candidate({}),):
            if rule.each is None:
                yield one
            elif self.found is None:
                yield _with_any(one, rule.each)
            else:
                yield from _with_each(one, rule.each, self.found)

    def _of_groups(self, rule: Rule, pattern: GroupPattern) -> Iterator[_Candidate]:
        groups, found = self.groups, self.groups.of(pattern)
        if not any(groups.is_there(pattern, name) for name in found) and pattern.source not in groups.failed:
            text = f'{rule.at}: no group of {pattern.source} is called "{pattern.text}"; is it among those that are read of it?'
            self.notes.add(Note("pattern_matches_nothing", text))
        moved = {name: now for name in found if (now := groups.moved_to(pattern, name))}
        used = {name for name in found if groups.was_used(pattern, name)} | set(moved.values())
        self.notes |= {
            _moved(rule, pattern, name, now) for name, now in moved.items() if groups.is_there(pattern, name)
        }
        for name in sorted(found.keys() - moved.keys(), key=lambda name: (name not in used, name)):
            yield _Candidate(found[name], name, groups.is_there(pattern, name), name in used)

    def _expansion(self, rule: Rule, candidate: _Candidate) -> Expansion:
        templates = self.rules.templates
        roles = tuple(filled_role(templates[role], candidate.values) for role in rule.roles if role in templates)
        made = filled_rule(rule, candidate.group, candidate.values)
        return Expansion(made, roles, _named(rule, candidate), candidate.was_used, candidate.is_there)

    def _problem(self, rule: Rule, one: Expansion, candidate: _Candidate) -> str:
        is_open = candidate.is_open and rule.each
        values = {v: value for v, value in candidate.values.items() if not (is_open and v == is_open.kind)}
        return problem(one.roles, values, self.rules.namings, is_open=bool(is_open))

    def _refuse(self, rule: Rule, refused: list[str]) -> None:
        """Tell of every group; of values, which can be thousands, of the first ones."""
        told = refused if rule.each is None else [some(refused, 3, between="; ")] if refused else []
        notes = (f"{rule.at}: {shortened(text)}; or name it in `unless`" for text in told)
        self.notes |= {Note("expansion_refused", text) for text in notes}

    def _too_many(self, rule: Rule) -> str:
        """Tell that there is no room for more, and say what there is too much of."""
        most, pattern = f"more than {self.rules.most_expansions:,}", rule.pattern
        if self.room <= 0:
            most = f"with those of other patterns more than {self.rules.most_expansions * _PATTERNS:,}"
        many = f'{most} groups are called "{pattern.text}"' if pattern else f"there are {most} {_kinds(rule)}"
        first = "those that were used before and are first by name are taken, and others give nothing"
        text = f"{rule.at}: {many}; {first}; narrow it, or name some in `unless`"
        self.notes.add(Note("too_many_expansions", text))
        return many


def _with_any(one: _Candidate, each: FoundValue) -> _Candidate:
    """Let the variable stand as it is, if the group says nothing else."""
    if each.kind in one.values:
        return one
    return replace(one, values={**one.values, each.kind: f"{{{each.kind}}}"}, is_open=True)


def _with_each(one: _Candidate, each: FoundValue, found: FoundValues) -> Iterator[_Candidate]:
    """Give each value that is found; where the group says which it is, that one alone."""
    values = each.values(found[each.kind])
    if each.kind in one.values:
        yield from [one] if nfc(one.values[each.kind]) in values else []
    else:
        yield from (replace(one, values={**one.values, each.kind: value}) for value in sorted(values))


def _moved(rule: Rule, pattern: GroupPattern, name: str, now: str) -> Note:
    meant = f'"{pattern.source}:{name}" meant the group that is now called "{now}"; another group has the name now'
    accept = f'syncd accept-group {pattern.source} "{name}"'
    return Note("pattern_moved", f"{rule.at}: {meant}, and gives nothing; to use it run: {accept}")


def _named(rule: Rule, candidate: _Candidate) -> str:
    """Name the group, and the value where the group does not say it."""
    group = f"{rule.pattern.source}:{candidate.group}" if rule.pattern else ""
    value = f"{rule.each.kind} {candidate.values[rule.each.kind]}" if rule.each else ""
    return f"{group}, {value}" if group and value else group or value


def _told_of(rule: Rule, candidate: _Candidate) -> str:
    return f'the {"group " if rule.pattern else ""}"{_named(rule, candidate)}"'


def _kinds(rule: Rule) -> str:
    return f"{rule.each.kind}s of DAGs" if rule.each else "groups"


# --- roles that several lines make ------------------------------------------------------------------------------------


class _Meeting:
    """Finds what becomes of each role, by what a reader sees in its name."""

    def __init__(self, draft: _Draft, rules: Rules) -> None:
        self.draft = draft
        self.written = {drawn(role.name): role for role in rules.roles.values()}
        self.makers: dict[str, dict[RoleDefinition, list[Expansion]]] = defaultdict(lambda: defaultdict(list))
        for one in draft.made:
            for role in one.roles:
                self.makers[drawn(role.name)][role].append(one)
        self.stands = {seen: self._standing(seen, makers) for seen, makers in self.makers.items()}

    def settled(self) -> Iterator[Expansion]:
        """Give each expansion with those of its roles that stand."""
        for one in self.draft.made:
            lost = {role.name for role in one.roles if self.stands[drawn(role.name)] != role}
            roles = tuple(role for role in one.rule.roles if role not in lost)
            yield replace(
                one,
                rule=replace(one.rule, roles=roles),
                roles=tuple(role for role in one.roles if role.name not in lost),
            )

    def _standing(self, seen: str, makers: Mapping[RoleDefinition, list[Expansion]]) -> RoleDefinition | None:
        """Give the definition by which patterns give a role; None: they do not."""
        written = self.written.get(seen)
        if written is None and len(makers) == 1:
            return next(iter(makers))
        used = [role for role, made in makers.items() if any(one.was_used for one in made)]
        stands = used[0] if written is None and len(used) == 1 else None
        why = _told(makers, written, stands)
        self.draft.notes.add(Note(MEET, why))
        if stands is None:
            self._freeze(makers, written, why)
        return stands

    def _freeze(
        self, makers: Mapping[RoleDefinition, list[Expansion]], written: RoleDefinition | None, why: str
    ) -> None:
        """Let nobody lose the role, wherever one of these lines is for."""
        also = (written.name,) if written else ()
        for role, made in makers.items():
            for one in made:
                self.draft.held_back.append(HeldBack(replace(one.rule, roles=(role.name, *also)), why))


def _told(
    makers: Mapping[RoleDefinition, list[Expansion]], written: RoleDefinition | None, stands: RoleDefinition | None
) -> str:
    """Name what makes one role, and say what becomes of it."""
    lines = sorted({_line(role, made) for role, made in makers.items()})
    name = stands.name if stands else min(role.name for role in makers)
    if written:
        return (
            f'{written.at}: the role "{written.name}" is written here, and made by {some(lines, 3)} too; it is what is '
            "written, no pattern gives it, and nobody loses it for now; rename it, or name the groups in `unless`"
        )
    meet = f'{min(lines)} and {some(lines[1:], 3)} make the role "{name}", and not alike'
    if stands:
        return f"{meet}; it is what {_line(stands, makers[stands])} says, because it was there first; the others give nothing"
    return f"{meet}; none gives it, and nobody loses it for now; rename a role, or name groups in `unless`"


def _line(role: RoleDefinition, made: Iterable[Expansion]) -> str:
    one = min(made, key=lambda one: (str(one.rule.at), one.of))
    return f"{one.rule.at} (role {role.at}) for {one.of}"
