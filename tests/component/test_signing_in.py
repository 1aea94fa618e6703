"""Signing in at an Airflow that gives no token for a password: by a token from elsewhere, which a command prints."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from airflow_world import Steps, World, finance, person, world

from syncd.errors import TargetUnauthorized
from syncd.http.connection import Connection
from syncd.http.secrets import FRESH_SECRET_S, Secret
from syncd.model import Change, Scope, Status
from syncd.sandbox.airflow import PRESETS, StandIn
from syncd.targets.airflow import AirflowSettings, AirflowTarget, Credential, Timing
from syncd.targets.airflow.examine import examine

pytestmark = pytest.mark.finding("R-signing-in")

ROOT = Path(__file__).parents[2]
SIGN_IN = ROOT / "deploy" / "sign-in"
CLOSED = replace(PRESETS["3.3.2"], password_tokens=False)


class Provider(BaseHTTPRequestHandler):
    """Gives a token to one client for its secret."""

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        right = (["client_credentials"], ["syncd"], ["s3cret-of-client"], ["airflow"])
        is_right = right == tuple(form.get(name) for name in ("grant_type", "client_id", "client_secret", "scope"))
        body = json.dumps({"access_token": "of-the-provider", "expires_in": 300} if is_right else {}).encode()
        self.send_response(200 if is_right else 401)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def provider() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Provider)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/token"
    server.shutdown()
    server.server_close()


def opened(w: World, *command: str, username: str | None = "admin", clock: list[float] | None = None) -> AirflowTarget:
    secret = Secret("command", (sys.executable, *command))
    settings = AirflowSettings(Connection(w.url), (Credential("bearer", username, secret),))
    return AirflowTarget("prod", settings, timing=Timing(now=(lambda: clock[0]) if clock else time.time))


def works(target: AirflowTarget) -> None:
    role = finance(target, dags=0)
    assert Status.APPLIED == target.apply(Change(None, role), Steps()).status
    assert Status.APPLIED == target.apply(Change(None, person("anna", "finance")), Steps()).status
    refused = target.apply(Change(person("admin", "Admin"), None), Steps())
    assert "admin is the account that syncd runs as and is never changed" == refused.detail


def test_a_server_that_gives_no_token_for_a_password_is_told_with_the_way_out(tmp_path: Path) -> None:
    with world(StandIn(CLOSED), tmp_path) as w, pytest.raises(TargetUnauthorized) as refused:
        w.target(kinds=("token",)).look()
    text = str(refused.value)
    assert "FAB provider 3.11 and later give no token for a password: set a credential of kind `bearer` instead" in text
    assert "look at the password in file:" in text, "it may be that as well"
    (page,) = {word.strip("();") for word in text.split() if "docs/" in word}
    assert (ROOT / page).is_file()


def test_a_token_of_the_identity_provider_is_exchanged(
    provider: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLIENT_ID", "syncd")
    monkeypatch.setenv("CLIENT_SECRET", "s3cret-of-client")
    monkeypatch.setenv("SCOPE", "airflow")
    with world(StandIn(replace(CLOSED, provider_account="admin")), tmp_path) as w:
        works(opened(w, str(SIGN_IN / "provider_token.py"), w.url, provider))


def test_a_token_is_signed_with_the_secret_of_the_deployment(tmp_path: Path) -> None:
    with world(StandIn(CLOSED), tmp_path) as w:
        w.server.gate.sign_with(b"x" * 64)
        place = tmp_path / "secret"
        place.write_text("x" * 64 + "\n")
        works(opened(w, str(SIGN_IN / "minted_token.py"), str(place), str(w.server.state.users["admin"].id)))


def test_a_command_is_run_again_before_its_token_expires_and_when_it_is_refused(tmp_path: Path) -> None:
    clock = [1_000_000.0]
    with world(StandIn(CLOSED, now=lambda: clock[0]), tmp_path) as w:
        place, count = tmp_path / "token", tmp_path / "count"
        script = "import sys; open(sys.argv[2], 'a').write('x'); print(open(sys.argv[1]).read())"

        def given() -> None:
            place.write_text(w.server.gate.issue_token(w.server.state.users["admin"], ttl_s=600))

        given()
        target = opened(w, "-c", script, str(place), str(count), clock=clock)
        target.look()
        clock[0] += 539
        ask(target)
        assert "x" == count.read_text()
        given()
        clock[0] += 2
        ask(target)
        assert "xx" == count.read_text()
        assert not [call for call in w.server.calls if call.status == 401], "it was not waited for until it was over"
        w.server.gate.forget_tokens()
        given()
        clock[0] += FRESH_SECRET_S
        ask(target)
        assert "xxx" == count.read_text()


def test_a_token_that_is_over_when_it_is_printed_costs_no_run_for_each_call(tmp_path: Path) -> None:
    """The clock of this machine is ahead: the server takes what is over by ours."""
    with world(StandIn(CLOSED, now=lambda: 1_000_000.0), tmp_path) as w:
        place, count = tmp_path / "token", tmp_path / "count"
        place.write_text(w.server.gate.issue_token(w.server.state.users["admin"], ttl_s=600))
        script = "import sys; open(sys.argv[2], 'a').write('x'); print(open(sys.argv[1]).read())"
        clock = [2_000_000.0]
        target = opened(w, "-c", script, str(place), str(count), clock=clock)
        for _ in range(3):
            clock[0] += 60
            ask(target)
        assert "x" == count.read_text()


def ask(target: AirflowTarget) -> None:
    target.forget()
    assert ["admin"] == list(target.observe(Scope.people(["admin"]), role_names=frozenset()).users)


def test_a_command_that_fails_is_told_and_nothing_is_asked(tmp_path: Path) -> None:
    with world(StandIn(CLOSED), tmp_path) as w:
        with pytest.raises(TargetUnauthorized, match=r"a secret cannot be read: command:.*ended with exit code 3"):
            opened(w, "-c", "raise SystemExit(3)").look()
        assert {"/api/v2/version", "/auth/openapi.json"} == {call.path for call in w.server.calls}


def test_a_bearer_credential_without_a_name_is_told_what_that_costs(tmp_path: Path) -> None:
    with world(StandIn(CLOSED), tmp_path) as w:
        place = tmp_path / "token"
        place.write_text(w.server.gate.issue_token(w.server.state.users["admin"], ttl_s=600))
        settings = AirflowSettings(Connection(w.url), (Credential("bearer", None, Secret("file", (str(place),))),))
        found = {f.check: f for f in examine("prod", settings, now=lambda: datetime.now(UTC))}
        assert (None, True) == (found["rights"].ok, "write its name as `username`" in found["rights"].detail)


@pytest.mark.finding("N-409")
@pytest.mark.parametrize(
    ("script", "arguments", "environment", "says"),
    [
        ("minted_token.py", (), {}, "usage: minted_token.py"),
        ("minted_token.py", ("--help",), {}, "usage: minted_token.py"),
        ("minted_token.py", ("{folder}/secret", "admin"), {}, "usage: minted_token.py"),
        ("minted_token.py", ("{folder}/secret", "1", "2"), {}, "usage: minted_token.py"),
        ("minted_token.py", ("{folder}/none", "1"), {}, "/none: No such file or directory"),
        ("minted_token.py", ("{folder}/empty", "1"), {}, "/empty: there is no secret in it"),
        ("minted_token.py", ("{folder}/binary", "1"), {}, "/binary: "),
        ("provider_token.py", (), {}, "usage: provider_token.py"),
        (
            "provider_token.py",
            ("http://127.0.0.1:9", "x"),
            {},
            "CLIENT_ID and CLIENT_SECRET have to be in the environment",
        ),
        ("provider_token.py", ("http://127.0.0.1:9", "x"), {"CLIENT_ID": "a", "CLIENT_SECRET": "hush-hush"}, "x: "),
        (
            "provider_token.py",
            ("http://127.0.0.1:9", "http://127.0.0.1:9/token"),
            {"CLIENT_ID": "a", "CLIENT_SECRET": "hush-hush"},
            "http://127.0.0.1:9/token: ",
        ),
    ],
)
def test_a_command_that_can_print_no_token_says_why_in_a_line(
    script: str, arguments: tuple[str, ...], environment: Mapping[str, str], says: str, tmp_path: Path
) -> None:
    for name, content in {"secret": b"s3cret", "empty": b" \n", "binary": b"\xff\xfe"}.items():
        (tmp_path / name).write_bytes(content)
    words = [sys.executable, str(SIGN_IN / script), *(word.format(folder=tmp_path) for word in arguments)]

    done = subprocess.run(words, env=dict(environment), capture_output=True, text=True, timeout=60, check=False)

    assert (1, "", 1) == (done.returncode, done.stdout, len(done.stderr.splitlines())), done.stderr
    assert says in done.stderr
    assert "hush" not in done.stderr
