"""DAGs that a deployment does not list any more: what roles hold on them stays for a while.

A changed tag or owner is a decision of somebody, and followed at once. That a DAG is not listed is none: a folder may not be
mounted, a repository may be moved, a server may have been set up anew. What is kept is what is on the server and would be given
if the DAG were listed as it last was; nothing is given for a DAG that is not listed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from syncd.model import Dag, DesiredState, Note, ObservedState, Role, VanishedDag
from syncd.words import some


def vanished(
    held: Collection[str],
    listed: Collection[str],
    *,
    before: Iterable[Dag],
    known: Iterable[VanishedDag],
    now: datetime,
) -> tuple[VanishedDag, ...]:
    """Give the DAGs on which roles hold something (`held`) and that are not `listed`, each since it was first missing.

    `before` are those of the last listing, `known` those that were missing then.
    """
    missing = {gone.dag.id: gone for gone in known}
    missing = {dag.id: VanishedDag(dag, now) for dag in before} | missing
    return tuple(missing[dag] for dag in sorted(set(held) & missing.keys() - set(listed)))


def in_grace(gone: Iterable[VanishedDag], grace: timedelta, *, now: datetime) -> tuple[VanishedDag, ...]:
    """Give those whose permissions are to stay yet."""
    return tuple(one for one in gone if now - one.since < grace)


def with_vanished(
    desired: DesiredState,
    observed: ObservedState,
    gone: Collection[VanishedDag],
    *,
    if_listed: Mapping[str, Role],
    grace: timedelta,
) -> DesiredState:
    """Let roles keep what they have on these DAGs; `if_listed` is what they should be if these were listed."""
    ids = {one.dag.id for one in gone}
    roles, kept_on = dict(desired.roles), set[str]()
    for name in desired.roles.keys() & observed.roles.keys() & if_listed.keys():
        more = if_listed[name].permissions - roles[name].permissions
        kept = {p for p in more & observed.roles[name].permissions if p.dag in ids}
        roles[name] = replace(roles[name], permissions=roles[name].permissions | kept) if kept else roles[name]
        kept_on |= {p.dag for p in kept if p.dag is not None}
    notes = _notes([one for one in gone if one.dag.id in kept_on], grace)
    return replace(desired, roles=roles, notes=(*desired.notes, *notes))


def _notes(gone: Collection[VanishedDag], grace: timedelta) -> list[Note]:
    if not gone:
        return []
    until = min(one.since for one in gone) + grace
    which = some(sorted(one.dag.id for one in gone), 3)
    are, them = ("is", "it") if len(gone) == 1 else ("are", "them")
    first = "" if len(gone) == 1 else " at the earliest"
    until_when = f"{until:%Y-%m-%d %H:%M} UTC{first}"
    text = f"{which} {are} not listed any more; what roles have on {them} stays until {until_when} (dag_grace)"
    return [Note("dag_vanished", text)]
