"""Timed grants in a pass: those in force are asked for at each look, and which are over for good is written down."""

from __future__ import annotations

from syncd.mapping.granted import all_ended, with_grants
from syncd.model import Directory, GrantWord
from syncd.ports import Emit, Grants
from syncd.reconcile.state import Pass

ITSELF = "syncd"
"""Who ends a grant whose time is over, or whose person left."""


def take_grants(this: Pass) -> None:
    """Let the lines of a pass be those of the files, and one for each grant that is in force on its deployment now."""
    active = this.journal.grants.active(this.name, now=this.world.clock())
    this.said = with_grants(this.lines, active, deployment=this.name)


def end_grants(grants: Grants, directory: Directory, word: GrantWord, emit: Emit) -> frozenset[int]:
    """Write down which grants are over for good, by their time or as their person left: none of them comes back to life when the
    clock is set back, or the person returns. Gives their numbers."""
    over = all_ended(grants.open(), directory, now=word.at)
    for id_, why in over.items():
        if ended := grants.end(id_, word, why):
            asked = ended.request
            emit("grant_ended", grant=id_, deployment=asked.deployment, role=asked.role, name=asked.person, why=why)
    return frozenset(over)
