"""`syncd accept-server`: say whether a deployment that has another address is still the same server."""

from __future__ import annotations

from typing import Annotated

import typer

from syncd.cli.complete import COMPLETE_DEPLOYMENT
from syncd.cli.invocation import chosen, invocation


def accept_server(
    context: typer.Context,
    deployment: Annotated[
        str,
        typer.Argument(
            metavar="DEPLOYMENT",
            autocompletion=COMPLETE_DEPLOYMENT,
            help="The deployment, as the configuration calls it.",
        ),
    ],
    leave: Annotated[
        bool, typer.Option("--leave", help="It is another server: what syncd gave at the old address stays there.")
    ] = False,
) -> int:
    """Say that a deployment whose address was changed is the same server: what was syncd's there before is so again."""
    from syncd import app
    from syncd.cli.output import show_text
    from syncd.errors import EXIT_DONE

    this = invocation(context)
    settings = this.settings()
    chosen(settings, [deployment])
    address = next(d.address for d in settings.deployments if d.deployment.name == deployment)
    with this.store(settings) as store:
        place = store.places.place(deployment, address)
        if not place.was:
            raise _refused(deployment, f"was at no other address than {address}, so there is nothing to say of it")
        facts = {"deployment": deployment, "address": address, "was": place.was, "left": leave}
        store.records.accepted("server", facts, now=app.utc_now())
        if place.facts != deployment:
            with store.leases.take(deployment):
                store.places.move(deployment, address, now=app.utc_now())
        if leave:
            store.places.leave_server(deployment)
        else:
            store.places.accept_server(deployment)
    then = (
        f"is another server at {address}: what syncd gave at {place.was} stays there as it is"
        if leave
        else f"is the same server at {address} as at {place.was}; see what that changes with: syncd plan -d {deployment}"
    )
    show_text(f"{deployment}: it {then}")
    return EXIT_DONE


def _refused(deployment: str, why: str) -> Exception:
    from syncd.errors import ConfigInvalid, Problem

    return ConfigInvalid([Problem("accept-server", 0, 0, f"{deployment} {why}")])
