"""`audit export --to`: the journal to a syslog server, over TLS, with nothing lost where anything breaks."""

from __future__ import annotations

import json
import ssl
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from socket import create_connection, create_server
from threading import Thread
from typing import Any

import pytest
from notify_world import write_certificate
from still_time import Time
from store_samples import NOW, at, created, made
from syslog_server import Syslogd, syslog_server
from test_cli_audit_export import CONFIG
from waiting import until

from syncd.cli import audit_syslog, run
from syncd.cli.audit_syslog import SyslogDelivery
from syncd.errors import ReceiverUnavailable
from syncd.http.backoff import Waiting
from syncd.model import Status
from syncd.notify.syslog import SyslogReceiver, _Bounded
from syncd.store import Stores

PEOPLE = 10
RECORDS = 3 * PEOPLE


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Stores]:
    (tmp_path / "config.toml").write_text(CONFIG, encoding="utf-8")
    with closing(Stores.open(f"sqlite:///{tmp_path}/syncd.db", clock=lambda: NOW)) as opened:
        for number in range(PEOPLE):
            made(opened, created(f"p{number}", "Viewer"), now=at(number))
        yield opened


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[str, str]:
    ca, key = write_certificate(tmp_path)
    return str(ca), str(key)


@pytest.fixture
def server(certificate: tuple[str, str]) -> Iterator[Syslogd]:
    trust = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trust.load_cert_chain(*certificate)
    with syslog_server(trust) as found:
        yield found


@pytest.fixture
def shell(store: Stores, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    def types(*words: str) -> tuple[int, str, str]:
        code = run(["--config", str(tmp_path / "config.toml"), "audit", "export", *words])
        return (code, *capsys.readouterr())

    return types


@pytest.fixture
def send(shell: Any, server: Syslogd, certificate: tuple[str, str], tmp_path: Path) -> Any:
    return partial(shell, "--to", server.url, "--ca", certificate[0], "--cursor", str(tmp_path / "cursor"))


# --- what gets there ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["records", "ocsf", "ecs"])
def test_the_server_gets_each_line_as_it_is_written(shell: Any, send: Any, server: Syslogd, form: str) -> None:
    lines = shell("--as", form)[1].splitlines()
    code, out, err = send("--as", form)

    assert (0, "") == (code, err)
    assert f"syslog server 127.0.0.1:{server.port}: it took {len(lines)} messages\n" == out
    assert lines == server.texts
    assert {*range(1, RECORDS + 1)} == {*server.numbers}
    kinds = {json.loads(line)["seq"]: json.loads(line)["kind"] for line in shell()[1].splitlines()}
    assert [kinds[number] for number in server.numbers] == [message["kind"] for message in server.messages]


def test_over_tcp_this_machine_is_told_alike(shell: Any) -> None:
    with syslog_server(None) as server:
        assert 0 == shell("--to", server.url)[0]
        assert [*range(1, RECORDS + 1)] == server.numbers


def test_a_server_that_hangs_up_in_place_of_a_last_word_has_taken_it(send: Any, server: Syslogd) -> None:
    server.polite = False
    assert (0, "") == send()[::2]
    assert [*range(1, RECORDS + 1)] == server.numbers


def test_a_cursor_goes_on_where_the_server_has_it(store: Stores, send: Any, server: Syslogd) -> None:
    send()
    assert 0 == send()[0]
    assert [*range(1, RECORDS + 1)] == server.numbers
    made(store, created("zoe", "Viewer"), Status.FAILED)
    send()
    assert [*range(1, RECORDS + 4)] == server.numbers
    assert "108" == server.messages[-1]["priority"]


def test_what_is_too_long_is_told(store: Stores, send: Any, server: Syslogd) -> None:
    made(store, created("zoe", *(f"role-{number}-{'x' * 100}" for number in range(100))))
    code, _, err = send()

    assert (0, 1) == (code, err.count("too long for syslog"))
    assert any("octets=" in message["data"] for message in server.messages)
    assert {*range(1, RECORDS + 4)} == {*server.numbers}


# --- what breaks ----------------------------------------------------------------------------------------------------------


def test_a_server_that_dies_in_the_middle_loses_nothing(
    send: Any, server: Syslogd, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(audit_syslog, "AT_ONCE", 4)
    server.most = [1 << 30, 1 << 30, 900]

    code, _, err = send()
    assert 5 == code
    assert err.startswith(f"syncd: syslog server 127.0.0.1:{server.port}: the connection broke")
    assert 1 == err.count("\n")
    assert "8\n" == (tmp_path / "cursor").read_text("ascii"), "what two conversations had, and nothing of the third"

    assert 0 == send()[0]
    count = Counter(server.numbers)
    assert {*range(1, RECORDS + 1)} == count.keys()
    assert {9, 10, 11, 12} >= {number for number, times in count.items() if times > 1}, "only what was in flight"


def test_an_export_that_is_killed_in_the_middle_loses_nothing(
    store: Stores, send: Any, server: Syslogd, certificate: tuple[str, str], tmp_path: Path
) -> None:
    server.deaf = True  # it has read everything, and whoever sent it does not know
    words = ["--to", server.url, "--ca", certificate[0], "--cursor", str(tmp_path / "cursor")]
    command = [sys.executable, "-m", "syncd", "--config", str(tmp_path / "config.toml"), "audit", "export", *words]
    with subprocess.Popen(command) as exporting:
        until("all was read", lambda: len(server.numbers) == RECORDS)
        exporting.kill()
    assert not (tmp_path / "cursor").exists()

    server.deaf = False
    assert 0 == send()[0]
    assert [*range(1, RECORDS + 1)] * 2 == server.numbers
    assert 0 == send()[0]
    assert 2 * RECORDS == len(server.numbers)


def receiver(port: int, **more: Any) -> SyslogReceiver:
    return SyslogReceiver("127.0.0.1", port, None, **more)


def test_who_does_not_close_may_have_taken_nothing() -> None:
    with syslog_server(None) as server:
        server.deaf = True
        with pytest.raises(ReceiverUnavailable, match="did not close the conversation after the last message"):
            receiver(server.port, silence_s=0.2).deliver([b"x"])


def test_who_hangs_up_before_all_has_arrived_has_not_taken_it() -> None:
    """The end of its side may be here before the word that ours got nowhere."""
    with create_server(("127.0.0.1", 0)) as listener, create_connection(listener.getsockname()) as raw:
        listener.accept()[0].close()
        bounded = _Bounded(raw, 60.0, 60.0, lambda: 0.0)
        assert b"" == bounded.receive()
        bounded.send(b"1 x")
        with pytest.raises(OSError, match=r"\d"):
            bounded.refuse_lost()


def test_who_drips_is_given_up() -> None:
    time = Time()

    def drips() -> None:
        connection, _ = listener.accept()
        with connection:
            try:
                while True:
                    connection.sendall(b"." * 4096)
            except OSError:
                return

    def clock() -> float:
        time.pause(1)
        return time.now

    with create_server(("127.0.0.1", 0)) as listener:
        thread = Thread(target=drips)
        thread.start()
        with pytest.raises(ReceiverUnavailable, match="did not close the conversation"):
            receiver(listener.getsockname()[1], clock=clock).deliver([b"x"])
        thread.join()


def test_who_is_away_is_one_sentence(shell: Any) -> None:
    with create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    code, out, err = shell("--to", f"syslog+tls://127.0.0.1:{port}")
    assert (5, "") == (code, out)
    assert f"syncd: syslog server 127.0.0.1:{port}: the connection was refused; is the server running?\n" == err


def test_a_certificate_that_nobody_vouches_for_gets_nothing(shell: Any, server: Syslogd) -> None:
    code, _, err = shell("--to", server.url)
    assert (1, 1) == (code, err.count("\n"))
    assert err.startswith(f"syncd: syslog server 127.0.0.1:{server.port}: its certificate is not trusted (")
    assert "--ca" in err
    assert [] == server.texts


def test_a_certificate_of_another_name_gets_nothing(shell: Any, server: Syslogd, certificate: tuple[str, str]) -> None:
    code, _, err = shell("--to", f"syslog+tls://localhost:{server.port}", "--ca", certificate[0], "--follow")
    assert (1, 1) == (code, err.count("\n"))
    assert "its certificate is not trusted (Hostname mismatch" in err
    assert [] == server.texts


def test_what_speaks_no_tls_is_one_sentence(shell: Any) -> None:
    def answers() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.sendall(b"220 mail.example.com\r\n")
            connection.recv(1)

    with create_server(("127.0.0.1", 0)) as listener:
        thread = Thread(target=answers)
        thread.start()
        code, _, err = shell("--to", f"syslog+tls://127.0.0.1:{listener.getsockname()[1]}")
        thread.join()
    assert (1, 1) == (code, err.count("\n"))
    assert "does it speak TLS on this port" in err


def test_a_server_may_ask_who_we_are(shell: Any, send: Any, server: Syslogd, certificate: tuple[str, str]) -> None:
    assert server.trust
    server.trust.load_verify_locations(certificate[0])
    server.trust.verify_mode = ssl.CERT_REQUIRED

    code, _, err = send()
    assert code in (1, 5), "TLS 1.3 says it after the handshake, and sometimes only by hanging up"
    assert "--client-cert" in err
    assert [] == server.texts
    assert 0 == send("--client-cert", certificate[0], "--client-key", certificate[1])[0]
    assert [*range(1, RECORDS + 1)] == server.numbers


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--to", "logs.example.com:6514"], "an address such as"),
        (["--to", "syslog+udp://logs.example.com"], "an address such as"),
        (["--to", "syslog+tls://logs.example.com:x"], "no address"),
        (["--to", "syslog+tls://anna:secret@logs.example.com"], "only a host and a port"),
        (["--to", "syslog+tcp://logs.example.com:601"], "everybody on the way reads the journal"),
        (["--to", "syslog+tcp://localhost"], "there is no usual port"),
        (["--to", "syslog+tcp://localhost:601", "--ca", "x.pem"], "certificates are for syslog+tls://"),
        (["--to", "syslog+tls://localhost", "--ca", "gone.pem"], "gone.pem: No such file"),
        (["--to", "syslog+tls://localhost", "--client-cert", __file__], "no certificate in PEM"),
        (["--to", "syslog+tls://localhost", "--client-key", "x.pem"], "--client-cert"),
        (["--ca", "x.pem"], "--to"),
    ],
)
def test_what_cannot_be_meant_is_said_before_anything_is_sent(shell: Any, words: list[str], told: str) -> None:
    code, out, err = shell(*words)
    assert (3, "") == (code, out)
    assert told in " ".join(err.split())
    assert "secret" not in err


# --- as it comes ----------------------------------------------------------------------------------------------------------


class _Stumbling:
    """A receiver that is away for some times."""

    def __init__(self, away: int) -> None:
        self.away = away
        self.taken: list[bytes] = []

    def deliver(self, messages: list[bytes]) -> None:
        self.away -= 1
        if self.away >= 0:
            raise ReceiverUnavailable("it is away")
        self.taken += messages


def delivering(receiver: Any, told: list[str], time: Time) -> SyslogDelivery:
    waiting = Waiting(time, time.pause, lambda: 1.0)
    return SyslogDelivery(receiver, facts_in="", again=True, told=told.append, waiting=waiting)


ROW = 1, json.dumps({"seq": 1, "at": "2026-03-01T12:00:00+00:00", "kind": "plan"})


def test_who_follows_waits_longer_each_time_and_says_it_once() -> None:
    away, told, time = _Stumbling(3), list[str](), Time()
    assert [1] == list(delivering(away, told, time).taken(1, [ROW]))
    assert (1, 1000 + 1 + 2 + 4) == (len(away.taken), time.now)
    assert 2 == len(told)
    assert "it is away; trying again" == told[0]


def test_who_follows_gives_up_in_the_end() -> None:
    away, told, time = _Stumbling(1 << 30), list[str](), Time()
    with pytest.raises(ReceiverUnavailable):
        list(delivering(away, told, time).taken(1, [ROW]))
    assert (1 << 30) - away.away == 12


def test_what_is_new_is_followed_over_a_server_that_breaks(
    store: Stores, server: Syslogd, certificate: tuple[str, str], tmp_path: Path
) -> None:
    words = ["--to", server.url, "--ca", certificate[0], "--cursor", str(tmp_path / "cursor"), "--follow"]
    command = [sys.executable, "-m", "syncd", "--config", str(tmp_path / "config.toml"), "audit", "export", *words]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as following:
        cursor = tmp_path / "cursor"
        until("all of before was taken", lambda: cursor.exists() and f"{RECORDS}\n" == cursor.read_text("ascii"))
        server.most = [50]
        made(store, created("zoe", "Viewer"))
        until("what is new was taken", lambda: cursor.read_text("ascii") == f"{RECORDS + 3}\n")
        following.terminate()
        said = following.communicate()[1]
    assert 1 == said.count("trying again")
    assert {*range(1, RECORDS + 4)} == {*server.numbers}
