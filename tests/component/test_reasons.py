"""Why people lose what they lose, whenever it goes at last; and what is called another hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from stages import DAGS, NOW, People, Stage, made_for, put

from syncd.mapping.endings import Endings
from syncd.mapping.parse import parse
from syncd.model import (
    DAYS,
    EVERYTHING,
    DesiredState,
    Plan,
    Reason,
    Role,
    Snapshot,
    User,
    What,
)
from syncd.plan.because import ENDED, summed
from syncd.plan.limits import Limits
from syncd.reconcile import DeploymentReport, PassRequest, World, apply, read_directory
from syncd.store import Stores
from syncd.targets.airflow.naming import NAMING, permission
from syncd.targets.memory import MemoryTarget

EDIT = permission("can_edit", "DAG:fin_daily")


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with closing(Stores.open(f"sqlite:///{tmp_path / 'syncd.db'}")) as store:
        people = People({"finance": ["anna", "bob", "carol"]})
        yield Stage(
            store, people, {"prod": MemoryTarget("prod", dags=DAGS)}, limits=Limits(removals=1, share=1.0, floor=0)
        )


def applied(stage: Stage) -> DeploymentReport:
    return stage.apply().deployments[0]


def approved(stage: Stage) -> DeploymentReport:
    held = stage.store.queries.held("prod")
    assert held is not None
    return stage.apply(approved=(held.held.digest,)).deployments[0]


@pytest.mark.finding("H-E9")
@pytest.mark.finding("U-B1")
@pytest.mark.finding("U-B10")
def test_an_approved_removal_is_no_drift_and_keeps_its_reason(stage: Stage) -> None:
    stage.apply()
    stage.people.members = {"finance": ["anna"]}
    first = applied(stage)
    for _ in range(3):
        stage.now += timedelta(minutes=15)
        held = applied(stage).held
        assert held is not None
        assert first.held is not None
        assert [c.because for c in first.held.changes] == [c.because for c in held.changes]
    passed = approved(stage)
    assert (0, 2) == (passed.drift, len(passed.outcomes))
    assert all("was given by people:finance" in str(o.change.because[0]) for o in passed.outcomes)
    rows = stage.store.queries.audit(deployment="prod", user="bob", status="applied")
    why = rows[0].change.because[0]
    assert "was given by people:finance (mappings/finance.yaml:5)" in str(why)
    assert [("people", "finance", "mappings/finance.yaml:5")] == [(r.source, r.group, r.at) for r in why.reasons]


@pytest.mark.finding("U-B1")
def test_a_pass_that_holds_something_is_not_called_converged(stage: Stage) -> None:
    stage.apply()
    reached = stage.store.queries.last_plan("prod")
    stage.people.members = {"finance": ["anna"]}
    stage.now += timedelta(minutes=15)
    stage.apply()
    now = stage.store.queries.last_plan("prod")
    assert reached is not None
    assert now is not None
    assert (reached.reached_run, reached.reached_at) == (now.reached_run, now.reached_at)
    passed = approved(stage)
    again = stage.store.queries.last_plan("prod")
    assert again is not None
    assert (True, now.run.id + 1) == (passed.converged, again.reached_run)


@pytest.mark.finding("U-B1")
def test_a_state_that_was_not_reached_is_known_and_has_no_time(stage: Stage) -> None:
    run = stage.store.ledger.start_run("apply", scope=EVERYTHING, now=NOW)
    stage.store.ledger.record_plan(run, Plan("prod", EVERYTHING, ()), held=None, approved=None, now=NOW)
    state = DesiredState("prod", {}, {}, {})
    stage.store.memory.save_desired(run, state, reached=False)
    standing = stage.store.queries.last_plan("prod")
    assert standing is not None
    assert (state, None, None) == (stage.store.memory.last_desired("prod"), standing.reached_at, standing.reached_run)
    stage.store.memory.save_desired(run, state)
    standing = stage.store.queries.last_plan("prod")
    assert standing is not None
    assert run == standing.reached_run


@pytest.mark.finding("H-E9")
def test_what_was_kept_on_doubt_is_no_drift_when_it_goes(stage: Stage) -> None:
    stage.apply()
    stage.people.members["finance"] = ["anna", "bob"]
    members = stage.people.members
    stage.people.members = {"others": ["zoe"]}  # the group is not there: nobody loses anything by it
    assert 6 == len(applied(stage).plan.kept)  # type: ignore[union-attr]
    stage.people.members = members
    found = applied(stage)
    assert (["carol"], 0) == ([o.change.name for o in found.outcomes], found.drift)
    assert "was given by people:finance" in str(found.outcomes[0].change.because[0])


@pytest.mark.finding("H-E9")
def test_another_hand_is_told_beside_what_is_held(stage: Stage) -> None:
    stage.apply()
    stage.people.members = {"finance": ["anna"]}
    stage.apply()
    put(stage.prod, replace(stage.prod.users["anna"], roles=frozenset({"Viewer"})))
    put(stage.prod, User("bob", "bob@example.com", "Bob", "Test", frozenset({"finance"})))
    assert 1 == applied(stage).drift, "bob's Viewer was to go anyway"


@pytest.mark.finding("H-E9")
def test_what_the_mapping_changes_and_what_a_hand_changed_in_one_role_are_told_apart(stage: Stage) -> None:
    stage.apply()
    stage.prod.dags = DAGS[1:]
    assert 0 == made_for(stage, PassRequest(EVERYTHING, "sweep")).drift, "a DAG went"
    role = stage.prod.roles["finance"]
    put(stage.prod, Role("finance", role.permissions | {EDIT}))
    assert 1 == made_for(stage, PassRequest(EVERYTHING, "sweep")).drift
    assert stage.now == NOW


# --- what ended ---------------------------------------------------------------------------------------------------------

LINES = """
roles: {"fin: a": {permissions: [can_read on Pools]}}
bindings:
  - {group: people:finance, roles: ["fin: a"], deployments: all%s}
  - {group: people:staff, roles: [Viewer], deployments: all}
"""


WINDOW = f", during: {{days: [{DAYS[NOW.weekday()]}], zone: UTC}}"


def with_lines(stage: Stage, lines: str) -> World:
    rules = parse({"m.yaml": lines.encode()}, sources=frozenset({"people"}), namings=[NAMING])
    return replace(stage.world(), rules=rules)


def take_the_line_out(stage: Stage) -> str:
    del stage
    return "roles: {}\nbindings:\n  - {group: people:staff, roles: [Viewer], deployments: all}\n"


def end_the_binding(stage: Stage) -> str:
    stage.now += timedelta(days=2)
    return LINES % ", until: 2026-03-02"


def close_the_window(stage: Stage) -> str:
    stage.now += timedelta(days=1)
    return LINES % WINDOW


def leave_the_group(stage: Stage) -> str:
    stage.people.members["finance"] = ["anna"]
    return LINES % ""


def leave_everything(stage: Stage) -> str:
    stage.people.members = {"finance": ["anna"], "staff": ["anna"]}
    return LINES % ""


def deactivate(stage: Stage) -> str:
    stage.people = Deactivates(stage.people.members)
    return LINES % ""


class Deactivates(People):
    """A source that says of bob that he is no more active."""

    def read(self) -> Snapshot:
        found = super().read()
        return replace(found, identities=tuple(replace(i, active=i.id != "bob") for i in found.identities))


@pytest.mark.finding("U-B10")
@pytest.mark.finding("H-E19")
@pytest.mark.parametrize(
    ("change", "what"),
    [
        (take_the_line_out, What.LINE_GONE),
        (end_the_binding, What.BINDING_ENDED),
        (close_the_window, What.NOT_NOW),
        (leave_the_group, What.LEFT_GROUP),
        (leave_everything, What.NOT_KNOWN),
        (deactivate, What.DEACTIVATED),
    ],
)
def test_a_removal_says_what_happened(stage: Stage, change: Callable[[Stage], str], what: What) -> None:
    stage.limits = Limits(share=1.0)
    stage.people.members = {"finance": ["anna", "bob"], "staff": ["anna", "bob"]}
    apply(with_lines(stage, LINES % {What.BINDING_ENDED: ", until: 2026-03-02", What.NOT_NOW: WINDOW}.get(what, "")))
    after = change(stage)
    apply(with_lines(stage, after))
    [row] = stage.store.queries.audit(user="bob", status="applied", limit=1)
    why = next(why for why in row.change.because if why.role == "fin: a")
    assert what is why.what
    assert f"was given by people:finance (m.yaml:4): {ENDED[what]}" == why.text
    [holding] = [h for h in stage.store.queries.history(user="bob") if h.role == "fin: a"]
    assert ((why.text,), ("people:finance (m.yaml:4)",)) == (holding.ended_because, holding.because)


@pytest.mark.finding("U-B10")
def test_what_ended_is_summed_up(stage: Stage) -> None:
    stage.people.members["staff"] = ["bob", "carol"]
    stage.apply()
    stage.people.members["finance"] = ["anna"]
    held = applied(stage).held
    assert held is not None
    assert "2 left the group" == summed(held.changes)


@pytest.mark.finding("U-B10")
def test_a_group_that_was_made_anew_is_another_group(stage: Stage) -> None:
    directory = read_directory(stage.world())
    reason = Reason("people", "old id", "finance", "m.yaml:4")
    rules = parse({"m.yaml": (LINES % "").encode()}, sources=frozenset({"people"}), namings=[NAMING])
    endings = Endings(rules, directory, stage.deployment, {"bob": (("people", "bob"),)}, NOW)
    assert What.GROUP_GONE is endings.of("bob", "fin: a", reason)
    here = replace(reason, group_id="finance")
    assert What.RENAMED is endings.of("bob", "fin: a", here), "still a member: the account has another name"
    assert What.NOT_GIVEN is endings.of("who", "fin: a", here), "nobody knows who that was"
    assert What.LINE_GONE is endings.of("bob", "fin: a", replace(here, group="other", group_id="other"))
