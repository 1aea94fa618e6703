"""A pass that changes nothing makes as many calls as there are pages, plus the look at the server."""

from __future__ import annotations

from pathlib import Path

import pytest
from site_fleet import Fleet
from sites import Site, StandInSite

from syncd.sandbox.airflow import PRESETS, SAMPLE_DAGS, DagFile, StandIn, serve

USERS, DAGS = 250, 130
PAGES = 1 + 3 + 2
"""One page of roles, three of users, two of DAGs."""

LOOK = {
    "2.11.2": ["GET /version", "GET /providers", "GET /roles (cookie)"],
    "3.0.6": [],
    "3.1.8+3.1.1": [],
    "3.3.2": [],
}


@pytest.mark.parametrize("preset", sorted(LOOK))
def test_a_pass_that_changes_nothing_reads_each_page_once(
    preset: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = StandIn(
        PRESETS[preset], dags=[*SAMPLE_DAGS, *(DagFile(f"d{n:03}") for n in range(DAGS - len(SAMPLE_DAGS)))]
    )
    for n in range(USERS - 2):
        server.state.add_user(f"u{n:03}", password="x", roles={"Viewer"})
    with serve(server) as url:
        site: Site = StandInSite(preset, server, url)
        fleet = Fleet(tmp_path, {"site": site}, monkeypatch, groups={"team": []})
        fleet.add_person("anna", "team")
        fleet.write(
            mapping="roles: {team: {dags: [{level: view, id: 'd*'}]}}\n"
            "bindings: [{group: 'people:team', roles: [team], deployments: all}]\n"
        )
        fleet.apply()
        assert USERS == len(server.state.users)
        server.calls.clear()
        fleet.apply()
        calls = [(c.method, c.path.rsplit("/", 1)[-1], c.query) for c in server.calls]
    writes = [c for c in calls if c[0] != "GET" and c[1] != "token"]
    pages = [c for c in calls if c[1] in {"roles", "users", "dags"} and "limit=100" in c[2]]
    assert [] == writes
    assert PAGES == len(pages) == len(set(pages)), calls
    rest = [c for c in calls if c not in pages]
    assert len(rest) <= 3, rest
