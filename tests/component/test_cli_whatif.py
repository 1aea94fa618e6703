"""`syncd whatif`: what other mapping files would have given on the people and DAGs of the past."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from test_cli_commands import EVERYBODY, Desk

from syncd.sandbox.airflow import DagFile, StandIn, serve
from syncd.store import Stores

MAPPING = """\
roles:
  readers:
    dags: [{level: view, tag: payments}]
  runners:
    dags: [{level: trigger, id: "pay_*"}]
bindings:
  - {group: people:team, roles: [readers], deployments: all}
"""
OTHER = MAPPING + "  - {group: people:team, roles: [runners], deployments: {name: dev}}\n"


@pytest.fixture(scope="module")
def airflow() -> Iterator[str]:
    site = StandIn("3.3.2")
    with serve(site) as url:
        for name in ("pay_daily", "pay_close"):
            site.state.parse(DagFile(name, tags=("payments",)))
        yield url


@pytest.fixture
def desk(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    airflow: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Desk:
    monkeypatch.setenv("SYNCD_DEV_PASSWORD", "admin")
    folder = tmp_path / request.node.originalname.removeprefix("test_").replace("_", "-")[:24]
    folder.mkdir()
    desk = Desk(folder, airflow, capsys)
    desk.write("mappings/access.yaml", MAPPING)
    desk.write("other/access.yaml", OTHER)
    desk.write("same/access.yaml", "# moved\n" + MAPPING)
    return desk


def days_pass(desk: Desk, days: int) -> None:
    """Make all that was kept so much older."""
    with closing(Stores.open(f"sqlite:///{desk.folder}/syncd.db")) as store, store.database.write() as connection:
        connection.exec_driver_sql(f"UPDATE past SET at = datetime(at, '-{days} days') || '.000000'")


def test_who_would_have_had_more_and_when(desk: Desk) -> None:
    desk.members(*EVERYBODY[:3])
    assert 0 == desk.types("plan")[0]
    days_pass(desk, 4)
    desk.members(*EVERYBODY[:2], "new")
    assert 0 == desk.types("plan")[0]
    days_pass(desk, 3)

    code, out, err = desk.types("whatif", "--mappings", str(desk.folder / "other"))

    assert (0, "") == (code, err)
    assert out.startswith("whatif: 4 people would have had more, 0 people less (at 8 moments from ")
    found = json.loads(desk.types("whatif", "--mappings", str(desk.folder / "other"), "-o", "json")[1])
    told = {s["username"].removeprefix(f"{desk.team}."): s for s in found["spells"]}
    assert {"user0", "user1", "user2", "new"} == told.keys()
    assert [True, True, False, True] == [told[n]["until"] is None for n in ("user0", "user1", "user2", "new")]
    assert told["user2"]["since"] == told["user0"]["since"] < told["user2"]["until"] <= told["new"]["since"]
    assert (["runners"], [], []) == (told["new"]["gains"], told["new"]["loses"], told["new"]["less"])
    assert [{"level": "trigger", "dags": ["pay_close", "pay_daily"]}] == told["new"]["more"]
    assert "    would have had runners; trigger on 2 DAGs (pay_close, pay_daily)" in out.splitlines()
    assert 2 == desk.types("whatif", "--mappings", str(desk.folder / "other"), "--check")[0]


def test_the_same_lines_elsewhere_would_have_changed_nothing(desk: Desk) -> None:
    assert 0 == desk.types("plan")[0]
    days_pass(desk, 2)
    code, out, _ = desk.types("whatif", "--mappings", str(desk.folder / "same"), "--check", "--every", "1h")
    assert (0, True) == (code, out.startswith("whatif: nobody would have had anything otherwise (at 49 moments"))
    assert "nothing is kept" in out.splitlines()[-1]


@pytest.mark.finding("N-671")
def test_since_when_something_is_kept_is_told_and_not_when_it_was_looked_first(desk: Desk) -> None:
    assert 0 == desk.types("plan")[0]
    days_pass(desk, 2)
    with closing(Stores.open(f"sqlite:///{desk.folder}/syncd.db")) as store:
        begins = store.past.begins()
    assert begins is not None
    out = desk.types("whatif", "--mappings", str(desk.folder / "same"), "--every", "30h")[1]
    assert "(at 2 moments from " in out
    assert f"before {begins:%Y-%m-%d %H:%M:%S} UTC nothing is kept" == out.splitlines()[-1]


def test_less_is_told_too(desk: Desk) -> None:
    desk.write("mappings/access.yaml", OTHER)
    assert 0 == desk.types("plan")[0]
    days_pass(desk, 2)
    desk.write("other/access.yaml", MAPPING)
    out = desk.types("whatif", "--mappings", str(desk.folder / "other"))[1]
    assert out.startswith("whatif: 0 people would have had more, 8 people less")
    assert "    would not have had runners; trigger on 2 DAGs (pay_close, pay_daily)" in out.splitlines()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--mappings", "other"), "nothing of the past is kept yet"),
        (("--mappings", "nowhere"), "nowhere"),
        (("--mappings", "other", "--every", "soon"), "'soon' is no time"),
        (("--mappings", "other", "--every", "2020-01-01"), "it is a span"),
        ((), "--mappings"),
    ],
)
def test_what_cannot_be_asked_is_one_sentence(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], told: str
) -> None:
    monkeypatch.chdir(desk.folder)
    code, out, err = desk.types("whatif", *words)
    assert (3, "") == (code, out)
    assert told in " ".join(err.split())


def test_too_many_moments_are_refused(desk: Desk) -> None:
    assert 0 == desk.types("plan")[0]
    days_pass(desk, 30)
    code, _, err = desk.types("whatif", "--mappings", str(desk.folder / "other"), "--every", "1m")
    assert (3, True) == (code, "2,000 are the most" in " ".join(err.split()))
