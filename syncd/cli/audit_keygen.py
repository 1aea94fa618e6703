"""`syncd audit keygen`: make a pair of keys for checkpoints."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def keygen(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="Where the private key is written, for its owner alone; nothing is replaced."
        ),
    ],
) -> int:
    """Make an Ed25519 key for `[checkpoints] key`: the private key goes to FILE, the public one, which is to be kept elsewhere,
    to standard output."""
    from syncd.cli.output import show_document
    from syncd.errors import EXIT_DONE
    from syncd.notify.signing import new_keys

    private, public = new_keys()
    _write_new(file, private)
    show_document(public)
    return EXIT_DONE


def _write_new(file: Path, content: str) -> None:
    import os

    from syncd.errors import SnapshotInvalid

    try:
        with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as out:
            out.write(content)
    except OSError as error:
        raise SnapshotInvalid(f"{file}: it cannot be written: {error.strerror or error}") from error
