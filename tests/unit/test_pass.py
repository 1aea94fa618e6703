"""The order of a pass, on a deployment of dicts and a journal in memory; `test_reconcile.py` has the same on a database."""

from __future__ import annotations

import pytest
from memory_journal import MemoryJournal
from passes import *  # noqa: F403 - collected here: the tests that ask for no database
from stages import DAGS, People, Stage, roles_of

from syncd.plan.limits import Limits
from syncd.targets.memory import MemoryTarget


@pytest.fixture
def stage() -> Stage:
    return Stage(MemoryJournal(), People({"finance": ["anna", "bob"]}), {"prod": MemoryTarget("prod", dags=DAGS)})


def test_what_is_done_was_written_down_first_and_its_end_before_the_next(stage: Stage) -> None:
    stage.apply()

    log = stage.store.ledger.log
    assert "plan" == log[0]
    for name in ("finance", "anna", "bob"):
        begun, call, ended = (at for at, line in enumerate(log) if name in line)
        assert begun + 1 == call == ended - 1, log
        assert [f"intent {name}", f"applied {name}"] == [log[begun], log[ended]]


def test_what_a_limit_holds_is_written_down_and_not_begun(stage: Stage) -> None:
    stage.apply()
    stage.people.members = {"finance": ["anna"]}
    stage.limits = Limits(floor=0)
    log = stage.store.ledger.log
    log.clear()

    assert 4 == stage.apply().exit_code()

    assert (["plan"], {"finance", "Viewer"}) == (log, roles_of(stage.prod, "bob"))
    assert ["bob"] == [row.change.name for row in stage.store.ledger.rows if row.status == "held"]
