"""What reading only the changes got wrong is told apart from what changed while it was compared."""

from __future__ import annotations

from dataclasses import replace

import pytest
from mapping_world import ANN, BOB, group, snapshot

from syncd.directory.divergence import diverged
from syncd.model import Snapshot

GONE = replace(ANN, active=False)


def said(*members: str, complete: bool = True, people: tuple[object, ...] = (ANN, BOB)) -> Snapshot:
    return snapshot(people, group("finance", *members, complete=complete))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("before", "full", "after", "is_wrong"),
    [
        (said("ann"), said("ann"), said("ann"), False),
        (said("ann"), said("ann", "bob"), said("ann"), True),
        (said("ann", "bob"), said("ann"), said("ann", "bob"), True),
        (said("ann"), said("ann", "bob"), said("ann", "bob"), False),
        (said("ann", "bob"), said("ann"), said("ann"), False),
        (said("ann"), said("ann"), said("ann", "bob"), False),
        (said("ann", "bob"), said("ann", "bob"), said("ann"), False),
        (said("ann"), said("ann", "bob", complete=False), said("ann"), False),
        (said("ann", complete=False), said("ann", "bob"), said("ann"), False),
    ],
)
def test_a_group_is_wrong_where_both_refreshes_contradict_the_full_read(
    before: Snapshot, full: Snapshot, after: Snapshot, *, is_wrong: bool
) -> None:
    assert ((("id-finance",) if is_wrong else ()), ()) == diverged(before, full, after)


def test_a_group_that_only_the_full_read_knows_was_missed() -> None:
    nothing = snapshot((ANN, BOB))
    assert (("id-finance",), ()) == diverged(nothing, said("ann"), nothing)
    assert ((), ()) == diverged(nothing, said("ann"), said("ann")), "it was made meanwhile"
    assert ((), ()) == diverged(said("ann"), nothing, said("ann")), "a deleted group is no matter of changes"


@pytest.mark.parametrize(
    ("before", "full", "after", "wrong"),
    [(ANN, GONE, ANN, ("ann",)), (GONE, ANN, GONE, ("ann",)), (ANN, GONE, GONE, ()), (ANN, ANN, ANN, ())],
)
def test_who_is_active_is_compared_too(before: object, full: object, after: object, wrong: tuple[str, ...]) -> None:
    reads = (said("ann", people=(person, BOB)) for person in (before, full, after))
    assert ((), wrong) == diverged(*reads)
