"""The example of `mappings`, on the company that it is of: what its people hold where, what they lose, and that it is sound."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from syncd.cli import run
from syncd.sandbox.airflow import StandIn, serve_all
from syncd.sandbox.company import AIRFLOWS, DAGS, WRITTEN, Company, company_in

ROOT = Path(__file__).parents[2]
HELD = {
    "dev": {
        "anna@example.com": {"Viewer", "finance-analyst"},
        "bernd@example.com": {"Viewer", "finance-analyst", "finance-engineer"},
        "chloe@example.com": {"Viewer", "Op", "platform-engineer"},
        "dina@example.com": {"Viewer", "finance-analyst"},
        "emil@example.com": {"Viewer", "finance-analyst"},
        "farid@audit.example": {"Viewer"},
        "greta@agency.example": {"Viewer"},
    },
    "staging": {
        "anna@example.com": {"finance-analyst"},
        "bernd@example.com": {"finance-analyst", "finance-engineer"},
        "chloe@example.com": {"Op", "platform-engineer"},
        "dina@example.com": {"finance-analyst", "marketing-editor"},
        "emil@example.com": {"finance-analyst"},
    },
    "prod": {
        "anna@example.com": {"finance-analyst", "finance-operator", "marketing-analyst"},
        "bernd@example.com": {"finance-analyst", "finance-operator", "finance-engineer"},
        "chloe@example.com": {"Op", "platform-engineer"},
        "dina@example.com": {"finance-analyst", "marketing-editor"},
        "emil@example.com": {"finance-analyst", "marketing-reader"},
        "farid@audit.example": {"finance-analyst"},
    },
}
"""Who holds what. The agency's contract has not begun."""


class Played:
    """The company, with Airflows that can be looked into."""

    def __init__(self, folder: Path, company: Company, servers: dict[str, StandIn]) -> None:
        self.folder, self.company, self.servers = folder, company, servers

    def types(self, *words: str) -> int:
        return run(["--config", str(self.folder / "config.toml"), "--quiet", *words])

    def held(self) -> dict[str, dict[str, set[str]]]:
        return {
            name: {a.username: a.roles for a in server.state.listed_users() if a.roles and a.username != "admin"}
            for name, server in self.servers.items()
        }


@pytest.fixture
def played(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Played]:
    servers = {each.name: StandIn(each.preset, dags=DAGS) for each in AIRFLOWS}
    with company_in(tmp_path) as company, serve_all(*servers.values()) as urls:
        for name, value in company.environment.items():
            monkeypatch.setenv(name, value)
        with (tmp_path / "config.toml").open("a", encoding="utf-8") as config:
            config.writelines(each.table(url) for each, url in zip(AIRFLOWS, urls, strict=True))
        yield Played(tmp_path, company, servers)


def test_the_example_gives_what_it_reads_like_and_takes_it_from_a_leaver(
    played: Played, capsys: pytest.CaptureFixture[str]
) -> None:
    assert 0 == played.types("check", "--strict"), capsys.readouterr().err
    assert 0 == played.types("apply"), capsys.readouterr().err
    assert HELD == played.held()
    assert 0 == played.types("plan", "--check"), capsys.readouterr().out

    played.company.leaves("bernd")
    assert 0 == played.types("apply"), capsys.readouterr().err
    left = {name: {who: held for who, held in of.items() if who != "bernd@example.com"} for name, of in HELD.items()}
    assert left == played.held()


def test_the_example_can_be_read_where_it_is_looked_for() -> None:
    for name in WRITTEN:
        assert (ROOT / name).samefile(ROOT / "syncd" / "sandbox" / name)
