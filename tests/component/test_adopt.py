"""`syncd adopt` on stand-ins of Airflow 2 and 3 with roles and people that were made by hand: the plan after it is empty."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from syncd.cli import run
from syncd.cli.schema_files import modeline
from syncd.model import Permission
from syncd.sandbox.airflow import StandIn, serve

PEOPLE = """
people: [{login: anna, email: anna@example.com}, {login: bob, email: bob@example.com}, {login: cara, email: cara@example.com}]
groups: [{name: finance, members: [anna, bob]}, {name: all, members: [anna, bob, cara]}]
"""
OF_DAG = ("can_read on DAG:{0}", "can_edit on DAG:{0}", "can_create on DAG Run:{0}")
BASELINE = ("can_read on Website", "can_read on Pools")


def made_by_hand(release: str) -> StandIn:
    server = StandIn(release)
    server.state.roles["analysts"] = set()
    for text in (*BASELINE, *(t.format(dag) for dag in ("fin_daily", "fin_monthly") for t in OF_DAG)):
        action, _, resource = text.partition(" on ")
        server.state.grant("analysts", Permission(action, resource))
    for name, roles in {"anna": {"analysts"}, "bob": {"analysts"}, "cara": {"Viewer"}, "svc": {"Op"}}.items():
        server.state.add_user(name, password="x", email=f"{name}@example.com", roles=roles)
    return server


@pytest.fixture(params=["2.11.2", "3.3.2"])
def site(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Path, StandIn]]:
    monkeypatch.setenv("PASSWORD", "admin")
    with serve(server := made_by_hand(request.param)) as url:
        kind = "basic" if request.param == "2.11.2" else "token"
        auth = f'{{ kind = "{kind}", username = "admin", password = {{ env = "PASSWORD" }} }}'
        text = (
            f'[sources.people]\ntype = "file"\ndirectory = "people"\n[deployments.prod]\nurl = "{url}"\nauth = {auth}\n'
        )
        (tmp_path / "config.toml").write_text(text + 'mode = "enforce"\n')
        (tmp_path / "people").mkdir()
        (tmp_path / "people" / "people.yaml").write_text(PEOPLE)
        yield tmp_path, server


def test_the_first_plan_after_it_is_empty(site: tuple[Path, StandIn], capsys: pytest.CaptureFixture[str]) -> None:
    folder, server = site

    def types(*words: str) -> tuple[int, str]:
        code = run(["--config", str(folder / "config.toml"), "--quiet", *words])
        out, err = capsys.readouterr()
        return code, out + err

    code, shown = types("adopt", "prod")
    assert 0 == code, shown
    assert '{group: "people:finance", roles: [analysts]' in shown
    assert "{people: [{source: people, id: cara, name: cara}], roles: [Viewer]" in shown
    assert "{accounts: [svc], roles: [Op]" in shown
    into = ("adopt", "prod", "--into", str(folder / "mappings"))
    assert (0, 3) == (types(*into)[0], types(*into)[0])
    assert 0 == types(*into, "--force")[0]
    assert {"GET"} | {"POST"} >= {call.method for call in server.calls}
    assert all("token" in call.path for call in server.calls if call.method != "GET"), "nothing is sent to any server"

    code, said = types("check")
    assert 0 == code, said
    code, said = types("plan", "--check")
    assert 0 == code, said


def test_what_is_shown_on_a_terminal_is_the_file(
    site: tuple[Path, StandIn], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is copied from there: no line is folded, or the second half of a comment would be no comment."""
    folder, _ = site
    monkeypatch.setattr("syncd.cli.output.width_of", lambda _stream: 40)
    words = ["--config", str(folder / "config.toml"), "--quiet", "adopt", "prod"]

    assert 0 == run(words)
    shown = capsys.readouterr().out
    assert 0 == run([*words, "--into", str(folder)])

    assert (folder / "adopted.yaml").read_text().splitlines()[1:] == shown.splitlines()[1:]


def test_the_file_names_its_schema_where_there_is_one(
    site: tuple[Path, StandIn], capsys: pytest.CaptureFixture[str]
) -> None:
    folder, _ = site
    words = ["--config", str(folder / "config.toml"), "--quiet", "adopt", "prod", "--into"]
    (folder / "schemas").mkdir()
    (folder / "schemas" / "mapping.json").write_text("{}")

    for into, path in (("mappings", "../schemas"), ("mappings/teams", "../../schemas")):
        assert 0 == run([*words, str(folder / into)]), capsys.readouterr().err
        first = (folder / into / "adopted.yaml").read_text().splitlines()[0]
        assert f"# yaml-language-server: $schema={path}/mapping.json" == first


def test_a_folder_whose_name_has_lines_makes_no_lines(tmp_path: Path) -> None:
    odd = tmp_path / "odd\nroles: {}"
    (odd / "schemas").mkdir(parents=True)
    (odd / "schemas" / "mapping.json").write_text("{}")

    assert "" == modeline(odd / "config.toml", tmp_path)
    assert "# yaml-language-server: $schema=schemas/mapping.json\n" == modeline(odd / "config.toml", odd)


GIVEN = """
roles:
  makers: {dags: [{level: view, all: true}, {level: edit, tag: finance}], permissions: [can_read on Pools]}
bindings: [{group: people:finance, roles: [makers], deployments: all}]
"""


def test_levels_that_another_installation_gave_are_found_again(
    site: tuple[Path, StandIn], capsys: pytest.CaptureFixture[str]
) -> None:
    folder, _ = site

    def types(*words: str) -> str:
        assert 0 == run(["--config", str(folder / "config.toml"), "--quiet", *words])
        return capsys.readouterr().out

    (folder / "mappings").mkdir()
    (folder / "mappings" / "given.yaml").write_text(GIVEN)
    types("apply", "--yes")
    (folder / "mappings" / "given.yaml").unlink()
    for file in folder.glob("syncd.db*"):
        file.unlink()

    shown = types("adopt", "prod")
    dags = "    dags:\n      - {level: view, all: true}\n      - {level: edit, tag: finance}\n"
    assert f"  makers:\n{dags}    permissions:\n      - can_read on Pools\n" in shown
    types("adopt", "prod", "--into", str(folder / "mappings"))
    types("plan", "--check")


def test_a_link_in_the_place_of_the_file_is_not_written_through(
    site: tuple[Path, StandIn], capsys: pytest.CaptureFixture[str]
) -> None:
    folder, _ = site
    other = folder / "other.txt"
    (folder / "mappings").mkdir()
    (folder / "mappings" / "adopted.yaml").symlink_to(other)
    into = ["--config", str(folder / "config.toml"), "--quiet", "adopt", "prod", "--into", str(folder / "mappings")]

    assert 3 == run(into), "a link to nothing is there too"
    assert "adopted.yaml: is there already" in capsys.readouterr().err
    other.write_text("mine")
    assert 0 == run([*into, "--force"])
    assert "mine" == other.read_text()
    assert ["adopted.yaml"] == [path.name for path in (folder / "mappings").iterdir()]
    assert not (folder / "mappings" / "adopted.yaml").is_symlink()


@pytest.mark.finding("N-432")
def test_the_code_of_dags_is_read_before_anybody_is_asked(
    site: tuple[Path, StandIn], capsys: pytest.CaptureFixture[str]
) -> None:
    folder, server = site
    words = ["--config", str(folder / "config.toml"), "--quiet", "adopt", "prod", "--dags", str(folder / "dags")]
    asked = len(server.calls)

    assert 3 == run(words)
    assert "there is no directory" in capsys.readouterr().err
    assert asked == len(server.calls)

    (folder / "dags" / "team").mkdir(parents=True)
    (folder / "dags" / "team" / "fin.py").write_text('DAG("fin_daily", access_control={"analysts": {"can_read"}})\n')
    assert 0 == run(words)
    out = capsys.readouterr().out
    assert "#   dags/team/fin.py:1: fin_daily: analysts: read\n" in out
    assert "roles:\n  analysts:\n" in out
