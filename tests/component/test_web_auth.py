"""Who is let in by which token, and when a token begins and ends to be good."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from web_world import TOKENS, http_settings, secret_of

from syncd.config.settings import ApiToken, HttpSettings
from syncd.control import Right
from syncd.http.secrets import Secret
from syncd.web.auth import Authenticator, Principal, at_socket
from syncd.web.timeouts import Peer


class Clock:
    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        return self.at


def of_env(name: str, *rights: str) -> ApiToken:
    return ApiToken(name, Secret("env", (f"SYNCD_TEST_{name.upper()}",)), frozenset(rights))


def test_each_token_is_known_with_its_rights(tmp_path: Path) -> None:
    auth = Authenticator(http_settings(tmp_path))

    found = {name: auth.principal_of(secret_of(name)) for name in TOKENS}

    assert {
        name: Principal(name, frozenset(map(Right, rights)), is_token=True) for name, rights in TOKENS.items()
    } == found


def test_nothing_that_only_resembles_a_token_is_one(tmp_path: Path) -> None:
    auth = Authenticator(http_settings(tmp_path))
    for name in TOKENS:
        secret = secret_of(name)
        wrong = [secret[:n] for n in range(len(secret))] + [secret[n:] for n in range(1, len(secret))]
        wrong += [secret[:n] + chr(ord(c) ^ 1) + secret[n + 1 :] for n, c in enumerate(secret)]
        wrong += [secret + "x", secret.upper(), f"{secret}\n", f" {secret}", f"{secret}\0", secret * 2, f'"{secret}"']
        assert [] == [word for word in wrong if auth.principal_of(word)]


def test_a_name_or_a_hash_is_no_token(tmp_path: Path) -> None:
    auth = Authenticator(http_settings(tmp_path))
    assert [None] * 4 == [auth.principal_of(word) for word in ("reader", "", "ü\udcff", "0" * 64)]


def test_a_token_in_a_file_changes_with_it(tmp_path: Path) -> None:
    clock = Clock()
    auth = Authenticator(http_settings(tmp_path), monotonic=clock)
    file, old, new = tmp_path / "reader.token", secret_of("reader"), "another-secret-of-the-reader"

    file.write_text(f"{new}\n")
    clock.at = 9.9
    assert (True, None) == (auth.principal_of(old) is not None, auth.principal_of(new)), "not looked at yet"
    clock.at = 10.0
    assert (None, "reader") == (auth.principal_of(old), (auth.principal_of(new) or Principal("", frozenset())).name)

    file.unlink()
    clock.at = 20.0
    assert None is auth.principal_of(new), "whose file is gone is nobody"
    assert auth.principal_of(secret_of("boss")), "and the others are who they were"
    file.write_text(old)
    clock.at = 30.0
    assert auth.principal_of(old)


def test_a_token_behind_a_swapped_symlink(tmp_path: Path) -> None:
    clock = Clock()
    for version in ("one", "two"):
        (tmp_path / version).mkdir()
        (tmp_path / version / "token").write_text(f"secret-{version}")
    (tmp_path / "data").symlink_to("one")
    token = ApiToken("k8s", Secret("file", (str(tmp_path / "data" / "token"),)), frozenset({"read"}))
    auth = Authenticator(HttpSettings("127.0.0.1", 0, tokens=(token,)), monotonic=clock)
    assert auth.principal_of("secret-one")

    (tmp_path / "new").symlink_to("two")
    os.replace(tmp_path / "new", tmp_path / "data")
    clock.at = 10.0

    assert (None, True) == (auth.principal_of("secret-one"), auth.principal_of("secret-two") is not None)


def test_a_systemd_credential_and_a_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    monkeypatch.setenv("SYNCD_TEST_PLAIN", "secret-of-plain")
    (tmp_path / "api").write_text("secret-of-api")
    clock = Clock()
    tokens = (of_env("plain", "read"), ApiToken("api", Secret("credential", ("api",)), frozenset({"approve"})))
    auth = Authenticator(HttpSettings("127.0.0.1", 0, tokens=(*tokens, of_env("missing", "read"))), monotonic=clock)

    assert ["plain", "api"] == [auth.principal_of(f"secret-of-{n}").name for n in ("plain", "api")]  # type: ignore[union-attr]
    assert None is auth.principal_of(""), "a token that cannot be read is not the empty one"
    (tmp_path / "api").write_text("secret-of-another")
    clock.at = 10.0
    assert (None, True) == (auth.principal_of("secret-of-api"), auth.principal_of("secret-of-another") is not None)
    monkeypatch.setenv("SYNCD_TEST_MISSING", "it-is-there-now")
    clock.at = 20.0
    assert auth.principal_of("it-is-there-now"), "what could not be read is tried again"


def test_another_configuration_takes_effect_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNCD_TEST_PLAIN", "secret-of-plain")
    auth = Authenticator(http_settings(tmp_path))

    auth.change(HttpSettings("0.0.0.0", 0, open_metrics=False, tokens=(of_env("plain", "read"),)))  # noqa: S104

    assert (None, True) == (auth.principal_of(secret_of("all")), auth.principal_of("secret-of-plain") is not None)
    assert (True, False) == (auth.is_local, auth.open_metrics)
    assert not auth.knows_host("syncd.example.com"), "we still listen where we did"
    auth.change(None)
    assert None is auth.principal_of("secret-of-plain")


def test_beyond_the_loopback_the_names_of_this_machine_are_not_ours_to_know() -> None:
    auth = Authenticator(HttpSettings("0.0.0.0", 0))  # noqa: S104
    assert (False, True) == (auth.is_local, auth.knows_host("syncd.example.com"))


def test_the_configured_host_is_known(tmp_path: Path) -> None:
    assert Authenticator(HttpSettings("127.8.8.8", 80)).knows_host("127.8.8.8:80")
    assert Authenticator(HttpSettings("0:0:0:0:0:0:0:1", 80)).knows_host("[::1]:80")
    assert not Authenticator(HttpSettings("127.0.0.1", 80)).knows_host("127.8.8.8:80")


@pytest.mark.finding("N-306")
@pytest.mark.parametrize(
    ("uid", "logged_in", "said", "named"),
    [
        (0, None, "anna", "anna (via root)"),
        (0, 1, "anna", "daemon (via root)"),
        (0, 2**32 - 1, "anna", "anna (via root)"),
        (0, 0, "", "root"),
        (1, None, "anna", "daemon"),
        (1, 2**32 - 1, "anna", "daemon"),
        (1, 2, "anna", "bin (via daemon)"),
        (1, 1, "anna", "daemon"),
        (1, "no number", "anna", "daemon"),
    ],
)
def test_at_the_socket_the_kernel_says_who_it_is_and_root_who_called_sudo(
    uid: int, logged_in: object, said: str, named: str, tmp_path: Path
) -> None:
    if logged_in is not None:
        (tmp_path / "7").mkdir()
        (tmp_path / "7" / "loginuid").write_text(f"{logged_in}")
    assert named == at_socket(Peer(7, uid), said, proc=tmp_path).name
