"""`syncd explain --why-not`: what would give somebody what they do not have."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from syncd.cli.invocation import Invocation
from syncd.cli.output import Output, show, show_error, show_json
from syncd.render.lines import Line, Style, safe

if TYPE_CHECKING:
    from syncd.access.edits import Edit
    from syncd.access.known import KnownDeployment
    from syncd.cli.known import Answering
    from syncd.model import Level, PersonKey


@dataclass(frozen=True, slots=True)
class Withheld:
    """What somebody should have, as it was typed."""

    user: str
    role: str
    dag: str
    level: Level | None

    @property
    def words(self) -> str:
        return self.role or f"{self.level} on {self.dag}"


@dataclass(frozen=True, slots=True)
class WhyNot:
    """The answer for one deployment: whether it is given already, and else the smallest changes that would give it."""

    deployment: str
    is_given: bool
    changes: tuple[tuple[Edit, ...], ...]
    notes: tuple[str, ...] = ()


def explain_why_not(
    this: Invocation, asked: Withheld, deployments: list[str], *, snapshot: Path | None, output: Output
) -> int:
    """Show the smallest changes that would give it on each deployment."""
    from syncd.access.known import called
    from syncd.cli.known import age_lines, ages, answering, nobody, unknown
    from syncd.errors import EXIT_DONE, EXIT_INVALID, EXIT_NO_ANSWER

    if bool(asked.role) == bool(asked.dag) or bool(asked.dag) != bool(asked.level):
        raise typer.BadParameter("say what they should have: --role, or --dag and --can", param_hint="--why-not")
    with answering(this, deployments=deployments, snapshot=snapshot) as of:
        who = called(of.view, asked.user)
        if not who:
            show_error(f"{nobody(of, asked.user)}; they have to be in one before anything can be given")
            return EXIT_INVALID if of.is_whole else EXIT_NO_ANSWER
        if problem := unknown(of, dag=asked.dag, role=asked.role):
            show_error(problem)
            return EXIT_INVALID if of.is_whole else EXIT_NO_ANSWER
        found = [_answer(of, known, tuple(who), asked) for known in of.deployments if known.seen is not None]
        if output is Output.JSON:
            show_json({"version": 1, "user": asked.user, "deployments": list(map(_json, found)), **ages(of)})
        else:
            show([*(line for one in found for line in _lines(one, asked)), *age_lines(of)])
        return EXIT_DONE if of.is_whole else EXIT_NO_ANSWER


def _answer(of: Answering, known: KnownDeployment, who: tuple[PersonKey, ...], asked: Withheld) -> WhyNot:
    from syncd.access.edits import Ground
    from syncd.access.standing import compiled
    from syncd.access.why_not import Goal, Wish, is_given, why_not
    from syncd.mapping.expanded import expanded
    from syncd.model import Level

    view, deployment = of.view.looked_for(of.rules.bindings), known.deployment
    sizes = {where: len(members.members) for where, members in view.directory.groups.items()}
    wish = Wish(who, Goal(asked.role, asked.dag, asked.level or Level.VIEW), known, of.now, sizes)
    directory = view.narrowed(who, deployment) if view.is_certain_for(of.rules.bindings) else view.directory
    basis = Ground(expanded(of.rules, directory, deployment, dags=known.dags(of.now)).rules, directory)
    if is_given(wish, basis):
        return WhyNot(known.name, True, ())
    changes = tuple(why_not(wish, basis))
    notes = () if changes else compiled(of.rules, directory, known, now=of.now).notes
    return WhyNot(known.name, False, changes, tuple(note.text for note in notes if note.code in _STOPPERS))


_STOPPERS = frozenset({"user_protected", "username_unusable", "username_clash", "no_login_identity", "name_undecided"})
"""Notes that say why somebody gets nothing, whatever lines and groups say."""


def _lines(one: WhyNot, asked: Withheld) -> Iterator[Line]:
    name, words = safe(one.deployment), safe(asked.words)
    if one.is_given:
        yield Line(f"{name}: mapping lines give {words} (see syncd explain)", Style.GAIN)
        return
    if not one.changes:
        yield Line(f"{name}: no small change of groups and lines gives {words}", Style.WARN)
        yield from (Line(f"  {safe(note)}", Style.QUIET) for note in one.notes)
        return
    yield Line(f"{name}: no line gives {words}; any one of these would:", Style.HEADING)
    for number, edits in enumerate(one.changes, start=1):
        for n, edit in enumerate(edits):
            yield Line(f"  {f'{number}.' if n == 0 else '   and'} {safe(str(edit))}", Style.GAIN)


def _json(one: WhyNot) -> dict[str, object]:
    changes = [[_edit_json(edit) for edit in edits] for edits in one.changes]
    return {"deployment": one.deployment, "given": one.is_given, "changes": changes, "notes": list(one.notes)}


def _edit_json(edit: Edit) -> dict[str, object]:
    from syncd.render.json import plain

    return {"do": type(edit).__name__.removesuffix("Group").lower(), **plain(edit), "text": str(edit)}
