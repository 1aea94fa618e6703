"""What a daemon begins with: the files as they stand, or those that it used last where these cannot be used.

A process that is restarted in the minutes in which somebody writes a mistake into a file goes on as one that was not: leavers
lose their access, the alarm `config_invalid` is up, and `/readyz` says what is wrong.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from syncd import app
from syncd.config import database_of
from syncd.daemon.loaded import LoadedFiles, last_good_files, read_files
from syncd.errors import InvalidInput, SyncdError
from syncd.store import Stores


@contextmanager
def opened(config: Path) -> Iterator[tuple[LoadedFiles, Stores]]:
    """Give the files to begin with, and the database, which stays open for as long as the context lasts.

    Raises:
        InvalidInput: the files cannot be used, and there are none of an earlier start.
        StoreError: the database cannot be used.
    """
    try:
        files: LoadedFiles | InvalidInput = read_files(config)
    except InvalidInput as error:
        files = error
    if isinstance(files, LoadedFiles):
        with closing(app.open_store(files.settings)) as store:
            yield files, store
        return
    with closing(_store_of(config, files)) as store:
        found = last_good_files(store, config, str(files))
        if found is None:
            raise files
        yield found, store


def _store_of(config: Path, error: InvalidInput) -> Stores:
    """Open the database that a file names which cannot be used otherwise; one that is not there yet is not made."""
    database = database_of(config)
    if database is None or not database.is_there:
        raise error
    try:
        return app.open_database(database)
    except SyncdError:
        raise error from None
