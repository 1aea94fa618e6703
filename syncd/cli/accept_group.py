"""`syncd accept-group`: let a name in the mapping mean the group that bears it now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from syncd.cli.invocation import invocation

if TYPE_CHECKING:
    from syncd.model import Group
    from syncd.store import Store


def accept_group(
    context: typer.Context,
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="The source, as the configuration calls it.")],
    name: Annotated[str, typer.Argument(metavar="NAME", help="The name of the group, as the mapping has it.")],
) -> int:
    """Let NAME mean the group that has this name now, after another one was deleted or renamed."""
    from syncd import app
    from syncd.cli.output import show_text
    from syncd.errors import EXIT_DONE

    this = invocation(context)
    settings = this.settings()
    with this.store(settings) as store:
        group = _bearer(store, source, name)
        before = store.group_names().get((source, name))
        store.remember_groups({(source, name): group.id}, now=app.utc_now())
    was = f", and not {before} any more" if before and before != group.id else ""
    show_text(f"{source}:{name} means the group {group.id} from now on{was}; see what that changes with: syncd plan")
    return EXIT_DONE


def _bearer(store: Store, source: str, name: str) -> Group:
    """Find the one group of that name in the last read of the source."""
    from syncd.errors import ConfigInvalid, Problem

    snapshot = store.last_snapshot(source)
    if snapshot is None:
        raise ConfigInvalid([Problem("accept-group", 0, 0, f'the source "{source}" was never read; run: syncd plan')])
    found = [group for group in snapshot.groups if group.name == name]
    if len(found) != 1:
        ids = ", ".join(sorted(group.id for group in found))
        what = (
            f"{len(found)} groups are called so ({ids}): write the id of one into the mapping"
            if found
            else "no group is called so"
        )
        raise ConfigInvalid([Problem("accept-group", 0, 0, f"{source}:{name}: in the last read, {what}")])
    return found[0]
