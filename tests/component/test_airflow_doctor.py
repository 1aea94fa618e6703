"""What doctor and status say of one Airflow deployment."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from airflow_world import World, world

from syncd.errors import TargetUnmanageable
from syncd.model import CheckResult
from syncd.sandbox.airflow import PRESETS, StandIn
from syncd.targets.airflow.abilities import written
from syncd.targets.airflow.describe import described
from syncd.targets.airflow.examine import examine


def found(w: World, *kinds: str) -> dict[str, CheckResult]:
    settings = w.settings(kinds=kinds or ("basic", "token"))
    return {f.check: f for f in examine("prod", settings, now=lambda: datetime.now(UTC))}


@pytest.mark.finding("R-F5")
def test_a_server_that_is_open_to_everybody_is_wrong(tmp_path: Path) -> None:
    with world(StandIn(replace(PRESETS["2.11.2"], public_role="Admin")), tmp_path) as w:
        w.password.write_text("wrong")
        told = found(w)
        assert told["credential"].ok, "no answer shows that the password is wrong"
        assert False is told["closed"].ok
        assert "may read its roles: AUTH_ROLE_PUBLIC" in told["closed"].detail


@pytest.mark.finding("R-F5")
@pytest.mark.parametrize("can", [PRESETS["2.11.2"], replace(PRESETS["2.11.2"], public_role="Viewer"), PRESETS["3.3.2"]])
def test_a_server_that_asks_who_is_there_is_not_called_open(can: object, tmp_path: Path) -> None:
    with world(StandIn(can), tmp_path) as w:  # type: ignore[arg-type]
        assert "closed" not in found(w)


@pytest.mark.finding("P6")
def test_the_delay_of_airflow_3_is_told(tmp_path: Path) -> None:
    with world(StandIn("3.3.2"), tmp_path) as w:
        assert "30 s ([fab] cache_ttl), each worker by itself" in found(w)["delay"].detail
    with world(StandIn("2.11.2"), tmp_path) as w:
        assert "delay" not in found(w)


@pytest.mark.finding("R-F7")
@pytest.mark.parametrize("preset", ["3.1.8+3.2.0", "3.1.8+3.3.0"])
def test_a_release_that_cannot_read_its_users_is_told_with_what_helps(preset: str, tmp_path: Path) -> None:
    with world(StandIn(preset), tmp_path) as w:
        helps = "upgrade apache-airflow-providers-fab to 3.4.0 or later"
        abilities = found(w)["abilities"]
        assert (False, True) == (abilities.ok, helps in abilities.detail)
        assert helps in dict(described(written(w.target().capabilities)))["users"]
        with pytest.raises(TargetUnmanageable, match=helps):
            w.target().look()  # which is what status asks for


@pytest.mark.finding("R-F11")
def test_nothing_unknown_is_shown_as_a_fact(tmp_path: Path) -> None:
    with world(StandIn("3.3.2"), tmp_path) as w:
        assert "" == dict(described(w.target().look()))["pages"]
        told = found(w)["abilities"].detail
        assert "unknown" not in told
        assert "is seen by the first change that needs it, and shown by syncd status -d" in told


@pytest.mark.finding("R-F9")
@pytest.mark.parametrize(("preset", "told"), [("2.8.4", True), ("2.9.3", False), ("3.3.2", False)])
def test_a_release_that_is_not_promised_is_told_to_be_one(preset: str, *, told: bool, tmp_path: Path) -> None:
    with world(StandIn(preset), tmp_path) as w:
        assert told == ("release" in found(w))
