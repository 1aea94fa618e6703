"""Planted secrets appear nowhere: not in logs with every library at its loudest, not in what is printed, not in the database."""

from __future__ import annotations

import base64
import json
import logging
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from pathlib import Path
from threading import Thread
from urllib.parse import quote

import pytest
from directories_world import TOKEN, Company, company

from syncd.cli import run

PASSWORD = "planted-airflow-password"


@pytest.fixture
def loud() -> Iterator[StringIO]:
    """Collect every record of every logger, whatever it says of itself."""
    said = StringIO()
    handler = logging.StreamHandler(said)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.NOTSET)
    for name in ("okta-sdk-python", "msal", "urllib3", "requests", "aiohttp", "sqlalchemy.engine", "alembic"):
        logging.getLogger(name).setLevel(logging.DEBUG)
        logging.getLogger(name).disabled = False
    yield said
    root.removeHandler(handler)
    root.setLevel(level)
    for name in ("okta-sdk-python", "msal", "urllib3", "requests", "aiohttp", "sqlalchemy.engine", "alembic"):
        logging.getLogger(name).setLevel(logging.NOTSET)


@pytest.fixture
def corp(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Company]:
    with company(tmp_path, capsys) as found:
        found.airflow.state.users["admin"].password = PASSWORD
        monkeypatch.setenv("SYNCD_TEST_OKTA", TOKEN)
        monkeypatch.setenv("SYNCD_TEST_ENTRA", found.entra.authority.client.secret)
        monkeypatch.setenv("SYNCD_TEST_AIRFLOW", PASSWORD)
        yield found


def test_no_secret_is_anywhere(corp: Company, loud: StringIO, capsys: pytest.CaptureFixture[str]) -> None:
    config = str(corp.folder / "config.toml")
    assert 0 == run(["--config", config, "--verbose", "apply"])
    corp.airflow.state.users["admin"].password = "changed by somebody"
    corp.okta.ssws.clear()
    assert 1 == run(["--config", config, "--verbose", "apply", "--full"])
    assert run(["--config", config, "--verbose", "doctor"])
    out, err = capsys.readouterr()
    made = {a.password for name, a in corp.airflow.state.users.items() if name != "admin"}
    assert made
    secrets = {TOKEN, PASSWORD, corp.entra.authority.client.secret, *made}
    places = {"log": loud.getvalue(), "stdout": out, "stderr": err, "database": everything_in(corp.folder / "syncd.db")}
    assert all(places.values()), "each place has something in it, or this test proves nothing"
    assert [] == [(where, secret[:6]) for where, text in places.items() for secret in secrets if secret in text]
    tokens = ("planted-access-token", "eyJhbGciOi")  # Graph's, and the beginning of every JSON web token
    assert [] == [(where, token) for where, text in places.items() for token in tokens if token in text]


# --- a server that repeats what it is told ------------------------------------------------------------------------------


class Echo(BaseHTTPRequestHandler):
    """Answers every request with what came: headers as they are and decoded, and the body."""

    place = "detail"

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        line = self.headers.get("Authorization", "")
        pair = base64.b64decode(line.removeprefix("Basic ")).decode() if line.startswith("Basic ") else ""
        told = [line, line.partition(" ")[2], pair, pair.partition(":")[2], self.headers.get("X-Gateway-Key", "")]
        told += [str(value) for value in json.loads(body).values()] if body else []
        said = " ".join(filter(None, told))
        self.send_response({"location": 302, "denied": 401, "title": 500}.get(self.place, 400))
        if self.place == "location":
            self.send_header("Location", f"https://sso.example.com/login/{quote(said)}/{quote(said, safe='')}")
        content = json.dumps({"title" if self.place == "title" else "detail": said, "error": said}).encode()
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PATCH = answer  # noqa: N815 - as the library calls them

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(params=["detail", "title", "denied", "location"])
def echo(request: pytest.FixtureRequest) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Echo", (Echo,), {"place": request.param}))
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


AUTHS = {
    "bearer": '{kind = "bearer", token = {env = "SYNCD_TEST_SECRET"}}',
    "basic": '{kind = "basic", username = "admin", password = {env = "SYNCD_TEST_SECRET"}}',
    "token": '{kind = "token", username = "admin", password = {env = "SYNCD_TEST_SECRET"}}',
    "header": '{kind = "bearer", token = {env = "SYNCD_TEST_OTHER"}}',
}


@pytest.mark.finding("A-F8")
@pytest.mark.parametrize("kind", AUTHS)
def test_a_server_that_repeats_a_secret_shows_it_to_nobody(
    kind: str,
    echo: str,
    loud: StringIO,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SYNCD_TEST_SECRET", "planted/by reference+1")
    monkeypatch.setenv("SYNCD_TEST_OTHER", "planted-too-as-a-bearer")
    header = 'headers = {X-Gateway-Key = {env = "SYNCD_TEST_SECRET"}}' if kind == "header" else ""
    for name, text in {
        "config.toml": f"""
            [sources.people]
            type = "file"
            directory = "people"
            [deployments.prod]
            url = "{echo}"
            auth = {AUTHS[kind]}
            {header}
            timeouts = {{connect_s = 1, read_s = 1}}
            """,
        "people/p.yaml": "people: [{login: anna}]\ngroups: [{name: crew, members: [anna]}]\n",
        "mappings/m.yaml": "bindings:\n- {group: 'people:crew', roles: [Viewer], deployments: all}\n",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    config = str(tmp_path / "config.toml")

    codes = [
        run(["--config", config, "--verbose", *command])
        for command in (["plan"], ["plan", "-o", "json"], ["plan", "-o", "markdown"], ["apply"], ["doctor"])
    ]
    run(["--config", config, "status"])
    run(["--config", config, "audit"])

    out, err = capsys.readouterr()
    assert all(codes), "each command met the server that refuses"
    places = {"log": loud.getvalue(), "stdout": out, "stderr": err, "database": everything_in(tmp_path / "syncd.db")}
    signs = ["planted", quote("planted/by reference+1", safe=""), base64.b64encode(b"admin:planted/by").decode()[:20]]
    assert [] == [(where, sign) for where, text in places.items() for sign in signs if sign in text]


@pytest.mark.finding("C-42")
@pytest.mark.finding("A-F8")
def test_doctor_tells_everything_else_where_one_secret_cannot_be_used(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SYNCD_TEST_SECRET", "planted€token")
    (tmp_path / "people").mkdir()
    (tmp_path / "people/p.yaml").write_text("people: [{login: anna}]\n")
    (tmp_path / "config.toml").write_text(f"""
        [sources.people]
        type = "file"
        directory = "people"
        [defaults]
        url = "http://127.0.0.1:9"
        [deployments.one]
        auth = {AUTHS["basic"]}
        headers = {{X-Gateway-Key = {{env = "SYNCD_TEST_SECRET"}}}}
        [deployments.two]
        url = "http://127.0.0.1:10"
        auth = {AUTHS["basic"]}
        """)

    code = run(["--config", str(tmp_path / "config.toml"), "doctor"])

    out, err = capsys.readouterr()
    assert (1, "") == (code, err)
    assert "env:SYNCD_TEST_SECRET: holds a character that no header can carry" in out
    assert all(subject in out for subject in ("source people", "two", "mapping", "database"))
    assert "planted" not in out


@pytest.mark.finding("H-E15")
@pytest.mark.parametrize("command", [["reconcile"], ["approve", "prod", "abc"]])
def test_a_token_is_not_sent_in_the_clear_to_another_machine(
    command: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SYNCD_TEST_SECRET", "planted-token")

    code = run([*command, "--url", "http://syncd.example.invalid:1", "--token-env", "SYNCD_TEST_SECRET"])

    assert (3, True) == (code, "http:// to another machine sends the token in the clear" in capsys.readouterr().err)
    assert 3 != run([*command, "--url", "http://127.0.0.1:9", "--token-env", "SYNCD_TEST_SECRET"])
    assert 3 != run(
        [*command, "--url", "http://syncd.example.invalid:1", "--token-env", "SYNCD_TEST_SECRET", "--insecure-http"]
    )


def everything_in(database: Path) -> str:
    """Give every value of every table as text, what is compressed included."""
    with closing(sqlite3.connect(database)) as db:
        tables = [name for (name,) in db.execute("select name from sqlite_master where type = 'table'")]
        values = [value for table in tables for row in db.execute(f"select * from {table}") for value in row]
    return "\n".join(_text(value) for value in values)


def _text(value: object) -> str:
    if not isinstance(value, bytes):
        return str(value)
    try:
        return zlib.decompress(value).decode()
    except zlib.error:
        return value.decode(errors="replace")
