"""`syncd accept-group`: let a name in the mapping mean the group that bears it now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from syncd.cli.complete import COMPLETE_SOURCE
from syncd.cli.invocation import invocation

if TYPE_CHECKING:
    from syncd.errors import ConfigInvalid
    from syncd.model import Group, Snapshot
    from syncd.reconcile import World


def accept_group(
    context: typer.Context,
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            autocompletion=COMPLETE_SOURCE,
            help="The source, as the configuration calls it.",
        ),
    ],
    name: Annotated[str, typer.Argument(metavar="NAME", help="The name of the group, as the mapping has it.")],
) -> int:
    """Let NAME mean the group that has this name now, after another one was deleted or renamed."""
    from syncd import app
    from syncd.cli.output import show_text
    from syncd.errors import EXIT_DONE
    from syncd.model import nfc

    name = nfc(name)
    this = invocation(context)
    settings = this.settings()
    with this.store(settings) as store:
        with this.world(settings, store, deployments=()) as world:
            before = store.readings.group_names().get((source, name))
            group = _bearer(world, source, name, before=before)
        if before == group.id:
            raise _refused(
                f"{source}:{name} means the group {before} already, and no other group has the name now: nothing was changed. "
                "A group that was just made may not be shown by its source yet; try again in a moment"
            )
        facts = {"source": source, "name": name, "means": group.id, "was": before or ""}
        store.records.accepted("group", facts, now=app.utc_now())
        store.readings.remember_groups({(source, name): group.id}, now=app.utc_now())
    was = f", and not {before} any more" if before else ""
    show_text(f"{source}:{name} means the group {group.id} from now on{was}; see what that changes with: syncd plan")
    return EXIT_DONE


def _looked_at(world: World, name: str, *, full: bool) -> Snapshot:
    """Read the source now: what was saved of it may be older than the group."""
    from syncd.directory.read_sources import Intake, read_one

    source = next((source for source in world.sources if source.name == name), None)
    if source is None:
        raise _refused(f'there is no source "{name}"; there are {", ".join(s.name for s in world.sources)}')
    intake = Intake(world.journal.readings, world.clock, world.emit, full_read_every=world.full_read_every, full=full)
    reading = read_one(source, intake)
    if reading.fresh is None:
        raise _refused(f"the source {name} cannot be read now: {reading.failure}")
    return reading.fresh


def _bearer(world: World, source: str, name: str, *, before: str | None) -> Group:
    """Find the one group of that name. What changed may not show that another one was deleted; all that is there does."""
    found = _called(_looked_at(world, source, full=False), name)
    if len(found) != 1 or found[0].id == before:
        found = _called(_looked_at(world, source, full=True), name)
    if len(found) != 1:
        ids = ", ".join(sorted(group.id for group in found))
        what = (
            f"{len(found)} groups are called so ({ids}): write the id of one into the mapping"
            if found
            else "no group is called so"
        )
        raise _refused(f"{source}:{name}: {what}")
    return found[0]


def _called(snapshot: Snapshot, name: str) -> tuple[Group, ...]:
    from syncd.model import nfc

    return tuple(group for group in snapshot.groups if nfc(group.name) == nfc(name))


def _refused(why: str) -> ConfigInvalid:
    from syncd.errors import ConfigInvalid, Problem

    return ConfigInvalid([Problem("accept-group", 0, 0, why)])
