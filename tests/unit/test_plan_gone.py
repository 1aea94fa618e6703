"""What was ours and another hand took: when it is ours no longer, so that whoever gives it again does it by their own hand."""

from __future__ import annotations

from typing import Any

import pytest
from plan_world import person, role, there, wanted

from syncd.model import Change, DesiredState, Owned
from syncd.plan.gone import taken_by_others


def by_us(**grants: str) -> dict[str, frozenset[str]]:
    return {name: frozenset(roles.split()) for name, roles in grants.items()}


FIN = role("fin", "a")
OURS = Owned(frozenset({"ann", "gone"}), frozenset({"fin", "lost"}), by_us(ann="fin ops", gone="fin ops"))
HERE = there(person("Ann", "ops"), person("bob"), roles=(FIN,))
ACCOUNT, ROLE = frozenset({"gone"}), frozenset({"lost"})
ALL = Owned(ACCOUNT, ROLE, by_us(ann="fin", gone="fin ops"))


def gone(desired: DesiredState, earlier: DesiredState | None = None, **more: Any) -> Owned:
    return taken_by_others(desired, HERE, OURS, earlier=earlier, **more)


@pytest.mark.parametrize(
    ("desired", "earlier", "found"),
    [
        pytest.param(wanted(), None, Owned(grants=by_us(ann="fin")), id="an account says at once what it lacks"),
        pytest.param(wanted(person("Ann", "fin")), None, Owned(), id="a line gives it"),
        pytest.param(wanted(person("Ann", "ops")), None, Owned(grants=by_us(ann="fin")), id="a line gives another"),
        pytest.param(wanted(), wanted(), ALL, id="two passes did not find what is not listed"),
        pytest.param(
            wanted(),
            wanted(person("gone", "fin"), roles=(role("lost"),)),
            Owned(grants=by_us(ann="fin", gone="ops")),
            id="the last one found them",
        ),
        pytest.param(
            wanted(person("gone", "fin"), roles=(role("lost"),)),
            wanted(),
            Owned(grants=by_us(ann="fin", gone="ops")),
            id="a line wants them",
        ),
        pytest.param(
            wanted(person("gone", "fin")),
            wanted(person("gone", "ops")),
            Owned(frozenset(), ROLE, by_us(ann="fin")),
            id="a line wants one role, the last pass found the other",
        ),
    ],
)
def test_what_no_line_gives_and_another_hand_took_is_ours_no_longer(
    desired: DesiredState, earlier: DesiredState | None, found: Owned
) -> None:
    assert found == gone(desired, earlier)


@pytest.mark.parametrize(
    ("more", "said", "found"),
    [
        pytest.param(
            {"unsettled": [Change(None, person("GONE", "fin"))]},
            {},
            Owned(frozenset(), ROLE, by_us(ann="fin")),
            id="a call for the account that may still come",
        ),
        pytest.param(
            {"unsettled": [Change(None, role("lost"))]},
            {},
            Owned(ACCOUNT, frozenset(), ALL.grants),
            id="a call for the role that may still come",
        ),
        pytest.param({"renamed": ["gone"]}, {}, Owned(frozenset(), ROLE, by_us(ann="fin")), id="an account that was renamed"),
        pytest.param({"renamed": ["lost"]}, {}, Owned(ACCOUNT, frozenset(), ALL.grants), id="a role that was renamed"),
        pytest.param(
            {"renamed": ["fin"]}, {}, Owned(ACCOUNT, ROLE, by_us(gone="ops")), id="the role that they held was renamed"
        ),
        pytest.param(
            {}, {"frozen": {"fin": "in doubt"}}, Owned(ACCOUNT, ROLE, by_us(gone="ops")), id="a role that is in doubt"
        ),
        pytest.param(
            {"renamed": ["ops"]},
            {"frozen": {"fin": "in doubt"}},
            Owned(ACCOUNT, ROLE),
            id="one role in doubt, the other renamed",
        ),
        pytest.param(
            {},
            {"frozen_users": {"gone": "in doubt"}},
            Owned(frozenset(), ROLE, by_us(ann="fin")),
            id="an account that is in doubt",
        ),
        pytest.param(
            {}, {"undecided": {"ann": person("Ann")}}, Owned(ACCOUNT, ROLE, by_us(gone="fin ops")), id="undecided who it is"
        ),
        pytest.param(
            {"unsettled": [Change(None, role("Lost"))]}, {}, ALL, id="a call for a role of other letters is for another"
        ),
    ],
)  # fmt: skip
def test_what_may_come_back_or_is_in_doubt_stays_ours(more: dict[str, Any], said: dict[str, Any], found: Owned) -> None:
    assert found == gone(wanted(**said), wanted(), **more)


def test_of_an_account_that_is_not_clear_nothing_is_said() -> None:
    observed = there(person("Ann", "ops"), roles=(FIN,), unclear={"gone": "two accounts look like it"})
    found = taken_by_others(wanted(), observed, OURS, earlier=wanted())
    assert Owned(frozenset(), ROLE, by_us(ann="fin")) == found
