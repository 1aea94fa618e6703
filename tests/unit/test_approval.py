"""Who may let pass what, line by line of the table in `plan/approval.py`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from syncd.model import Change, Held, User
from syncd.plan.approval import APPLY, Apply, PlanOnly, approvals_of, covers, refusal

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
DAY = timedelta(hours=24)
LOSES = Change(User("ann", "", "", "", frozenset({"finance"})), User("ann", "", "", "", frozenset()))


@dataclass(frozen=True)
class Kept:
    digest: str = "abc"
    number: int = 3
    made_at: datetime = NOW


@pytest.mark.parametrize(
    ("hold", "said"),
    [
        (None, "nothing with the digest abc is held on prod; nothing is held there now"),
        (
            Kept("def"),
            "nothing with the digest abc is held on prod; what is held there now has the digest def (3 changes)",
        ),
        (
            Kept("def", made_at=NOW - DAY * 2),
            "nothing with the digest abc is held on prod; what is held there now has the digest def (3 changes)",
        ),
        (
            Kept(made_at=NOW - DAY - timedelta(seconds=1)),
            "what is held on prod was last planned at 2026-02-28 11:59 UTC, too long ago to be let go unseen: let it be "
            "planned again (syncd reconcile --dry-run -d prod), look, and approve then",
        ),
        (Kept(made_at=NOW - DAY), ""),
        (Kept(), ""),
    ],
    ids=["nothing held", "something else held", "something else, of long ago", "too old", "just not too old", "now"],
)
def test_an_approval_passes_only_what_is_held_and_was_planned_since(hold: Kept | None, said: str) -> None:
    assert said == refusal("prod", "abc", hold, now=NOW, expires=DAY)


def test_a_pass_that_only_plans_lets_nothing_pass() -> None:
    assert frozenset() == approvals_of(PlanOnly()) == approvals_of(APPLY)
    assert frozenset({"abc"}) == approvals_of(Apply(frozenset({"abc"})))


def test_an_approval_covers_just_what_it_is_of() -> None:
    held = Held((LOSES,), ("too many",), "prod")
    assert covers({"another", held.digest}, held)
    assert not covers({"another", held.digest[:-1]}, held)
    assert not covers((), held)
    assert not covers({held.digest}, Held((LOSES,), ("too many",), "test"))
