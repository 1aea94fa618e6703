"""The listeners themselves: sockets, slow callers, TLS, and an ending that does not wait for anybody."""

from __future__ import annotations

import datetime as dt
import os
import signal
import socket
import ssl
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from threading import Event, Thread
from time import perf_counter, sleep

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from waiting import until
from web_world import Caller, FakeControl, Ledger, Place, http_settings, serving

from syncd.config.settings import HttpSettings
from syncd.errors import SyncdError
from syncd.store import Stores
from syncd.web import Authenticator, Server, app
from syncd.web.app import state_of
from syncd.web.listening import ServerCertificate, listen_tcp, listen_unix
from syncd.web.timeouts import TimedProtocol


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Stores]:
    with closing(Stores.open(f"sqlite:///{tmp_path}/syncd.db")) as store:
        yield store


@pytest.fixture
def place(books: Stores, tmp_path: Path) -> Iterator[Place]:
    with serving(books, tmp_path, http_settings(tmp_path)) as place:
        yield place


class Hasty(TimedProtocol):
    head_s = 0.5
    whole_s = 1.5


class Narrow(TimedProtocol):
    head_s = 300.0  # whom it hangs up on sooner was one too many
    most_connections = 3


@pytest.fixture
def hasty(books: Stores, tmp_path: Path) -> Iterator[Place]:
    with serving(books, tmp_path, http_settings(tmp_path), timeouts=Hasty) as place:
        yield place


def quiet(_event: str, /, **_facts: object) -> None:
    """Take note of nothing."""


def server_on(path: Path | None, http: HttpSettings | None = None) -> Server:
    """Make a server that is not started yet."""
    ledger = Ledger(None)  # type: ignore[arg-type]  # nobody asks the database here
    made = app(FakeControl(), ledger, ledger, auth=Authenticator(http), emit=quiet)
    return Server(made, path=path, http=http, emit=quiet)


# --- the Unix socket ----------------------------------------------------------------------------------------------------


def test_the_socket_is_for_its_owner_and_goes_with_the_server(place: Place) -> None:
    assert 0o600 == stat.S_IMODE(place.path.stat().st_mode)

    place.server.stop()

    assert not place.path.exists()


def test_a_socket_that_nobody_listens_on_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "s.sock"
    listen_unix(path).close()
    assert path.exists()

    server = server_on(path)
    server.start()
    try:
        assert 200 == Caller(path=path).get("/healthz").status
    finally:
        server.stop()


def test_a_socket_that_somebody_listens_on_is_left_alone(place: Place) -> None:
    with pytest.raises(SyncdError, match=r"s\.sock: another daemon listens there; stop it first"):
        server_on(place.path).start()

    assert 200 == place.inside.get("/healthz").status


def test_a_busy_daemon_is_not_taken_for_a_dead_one(tmp_path: Path) -> None:
    path = tmp_path / "s.sock"
    with listen_unix(path) as listener:
        listener.listen(0)
        waiting = []
        try:
            while True:  # until its queue is full
                waiting.append(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK))
                waiting[-1].connect(str(path))
        except BlockingIOError:
            pass
        with pytest.raises(SyncdError, match="another daemon listens there"):
            listen_unix(path)
        for one in waiting:
            one.close()


def test_a_socket_that_another_daemon_took_over_is_not_removed(tmp_path: Path) -> None:
    path = tmp_path / "s.sock"
    server = server_on(path)
    server.start()
    path.unlink()
    with listen_unix(path):
        server.stop()
        assert path.exists()


def test_a_path_that_cannot_be(tmp_path: Path) -> None:
    with pytest.raises(SyncdError, match="longer than 107 bytes"):
        listen_unix(tmp_path / ("ü" * 60))
    with pytest.raises(SyncdError, match=r"No such file or directory; see \[control\] socket"):
        listen_unix(tmp_path / "missing" / "s.sock")
    (tmp_path / "file").write_text("precious")
    with pytest.raises(SyncdError, match="something else is there"):
        listen_unix(tmp_path / "file")
    assert "precious" == (tmp_path / "file").read_text()


def test_two_daemons_that_start_at_once_do_not_both_listen(tmp_path: Path) -> None:
    path, won, lost = tmp_path / "s.sock", [], []
    listen_unix(path).close()

    def start() -> None:
        try:
            won.append(listen_unix(path))
        except SyncdError as error:
            lost.append(str(error))

    threads = [Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (1, 7) == (len(won), len(lost))
    won[0].close()


# --- TCP ----------------------------------------------------------------------------------------------------------------


def test_an_address_that_cannot_be_had(place: Place, tmp_path: Path) -> None:
    assert place.server.port is not None
    taken = HttpSettings("127.0.0.1", place.server.port)
    other = tmp_path / "other.sock"
    with pytest.raises(
        SyncdError, match=rf"\[http\] listen: 127.0.0.1:{place.server.port}: another process listens there"
    ):
        server_on(other, taken).start()
    assert not other.exists(), "what was made before the failure is taken away"
    with pytest.raises(SyncdError, match="this machine has no such address"):
        listen_tcp("192.0.2.1", 0)


def test_the_ipv6_loopback(tmp_path: Path) -> None:
    try:
        listen_tcp("::1", 0).close()
    except SyncdError:
        pytest.skip("this machine has no IPv6")
    http = HttpSettings("::1", 0)
    server = server_on(None, http)
    server.start()
    try:
        with socket.create_connection(("::1", server.port or 0)) as wire:
            wire.sendall(b"GET /healthz HTTP/1.1\r\nHost: [::1]:80\r\nConnection: close\r\n\r\n")
            assert wire.recv(100).startswith(b"HTTP/1.1 200 OK")
    finally:
        server.stop()


# --- TLS ----------------------------------------------------------------------------------------------------------------


def certificate(folder: Path, *, name: str = "server", serial: int = 1) -> tuple[Path, Path]:
    """Write a certificate for localhost and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    start = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), serial, start, start.replace(year=2100))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    files = folder / f"{name}.crt", folder / f"{name}.key"
    files[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return files


def test_https_with_tls_1_2_or_better(books: Stores, tmp_path: Path) -> None:
    cert, key = certificate(tmp_path)
    with serving(books, tmp_path, http_settings(tmp_path, tls_cert=cert, tls_key=key)) as place:
        caller = place.outside("reader")
        caller.tls = ssl.create_default_context(cafile=str(cert))
        assert 200 == caller.get("/api/v1/status").status
        old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
        with pytest.warns(DeprecationWarning, match="TLSv1_1"):
            old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
        caller.tls = old
        with pytest.raises(OSError, match=r"(?i)ssl|alert|protocol|reset"):
            caller.get("/healthz")
        caller.tls = None
        with pytest.raises(ConnectionError):
            caller.get("/healthz")
        assert 200 == place.inside.get("/healthz").status, "the socket needs no TLS"
        # a caller that idles after its handshake holds up nothing
        idle = ssl.create_default_context(cafile=str(cert)).wrap_socket(caller.open(), server_hostname="localhost")
        started = perf_counter()
        place.server.stop(30.0)
        assert perf_counter() - started < 15
        idle.close()


def test_a_renewed_certificate_is_taken_and_a_broken_one_is_not(tmp_path: Path) -> None:
    cert, key = certificate(tmp_path)
    used = ServerCertificate(cert, key)
    assert not used.look_again()
    other = certificate(tmp_path, name="other", serial=2)
    cert.write_bytes(other[0].read_bytes())
    with pytest.raises(SyncdError, match=r"\[http\] .*server.crt, .*server.key: .*see tls_cert and tls_key"):
        used.look_again()  # the key is still the old one
    assert not used.look_again(), "said once"
    key.write_bytes(other[1].read_bytes())
    assert used.look_again()


def test_a_certificate_that_is_not_there(tmp_path: Path) -> None:
    http = HttpSettings("127.0.0.1", 0, tls_cert=tmp_path / "no.crt", tls_key=tmp_path / "no.key")
    with pytest.raises(SyncdError, match=r"no\.crt.*No such file or directory"):
        server_on(tmp_path / "s.sock", http).start()
    assert not (tmp_path / "s.sock").exists()


# --- slow callers, and the end ------------------------------------------------------------------------------------------


def closed_after(wire: socket.socket) -> float:
    """Wait until the other end hangs up, a minute at most; gives the seconds that took."""
    started = perf_counter()
    wire.settimeout(60)
    try:
        while wire.recv(4096):
            pass
    except ConnectionError:
        pass
    return perf_counter() - started


def test_who_says_nothing_or_too_slowly_is_hung_up_on(hasty: Place) -> None:
    with hasty.outside().open() as silent, hasty.outside().open() as dripping, hasty.outside().open() as second:
        second.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        dripping.sendall(b"GET /healthz HTTP/1.1\r\nHos")
        sleep(0.3)  # who drips is slow, and yet within the 0.5 s that a head may take
        dripping.sendall(b"t: loc")
        second.sendall(b"GET /hea")
        for wire in (silent, dripping, second):
            closed_after(wire)
    assert 200 == hasty.outside().get("/healthz").status


def test_an_answer_that_takes_too_long_is_hung_up_on(hasty: Place) -> None:
    hasty.inside.says("POST", "/api/v1/reconcile", {})
    with hasty.inside.open() as waiting:
        waiting.sendall(b"GET /api/v1/jobs/1?wait=60 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert 1.0 < closed_after(waiting)


def test_requests_in_one_breath_are_answered_in_turn(hasty: Place) -> None:
    with hasty.inside.open() as wire:
        wire.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n" * 3)
        answers = b""
        while answers.count(b"HTTP/1.1 200 OK") < 3:
            answers += wire.recv(65536)


def test_a_body_that_never_comes_is_not_waited_for(place: Place) -> None:
    state_of(place.app).body_s = 0.3
    with place.inside.open() as slow:
        slow.sendall(b"POST /api/v1/reconcile HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n")
        slow.sendall(b"Content-Length: 100\r\n\r\n{")
        assert slow.recv(100).startswith(b"HTTP/1.1 408 ")
    assert [] == place.control.asked


def test_too_many_connections_at_once(books: Stores, tmp_path: Path) -> None:
    with serving(books, tmp_path, http_settings(tmp_path), timeouts=Narrow) as narrow:
        held = [narrow.outside().open() for _ in range(3)]
        until("they are taken", lambda: 3 == narrow.connections)
        with narrow.outside().open() as one_more:
            closed_after(one_more)
        assert 200 == narrow.inside.get("/healthz").status, "the other door has its own"
        for wire in held:
            wire.close()
        until("they are gone", lambda: 0 == narrow.connections)
        assert 200 == narrow.outside().get("/healthz").status


def test_stopping_tells_who_waits_for_a_job_how_it_stands(place: Place) -> None:
    place.inside.says("POST", "/api/v1/reconcile", {})
    replies = []
    waiting = Thread(target=lambda: replies.append(place.inside.get("/api/v1/jobs/1?wait=60")))
    waiting.start()
    until("somebody waits for the job", lambda: place.control.looked_for)
    started = perf_counter()

    place.server.stop(30.0)

    assert perf_counter() - started < 15, "as long as nobody waits for the job"
    waiting.join(30)
    assert ["waiting"] == [reply.json["state"] for reply in replies]


def test_stopping_does_not_wait_for_a_database_that_hangs(place: Place) -> None:
    place.ledger.stuck = Event()
    with place.inside.open() as asking, place.outside().open() as dripping:
        asking.sendall(b"GET /api/v1/changes HTTP/1.1\r\nHost: localhost\r\n\r\n")
        dripping.sendall(b"GET /he")
        until(
            "the database is asked, and both callers are there", lambda: place.ledger.asked and 2 == place.connections
        )
        started = perf_counter()
        place.server.stop(20.0)
        assert perf_counter() - started < 20.0
        closed_after(asking)
    place.ledger.fails = True
    place.ledger.stuck.set()


def test_nothing_is_printed_and_no_signal_is_taken(
    books: Stores, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with serving(books, tmp_path, http_settings(tmp_path)) as place:
        with place.outside().open() as wire:
            wire.sendall(b"\x16\x03\x01 no http\r\n\r\n")
            assert wire.recv(100).startswith(b"HTTP/1.1 400 ")
        place.control.jobs[1] = None  # type: ignore[assignment]  # a defect
        assert 500 == place.inside.get("/api/v1/jobs/1").status
        assert before == [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    assert ("", "") == tuple(capfd.readouterr())


def test_a_server_may_have_one_door_only(tmp_path: Path) -> None:
    server = server_on(tmp_path / "s.sock")
    server.start()
    server.stop()
    assert server.port is None
    assert not os.path.exists(tmp_path / "s.sock")
