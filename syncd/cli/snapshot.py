"""`syncd snapshot export`: write what is known to a file that questions can be answered from elsewhere."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from syncd.cli.invocation import invocation
from syncd.cli.options import Deployments
from syncd.cli.output import show_text

if TYPE_CHECKING:
    from syncd.access.known import LastKnown
    from syncd.config import Settings
    from syncd.model import Rules

group = typer.Typer(rich_markup_mode=None, no_args_is_help=True)


@group.callback()
def snapshot() -> None:
    """Put what is known into a file for other machines."""


@group.command(short_help="Write what is known to a file, from which `diff`, `who` and `explain` answer.")
def export(
    context: typer.Context,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Where it is written; a file that is there is replaced.")
    ],
    deployment: Deployments = None,
    pseudonyms: Annotated[
        bool,
        typer.Option(
            "--pseudonyms",
            help="Write other words for all people, the same for the same person; domains of e-mail addresses stay.",
        ),
    ] = False,
) -> int:
    """Write what sources said and what was seen of deployments last to a file: `diff`, `who` and `explain` answer from it with
    `--snapshot FILE`. Asks nobody; there is no secret in it."""
    from syncd.app import utc_now
    from syncd.cli.invocation import chosen
    from syncd.cli.known import kept_in_store
    from syncd.errors import EXIT_DONE
    from syncd.files import shown
    from syncd.render.lines import counted
    from syncd.store.exported import export as packed

    this = invocation(context)
    with this.in_use() as (files, store):
        known = kept_in_store(files.settings, store, only=chosen(files.settings, deployment or ()))
    if pseudonyms:
        known = _pseudonymised(known, files.settings, files.rules)
    content = packed(known, at=utc_now())
    _write(file, content)
    people = sum(len(said.identities) for said in known.said.snapshots.values())
    seen = sum(1 for noted in known.noted.values() if noted.seen is not None)
    whom, where = counted(people, "person", "people"), counted(len(known.noted), "deployment", "deployments")
    show_text(f"{file}: {whom}, {seen:,} of {where}, {shown(len(content))}")
    return EXIT_DONE


def _pseudonymised(known: LastKnown, settings: Settings, rules: Rules) -> LastKnown:
    from syncd.access.pseudonyms import pseudonymised
    from syncd.directory.expand import expand
    from syncd.mapping.named import words_of

    lines = expand(rules, known.said.view(settings.joining).directory).rules.bindings
    deployments = [each.deployment for each in settings.deployments]
    return pseudonymised(known, deployments, secret=secrets.token_bytes(32), kept=words_of(lines))


def _write(file: Path, content: bytes) -> None:
    """Write for the owner alone, all of it or nothing."""
    from syncd.errors import SnapshotInvalid
    from syncd.files import write_file

    try:
        write_file(file, content)
    except OSError as error:
        raise SnapshotInvalid(f"{file}: it cannot be written: {error.strerror or error}") from error
