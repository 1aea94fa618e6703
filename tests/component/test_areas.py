"""Limits over several deployments: whoever passes, in whichever process and at the same time, no more goes than they say."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from threading import Barrier, Thread
from typing import Any

import pytest
from stages import DAGS, NOW, People, Stage, made_for

from syncd.model import EVERYTHING, Change, Outcome, Plan, Scope, Status, User
from syncd.plan.areas import Moved
from syncd.plan.limits import AreaLimits, LimitArea, Limits
from syncd.ports import PassClaim
from syncd.reconcile import PassRequest, World
from syncd.render.text import deployment_lines
from syncd.store import Stores
from syncd.targets.memory import MemoryTarget

NINE = [f"p{n}" for n in range(9)]
SITES = ("prod", "east", "dev")
LOOSE = Limits(share=1.0, gain_share=1.0)
FLEET = AreaLimits(removals=3, share=1.0, floor=0, gains=3, gain_share=1.0, gain_floor=0)
AN_HOUR = timedelta(hours=1)


@dataclass
class Fleet(Stage):
    """Several deployments with limits together; those that a world passes can be fewer."""

    areas: tuple[LimitArea, ...] = ()
    only: tuple[str, ...] = SITES

    def world(self) -> World:
        whole = super().world()
        chosen = tuple(t for t in whole.targets if t.deployment.name in self.only)
        return replace(whole, targets=chosen, areas=self.areas, workers=1)


def areas(limits: AreaLimits = FLEET, *names: str, called: str = "the fleet") -> tuple[LimitArea, ...]:
    return (LimitArea(called, limits, frozenset(names or SITES)),)


@pytest.fixture
def fleet(store: Stores) -> Fleet:
    sites = {name: MemoryTarget(name, dags=DAGS) for name in SITES}
    made = Fleet(store, People({"finance": list(NINE)}), sites, limits=LOOSE)
    made.apply()
    made.now += 2 * AN_HOUR
    return made


def leave(fleet: Fleet, count: int) -> None:
    fleet.people.members = {"finance": NINE[count:]}


def apply_on(fleet: Fleet, *names: str) -> Any:
    fleet.only = names or SITES
    return {d.deployment: d for d in fleet.apply().deployments}


def left(fleet: Fleet, name: str) -> int:
    return sum(1 for user in fleet.targets[name].users.values() if not user.roles)


def test_a_person_counts_once_on_however_many_deployments_they_lose_something(fleet: Fleet) -> None:
    fleet.areas = areas()
    leave(fleet, 3)
    found = apply_on(fleet)
    assert [None] * 3 == [found[name].held for name in SITES]
    assert [3] * 3 == [left(fleet, name) for name in SITES]


def test_what_is_over_the_limit_of_the_fleet_is_held_with_its_numbers_and_the_rest_goes_on(fleet: Fleet) -> None:
    fleet.areas = areas()
    leave(fleet, 4)
    fleet.people.members["finance"].append("new")
    found = apply_on(fleet, "east")
    assert ("in the fleet 4 people lose a role: the limit of the fleet is 3",) == found["east"].held.why
    assert (0, {"finance", "Viewer"}) == (left(fleet, "east"), set(fleet.targets["east"].users["new"].roles))
    assert "waits" == fleet.store.inbox.listed()[0].state.value
    fleet.only = ("east",)
    assert 0 == fleet.apply(approved=(found["east"].held.digest,)).exit_code()
    assert 4 == left(fleet, "east")


def test_what_was_taken_on_one_deployment_within_the_hour_counts_on_the_next(fleet: Fleet) -> None:
    fleet.areas = areas(FLEET, "prod", "east", called="env=prod")
    leave(fleet, 3)
    assert apply_on(fleet, "prod")["prod"].held is None
    leave(fleet, 4)
    found = apply_on(fleet, "east")["east"]
    why = "in env=prod 1 people lose a role, after 3 within the last hour: the limit of env=prod is 3"
    assert (why,) == found.held.why
    assert 3 == left(fleet, "east"), "those who were counted already go"
    assert apply_on(fleet, "dev")["dev"].held is None, "it is not in the area"
    fleet.now += timedelta(minutes=61)
    assert apply_on(fleet, "east")["east"].held is None


def test_gains_and_rights_are_limited_over_the_fleet_too(fleet: Fleet) -> None:
    fleet.areas = areas(
        replace(FLEET, removals=99, gains=99, rights=15, right_floor=0, lost_rights=15, lost_right_floor=0)
    )
    apply_on(fleet)  # notes how many rights there are
    fleet.people.members = {"finance": [*NINE, "n1", "n2", "n3"]}
    given = apply_on(fleet, "prod")["prod"]
    [why] = given.held.why
    assert why.startswith("in the fleet ")
    assert why.endswith("rights are given (one permission of one person each): the limit of the fleet is 15")
    leave(fleet, 6)
    [why] = apply_on(fleet, "prod")["prod"].held.why
    assert why.endswith("rights are lost (one permission of one person each): the limit of the fleet is 15")


def test_a_share_is_of_the_people_of_all_its_deployments(fleet: Fleet) -> None:
    fleet.areas = areas(replace(FLEET, removals=99, share=0.15))
    leave(fleet, 1)
    assert apply_on(fleet, "prod")["prod"].held is None
    leave(fleet, 2)
    [why] = apply_on(fleet, "prod")["prod"].held.why
    assert "in the fleet 1 of 10 people lose a role, after 1 within the last hour: the limit of the fleet is 15%" == why


def test_a_pass_over_a_few_people_counts_alike(fleet: Fleet) -> None:
    fleet.areas = areas()
    leave(fleet, 4)
    fleet.only = ("prod",)
    held = made_for(fleet, PassRequest(Scope.people(NINE[:4]), "people")).held
    assert held is not None
    assert ("in the fleet 4 people lose a role: the limit of the fleet is 3",) == held.why


def test_a_plan_shows_what_it_would_use_of_each_limit(fleet: Fleet) -> None:
    fleet.areas = areas()
    leave(fleet, 2)
    fleet.only = ("prod",)
    uses = [(use.where, use.words, use.count, use.before, use.most) for use in fleet.plan().uses]
    assert ("", "people lose a role", 2, 0, 9) in uses
    assert ("the fleet", "people lose a role", 2, 0, 3) in uses
    text = [line.text for line in deployment_lines(fleet.plan())]
    at = text.index("  limits")
    assert "    2 people lose a role; the limit is 9 now" == text[at + 1]
    assert "    in the fleet 2 people lose a role; the limit is 3 now" in text[at:]
    fleet.areas = ()
    assert "  limits" not in [line.text for line in deployment_lines(fleet.plan())]


# --- at the same time ---------------------------------------------------------------------------------------------------


def claimed(store: Stores, name: str, run: int, *people: str, stack: ExitStack, most: int = 3) -> bool:
    lease = stack.enter_context(store.leases.take(name))
    claim = PassClaim(run, lease, Moved(losers=frozenset(people)))
    return store.claims.claim(
        claim,
        since=NOW - AN_HOUR,
        fits=lambda found: len(frozenset(people).union(*(m.losers for m in found.values()))) <= most,
    )


def test_what_others_are_about_to_take_counts_before_they_take_it(fleet: Fleet) -> None:
    fleet.areas = areas()
    leave(fleet, 4)
    with ExitStack() as stack:
        assert claimed(fleet.store, "dev", 99, "x", "y", "z", stack=stack)
        why = apply_on(fleet, "prod")["prod"].held.why
        assert ("in the fleet 4 people lose a role, after 3 within the last hour: the limit of the fleet is 3",) == why
    assert 3 < len(NINE[:4])
    leave(fleet, 3)
    assert apply_on(fleet, "prod")["prod"].held is None, "a claim is over with its lease"


def test_of_claims_made_at_the_same_time_no_two_slip_under_a_limit(store: Stores) -> None:
    names, gate, said = [f"d{n}" for n in range(6)], Barrier(6), []
    with ExitStack() as stack:

        def work(n: int) -> None:
            gate.wait()
            said.append(claimed(store, names[n], n, f"a{n}", f"b{n}", stack=stack, most=4))

        threads = [Thread(target=work, args=(n,)) for n in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert [False] * 4 + [True] * 2 == sorted(said)


def test_a_claim_ends_where_the_lease_is_taken_over_and_what_was_done_counts_by_the_journal(store: Stores) -> None:
    loses = Change(User("ann", "", "", "", frozenset({"finance"})), User("ann", "", "", "", frozenset()))
    with ExitStack() as stack:
        assert claimed(store, "prod", 1, "ann", "bob", stack=stack)
        assert {"prod": Moved(frozenset({"ann", "bob"}))} == dict(store.claims.moved_since(NOW - AN_HOUR))
        assert {} == dict(store.claims.moved_since(NOW - AN_HOUR, deployment="prod", run=1)), "it is one's own"
        run = store.ledger.start_run("apply", scope=EVERYTHING, now=NOW)
        plan = store.ledger.record_plan(run, Plan("prod", EVERYTHING, (loses,)), held=None, approved=None, now=NOW)
        with store.ledger.entries(plan) as entries:
            entry = entries.begin(loses, now=NOW)
            entry.conclude(Outcome(loses, Status.APPLIED, ""), now=NOW)
    found = store.claims.moved_since(NOW - AN_HOUR)
    assert {"prod": Moved(frozenset({"ann"}))} == dict(found), "of a database of before it is the account"


def test_what_a_run_does_under_its_claim_counts_once(fleet: Fleet) -> None:
    fleet.areas = areas(replace(FLEET, lost_rights=999))
    leave(fleet, 2)
    apply_on(fleet, "prod")
    found = fleet.store.claims.moved_since(fleet.now - AN_HOUR)["prod"]
    assert frozenset({"people:p0", "people:p1"}) == found.losers
    per_person = found.lost // 2
    leave(fleet, 3)
    apply_on(fleet, "prod")
    assert 3 * per_person == fleet.store.claims.moved_since(fleet.now - AN_HOUR)["prod"].lost


@pytest.mark.finding("N-592")
def test_what_others_did_who_were_let_go_first_counts_for_the_rest_of_a_pass(fleet: Fleet) -> None:
    fleet.limits = Limits(removals=4, share=1.0, floor=0)
    leave(fleet, 4)
    world = replace(fleet.world(), between=LetsOneAhead(NINE[4:6], fleet))
    fleet.only = ("prod",)
    whole = made_for(fleet, PassRequest(EVERYTHING, "sweep"), world=replace(world, targets=world.targets[:1]))
    assert 4 == left(fleet, "prod"), "two of the pass that went ahead, and two of the four"
    assert 2 == sum(1 for o in whole.outcomes if "used up a limit" in o.detail)


class LetsOneAhead:
    """After two changes two more people are gone, and their pass goes ahead."""

    def __init__(self, names: list[str], fleet: Fleet) -> None:
        self.names, self.fleet, self.asked = names, fleet, 0

    def let_ahead(self, within: Any, /, *, few: bool = False) -> str:  # noqa: ARG002
        self.asked += 1
        if self.asked == 3:
            self.fleet.people.members = {"finance": NINE[6:]}
            from syncd.reconcile import read_directory

            world = self.fleet.world()
            within(world, read_directory(world), PassRequest(Scope.people(self.names), "people"))
        return ""

    def moved(self) -> frozenset[str]:
        return frozenset()


def test_rights_are_noted_for_the_share_of_an_area(fleet: Fleet) -> None:
    fleet.areas = areas()
    apply_on(fleet)
    each = fleet.store.claims.rights(["prod"])
    assert each > 0
    assert 3 * each == fleet.store.claims.rights(SITES)
    assert 9 == fleet.store.claims.people(SITES) == fleet.store.claims.people(["dev"])
    leave(fleet, 1)
    apply_on(fleet, "prod")
    assert each > fleet.store.claims.rights(["prod"]) > 0
