"""How a pass comes to know people and groups."""

from __future__ import annotations

from dataclasses import replace
from threading import Lock

from syncd.directory.read_sources import Intake, read_sources
from syncd.model import (
    Directory,
)
from syncd.reconcile.world import World


def rereading(world: World) -> World:
    """Let passes that go on side by side read the sources one after the other: a source is for one thread."""
    if world.reread is not None:
        return world
    alone = Lock()

    def reread() -> Directory:
        with alone:
            return read_directory(world, applying=True)

    return replace(world, reread=reread)


def read_directory(world: World, *, applying: bool = False) -> Directory:
    """Read every source, as `intake` says, and join them.

    What was read of files that are not in force is not kept, and what a group name means only by who applies: else a plan
    of a proposed change would decide what those in force work with.
    """
    intake = Intake(
        world.journal.readings,
        world.clock,
        world.emit,
        workers=world.workers,
        joining=world.joining,
        full_read_every=world.full_read_every,
        full=world.full,
        keeps=applying or world.journal.ledger.is_in_force(world.files),
        pins=applying,
    )
    return read_sources(world.sources, world.asked, intake)
