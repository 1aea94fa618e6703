"""Who is at work, and whether another process is known to be gone."""

from __future__ import annotations

import os
import pwd
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from syncd.store.processes import Process, os_user


@pytest.mark.parametrize(
    ("change", "gone"),
    [
        ({}, False),
        ({"pid": 2**22 + 1}, True),
        ({"started": "1"}, True),
        ({"space": "another boot pid:[1]"}, False),
        ({"space": "another boot pid:[1]", "pid": 2**22 + 1}, False),
        ({"space": "", "pid": 2**22 + 1}, False),
    ],
    ids=["itself", "no such process", "another process has its id", "elsewhere", "gone elsewhere", "no /proc"],
)
def test_whether_a_process_is_known_to_be_gone(change: dict[str, Any], gone: bool) -> None:
    now = Process.current()
    assert gone == replace(now, **change).is_gone()


def test_a_process_of_another_user_is_not_gone() -> None:
    first = Path("/proc/1/stat").read_text().rpartition(")")[2].split()
    assert not replace(Process.current(), pid=1, started=first[19]).is_gone()


def test_the_user_is_the_one_of_the_process_whatever_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SUDO_USER", raising=False)
    for name in ("USER", "LOGNAME"):
        monkeypatch.setenv(name, "mallory")
    assert pwd.getpwuid(os.getuid()).pw_name == os_user()


@pytest.mark.finding("H-E14")
@pytest.mark.parametrize(
    ("said", "named"), [("anna.ops", "anna.ops (via {})"), ("a\nb", "{}"), ("x" * 65, "{}"), ("", "{}")]
)
def test_who_came_through_sudo_is_named(monkeypatch: pytest.MonkeyPatch, said: str, named: str) -> None:
    monkeypatch.setenv("SUDO_USER", said)
    assert named.format(pwd.getpwuid(os.getuid()).pw_name) == os_user()
