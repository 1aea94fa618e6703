"""One change in words, wherever it comes from: a plan, the journal, or the answer of a daemon."""

from __future__ import annotations

from collections.abc import Sequence

from syncd.model import Kind
from syncd.render.lines import FEW, Line, Style, few, number, safe
from syncd.render.view import ChangeView

_SIGNS = {Kind.CREATE: "+", Kind.UPDATE: "~", Kind.DELETE: "−"}


def change_text(view: ChangeView) -> str:
    """Say a change in one line, without its reasons."""
    parts = [f"{_SIGNS[view.kind]} {safe(view.name)}"]
    what = "account" if view.subject == "user" else "role"
    if view.kind is Kind.CREATE:
        parts.append(f"new {what}")
    elif view.kind is Kind.DELETE:
        parts.append(f"{what} is deleted")
    if view.finishes:
        parts.append("finishes a change that was cut off")
    say = _roles_of_user if view.subject == "user" else _permissions_of_role
    parts += say("+", view.granted)
    if view.kind is not Kind.DELETE or view.subject == "user":
        parts += say("−", view.revoked)
    return "  ".join(parts)


def reasons_text(view: ChangeView) -> str:
    """Say why, without repeating the one role that the change is about."""
    roles = (*view.granted, *view.revoked) if view.subject == "user" else ()
    return safe("; ".join(why.text if roles == (why.role,) else str(why) for why in view.why))


def _roles_of_user(sign: str, roles: Sequence[str]) -> list[str]:
    return [f"{sign} {safe(role)}" for role in roles]


def _permissions_of_role(sign: str, permissions: Sequence[str]) -> list[str]:
    """Say permissions by what they allow: each set of actions once, with the DAGs that have just this set."""
    actions: dict[str, list[str]] = {}
    general = []
    for permission in permissions:
        action, _, resource = permission.partition(" on ")
        kind, colon, dag = resource.partition(":")
        if colon and kind in ("DAG", "DAG Run"):
            word = action.removeprefix("can_")
            actions.setdefault(dag, []).append(word if kind == "DAG" else f"{word} runs")
        else:
            general.append(permission)
    dags: dict[tuple[str, ...], list[str]] = {}
    for dag, allowed in actions.items():
        dags.setdefault(tuple(sorted(allowed)), []).append(dag)
    said = [f"{sign} {', '.join(allowed)} on {_named(names, 'DAG')}" for allowed, names in sorted(dags.items())]
    said = (
        [*said[:FEW], f"{sign} more on {number(len(said) - FEW)} other sets of DAGs"] if len(said) > FEW + 1 else said
    )
    return [*said, *([f"{sign} {few(general)}"] if general else [])]


def _named(names: Sequence[str], what: str) -> str:
    return f"{what} {safe(names[0])}" if len(names) == 1 else f"{number(len(names))} {what}s ({few(names)})"


def change_line(view: ChangeView) -> Line:
    """Say a change in one line, with its reasons."""
    why = reasons_text(view)
    return Line(f"    {change_text(view)}{f'   because {why}' if why else ''}", _style(view))


def _style(view: ChangeView) -> Style:
    if view.loses:
        return Style.LOSS if not view.granted else Style.EDIT
    return Style.GAIN
