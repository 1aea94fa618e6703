"""Whatever goes out holds no secret that is known, in no form."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Callable
from functools import partial
from io import StringIO
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from starlette.responses import JSONResponse

from syncd.cli.output import show_error, show_json, show_text
from syncd.http.answer import Answer, shown
from syncd.http.secrets import BLOT, SHORTEST, KnownSecrets, blotted, remember
from syncd.log import set_up
from syncd.store.columns import Sentence
from syncd.web.problems import Refusal, problem

WORD = "Planted/Hunter2 #€?"


# --- what is known is blotted out --------------------------------------------------------------------------------------


FORMS = [
    WORD,
    quote(WORD, safe=""),
    quote(WORD),
    quote_plus(WORD),
    base64.b64encode(WORD.encode()).decode(),
    json.dumps(WORD)[1:-1],
    repr(WORD),
    repr(UnicodeEncodeError("latin-1", WORD, 17, 18, "ordinal not in range")),
]


@pytest.mark.finding("A-F8")
@pytest.mark.parametrize("form", FORMS)
def test_a_known_secret_is_blotted_out_in_every_form(form: str) -> None:
    known = KnownSecrets()
    assert form in known.blotted(form)

    known.add(WORD)

    assert "Hunter2" not in known.blotted(f"the server said: {form}!")
    assert BLOT in known.blotted(form) or "Hunter2" not in form


def test_the_lines_of_a_key_are_blotted_one_by_one() -> None:
    known = KnownSecrets()
    known.add("-----BEGIN PRIVATE KEY-----\n" + "A" * 64 + "\n" + "B" * 64 + "\n-----END PRIVATE KEY-----")

    assert f"it has -----BEGIN and {BLOT}" == known.blotted(f"it has -----BEGIN and {'B' * 64}")


def test_short_secrets_are_words_and_stay() -> None:
    known = KnownSecrets()
    known.add("x" * (SHORTEST - 1))

    assert "x" * 20 == known.blotted("x" * 20)


def test_a_secret_that_holds_another_is_blotted_whole() -> None:
    known = KnownSecrets()
    known.add("planted-one")
    known.add("planted-one-and-more")

    assert f"{BLOT} {BLOT}" == known.blotted("planted-one-and-more planted-one")


def test_only_so_many_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("syncd.http.secrets.MOST_KNOWN", 2)
    known = KnownSecrets()
    for value in ("planted-1", "planted-2", "planted-3"):
        known.add(value)

    assert f"planted-1 {BLOT} {BLOT}" == known.blotted("planted-1 planted-2 planted-3")


@pytest.mark.finding("N-112")
@pytest.mark.parametrize("form", [html.escape, partial(html.escape, quote=False), lambda text: quote(text).lower()])
def test_a_web_page_or_another_client_that_repeats_a_secret_is_blotted(form: Callable[[str], str]) -> None:
    secret = "planted<&>'\"/two"
    remember(secret)

    assert f"said {BLOT}." == blotted(f"said {form(secret)}.")


@pytest.mark.finding("N-108")
def test_tokens_that_servers_make_push_out_no_secret_that_was_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("syncd.http.secrets.MOST_KNOWN", 3)
    known = KnownSecrets()
    known.add("planted-0")
    known.add("planted-1", by_reference=True)
    known.add("planted-0", by_reference=True)
    for number in range(2, 9):
        known.add(f"planted-{number}")

    assert f"{BLOT} {BLOT} planted-7 {BLOT}" == known.blotted("planted-0 planted-1 planted-7 planted-8")


@pytest.mark.finding("N-106")
@pytest.mark.parametrize("place", ["loc", "type"])
def test_no_half_of_a_secret_stays_where_a_text_is_cut(place: str) -> None:
    remember("planted-at-the-end")
    told = {"loc": ["body"], "type": "x", place: ["x" * 180, "planted-at-the-end"] if place == "loc" else ""}
    told["type"] = "x" * 180 + "planted-at-the-end" if place == "type" else "x"
    answer = Answer("GET x", 422, "application/json", json.dumps({"detail": [told]}).encode())

    assert "planted" not in str(answer)
    assert "planted" not in shown("https://sso.example.com/" + "x" * 165 + "planted-at-the-end")


@pytest.mark.finding("N-107")
def test_an_address_of_an_answer_is_not_shown_at_any_length() -> None:
    assert len(shown(f"https://sso.example.com/{'x' * 60_000}")) == 200


@pytest.mark.finding("A-F8")
def test_nothing_that_goes_out_holds_a_known_secret(capsys: pytest.CaptureFixture[str]) -> None:
    remember("planted-everywhere")
    said = f"the server said planted-everywhere to us ({base64.b64encode(b'planted-everywhere').decode()})"
    log = StringIO()

    set_up(stream=log)("source_failed", error=said, deeper={"why": [said]})
    show_error(said)
    show_text(said)
    show_json({"error": said})
    answers = (
        problem(Refusal(500, said)),
        Answer("GET x", 400, "application/json", json.dumps({"detail": said}).encode()),
    )
    out, err = capsys.readouterr()
    kept = Sentence().process_bind_param(said, Any)  # type: ignore[arg-type]

    texts = [log.getvalue(), out, err, bytes(answers[0].body).decode(), str(answers[1]), answers[1].detail, kept or ""]
    assert isinstance(answers[0], JSONResponse)
    for text in texts:
        assert BLOT in text
        assert "planted" not in text
        assert base64.b64encode(b"planted-everywhere").decode()[:20] not in text


@pytest.mark.finding("A-F8")
def test_an_address_of_an_answer_is_shown_without_user_query_and_known_secrets() -> None:
    remember("planted-in-a-path")

    assert f"https://sso/login/{BLOT}" == shown("https://sso/login/planted-in-a-path?token=x#y")
    assert "https://evil/" == shown("https://u:secretpw@evil/")
    assert "//evil/" == shown("//u:secretpw@evil/")
