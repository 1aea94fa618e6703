"""What patterns in the mapping stand for, by the groups that there are: rules and roles as if each line was written by hand.

the name of a group                                  | then
-----------------------------------------------------|----------------------------------------------------------------------
fits a pattern, and a group bears it                 | there is a rule for it, and its roles, with what was captured filled in
fits, was used before, and nobody bears it now       | the same: its group is not there, so nobody loses the roles (group_missing)
fits, was used before, and its group has another     | nothing: what the group gives it gives by its new name; who has the
name now that fits                                   | old name now gives nothing until a person says so (pattern_moved)
the same, and that name was used for another group   | the same as before: nobody loses what the old name gave (group_renamed)
fits, and a value makes no name, level or the like   | nothing (expansion_refused); the others go on
fits, and is beyond the bound of its pattern         | nothing, and nobody loses the roles if it was used (too_many_expansions)

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

from syncd.model import (
    EVERYONE,
    At,
    DagSelector,
    Directory,
    GroupPattern,
    GroupRef,
    LabelTest,
    Level,
    Note,
    RoleDefinition,
    Rule,
    Rules,
    Subject,
    Without,
    drawn,
)
from syncd.model.patterns import Values, filled
from syncd.text.characters import unseen
from syncd.words import some

LONGEST_VALUE: Final = 100
_UNFIT: Final = frozenset("*?[]{}/\\$\"'")
"""Characters that would say more than themselves where a value is put: in globs, regular expressions and variables."""


@dataclass(frozen=True, slots=True)
class HeldBack:
    """A rule of which nobody may lose the roles now, and why."""

    rule: Rule
    why: str


@dataclass(frozen=True, slots=True)
class Expansion:
    """One group of a pattern: the rule for it, and the roles that only patterns define. `was_used`: its name was before."""

    rule: Rule
    roles: tuple[RoleDefinition, ...]
    group: str
    was_used: bool
    is_there: bool = True


@dataclass(frozen=True, slots=True)
class Expanded:
    """Rules without patterns, as of one directory, and what is to be told and kept of what they do not give."""

    rules: Rules
    notes: tuple[Note, ...] = ()
    held_back: tuple[HeldBack, ...] = ()


def expand(rules: Rules, directory: Directory) -> Expanded:
    """Put in place of every rule with a pattern those for the groups that there are; the same for every order of either."""
    patterns = [rule for rule in rules.bindings if rule.pattern]
    if not patterns:
        return Expanded(rules)
    groups = _Groups(directory)
    draft = _Draft(rules)
    for rule in patterns:
        draft.add(rule, groups)
    made = tuple(_Meeting(draft, rules).settled())
    plain = tuple(rule for rule in rules.bindings if not rule.pattern)
    roles = {**rules.roles, **{role.name: role for one in made for role in one.roles}}
    bindings = plain + tuple(one.rule for one in made if one.rule.roles)
    return Expanded(replace(rules, roles=roles, bindings=bindings), tuple(sorted(draft.notes)), tuple(draft.held_back))


# --- which groups -----------------------------------------------------------------------------------------------------


class _Groups:
    """The names of groups, by source: those that some group bears, and those that were used before."""

    def __init__(self, directory: Directory) -> None:
        self.directory = directory
        there: dict[str, set[str]] = defaultdict(set)
        for (source, id_), members in directory.groups.items():
            if id_ != EVERYONE:
                there[source].add(members.group.name)
        used: dict[str, set[str]] = defaultdict(set)
        for source, name in directory.names:
            used[source].add(name)
        self.there = {source: frozenset(names) for source, names in there.items()}
        self.used = {source: frozenset(names) for source, names in used.items()}

    def of(self, pattern: GroupPattern) -> Mapping[str, Values]:
        """Give the names that fit, sorted, with what they capture."""
        none = frozenset[str]()
        there, used = self.there.get(pattern.source, none), self.used.get(pattern.source, none)
        return dict(sorted({**_fitting(pattern, used), **_fitting(pattern, there)}.items()))

    def is_there(self, pattern: GroupPattern, name: str) -> bool:
        return name in self.there.get(pattern.source, ())

    def was_used(self, pattern: GroupPattern, name: str) -> bool:
        return (pattern.source, name) in self.directory.names

    def moved_to(self, pattern: GroupPattern, name: str) -> str:
        """Give the other name that fits of the group that was meant by this one, and is meant by that one too; empty: none.

        A name that is known to mean another group gives this one nothing, so it does not end what the old name gave.
        """
        known = self.directory.names.get((pattern.source, name))
        members = self.directory.groups.get((pattern.source, known)) if known else None
        now = members.group.name if members else name
        is_meant = self.directory.names.get((pattern.source, now), known) == known
        return now if now != name and is_meant and pattern.values(now) is not None else ""


@lru_cache(maxsize=64)
def _fitting(pattern: GroupPattern, names: frozenset[str]) -> Mapping[str, Values]:
    found = ((name, pattern.values(name)) for name in names)
    return {name: values for name, values in found if values is not None}


# --- what each of them makes ------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Draft:
    """What patterns make so far."""

    rules: Rules
    made: list[Expansion] = field(default_factory=list)
    notes: set[Note] = field(default_factory=set)
    held_back: list[HeldBack] = field(default_factory=list)

    def add(self, rule: Rule, groups: _Groups) -> None:
        """Add what one rule makes of the groups that fit it, those first that were used before."""
        assert rule.pattern is not None
        pattern = rule.pattern
        found = groups.of(pattern)
        if not any(groups.is_there(pattern, name) for name in found) and pattern.source not in groups.directory.failed:
            text = f'{rule.at}: no group of {pattern.source} is called "{pattern.text}"; is it among those that are read of it?'
            self.notes.add(Note("pattern_matches_nothing", text))
        left = self.rules.most_expansions
        for name in sorted(found, key=lambda name: (not groups.was_used(pattern, name), name)):
            one = self._expansion(rule, pattern, name, found[name], groups)
            if one is None:
                continue
            if one.is_there and not left:
                self._too_many(rule, one)
                continue
            left -= one.is_there
            self.made.append(one)

    def _expansion(
        self, rule: Rule, pattern: GroupPattern, name: str, values: Values, groups: _Groups
    ) -> Expansion | None:
        there = groups.is_there(pattern, name)
        if now := groups.moved_to(pattern, name):
            if there:
                self._moved(rule, pattern, name, now)
            return None
        one = expansion(rule, self.rules.templates, name, values)
        if problem := _problem(one, values, self.rules):
            self._refuse(rule, pattern, name, problem)
            return None
        return replace(one, was_used=groups.was_used(pattern, name), is_there=there)

    def _refuse(self, rule: Rule, pattern: GroupPattern, name: str, problem: str) -> None:
        text = f'{rule.at}: the group "{pattern.source}:{name}" gives nothing: {problem}'
        self.notes.add(Note("expansion_refused", f"{text}; or name it in `unless`"))

    def _moved(self, rule: Rule, pattern: GroupPattern, name: str, now: str) -> None:
        meant = f'"{pattern.source}:{name}" meant the group that is now called "{now}"; another group has the name now'
        accept = f'syncd accept-group {pattern.source} "{name}"'
        self.notes.add(Note("pattern_moved", f"{rule.at}: {meant}, and gives nothing; to use it run: {accept}"))

    def _too_many(self, rule: Rule, one: Expansion) -> None:
        assert rule.pattern is not None
        many = f'more than {self.rules.most_expansions:,} groups are called "{rule.pattern.text}"'
        text = (
            f"{rule.at}: {many}; those that were used before and are first by name are taken, and others give nothing"
        )
        self.notes.add(Note("too_many_expansions", f"{text}; narrow the pattern, or name groups in `unless`"))
        if one.was_used:
            self.held_back.append(HeldBack(one.rule, many))


def expansion(rule: Rule, templates: Mapping[str, RoleDefinition], name: str, values: Values) -> Expansion:
    """Fill a rule, and the roles with variables that it names, for one group."""
    assert rule.pattern is not None
    filled_in = replace(
        rule,
        subject=_subject(rule.subject, rule.pattern, name, values),
        roles=tuple(dict.fromkeys(filled(role, values) for role in rule.roles)),
        deployments=tuple(_labels(test, values) for test in rule.deployments),
        reason=filled(rule.reason, values),
        owner=filled(rule.owner, values),
        ticket=filled(rule.ticket, values),
        pattern=None,
        captured=tuple(values.items()),
    )
    roles = tuple(_role(templates[role], values) for role in rule.roles if role in templates)
    return Expansion(filled_in, roles, f"{rule.pattern.source}:{name}", was_used=False)


def _subject(subject: Subject, pattern: GroupPattern, name: str, values: Values) -> Subject:
    """Name the group in place of the pattern, and fill the names of those that take out."""
    match subject:
        case GroupRef(source, None, text) if text is not None:
            return GroupRef(
                source, name=name if (source, text) == (pattern.source, pattern.text) else filled(text, values)
            )
        case Without(whole, none_of):
            inner = (_subject(one, pattern, name, values) for one in none_of)
            return Without(_subject(whole, pattern, name, values), tuple(inner))
        case _:
            return subject


def _labels(test: LabelTest, values: Values) -> LabelTest:
    among = None if test.among is None else frozenset(filled(value, values) for value in test.among)
    return replace(test, among=among, but=frozenset(filled(value, values) for value in test.but))


def _role(role: RoleDefinition, values: Values) -> RoleDefinition:
    return replace(
        role,
        name=filled(role.name, values),
        description=filled(role.description, values),
        owner=filled(role.owner, values),
        extends=tuple(filled(other, values) for other in role.extends),
        dags=tuple(_selector(entry, values) for entry in role.dags),
    )


def _selector(entry: DagSelector, values: Values) -> DagSelector:
    def several(texts: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(filled(text, values) for text in texts))

    level = filled(entry.variable, values)
    return replace(
        entry,
        level=Level(level) if level in set(Level) else entry.level,
        variable="" if level in set(Level) else level,
        ids=several(entry.ids),
        tags=several(entry.tags),
        owners=several(entry.owners),
        all_tags=several(entry.all_tags),
        all_owners=several(entry.all_owners),
        bundles=several(entry.bundles),
        paths=several(entry.paths),
        but=tuple(_selector(left_out, values) for left_out in entry.but),
    )


def _problem(one: Expansion, values: Values, rules: Rules) -> str:
    """Say what is no good about the values of one group; empty: nothing."""
    found = (
        *(_value_problem(variable, value) for variable, value in values.items()),
        *(naming.role_problem(role.name) for role in one.roles for naming in rules.namings),
        *(_level_problem(entry.variable, entry.at) for role in one.roles for entry in role.dags if entry.variable),
    )
    return next(filter(None, found), "")


def _value_problem(variable: str, value: str) -> str:
    said = f'"{value}" as {{{variable}}}'
    if found := next((c for c in value if c in _UNFIT), "") or unseen(value):
        return f"{said} has the character {found} in it, which a value cannot have"
    if value != value.strip():
        return f"{said} begins or ends with a blank"
    return f"{said} is longer than {LONGEST_VALUE} characters" if len(value) > LONGEST_VALUE else ""


def _level_problem(word: str, at: At) -> str:
    return f'"{word}" is no level ({at}); say in `captures` which of view, trigger, edit and own it is'


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
        self.draft.notes.add(Note("expansions_meet", why))
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
    one = min(made, key=lambda one: (str(one.rule.at), one.group))
    return f"{one.rule.at} (role {role.at}) for {one.group}"
