"""From config.toml to what the daemon takes: its rhythm, control socket, HTTP, notifications, rate limits."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from notify_world import write_certificate

from syncd.config import ApiToken, DaemonSettings, HttpSettings, Settings, load
from syncd.errors import ConfigInvalid
from syncd.http.secrets import Secret
from syncd.notify import Alertmanager, Email, NotifySettings, Webhook
from syncd.throttle import RateLimit

LEAST = """[sources.people]
type = "file"
directory = "people"
[deployments.prod]
url = "https://prod.example.com"
auth = { kind = "basic", username = "syncd", password = { env = "PW" } }
"""


def loaded(folder: Path, text: str = "") -> Settings:
    file = folder / "config.toml"
    file.write_text(text + LEAST, encoding="utf-8")
    return load(file)


def refused(folder: Path, text: str) -> str:
    with pytest.raises(ConfigInvalid) as caught:
        loaded(folder, text)
    return str(caught.value).replace(str(folder), "FOLDER")


def test_who_says_nothing_has_a_daemon_without_http_that_tells_nobody(tmp_path: Path) -> None:
    settings = loaded(tmp_path)

    assert DaemonSettings(socket=tmp_path / "syncd.sock") == settings.daemon
    assert (timedelta(seconds=15), timedelta(minutes=15), 32) == (
        settings.daemon.poll,
        settings.daemon.sweep,
        settings.daemon.workers,
    )
    assert (None, NotifySettings()) == (settings.http, settings.notify)
    assert [RateLimit()] == [d.rate_limit for d in settings.deployments]


def test_empty_tables_say_no_more_than_none_save_that_there_is_http(tmp_path: Path) -> None:
    settings = loaded(tmp_path, "[daemon]\n[control]\n[http]\n[notify]\n")

    nothing = loaded(tmp_path)
    assert (nothing.daemon, nothing.notify) == (settings.daemon, settings.notify)
    assert HttpSettings("127.0.0.1", 8080) == settings.http


def test_the_rhythm(tmp_path: Path) -> None:
    text = """[daemon]
poll = "1s"
sweep = "10s"
slow_sweep = "2h"
dags = "1.5m"
upkeep = "1d"
keep = "36500d"
hold_expires = "8h"
stale_after = "90s"
workers = 256
[control]
socket = "/run/syncd/syncd.sock"
"""
    expected = DaemonSettings(
        poll=timedelta(seconds=1),
        sweep=timedelta(seconds=10),
        slow_sweep=timedelta(hours=2),
        dags=timedelta(seconds=90),
        upkeep=timedelta(days=1),
        keep=timedelta(days=36500),
        hold_expires=timedelta(hours=8),
        stale_after=timedelta(seconds=90),
        workers=256,
        socket=Path("/run/syncd/syncd.sock"),
    )

    assert expected == loaded(tmp_path, text).daemon


def test_trials_may_be_quick(tmp_path: Path) -> None:
    daemon = loaded(tmp_path, '[daemon]\npoll = "100ms"\nimpatient = true\nsweep = "0.5s"\n').daemon

    assert (timedelta(milliseconds=100), timedelta(milliseconds=500)) == (daemon.poll, daemon.sweep)


def test_releases_that_leak_are_never_swept_more_often_than_others(tmp_path: Path) -> None:
    assert timedelta(hours=3) == loaded(tmp_path, '[daemon]\nsweep = "3h"\n').daemon.slow_sweep


@pytest.mark.parametrize(("text", "expected"), [("", None), ("run/s", "run/s"), ("~/s", None)])
def test_the_control_socket(tmp_path: Path, text: str, expected: str | None) -> None:
    socket = loaded(tmp_path, f'[control]\nsocket = "{text}"\n').daemon.socket

    if text.startswith("~"):
        assert Path.home() / "s" == socket
    else:
        assert (tmp_path / expected if expected else None) == socket


def test_a_socket_has_to_fit_into_its_address(tmp_path: Path) -> None:
    fits, longer = "/" + "x" * 106, "/" + "é" * 53 + "x"

    assert Path(fits) == loaded(tmp_path, f'[control]\nsocket = "{fits}"\n').daemon.socket
    says = f"the path of a socket has at most 107 bytes, and {longer} has 108"
    assert f"FOLDER/config.toml:2:10: control.socket: {says}" == refused(tmp_path, f'[control]\nsocket = "{longer}"\n')


@pytest.mark.parametrize(
    ("listen", "host", "port"),
    [
        ("127.0.0.1:9000", "127.0.0.1", 9000),
        ("127.1.2.3:1", "127.1.2.3", 1),
        ("[::1]:9000", "::1", 9000),
        ("localhost:0", "localhost", 0),
    ],
)
def test_this_machine_needs_no_tls(tmp_path: Path, listen: str, host: str, port: int) -> None:
    assert HttpSettings(host, port) == loaded(tmp_path, f'[http]\nlisten = "{listen}"\n').http


@pytest.mark.parametrize("listen", ["0.0.0.0:80", "[::]:80", "10.0.0.1:80", "syncd.example.com:80"])
def test_other_machines_need_tls_or_a_word(tmp_path: Path, listen: str) -> None:
    says = refused(tmp_path, f'[http]\nlisten = "{listen}"\n')
    assert "can be reached by other machines: set tls_cert and tls_key, or plain_http = true" in says

    http = loaded(tmp_path, f'[http]\nplain_http = true\nlisten = "{listen}"\n').http
    assert http
    assert http.plain_http


@pytest.mark.parametrize(
    "listen", ["", ":80", "8080", "127.0.0.1", "::1:80", "a b:1", "a:65536", "a:1:2", "http://a:1"]
)
def test_what_is_no_address_to_listen_at(tmp_path: Path, listen: str) -> None:
    assert "config.toml:2:10: http.listen" in refused(tmp_path, f'[http]\nlisten = "{listen}"\n')


def test_http_with_tls_and_tokens(tmp_path: Path) -> None:
    certificate, key = write_certificate(tmp_path)
    text = """[http]
listen = "0.0.0.0:8443"
tls_cert = "cert.pem"
tls_key = "key.pem"
open_metrics = false
[http.tokens.ci]
secret = { env = "CI" }
rights = ["reconcile", "read"]
[http.tokens.on-call]
secret = { file = "token" }
rights = ["approve"]
"""
    expected = HttpSettings(
        "0.0.0.0",  # noqa: S104 - guarded by TLS
        8443,
        tls_cert=certificate,
        tls_key=key,
        open_metrics=False,
        tokens=(
            ApiToken("ci", Secret("env", ("CI",)), frozenset({"read", "reconcile"})),
            ApiToken("on-call", Secret("file", (f"{tmp_path}/token",)), frozenset({"approve"})),
        ),
    )

    assert expected == loaded(tmp_path, text).http


def test_certificate_and_key_may_be_one_file(tmp_path: Path) -> None:
    certificate, key = write_certificate(tmp_path)
    certificate.write_bytes(certificate.read_bytes() + key.read_bytes())

    http = loaded(tmp_path, '[http]\ntls_cert = "cert.pem"\n').http
    assert http
    assert (certificate, None) == (http.tls_cert, http.tls_key)


def test_a_key_has_to_belong_to_its_certificate(tmp_path: Path) -> None:
    write_certificate(tmp_path)
    (tmp_path / "other").mkdir()
    write_certificate(tmp_path / "other")
    for key, where in [
        ('tls_key = "other/key.pem"', "FOLDER/other/key.pem"),
        ("", "FOLDER/cert.pem, and tls_key is not set"),
    ]:
        says = refused(tmp_path, f'[http]\ntls_cert = "cert.pem"\n{key}\n')
        assert f"no key without a password that belongs to the certificate FOLDER/cert.pem is in {where}" in says
    assert "http.tls_key: tls_cert is missing" in refused(tmp_path, '[http]\ntls_key = "key.pem"\n')


def test_tls_and_no_tls_is_a_mistake(tmp_path: Path) -> None:
    write_certificate(tmp_path)
    says = refused(tmp_path, '[http]\nplain_http = true\ntls_cert = "cert.pem"\ntls_key = "key.pem"\n')

    assert "http: plain_http says that there is no TLS, and tls_cert that there is" in says


def test_whom_to_tell(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("-----BEGIN CERTIFICATE-----\n", encoding="utf-8")
    text = """[notify]
repeat = "8h"
gather = "2m"
[[notify.webhooks]]
url = { credential = "slack" }
ends = false
[[notify.webhooks]]
url = "http://alerts.internal/x?y=z"
insecure_http = true
format = "json"
kinds = ["held", "drift"]
headers = { A = "b", C = { env = "D" } }
ca = "ca.pem"
proxy = "http://proxy:3128"
[[notify.alertmanagers]]
url = "https://alertmanager.example.com/am"
kinds = ["held"]
labels = { team = "data" }
page_url = "https://syncd.example.com"
headers = { A = "b" }
[notify.email]
server = "smtp.example.com"
tls = "implicit"
username = "me"
password = { env = "SMTP" }
sender = "syncd <syncd@example.com>"
to = ["a@example.com", "b@example.com"]
kinds = ["expiry"]
ends = false
ca = "ca.pem"
"""
    expected = NotifySettings(
        timedelta(hours=8),
        (
            Webhook(Secret("credential", ("slack",)), "slack", ends=False),
            Webhook(
                "http://alerts.internal/x?y=z",
                "json",
                frozenset({"held", "drift"}),
                insecure_http=True,
                ca=tmp_path / "ca.pem",
                proxy="http://proxy:3128",
                headers={"A": "b", "C": Secret("env", ("D",))},
            ),
        ),
        Email(
            "smtp.example.com",
            465,
            "syncd <syncd@example.com>",
            ("a@example.com", "b@example.com"),
            tls="implicit",
            username="me",
            password=Secret("env", ("SMTP",)),
            ca=tmp_path / "ca.pem",
            kinds=frozenset({"expiry"}),
            ends=False,
        ),
        gather=timedelta(minutes=2),
        alertmanagers=(
            Alertmanager(
                Webhook("https://alertmanager.example.com/am", headers={"A": "b"}),
                frozenset({"held"}),
                {"team": "data"},
                "https://syncd.example.com",
            ),
        ),
    )

    assert expected == loaded(tmp_path, text).notify


@pytest.mark.parametrize(
    ("more", "port"),
    [("", 587), ('tls = "implicit"', 465), ('tls = "none"', 25), ('tls = "none"\nport = 2525', 2525)],
)
def test_each_way_of_mail_has_its_port(tmp_path: Path, more: str, port: int) -> None:
    text = f'[notify.email]\nserver = "mail"\nsender = "a@b"\nto = ["c@d"]\n{more}\n'
    email = loaded(tmp_path, text).notify.email

    assert email
    assert port == email.port


def test_a_password_in_the_clear_stays_on_this_machine(tmp_path: Path) -> None:
    text = """[notify.email]
server = "localhost"
tls = "none"
username = "me"
password = { env = "SMTP" }
sender = "a@b"
to = ["c@d"]
"""
    assert loaded(tmp_path, text).notify.email
    assert "would cross the network in the clear" in refused(tmp_path, text.replace("localhost", "mail.example.com"))


def test_courtesy_is_inherited_key_by_key(tmp_path: Path) -> None:
    text = """[defaults]
rate_limit = { calls_per_s = 2, burst = 3 }
[deployments.dev]
url = "https://dev.example.com"
auth = { kind = "basic", username = "syncd", password = { env = "PW" } }
rate_limit.burst = 1
"""
    settings = loaded(tmp_path, text)

    assert {"dev": RateLimit(2.0, 1), "prod": RateLimit(2.0, 3)} == {
        d.deployment.name: d.rate_limit for d in settings.deployments
    }


@pytest.mark.parametrize(
    "text", ["1 s", "s", "1", "-1s", "1e3s", "1.s", ".5s", "1sm", "1w", "٣s", "1s\\n", "9999999999s"]
)
def test_what_is_no_span_of_time(tmp_path: Path, text: str) -> None:
    says = refused(tmp_path, f'[daemon]\npoll = "{text}"\n')

    assert 'config.toml:2:8: daemon.poll: a span of time is a number and a unit: "90s"' in says


def test_the_example_shows_each_table() -> None:
    settings = load(Path(__file__).parents[2] / "config.example.toml")

    assert settings.http
    assert [frozenset({"read", "reconcile"})] == [token.rights for token in settings.http.tokens]
    assert ["slack", "json"] == [webhook.format for webhook in settings.notify.webhooks]
    assert settings.notify.email
    assert [RateLimit(10.0, 20)] * 3 == [d.rate_limit for d in settings.deployments]


def test_a_key_with_a_password_is_refused_and_nobody_is_asked_for_it(tmp_path: Path) -> None:
    _, file = write_certificate(tmp_path)
    key = serialization.load_pem_private_key(file.read_bytes(), None)
    locked = serialization.BestAvailableEncryption(b"hunter2")
    pem = serialization.PrivateFormat.PKCS8
    file.write_bytes(key.private_bytes(serialization.Encoding.PEM, pem, locked))

    says = refused(tmp_path, '[http]\ntls_cert = "cert.pem"\ntls_key = "key.pem"\n')
    assert "no key without a password that belongs to the certificate FOLDER/cert.pem is in FOLDER/key.pem" in says
