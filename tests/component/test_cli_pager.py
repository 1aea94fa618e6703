"""What is longer than the terminal is high goes through a pager, and whatever becomes of that the command ends as it does."""

from __future__ import annotations

import io
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from syncd.cli import run
from syncd.cli.output import show
from syncd.cli.pager import PAGED, paged, pager_of
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
    monkeypatch.setenv("PAGER", pager(tmp_path, 'cat > "$seen"; kill -INT $PPID; echo on >> "$seen"'))

    shown(screen, LINES)

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
    assert "plan" in PAGED
    assert "apply" not in PAGED
    assert (no_pager, not no_pager) == ("Usage" in screen.getvalue(), (tmp_path / "seen").exists())
