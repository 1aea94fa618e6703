"""What a secret may be, what is said of one that cannot be used, and that no text repeats one."""

from __future__ import annotations

import base64
import html
import json
import resource
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import psutil
import pytest
from starlette.responses import JSONResponse

from syncd.cli.output import show_error, show_json, show_text
from syncd.config import load
from syncd.errors import ConfigInvalid
from syncd.http.answer import Answer, shown
from syncd.http.secrets import BLOT, SHORTEST, Known, Secret, SecretUnreadable, blotted, remember
from syncd.log import set_up
from syncd.store.columns import Sentence
from syncd.web.problems import Refusal, problem

WORD = "Planted/Hunter2 #€?"


def file_with(tmp_path: Path, content: bytes) -> Secret:
    (tmp_path / "key").write_bytes(content)
    return Secret("file", (str(tmp_path / "key"),))


@pytest.mark.finding("C-42")
@pytest.mark.parametrize("content", [b"\xef\xbb\xbfplanted-one", b"\xef\xbb\xbfplanted-one\r\n", b"planted-one\n"])
def test_a_byte_order_mark_and_the_line_end_are_dropped(tmp_path: Path, content: bytes) -> None:
    secret = file_with(tmp_path, content)

    assert ("planted-one", "planted-one") == (secret.read(), secret.header())


@pytest.mark.finding("C-42")
@pytest.mark.finding("A-F8")
@pytest.mark.parametrize("inner", ["\n", "\r\n", "€", "”", "\x1b", "\x85", "\ufeff"])
def test_what_no_header_can_carry_is_said_without_the_value(tmp_path: Path, inner: str) -> None:
    secret = file_with(tmp_path, f"planted{inner}two".encode())
    secret.read()

    with pytest.raises(SecretUnreadable) as caught:
        secret.header()

    assert str(caught.value).startswith(f"file:{tmp_path}/key: holds a character that no header can carry")
    assert "planted" not in repr(caught.value)
    assert caught.value.__cause__ is caught.value.__context__ is None


@pytest.mark.finding("C-42")
@pytest.mark.parametrize(
    ("content", "said"), [(b"planted\0x", r"U\+0000"), (b"planted\xff", "not UTF-8"), (b"\xef\xbb\xbf\n", "empty")]
)
def test_what_is_no_text_is_no_secret(tmp_path: Path, content: bytes, said: str) -> None:
    with pytest.raises(SecretUnreadable, match=said) as caught:
        file_with(tmp_path, content).read()

    assert "planted" not in str(caught.value)


@pytest.mark.finding("A-F8")
def test_bytes_of_the_environment_that_are_not_utf_8_are_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNCD_TEST", "planted\udcff")

    with pytest.raises(SecretUnreadable, match=r"env:SYNCD_TEST: is not UTF-8 text"):
        Secret("env", ("SYNCD_TEST",)).read()


@pytest.mark.finding("N-104")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("yes", "planted"), "printed more than 256 KiB"),
        (("cat", "/dev/zero"), "printed more than 256 KiB"),
        (("sh", "-c", "yes planted >&2"), "did not end within 0.5 s"),
        (("sh", "-c", "exec >&-; sleep 30"), "did not end within 0.5 s"),
        (("sh", "-c", "echo planted-one; exit 3"), "ended with exit code 3"),
        (("echo", "planted\0one"), "is not the name of a program with its arguments"),
        (("",), "Permission denied"),
    ],
)
def test_a_command_that_is_no_secret_is_given_up_in_bounds(words: tuple[str, ...], said: str) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    with pytest.raises(SecretUnreadable, match=said) as caught:
        Secret("command", words, timeout_s=0.5).read()

    assert "planted" not in str(caught.value).partition(": ")[2]
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 32 * 1024


@pytest.mark.parametrize("ends", ["wait", "exit", "yes planted"])
def test_nothing_is_left_of_a_command_that_is_given_up(tmp_path: Path, ends: str) -> None:
    secret = Secret("command", ("sh", "-c", f"sleep 300 & echo $! >{tmp_path}/pid; {ends}"), timeout_s=1)

    with pytest.raises(SecretUnreadable):
        secret.read()

    with suppress(psutil.NoSuchProcess):
        left = psutil.Process(int((tmp_path / "pid").read_text()))
        with suppress(psutil.TimeoutExpired):
            left.wait(10)
        assert psutil.STATUS_ZOMBIE == left.status(), "it goes on"


def test_what_a_command_prints_in_pieces_is_one_secret() -> None:
    secret = Secret("command", ("sh", "-c", "printf planted-; sleep 0.1; echo one; echo aside >&2"))

    assert secret.read() == "planted-one"


def test_a_secret_may_have_any_character_where_no_header_carries_it(tmp_path: Path) -> None:
    assert WORD == file_with(tmp_path, WORD.encode()).read()


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
    known = Known()
    assert form in known.blotted(form)

    known.add(WORD)

    assert "Hunter2" not in known.blotted(f"the server said: {form}!")
    assert BLOT in known.blotted(form) or "Hunter2" not in form


def test_the_lines_of_a_key_are_blotted_one_by_one() -> None:
    known = Known()
    known.add("-----BEGIN PRIVATE KEY-----\n" + "A" * 64 + "\n" + "B" * 64 + "\n-----END PRIVATE KEY-----")

    assert f"it has -----BEGIN and {BLOT}" == known.blotted(f"it has -----BEGIN and {'B' * 64}")


def test_short_secrets_are_words_and_stay() -> None:
    known = Known()
    known.add("x" * (SHORTEST - 1))

    assert "x" * 20 == known.blotted("x" * 20)


def test_a_secret_that_holds_another_is_blotted_whole() -> None:
    known = Known()
    known.add("planted-one")
    known.add("planted-one-and-more")

    assert f"{BLOT} {BLOT}" == known.blotted("planted-one-and-more planted-one")


def test_only_so_many_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("syncd.http.secrets.MOST_KNOWN", 2)
    known = Known()
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
    known = Known()
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
def test_reading_makes_a_secret_known_and_looking_does_not(tmp_path: Path) -> None:
    file_with(tmp_path, b"planted-by-reading").read()
    file_with(tmp_path, b"not-secret-at-all").text()

    assert (BLOT, "not-secret-at-all") == (blotted("planted-by-reading"), blotted("not-secret-at-all"))


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


# --- a configuration repeats none ----------------------------------------------------------------------------------------


CONFIG = """
[database]
url = "{database}"
[sources.people]
type = "file"
directory = "people"
[deployments.prod]
url = "{url}"
{proxy}
auth = {auth}
"""
GOOD = {
    "database": "sqlite:///syncd.db",
    "url": "https://airflow.example.com",
    "proxy": "",
    "auth": '{kind = "bearer", token = {env = "TOKEN"}}',
}


def refusal(tmp_path: Path, **changes: str) -> str:
    (tmp_path / "config.toml").write_text(CONFIG.format(**{**GOOD, **changes}), encoding="utf-8")
    with pytest.raises(ConfigInvalid) as caught:
        load(tmp_path / "config.toml")
    return str(caught.value)


@pytest.mark.finding("A-F5")
@pytest.mark.parametrize(
    "password", ["PLANTED/x", "PLANTED#x", "PLANTED?x", "1/PLANTED", "PLANTED", "[PLANTED", "PLANTED/1@y"]
)
@pytest.mark.parametrize("key", ["database", "url", "proxy"])
def test_no_part_of_a_password_in_an_address_is_repeated(tmp_path: Path, key: str, password: str) -> None:
    scheme = "postgresql+psycopg" if key == "database" else "https"
    address = f"{scheme}://syncd:{password}@db.example.com/syncd"

    said = refusal(tmp_path, **{key: f'proxy = "{address}"' if key == "proxy" else address})

    assert "PLANTED" not in said
    assert f"{tmp_path}/config.toml:" in said


@pytest.mark.finding("A-F5")
@pytest.mark.parametrize("word", ["password", "sslpassword"])
def test_a_password_in_the_query_of_the_database_is_refused(tmp_path: Path, word: str) -> None:
    said = refusal(tmp_path, database=f"postgresql://syncd@db.example.com/syncd?{word}=PLANTED")

    assert "a password is not written here" in said
    assert "PLANTED" not in said


@pytest.mark.finding("A-F12")
@pytest.mark.parametrize(
    "auth",
    [
        '{kind = "PLANTED", token = {env = "T"}}',
        '{kind = "bearer", token = {PLANTED = "x"}}',
        '{kind = "bearer", token = "PLANTED"}',
        '{kind = "bearer", PLANTED = "x"}',
        '{kind = "bearer", token = {value = "PLANTED"}}',
        '"PLANTED"',
    ],
)
def test_what_stands_where_a_secret_belongs_is_not_repeated(tmp_path: Path, auth: str) -> None:
    assert "PLANTED" not in refusal(tmp_path, auth=auth)
