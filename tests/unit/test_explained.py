"""What `explain` says of lines that give something at another hour than now."""

from __future__ import annotations

from syncd.cli.explained import Explained, Told, deployment_lines
from syncd.model import DesiredState, ObservedState, Plan, Reason, Scope

HOURS = "only mon-fri 08:00-18:00 Europe/Berlin; now outside, next at 2026-06-08 06:00 UTC"
LATER = {"anna": {"Op": ((Reason("people", "g", "team", "m.yaml:3"), HOURS),)}}


def test_what_a_closed_window_gives_is_told_with_its_hours_also_to_who_has_nothing_yet() -> None:
    nothing = Plan("prod", Scope(), ())
    this = Explained(
        "prod",
        DesiredState("prod", {}, {}, {}),
        ObservedState("prod", {}, {}),
        nothing,
        Told({}, None),
        frozenset(),
        later=LATER,
    )

    assert [
        "prod: no account",
        "  has no role",
        "  Op at other hours",
        f"    by people:team (m.yaml:3): {HOURS}",
    ] == [line.text for line in deployment_lines(this, program="syncd")]
