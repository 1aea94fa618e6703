"""The steps of the shipped pipelines, as they stand, against a stand-in of the comments of a pull request."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import sysconfig
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
from ruamel.yaml import YAML
from test_cli_commands import Desk
from test_cli_diff import MAPPING, MORE, git

from syncd.sandbox.airflow import DagFile, StandIn, serve

ROOT = Path(__file__).parents[2]
TOKEN = "token-of-the-pipeline"
ACTION = YAML(typ="safe").load((ROOT / "deploy/pipelines/github/action.yml").read_text("utf-8"))
JOB = YAML(typ="safe").load((ROOT / "deploy/pipelines/gitlab.yml").read_text("utf-8"))["syncd"]
HOOKS = YAML(typ="safe").load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))
STEPS = {step["name"].partition(" ")[0]: step for step in ACTION["runs"]["steps"]}
FORGES = ("github", "gitlab")
BOT: Mapping[str, Any] = {"login": "github-actions[bot]", "id": 7}
SOMEBODY: Mapping[str, Any] = {"login": "mallory", "id": 8}


class Comments:
    """The comments of pull request 5, in pages, as GitHub and GitLab give them; one of them is somebody else's, with our mark."""

    def __init__(self) -> None:
        self.said: list[dict[str, Any]] = []
        self.refuses = 0
        self.wrote: list[str] = []

    def put(self, body: str, who: Mapping[str, Any] = BOT) -> None:
        number = len(self.said)
        self.said.append({"id": number, "body": body, "user": who, "author": who})

    def answer(self, method: str, path: str, query: str, body: Any) -> tuple[int, Any]:
        if self.refuses and method != "GET":
            return self.refuses, {"message": "no"}
        if path == "/user":
            return 200, BOT
        if method == "GET":
            page = int(query.partition("page=")[2].rpartition("=")[2])
            return 200, self.said[(page - 1) * 100 : page * 100]
        self.wrote.append(f"{method} {path}")
        if method == "POST":
            self.put(body["body"])
            return 201, self.said[-1]
        found = self.said[int(path.rpartition("/")[2])]
        found["body"] = body["body"]
        return 200, found


class Forge(BaseHTTPRequestHandler):
    comments: ClassVar[Comments]

    def log_message(self, *said: object) -> None:
        pass

    def _answer(self) -> None:
        assert TOKEN in (self.headers["Authorization"] or self.headers["PRIVATE-TOKEN"])
        size = int(self.headers["Content-Length"] or 0)
        path, _, query = self.path.partition("?")
        status, found = self.comments.answer(self.command, path, query, json.loads(self.rfile.read(size) or "null"))
        host = f"http://127.0.0.1:{self.connection.getsockname()[1]}"
        if isinstance(found, list):
            found = [{**each, "url": f"{host}/repos/team/access/issues/comments/{each['id']}"} for each in found]
        text = json.dumps(found).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = do_PATCH = do_PUT = _answer  # noqa: N815


@pytest.fixture
def forge() -> Iterator[tuple[Comments, str]]:
    comments = Comments()
    handler = type("ThisForge", (Forge,), {"comments": comments})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield comments, f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def airflow() -> Iterator[str]:
    site = StandIn("3.3.2")
    with serve(site) as url:
        site.state.parse(DagFile("pay_daily", tags=("payments",)))
        yield url


@pytest.fixture
def desk(tmp_path: Path, airflow: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A checkout of mapping files with a snapshot beside them, and no database."""
    monkeypatch.setenv("SYNCD_DEV_PASSWORD", "admin")
    folder = tmp_path / "access"
    folder.mkdir()
    desk = Desk(folder, airflow, capsys)
    desk.write("mappings/access.yaml", MAPPING)
    assert 0 == desk.types("plan")[0]
    assert 0 == desk.types("snapshot", "export", "--pseudonyms", str(folder / "known.json"))[0]
    for left in folder.glob("syncd.db*"):
        left.unlink()
    for words in (("init", "-q"), ("add", "mappings"), ("commit", "-qm", "first")):
        git(folder, *words)
    return desk


def revision(folder: Path) -> str:
    return subprocess.run(
        ("git", "rev-parse", "HEAD"), cwd=folder, capture_output=True, text=True, check=True
    ).stdout.strip()


class Pipeline:
    """Runs the steps of one forge in a checkout, with nothing of this machine's environment but where programs are."""

    def __init__(self, forge: str, folder: Path, api: str) -> None:
        self.forge, self.folder, self.api = forge, folder, api
        self.base, self.config, self.snapshot, self.strict = revision(folder), "config.toml", "known.json", "false"

    def run(self) -> subprocess.CompletedProcess[str]:
        return self._github() if self.forge == "github" else self._gitlab()

    def _github(self) -> subprocess.CompletedProcess[str]:
        told = {
            "inputs.config": self.config,
            "inputs.strict": self.strict,
            "inputs.snapshot": self.snapshot,
            "inputs.token": TOKEN,
            "inputs.author": BOT["login"],
            "github.api_url": self.api,
            "github.repository": "team/access",
            "github.event.pull_request.number": "5",
            "github.event.pull_request.base.sha": self.base,
        }
        given = {"RUNNER_TEMP": str(self.folder.parent), "GITHUB_STEP_SUMMARY": str(self.folder.parent / "summary.md")}
        for name in ("Check", "Compare", "Comment")[: 3 if self.snapshot else 1]:
            step = STEPS[name]
            env = {key: told[re.sub(r"[${} ]", "", value)] for key, value in step["env"].items()}
            program = ["bash", "-eo", "pipefail", "-c"] if step["shell"] == "bash" else [sys.executable, "-c"]
            ended = self._step([*program, step["run"]], {**given, **env})
            if ended.returncode:
                break
        return ended

    def _gitlab(self) -> subprocess.CompletedProcess[str]:
        env = {
            **JOB["variables"],
            "SYNCD_CONFIG": self.config,
            "SYNCD_SNAPSHOT": self.snapshot,
            "SYNCD_TOKEN": TOKEN,
            "CI_API_V4_URL": self.api,
            "CI_PROJECT_ID": "1",
            "CI_MERGE_REQUEST_IID": "5",
            "CI_MERGE_REQUEST_DIFF_BASE_SHA": self.base,
        }
        return self._step(["bash", "-eo", "pipefail", "-c", "\n".join(JOB["script"])], env)

    def _step(self, words: list[str], env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        return subprocess.run(
            words,
            cwd=self.folder,
            env={"PATH": path, "HOME": str(self.folder), **env},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )


@pytest.mark.parametrize("name", FORGES)
def test_a_pipeline_writes_one_comment_and_updates_it(name: str, desk: Desk, forge: tuple[Comments, str]) -> None:
    comments, api = forge
    pipeline = Pipeline(name, desk.folder, api)
    for n in range(120):  # more than a page of what others say
        comments.put(f"comment {n}", SOMEBODY)
    comments.put('<!-- syncd diff "config.toml" -->\nnobody gets anything', SOMEBODY)
    desk.write("mappings/access.yaml", MAPPING + MORE)

    ended = pipeline.run()

    assert (0, "") == (ended.returncode, ended.stderr)
    assert 122 == len(comments.said)
    assert comments.said[-1]["body"].startswith('<!-- syncd diff "config.toml" -->\n### syncd ')
    assert "8 people gain" in comments.said[-1]["body"]
    assert "\n\nas seen " in comments.said[-1]["body"]

    desk.write("mappings/access.yaml", MAPPING)
    assert 0 == pipeline.run().returncode

    assert 122 == len(comments.said)
    assert "nothing to do" in comments.said[-1]["body"]
    assert ["POST", {"github": "PATCH", "gitlab": "PUT"}[name]] == [wrote.partition(" ")[0] for wrote in comments.wrote]
    assert "nobody gets anything" in comments.said[120]["body"]


@pytest.mark.parametrize("name", FORGES)
def test_a_mistake_ends_the_pipeline_and_nothing_is_said(name: str, desk: Desk, forge: tuple[Comments, str]) -> None:
    comments, api = forge
    desk.write("mappings/access.yaml", MAPPING.replace("level: view", "level: veiw"))

    ended = Pipeline(name, desk.folder, api).run()

    assert (3, []) == (ended.returncode, comments.said)
    assert 'mappings/access.yaml:3:20: unknown level "veiw"; did you mean "view"?' in ended.stderr


@pytest.mark.parametrize("name", FORGES)
def test_without_a_snapshot_files_are_checked_and_nothing_is_compared(
    name: str, desk: Desk, forge: tuple[Comments, str]
) -> None:
    comments, api = forge
    pipeline = Pipeline(name, desk.folder, api)
    pipeline.snapshot = ""

    assert (0, []) == (pipeline.run().returncode, comments.said)


def test_what_may_be_a_mistake_is_one_where_that_is_asked_for(desk: Desk, forge: tuple[Comments, str]) -> None:
    comments, api = forge
    pipeline = Pipeline("github", desk.folder, api)
    pipeline.strict = "true"

    ended = pipeline.run()

    assert (3, []) == (ended.returncode, comments.said)
    assert 'no binding gives the role "runners"' in ended.stderr


@pytest.mark.parametrize("name", FORGES)
def test_a_revision_that_is_not_there_ends_the_pipeline(name: str, desk: Desk, forge: tuple[Comments, str]) -> None:
    comments, api = forge
    pipeline = Pipeline(name, desk.folder, api)
    pipeline.base = "0" * 40

    ended = pipeline.run()

    assert (True, []) == (ended.returncode != 0, comments.said)


def test_a_token_that_may_not_comment_is_no_failure_on_github(desk: Desk, forge: tuple[Comments, str]) -> None:
    comments, api = forge
    comments.refuses = 403

    ended = Pipeline("github", desk.folder, api).run()

    assert (0, True) == (ended.returncode, ended.stderr.startswith("::warning::the token may not comment here (403)"))
    assert "nothing to do" in (desk.folder.parent / "summary.md").read_text("utf-8")


@pytest.mark.parametrize("name", FORGES)
def test_a_forge_that_fails_is_a_failure(name: str, desk: Desk, forge: tuple[Comments, str]) -> None:
    comments, api = forge
    comments.refuses = 500

    assert 1 == Pipeline(name, desk.folder, api).run().returncode


def test_nothing_that_somebody_writes_is_put_into_the_text_of_a_step() -> None:
    assert [] == [step["name"] for step in STEPS.values() if "${{" in step["run"]]
    assert {"Install", "Check", "Compare", "Comment"} == set(STEPS)
    told = {value for step in STEPS.values() for value in step["env"].values()}
    inputs = {name for value in told for name in re.findall(r"inputs\.(\w+)", value)}
    assert set(ACTION["inputs"]) == inputs


def test_the_hook_of_pre_commit_is_a_command_that_ends_as_check_does(desk: Desk) -> None:
    [hook] = HOOKS
    desk.write("mappings/access.yaml", MAPPING.replace("level: view", "level: veiw"))

    ended = Pipeline("github", desk.folder, "")._step(hook["entry"].split(), {})

    assert (3, False) == (ended.returncode, hook["pass_filenames"])
    assert all(re.search(hook["files"], name) for name in ("config.toml", "mappings/a.yaml", "mappings/x/_scope.yml"))


def test_gitlab_installs_nothing_that_nobody_named(tmp_path: Path) -> None:
    """A name without a version, on an index, is whoever's has that name there."""
    variables = {name: str(value) for name, value in JOB["variables"].items()}
    install = "set -e\n" + "\n".join(JOB["before_script"])
    ran = subprocess.run(
        ["bash", "-c", install],
        cwd=tmp_path,
        env={**os.environ, **variables, "CI_PROJECT_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (1, "SYNCD_PACKAGE: say what pip installs, as the syncd that your daemon runs\n") == (
        ran.returncode,
        ran.stderr,
    )
    assert [] == list(tmp_path.iterdir())


@pytest.mark.index
def test_the_action_installs_the_syncd_that_it_is_a_part_of(tmp_path: Path) -> None:
    """Pip finds most of what it needs beside these tests: that all can be had `make` has just shown, by the same command."""
    added = tmp_path / "path"
    step = STEPS["Install"]
    environment = {
        **os.environ,
        "SOURCE": str(ROOT),
        "RUNNER_TEMP": str(tmp_path),
        "GITHUB_PATH": str(added),
        "PIP_NO_COMPILE": "1",
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": sysconfig.get_path("purelib"),
    }
    assert "${{ github.action_path }}/../../.." == step["env"]["SOURCE"]
    assert (ROOT / "deploy/pipelines/github" / "../../..").resolve() == ROOT
    assert 'install --quiet --require-hashes -r "$SOURCE/requirements/run.txt"' in step["run"]

    subprocess.run(["bash", "-ec", step["run"]], env=environment, cwd=tmp_path, check=True)

    installed = Path(added.read_text().strip())
    said = subprocess.run(
        [installed / "syncd", "--config", ROOT / "config.example.toml", "check"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.startswith("ok: 3 deployments")
    assert 1 == len(list(installed.parent.glob("lib/*/site-packages/syncd/__main__.py"))), "a copy, for itself"
