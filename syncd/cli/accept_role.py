"""`syncd accept-role`: say whose a role is that seems to be one of syncd's under another name."""

from __future__ import annotations

from typing import Annotated

import typer

from syncd.cli.complete import COMPLETE_DEPLOYMENT
from syncd.cli.invocation import chosen, invocation


def accept_role(
    context: typer.Context,
    deployment: Annotated[
        str,
        typer.Argument(
            metavar="DEPLOYMENT",
            autocompletion=COMPLETE_DEPLOYMENT,
            help="The deployment, as the configuration calls it.",
        ),
    ],
    name: Annotated[str, typer.Argument(metavar="NEW", help="The name that the role has there now.")],
    leave: Annotated[bool, typer.Option("--leave", help="It is somebody else's: nobody loses it by syncd.")] = False,
) -> int:
    """Say that a role that was renamed by hand is syncd's: what syncd gave of it goes, and it goes once nobody holds it."""
    from syncd import app
    from syncd.cli.output import show_text
    from syncd.errors import EXIT_DONE, ConfigInvalid, Problem
    from syncd.model import Owned

    this = invocation(context)
    settings = this.settings()
    chosen(settings, [deployment])
    with this.store(settings) as store:
        renamed = store.memory.renamed_roles(deployment)
        if name not in renamed:
            names = ", ".join(sorted(renamed)) or "none"
            why = (
                f"no role of syncd's on {deployment} seems to be called {name} now; those that are: {names}. What only a plan "
                f"told of counts once it was applied there: syncd apply -d {deployment}"
            )
            raise ConfigInvalid([Problem("accept-role", 0, 0, why)])
        facts = {"deployment": deployment, "name": name, "was": renamed[name], "left": leave}
        store.records.accepted("role", facts, now=app.utc_now())
        if leave:
            store.holdings.disown_role(deployment, name)
        else:
            store.holdings.adopt(deployment, Owned(roles=frozenset({name})))
        store.memory.forget_renamed(deployment, (name,))
    then = (
        "is somebody else's: syncd leaves it alone, and takes it from nobody"
        if leave
        else f"is syncd's, as {renamed[name]} was; see what that changes with: syncd plan -d {deployment}"
    )
    show_text(f"{deployment}: the role {name} {then}")
    return EXIT_DONE
