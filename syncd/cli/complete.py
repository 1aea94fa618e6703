"""Names for the shell: of deployments, roles, people and sources, as files and database have them. Nobody is asked over the
network, nothing is written, and whoever presses the key waits a moment at most and is shown no error."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, MutableMapping
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Final

import typer

if TYPE_CHECKING:
    from syncd.config import Settings
    from syncd.model import Snapshot

MOST_S: Final = 2.0
MOST: Final = 1_000
"""A shell that has more to choose from only asks whether it is to show them."""
Names = Callable[["Settings"], Iterable[str]]


def completer(names: Names) -> Callable[[typer.Context, str], list[str]]:
    """Make what typer asks for names that begin with what is typed."""

    def complete(context: typer.Context, incomplete: str) -> list[str]:
        config = context.find_root().params.get("config")
        return beginning(names, Path(str(config or "config.toml")), incomplete)

    return complete


def beginning(names: Names, config: Path, typed: str, *, within_s: float = MOST_S) -> list[str]:
    """Give the names that begin with what is typed, in any letter case, as far as they are found in time; sorted."""
    found: set[str] = set()
    looking = Thread(target=_look, args=(names, config, typed.casefold(), found), daemon=True)
    looking.start()
    looking.join(within_s)
    return sorted(found.copy())[:MOST]


def _look(names: Names, config: Path, typed: str, found: set[str]) -> None:
    with suppress(Exception):  # whatever it is, the command itself will say it
        from syncd.config import load

        for name in names(load(config)):
            if name.isprintable() and name.casefold().startswith(typed):
                found.add(name)


def deployments(settings: Settings) -> Iterator[str]:
    """Name the deployments."""
    yield from (each.deployment.name for each in settings.deployments)


def sources(settings: Settings) -> Iterator[str]:
    """Name the sources."""
    yield from (source.name for source in settings.sources)


def roles(settings: Settings) -> Iterator[str]:
    """Name the roles that a mapping file defines or binds."""
    from syncd.app import read_rules

    rules = read_rules(settings)
    yield from rules.roles
    yield from (role for rule in rules.bindings for role in rule.roles)


def groups(settings: Settings) -> Iterator[str]:
    """Name groups with their source, as the mapping and the last read have them."""
    from syncd.app import read_rules
    from syncd.model import EVERYONE

    yield from (f"{ref.source}:{ref.name}" for rule in read_rules(settings).bindings for ref in rule.groups if ref.name)
    for snapshot in _snapshots(settings):
        yield from (f"{snapshot.source}:{group.name}" for group in snapshot.groups if group.id != EVERYONE)


def people(settings: Settings) -> Iterator[str]:
    """Name people as the files and the last read have them: by login."""
    for snapshot in _snapshots(settings):
        yield from (person.login for person in snapshot.identities if person.login)


def _snapshots(settings: Settings) -> Iterator[Snapshot]:
    from syncd import app

    for source in settings.sources:
        if local := app.open_local(source):
            yield local.read()
    store = app.peek_store(settings)
    if store is None:
        return
    try:
        saved = [store.readings.last_snapshot(source.name) for source in settings.sources]
        yield from (snapshot for snapshot in saved if snapshot is not None)
    finally:
        store.close()


def said_whole(environment: MutableMapping[str, str]) -> None:
    """Say what a shell left out when it asks for names: bash tells its line, and the number of the word that is typed."""
    words = environment.setdefault("COMP_WORDS", "")
    number = environment.get("COMP_CWORD", "")
    if not (number.isascii() and number.isdigit()):
        environment["COMP_CWORD"] = str(max(0, len(words.split()) - 1))


def dags(settings: Settings) -> Iterator[str]:
    """Name the DAGs that deployments had when they were seen last."""
    from syncd import app

    store = app.peek_store(settings)
    if store is None:
        return
    try:
        for each in settings.deployments:
            yield from (dag.id for dag in store.looks.dags(each.deployment.name))
    finally:
        store.close()


COMPLETE_DEPLOYMENT: Final = completer(deployments)
COMPLETE_SOURCE: Final = completer(sources)
COMPLETE_ROLE: Final = completer(roles)
COMPLETE_GROUP: Final = completer(groups)
COMPLETE_PERSON: Final = completer(people)
COMPLETE_DAG: Final = completer(dags)
