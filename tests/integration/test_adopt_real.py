"""`syncd adopt` on an Airflow that was kept by hand and by the code of its DAGs: the plan after it is empty, an apply changes
nothing, and what the code gave stays when it leaves the code, step by step as docs/migrate-access-control.md has it.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from messy import EDITS, Mess, expected
from site_fleet import Fleet
from sites import KeptSite, RealSite, StandInSite

from syncd.sandbox.airflow import PRESETS, StandIn, serve
from syncd.sandbox.servers import RealAirflow

pytestmark = [pytest.mark.finding("N-431"), pytest.mark.finding("N-432")]


@pytest.fixture
def tell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[KeptSite], None]:
    def start(site: KeptSite) -> None:
        fleet = Fleet(tmp_path, {"site": site}, monkeypatch, username="{login}")
        fleet.write(mapping="bindings: []")
        (tmp_path / "mappings" / "all.yaml").unlink()
        mess = Mess(site, fleet, uuid.uuid4().hex[:6])
        mess.know()
        mess.make()
        fleet.write_people()
        adopted = tmp_path / "mappings" / "adopted.yaml"
        nothing_changes(mess, adopted)
        it_leaves_the_code(mess, adopted)

    return start


def nothing_changes(mess: Mess, adopted: Path) -> None:
    fleet, before = mess.fleet, mess.seen()
    ran = fleet.run("adopt", "site", "--dags", str(mess.dags_folder), "--into", str(adopted.parent))
    assert 0 == ran.code, ran.out + ran.err
    text = adopted.read_text()
    assert [] == [line for line in expected(mess) if line not in text], text
    assert f"#     site: {mess.name('coders')}:" not in text, "the lines give all that the code gives"
    checked = fleet.run("check")
    assert 0 == checked.code, checked.out + checked.err
    fleet.check(expect=0)
    fleet.apply()
    assert before == mess.seen()


def it_leaves_the_code(mess: Mess, adopted: Path) -> None:
    fleet, hands, role, dora = mess.fleet, mess.hands, mess.name("coders"), mess.login("dora")
    had = hands.role(role)
    assert {f"can_read on DAG:{mess.coded}", f"{EDITS}:{mess.coded}"} <= had, "the code gave it"
    mess.code(sets=False, tag="changed")
    mess.site.parse_again()
    assert had == hands.role(role)
    fleet.check(expect=0)
    acting = hands.act_as(dora)
    assert ({mess.coded}, 200, 403) == (acting.listed(), acting.pause(mess.coded), acting.see("fin_daily"))

    adopted.write_text(adopted.read_text().replace(f"id: {mess.coded}, also: {EDITS}", f"id: {mess.coded}"))
    fleet.apply()
    assert had - {f"{EDITS}:{mess.coded}"} == hands.access(dora), "from now on the mapping says it"


@pytest.mark.parametrize("preset", ["2.9.0", "2.11.2", "3.0.6", "3.1.8+3.1.1", "3.3.2"])
def test_on_a_stand_in(preset: str, tell: Callable[[KeptSite], None]) -> None:
    server = StandIn(PRESETS[preset])
    with serve(server) as url:
        tell(StandInSite(preset, server, url))


@pytest.mark.servers
@pytest.mark.parametrize("version", ["2", "3"])
def test_on_a_real_server(version: str, request: pytest.FixtureRequest, tell: Callable[[KeptSite], None]) -> None:
    server: RealAirflow = request.getfixturevalue(f"real_airflow_{version}")
    tell(RealSite(server))
