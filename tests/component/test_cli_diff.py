"""What a change of mapping files would change for people, told without asking anybody."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from test_cli_commands import EVERYBODY, Desk

from syncd.sandbox.airflow import DagFile, StandIn, serve

MAPPING = """\
roles:
  readers:
    dags: [{level: view, tag: payments}]
  runners:
    dags: [{level: trigger, id: "pay_*"}]
bindings:
  - {group: people:team, roles: [readers], deployments: all}
"""
MORE = "  - {group: people:team, roles: [runners], deployments: {name: dev}}\n"


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
    """A desk that was seen once, with its mapping files in git, and cannot reach its deployment."""
    monkeypatch.setenv("SYNCD_DEV_PASSWORD", "admin")
    folder = tmp_path / request.node.name.removeprefix("test_").replace("_", "-")[:24]
    folder.mkdir()
    desk = Desk(folder, airflow, capsys)
    desk.write("mappings/access.yaml", MAPPING)
    assert 0 == desk.types("plan")[0]
    monkeypatch.delenv("SYNCD_DEV_PASSWORD")
    monkeypatch.chdir(folder)
    for words in (("init", "-q"), ("add", "mappings"), ("commit", "-qm", "first")):
        git(folder, *words)
    return desk


def git(folder: Path, *words: str) -> None:
    who = ("-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false")
    subprocess.run(("git", *who, *words), cwd=folder, check=True, capture_output=True)


def test_a_change_of_mapping_files_is_told_in_people_and_dags(desk: Desk) -> None:
    assert (0, True) == (
        desk.types("diff")[0],
        desk.types("diff", "--check")[1].startswith("nothing to do on 1 deployment: dev"),
    )

    desk.write("mappings/access.yaml", MAPPING + MORE)
    code, out, err = desk.types("diff")

    assert (0, "") == (code, err)
    lines = out.splitlines()
    begins = "diff: +8 people trigger on 2 DAGs in dev (9 changes on 1 deployment of 1, "
    assert [True, True] == [line.startswith(begins) and line.endswith(" s)") for line in (lines[0], lines[-2])]
    assert "dev (enforce): 8 people gain, 1 role changes" == lines[1]
    assert "  8 people gain trigger on 2 DAGs (runners: 8)" == lines[2]
    assert "because people:team (mappings/access.yaml:8)" in out
    assert 2 == desk.types("diff", "--check")[0]
    assert 2 == desk.types("diff", "HEAD", "mappings", "--check")[0]


def test_two_revisions_are_compared_and_what_is_not_committed_does_not_count(desk: Desk) -> None:
    desk.write("mappings/access.yaml", MAPPING + MORE)
    git(desk.folder, "commit", "-qam", "second")
    desk.write("mappings/access.yaml", "roles: [")

    assert 3 == desk.types("diff", "HEAD~1..HEAD")[0], "the files as they stand are read first"
    desk.write("mappings/access.yaml", MAPPING)
    forth = json.loads(desk.types("diff", "HEAD~1..HEAD", "-o", "json")[1])
    back = json.loads(desk.types("diff", "HEAD", "HEAD~1", "-o", "json")[1])

    gains, loses = (
        found["deployments"][0]["plan"]["effects"][way]["on_dags"][0]
        for found, way in ((forth, "gains"), (back, "loses"))
    )
    assert [("trigger", 8, 2)] * 2 == [(one["level"], one["people"], one["count"]) for one in (gains, loses)]


def test_lines_that_only_move_change_nothing(desk: Desk) -> None:
    desk.write("mappings/access.yaml", f"# moved\n\n{MAPPING}")
    assert 0 == desk.types("diff", "--check")[0]


def test_a_comment_for_a_pull_request(desk: Desk) -> None:
    desk.write("mappings/access.yaml", MAPPING + MORE)
    code, out, _ = desk.types("diff", "-o", "markdown")
    assert (0, True) == (
        code,
        out.startswith("### syncd diff: \\+8 people trigger on 2 DAGs in dev \\(9 changes on 1 deployment of 1, "),
    )
    assert "| dev | enforce | 8 | 0 | 1 | 0 |" in out


def test_a_pipeline_needs_no_database(desk: Desk) -> None:
    file = desk.folder / "known.gz"
    desk.types("snapshot", "export", "--pseudonyms", str(file))
    for left in desk.folder.glob("syncd.db*"):
        left.unlink()
    desk.write("mappings/access.yaml", MAPPING + MORE)
    desk.members(*EVERYBODY[:2])

    code, out, _ = desk.types("diff", "--snapshot", str(file))

    assert (0, True) == (code, "  8 people gain trigger on 2 DAGs (runners: 8)\n" in out)
    assert not list(desk.folder.glob("syncd.db*"))


def test_a_pattern_means_the_same_groups_in_a_file_under_other_words(desk: Desk) -> None:
    file = desk.folder / "known.gz"
    desk.types("snapshot", "export", "--pseudonyms", str(file))
    pattern = MORE.replace("people:team", "'people:{what}am'").replace("runners", "'{what}-runners'")
    roles = MAPPING.replace("bindings:", "  '{what}-runners': {dags: [{level: trigger, id: 'pay_*'}]}\nbindings:")
    desk.write("mappings/access.yaml", roles + pattern)

    assert "  8 people gain trigger on 2 DAGs (te-runners: 8)\n" in desk.types("diff", "--snapshot", str(file))[1]
    assert "people:team (what te): te-runners" in desk.types("check", "--expand", "--snapshot", str(file))[1]


def test_what_each_stands_for_is_known_without_asking_a_deployment(desk: Desk) -> None:
    each = MORE.replace("people:team", "people:team, each: tag").replace("runners", "'{tag}-runners'")
    roles = MAPPING.replace("bindings:", "  '{tag}-runners': {dags: [{level: trigger, tag: '{tag}'}]}\nbindings:")
    desk.write("mappings/access.yaml", roles + each)

    out = desk.types("check", "--expand")[1].splitlines()
    assert any(line.startswith("mappings/access.yaml:9: people:team, each tag: ") for line in out)
    assert "  dev: people:team (tag payments): payments-runners" in out
    assert "payments-runners" in desk.types("diff")[1]


@pytest.mark.parametrize(
    "revision", ["nowhere", "--output=x", "-x", "HEAD\n", "HEAD:mappings", "../mappings-that-are-not", "x" * 5000]
)
def test_what_is_no_revision_is_one_error(desk: Desk, revision: str) -> None:
    code, out, err = desk.types("diff", "--", revision)
    assert (3, "") == (code, out)
    assert err.count("\n") == 1, err
    assert not (desk.folder / "x").exists()


def test_the_repository_can_start_no_program(desk: Desk) -> None:
    """Whoever sends a pull request may have written the configuration of its repository."""
    trap = desk.folder / "trap.sh"
    trap.write_text(f"#!/bin/sh\ntouch {desk.folder}/sprung\n", encoding="utf-8")
    trap.chmod(0o755)
    for name in ("core.fsmonitor", "core.sshCommand", "core.pager", "diff.external", "core.alternateRefsCommand"):
        git(desk.folder, "config", name, str(trap))
    (desk.folder / ".gitattributes").write_text("* filter=trap diff=trap\n", encoding="utf-8")
    git(desk.folder, "config", "filter.trap.smudge", str(trap))
    assert 0 == desk.types("diff", "HEAD")[0]
    assert not (desk.folder / "sprung").exists()


def committed(folder: Path, *more: str) -> str:
    git(folder, "add", "-A", "mappings", *more)
    git(folder, "commit", "-qm", "more")
    return "HEAD"


@pytest.mark.parametrize("name", ["more.yaml", "more", "team.a", "more.md", "a\nb.c"])
def test_a_revision_with_a_link_is_refused_as_its_files_would_pass_for_gone(desk: Desk, name: str) -> None:
    (desk.folder / "elsewhere").mkdir()
    (desk.folder / "elsewhere" / "more.yaml").write_text("bindings: []\n", encoding="utf-8")
    (desk.folder / "mappings" / "notes.md").symlink_to("../config.toml")
    (desk.folder / "mappings" / ".hidden").symlink_to("../elsewhere")
    committed(desk.folder)
    assert 0 == desk.types("diff", "HEAD")[0]

    (desk.folder / "mappings" / name).symlink_to("../elsewhere/more.yaml" if name == "more.yaml" else "../elsewhere")
    code, out, err = desk.types("diff", committed(desk.folder))

    assert (3, "") == (code, out)
    shown = name.replace("\n", "\\n")
    assert f"{shown} is a link, and what it leads to is not told by a revision; check the revision out" in err


def test_a_link_that_leads_out_of_the_revision_is_refused_unless_a_file_is_there(desk: Desk) -> None:
    (desk.folder / "outside.md").write_text("", encoding="utf-8")
    links = {"a.md": "../outside.md", "b.md": "/etc/hostname", "c.md": "a.md"}
    for name, to in links.items():
        (desk.folder / "mappings" / name).symlink_to(to)
    assert 0 == desk.types("diff", committed(desk.folder))[0]

    (desk.folder / "outside.md").unlink()
    code, out, err = desk.types("diff")
    assert (3, "") == (code, out)
    assert "a.md is a link, and what it leads to is not told by a revision" in err


@pytest.mark.parametrize(
    ("end", "told"),
    [
        (0, "access.yaml of this revision is not here, or damaged"),
        (40, "access.yaml of this revision is not here, or damaged"),
        (-6, "HEAD is not here whole, or damaged; fetch it again: "),
    ],
)
def test_a_file_that_is_cut_short_is_not_a_revision_that_is_not_there(desk: Desk, end: int, told: str) -> None:
    words = ("git", "rev-parse", "HEAD:mappings/access.yaml")
    of = subprocess.run(words, cwd=desk.folder, check=True, capture_output=True, text=True).stdout.strip()
    object_ = desk.folder / ".git" / "objects" / of[:2] / of[2:]
    object_.chmod(0o644)
    object_.write_bytes(object_.read_bytes()[:end])

    code, out, err = desk.types("diff")

    assert (3, "", 1) == (code, out, err.count("\n"))
    assert told in err
    assert "no such revision" not in err


@pytest.mark.parametrize("name", ["_scope.json", "_Scope", "_scope.yaml.bak"])
def test_a_scope_under_a_name_that_is_not_read_is_refused(desk: Desk, name: str) -> None:
    """It would limit nothing, and nobody would see that."""
    (desk.folder / "mappings" / name).write_text('{"level": "view"}\n', encoding="utf-8")
    code, out, err = desk.types("check")
    assert (3, "") == (code, out)
    assert f"mappings/{name} would not be read under this name; call a scope _scope.yaml" in err
    committed(desk.folder)
    (desk.folder / "mappings" / name).unlink()
    code, out, err = desk.types("diff", "HEAD")
    assert (3, "") == (code, out)
    assert f"{name} would not be read under this name; call a scope _scope.yaml" in err


@pytest.mark.parametrize("name", ["_tests.json", "_Tests", "_tests.yaml.bak"])
def test_tests_under_a_name_that_is_not_read_are_refused(desk: Desk, name: str) -> None:
    """They would not run, and nobody would see that."""
    (desk.folder / "mappings" / name).write_text("tests: []\n", encoding="utf-8")
    code, out, err = desk.types("check")
    assert (3, "") == (code, out)
    assert f"mappings/{name} would not be read under this name; call tests of mapping files _tests.yaml" in err


def test_a_revision_with_a_submodule_is_refused(desk: Desk) -> None:
    commit = subprocess.run(("git", "rev-parse", "HEAD"), cwd=desk.folder, check=True, capture_output=True, text=True)
    git(desk.folder, "update-index", "--add", "--cacheinfo", f"160000,{commit.stdout.strip()},mappings/others.git")
    git(desk.folder, "commit", "-qm", "more")

    code, out, err = desk.types("diff")

    assert (3, "") == (code, out)
    assert "others.git is a submodule, whose files are in another repository" in err


def test_a_file_that_a_partial_clone_lacks_is_one_error(desk: Desk) -> None:
    words = ("git", "rev-parse", "HEAD:mappings/access.yaml")
    of = subprocess.run(words, cwd=desk.folder, check=True, capture_output=True, text=True).stdout.strip()
    (desk.folder / ".git" / "objects" / of[:2] / of[2:]).unlink()

    code, out, err = desk.types("diff")

    assert (3, "") == (code, out)
    assert "access.yaml of this revision is not here, or damaged; fetch it whole: a clone may be partial" in err
    assert 1 == err.count("\n")
