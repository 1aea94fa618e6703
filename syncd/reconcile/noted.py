"""What a pass saw of a deployment is kept at its end: questions are answered from it without asking the deployment again."""

from __future__ import annotations

from syncd.model import Dag, Learned, Sighting
from syncd.reconcile.state import Comparison, Pass


def keep_look(
    this: Pass, seen: Comparison, learned: Learned, *, own_account: str | None, inventory: tuple[Dag, ...]
) -> None:
    """Keep what the last look of a pass saw, as far as it looked."""
    assert seen.at is not None
    dags = inventory if this.scope.everything or this.scope.dags else None
    this.journal.looks.keep(this.facts, Sighting(seen.at, seen.observed, learned, own_account, dags, this.vanished))
