"""A level means the same to a person on Airflow 2 and 3: proven on both real servers by acting as that person."""

from __future__ import annotations

from pathlib import Path

import pytest
from levels import wrong_levels
from sites import RealSite

from syncd.sandbox.servers import RealAirflow


@pytest.mark.servers
@pytest.mark.parametrize("version", ["2", "3"])
def test_levels_mean_the_same(
    version: str, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server: RealAirflow = request.getfixturevalue(f"real_airflow_{version}")
    assert [] == wrong_levels(RealSite(server), tmp_path, monkeypatch)
