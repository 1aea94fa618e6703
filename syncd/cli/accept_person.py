"""`syncd accept-person`: say that accounts of several sources are one person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from syncd.cli.invocation import invocation

if TYPE_CHECKING:
    from syncd.config import Settings
    from syncd.model import Directory, Identity
    from syncd.ports import Readings


def accept_person(
    context: typer.Context,
    accounts: Annotated[
        list[str] | None,
        typer.Argument(metavar="SOURCE:ACCOUNT", help="The accounts, by id or login, as the plan names them."),
    ] = None,
    everybody: Annotated[
        bool, typer.Option("--all", help="All that the plan asks about, after you have looked at them.")
    ] = False,
) -> int:
    """Say that these accounts of several sources are one person, whose e-mail (or other key) was not the same before."""
    from syncd import app
    from syncd.cli.output import show_text
    from syncd.directory.persons import name_of
    from syncd.errors import EXIT_DONE
    from syncd.model import KnownPersons, Person

    this = invocation(context)
    settings = this.settings()
    with this.store(settings) as store:
        waiting = _last_directory(store.readings, settings).waiting
        chosen = waiting if everybody else (_the_one(waiting, accounts or []),)
        known = {(i.source, i.id): name_of(Person(these)) for these in chosen for i in these}
        for these in chosen:
            accounts_of = sorted(f"{i.source}:{i.id}" for i in these)
            store.records.accepted("person", {"accounts": accounts_of}, now=app.utc_now())
        store.readings.remember_persons(KnownPersons(known), settings.joining.key, now=app.utc_now())
    for these in chosen:
        show_text(f"{' and '.join(f'{i} (id {i.id})' for i in these)} are one person from now on")
    show_text("see what that changes with: syncd plan" if chosen else "no accounts wait to be known as one person")
    return EXIT_DONE


def _last_directory(readings: Readings, settings: Settings) -> Directory:
    """Join what was read last, as the next pass will."""
    from syncd.directory.join import join

    saved = [readings.last_snapshot(source.name) for source in settings.sources]
    fresh = {snapshot.source: snapshot for snapshot in saved if snapshot is not None}
    return join(fresh, fresh, {}, joining=settings.joining, known=readings.known_persons(settings.joining.key))


def _the_one(waiting: tuple[tuple[Identity, ...], ...], accounts: list[str]) -> tuple[Identity, ...]:
    """Find the accounts that wait for just this word.

    Raises:
        ConfigInvalid: none do; with those that do.
    """
    from syncd.errors import ConfigInvalid, Problem

    for these in waiting:
        if len(these) == len(set(accounts)) and all(set(accounts) & _names(i) for i in these):
            return these
    there = "; ".join(" ".join(f"{i.source}:{i.id}" for i in these) for these in waiting[:10])
    hint = f"these do: {there}" if there else "none do; run: syncd plan"
    what = " ".join(accounts) or "no accounts given, and none chosen with --all"
    raise ConfigInvalid(
        [Problem("accept-person", 0, 0, f"{what}: no such accounts wait to be known as one person; {hint}")]
    )


def _names(identity: Identity) -> set[str]:
    return {f"{identity.source}:{identity.id}", f"{identity.source}:{identity.login}"}
