"""What a secret may be, what is said of one that cannot be used, and that no text repeats one."""

from __future__ import annotations

import os
import resource
import signal
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from syncd.config import load
from syncd.errors import ConfigInvalid
from syncd.http.secrets import BLOT, Secret, SecretUnreadable, blotted

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
    secret = Secret("command", ("sh", "-c", f"sleep 300 & echo $! >{tmp_path}/pid; {ends}"), timeout_s=4)

    with pytest.raises(SecretUnreadable):
        secret.read()

    with suppress(psutil.NoSuchProcess):
        left = psutil.Process(int((tmp_path / "pid").read_text()))
        with suppress(psutil.TimeoutExpired):
            left.wait(60)
        assert psutil.STATUS_ZOMBIE == left.status(), "it goes on"


@pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning")
def test_a_command_that_may_not_be_ended_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """As `sudo` is, which runs as somebody else."""
    started: list[int] = []

    def refuse(group: int, _: int) -> None:
        started.append(group)
        raise PermissionError(1, "Operation not permitted")

    end = os.killpg
    monkeypatch.setattr(os, "killpg", refuse)
    try:
        with pytest.raises(SecretUnreadable, match="did not end within"):
            Secret("command", ("sleep", "300"), timeout_s=0.2).read()
        assert psutil.pid_exists(started[0])
    finally:
        for group in started:
            end(group, signal.SIGKILL)
            os.waitpid(group, 0)


def test_what_a_command_prints_in_pieces_is_one_secret() -> None:
    secret = Secret("command", ("sh", "-c", "printf planted-; sleep 0.1; echo one; echo aside >&2"))

    assert secret.read() == "planted-one"


def test_a_secret_may_have_any_character_where_no_header_carries_it(tmp_path: Path) -> None:
    assert WORD == file_with(tmp_path, WORD.encode()).read()


@pytest.mark.finding("A-F8")
def test_reading_makes_a_secret_known_and_looking_does_not(tmp_path: Path) -> None:
    file_with(tmp_path, b"planted-by-reading").read()
    file_with(tmp_path, b"not-secret-at-all").text()

    assert (BLOT, "not-secret-at-all") == (blotted("planted-by-reading"), blotted("not-secret-at-all"))


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
