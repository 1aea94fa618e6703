"""`syncd audit verify`: prove that nothing in the journal was edited, removed, inserted or moved."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from syncd.cli.invocation import invocation
from syncd.cli.output import Output

if TYPE_CHECKING:
    from syncd.model.chain import ChainVerdict
    from syncd.render.lines import Line

_File = Annotated[
    Path | None,
    typer.Argument(metavar="[FILE]", help="What `syncd audit export` wrote; without it the database is looked at."),
]


def verify(
    context: typer.Context,
    file: _File = None,
    output: Annotated[Output, typer.Option("--output", "-o", help="Who is to read it.")] = Output.TEXT,
) -> int:
    """Follow the chain of the journal's records from the first to the last, and hold the journal against them. Asks nobody,
    and with FILE needs neither configuration nor database. Exit code 1 where anything was edited, removed, inserted or moved."""
    from syncd.cli.output import show, show_json
    from syncd.errors import EXIT_DONE, EXIT_FAILED

    verdict = _in_file(file) if file else _in_database(context)
    if output is Output.JSON:
        show_json(_plain(verdict))
    else:
        show(list(_lines(verdict)))
    return EXIT_FAILED if verdict.wrong else EXIT_DONE


def _in_database(context: typer.Context) -> ChainVerdict:
    this = invocation(context)
    with this.store(this.settings()) as store:
        return store.records.verify()


def _in_file(file: Path) -> ChainVerdict:
    from syncd.errors import SnapshotInvalid
    from syncd.model.chain import verdict_on

    try:
        with file.open(encoding="utf-8", errors="surrogateescape", newline="\n") as lines:
            return verdict_on(line.removesuffix("\n") for line in lines)
    except OSError as error:
        raise SnapshotInvalid(f"{file}: it cannot be read: {error.strerror or error}") from error


def _lines(verdict: ChainVerdict) -> Iterator[Line]:
    from syncd.render.lines import Line, Style, counted, safe

    yield from (Line(safe(str(flaw)), Style.FAIL) for flaw in verdict.flaws)
    if verdict.wrong > len(verdict.flaws):
        yield Line(f"and {verdict.wrong - len(verdict.flaws):,} more", Style.FAIL)
    read = counted(verdict.count, "record", "records")
    end = f", to record {verdict.last} with the hash {verdict.hash}" if verdict.count else ""
    if verdict.wrong:
        yield Line(f"{read} read{end}: what was written is not what stands there (docs/evidence.md)", Style.FAIL)
    else:
        yield Line(f"{read} read{end}: none was edited, removed, inserted or moved")


def _plain(verdict: ChainVerdict) -> dict[str, object]:
    flaws = [{"record": flaw.seq or None, "what": flaw.what} for flaw in verdict.flaws]
    return {
        "records": verdict.count,
        "last": verdict.last,
        "hash": verdict.hash,
        "flaws": flaws,
        "wrong": verdict.wrong,
    }
