"""Reasons are kept as text and read back, those of an older syncd too."""

from __future__ import annotations

from dataclasses import replace

import pytest

from syncd.model import (
    EVERYTHING,
    Change,
    Held,
    Plan,
    User,
    Why,
)
from syncd.render.change import reasons_text
from syncd.render.json import change_json
from syncd.render.text import going
from syncd.render.view import ChangeView
from syncd.store.codec import because_from


@pytest.mark.finding("H-E19")
def test_a_role_with_a_colon_keeps_its_reasons_when_its_change_is_cut() -> None:
    before, after = (User("a", "a@x", "A", "B", frozenset({role})) for role in ("old", "a: b"))
    whole = Change(before, after, (Why("people:g (m.yaml:1)", "a: b"), Why("no mapping line gives it", "old")))
    both = replace(before, roles=frozenset({"old", "a: b"}))
    [goes] = going(Plan("prod", EVERYTHING, (whole,)), Held((Change(both, after),), ("too many",), "prod"))
    assert ((Why("people:g (m.yaml:1)", "a: b"),), "people:g (m.yaml:1)") == (
        goes.because,
        reasons_text(ChangeView.of(goes)),
    )
    assert [{"role": "a: b", "what": "other", "text": "people:g (m.yaml:1)", "reasons": []}] == change_json(goes)["why"]


def test_reasons_of_an_older_syncd_are_read() -> None:
    written = ["a: b: people:g (m.yaml:1)", "a: was given", "no mapping line gives this"]
    found = because_from(written, lambda: ("a", "a: b"))
    assert (
        Why("people:g (m.yaml:1)", "a: b"),
        Why("was given", "a"),
        Why("no mapping line gives this"),
    ) == found
