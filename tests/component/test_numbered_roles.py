"""Where roles cannot be changed, one stays under a number: whoever holds it by us is known to, and loses it in time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from airflow_world import world
from stages import Stage
from test_partly import against, stage

from syncd.mapping.parse import parse
from syncd.model import EVERYTHING, Permission, Scope
from syncd.plan.limits import Limits
from syncd.reconcile import apply
from syncd.sandbox.airflow.app import StandIn
from syncd.targets.airflow.naming import NAMING

__all__ = ["stage"]
EXTRA = Permission("can_read", "Pools")
SOME = Scope(frozenset({"anna", "bob", "carl"}))


@pytest.mark.finding("N-202")
@pytest.mark.parametrize("scope", [EVERYTHING, SOME], ids=["everything", "a few people"])
def test_a_role_that_is_not_ours_and_that_no_line_gives_any_more_is_taken_from_whom_we_gave_it(
    stage: Stage, tmp_path: Path, scope: Scope
) -> None:
    with world(StandIn("3.1.8+3.1.1", dags=()), tmp_path) as server:
        state = server.server.state
        state.roles["finance"] = {EXTRA}
        auditor = state.add_user("auditor", password="x", roles={"finance"})
        reached = against(stage, server)
        reached = replace(reached, targets=(replace(reached.targets[0], limits=Limits(share=1.0)),))
        assert 0 == apply(reached).exit_code()
        assert {"finance~1"} == state.users["anna"].roles - {"Viewer"} == auditor.roles

        nothing = parse({"mappings/finance.yaml": b"bindings: []\n"}, sources=frozenset({"people"}), namings=[NAMING])
        report = apply(replace(reached, rules=nothing), scope=scope)

        assert 0 == report.exit_code()
        assert [set(), set()] == [state.users[name].roles for name in ("anna", "bob")]
        assert {"finance~1"} == auditor.roles, "another hand gave it"
