"""What an hour may give, whoever asks and after any restart; and what the first pass over everything gives."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
from stages import DAGS, NOW, People, Stage, made_for, put

from syncd.errors import StoreError
from syncd.model import Dag, Scope, Status, User
from syncd.plan.given import NOTHING_GAINED, Gained
from syncd.plan.limits import Limits
from syncd.reconcile import PassRequest, Within, apply
from syncd.store import Stores
from syncd.targets.memory import MemoryTarget

SIX = [f"p{n}" for n in range(6)]
TIGHT = Limits(gains=3, gain_share=1.0, gain_floor=0, share=1.0)


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with closing(Stores.open(f"sqlite:///{tmp_path / 'syncd.db'}")) as store:
        yield Stage(store, People({"finance": list(SIX)}), {"prod": MemoryTarget("prod", dags=DAGS)}, limits=TIGHT)


def join(stage: Stage, count: int) -> list[str]:
    there = stage.people.members["finance"]
    new = [f"n{len(there) + n}" for n in range(count)]
    stage.people.members = {"finance": [*there, *new]}
    return new


def has(stage: Stage) -> int:
    return sum(1 for user in stage.prod.users.values() if "finance" in user.roles)


def given_lately(stage: Stage) -> Gained:
    found: Gained = stage.store.ledger.given_since("prod", stage.now - timedelta(hours=1))
    return found


def test_the_first_pass_over_everything_gives_whatever_the_mapping_says(stage: Stage) -> None:
    assert 0 == stage.apply().exit_code()
    assert (6, NOTHING_GAINED) == (has(stage), given_lately(stage))


def test_a_first_pass_that_was_cut_off_goes_on_as_the_first(stage: Stage) -> None:
    stage.prod.breaks = {"p2": StoreError("the database went away")}
    stage.apply()
    assert 2 == has(stage)
    stage.prod.breaks = {}
    assert 0 == stage.apply().exit_code()
    assert (6, NOTHING_GAINED) == (has(stage), given_lately(stage))


@dataclass
class Moved:
    """Everybody moved since the pass began, as where a pass begins while a poll is still telling whom it is about."""

    people: frozenset[str]

    def let_ahead(self, _within: Within, /, *, few: bool) -> str:  # noqa: ARG002 - the name is the protocol's
        return ""

    def moved(self) -> frozenset[str]:
        return self.people


@pytest.mark.finding("N-653")
def test_a_first_pass_that_left_out_whom_it_is_about_is_followed_by_another_first(stage: Stage) -> None:
    stage.limits = Limits(share=1.0, gain_share=0.1, gain_floor=2)
    apply(replace(stage.world(), between=Moved(frozenset(stage.people.members["finance"]))))
    assert 0 == has(stage)
    assert 0 == stage.apply().exit_code()
    assert 6 == has(stage)
    [*three] = join(stage, 3)
    assert made_for(stage, PassRequest(Scope.people(three), "people")).held is not None, "from now on it is limited"


def test_what_is_over_a_limit_is_held_and_the_rest_goes_on(stage: Stage) -> None:
    stage.apply()
    stage.people.members = {"finance": SIX[1:]}
    join(stage, 4)
    report = stage.apply()
    assert 4 == report.exit_code()
    [deployment] = report.deployments
    assert deployment.held is not None
    assert ("4 people gain a role: the limit is 3",) == deployment.held.why
    assert (5, frozenset()) == (has(stage), stage.prod.users["p0"].roles)
    assert {"p0": Status.APPLIED} | dict.fromkeys(deployment_names(deployment), Status.HELD) == stage.statuses(report)


def deployment_names(deployment: object) -> list[str]:
    return [change.name for change in deployment.held.changes]  # type: ignore[attr-defined]


def test_an_approval_lets_just_that_pass_and_counts_towards_no_limit(stage: Stage) -> None:
    stage.apply()
    join(stage, 4)
    [deployment] = stage.apply().deployments
    assert deployment.held is not None
    assert 0 == stage.apply(approved=(deployment.held.digest,)).exit_code()
    assert (10, NOTHING_GAINED) == (has(stage), given_lately(stage))
    join(stage, 3)
    assert 0 == stage.apply().exit_code()
    assert 3 == given_lately(stage).people


def test_many_small_passes_and_a_restart_are_one_large_pass(stage: Stage, tmp_path: Path) -> None:
    stage.apply()
    for name in join(stage, 3):
        assert made_for(stage, PassRequest(Scope.people([name]), "people")).held is None
    [one] = join(stage, 1)
    stage.store.close()
    with closing(Stores.open(f"sqlite:///{tmp_path / 'syncd.db'}")) as stage.store:
        found = made_for(stage, PassRequest(Scope.people([one]), "people")).held
        assert found is not None
        assert ("1 people gain a role, after 3 within the last hour: the limit is 3",) == found.why
        stage.now += timedelta(minutes=61)
        assert made_for(stage, PassRequest(Scope.people([one]), "people")).held is None


def test_what_another_hand_took_is_put_back_without_a_word(stage: Stage) -> None:
    stage.apply()
    for name in SIX:
        put(stage.prod, replace(stage.prod.users[name], roles=frozenset()))
    assert 0 == stage.apply().exit_code()
    assert (6, NOTHING_GAINED) == (has(stage), given_lately(stage))


def test_what_got_no_answer_and_was_not_made_counts_once_when_it_is_planned_again(stage: Stage) -> None:
    stage.apply()
    put(stage.prod, User("n6", "n6@example.com", "N6", "Test", frozenset()))
    join(stage, 1)
    stage.prod.late = frozenset({"n6"})
    stage.apply()
    assert (6, 1) == (has(stage), given_lately(stage).people)
    stage.prod.late = frozenset()
    stage.apply()
    assert (7, 1) == (has(stage), given_lately(stage).people)


def test_what_is_held_is_not_taken_for_what_another_hand_took(stage: Stage) -> None:
    stage.apply()
    join(stage, 4)
    stage.apply()
    stage.limits = Limits(share=1.0)
    [report] = stage.apply().deployments
    assert (10, 0) == (has(stage), report.drift)


def test_a_role_that_comes_to_allow_more_is_held_and_one_on_new_dags_is_not(stage: Stage) -> None:
    stage.limits = Limits(rights=10, right_floor=0, gain_share=1.0, share=1.0)
    hidden = tuple(Dag(f"h{n}") for n in range(4))
    stage.prod.dags = (*DAGS, *hidden)
    stage.apply()
    stage.prod.dags = (*stage.prod.dags, *(Dag(f"new{n}", frozenset({"finance"})) for n in range(4)))
    assert 0 == stage.apply().exit_code(), "the line meant them before they were there"
    stage.prod.dags = tuple(replace(dag, tags=frozenset({"finance"})) for dag in stage.prod.dags)
    [report] = stage.apply().deployments
    assert report.held is not None
    [why] = report.held.why
    assert why.endswith("rights are given (one permission of one person each): the limit is 10")
    assert not any(p.dag and p.dag.startswith("h") for p in stage.prod.roles["finance"].permissions)


def test_a_pass_over_dags_counts_whoever_holds_the_role_by_us(stage: Stage) -> None:
    stage.limits = Limits(rights=10, right_floor=0, gain_share=1.0, share=1.0)
    stage.prod.dags = (*DAGS, Dag("h0"), Dag("h1"))
    stage.apply()
    stage.prod.dags = (*DAGS, Dag("h0", frozenset({"finance"})), Dag("h1", frozenset({"finance"})))
    [report] = stage.apply(scope=Scope.of_dags(["h0", "h1"])).deployments
    assert report.held is not None
    assert report.held.why[0].endswith("the limit is 10")


def test_a_database_of_before_counts_nothing_that_it_did_not_write_down(stage: Stage) -> None:
    stage.apply()
    assert NOTHING_GAINED == stage.store.ledger.given_since("prod", NOW - timedelta(days=1))
    assert NOTHING_GAINED == stage.store.ledger.given_since("test", NOW - timedelta(days=1))


@pytest.mark.finding("N-591")
def test_a_pass_over_a_few_people_counts_rights_as_one_over_everything_does(stage: Stage) -> None:
    stage.limits = Limits(rights=10, right_floor=0, gain_share=1.0, share=1.0)
    stage.apply()
    new = join(stage, 6)
    narrow = made_for(stage, PassRequest(Scope.people(new), "people"))
    whole = stage.plan()
    assert narrow.held is not None
    assert whole.held is not None
    assert whole.held.why == narrow.held.why
    assert narrow.held.why[0].endswith("rights are given (one permission of one person each): the limit is 10")
    assert whole.held.digest == narrow.held.digest
    [one] = new[:1]
    assert made_for(stage, PassRequest(Scope.people([one]), "people")).held is None
    assert given_lately(stage).rights == stage.store.ledger.given_since("prod", NOW).rights > 0


def test_the_share_of_rights_is_of_everybody_in_a_pass_over_a_few_too(stage: Stage) -> None:
    stage.limits = Limits(gain_share=0.25, right_floor=0, share=1.0)
    stage.apply()
    [*two] = join(stage, 2)
    assert made_for(stage, PassRequest(Scope.people(two), "people")).held is None, "two of eight have a quarter"
    [one] = join(stage, 1)
    held = made_for(stage, PassRequest(Scope.people([one]), "people")).held
    assert held is not None
    assert "the limit is 25%" in held.why[0]


def test_rights_are_counted_anew_once_a_role_allows_something_else(stage: Stage) -> None:
    stage.limits = Limits(share=1.0)
    stage.apply()
    seen = stage.store.looks.roles("prod")
    seen.known[frozenset(), frozenset({"finance"})] = 12345
    assert 12345 == next(iter(stage.store.looks.roles("prod").known.values()))
    stage.prod.dags = (*DAGS, Dag("more", frozenset({"finance"})))
    stage.apply()
    again = stage.store.looks.roles("prod")
    assert ({}, 3) == (again.known, again.dags)
    assert stage.prod.roles["finance"] == again.roles["finance"]
    assert {"finance"} <= set(again.roles)
    assert len(stage.prod.roles) == len(again.roles)


def test_what_was_never_looked_at_whole_has_no_roles(stage: Stage) -> None:
    assert None is stage.store.looks.roles("prod")
