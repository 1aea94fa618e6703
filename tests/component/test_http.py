"""The HTTP session: what it repeats, what it refuses to read, and what it never says."""

from __future__ import annotations

import gzip
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from syncd.http.backoff import Retries, Waiting
from syncd.http.connection import Connection
from syncd.http.secrets import Secret, SecretUnreadable
from syncd.http.session import NoAnswer, Session

Reply = Callable[[BaseHTTPRequestHandler], None]


class Server:
    """Answers with the replies it is given, in order; the last one for ever."""

    def __init__(self) -> None:
        self.replies: list[Reply] = []
        self.asked: list[tuple[str, str, dict[str, str]]] = []
        self.url = ""

    def reply(self, handler: BaseHTTPRequestHandler) -> None:
        length = int(handler.headers.get("Content-Length") or 0)
        handler.rfile.read(length)
        self.asked.append((handler.command, handler.path, dict(handler.headers)))
        (self.replies.pop(0) if len(self.replies) > 1 else self.replies[0])(handler)


@pytest.fixture
def server() -> Iterator[Server]:
    with served() as found:
        yield found


@contextmanager
def served() -> Iterator[Server]:
    found = Server()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:  # noqa: A002, ARG002 - the base class's words
            return

        def do_GET(self) -> None:
            found.reply(self)

        do_POST = do_GET  # noqa: N815

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    found.url = f"http://127.0.0.1:{http.server_port}"
    try:
        yield found
    finally:
        http.shutdown()
        http.server_close()
        thread.join()


def says(status: int, body: bytes = b"{}", kind: str = "application/json", **headers: str) -> Reply:
    def reply(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("Content-Type", kind)
        handler.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(body)

    return reply


def hangs_up(handler: BaseHTTPRequestHandler) -> None:
    handler.connection.shutdown(socket.SHUT_RDWR)


def breaks_off(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"roles": [')
    handler.connection.shutdown(socket.SHUT_RDWR)


def drips(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    for _ in range(1200):
        handler.wfile.write(b" ")
        handler.wfile.flush()
        time.sleep(0.1)  # each byte comes in time, and all of them do not


class Waits:
    """Keeps how long it was told to wait, and does not."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


def session(server: Server, *, waits: Waits | None = None, path: str = "", **settings: object) -> Session:
    connection = Connection(server.url + path, **{"timeout_s": 5.0, **settings})  # type: ignore[arg-type]
    return Session(
        connection,
        retries=Retries(attempts=3, first_s=1.0, cap_s=8.0),
        waiting=Waiting(pause=waits or Waits(), chance=lambda: 0.5),
    )


# --- repeating --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "reply",
    [says(429), says(502, b"", ""), says(503), says(504), hangs_up],
    ids=["429", "502", "503", "504", "hang up"],
)
def test_a_read_is_tried_again(server: Server, reply: Reply) -> None:
    server.replies = [reply, reply, says(200, b'{"a": 1}')]
    waits = Waits()
    asks = session(server, waits=waits)
    assert {"a": 1} == asks.send("GET", "/x").json
    assert [0.5, 1.0] == waits.seconds
    assert 3 == asks.calls


@pytest.mark.parametrize("reply", [says(429), says(503), hangs_up], ids=["429", "503", "hang up"])
def test_a_write_is_never_tried_again(server: Server, reply: Reply) -> None:
    server.replies = [reply]
    asks = session(server)
    with suppress(NoAnswer):
        asks.send("POST", "/x", body={})
    assert 1 == asks.calls


def test_trying_again_has_an_end(server: Server) -> None:
    server.replies = [says(503)]
    asks = session(server)
    assert 503 == asks.send("GET", "/x").status
    assert 3 == asks.calls


@pytest.mark.parametrize(
    ("said", "waited"), [("3", 3.0), ("600", 8.0), ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0), ("soon", 0.5)]
)
def test_retry_after_is_honoured_up_to_a_bound(server: Server, said: str, waited: float) -> None:
    server.replies = [says(429, Retry_After=said), says(200)]
    waits = Waits()
    session(server, waits=waits).send("GET", "/x")
    assert [waited] == waits.seconds


def test_no_wait_goes_beyond_the_deadline(server: Server) -> None:
    server.replies = [says(429, Retry_After="7"), says(200)]
    waits = Waits()
    assert 429 == session(server, waits=waits, timeout_s=1.0, connect_timeout_s=1.0).send("GET", "/x").status
    assert [] == waits.seconds


# --- what is not read -------------------------------------------------------------------------------------------------


def test_half_an_answer_is_none(server: Server) -> None:
    server.replies = [breaks_off]
    with pytest.raises(NoAnswer, match="the answer broke off"):
        session(server).send("POST", "/x")


def test_an_answer_that_drips_is_given_up(server: Server) -> None:
    server.replies = [drips]
    begun = time.monotonic()
    with pytest.raises(NoAnswer, match="too slowly"):
        session(server, timeout_s=0.2, connect_timeout_s=0.1).send("POST", "/x")
    assert time.monotonic() - begun < 90, "all of it takes two minutes"


def test_silence_is_no_answer(server: Server) -> None:
    server.replies = [lambda _: time.sleep(0.5)]  # longer than anybody waits here
    with pytest.raises(NoAnswer, match=r"GET http://127\.0\.0\.1:\d+/x: no answer within 0\.1 s"):
        session(server, timeout_s=0.1).send("GET", "/x", repeatable=False)


def test_a_huge_answer_is_refused_even_when_it_comes_packed(server: Server) -> None:
    server.replies = [says(200, gzip.compress(b" " * 10_000_000), Content_Encoding="gzip")]
    asks = Session(Connection(server.url), size_cap=1_000_000)
    with pytest.raises(NoAnswer, match="larger than 1000000 bytes"):
        asks.send("POST", "/x")


def test_a_packed_answer_is_unpacked(server: Server) -> None:
    server.replies = [says(200, gzip.compress(b'{"a": 1}'), Content_Encoding="gzip")]
    assert {"a": 1} == session(server).send("GET", "/x").json


def test_a_redirect_is_an_answer_and_its_query_is_not_told(server: Server) -> None:
    server.replies = [says(302, Location="https://sso.example/login?state=secret")]
    answer = session(server).send("GET", "/x")
    assert "302 to https://sso.example/login" == str(answer)
    assert 1 == len(server.asked)


def test_a_cookie_is_given_to_who_asked_and_not_kept(server: Server) -> None:
    server.replies = [says(200, Set_Cookie="session=abc; HttpOnly; Path=/")]
    asks = session(server)
    assert {"session": "abc"} == asks.send("GET", "/x").cookies
    asks.send("GET", "/x")
    assert "Cookie" not in server.asked[1][2]


def test_nobody_there_says_so() -> None:
    with pytest.raises(NoAnswer, match="the connection was refused; is the server running"):
        Session(Connection("http://127.0.0.1:1"), retries=Retries(attempts=1)).send("GET", "/x")


# --- what is sent -----------------------------------------------------------------------------------------------------


def test_the_path_of_the_base_url_stays_in_front(server: Server) -> None:
    server.replies = [says(200)]
    session(server, path="/team-a/").send("GET", "/api/v1/roles/a%2Fb", query=[("limit", "1")])
    assert "/team-a/api/v1/roles/a%2Fb?limit=1" == server.asked[0][1]


def test_headers_may_be_secrets(server: Server, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("hidden\n")
    server.replies = [says(200)]
    session(server, headers={"X-Key": Secret.parse(f"file:{tmp_path}/key"), "X-Plain": "yes"}).send("GET", "/x")
    sent = server.asked[0][2]
    assert ("hidden", "yes") == (sent["X-Key"], sent["X-Plain"])


def test_the_environment_changes_nothing(server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login eve password hidden\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere")
    server.replies = [says(200)]
    assert 200 == session(server).send("GET", "/x").status
    assert "Authorization" not in server.asked[0][2]


def test_the_proxy_of_the_connection_is_used_and_its_password_not_told() -> None:
    with served() as proxy:
        proxy.replies = [says(200)]
        connection = Connection("http://airflow.invalid", proxy=proxy.url.replace("//", "//user:hidden@"))
        assert 200 == Session(connection).send("GET", "/x").status
        assert "http://airflow.invalid/x" == proxy.asked[0][1]
    with pytest.raises(NoAnswer) as e:
        Session(connection, retries=Retries(attempts=1)).send("GET", "/x")
    assert "the proxy" in str(e.value)
    assert "hidden" not in str(e.value)


# --- secrets ----------------------------------------------------------------------------------------------------------


def test_each_kind_of_secret_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "airflow").write_text(" pass word \r\n")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    monkeypatch.setenv("AIRFLOW_PASSWORD", "hidden")
    references = [
        "env:AIRFLOW_PASSWORD",
        f"file:{tmp_path}/airflow",
        "credential:airflow",
        'command:["echo", "a b"]',
        "command:echo 'c d'",
    ]
    assert ["hidden", " pass word ", " pass word ", "a b", "c d"] == [Secret.parse(r).read() for r in references]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("env:NOT_THERE", "env:NOT_THERE: the environment variable is not set"),
        ("file:/not/there", "file:/not/there: No such file or directory"),
        ("credential:x", "CREDENTIALS_DIRECTORY is not set"),
        ("command:/not/there", "No such file"),
        ('command:["sh", "-c", "echo hidden >&2; exit 3"]', "command:sh ...: ended with exit code 3"),
        ("command:true", "is empty"),
        ("file:/dev/null", "file:/dev/null: it is not a regular file"),
    ],
)
def test_a_secret_that_is_not_there_says_where_and_not_what(text: str, why: str) -> None:
    with pytest.raises(SecretUnreadable) as e:
        Secret.parse(text).read()
    assert why in str(e.value)
    assert "hidden" not in str(e.value)


def test_a_command_has_an_end() -> None:
    with pytest.raises(SecretUnreadable, match=r"did not end within 0\.1 s"):
        Secret("command", ("sleep", "5"), timeout_s=0.1).read()


@pytest.mark.finding("A-F7")
@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [
        (302, {"Location": "http://[::1"}, b"{}"),
        (302, {"Location": "//["}, b"{}"),
        (503, {"Retry-After": "\xb2"}, b"{}"),
        (429, {"Retry-After": "Fri, 31 Dec 2027 23:59:59 +9999999999999999"}, b"{}"),
        (200, {}, b"[" * 100_000),
        (400, {}, b'{"detail": ' + b"[" * 100_000),
        (422, {}, b'{"detail": [{"loc": [' + b"9" * 5000 + b"]}]}"),
        (200, {"Set-Cookie": "a=\xb2; \x01"}, b"{}"),
    ],
)
def test_nothing_in_an_answer_is_a_defect(server: Server, status: int, headers: dict[str, str], body: bytes) -> None:
    server.replies = [says(status, body, **headers)]
    with suppress(NoAnswer):
        answer = session(server).send("GET", "/x")
        assert status == answer.status
        assert str(answer)
        assert answer.json is None or answer.json == {}


@pytest.mark.finding("A-F8")
def test_a_header_that_cannot_be_sent_is_told_without_its_value(server: Server) -> None:
    server.replies = [says(200)]
    with pytest.raises(NoAnswer, match="a header holds a character that no header can carry") as caught:
        session(server, headers={"X-Key": "s€cret"}).send("GET", "/x")
    assert "s€cret" not in str(caught.value)
