"""A change is shown from one view of it, wherever it comes from: a plan, the journal, or the answer of a daemon."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime

import pytest

from syncd.model import Change, Kind, Reason, Role, User, What, Why
from syncd.plan.because import why_of
from syncd.render.change import change_line
from syncd.render.json import change_json
from syncd.render.view import ChangeView
from syncd.targets.airflow.naming import permission
from syncd.web.schemas import SCHEMAS

ANNA = User("anna", "anna@example.com", "Anna", "X", frozenset({"Viewer"}))
MOVES = Change(ANNA, replace(ANNA, roles=frozenset({"Op"})), (
    Why("people:ops (m.yaml:1)", "Op", What.GIVEN), Why("was given by people:all (m.yaml:2): left the group", "Viewer",
    What.LEFT_GROUP)),
)  # fmt: skip
OPS = Reason("people", "g1", "ops", "m.yaml:1", datetime(2026, 3, 1, tzinfo=UTC), "on call")
GIVEN = Change(
    replace(ANNA, roles=frozenset()), ANNA, (why_of("Viewer", What.GIVEN, (OPS, replace(OPS, until=None, stale=True))),)
)
CUT_OFF = Role("ops", frozenset({permission("can_read", "Pools")}), unfinished=True)
CHANGES = (
    MOVES,
    GIVEN,
    Change(None, ANNA),
    Change(ANNA, None, (Why("no mapping line gives this person anything here"),)),
    Change(CUT_OFF, Role("ops", frozenset({permission("can_read", f"DAG:{dag}") for dag in "abcde"}))),
    Change(CUT_OFF, None),
)


@pytest.mark.finding("H-D2")
@pytest.mark.parametrize("change", CHANGES)
def test_what_a_daemon_says_of_a_change_is_shown_as_a_change_from_here(change: Change) -> None:
    here, there = ChangeView.of(change), ChangeView.read(change_json(change))

    assert replace(here, account=None) == there
    assert change_line(here) == change_line(there)
    assert [why.reasons for why in here.why] == [why.reasons for why in there.why]


@pytest.mark.finding("H-D2")
@pytest.mark.parametrize("change", CHANGES)
def test_the_json_and_its_description_have_the_fields_of_the_view(change: Change) -> None:
    names = {field.name for field in fields(ChangeView)} - {"account"}

    assert names == change_json(change).keys() - {"account"}
    assert names == set(SCHEMAS["Change"]["required"])


def test_an_older_daemon_says_less_and_a_newer_one_more() -> None:
    old = {"kind": "update", "subject": "user", "name": "a", "granted": ["x"], "revoked": [], "because": ["x: g"]}
    new = {**change_json(MOVES), "kind": "merge", "why": [{"role": "Op", "what": "dreamt", "text": "g", "at": 3}]}

    assert (Why("x: g"),) == ChangeView.read(old).why
    odd = {**change_json(GIVEN), "why": [{"role": "Op", "what": "given", "text": "g", "reasons": [{"source": "okta"}]}]}
    assert [()] == [why.reasons for why in ChangeView.read(odd).why]
    assert (Kind.UPDATE, (Why("g", "Op"),)) == (ChangeView.read(new).kind, ChangeView.read(new).why)
