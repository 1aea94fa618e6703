"""`syncd audit verify`: prove that nothing in the journal was edited, removed, inserted or moved."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, TextIO

import typer

from syncd.cli.invocation import invocation
from syncd.cli.output import Output

if TYPE_CHECKING:
    from syncd.model.chain import ChainVerdict, Flaw, Signed
    from syncd.model.checkpoints import Checkpoint
    from syncd.render.lines import Line

LARGEST_KEY: Final = 64 * 1024
LONGEST_LINE: Final = 64 * 1024 * 1024
"""Characters: no record is so long, and a file without line ends is not read into memory whole."""
_File = Annotated[
    Path | None,
    typer.Argument(metavar="[FILE]", help="What `syncd audit export` wrote; without it the database is looked at."),
]


def verify(
    context: typer.Context,
    file: _File = None,
    checkpoints: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Checkpoints, one a line, as `[checkpoints]` puts them out; with --public-key."
        ),
    ] = None,
    public_key: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The public key of those who signed the checkpoints, as PEM.")
    ] = None,
    output: Annotated[Output, typer.Option("--output", "-o", help="Who is to read it.")] = Output.TEXT,
) -> int:
    """Follow the chain of the journal's records from the first to the last, and hold the journal against them. Asks nobody,
    and with FILE needs neither configuration nor database. Exit code 1 where anything was edited, removed, inserted or moved."""
    from syncd.cli.output import show, show_json
    from syncd.errors import EXIT_DONE, EXIT_FAILED

    if (checkpoints is None) != (public_key is None):
        raise typer.BadParameter("--checkpoints and --public-key go together", param_hint="--checkpoints")
    signed, unsigned = _signed(checkpoints, public_key) if checkpoints and public_key else ({}, [])
    verdict = _in_file(file, signed) if file else _in_database(context, signed)
    verdict.add(unsigned)
    if output is Output.JSON:
        show_json(_plain(verdict))
    else:
        show(list(_lines(verdict, len(signed) if checkpoints else None)))
    return EXIT_FAILED if verdict.wrong else EXIT_DONE


def _in_database(context: typer.Context, signed: Signed) -> ChainVerdict:
    this = invocation(context)
    with this.store(this.settings()) as store:
        return store.records.verify(signed)


def _in_file(file: Path, signed: Signed) -> ChainVerdict:
    from syncd.model.chain import verdict_on

    with _opened(file) as lines:
        return verdict_on(_each_line(file, lines), signed)


def _each_line(file: Path, lines: TextIO) -> Iterator[str]:
    from syncd.errors import SnapshotInvalid

    while line := lines.readline(LONGEST_LINE):
        if len(line) == LONGEST_LINE:
            raise SnapshotInvalid(f"{file}: it has a line of more than {LONGEST_LINE // 2**20} MiB, so it is no export")
        yield line.removesuffix("\n")


@contextmanager
def _opened(file: Path) -> Iterator[TextIO]:
    from syncd.errors import SnapshotInvalid

    try:
        with file.open(encoding="utf-8", errors="surrogateescape", newline="\n") as lines:
            yield lines
    except OSError as error:
        raise SnapshotInvalid(f"{file}: it cannot be read: {error.strerror or error}") from error


def _signed(file: Path, public_key: Path) -> tuple[dict[int, Checkpoint], list[Flaw]]:
    """Read checkpoints, and say of each line that it is none, or is not signed with this key."""
    from syncd.errors import SnapshotInvalid
    from syncd.model.chain import Flaw
    from syncd.model.checkpoints import read_checkpoint
    from syncd.notify.signing import KeyUnusable, PublicKey

    with _opened(public_key) as text:
        try:
            key = PublicKey(text.read(LARGEST_KEY))
        except (KeyUnusable, UnicodeError) as error:
            raise SnapshotInvalid(f"{public_key}: {error}") from error
    signed: dict[int, Checkpoint] = {}
    flaws = []
    with _opened(file) as lines:
        for number, line in enumerate(_each_line(file, lines), start=1):
            try:
                found = read_checkpoint(line)
            except (ValueError, TypeError, RecursionError):
                flaws.append(Flaw(0, f"{file}:{number}: this is no checkpoint"))
                continue
            if not key.has_signed(found):
                flaws.append(Flaw(0, f"{file}:{number}: this checkpoint is not signed with the key {key.id}"))
            elif signed.setdefault(found.seq, found).hash != found.hash:
                flaws.append(
                    Flaw(found.seq, f"{file}:{number}: another checkpoint signed another record of this number")
                )
    if not signed and not flaws:
        raise SnapshotInvalid(f"{file}: there is no checkpoint in it to hold anything against")
    return signed, flaws


def _lines(verdict: ChainVerdict, signed: int | None) -> Iterator[Line]:
    from syncd.render.lines import Line, Style, counted, safe

    yield from (Line(safe(str(flaw)), Style.FAIL) for flaw in verdict.flaws)
    if verdict.wrong > len(verdict.flaws):
        yield Line(f"and {verdict.wrong - len(verdict.flaws):,} more", Style.FAIL)
    if verdict.pruned:
        yield Line(
            f"records 1 to {verdict.pruned} were pruned, as a record of the chain says: are they where they should be?"
        )
    read = counted(verdict.count, "record", "records")
    end = f", to record {verdict.last} with the hash {verdict.hash}" if verdict.count else ""
    if verdict.wrong:
        yield Line(f"{read} read{end}: what was written is not what stands there (docs/evidence.md)", Style.FAIL)
    else:
        held = "" if signed is None else f", and it is what {counted(signed, 'checkpoint', 'checkpoints')} signed"
        yield Line(f"{read} read{end}: none was edited, removed, inserted or moved{held}")


def _plain(verdict: ChainVerdict) -> dict[str, object]:
    flaws = [{"record": flaw.seq or None, "what": flaw.what} for flaw in verdict.flaws]
    return {
        "records": verdict.count,
        "last": verdict.last,
        "hash": verdict.hash,
        "pruned": verdict.pruned,
        "flaws": flaws,
        "wrong": verdict.wrong,
    }
