"""The DAGs of a deployment in a pass: listed so that absence proves something, and what stays of those that vanished.

Lines with `each` go by the owners, folders and tags that DAGs have, so a pass has to know them:

the pass                         | by the DAGs
---------------------------------|------------------------------------------------------------------------------------
lists DAGs                       | that are listed, and that were until `dag_grace` ago
does not, or cannot              | that the last pass which did went by; nothing is taken because nobody listed them
does not, and none ever did      | that are listed now
cannot, and none ever did        | none: it fails
"""

from __future__ import annotations

from collections.abc import Iterable

from syncd.mapping.compile import compile_roles
from syncd.model import Dag, DesiredState, ObservedState, VanishedDag
from syncd.plan.vanished import in_grace, vanished, with_vanished
from syncd.ports import TargetReader
from syncd.reconcile.state import Pass


def know_dags(this: Pass, reader: TargetReader) -> tuple[Dag, ...]:
    """List the DAGs in a pass that looks at roles, and know in any by which DAGs lines with `each` go."""
    if this.scope.everything or this.scope.dags:
        inventory = list_dags(this, reader)
        this.dags = (*inventory, *_in_grace(this, this.vanished))
        return inventory
    if not recall_dags(this):
        this.dags = tuple(reader.inventory())
    return ()


def recall_dags(this: Pass) -> bool:
    """Go by the DAGs that were listed last; False: lines with `each` need them, and they were never listed."""
    if not _goes_by_values(this):
        return True
    looks = this.journal.looks
    this.dags = (*looks.dags(this.facts), *_in_grace(this, looks.vanished(this.facts)))
    return bool(this.dags) or looks.last(this.facts) is not None


def _goes_by_values(this: Pass) -> bool:
    return any(rule.each for rule in this.lines.bindings)


def _in_grace(this: Pass, gone: Iterable[VanishedDag]) -> tuple[Dag, ...]:
    grace, now = this.target.deployment.dag_grace, this.world.clock()
    return tuple(one.dag for one in in_grace(gone, grace, now=now))


def list_dags(this: Pass, reader: TargetReader) -> tuple[Dag, ...]:
    """List the DAGs; one of which roles hold permissions is only gone when two reads say so.

    A row that goes while another comes can hide a third from a read in pages, and here absence takes permissions away.
    """
    found = {dag.id: dag for dag in reader.inventory()}
    held = (_dags_of(this.earlier) if this.earlier else set()) | _gone_by(this)
    if not held <= found.keys():
        known = this.journal.looks.vanished(this.facts)
        if not held <= found.keys() | {gone.dag.id for gone in known}:
            found = {dag.id: dag for dag in reader.inventory()} | found
        before = this.journal.looks.dags(this.facts)
        this.vanished = vanished(held, found, before=before, known=known, now=this.world.clock())
    return tuple(found[dag] for dag in sorted(found))


def _dags_of(desired: DesiredState) -> set[str]:
    return {p.dag for role in desired.roles.values() for p in role.permissions if p.dag is not None and not p.part}


def _gone_by(this: Pass) -> set[str]:
    """Name the DAGs by whose values lines with `each` went: roles may be there for one and hold nothing on it."""
    if not _goes_by_values(this):
        return set()
    before, known = this.journal.looks.dags(this.facts), this.journal.looks.vanished(this.facts)
    return {dag.id for dag in (*before, *_in_grace(this, known))}


def keep_vanished(
    this: Pass, reader: TargetReader, desired: DesiredState, observed: ObservedState, inventory: tuple[Dag, ...]
) -> DesiredState:
    """Let roles keep, for a while, what they have on DAGs that are not listed any more."""
    deployment, now = this.target.deployment, this.world.clock()
    gone = in_grace(this.vanished, deployment.dag_grace, now=now)
    if not gone:
        return desired
    if_listed = compile_roles(
        this.lines,
        this.directory,
        deployment,
        inventory=(*inventory, *(one.dag for one in gone)),
        dialect=reader.dialect(),
        now=now,
    )
    return with_vanished(desired, observed, gone, if_listed=if_listed, grace=deployment.dag_grace)
