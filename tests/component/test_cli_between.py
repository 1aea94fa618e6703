"""`syncd diff --between`: who gained or lost what from one moment to another, and why."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from test_cli_commands import Desk

from syncd.sandbox.airflow import StandIn, serve


@pytest.fixture(scope="module")
def airflow() -> Iterator[str]:
    with serve(StandIn("3.3.2")) as url:
        yield url


@pytest.fixture(scope="module")
def seen() -> list[str]:
    """Names that were used, so that nobody is on the server already."""
    return []


@pytest.fixture
def desk(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    airflow: str,
    seen: list[str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Desk:
    monkeypatch.setenv("SYNCD_DEV_PASSWORD", "admin")
    folder = tmp_path / f"{request.node.originalname.removeprefix('test_').replace('_', '-')[:16]}-{len(seen)}"
    seen.append(folder.name)
    folder.mkdir()
    desk = Desk(folder, airflow, capsys)
    assert 0 == desk.types("apply", "--yes")[0]
    return desk


def moment() -> str:
    return datetime.now(UTC).isoformat()


def test_who_gained_and_lost_what_and_why(desk: Desk) -> None:
    first = moment()
    desk.members(*(f"user{n}" for n in range(8) if n != 2), "new")
    assert 0 == desk.types("apply", "--yes")[0]
    between = moment()

    code, out, err = desk.types("diff", "--between", first, between)

    assert (0, "") == (code, err)
    lines = out.splitlines()
    assert "1 person gained 1 role, 1 person lost 1 role" in lines[0]
    [gained] = [n for n, line in enumerate(lines) if "  gained " in line]
    assert lines[gained].startswith(f"  dev  {desk.team}.new  gained {desk.team}")
    assert "      given because people:team (mappings/access.yaml:12); run " in lines[gained + 1]
    [lost] = [n for n, line in enumerate(lines) if f"{desk.team}.user2  lost" in line]
    assert lines[lost + 1].startswith("      taken because ")
    assert "of what other hands gave there is no history" == lines[-1]

    assert "nothing that syncd gave or took" in desk.types("diff", "--between", between, "now")[1]
    assert 2 == desk.types("diff", "--check", "--between", first, between)[0]
    assert 0 == desk.types("diff", "--check", "--between", between, "now")[0]


def test_programs_get_all_of_it(desk: Desk) -> None:
    first = moment()
    desk.members(*(f"user{n}" for n in range(8)), "new")
    desk.types("apply", "--yes")
    found = json.loads(desk.types("diff", "--between", first, "now", "-o", "json")[1])
    assert [("dev", f"{desk.team}.new", desk.team, "gained", False)] == [
        (p["deployment"], p["username"], p["role"], p["came"], p["adopted"]) for p in found["people"]
    ]
    assert found["people"][0]["began"]["because"]
    text = desk.types("diff", "--between", first, "now", "-o", "markdown")[1]
    assert text.startswith("### syncd between ")
    assert "1 person gained 1 role" in text


def test_a_change_of_a_role_is_told(desk: Desk) -> None:
    first = moment()
    text = (desk.folder / "mappings/access.yaml").read_text()
    desk.write("mappings/access.yaml", text.replace("dags:", "permissions: [can_read on Pools]\n    dags:", 1))
    desk.types("apply", "--yes")
    out = desk.types("diff", "--between", first, "now")[1]
    assert "1 role was changed" in out.splitlines()[0]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--between", "now", "1h"), "the first moment has to be before the second"),
        (("--between", "1h", "2999-01-01"), "is yet to come"),
        (("--between", "soon", "now"), "'soon' is no time"),
        (("HEAD", "--between", "1h", "now"), "leave OLD and NEW out"),
        (("--between", "1h", "now", "--snapshot", "x.gz"), "leave --snapshot out"),
        (("--between", "2020-01-01", "now"), "the journal begins at"),
        (("--between", "1h", "now", "-d", "prodd"), "prodd"),
    ],
)
def test_what_cannot_be_asked_is_one_sentence(desk: Desk, words: tuple[str, ...], told: str) -> None:
    code, out, err = desk.types("diff", *words)
    assert (3, "") == (code, out)
    assert told in " ".join(err.split())
