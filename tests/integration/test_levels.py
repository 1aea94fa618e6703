"""A level means the same to a person on Airflow 2 and 3: proven on both real servers by acting as that person."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from levels import told, wrong_levels
from sites import RealSite

from syncd.sandbox.servers import RealAirflow

PAGE = Path(__file__).parents[2] / "docs" / "levels.md"
TRIED = re.compile(r"(?<=<!-- tried -->\n\n).*?(?=\n\n<!-- end -->)", re.DOTALL)


def test_the_page_says_what_is_tried() -> None:
    page = PAGE.read_text()
    right = TRIED.sub(lambda _: "\n".join(told()), page)
    if os.environ.get("SYNCD_GOLDEN") == "write":
        PAGE.write_text(right)
    assert right == PAGE.read_text()
    assert 1 == len(TRIED.findall(right))


@pytest.mark.servers
@pytest.mark.parametrize("version", ["2", "3"])
def test_levels_mean_the_same(
    version: str, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server: RealAirflow = request.getfixturevalue(f"real_airflow_{version}")
    assert [] == wrong_levels(RealSite(server), tmp_path, monkeypatch)
