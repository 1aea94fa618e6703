"""What commands show on terminals of 80 and of 200 columns, word for word. SYNCD_GOLDEN=write rewrites it."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from screen_worlds import NOW, SCREENS

from syncd.cli import run, status
from syncd.cli.output import show
from syncd.render.layout import cells

GOLDEN = Path(__file__).parent / "screens"
CHECKS = Path(__file__).parent / "cli" / "check"
WIDTHS = (80, 200)


class Screen(io.StringIO):
    """A stream that leads to a terminal."""

    def isatty(self) -> bool:
        return True


@contextmanager
def terminal(width: int) -> Iterator[tuple[Screen, Screen]]:
    """Look on through a terminal without colours; standard output and error."""
    with pytest.MonkeyPatch.context() as patch:
        out, err = Screen(), Screen()
        patch.setattr(sys, "stdout", out)
        patch.setattr(sys, "stderr", err)
        patch.setattr(status, "now", lambda: NOW + timedelta(hours=5))
        patch.setenv("COLUMNS", str(width))
        patch.setenv("NO_COLOR", "1")
        yield out, err


def golden(name: str, actual: str) -> str:
    file = GOLDEN / f"{name}.txt"
    if os.environ.get("SYNCD_GOLDEN") == "write":
        file.write_text(actual, encoding="utf-8")
    return file.read_text(encoding="utf-8")


@pytest.mark.finding("U-9")
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("screen", SCREENS)
def test_a_screen(screen: str, width: int) -> None:
    with terminal(width) as (out, _):
        show(SCREENS[screen]())

    said = out.getvalue()
    assert golden(f"{screen}.{width}", said) == said
    assert [] == [line for line in said.splitlines() if cells(line) > width]


@pytest.mark.finding("U-9")
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize(
    "case", ["config_wrong", "frozen"]
)  # the others name a folder, and that is elsewhere each time
def test_the_screen_of_check(case: str, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(CHECKS / case)
    with terminal(width) as (out, err):
        run(["check"])

    said = f"{out.getvalue()}--- standard error\n{err.getvalue()}"
    assert golden(f"check-{case}.{width}", said) == said
