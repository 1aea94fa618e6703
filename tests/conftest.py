"""Fixtures that every test may use: real servers, booted once for the whole run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from postgres_server import boot_postgres

from syncd.sandbox.servers import RealAirflow, write_sample_dags

BULK_DAGS = 100


@pytest.fixture(scope="session")
def sample_dags(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sample DAGs and a hundred more."""
    folder = tmp_path_factory.mktemp("dags")
    write_sample_dags(folder, bulk=BULK_DAGS)
    return folder


@pytest.fixture(scope="session")
def real_airflow_2(sample_dags: Path) -> Iterator[RealAirflow]:
    """A real Airflow 2.11.2 server."""
    with RealAirflow("2.11.2", dags=sample_dags) as server:
        yield server


@pytest.fixture(scope="session")
def real_airflow_3(sample_dags: Path) -> Iterator[RealAirflow]:
    """A real Airflow 3.3.2 server whose permission cache lasts one second instead of thirty."""
    with RealAirflow("3.3.2", dags=sample_dags, settings={"AIRFLOW__FAB__CACHE_TTL": "1"}) as server:
        yield server


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A real PostgreSQL server, empty."""
    with boot_postgres() as url:
        yield url
