"""`syncd check`: read everything that people write, and say what is wrong with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from syncd.cli.invocation import invocation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from syncd.config import Settings


def check(context: typer.Context) -> int:
    """Check the configuration, the mapping files and the file sources. Asks no server anything."""
    from syncd.cli.output import show_error, show_text
    from syncd.errors import EXIT_DONE, EXIT_INVALID

    settings = invocation(context).settings()
    mistakes = list(_mistakes(settings))
    if mistakes:
        show_error("\n".join(mistakes))
        return EXIT_INVALID
    show_text(_all_well(settings))
    return EXIT_DONE


def _mistakes(settings: Settings) -> Iterator[str]:
    from syncd import app
    from syncd.config import FileSourceSettings
    from syncd.errors import InvalidInput, SourceUnavailable
    from syncd.sources.file import FileSource

    try:
        app.read_rules(settings)
    except InvalidInput as error:
        yield str(error)
    for source in settings.sources:
        if not isinstance(source, FileSourceSettings):
            continue  # `doctor` asks those
        try:
            FileSource(source.name, source.directory, now=app.utc_now).read()
        except SourceUnavailable as error:
            yield str(error)


def _all_well(settings: Settings) -> str:
    from syncd import app
    from syncd.plan.render import counted

    rules = app.read_rules(settings)
    enforced = sum(deployment.enforce for deployment in settings.deployments)
    deployments = counted(len(settings.deployments), "deployment", "deployments")
    sources = counted(len(settings.sources), "source", "sources")
    roles = counted(len(rules.roles), "role", "roles")
    bindings = counted(len(rules.bindings), "binding", "bindings")
    return f"ok: {deployments} ({enforced} enforced), {sources}; {roles} and {bindings} in the mapping"
