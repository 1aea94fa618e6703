"""A long pass is in nobody's way: a leaver goes ahead between two of its changes, and what became untrue is not done."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import monotonic

import pytest
from stages import Stage, roles_of
from test_reconcile import stage

from syncd.daemon.followup import SUPERSEDED
from syncd.daemon.work_item import Urgency, WorkItem
from syncd.errors import DeploymentBusy
from syncd.model import Deployment, Directory, Scope, Status, User
from syncd.plan.limits import Limits
from syncd.reconcile import PassRequest, Report, Within, World, apply, one_pass, read_directory
from syncd.reconcile.make import MOVED
from syncd.store import Stores
from syncd.targets.airflow.naming import NAMING

__all__ = ["stage"]


@dataclass
class Once:
    """Does something before the change with this number, once; and names people who moved."""

    number: int
    do: Callable[[Within], str]
    people: frozenset[str] = frozenset()
    asked: int = 0
    moved_: frozenset[str] = field(default_factory=frozenset)
    few: set[bool] = field(default_factory=set)

    def let_ahead(self, within: Within, /, *, few: bool) -> str:
        self.asked += 1
        self.few.add(few)
        if self.asked != self.number:
            return ""
        self.moved_ = self.people
        return self.do(within)

    def moved(self) -> frozenset[str]:
        return self.moved_


def leaves(stage: Stage, world: World, name: str) -> Callable[[Within], str]:
    """Let somebody leave, and let the pass for it be made in the middle of the other."""

    def do(within: Within) -> str:
        stage.people.members = {"finance": [n for n in stage.people.members["finance"] if n != name]}
        report = within(world, read_directory(world), PassRequest(Scope.people([name]), "people"))
        assert 0 == report.exit_code()
        return ""

    return do


@pytest.mark.finding("X-F9")
def test_a_leaver_goes_ahead_between_two_changes_of_a_large_apply(stage: Stage) -> None:
    stage.limits = Limits(removals=9, share=1)
    stage.apply()
    stage.people.members = {"finance": ["anna", "bob", *(f"joiner{n}" for n in range(5))]}
    between = Once(3, leaves(stage, stage.world(), "bob"), frozenset({"bob"}))
    report = apply(replace(stage.world(), between=between))
    assert ["joiner0", "joiner1", "bob", "joiner2"] == stage.prod.applied[-6:-2]
    assert set() == roles_of(stage.prod, "bob")
    assert (0, ()) == (report.exit_code(), report.deployments[0].not_converged), "bob is his own pass's"
    assert {Status.APPLIED} == {o.status for o in report.deployments[0].outcomes}
    assert 0 == stage.apply().exit_code()
    assert set() == roles_of(stage.prod, "bob")


def test_who_goes_ahead_finds_how_everything_before_ended(stage: Stage) -> None:
    found: list[tuple[object, ...]] = []

    def look(within: Within) -> str:
        world = stage.world()
        report = within(world, read_directory(world), PassRequest(Scope.people(["anna"]), "people"))
        assert 0 == report.exit_code()
        found.append((stage.prod.applied[-1], stage.store.ledger.unsettled("prod")))
        return ""

    apply(replace(stage.world(), between=Once(3, look)))
    assert [("anna", ())] == found
    assert "change_settled" not in stage.events
    assert not any(row.settled_by_looking for row in stage.store.queries.audit())


@pytest.mark.finding("X-F9")
def test_who_is_suspended_meanwhile_is_given_nothing(stage: Stage) -> None:
    between = Once(2, leaves(stage, stage.world(), "bob"), frozenset({"bob"}))
    report = apply(replace(stage.world(), between=between))
    assert "bob" not in stage.prod.users
    assert [(Status.SKIPPED, MOVED)] == [
        (o.status, o.detail) for o in report.deployments[0].outcomes if o.change.name == "bob"
    ]
    assert {"finance", "Viewer"} == roles_of(stage.prod, "anna")


@pytest.mark.finding("X-F9")
def test_who_moved_is_known_by_the_name_of_their_account_too(stage: Stage) -> None:
    stage.deployment = Deployment("prod", match_email=True, naming=NAMING)
    stage.prod.users["b.ob"] = User("B.Ob", "bob@example.com", "B", "T", frozenset())
    between = Once(1, lambda _: "", frozenset({"bob"}))
    report = apply(replace(stage.world(), between=between))
    assert {"finance": Status.APPLIED, "anna": Status.APPLIED, "B.Ob": Status.SKIPPED} == stage.statuses(report)


@pytest.mark.finding("X-F9")
def test_an_approved_removal_of_many_lets_a_leaver_ahead_and_goes_on(stage: Stage) -> None:
    stage.people.members = {"finance": ["anna", *(f"p{n}" for n in range(8))]}
    stage.apply()
    stage.limits = Limits(removals=2, share=1, floor=2)
    stage.people.members = {"finance": ["anna"]}
    held = stage.apply().deployments[0].held
    assert held is not None
    between = Once(4, leaves(stage, stage.world(), "anna"), frozenset({"anna"}))
    report = apply(replace(stage.world(), between=between), approvals=(held.digest,))
    assert "anna" == stage.prod.applied[-6]
    assert [] == [name for name, user in stage.prod.users.items() if user.roles]
    assert (0, held.digest) == (report.exit_code(), report.deployments[0].approved)
    assert {True} == between.few, "no pass over everything, which would hold the rest of it"


@pytest.mark.finding("X-F9")
def test_a_pass_that_is_superseded_ends(stage: Stage) -> None:
    report = apply(replace(stage.world(), between=Once(2, lambda _: SUPERSEDED)))
    assert [Status.APPLIED, Status.SKIPPED] == [o.status for o in report.deployments[0].outcomes][:2]


# --- another process ----------------------------------------------------------------------------------------------------


@pytest.mark.finding("X-F9")
def test_a_command_gives_way_to_the_loss_that_a_daemon_sees(stage: Stage, tmp_path: Path) -> None:
    """A daemon with a session and a database of its own, while a command applies to 40 people."""
    stage.limits = Limits(removals=9, share=1, gain_share=1)
    stage.apply()
    stage.people.members = {"finance": ["anna", "bob", *(f"joiner{n:02}" for n in range(40))]}
    meets, busy = threading.Event(), threading.Event()

    def hold(_: Within) -> str:
        meets.set()
        busy.wait(60)
        return ""

    world = stage.world()
    reports: list[Report] = []
    long = threading.Thread(target=lambda: reports.append(apply(replace(world, between=Once(3, hold)))))
    long.start()
    assert meets.wait(60)
    stage.people.members = {"finance": ["anna", *(f"joiner{n:02}" for n in range(39))]}
    with closing(Stores.open(f"sqlite:///{tmp_path / 'syncd.db'}")) as other:
        theirs = replace(world, journal=other)
        request = PassRequest(Scope.people(["bob", "joiner39"]), "people", urgent=True)
        directory = read_directory(theirs)
        _refused(theirs, request)
        busy.set()
        _made(theirs, request, directory)
    long.join(60)
    assert not long.is_alive()
    assert [None] == [d.error for d in reports[0].deployments]
    given = stage.prod.applied
    assert given.index("bob", 3) < len(given) - 20, "bob did not wait for the end"
    assert set() == roles_of(stage.prod, "bob")
    assert "change_settled" not in stage.events, "the other found how each change before it had ended"
    assert "joiner39" not in stage.prod.users, "who left before it was their turn was given nothing"
    assert {"finance", "Viewer"} == roles_of(stage.prod, "joiner38")


def _refused(world: World, request: PassRequest) -> None:
    with pytest.raises(DeploymentBusy):
        one_pass(world, world.targets[0], read_directory(world), request)


def _made(world: World, request: PassRequest, directory: Directory) -> None:
    """Try again, as the daemon does, until the other gives way."""
    end, tick = monotonic() + 60, threading.Event()
    while monotonic() < end:
        try:
            report = one_pass(world, world.targets[0], directory, request)
        except DeploymentBusy:
            tick.wait(0.05)
        else:
            assert 0 == report.exit_code()
            return
    pytest.fail("the command never gave way")


def people(*names: str, urgency: Urgency = Urgency.LOSS) -> WorkItem:
    return WorkItem(Scope.people(names), "people", urgency)


def within(_world: World, _directory: Directory, _request: PassRequest, /) -> Report:
    raise AssertionError("the daemon's own `make` decides how")


@dataclass
class Waits(Once):
    """Moves somebody only while a change waits for its turn, after it was begun."""

    def moved(self) -> frozenset[str]:
        self.asked += 1
        return self.people if self.asked > self.number else frozenset()

    def let_ahead(self, _within: Within, /, *, few: bool) -> str:  # noqa: ARG002 - the name is the protocol's
        return ""


@pytest.mark.finding("X-F3")
def test_who_moves_while_their_change_waits_for_its_turn_is_given_nothing(stage: Stage) -> None:
    stage.people.members = {"finance": ["anna"]}
    between = Waits(
        3, lambda _: "", frozenset({"anna"})
    )  # asked twice for the role, once for anna; the fourth is the last word
    report = apply(replace(stage.world(), between=between))
    assert {"finance": Status.APPLIED, "anna": Status.SKIPPED} == stage.statuses(report)
    assert "anna" not in stage.prod.users
    assert () == stage.store.ledger.unsettled("prod")
