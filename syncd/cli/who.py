"""`syncd who`: who has a role, or may do something with a DAG, and in which ways."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from syncd.cli.complete import COMPLETE_DAG, COMPLETE_ROLE
from syncd.cli.invocation import Invocation, invocation
from syncd.cli.options import Can, Deployments, Snapshot, level_of
from syncd.cli.output import AuditOutput, show, show_error, show_json

if TYPE_CHECKING:
    from syncd.access.ways import Way
    from syncd.cli.known import Answering
    from syncd.model import Level

_Dag = Annotated[
    str | None,
    typer.Option("--dag", metavar="ID", help="Who may do something with this DAG.", autocompletion=COMPLETE_DAG),
]
_Role = Annotated[
    str | None,
    typer.Option("--role", "-r", metavar="ROLE", help="Who has this role.", autocompletion=COMPLETE_ROLE),
]
_At = Annotated[
    str | None,
    typer.Option(
        metavar="WHEN", help="With --role: who had it from syncd then: 2026-03-31, 2026-03-31T09:30 (UTC), or 7d ago."
    ),
]
_Format = Annotated[AuditOutput, typer.Option("--output", "-o", help="Who is to read it.")]


def who(
    context: typer.Context,
    dag: _Dag = None,
    role: _Role = None,
    can: Can = None,
    deployment: Deployments = None,
    at: _At = None,
    snapshot: Snapshot = None,
    output: _Format = AuditOutput.TEXT,
) -> int:
    """Show who has a role, or may do something with a DAG, and every way in which they do; also what is not by syncd.

    It is as the sources said it and the deployments were seen last; nobody is asked."""
    from syncd.cli.past import who_had

    this = invocation(context)
    if can is not None and dag is None:
        raise typer.BadParameter("it is about a DAG; add --dag", param_hint="--can")
    if dag is None and role is None:
        raise typer.BadParameter("say about what: --dag or --role", param_hint="--dag / --role")
    if at is not None:
        return who_had(this, at, role=role, dag=dag, deployments=deployment or (), snapshot=snapshot, output=output)
    return _who_has(this, dag or "", role or "", level_of(can), deployment or [], snapshot=snapshot, output=output)


def _who_has(
    this: Invocation,
    dag: str,
    role: str,
    can: Level | None,
    deployments: list[str],
    *,
    snapshot: Path | None,
    output: AuditOutput,
) -> int:
    from syncd.access.told_who import who_lines
    from syncd.cli.known import age_lines, answering, unknown
    from syncd.cli.rows import write_rows
    from syncd.errors import EXIT_DONE, EXIT_INVALID, EXIT_NO_ANSWER

    with answering(this, deployments=deployments, snapshot=snapshot, dag="" if role else dag) as of:
        if problem := unknown(of, dag=dag, role=role):
            show_error(problem)
            return EXIT_INVALID if of.is_whole else EXIT_NO_ANSWER
        found = list(_ways(of, dag, role, can))
        match output:
            case AuditOutput.TEXT:
                asked = f"who {' and '.join(_asked(can, dag, role))}"
                show([*who_lines(asked, found, whole=this.verbose), *age_lines(of)])
            case AuditOutput.JSON:
                show_json(_json(of, found))
            case _:
                from syncd.access.told_who import COLUMNS, who_rows

                rows = ({k: v for k, v in row.items() if k != "reasons"} for row in who_rows(found))
                write_rows(rows, output=output, head=COLUMNS)
    return EXIT_DONE if of.is_whole else EXIT_NO_ANSWER


def _asked(can: Level | None, dag: str, role: str) -> Iterator[str]:
    if dag:
        yield f"can {can.value} {dag}" if can else f"may do something on {dag}"
    if role:
        yield f"has {role}"


def _ways(of: Answering, dag: str, role: str, can: Level | None) -> Iterator[Way]:
    from syncd.access.ways import ways

    for known in of.deployments:
        if known.seen is None or (dag and dag not in {one.id for one in known.seen.dags}):
            continue
        yield from ways(of.stand(known), role=role, dag=dag, level=can)


def _json(of: Answering, found: list[Way]) -> dict[str, object]:
    from syncd.access.told_who import counts_of, who_rows
    from syncd.cli.known import ages

    return {"version": 1, "counts": counts_of(found), "ways": list(who_rows(found)), **ages(of)}
