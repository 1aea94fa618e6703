"""Holds that a daemon elsewhere tells: what is none is not shown, and a hold is shown whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import count
from typing import Any, cast

import pytest

from syncd.cli.daemon_client import DaemonClient, DaemonSilent
from syncd.cli.holds_told import MOST_CHANGES, PAGE, told_hold, told_holds

AT = "2026-03-01T10:00:00+00:00"
CHANGE = {"kind": "update", "subject": "user", "name": "ann", "granted": [], "revoked": [], "because": []}
HOLD: Mapping[str, Any] = {
    "id": "h12",
    "deployment": "dev",
    "digest": "abcd",
    "state": "waits",
    "run": 3,
    "why": ["too many"],
    "total": 1,
    "since": AT,
    "planned_at": AT,
    "ended_at": None,
    "superseded_by": None,
    "said": [],
    "scope": None,
    "dags": [],
    "changes": [CHANGE],
    "effects": None,
}
SAID = {"what": "approve", "who": "ann", "reason": "", "from": "command", "at": "2026-03-01T10:00:00"}


class Liar:
    """Answers with whatever it was given, one after the other."""

    place = "https://liar.example"

    def __init__(self, answers: Iterator[Mapping[str, Any]]) -> None:
        self.answers, self.asked = answers, 0

    def look(self, path: str, fits: Callable[[Mapping[str, Any]], bool]) -> Mapping[str, Any]:
        self.asked += 1
        if not fits(found := next(self.answers)):
            raise DaemonSilent(f"{path}: this is not syncd's answer")
        return found


def shown(*answers: Mapping[str, Any]) -> int:
    return len(told_hold(cast("DaemonClient", Liar(iter(answers))), "h12").changes)


@pytest.mark.finding("N-666")
@pytest.mark.parametrize(
    "wrong",
    [
        {"total": "1"},
        {"total": -1},
        {"total": MOST_CHANGES + 1},
        {"run": "3"},
        {"since": "2026-03-01T10:00:00"},
        {"planned_at": "2026-03-01"},
        {"ended_at": "2026-03-01T10:00:00"},
        {"said": [SAID]},
        {"superseded_by": "h"},
    ],
    ids=str,
)
def test_what_is_no_hold_is_not_shown(wrong: Mapping[str, Any]) -> None:
    assert 1 == shown(HOLD)
    with pytest.raises(DaemonSilent, match="not syncd's answer"):
        shown({**HOLD, **wrong})
    with pytest.raises(DaemonSilent, match="not syncd's answer"):
        told_holds(cast("DaemonClient", Liar(iter([{"holds": [{**HOLD, **wrong}]}]))), deployments=(), over=False)


@pytest.mark.finding("N-666")
@pytest.mark.parametrize(
    "second", [{"changes": []}, {"id": "h13"}, {"digest": "efgh"}, {"total": 3}, {"changes": [CHANGE] * 9}], ids=str
)
def test_a_hold_whose_pages_do_not_go_together_is_not_shown(second: Mapping[str, Any]) -> None:
    page = {**HOLD, "total": 2}
    assert 2 == shown(page, page)
    with pytest.raises(DaemonSilent, match="h12 was not told whole, so it is not shown"):
        shown(page, {**page, **second})


@pytest.mark.finding("N-666")
def test_another_hold_than_the_one_asked_for_is_not_shown() -> None:
    with pytest.raises(DaemonSilent, match="it told of h13, and was asked for h12"):
        shown({**HOLD, "id": "h13"})
    assert told_hold(cast("DaemonClient", Liar(iter([HOLD]))), "abcd").record.id == 12


@pytest.mark.finding("N-666")
def test_pages_without_end_end() -> None:
    liar = Liar({**HOLD, "total": MOST_CHANGES + 10 * n, "changes": [CHANGE] * PAGE} for n in count())
    with pytest.raises(DaemonSilent):
        told_hold(cast("DaemonClient", liar), "h12")
    assert 2 == liar.asked
