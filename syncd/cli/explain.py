"""`syncd explain`: what one person may do, and why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from syncd.cli.complete import COMPLETE_DAG, COMPLETE_PERSON, COMPLETE_ROLE
from syncd.cli.explained import NOTHING_THERE, Explained, Told, deployment_lines, person_lines
from syncd.cli.invocation import Invocation, invocation
from syncd.cli.options import Can, Deployments, Snapshot, level_of
from syncd.cli.output import AuditOutput, Output, show, show_error, show_json

if TYPE_CHECKING:
    from syncd.access.standing import Standing
    from syncd.cli.known import Answering
    from syncd.mapping.not_now import Later
    from syncd.model import PersonKey
    from syncd.render.lines import Line

_User = Annotated[
    str,
    typer.Argument(
        metavar="USER",
        autocompletion=COMPLETE_PERSON,
        help="Account name, e-mail, or login or id at a source.",
    ),
]
_Dag = Annotated[
    str | None,
    typer.Option("--dag", metavar="ID", help="Only what is about this DAG.", autocompletion=COMPLETE_DAG),
]
_WhyNot = Annotated[
    bool,
    typer.Option("--why-not", help="Show the smallest changes that would give it: --role, or --dag and --can."),
]
_Role = Annotated[
    str | None,
    typer.Option("--role", "-r", metavar="ROLE", help="With --why-not: this role.", autocompletion=COMPLETE_ROLE),
]
_Fresh = Annotated[
    bool,
    typer.Option("--fresh", help="Ask the sources and the deployments now, in place of what was seen last."),
]
_At = Annotated[
    str | None,
    typer.Option(metavar="WHEN", help="What they had from syncd then: 2026-03-31, 2026-03-31T09:30 (UTC), 7d."),
]
_Format = Annotated[Output, typer.Option("--output", "-o", help="Who is to read it.")]


def explain(
    context: typer.Context,
    user: _User,
    deployment: Deployments = None,
    dag: _Dag = None,
    why_not: _WhyNot = False,
    can: Can = None,
    role: _Role = None,
    fresh: _Fresh = False,
    at: _At = None,
    snapshot: Snapshot = None,
    output: _Format = Output.TEXT,
) -> int:
    """Show what a person has and why, what is missing, and what is not by syncd.

    It is as the sources said it and the deployments were seen last; nobody is asked, unless with --fresh."""
    from syncd.cli.explain_fresh import explain_fresh
    from syncd.cli.past import who_had
    from syncd.cli.why_not import Withheld, explain_why_not
    from syncd.orders import check
    from syncd.targets import unreachable

    this = invocation(context)
    check(frozenset({user}), unreachable=unreachable)
    if fresh and (why_not or dag or at or snapshot or output is not Output.TEXT):
        raise typer.BadParameter("it shows all of a person, as text; leave the other options out", param_hint="--fresh")
    if (can or role) and not why_not:
        raise typer.BadParameter("it says what --why-not is about; add that", param_hint="--can / --role")
    only = deployment or []
    if fresh:
        return explain_fresh(this, user, only)
    if at is not None:
        rows = AuditOutput.TEXT if output is Output.TEXT else AuditOutput.JSON
        return who_had(this, at, user=user, dag=dag, deployments=only, snapshot=snapshot, output=rows)
    if why_not:
        asked = Withheld(user, role or "", dag or "", level_of(can))
        return explain_why_not(this, asked, only, snapshot=snapshot, output=output)
    return _explain(this, user, dag or "", only, snapshot=snapshot, output=output)


def _explain(
    this: Invocation, user: str, dag: str, deployments: list[str], *, snapshot: Path | None, output: Output
) -> int:
    from syncd.access.known import called
    from syncd.cli.known import age_lines, answering, nobody, unknown
    from syncd.errors import EXIT_DONE, EXIT_INVALID, EXIT_NO_ANSWER

    with answering(this, deployments=deployments, snapshot=snapshot) as of:
        if problem := unknown(of, dag=dag):
            show_error(problem)
            return EXIT_INVALID if of.is_whole else EXIT_NO_ANSWER
        who = called(of.view, user)
        stood = [of.stand(known, about=who, named=[user]) for known in of.deployments]
        if not who and not any(one.accounts for one in stood):
            show_error(f"{nobody(of, user)}, and no deployment has an account of that name")
            return EXIT_INVALID if of.is_whole else EXIT_NO_ANSWER
        people = [of.view.directory.identities[one] for one in who]
        if output is Output.JSON:
            show_json(_json(of, user, stood, dag))
        else:
            lines = [*person_lines(user, people, {}), *_lines(of, stood, dag, about=who, program=this.program)]
            show([*lines, *age_lines(of, anew="--fresh and `syncd plan` look anew")])
        return EXIT_DONE if of.is_whole else EXIT_NO_ANSWER


def _lines(
    of: Answering, stood: list[Standing], dag: str, *, about: Sequence[PersonKey], program: str
) -> Iterator[Line]:
    from syncd.mapping.expanded import expanded

    for one in stood:
        told = Told(one.owned.grants, of.held(one.name))
        gives = _OnDag(one, dag) if dag else lambda _account, _role: ""
        later = _later(of, one, about)
        meant = expanded(of.rules, of.view.directory, one.known.deployment, dags=one.known.dags(of.now))
        explained = Explained(
            one.name,
            one.desired,
            one.observed,
            one.plan,
            told,
            one.accounts,
            gives,
            meant.rules,
            later=later,
            rejected=one.rejected,
        )
        yield from deployment_lines(explained, program=program)


def _later(of: Answering, one: Standing, about: Sequence[PersonKey]) -> Later:
    """Say what lines give a person on a deployment at other hours than now."""
    from syncd.mapping.not_now import given_at_other_hours

    view, deployment = of.view.looked_for(of.rules.bindings), one.known.deployment
    found = given_at_other_hours(of.rules, view.directory, deployment, dags=one.known.dags(of.now), now=of.now)
    names = one.accounts | view.names_of(view.closed(about, deployment), deployment) if found else frozenset()
    return {account: roles for account, roles in found.items() if account in names}


class _OnDag:
    """Says what a role of an account gives on a DAG, the highest level, and by which permissions."""

    def __init__(self, this: Standing, dag: str) -> None:
        from syncd.access.ways import ways
        from syncd.model import key

        self._this, self._dag = this, dag
        found = ways(this, dag=dag, among=this.accounts)
        self._ways = {(key(way.account.username), way.role): way for way in found if way.account is not None}

    def __call__(self, account: str, role: str) -> str:
        way = self._ways.get((account, role))
        if way is None:
            return NOTHING_THERE
        level = way.level.value if way.level else "no level"
        return f"{level} on {self._dag}: {', '.join(self._this.permissions(role, self._dag))}"


def _json(of: Answering, user: str, stood: list[Standing], dag: str) -> dict[str, object]:
    from syncd.access.told_who import who_rows
    from syncd.access.ways import ways
    from syncd.cli.known import ages

    found = [
        {**row, "permissions": list(one.permissions(str(row["role"]), dag)) if dag else None}
        for one in stood
        for row in who_rows(ways(one, dag=dag, among=one.accounts))
    ]
    return {"version": 1, "user": user, "dag": dag or None, "ways": found, **ages(of)}
