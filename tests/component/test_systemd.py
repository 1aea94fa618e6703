"""What reaches the service manager, on real sockets."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from syncd.daemon.systemd import Notify

Receive = Callable[[], str]


@pytest.fixture(params=["path", "abstract"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """As NOTIFY_SOCKET has it."""
    return str(tmp_path / "notify") if request.param == "path" else f"@syncd-test-{os.getpid()}"


@pytest.fixture
def receive(address: str) -> Iterator[Receive]:
    """Gives the next message that arrived."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(address.replace("@", "\0", 1) if address.startswith("@") else address)
        manager.settimeout(60)
        yield lambda: manager.recv(65536).decode()


def test_what_is_said(address: str, receive: Receive) -> None:
    notify = Notify.from_env({"NOTIFY_SOCKET": address})

    notify.ready()
    assert "READY=1" == receive()
    notify.stopping()
    assert "STOPPING=1" == receive()
    notify.watchdog()
    assert "WATCHDOG=1" == receive()


def test_a_reload_says_when_it_began(address: str, receive: Receive) -> None:
    Notify(Notify.from_env({"NOTIFY_SOCKET": address}).address, monotonic_ns=lambda: 12_345_678_999).reloading()

    assert "RELOADING=1\nMONOTONIC_USEC=12345678" == receive()


def test_the_time_of_a_reload_is_the_kernel_s_monotonic_clock(address: str, receive: Receive) -> None:
    Notify.from_env({"NOTIFY_SOCKET": address}).reloading()

    usec = int(receive().rpartition("=")[2])
    assert 0 <= time.clock_gettime(time.CLOCK_MONOTONIC) - usec / 1e6 < 60


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("3 deployments, nothing to do", "3 deployments, nothing to do"),
        ("bad\nREADY=1", "bad READY=1"),
        ("bad\r\n\tREADY=1\u2028x\n", "bad READY=1 x"),
        ("", ""),
        ("ü" * 1000, "ü" * 500),
        ("a" + "ü" * 1000, "a" + "ü" * 499),
        ("lone \ud800", "lone ?"),
    ],
)
def test_a_status_is_one_short_line_of_utf_8(address: str, receive: Receive, text: str, line: str) -> None:
    Notify.from_env({"NOTIFY_SOCKET": address}).status(text)

    assert f"STATUS={line}" == receive()


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"NOTIFY_SOCKET": ""},
        {"NOTIFY_SOCKET": "/nowhere/at/all"},
        {"NOTIFY_SOCKET": "@nobody-listens-here"},
        {"NOTIFY_SOCKET": "/" + "x" * 500},
        {"NOTIFY_SOCKET": "vsock:2:1234"},
        {"NOTIFY_SOCKET": "/nul\0inside"},
    ],
)
def test_nobody_has_to_listen(environ: dict[str, str]) -> None:
    notify = Notify.from_env(environ)

    notify.ready()
    notify.status("nobody reads this")
    notify.stopping()


def test_a_manager_that_went_away_is_no_error(tmp_path: Path) -> None:
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(path))
    assert path.exists()

    Notify.from_env({"NOTIFY_SOCKET": str(path)}).ready()


def test_a_manager_that_does_not_read_holds_nothing_up(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        notify = Notify(str(tmp_path / "notify"), patience_s=0.01)
        queue = int(Path("/proc/sys/net/unix/max_dgram_qlen").read_text("ascii"))
        for _ in range(queue + 5):
            notify.watchdog()

        assert b"WATCHDOG=1" == manager.recv(100)


@pytest.mark.parametrize(
    ("environ", "seconds"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "30000000"}, 30.0),
        ({"WATCHDOG_USEC": "1500000", "WATCHDOG_PID": "42"}, 1.5),
        ({"WATCHDOG_USEC": "1500000", "WATCHDOG_PID": "43"}, None),
        ({"WATCHDOG_PID": "42"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": "-1"}, None),
        ({"WATCHDOG_USEC": "²"}, None),
    ],
)
def test_the_watchdog_is_this_process_s_or_none(environ: dict[str, str], seconds: float | None) -> None:
    assert seconds == Notify.from_env(environ, pid=42).watchdog_s


def test_the_process_is_this_one_unless_named() -> None:
    environ = {"WATCHDOG_USEC": "2000000", "WATCHDOG_PID": str(os.getpid())}

    assert 2.0 == Notify.from_env(environ).watchdog_s
