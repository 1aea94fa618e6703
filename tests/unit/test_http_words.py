"""Addresses and references that are refused, and answers of servers in a sentence."""

from __future__ import annotations

import json

import pytest

from syncd.http.answer import Answer
from syncd.http.connection import Connection, is_loopback
from syncd.http.secrets import Secret


@pytest.mark.parametrize("url", ["ftp://host", "host/path", "https://user:word@host", "https://host/?a=b", "https://"])
def test_a_base_url_that_cannot_work_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="base_url"):
        Connection(url)


# --- what is said -----------------------------------------------------------------------------------------------------


def answered(status: int, body: object, kind: str = "application/json") -> Answer:
    return Answer("POST http://x/users", status, kind, json.dumps(body).encode())


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (answered(400, {"detail": "Unknown roles: 'a'"}), "400 (Unknown roles: 'a')"),
        (answered(403, {"detail": None, "title": "Forbidden"}, "application/problem+json"), "403 (Forbidden)"),
        (answered(200, {"password": "hidden"}), "200"),
        (answered(404, "<html>", "text/html"), "404 with a web page"),
        (answered(500, {"detail": {"password": "hidden"}}), "500"),
        (answered(500, {"detail": "x" * 1000}), f"500 ({'x' * 200})"),
        (Answer("GET http://x", 500, "application/json", b"{"), "500"),
    ],
)
def test_an_answer_in_a_sentence(answer: Answer, said: str) -> None:
    assert said == str(answer)


def test_a_422_names_the_fields_and_never_what_was_in_them() -> None:
    problem = {"type": "string_too_short", "loc": ["body", "last_name"], "msg": "x", "input": {"password": "hidden"}}
    answer = answered(422, {"detail": [problem]})
    assert "422 (body.last_name: string_too_short)" == str(answer)
    assert "hidden" not in f"{answer!r}{answer}"


@pytest.mark.parametrize(
    "text",
    [
        "hidden",
        "",
        "env:",
        "file:relative",
        "credential:../x",
        "vault:x",
        "command:[]",
        'command:["a", 1]',
        "command:[oops",
    ],
)
def test_what_is_no_reference_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(ValueError, match=r"a secret is given as|needs") as e:
        Secret.parse(text)
    assert "hidden" not in str(e.value)


def test_a_secret_shows_its_reference_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_PASSWORD", "hidden")
    secret = Secret.parse("env:AIRFLOW_PASSWORD")
    secret.read()
    assert "env:AIRFLOW_PASSWORD" == repr(secret) == str(secret)
    assert "hidden" not in repr(Connection("https://x", headers={"k": secret}))


def test_which_hosts_are_this_machine() -> None:
    here = ["127.0.0.1", "127.8.8.8", "::1", "localhost", "LocalHost"]
    away = ["0.0.0.0", "0.0.0.1", "::", "10.0.0.1", "localhost.example.com", ""]  # noqa: S104 - to look at

    assert here == [host for host in here + away if is_loopback(host)]
