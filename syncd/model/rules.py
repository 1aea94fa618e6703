"""What mapping files say: roles, groups, and which line gives which role where."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from syncd.model.labels import LabelTest
from syncd.model.patterns import MOST_EXPANSIONS, FoundValue, GroupPattern
from syncd.model.subjects import Everyone, Leaf, Subject, leaves, people_named
from syncd.model.windows import WeeklyWindow

if TYPE_CHECKING:
    from syncd.model.naming import Naming


class Level(StrEnum):
    """What a person may do with a DAG. Each level includes the ones before it."""

    VIEW = "view"
    TRIGGER = "trigger"
    EDIT = "edit"
    OWN = "own"

    @property
    def included(self) -> tuple[Level, ...]:
        ordered = tuple(Level)
        return ordered[: ordered.index(self) + 1]


@dataclass(frozen=True, slots=True)
class At:
    """A place in a mapping file; what has no line is named by its first word alone, as a timed grant is."""

    file: str
    line: int
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


@dataclass(frozen=True, slots=True)
class DagSelector:
    """Which DAGs a level is for. Filled kinds must all match; within a kind one is enough, but for those that want all.

    ids      patterns: globs, and regular expressions between slashes
    bundles  where the target has such; `paths` are globs for the file, as seen from its bundle or the folder of all DAGs
    but      what is left out: selectors whose level says nothing
    also     what is given beside the level, in the words of the target's `Naming.dag_actions`
    variable the level as it is written in a role that a pattern fills in, where it has a variable: `level` says nothing there
    """

    level: Level
    at: At
    ids: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()
    all_tags: tuple[str, ...] = ()
    all_owners: tuple[str, ...] = ()
    bundles: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    but: tuple[DagSelector, ...] = ()
    also: tuple[str, ...] = ()
    variable: str = ""


@dataclass(frozen=True, slots=True)
class Permission:
    """The target's own words: an action on a resource, as in `can_read` on `Pools`.

    Which DAG that is, and which part of it (empty: the DAG itself), says who makes the permission: the target where it reads
    one, its templates where a role is compiled. It takes no part in equality.
    """

    action: str
    resource: str
    dag: str | None = field(default=None, compare=False)
    part: str = field(default="", compare=False)

    def at(self, dag: str) -> Permission:
        """Fill in the DAG, where this is a template: `{dag}` stands for it."""
        return Permission(self.action, self.resource.replace("{dag}", dag), dag, self.part)

    @property
    def verb(self) -> str:
        """What it allows on its DAG, in a word or two: `read`, `create runs`."""
        return f"{self.action.removeprefix('can_')} {self.part}".rstrip()

    def __str__(self) -> str:
        return f"{self.action} on {self.resource}"


@dataclass(frozen=True, slots=True)
class Base:
    """A role of the target's own as a base of another: all that it holds, or that without what is on every DAG."""

    role: str
    at: At
    without_all_dags: bool = False


class RoleMode(StrEnum):
    """How far syncd goes with a role: it looks only, it gives and never takes, or it makes it as the mapping says."""

    OBSERVE = "observe"
    ADD_ONLY = "add-only"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class RoleDefinition:
    """A role as the mapping files define it, before a deployment's DAGs are known.

    `dags` and `permissions` are all that it has, with what it has of the roles that it `extends`; each entry knows the line
    that it stands in. So it is with `bases`. `owner` says who answers for it. `exclusive` says whether only mapping lines give
    it; None: as the deployment says of all. `mode` says how far syncd goes with it. `privileged` says that it may allow what
    only few should be able to do.
    """

    name: str
    description: str
    dags: tuple[DagSelector, ...]
    permissions: tuple[tuple[Permission, At], ...]
    at: At
    owner: str = ""
    extends: tuple[str, ...] = ()
    bases: tuple[Base, ...] = ()
    exclusive: bool | None = None
    mode: RoleMode = RoleMode.FULL
    privileged: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """One binding: whoever its subject means holds these roles on the deployments that the labels choose.

    `deployments` are tests of labels; all of them must hold; none means every deployment. The label `name` is the
    deployment's own name. `since` and `until` have a time zone; the rule gives something from the one until just before the
    other, and where it has windows (`during`), while one of them is open. `owner` answers for it; `ticket` says where it was
    asked for. A rule with a `pattern` stands for one rule for each group whose name fits it, one with `each` for one for each
    value that the DAGs of a deployment have; neither gives anything itself, and what is made of it has `captured` (variable,
    value) in its place. `privileged` says that it gives roles on purpose that allow what only few should be able to do.
    `grant` is the number of the timed grant that it stands for; 0: it is a line of a file.
    """

    subject: Subject
    roles: tuple[str, ...]
    deployments: tuple[LabelTest, ...]
    at: At
    until: datetime | None = None
    reason: str = ""
    since: datetime | None = None
    during: tuple[WeeklyWindow, ...] = ()
    owner: str = ""
    ticket: str = ""
    pattern: GroupPattern | None = None
    each: FoundValue | None = None
    captured: tuple[tuple[str, str], ...] = ()
    privileged: bool = False
    grant: int = 0

    @property
    def groups(self) -> Iterator[Leaf]:
        """Every group that decides whom the binding is for, those that take out too."""
        return leaves(self.subject)

    @property
    def sources(self) -> frozenset[str]:
        """The sources that decide whom the binding is for."""
        return frozenset(leaf.source for leaf in leaves(self.subject))


@dataclass(frozen=True, slots=True)
class Rules:
    """Every mapping file together.

    `templates` are roles with variables in their names, which patterns fill in; `namings` say what is a name for a role then.
    One pattern is for `most_expansions` groups at most. `made` names the roles that patterns made: they stand in no file.
    """

    roles: Mapping[str, RoleDefinition]
    bindings: tuple[Rule, ...]
    templates: Mapping[str, RoleDefinition] = field(default_factory=dict)
    namings: tuple[Naming, ...] = field(default=(), compare=False)
    most_expansions: int = MOST_EXPANSIONS
    made: frozenset[str] = frozenset()

    def everyone(self, sources: Iterable[str]) -> frozenset[str]:
        """Give those of these sources of which everybody has to be read: a binding asks for them, or names people one by one."""
        asked = {leaf.source for rule in self.bindings for leaf in rule.groups if isinstance(leaf, Everyone)}
        asked |= {ref.source for rule in self.bindings for ref in people_named(rule.subject)}
        return frozenset(source for source in sources if source in asked or "" in asked)
