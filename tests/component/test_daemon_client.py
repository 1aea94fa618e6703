"""Whoever listens at `--url`: the token is not repeated, odd answers are one sentence, and each answer has an end."""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from syncd.cli import daemon_client, run

TOKEN = "planted-token-of-the-pipeline"
JOB = {"id": 1, "state": "done", "exit_code": 0, "deployments": ["prod"], "results": []}
RESULT = {"deployment": "prod", "exit_code": 0}
CHANGE = {"kind": "update", "subject": "user", "name": "anna", "granted": [], "revoked": [], "because": []}

Talk = Callable[[socket.socket, str], None]


@contextmanager
def listening(talk: Talk) -> Iterator[str]:
    """Answer each request with a talk, which is given what was asked; gives the address."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with connection, suppress(OSError):
                    talk(connection, _request(connection))

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def _request(connection: socket.socket) -> str:
    """Read a request whole: what is closed with something unread is reset, and its answer lost."""
    asked = b""
    while part := connection.recv(65536):
        asked += part
        head, end, body = asked.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: *(\d+)", head)
        if end and len(body) >= (int(length[1]) if length else 0):
            break
    return asked.decode("latin-1")


def answering(body: bytes, status: int = 200) -> Talk:
    head = b"HTTP/1.1 %d X\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % (status, len(body))
    return lambda connection, _: connection.sendall(head + body)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """Type a command at a daemon that talks so."""
    monkeypatch.setenv("SYNCD_TEST_TOKEN", TOKEN)

    def ask(talk: Talk, *words: str) -> tuple[int, str]:
        with listening(talk) as url:
            code = run([*(words or ("reconcile",)), "--url", url, "--token-env", "SYNCD_TEST_TOKEN"])
        return code, "".join(capsys.readouterr())

    return ask


@pytest.mark.finding("N-101")
@pytest.mark.parametrize("words", [("reconcile",), ("reconcile", "-o", "json"), ("approve", "prod", "abc")])
@pytest.mark.parametrize(("status", "code"), [(401, 3), (500, 5), (200, 0)])
def test_a_token_that_the_answer_repeats_is_not_shown(
    asked: Callable[..., tuple[int, str]], words: tuple[str, ...], status: int, code: int
) -> None:
    def repeat(connection: socket.socket, request: str) -> None:
        line = next(line for line in request.split("\r\n") if line.startswith("Authorization"))
        result = {**RESULT, "error": line}
        answering(json.dumps({**JOB, "detail": line, "results": [result]}).encode(), status)(connection, request)

    ended, told = asked(repeat, *words)
    assert (code, False) == (ended, TOKEN in told), told
    assert "[secret]" in told


@pytest.mark.finding("N-102")
@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b"9" * 5_000,
        *(
            json.dumps({**JOB, **change}).encode()
            for change in (
                {"id": "\u20ac"},
                {"id": ["a"]},
                {"exit_code": 10**30},
                {"exit_code": None},
                {"deployments": None},
                {"results": 5},
                {"results": [5]},
                {"results": [{"deployment": "prod"}]},
                {"results": [{**RESULT, "error": 5}]},
                {"results": [{**RESULT, "applied": "many"}]},
                {"results": [{**RESULT, "plan": 5}]},
                {"results": [{**RESULT, "plan": {"plan": {"changes": [5]}}}]},
                {"results": [{**RESULT, "plan": {"plan": {"changes": [{**CHANGE, "granted": 5}]}}}]},
                {"results": [{**RESULT, "plan": {"plan": {"changes": [{**CHANGE, "why": [5]}]}}}]},
            )
        ),
    ],
)
@pytest.mark.parametrize("words", [("reconcile",), ("reconcile", "--no-wait")])
def test_what_is_no_job_is_one_sentence(
    asked: Callable[..., tuple[int, str]], words: tuple[str, ...], body: bytes
) -> None:
    code, told = asked(answering(body), *words)
    assert code == 5
    assert "this is not syncd's answer (HTTP 200); is the address right?" in told


HOLD = {
    "id": "h1", "deployment": "prod", "digest": "abc", "state": "waits", "since": "2026-03-01T12:00:00+00:00", "run": 1,
    "planned_at": "2026-03-01T12:00:00+00:00", "why": ["too many"], "total": 1, "said": [], "ended_at": None,
    "superseded_by": None, "changes": [CHANGE], "newer": 5,
}  # fmt: skip


@pytest.mark.parametrize(
    "change",
    [
        {"id": "digest"},
        {"state": "asleep"},
        {"since": "soon"},
        {"total": "many"},
        {"said": [{"what": "approve"}]},
        {"scope": 5},
        {"changes": [5]},
        {"effects": {"loses": 5}},
    ],
)
def test_what_is_no_hold_is_one_sentence(asked: Callable[..., tuple[int, str]], change: dict[str, Any]) -> None:
    odd = {**HOLD, **change}
    for words, body in ((("hold", "show", "h1"), odd), (("hold", "list"), {"holds": [odd] if "id" in change else 5})):
        code, told = asked(answering(json.dumps(body).encode()), *words)
        assert code == 5
        assert "this is not syncd's answer (HTTP 200); is the address right?" in told


def test_a_hold_of_an_older_daemon_is_shown_and_one_that_has_less_than_it_says_is_not(
    asked: Callable[..., tuple[int, str]],
) -> None:
    code, told = asked(answering(json.dumps(HOLD).encode()), "hold", "show", "h1")
    assert (0, "h1 on prod: waits") == (code, told.splitlines()[0])
    empty = json.dumps({**HOLD, "total": 5, "changes": []}).encode()
    code, told = asked(answering(empty), "hold", "show", "h1")
    assert (5, True) == (code, "h1 was not told whole, so it is not shown; ask again" in told)


def test_a_job_is_shown(asked: Callable[..., tuple[int, str]]) -> None:
    result: dict[str, Any] = {**RESULT, "applied": 1, "seconds": 1, "newer": 5, "plan": {"plan": {"changes": [CHANGE]}}}
    code, told = asked(answering(json.dumps({**JOB, "results": [result]}).encode()))
    assert code == 0
    assert "prod: 1 applied" in told


@pytest.mark.finding("N-103")
@pytest.mark.parametrize("start", [b"", b"HTTP/1.1 200 X\r\nX: ", b"HTTP/1.1 200 X\r\nContent-Length: 9999\r\n\r\n"])
def test_an_answer_that_drips_is_given_up(
    asked: Callable[..., tuple[int, str]], monkeypatch: pytest.MonkeyPatch, start: bytes
) -> None:
    monkeypatch.setattr(daemon_client, "LONGEST_S", 0.5)

    def drip(connection: socket.socket, _: str) -> None:
        connection.sendall(start)
        until = time.monotonic() + 120
        while time.monotonic() < until:
            connection.sendall(b"x")
            time.sleep(0.05)  # each byte comes in time, and all of them do not

    began = time.monotonic()
    code, told = asked(drip)
    assert (code, "the answer came too slowly and was given up" in told) == (5, True)
    assert time.monotonic() - began < 60
