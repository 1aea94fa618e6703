"""Fixtures that every test may use: real servers, booted once for the whole run, and databases.

`make test` divides the tests between as many processes as there are processors. Real Airflow servers are shared by all who
ask for them, so these tests are two groups, each of which one process has: those that need Airflow 2 alone, and the others; of
PostgreSQL, which boots in a second, each process has its own. The groups are begun first, then what takes longest.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import hypothesis
import pytest
from examples import ALL, QUARTER
from groups_of_tests import servers_of
from nothing_opened import nothing_opened
from postgres_server import boot_postgres, new_database

from syncd.http import secrets
from syncd.sandbox.servers import RealAirflow, write_sample_dags
from syncd.store import Stores, migrate

pytest.register_assert_rewrite("passes")

BULK_DAGS = 100
UNIT = Path(__file__).parent / "unit"

# A busy machine is slow, and that is no property of the code: speed is measured in benchmarks/. Every run tries other examples,
# and what fails is printed in a form that can be tried again.
hypothesis.settings.register_profile(
    "syncd",
    max_examples=ALL,
    deadline=None,
    derandomize=False,
    print_blob=True,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
    database=None,
)
hypothesis.settings.register_profile("unit", hypothesis.settings.get_profile("syncd"), max_examples=QUARTER)
# For `make mutants`: the same examples each time, and no search for the smallest one that fails, as none is looked at.
hypothesis.settings.register_profile(
    "mutants",
    hypothesis.settings.get_profile("unit"),
    derandomize=True,
    phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
)
hypothesis.settings.load_profile("syncd")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Watch what unit tests open."""
    if UNIT not in item.path.parents:
        return (yield)
    with nothing_opened(item.nodeid):
        return (yield)


def pytest_runtest_setup() -> None:
    """Let each test begin as a new process does: without the secrets that others planted."""
    setattr(secrets, "_KNOWN", secrets.KnownSecrets())  # noqa: B010 - it is Final to the product


@pytest.hookimpl(trylast=True)  # once they are in a random order
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep what shares real Airflow servers in one process, where several divide the tests; what installs something, which no
    other process can help with in the end, comes before the rest."""
    for item in items:
        if group := servers_of(item):
            item.add_marker(pytest.mark.xdist_group(group))
    items.sort(key=lambda item: item.get_closest_marker("index") is None)


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


# --- databases: each test that asks for one runs on SQLite, and on a real PostgreSQL where servers are wanted -------------


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.servers)])
def make_database(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], str]:
    """Makes a database without tables and gives its URL; names tell several in one test apart."""
    if request.param == "sqlite":
        return lambda name: f"sqlite:///{tmp_path}/{name}.db"
    server_url: str = request.getfixturevalue("postgres_url")
    return lambda _name: new_database(server_url)


@pytest.fixture
def empty_database_url(make_database: Callable[[str], str]) -> str:
    """The URL of a new database without tables."""
    return make_database("syncd")


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file with the tables, to be copied: making them takes a tenth of a second."""
    path = tmp_path_factory.mktemp("store") / "syncd.db"
    migrate(f"sqlite:///{path}")
    return path


@pytest.fixture
def database_url(empty_database_url: str, migrated_file: Path) -> str:
    """The URL of a new database with the tables."""
    if empty_database_url.startswith("sqlite"):
        shutil.copy(migrated_file, empty_database_url.removeprefix("sqlite:///"))
    return empty_database_url


@pytest.fixture
def store(database_url: str) -> Iterator[Stores]:
    """A store on a new database."""
    opened = Stores.open(database_url)
    yield opened
    opened.close()
