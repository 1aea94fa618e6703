"""The numbered story, told on every Airflow there is: real servers of the oldest and the newest releases, and stand-ins of
each release that was measured. `make matrix` tells it on real servers of all of them.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from site_fleet import Fleet
from sites import RealSite, Site, StandInSite, sample
from story import BULK, CHAPTERS, Story, once_upon_a_time, the_story

from syncd.sandbox.airflow import PRESETS, SAMPLE_DAGS, StandIn, serve
from syncd.sandbox.servers import RealAirflow

UNMANAGEABLE = {"3.1.8+3.2.0", "3.1.8+3.3.0", "3.3.2-simple", "3.3.2-keycloak"}
OLDEST = "2.9.0"
MANAGEABLE = sorted(set(PRESETS) - UNMANAGEABLE)


@pytest.fixture
def tell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Site], Story]:
    def start(site: Site) -> Story:
        fleet = Fleet(tmp_path, {"site": site}, monkeypatch)
        return Story(fleet, site, uuid.uuid4().hex[:6])

    return start


@pytest.fixture(params=MANAGEABLE)
def stand_in_site(request: pytest.FixtureRequest) -> Iterator[Site]:
    bulk = [sample(name, tags=["bulk"]) for name in BULK]
    server = StandIn(replace(PRESETS[request.param], cache_ttl_s=0), dags=[*SAMPLE_DAGS, *bulk])
    with serve(server) as url:
        yield StandInSite(request.param, server, url)


def test_the_story_on_a_stand_in(stand_in_site: Site, tell: Callable[[Site], Story]) -> None:
    the_story(tell(stand_in_site))


@pytest.mark.servers
def test_the_story_on_airflow_2(real_airflow_2: RealAirflow, tell: Callable[[Site], Story]) -> None:
    the_story(tell(RealSite(real_airflow_2)))


@pytest.mark.servers
def test_the_story_on_airflow_3(real_airflow_3: RealAirflow, tell: Callable[[Site], Story]) -> None:
    the_story(tell(RealSite(real_airflow_3)))


@pytest.mark.servers
@pytest.mark.finding("R-F1")
def test_the_story_begins_well_on_the_oldest_airflow(sample_dags: Path, tell: Callable[[Site], Story]) -> None:
    """All of it takes long on a release that hashes a password at every call; `make matrix` tells it."""
    with RealAirflow(OLDEST, dags=sample_dags) as server:
        story = tell(RealSite(server))
        once_upon_a_time(story)
        for chapter in CHAPTERS[:4]:
            chapter(story)


@pytest.mark.parametrize("preset", sorted(UNMANAGEABLE))
def test_a_server_that_cannot_be_managed_is_told_so(preset: str, tell: Callable[[Site], Story]) -> None:
    server = StandIn(PRESETS[preset])
    with serve(server) as url:
        story = tell(StandInSite(preset, server, url))
        once_upon_a_time(story)
        doctor = story.fleet.run("doctor")
        told = story.fleet.apply(expect=1)
    words = {
        "3.1.8+3.2.0": ["3.2.0", "3.4.0"],
        "3.1.8+3.3.0": ["3.3.0", "3.4.0"],
        "3.3.2-simple": ["Simple auth manager"],
        "3.3.2-keycloak": ["Keycloak auth manager"],
    }[preset]
    assert all(word in told.out + told.err for word in words), told.out + told.err
    assert 1 == doctor.code
    assert "bearer" not in doctor.out, "nobody here signs in with a token of their own"
    assert ["admin"] == sorted(server.state.users)
