"""`syncd audit export`: give the journal's records away, line by line, to be kept, searched and verified elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from enum import StrEnum
from pathlib import Path
from time import sleep
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from syncd.cli.audit_syslog import Rows, SyslogDelivery, receiver_at
from syncd.cli.invocation import invocation
from syncd.cli.options import LARGEST_NUMBER

if TYPE_CHECKING:
    from syncd.notify.syslog import SyslogReceiver
    from syncd.store import Stores

LOOK_S: Final = 1.0
"""So often it is looked whether there is something new."""
_LARGEST: Final = 64


class ExportForm(StrEnum):
    """Which lines are written."""

    RECORDS = "records"
    OCSF = "ocsf"
    ECS = "ecs"


_Ca = Annotated[
    Path | None,
    typer.Option("--ca", metavar="FILE", help="With --to: the authorities to trust, in place of the usual."),
]
_ClientCert = Annotated[
    Path | None, typer.Option("--client-cert", metavar="FILE", help="With --to: who we are, where the server asks.")
]
_ClientKey = Annotated[
    Path | None, typer.Option("--client-key", metavar="FILE", help="The key of --client-cert, if in a file of its own.")
]


def export(
    context: typer.Context,
    form: Annotated[
        ExportForm,
        typer.Option("--as", help="As they were hashed, or for a SIEM: OCSF 1.3 events, or Elastic Common Schema."),
    ] = ExportForm.RECORDS,
    after: Annotated[
        int, typer.Option(metavar="RECORD", min=0, max=LARGEST_NUMBER, help="Only records with a higher number.")
    ] = 0,
    cursor: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Go on where this file says, and keep there how far it came."),
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", help="Go on with what is new, until interrupted.")] = False,
    to: Annotated[
        str | None,
        typer.Option("--to", metavar="URL", help="Send them to a syslog server: syslog+tls://logs.example.com:6514"),
    ] = None,
    ca: _Ca = None,
    client_cert: _ClientCert = None,
    client_key: _ClientKey = None,
) -> int:
    """Write the journal's records to standard output, one JSON line each, as they were hashed: `syncd audit verify FILE` follows
    them, and so can anybody (docs/evidence.md). A record is written once more rather than not at all."""
    from syncd.errors import EXIT_DONE

    if to is None and (ca or client_cert or client_key):
        raise typer.BadParameter("certificates are for a syslog server; name that with --to", param_hint="--ca")
    sending = _sending(form, receiver_at(to, ca, client_cert, client_key), follow=follow) if to is not None else None
    this = invocation(context)
    start = max(after, _read(cursor) if cursor else 0)
    with this.store(this.settings()) as store:
        for last, rows in _pages(store, form, after=start, follow=follow):
            for seq in sending.taken(last, rows) if sending else _written(last, rows):
                if cursor:
                    _write(cursor, seq)
    if sending:
        sys.stdout.write(f"{sending}\n")
    return EXIT_DONE


def _sending(form: ExportForm, receiver: SyslogReceiver, *, follow: bool) -> SyslogDelivery:
    return SyslogDelivery(receiver, facts_in=_FACTS_IN[form], again=follow, told=_say)


def _say(text: str) -> None:
    from syncd.cli.output import show_error

    show_error(text)
    sys.stderr.flush()  # who follows may go on for days


def _written(last: int, rows: Rows) -> Iterator[int]:
    sys.stdout.writelines(f"{line}\n" for _, line in rows)
    sys.stdout.flush()
    yield last


def _pages(store: Stores, form: ExportForm, *, after: int, follow: bool) -> Iterator[tuple[int, Rows]]:
    """Give the lines of some records at a time, each with its record's number, after the number of the last; they end once there
    are no more, or never."""
    told = TOLD[form]
    while True:
        while (page := told(store, after))[0] > after:
            after = page[0]
            yield page
        if not follow:
            return
        sleep(LOOK_S)


def _as_hashed(store: Stores, after: int) -> tuple[int, Rows]:
    page = store.records.page(after=after)
    return (page[-1][0] if page else after), page


def _as_ocsf(store: Stores, after: int) -> tuple[int, Rows]:
    from syncd.render.ocsf import ocsf_lines

    told = store.records.told(after=after)
    return (told[-1].seq if told else after), [(each.seq, line) for each in told for line in ocsf_lines(each)]


def _as_ecs(store: Stores, after: int) -> tuple[int, Rows]:
    from syncd.render.ecs import ecs_line

    told = store.records.told(after=after)
    return (told[-1].seq if told else after), [(each.seq, ecs_line(each)) for each in told]


TOLD: Final[dict[ExportForm, Callable[[Stores, int], tuple[int, Rows]]]] = {
    ExportForm.RECORDS: _as_hashed,
    ExportForm.OCSF: _as_ocsf,
    ExportForm.ECS: _as_ecs,
}
_FACTS_IN: Final = {ExportForm.RECORDS: "", ExportForm.OCSF: "unmapped", ExportForm.ECS: "syncd"}


def _read(cursor: Path) -> int:
    """Give the number of the last record that was written; 0 where there is no such file yet."""
    from syncd.errors import SnapshotInvalid
    from syncd.files import read_file

    try:
        text = read_file(cursor, largest=_LARGEST).decode("ascii").strip()
    except FileNotFoundError:
        return 0
    except (OSError, ValueError) as error:
        why: Any = getattr(error, "strerror", None) or "it is no cursor"
        raise SnapshotInvalid(f"{cursor}: it cannot be read: {why}") from error
    if not text.isdigit() or int(text) > LARGEST_NUMBER:
        raise SnapshotInvalid(f"{cursor}: this is no number of a record, so it is no cursor; delete it to begin anew")
    return int(text)


def _write(cursor: Path, seq: int) -> None:
    from syncd.errors import SnapshotInvalid
    from syncd.files import write_file

    try:
        write_file(cursor, f"{seq}\n".encode("ascii"))
    except OSError as error:
        raise SnapshotInvalid(f"{cursor}: it cannot be written: {error.strerror or error}") from error
