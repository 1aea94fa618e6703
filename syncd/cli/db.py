"""`syncd db`: copy, examine and upgrade the database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from syncd.cli.invocation import invocation
from syncd.cli.options import Format
from syncd.cli.output import Output, show, show_json, show_text
from syncd.render.lines import Line, Style, safe

if TYPE_CHECKING:
    from syncd.config.settings import DatabaseSettings
    from syncd.store.engine import Database

group = typer.Typer(rich_markup_mode=None, no_args_is_help=True)


@group.callback()
def db() -> None:
    """Copy, examine and upgrade the database."""


@group.command(short_help="Write a copy of the database to a file, while others work with it.")
def backup(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where the copy is written; it must not be there yet.")],
) -> int:
    """Write a copy of the database to a file, while others work with it: SQLite by its own backup, PostgreSQL by pg_dump."""
    from syncd.errors import EXIT_DONE
    from syncd.files import shown
    from syncd.store.backup import backup as copied

    with _opened(context) as database:
        size = copied(database, file)
        how = "" if database.is_sqlite else "; it goes into an empty database by pg_restore"
        show_text(f"{file}: a copy of the {database.place}, {shown(size)}{how}")
    return EXIT_DONE


@group.command(short_help="Look whether the database is whole, and what it says holds together.")
def check(context: typer.Context, output: Format = Output.TEXT) -> int:
    """Look whether the database is whole: the file, the tables, what is kept, and what has to be true of the journal.
    Changes nothing."""
    from syncd.errors import EXIT_DONE, EXIT_FAILED
    from syncd.store.soundness import unsound

    with _opened(context) as database:
        found, place = unsound(database), database.place
    if output is Output.JSON:
        rows = [{"where": u.where, "what": u.what, "count": u.count, "places": list(u.places)} for u in found]
        show_json({"database": place.removeprefix("database "), "sound": not found, "found": rows})
    elif found:
        show([Line(f"FAIL  {safe(str(each))}", Style.FAIL) for each in found])
    else:
        show_text(f"ok    {place}: whole, and what it says holds together")
    return EXIT_FAILED if found else EXIT_DONE


@group.command(short_help="Bring the database to the tables of this syncd.")
def upgrade(context: typer.Context) -> int:
    """Bring the database to the tables of this syncd, as every command that writes does by itself. Make a copy before."""
    from syncd.errors import EXIT_DONE
    from syncd.store import migrations
    from syncd.store.schema import REVISION

    with _opened(context) as database:
        was = migrations.revision(database)
        migrations.upgrade(database)
        done = "nothing to do" if was == REVISION else f"from revision {was or 'none'}"
        show_text(f"{database.place}: at revision {REVISION}, {done}")
    return EXIT_DONE


@contextmanager
def _opened(context: typer.Context) -> Iterator[Database]:
    """Open the database as it is; one that is not there is not made."""
    from syncd.errors import StoreError
    from syncd.store.engine import Database

    settings = _settings(context)
    if not settings.is_there:
        raise StoreError(f"{settings.url.removeprefix('sqlite:///')}: there is no database")
    with closing(Database(settings.connect_url())) as database:
        yield database


def _settings(context: typer.Context) -> DatabaseSettings:
    """Read where the database is, also from a file that cannot be used otherwise: this is asked for when something is broken."""
    from syncd.config.load import database_of
    from syncd.errors import ConfigInvalid

    this = invocation(context)
    try:
        return this.settings().database
    except ConfigInvalid:
        found = database_of(this.config) if this.config.exists() else None
        if found is None:
            raise
        return found
