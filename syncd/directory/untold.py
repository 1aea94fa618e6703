"""Attributes that a source says of nobody: that nobody has one cannot be told from a source that does not show it.

An administrator may hide a field of profiles from the account that reads them, and the answers look the same. So what mapping
lines ask of it (`where`) is in doubt, until somebody has it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from syncd.model import Attribute, Snapshot, value_of

FEW: Final = 5
"""Of no more people than these nobody may have it by chance: what their source says of them is taken for true."""


def untold(read: Iterable[Snapshot]) -> frozenset[tuple[str, Attribute]]:
    """Name, by source, what is said of nobody, although there are more than a few people."""
    return frozenset(
        (snapshot.source, attribute)
        for snapshot in read
        if len(snapshot.identities) > FEW
        for attribute in Attribute
        if _is_untold(snapshot, attribute)
    )


def _is_untold(snapshot: Snapshot, attribute: Attribute) -> bool:
    """Say whether it is said of nobody; where it was not even read nothing was said, and that is known of each person."""
    if any(value_of(identity, attribute) for identity in snapshot.identities):
        return False
    return any(value_of(identity, attribute) == "" for identity in snapshot.identities)
