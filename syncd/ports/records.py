"""Where the journal's chain of records stands, for those who sign it."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple, Protocol

from syncd.model.checkpoints import Checkpoint


class ChainHead(NamedTuple):
    """The last record: its number and hash, how many came since the last checkpoint, and when that was (None: never)."""

    seq: int
    hash: str
    new: int
    since: datetime | None


class Checkpointed(Protocol):
    """The chain, as checkpoints are made of it."""

    def chain_head(self) -> ChainHead:
        """Give the last record."""
        ...

    def record_checkpoint(self, checkpoint: Checkpoint, *, now: datetime) -> None:
        """Write down that a checkpoint went out."""
        ...
