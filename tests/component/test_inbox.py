"""The inbox of holds: what comes into it and goes, what is said of it, and what that lets pass or not, in passes of any kind."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from stages import DAGS, NOW, People, Stage, made_for

from syncd.errors import ApprovalRefused
from syncd.model import EVERYTHING, Change, Held, Kind, Plan, Role, Scope, User
from syncd.plan.approval import Apply
from syncd.plan.limits import Limits
from syncd.plan.rulings import HoldRecord, HoldRuling, HoldState, NotTaken
from syncd.reconcile import PassRequest
from syncd.reconcile.approving import approve_held, give_word, hold_word, is_in
from syncd.store import Stores
from syncd.targets.memory import MemoryTarget

TWENTY = [f"p{n:02}" for n in range(20)]
TIGHT = Limits(removals=2, share=1.0, floor=0)
DAY = timedelta(hours=24)


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with closing(Stores.open(f"sqlite:///{tmp_path / 'syncd.db'}")) as store:
        made = Stage(store, People({"finance": list(TWENTY)}), {"prod": MemoryTarget("prod", dags=DAGS)}, limits=TIGHT)
        made.apply()
        yield made


def leave(stage: Stage, *names: str) -> None:
    stage.people.members = {"finance": [name for name in TWENTY if name not in names]}


def left(stage: Stage) -> set[str]:
    return {name for name, user in stage.prod.users.items() if not user.roles}


def holds(stage: Stage, *, over: bool = True) -> list[tuple[str, str, int]]:
    return [(hold.name, hold.state.value, hold.number) for hold in stage.store.inbox.listed(over=over)]


def hold(stage: Stage, name: str = "h1") -> HoldRecord:
    found = stage.store.inbox.find(name)
    assert isinstance(found, HoldRecord)
    return found


def say(stage: Stage, ruling: HoldRuling, name: str = "h1", *, by: str = "anna", reason: str = "") -> HoldRecord:
    word = hold_word(ruling, by=by, reason=reason, origin="command", at=stage.now)
    return give_word(stage.store.inbox, name, word, needs=1, expires=DAY)


THREE = ("p00", "p01", "p02")


@pytest.fixture
def three(stage: Stage) -> Stage:
    """Three left, where two may lose what they have within an hour: held as h1."""
    leave(stage, *THREE)
    assert 4 == stage.apply().exit_code()
    return stage


# --- what comes and goes ------------------------------------------------------------------------------------------------


def test_what_is_held_has_a_name_and_stays_the_same_hold(three: Stage) -> None:
    first = hold(three)
    three.now += timedelta(hours=2)
    three.apply()
    again = hold(three)
    assert [("h1", "waits", 3)] == holds(three)
    assert (NOW, NOW, NOW, NOW + timedelta(hours=2)) == (first.since, first.planned_at, again.since, again.planned_at)
    assert {"p00", "p01", "p02"} == {change.name for change in again.changes}
    assert ("3 people lose a role: the limit is 2",) == again.why
    assert again == hold(three, again.digest)


def test_its_changes_are_known_when_its_plans_have_forgotten_them(three: Stage) -> None:
    before = hold(three).changes
    for _ in range(25):
        three.now += timedelta(minutes=15)
        three.apply()
    leave(three)
    three.apply()
    assert [("h1", "gone", 3)] == holds(three)
    assert before == hold(three).changes
    assert [] == holds(three, over=False)


def test_other_effects_are_another_hold(three: Stage) -> None:
    leave(three, *THREE, "p03")
    three.apply()
    assert [("h2", "waits", 4), ("h1", "superseded", 3)] == holds(three)
    with pytest.raises(ApprovalRefused, match=r"h1 is over: .* superseded by h2: syncd hold show h2"):
        say(three, HoldRuling.APPROVE)


def test_of_what_nobody_spoke_of_the_newest_are_kept(store: Stores) -> None:
    for number in range(30):
        people = [User(f"p{n}", "", "", "", frozenset({"finance"})) for n in range(number + 1)]
        plan_(store, *(Change(user, replace(user, roles=frozenset())) for user in people))
        if number == 3:
            store.inbox.say("h4", hold_word(HoldRuling.REJECT, by="anna", origin="x", at=NOW), needs=1, expires=DAY)
            store.inbox.say("h4", hold_word(HoldRuling.REOPEN, by="anna", origin="x", at=NOW), needs=1, expires=DAY)
    found = [hold.name for hold in store.inbox.listed(over=True)]
    assert [*(f"h{n}" for n in range(30, 8, -1)), "h4"] == found


def test_a_plan_over_some_people_moves_nothing_in_it(three: Stage) -> None:
    three.apply(scope=Scope.people(["p05"]))
    assert [("h1", "waits", 3)] == holds(three)


SOME = Scope.people(THREE)


def test_what_a_plan_over_some_people_holds_is_a_hold_of_its_own_until_a_plan_over_everything(stage: Stage) -> None:
    leave(stage, *THREE)
    [this] = stage.apply(scope=SOME).deployments
    assert "h1" == this.hold
    assert (SOME, 3) == (hold(stage).scope, hold(stage).number)
    leave(stage, *THREE, "p03")
    stage.apply(scope=Scope.people(["p04"]))
    assert [("h1", "waits", 3)] == holds(stage), "a plan over others says nothing of it"
    stage.apply()
    assert [("h2", "waits", 4), ("h1", "superseded", 3)] == holds(stage)
    [this] = stage.apply(scope=SOME).deployments
    assert "h2" == this.hold, "what is held over everything has all of it"
    assert [("h2", "waits", 4), ("h1", "superseded", 3)] == holds(stage)


def test_what_a_plan_over_some_people_holds_is_of_the_next_one_over_the_same(stage: Stage) -> None:
    leave(stage, *THREE)
    stage.apply(scope=Scope.people([*THREE, "p03"]))
    leave(stage, *THREE, "p03")
    stage.apply(scope=Scope.people([*THREE, "p03"]))
    assert [("h2", "waits", 4), ("h1", "superseded", 3)] == holds(stage)
    leave(stage)
    stage.apply(scope=Scope.people([*THREE, "p03"]))
    assert [("h2", "gone", 4), ("h1", "superseded", 3)] == holds(stage)


def test_the_same_held_over_everything_is_the_same_hold_of_everything(stage: Stage) -> None:
    leave(stage, *THREE)
    stage.apply(scope=SOME)
    stage.apply()
    assert [("h1", "waits", 3)] == holds(stage)
    assert EVERYTHING == hold(stage).scope
    stage.apply(scope=SOME)
    assert EVERYTHING == hold(stage).scope


def test_what_a_plan_over_some_people_holds_passes_by_a_word_with_a_pass_over_them(stage: Stage) -> None:
    leave(stage, *THREE)
    stage.apply(scope=SOME)
    say(stage, HoldRuling.APPROVE)
    assert 0 == stage.apply(scope=SOME).exit_code()
    assert set(THREE) == left(stage)
    assert [("h1", "passed", 3)] == holds(stage)


def test_what_a_plan_over_some_people_holds_can_be_rejected(stage: Stage) -> None:
    leave(stage, *THREE)
    stage.apply(scope=SOME)
    say(stage, HoldRuling.REJECT)
    for scope in (SOME, EVERYTHING, Scope.people(["p00"])):
        assert 0 == stage.apply(scope=scope).exit_code()
    assert (set(), [("h1", "rejected", 3)]) == (left(stage), holds(stage))


def test_a_hold_says_what_passing_it_does_to_people(three: Stage) -> None:
    effects = hold(three).effects
    assert effects is not None
    assert (3, 0) == (effects.loses.people, effects.gains.people)
    assert [("Viewer", 3), ("finance", 3)] == [(one.role, one.people) for one in effects.loses.roles]
    assert {3} == {one.people for one in effects.loses.on_dags}
    [this] = three.apply().deployments
    assert this.held_effects == effects
    say(three, HoldRuling.REJECT)
    leave(three, "p00", "p01")
    three.apply()
    assert hold(three).effects is None, "of what is left of it nobody counted them"


def test_a_plan_of_other_files_moves_nothing_in_it(three: Stage) -> None:
    from syncd.reconcile import apply, plan

    apply(replace(three.world(), files="merged"))
    leave(three, *THREE, "p03")
    plan(replace(three.world(), files="of a branch"))
    assert [("h1", "waits", 3)] == holds(three)


def test_a_pass_names_the_hold_of_what_it_holds_and_so_does_the_newest_plan(three: Stage) -> None:
    planned = three.plan()
    [applied] = three.apply().deployments
    assert ("h1", "h1") == (planned.hold, applied.hold)
    last = three.store.queries.last_plan("prod")
    assert last is not None
    assert last.held is not None
    assert "h1" == last.held.hold
    leave(three)
    [nothing] = three.apply().deployments
    assert "" == nothing.hold


def test_what_is_held_of_other_files_is_in_no_inbox_and_has_no_name(three: Stage) -> None:
    from syncd.reconcile import apply, plan

    apply(replace(three.world(), files="merged"))
    leave(three, *THREE, "p03")
    [this] = plan(replace(three.world(), files="of a branch")).deployments
    assert this.held is not None
    assert "" == this.hold


# --- approved -----------------------------------------------------------------------------------------------------------


def test_what_was_approved_passes_with_whichever_pass_comes_next_and_once(three: Stage) -> None:
    say(three, HoldRuling.APPROVE, by="anna (via root)", reason="ticket 12")
    assert set() == left(three), "a word alone does nothing"
    assert 0 == three.apply().exit_code()
    assert set(THREE) == left(three)
    assert [("h1", "passed", 3)] == holds(three)
    [row] = [row for row in three.store.queries.audit(status="applied", user="p00") if row.change.revoked]
    assert ("anna (via root)", "ticket 12") == (row.approved_by, row.approved_reason)
    leave(three)
    three.apply()
    leave(three, *THREE)
    assert 4 == three.apply().exit_code(), "the same again wants another word"
    assert set() == left(three)
    assert [("h2", "waits", 3), ("h1", "passed", 3)] == holds(three)


def test_an_approval_outlives_the_process_that_took_it(three: Stage, tmp_path: Path) -> None:
    say(three, HoldRuling.APPROVE)
    three.store.close()
    with closing(Stores.open(f"sqlite:///{tmp_path / 'syncd.db'}")) as three.store:
        three.apply()
        assert set(THREE) == left(three)


def test_an_approval_has_an_age(three: Stage) -> None:
    say(three, HoldRuling.APPROVE)
    three.now += DAY + timedelta(minutes=1)
    assert 4 == three.apply().exit_code()
    assert set() == left(three)
    say(three, HoldRuling.APPROVE)
    three.apply()
    assert set(THREE) == left(three)


def test_what_is_approved_and_moves_passes_nothing(three: Stage) -> None:
    say(three, HoldRuling.APPROVE)
    leave(three, *THREE, "p03")
    assert 4 == three.apply().exit_code()
    assert set() == left(three)
    leave(three, *THREE)
    assert 4 == three.apply().exit_code(), "the approval was of what was held then"
    assert set() == left(three)


def test_an_approval_can_be_taken_back_before_it_passes(three: Stage) -> None:
    say(three, HoldRuling.APPROVE)
    say(three, HoldRuling.REOPEN)
    assert 4 == three.apply().exit_code()
    assert set() == left(three)


def test_a_plan_lets_nothing_pass(three: Stage) -> None:
    say(three, HoldRuling.APPROVE)
    three.plan()
    assert [("h1", "approved", 3)] == holds(three)
    assert set() == left(three)


def test_a_digest_of_the_command_line_is_a_word_too(three: Stage) -> None:
    word = hold_word(HoldRuling.APPROVE, by="anna", origin="command", at=three.now)
    found = approve_held(three.store.inbox, hold(three).digest, word, needs={}, expires=DAY)
    again = approve_held(three.store.inbox, hold(three).digest, word, needs={}, expires=DAY)
    assert found is not None
    assert again is not None
    assert (HoldState.APPROVED, found.words) == (again.state, again.words), "who says it twice says it once"
    assert approve_held(three.store.inbox, "abcdefabcdef", word, needs={}, expires=DAY) is None


def test_what_is_said_is_in_the_chain_before_anything_comes_of_it(three: Stage) -> None:
    say(three, HoldRuling.APPROVE, by="anna (via root)", reason="ticket 12")
    last = json.loads([line for _, line in three.store.records.lines()][-1])
    facts = ("kind", "hold", "deployment", "digest", "ruling", "by", "from", "reason")
    said = ("hold", "h1", "prod", hold(three).digest, "approve", "anna (via root)", "command", "ticket 12")
    assert said == tuple(last[fact] for fact in facts)
    three.apply()
    assert not three.store.records.verify().flaws


def test_a_digest_is_a_word_on_its_own_deployment_alone(three: Stage) -> None:
    assert is_in(three.store.inbox, hold(three).digest, deployments=("prod",))
    assert not is_in(three.store.inbox, hold(three).digest, deployments=("test",))


# --- two people ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def by_two(three: Stage) -> Stage:
    three.limits = replace(TIGHT, approvers=2)
    return three


def lets(stage: Stage, by: str) -> HoldRecord:
    word = hold_word(HoldRuling.APPROVE, by=by, origin="command", at=stage.now)
    return give_word(stage.store.inbox, "h1", word, needs=2, expires=DAY)


def test_of_two_people_both_have_to(by_two: Stage) -> None:
    assert HoldState.WAITS is lets(by_two, "anna (via root)").state
    assert 4 == by_two.apply().exit_code()
    assert set() == left(by_two)
    with pytest.raises(ApprovalRefused, match="the second word has to be another person's"):
        lets(by_two, "anna")
    assert HoldState.APPROVED is lets(by_two, "bob (via root)").state
    assert 0 == by_two.apply().exit_code()
    assert set(THREE) == left(by_two)
    [row] = [row for row in by_two.store.queries.audit(status="applied", user="p00") if row.change.revoked]
    assert "anna (via root), bob (via root)" == row.approved_by


def test_where_two_have_to_no_request_alone_lets_anything_pass(by_two: Stage) -> None:
    digest, some = hold(by_two).digest, Scope.people(THREE)
    for scope in (EVERYTHING, some):
        kept_back = by_two.apply(scope=scope).deployments[0].held
        assert kept_back is not None
        assert digest == kept_back.digest
        with pytest.raises(ApprovalRefused, match="was not let pass by two people: on prod both have to"):
            by_two.apply(scope=scope, approved=(digest,))
        made_for(by_two, PassRequest(scope, "approve", Apply(frozenset({digest}))))
        assert set() == left(by_two)


def test_one_word_is_too_few_once_two_are_asked_for(three: Stage) -> None:
    say(three, HoldRuling.APPROVE)
    three.limits = replace(TIGHT, approvers=2)
    assert 4 == three.apply().exit_code()
    assert set() == left(three)
    lets(three, "bob")
    three.apply()
    assert set(THREE) == left(three)


def test_the_first_of_two_words_has_an_age(by_two: Stage) -> None:
    lets(by_two, "anna")
    by_two.now += DAY + timedelta(minutes=1)
    by_two.apply()
    assert HoldState.WAITS is lets(by_two, "bob").state
    by_two.apply()
    assert set() == left(by_two)


# --- rejected -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def rejected(three: Stage) -> Stage:
    say(three, HoldRuling.REJECT, reason="they only moved")
    return three


def test_what_was_rejected_is_not_asked_again(rejected: Stage) -> None:
    report = rejected.apply()
    assert (0, set()) == (report.exit_code(), left(rejected))
    [this] = report.deployments
    assert this.held is None
    assert this.plan is not None
    [note] = [note for note in this.plan.notes if note.code == "hold_rejected"]
    assert note.text == (
        "h1: 3 changes stay undone, rejected by anna (they only moved), 2026-03-01 12:00 UTC; to be asked again: "
        "syncd hold reopen h1"
    )
    assert [("h1", "rejected", 3)] == holds(rejected)
    last = rejected.store.queries.last_plan("prod")
    assert last is not None
    assert 1 == last.reached_run, "not all that is wanted is there"


@pytest.mark.parametrize("scope", [Scope.people(["p00"]), Scope.people(["p00", "p01"]), EVERYTHING], ids=str)
def test_what_was_rejected_passes_by_no_road(rejected: Stage, scope: Scope) -> None:
    """A pass over one of them is within the limits, and so is what is left once one of them is back."""
    digest = hold(rejected).digest
    rejected.now += timedelta(hours=2)
    if scope.everything:
        leave(rejected, "p00", "p01")
    made_for(rejected, PassRequest(scope, "people", Apply(frozenset({digest}))))
    assert set() == left(rejected)
    if not scope.everything:
        with pytest.raises(ApprovalRefused):
            rejected.apply(scope=scope, approved=("abc",))


def test_what_else_is_planned_goes_on(rejected: Stage) -> None:
    leave(rejected, *THREE, "p03", "p04")
    assert 0 == rejected.apply().exit_code()
    assert {"p03", "p04"} == left(rejected)
    assert [("h1", "rejected", 3)] == holds(rejected)


def test_of_what_is_rejected_what_is_wanted_again_is_asked_another_time(rejected: Stage) -> None:
    leave(rejected, "p00", "p01")
    rejected.apply()
    assert [("h1", "rejected", 2)] == holds(rejected)
    leave(rejected, *THREE)
    rejected.apply()
    assert {"p02"} == left(rejected), "it came back in between: it goes by the limits, as anybody"
    leave(rejected)
    rejected.apply()
    assert [("h1", "gone", 2)] == holds(rejected)


def test_a_rejection_can_be_taken_back(rejected: Stage) -> None:
    say(rejected, HoldRuling.REOPEN)
    assert 4 == rejected.apply().exit_code()
    assert [("h1", "waits", 3)] == holds(rejected)
    say(rejected, HoldRuling.APPROVE)
    rejected.apply()
    assert set(THREE) == left(rejected)
    assert ["reject", "reopen", "approve"] == [word.ruling.value for word in hold(rejected).words]


def test_approving_takes_a_rejection_back(rejected: Stage) -> None:
    rejected.now += timedelta(days=30)
    rejected.apply()
    say(rejected, HoldRuling.APPROVE)
    rejected.apply()
    assert (set(THREE), [("h1", "passed", 3)]) == (left(rejected), holds(rejected))


def test_a_rejection_outlives_a_doubt(rejected: Stage) -> None:
    rejected.people.complete = False
    rejected.apply()
    rejected.people.down = "the source is down"
    rejected.apply()
    rejected.people.down, rejected.people.complete = None, True
    rejected.apply()
    assert (set(), [("h1", "rejected", 3)]) == (left(rejected), holds(rejected))


def test_who_keeps_a_role_by_a_rejection_does_not_lose_it_with_the_role(stage: Stage) -> None:
    leave(stage, *TWENTY)
    stage.apply()
    say(stage, HoldRuling.REJECT)
    stage.limits = Limits(removals=10**6, permissions=10**6, share=1.0)
    from syncd.mapping.parse import parse
    from syncd.reconcile import apply
    from syncd.targets.airflow.naming import NAMING

    nothing = parse({"m.yaml": b"roles: {}\nbindings: []\n"}, sources=frozenset({"people"}), namings=[NAMING])
    apply(replace(stage.world(), rules=nothing))
    assert "finance" in stage.prod.roles
    assert set() == left(stage)


def test_a_rejection_is_of_one_deployment(stage: Stage) -> None:
    stage.targets = {name: MemoryTarget(name, dags=DAGS) for name in ("prod", "test")}
    stage.apply()
    leave(stage, *THREE)
    stage.apply()
    [one] = stage.store.inbox.listed(deployments=["test"])
    say(stage, HoldRuling.REJECT, one.name)
    stage.limits = Limits(removals=10, share=1.0)
    stage.apply()
    assert set(THREE) == left(stage)
    assert not [user for user in stage.targets["test"].users.values() if not user.roles]


# --- both databases -----------------------------------------------------------------------------------------------------

LOSES = Change(User("ann", "", "", "", frozenset({"finance"})), User("ann", "", "", "", frozenset()))
GOES = Change(Role("old", frozenset()), None)


def plan_(store: Stores, *changes: Change, approved: str | None = None) -> None:
    held = Held(changes, ("too many",), "prod") if changes and not approved else None
    run = store.ledger.start_run("apply", scope=EVERYTHING, now=NOW)
    store.ledger.record_plan(run, Plan("prod", EVERYTHING, changes), held=held, approved=approved, now=NOW)


def test_both_databases_keep_what_is_said(store: Stores) -> None:
    plan_(store, LOSES, GOES)
    said = store.inbox.say("h1", hold_word(HoldRuling.REJECT, by="anna", origin="x", at=NOW), needs=1, expires=DAY)
    assert isinstance(said, HoldRecord)
    assert said == store.inbox.find("h1")
    [rejection] = store.inbox.rejections("prod")
    assert frozenset((*LOSES.effects, *GOES.effects)) == rejection.effects
    again = store.inbox.say("h1", hold_word(HoldRuling.REJECT, by="bob", origin="x", at=NOW), needs=1, expires=DAY)
    assert NotTaken("h1 is rejected already, by anna, 2026-03-01 12:00 UTC") == again
    store.inbox.say("h1", hold_word(HoldRuling.APPROVE, by="bob", origin="x", at=NOW), needs=1, expires=DAY)
    assert frozenset({said.digest}) == store.inbox.approved("prod", since=NOW)
    assert frozenset() == store.inbox.approved("prod", since=NOW + timedelta(seconds=1))
    assert frozenset() == store.inbox.approved("test", since=NOW)
    plan_(store, LOSES, GOES, approved=said.digest)
    assert frozenset() == store.inbox.approved("prod", since=NOW)
    plan_(store, LOSES, GOES)
    assert ["waits", "passed"] == [one.state.value for one in store.inbox.listed(over=True)]
    assert Kind.DELETE in {change.kind for change in (store.inbox.find("h2") or said).changes}
    assert isinstance(
        store.inbox.say("h9", hold_word(HoldRuling.APPROVE, by="b", origin="x", at=NOW), needs=1, expires=DAY), NotTaken
    )
