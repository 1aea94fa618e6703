"""Points in time as people write them on a command line."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import typer

from syncd.cli.audit import moment


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-31", datetime(2026, 3, 31, tzinfo=UTC)),
        ("2026-03-31T09:30", datetime(2026, 3, 31, 9, 30, tzinfo=UTC)),
        ("2026-03-31T09:30+02:00", datetime(2026, 3, 31, 7, 30, tzinfo=UTC)),
        ("90m", datetime(2026, 3, 31, 10, 30, tzinfo=UTC)),
        ("7d", datetime(2026, 3, 24, 12, tzinfo=UTC)),
        ("1w", datetime(2026, 3, 24, 12, tzinfo=UTC)),
    ],
)
def test_points_in_time(text: str, expected: datetime) -> None:
    assert expected == moment(text, "--since", now=datetime(2026, 3, 31, 12, tzinfo=UTC))


@pytest.mark.parametrize("text", ["yesterday", "2026-02-30", "7y", "-1d", ""])
def test_what_is_no_point_in_time(text: str) -> None:
    with pytest.raises(typer.BadParameter):
        moment(text, "--since", now=datetime(2026, 3, 31, tzinfo=UTC))
