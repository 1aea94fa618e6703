"""A world with one source and some deployments of dicts, for tests of what a pass does."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from fakes import ReadWhole

from syncd.errors import SourceUnavailable
from syncd.mapping.parse import parse
from syncd.model import (
    Certificate,
    Dag,
    Deployment,
    Group,
    Identity,
    Plan,
    Role,
    Scope,
    Snapshot,
    Status,
    User,
    key,
)
from syncd.plan.limits import Limits
from syncd.reconcile import DeploymentReport, PassRequest, Report, Target, World, apply, one_pass, plan, read_directory
from syncd.targets.airflow.naming import NAMING
from syncd.targets.memory import MemoryTarget

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
MAPPING = b"""
roles:
  finance: {dags: [{level: view, tag: finance}, {level: trigger, id: fin_daily}]}
bindings:
  - {group: people:finance, roles: [finance, Viewer], deployments: all}
"""
DAGS = (Dag("fin_daily", frozenset({"finance"})), Dag("fin_monthly", frozenset({"finance"})))


@dataclass
class People(ReadWhole):
    """A source whose groups tests change by hand."""

    members: dict[str, list[str]]
    name: str = "people"
    logins: dict[str, str] = field(default_factory=dict)
    """What people log in as, by id, where that is something else."""
    complete: bool = True
    down: str | None = None

    def read(self) -> Snapshot:
        if self.down:
            raise SourceUnavailable(self.down)
        names = sorted({n for members in self.members.values() for n in members})
        return Snapshot(
            self.name,
            tuple(Identity(self.name, n, self.logins.get(n, n), f"{n}@example.com", n.title(), "Test") for n in names),
            tuple(
                Group(
                    self.name, g, g, frozenset(m), Certificate(1, len(m), None, NOW, complete=self.complete, why="cut")
                )
                for g, m in self.members.items()
            ),
            NOW,
        )


@dataclass
class Stage:
    """A world with one source and some deployments, whose clock stands still until it is moved."""

    store: Any
    """The journal: a `Stores`, or one in memory."""
    people: People
    targets: dict[str, MemoryTarget]
    deployment: Deployment = field(default_factory=lambda: Deployment("prod", naming=NAMING))
    limits: Limits = field(default_factory=lambda: Limits(share=1.0))
    """Two people may both lose what they have."""
    enforce: bool = True
    now: datetime = NOW
    events: list[str] = field(default_factory=list)
    address: str = ""

    @property
    def prod(self) -> MemoryTarget:
        return self.targets["prod"]

    def world(self) -> World:
        def target(name: str, memory: MemoryTarget) -> Target:
            deployment = replace(self.deployment, name=name)
            return Target(deployment, self.enforce, self.limits, lambda _known: memory, self.address)

        return World(
            (self.people,),
            parse({"mappings/finance.yaml": MAPPING}, sources=frozenset({"people"}), namings=[NAMING]),
            tuple(target(name, memory) for name, memory in self.targets.items()),
            self.store,
            lambda: self.now,
            lambda event, /, **_: self.events.append(event),
            workers=2,
        )

    def plan(self) -> DeploymentReport:
        return plan(self.world(), keep_states=True).deployments[0]

    def apply(self, *, scope: Scope | None = None, approved: tuple[str, ...] = ()) -> Report:
        return apply(self.world(), scope=scope or Scope(), approvals=approved)

    def statuses(self, report: Report) -> dict[str, Status]:
        return {o.change.name: o.status for d in report.deployments for o in d.outcomes}


def planned(report: Report) -> Plan:
    plan = report.deployments[0].plan
    assert plan is not None
    return plan


def put(target: MemoryTarget, *things: User | Role) -> None:
    """Do by hand what a person does."""
    for thing in things:
        if isinstance(thing, User):
            target.users[key(thing.username)] = thing
        else:
            target.roles[thing.name] = thing


def roles_of(target: MemoryTarget, name: str) -> set[str]:
    return set(target.users[name].roles)


def made_for(stage: Stage, what: PassRequest, *, world: World | None = None) -> DeploymentReport:
    here = world or stage.world()
    return one_pass(here, here.targets[0], read_directory(here), what).deployments[0]
