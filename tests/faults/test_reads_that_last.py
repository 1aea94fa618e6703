"""A source whose reads last keeps nothing else from working, and the daemon from ending no longer than anything."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from daemon_rig import Rig, rig
from waiting import until


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    with rig(tmp_path, monkeypatch) as made:
        yield made


def _reading() -> bool:
    return any(thread.name.startswith("ThreadPoolExecutor") and thread.is_alive() for thread in threading.enumerate())


@pytest.mark.finding("C-1")
def test_other_sources_are_read_while_one_lasts_and_stopping_ends_it(lab: Rig) -> None:
    lab.start()
    lab.converge()
    lab.until("all is quiet", lambda: lab.quiet() and not lab.it.unready())
    lab.okta.latency_s = 0.4  # every answer comes in time, and there are many
    for n in range(300):
        lab.okta.org.add_group(f"more{n}", [])
    asked = lab.okta.calls("members")
    lab.until("the long read has begun", lambda: lab.okta.calls("members") > asked)
    lab.files["crew"].remove("fay")
    lab.write_people()
    lab.until("fay, of the other source, is out", lambda: all("fay" not in s.holders("Op") for s in lab.all))
    began = time.monotonic()
    lab.stop()
    assert time.monotonic() - began < 60.0, "all of it takes two minutes"
    until("the read itself has ended too", lambda: not _reading())
