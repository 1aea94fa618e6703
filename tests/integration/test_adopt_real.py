"""`syncd adopt` on an Airflow that was kept by hand: the plan after it is empty, and an apply changes nothing."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from messy import Mess, expected
from site_fleet import Fleet
from sites import KeptSite, RealSite, StandInSite

from syncd.sandbox.airflow import PRESETS, StandIn, serve
from syncd.sandbox.servers import RealAirflow

pytestmark = pytest.mark.finding("N-431")


@pytest.fixture
def adopted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[KeptSite], None]:
    def tell(site: KeptSite) -> None:
        mess = Mess(site, Fleet(tmp_path, {"site": site}, monkeypatch, username="{login}"), uuid.uuid4().hex[:6])
        mess.know()
        mess.make()
        text = nothing_changes(mess, tmp_path)
        assert [] == [line for line in expected(mess) if line not in text], text

    return tell


def nothing_changes(mess: Mess, folder: Path) -> str:
    """Adopt, plan and apply; gives what was adopted."""
    fleet, before = mess.fleet, mess.seen()
    fleet.write(mapping="")
    (folder / "mappings" / "all.yaml").unlink()
    ran = fleet.run("adopt", "site", "--into", str(folder / "mappings"))
    assert 0 == ran.code, ran.out + ran.err
    checked = fleet.run("check")
    assert 0 == checked.code, checked.out + checked.err
    fleet.check(expect=0)
    for _ in range(2):
        fleet.apply()
        assert before == mess.seen()
    return (folder / "mappings" / "adopted.yaml").read_text()


@pytest.mark.parametrize("preset", ["2.9.0", "2.11.2", "3.0.6", "3.3.2"])
def test_a_mess_on_a_stand_in(preset: str, adopted: Callable[[KeptSite], None]) -> None:
    server = StandIn(PRESETS[preset])
    with serve(server) as url:
        adopted(StandInSite(preset, server, url))


@pytest.mark.servers
@pytest.mark.parametrize("version", ["2", "3"])
def test_a_mess_on_a_real_server(
    version: str, request: pytest.FixtureRequest, adopted: Callable[[KeptSite], None]
) -> None:
    server: RealAirflow = request.getfixturevalue(f"real_airflow_{version}")
    adopted(RealSite(server))
