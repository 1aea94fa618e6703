"""Accounts for emergencies: never touched, and each use is noticed once, whatever happened to the process in between."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from grants_world import Staff
from memory_journal import MemoryJournal
from stages import Stage, planned, put, roles_of

from syncd.errors import TargetUnavailable
from syncd.model import KeptSignIns, LoggedAct, SignIns, User
from syncd.plan.sign_ins import looked
from syncd.reconcile import plan
from syncd.store import Stores
from syncd.targets.memory import MemoryTarget


@pytest.fixture(params=["memory", "database"])
def stage(request: pytest.FixtureRequest, store: Stores) -> Stage:
    staff = Staff({"finance": ["anna"]}, everybody=["anna", "bob"])
    target = MemoryTarget("prod", signed_in={"emergency": SignIns(7, None, "2026-01-01T00:00:00")})
    stage = Stage(MemoryJournal() if request.param == "memory" else store, staff, {"prod": target})
    stage.deployment = replace(stage.deployment, break_glass=frozenset({"emergency"}))
    return stage


def notes(stage: Stage) -> list[str]:
    return [f"{note.code}: {note.text}" for note in planned(stage.apply()).notes if note.code.startswith("break_glass")]


def test_the_first_look_tells_nobody(stage: Stage) -> None:
    assert [] == notes(stage)
    assert [] == notes(stage)


def test_a_use_is_noticed_once_and_told_for_a_day(stage: Stage) -> None:
    stage.apply()
    stage.prod.signed_in["emergency"] = SignIns(9, None, "2026-03-01T11:58:00")
    said = (
        "break_glass_used: the break-glass account emergency signed in 2 times, the last time at 2026-03-01T11:58:00 by its "
        "clock; noticed at 2026-03-01 12:00 UTC; ask who did, and why"
    )

    assert [said] == notes(stage)
    stage.now += timedelta(hours=23)
    assert [said] == notes(stage), "as it was noticed, however often it is looked at"
    assert 1 == stage.events.count("break_glass_used")
    stage.now += timedelta(hours=1)
    assert [] == notes(stage)


def test_a_plan_notices_too(stage: Stage) -> None:
    stage.apply()
    stage.prod.signed_in["emergency"] = SignIns(8, None, "2026-03-01T11:58:00")
    assert "break_glass_used" in {note.code for note in planned(plan(stage.world())).notes}


def test_an_account_that_is_not_there_is_told(stage: Stage) -> None:
    stage.prod.signed_in.clear()
    text = "prod has no account emergency, which `break_glass` names; make it, or take the name out"
    assert [f"break_glass_missing: {text}"] == notes(stage)


def test_where_it_cannot_be_read_the_pass_goes_on(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.apply()
    stage.prod.signed_in["emergency"] = SignIns(8)
    stage.apply()

    def refused(_self: object, _names: object) -> dict[str, SignIns]:
        raise TargetUnavailable("403")

    monkeypatch.setattr(MemoryTarget, "sign_ins", refused)
    stage.people.members = {"finance": ["anna", "bob"]}
    assert 1 == len(notes(stage)), "what was noticed is told"
    assert {"finance", "Viewer"} == roles_of(stage.prod, "bob")
    assert "break_glass_unread" in stage.events


def test_it_is_never_touched(stage: Stage) -> None:
    stage.deployment = replace(stage.deployment, protected=frozenset({"emergency"}), remove_manual_grants=True)
    put(stage.prod, User("emergency", "e@example.com", "E", "M", frozenset({"finance", "Admin"})))
    stage.apply()
    assert {"finance", "Admin"} == roles_of(stage.prod, "emergency")


NOW = Stage(None, Staff({}), {}).now
LOOKS = {
    "it never signed in": (SignIns(), SignIns(), ""),
    "for the first time": (SignIns(), SignIns(1, 0, "a"), "signed in once, the last time at a by its clock"),
    "another time": (SignIns(1, 0, "a"), SignIns(1, 0, "b"), "signed in, the last time at b by its clock"),
    "a wrong password": (SignIns(1, 0, "a"), SignIns(1, 3, "a"), "was tried 3 times with a wrong password"),
    "made anew": (SignIns(4, 0, "a"), SignIns(), "was made anew, or its count of sign-ins was set back from 4 to 0"),
    "its count of failures begins anew": (SignIns(1, 3, "a"), SignIns(1, 0, "a"), ""),
}


@pytest.mark.parametrize("case", LOOKS)
def test_what_a_look_finds(case: str) -> None:
    before, now, said = LOOKS[case]
    assert said == looked(KeptSignIns(before, NOW), now, now=NOW).noticed


def test_a_use_is_a_record_of_the_journal(store: Stores) -> None:
    kept = KeptSignIns(SignIns(1), NOW, "signed in once", NOW)
    store.break_glass.keep("prod", {"emergency": kept})
    store.break_glass.keep("prod", {"emergency": replace(kept, since=NOW + timedelta(hours=1))})
    assert 1 == sum('"kind":"break_glass_used"' in line for _, line in store.records.lines())


@pytest.mark.finding("N-614")
def test_what_it_does_by_a_session_of_before_is_noticed_where_the_log_can_be_read(stage: Stage) -> None:
    stage.apply()
    stage.now += timedelta(minutes=15)
    stage.prod.acted["emergency"] = [LoggedAct(stage.now - timedelta(minutes=3), "trigger_dag_run on DAG fin_daily")]
    said = (
        "break_glass_used: the break-glass account emergency did there, as its event log says, the newest first: trigger_dag_run "
        "on DAG fin_daily at 2026-03-01 12:12 UTC; noticed at 2026-03-01 12:15 UTC; ask who did, and why"
    )
    assert [said] == notes(stage)
    stage.now += timedelta(minutes=15)
    assert [said] == notes(stage), "as it was noticed"
    assert 1 == stage.events.count("break_glass_used")


def test_what_a_clock_that_goes_ahead_notes_is_told_once() -> None:
    before, act = KeptSignIns(SignIns(1), NOW), LoggedAct(NOW + timedelta(minutes=20), "post_variable")
    early = looked(before, SignIns(1), [act], now=NOW + timedelta(minutes=15))
    assert before is early
    late = looked(early, SignIns(1), [act], now=NOW + timedelta(minutes=30))
    assert late.noticed.startswith("did there, as its event log says")
    assert late is looked(late, SignIns(1), [act], now=NOW + timedelta(minutes=45))
