"""docs/migrate-access-control.md, step by step: `access_control` leaves the code of a DAG, and nobody loses anything."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from messy import baseline
from site_fleet import Fleet
from sites import Hands, RealSite, Site, StandInSite, sample, write

from syncd.sandbox.airflow import PRESETS, StandIn, serve
from syncd.sandbox.servers import RealAirflow

pytestmark = pytest.mark.finding("N-432")

CODE = '''\
"""Airflow DAG that does nothing."""

from datetime import datetime

try:
    from airflow.sdk import DAG, BaseOperator
except ImportError:
    from airflow import DAG
    from airflow.models import BaseOperator

with DAG("{dag}", schedule=None, start_date=datetime(2024, 1, 1), tags=["{tag}"]{control}):
    BaseOperator(task_id="only")
'''
LINE = 11


@dataclass
class Migration:
    """A DAG whose code gives a role something, and a person who has that role."""

    site: Site
    fleet: Fleet
    tag: str

    @property
    def dag(self) -> str:
        return f"coded_{self.tag}"

    @property
    def role(self) -> str:
        return f"coders-{self.tag}"

    @property
    def control(self) -> Mapping[str, frozenset[str]]:
        return {self.role: frozenset({"can_read", "can_edit"}), "Viewer": frozenset({"can_edit"})}

    @property
    def folder(self) -> Path:
        return self.site.server.dags_folder if isinstance(self.site, RealSite) else self.fleet.folder / "dags"

    def code(self, *, sets: bool, tag: str = "coded") -> None:
        """Write the DAG's file, and let the server parse it."""
        said = (
            f", access_control={ {role: sorted(actions) for role, actions in self.control.items()}!r}" if sets else ""
        )
        write(self.folder, f"{self.dag}.py", CODE.format(dag=self.dag, tag=tag, control=said))
        if isinstance(self.site, RealSite):
            self.site.parse_again()
        else:
            self.site.parse(sample(self.dag, tags=[tag], access_control=self.control if sets else None))


@pytest.fixture
def migrate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Site], None]:
    def tell(site: Site) -> None:
        fleet = Fleet(tmp_path, {"site": site}, monkeypatch, username="{login}", groups={"team": []})
        the_steps(Migration(site, fleet, uuid.uuid4().hex[:6]))

    return tell


def the_steps(this: Migration) -> None:
    fleet, hands = this.fleet, Hands(this.site)
    assert 200 == hands.make_role(this.role, baseline(this.site)).status_code
    anna = fleet.add_person(f"anna{this.tag}", "team")
    person = {"username": anna, "email": f"{anna}@example.com", "first_name": "A", "last_name": "A", "password": "x"}
    assert 200 == hands.call("POST", "users", json={**person, "roles": [{"name": this.role}]}).status_code
    this.code(sets=True)
    had = hands.role(this.role)
    assert {f"can_read on DAG:{this.dag}", f"can_edit on DAG:{this.dag}"} <= had, "the code gave it"

    fleet.write(mapping="")
    (fleet.folder / "mappings" / "all.yaml").unlink()
    into = ("--into", str(fleet.folder / "mappings"))
    ran = fleet.run("adopt", "site", "--dags", str(this.folder), *into)
    assert 0 == ran.code, ran.out + ran.err
    adopted = (fleet.folder / "mappings" / "adopted.yaml").read_text()
    assert f"{this.dag}.py:{LINE}: {this.dag}: Viewer: edit; {this.role}: edit, read\n" in adopted
    assert "site: Viewer: it is built in, and no line changes it" in adopted
    assert f"  {this.role}:\n    dags:\n      - {{level: view, id: {this.dag}, also: can_edit on DAG}}\n" in adopted
    assert f"#   site: {this.role}" not in adopted, "the lines give all that the code gives"
    fleet.check(expect=0)
    fleet.apply()

    for tag in ("coded", "changed"):
        this.code(sets=False, tag=tag)
        assert had == hands.role(this.role)
        fleet.check(expect=0)
    acting = hands.act_as(anna)
    assert ({this.dag}, 200, 403) == (acting.listed(), acting.pause(this.dag), acting.see("fin_daily"))

    (fleet.folder / "mappings" / "adopted.yaml").write_text(adopted.replace(", also: can_edit on DAG", ""))
    fleet.apply()
    this.code(sets=False, tag="again")
    fleet.check(expect=0)
    assert f"can_edit on DAG:{this.dag}" not in hands.access(anna), "from now on the mapping says it"


@pytest.mark.parametrize("preset", ["2.9.0", "2.11.2", "3.1.8+3.1.1", "3.3.2"])
def test_on_a_stand_in(preset: str, migrate: Callable[[Site], None]) -> None:
    server = StandIn(PRESETS[preset])
    with serve(server) as url:
        migrate(StandInSite(preset, server, url))


@pytest.mark.servers
@pytest.mark.parametrize("version", ["2", "3"])
def test_on_a_real_server(version: str, request: pytest.FixtureRequest, migrate: Callable[[Site], None]) -> None:
    server: RealAirflow = request.getfixturevalue(f"real_airflow_{version}")
    migrate(RealSite(server))
