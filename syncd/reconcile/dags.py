"""The DAGs of a deployment in a pass: listed so that absence proves something, and what stays of those that vanished."""

from __future__ import annotations

from syncd.mapping.compile import compile_roles
from syncd.model import Dag, DesiredState, ObservedState
from syncd.plan.vanished import in_grace, vanished, with_vanished
from syncd.ports import TargetReader
from syncd.reconcile.state import Pass


def list_dags(this: Pass, reader: TargetReader) -> tuple[Dag, ...]:
    """List the DAGs; one of which roles hold permissions is only gone when two reads say so.

    A row that goes while another comes can hide a third from a read in pages, and here absence takes permissions away.
    """
    found = {dag.id: dag for dag in reader.inventory()}
    held = _dags_of(this.earlier) if this.earlier else set()
    if not held <= found.keys():
        known = this.journal.looks.vanished(this.facts)
        if not held <= found.keys() | {gone.dag.id for gone in known}:
            found = {dag.id: dag for dag in reader.inventory()} | found
        before = this.journal.looks.dags(this.facts)
        this.vanished = vanished(held, found, before=before, known=known, now=this.world.clock())
    return tuple(found[dag] for dag in sorted(found))


def _dags_of(desired: DesiredState) -> set[str]:
    return {p.dag for role in desired.roles.values() for p in role.permissions if p.dag is not None and not p.part}


def keep_vanished(
    this: Pass, reader: TargetReader, desired: DesiredState, observed: ObservedState, inventory: tuple[Dag, ...]
) -> DesiredState:
    """Let roles keep, for a while, what they have on DAGs that are not listed any more."""
    deployment, now = this.target.deployment, this.world.clock()
    gone = in_grace(this.vanished, deployment.dag_grace, now=now)
    if not gone:
        return desired
    if_listed = compile_roles(
        this.world.rules,
        this.directory,
        deployment,
        inventory=(*inventory, *(one.dag for one in gone)),
        dialect=reader.dialect(),
        now=now,
    )
    return with_vanished(desired, observed, gone, if_listed=if_listed, grace=deployment.dag_grace)
