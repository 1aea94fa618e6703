"""Reading DAGs on every release: what `fields` and the total make of a listing, and how owners are spelled."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest
from airflow_world import DAGS, World, apply, finance, world

from syncd.errors import TargetUnauthorized, TargetUnavailable
from syncd.mapping.inventory import Inventory
from syncd.model import At, DagSelector, Level, Status
from syncd.sandbox.airflow import PRESETS, DagFile, StandIn
from syncd.sandbox.airflow.answers import answer
from syncd.sandbox.airflow.faults import Instead, on
from syncd.targets.airflow.target import AirflowTarget

SHARED = DagFile("shared", owners=("alice", "bob"))
READABLE = sorted(set(PRESETS) - {"3.1.8+3.2.0", "3.1.8+3.3.0", "3.3.2-simple", "3.3.2-keycloak"})
UNCOUNTED = ("2.9.3", "2.10.0", "2.10.2")


def listings(w: World) -> list[str]:
    return [call.query for call in w.server.calls if call.path.endswith("/dags")]


@pytest.mark.finding("R-F1")
@pytest.mark.finding("C-23")
@pytest.mark.parametrize("preset", READABLE)
def test_every_dag_is_listed_with_its_owners(preset: str, tmp_path: Path) -> None:
    many = [DagFile(f"d{n:03}") for n in range(130)]
    with world(StandIn(preset, dags=[*many, SHARED]), tmp_path) as w:
        found = w.target().inventory()
        assert 131 == len(found)
        assert frozenset({"alice", "bob"}) == found[-1].owners


@pytest.mark.finding("R-F1")
@pytest.mark.parametrize("preset", [*UNCOUNTED, "2.8.4"])
def test_a_release_that_cannot_list_in_short_is_not_asked_to(preset: str, tmp_path: Path) -> None:
    with world(StandIn(preset, dags=DAGS), tmp_path) as w:
        w.target().inventory()
        assert ["fields" in query for query in listings(w)] == [False]


@pytest.mark.finding("R-F1")
@pytest.mark.parametrize("fields", ["uncounted", "refused"])
def test_a_release_that_turns_out_not_to_is_asked_again_once(
    fields: Literal["uncounted", "refused"], tmp_path: Path
) -> None:
    with world(StandIn(replace(PRESETS["2.11.2"], dag_fields=fields), dags=DAGS), tmp_path) as w:
        target = w.target()
        assert len(DAGS) == len(target.inventory())
        target.forget()
        target.inventory()
        assert ["fields" in query for query in listings(w)] == [True, False, False]


@pytest.mark.finding("R-F1")
@pytest.mark.parametrize("preset", ["2.11.2", "3.3.2"])
def test_a_listing_without_a_total_is_not_called_another_api(preset: str, tmp_path: Path) -> None:
    with world(StandIn(preset, dags=DAGS), tmp_path) as w:
        w.server.faults.add(Instead(answer({"dags": []}, 200)), on("GET", "*/dags"))
        with pytest.raises(TargetUnauthorized, match="without saying how many there are in all") as refused:
            w.target().look()
        assert "something other than Airflow" not in str(refused.value)


@pytest.mark.finding("R-F2")
@pytest.mark.finding("C-24")
@pytest.mark.parametrize("preset", READABLE)
def test_a_dag_of_several_owners_is_chosen_by_each(preset: str, tmp_path: Path) -> None:
    with world(StandIn(preset, dags=[SHARED]), tmp_path) as w:
        inventory = Inventory(w.target().inventory())
        for owner in ("alice", "bob"):
            selector = DagSelector(Level.VIEW, At("m.yaml", 1), owners=(owner,))
            assert frozenset({"shared"}) == inventory.matching(selector)


@pytest.mark.finding("R-F2")
@pytest.mark.parametrize(
    ("preset", "sent"), [("2.10.5", " bob"), ("2.11.2", " bob"), ("3.0.2", " bob"), ("3.0.6", "bob")]
)
def test_the_stand_in_spells_owners_as_its_release_does(preset: str, sent: str, tmp_path: Path) -> None:
    with world(StandIn(preset, dags=[SHARED]), tmp_path) as w:
        target = w.target()
        target.look()
        rows = target._wire.all(next(area for area in target._wire.chosen if area == "dags"))
        assert ["alice", sent] == rows[0]["owners"], json.dumps(rows)


@pytest.mark.finding("R-F1")
def test_run_resources_come_with_the_provider_that_makes_them(tmp_path: Path) -> None:
    with world(StandIn("2.10.0", dags=DAGS), tmp_path) as w:
        assert not w.target().capabilities.dag_run_resources
    with world(StandIn("2.10.2", dags=DAGS), tmp_path) as w:
        assert w.target().capabilities.dag_run_resources


@pytest.mark.finding("R-F10")
def test_a_server_without_run_resources_is_not_asked_for_each(tmp_path: Path) -> None:
    """Its provider may not be read, so its version says that it has them."""
    with world(StandIn(replace(PRESETS["2.10.0"], fab_version=None), dags=DAGS), tmp_path) as w:
        target = w.target()
        role = finance(target)
        outcome = apply(target, None, role)
        refused = [call for call in w.server.calls if call.status == 400]
        assert (Status.PENDING, 3) == (outcome.status, len(refused))
        assert "can_create on DAG Run:fin_29" in outcome.detail, "what was not asked for is told as well"
        runs = {p for p in role.permissions if p.resource.startswith("DAG Run:")}
        assert role.permissions - runs == w.server.state.roles["finance"]
        assert not target.capabilities.dag_run_resources


@pytest.mark.finding("R-F10")
@pytest.mark.parametrize("preset", ["2.11.2", "3.1.8+3.0.3", "3.3.2"])
def test_dags_that_are_not_parsed_yet_keep_no_runs_of_others_back(preset: str, tmp_path: Path) -> None:
    with world(StandIn(preset, dags=DAGS[5:]), tmp_path) as w:
        target = w.target()
        role = finance(target)
        outcome = apply(target, None, role)
        later = tuple(f":{dag.id}" for dag in DAGS[:5])
        missing = {p for p in role.permissions if p.resource.endswith(later)}
        assert Status.PENDING == outcome.status
        assert role.permissions - missing == w.server.state.roles["finance"]
        assert target.capabilities.dag_run_resources


PLACED = DagFile("placed", file="finance/daily/placed.py", bundle="fin")


@pytest.mark.parametrize("preset", READABLE)
def test_a_dag_says_its_bundle_and_file_where_its_release_does_in_no_call_more(preset: str, tmp_path: Path) -> None:
    with world(StandIn(preset, dags=[PLACED]), tmp_path) as w:
        settings = w.settings()
        for folder, known in (
            ("", preset[0] == "3"),
            ("/dags", True),
            ("/dags/", True),
            ("/elsewhere", preset[0] == "3"),
        ):
            target = AirflowTarget("prod", replace(settings, dags_folder=folder))
            (found,) = target.inventory()
            before = len(listings(w))
            assert ("fin" if preset[0] == "3" else None) == found.bundle
            assert ("finance/daily/placed.py" if known else None) == found.path
            target.forget()
            target.inventory()
            assert 1 == len(listings(w)) - before
            assert ("path" in target.dialect().untold) == (preset[0] == "2" and not folder)
            assert ("bundle" in target.dialect().untold) == (preset[0] == "2")
            target.close()


@pytest.mark.parametrize("field", ["tags", "owners"])
def test_a_listing_that_leaves_out_by_what_dags_are_chosen_is_not_believed(field: str, tmp_path: Path) -> None:
    """A DAG without tags is in nobody's `not: {tag: pii}`."""
    row = {"dag_id": "a", "tags": [], "owners": []}
    del row[field]
    with world(StandIn("3.3.2", dags=DAGS), tmp_path) as w:
        target = w.target()
        target.look()
        w.server.faults.add(Instead(answer({"dags": [row], "total_entries": 1}, 200)), on("GET", "*/dags"))
        target.forget()
        with pytest.raises(TargetUnavailable, match=f"without '{field}' in it"):
            target.inventory()
