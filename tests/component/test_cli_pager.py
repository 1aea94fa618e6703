"""What is longer than the terminal is high goes through a pager, and whatever becomes of that the command ends as it does."""

from __future__ import annotations

import errno
import io
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from syncd.cli import run
from syncd.cli.output import show
from syncd.cli.pager import PAGED, PagedOutput, paged, pager_of
from syncd.render.lines import Line

CONFIG = str(Path(__file__).parents[1] / "golden" / "cli" / "check" / "sound" / "config.toml")
LINES = [Line(f"line {n}") for n in range(30)]


class Screen(io.StringIO):
    """A stream that leads to a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Screen:
    for name in ("NO_PAGER", "SYNCD_PAGER", "TERM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LINES", "25")
    monkeypatch.setenv("NO_COLOR", "1")
    return Screen()


def shown(screen: Screen, lines: list[Line]) -> str:
    """Show lines as a command does; gives what came to the terminal past the pager."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdout", screen)
        with paged():
            show(lines)
    return screen.getvalue()


def pager(folder: Path, script: str) -> str:
    """Make a pager: a script that has `seen`, a file to write to."""
    file = folder / "pager.sh"
    file.write_text(f'#!/bin/sh\nseen="{folder}/seen"\n{script}\n')
    file.chmod(0o700)
    return str(file)


@pytest.mark.finding("U-9")
@pytest.mark.parametrize("count", [24, 25])
def test_what_is_higher_than_the_terminal(
    count: int, screen: Screen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAGER", pager(tmp_path, 'cat > "$seen"; echo "$LESS" >> "$seen"'))
    monkeypatch.delenv("LESS", raising=False)
    text = "".join(f"{line.text}\n" for line in LINES[:count])

    past = shown(screen, LINES[:count])

    seen = tmp_path / "seen"
    assert ((text, False) if count < 25 else ("", True)) == (past, seen.exists())
    assert count < 25 or f"{text}FRX\n" == seen.read_text()


def test_who_has_words_for_less_is_left_them(screen: Screen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAGER", pager(tmp_path, 'cat > /dev/null; echo "$LESS" > "$seen"'))
    monkeypatch.setenv("LESS", "S")

    shown(screen, LINES)

    assert "S\n" == (tmp_path / "seen").read_text()


def test_what_is_no_text_reaches_the_pager_as_its_code(
    screen: Screen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAGER", pager(tmp_path, 'cat > "$seen"'))

    shown(screen, [Line("a\udcffb"), *LINES])

    assert "a\\udcffb\nline 0\n" == (tmp_path / "seen").read_text()[:16]


def test_where_there_is_not_even_a_shell_all_is_printed_once(screen: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    tried = []

    def nothing(*words: object, **_: object) -> None:
        tried.append(words)
        raise OSError(errno.ENOENT, os.strerror(errno.ENOENT), "/bin/sh")

    monkeypatch.setattr(subprocess, "Popen", nothing)

    assert "".join(f"{line.text}\n" for line in LINES) == shown(screen, LINES)
    assert 1 == len(tried)


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({}, "less"),
        ({"PAGER": "more -s"}, "more -s"),
        ({"PAGER": "more", "SYNCD_PAGER": "less -S"}, "less -S"),
        ({"PAGER": "more", "NO_PAGER": "1"}, ""),
        ({"SYNCD_PAGER": ""}, ""),
        ({"SYNCD_PAGER": " cat "}, ""),
        ({"TERM": "dumb"}, ""),
    ],
)
def test_which_pager(environment: Mapping[str, str], words: str) -> None:
    assert words == pager_of(environment)


@pytest.mark.parametrize("script", ["exit 0", "read first; exit 3", "kill -9 $$"])
def test_whoever_has_seen_enough_leaves(
    script: str, screen: Screen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAGER", pager(tmp_path, script))

    assert "" == shown(screen, [Line("x" * 100_000)] * 30)


def test_what_comes_after_the_end_is_no_error(screen: Screen) -> None:
    page = PagedOutput(screen, "cat > /dev/null")
    page.write("line\n" * 30)
    page.end()

    assert 5 == page.write("late\n")


@pytest.mark.parametrize("words", ["/nowhere/less", "less '", "/", "| |"])
def test_without_such_a_pager_all_is_printed(words: str, screen: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAGER", words)

    assert 30 == shown(screen, LINES).count("\n")


def test_a_pager_is_words_for_a_shell(screen: Screen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAGER", f"cat | sed 's/line/row/' > {tmp_path}/seen")

    assert "" == shown(screen, LINES)

    assert "row 29\n" == (tmp_path / "seen").read_text()[-7:]


def test_an_interrupt_while_somebody_reads_is_for_the_pager(
    screen: Screen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAGER", pager(tmp_path, f'cat > "$seen"; kill -INT {os.getpid()}; echo on >> "$seen"'))

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        shown(screen, LINES)
        assert signal.default_int_handler is signal.getsignal(signal.SIGINT), "and the command's once nobody reads"
    finally:
        signal.signal(signal.SIGINT, before)

    assert "line 29\non\n" == (tmp_path / "seen").read_text()[-11:]


def test_off_a_terminal_there_is_none(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("PAGER", "/bin/false")
    with paged():
        show(LINES)

    assert 30 == capsys.readouterr().out.count("\n")


@pytest.mark.parametrize("no_pager", [True, False])
def test_a_command_is_paged_unless_that_is_not_wanted(
    no_pager: bool, screen: Screen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAGER", pager(tmp_path, 'cat > "$seen"'))
    monkeypatch.setenv("LINES", "1")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdout", screen)
        code = run([*(["--no-pager"] if no_pager else []), "--config", CONFIG, "audit", "--help"])
        again = run([*(["--no-pager"] if no_pager else []), "--config", str(tmp_path / "none.toml"), "audit"])

    assert (0, 3) == (code, again)
    shown = {"plan", "status", "alarms", "pauses", "audit", "explain", "doctor", "who", "diff", "whatif"}
    assert shown == PAGED, "and docs/cli.md says so"
    assert (no_pager, not no_pager) == ("Usage" in screen.getvalue(), (tmp_path / "seen").exists())
