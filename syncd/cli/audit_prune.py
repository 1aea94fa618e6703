"""`syncd audit prune`: take old records out of the chain, into a file, so that what is left is proven as before."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from syncd.cli.invocation import invocation
from syncd.text.moment import read_moment

if TYPE_CHECKING:
    from syncd.store import Stores

YOUNGEST: Final = timedelta(days=30)


def prune(
    context: typer.Context,
    before: Annotated[
        str,
        typer.Option(metavar="WHEN", help="What is older goes: 2026-03-31, or 365d; at least 30d.", show_default=False),
    ],
    to: Annotated[
        Path, typer.Option("--to", metavar="FILE", help="Where the records go first; a new file.", show_default=False)
    ],
) -> int:
    """Move old records out of the database into FILE, as `audit export` writes them. The journal itself stays; a record of what
    went stays in the chain. Refused where `audit verify` finds anything."""
    from syncd.app import utc_now
    from syncd.cli.output import show_text
    from syncd.errors import EXIT_DONE
    from syncd.render.lines import counted

    now = utc_now()
    try:
        moment = read_moment(before, now=now)
    except ValueError as error:
        raise typer.BadParameter(f"{before!r} is no time; {error}", param_hint="--before") from None
    if moment > now - YOUNGEST:
        raise typer.BadParameter("records of the last 30 days stay", param_hint="--before")
    this = invocation(context)
    with this.store(this.settings()) as store:
        _refuse_flaws(store)
        stub = store.records.prunable(moment)
        if stub.through == 0:
            show_text(
                "there is nothing to prune: no record is so old, but for what belongs to a change that is younger or open"
            )
            return EXIT_DONE
        _write(to, store, through=stub.through)
        gone = store.records.prune(stub, now=now)
    show_text(f"{to}: {counted(gone, 'record', 'records')}, to record {stub.through} with the hash {stub.hash}")
    return EXIT_DONE


def _refuse_flaws(store: Stores) -> None:
    from syncd.errors import StoreError

    if flaws := store.records.verify().flaws:
        raise StoreError(f"nothing was pruned, for that would take away evidence: {flaws[0]} (syncd audit verify)")


def _write(file: Path, store: Stores, *, through: int) -> None:
    from syncd.errors import SnapshotInvalid

    try:
        with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as out:
            for seq, line in store.records.lines():
                if seq > through:
                    break
                out.write(f"{line}\n")
            out.flush()
            os.fsync(out.fileno())
    except OSError as error:
        raise SnapshotInvalid(f"{file}: it cannot be written: {error.strerror or error}") from error
