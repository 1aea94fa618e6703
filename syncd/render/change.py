"""One change in words, wherever it comes from: a plan, the journal, or the answer of a daemon."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from syncd.model import Kind
from syncd.render.lines import FEW, Line, Style, few, number, safe
from syncd.render.view import ChangeView

_SIGNS = {Kind.CREATE: "+", Kind.UPDATE: "~", Kind.DELETE: "−"}


def sign(view: ChangeView) -> str:
    """Give the sign of a change: new, changed, gone."""
    return _SIGNS[view.kind]


def change_text(view: ChangeView) -> str:
    """Say a change in one line, without its reasons."""
    parts = [f"{sign(view)} {safe(view.name)}"]
    what = "account" if view.subject == "user" else "role"
    if view.kind is Kind.CREATE:
        parts.append(f"new {what}")
    elif view.kind is Kind.DELETE:
        parts.append(f"{what} is deleted")
    if view.finishes:
        parts.append("finishes a change that was cut off")
    if view.subject == "user":
        parts += [
            f"{sign} {safe(role)}" for sign, roles in (("+", view.granted), ("−", view.revoked)) for role in roles
        ]
    else:
        parts += _permissions("+", view.granted, view.on_dags)
        parts += _permissions("−", view.revoked, view.on_dags) if view.kind is not Kind.DELETE else []
    return "  ".join(parts)


def reasons_text(view: ChangeView) -> str:
    """Say why, without repeating the one role that the change is about."""
    roles = (*view.granted, *view.revoked) if view.subject == "user" else ()
    return safe("; ".join(why.text if roles == (why.role,) else str(why) for why in view.why))


def _permissions(sign: str, permissions: Sequence[str], on_dags: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Say permissions by what they allow: each set of actions once, with the DAGs that have just this set."""
    these = frozenset(permissions)
    dags: dict[tuple[str, ...], list[str]] = {}
    for dag, found in on_dags.items():
        if allowed := tuple(sorted(verb for permission, verb in found.items() if permission in these)):
            dags.setdefault(allowed, []).append(dag)
    known = {permission for found in on_dags.values() for permission in found}
    general = [permission for permission in permissions if permission not in known]
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
    return Line(f"    {change_text(view)}{f'   because {why}' if why else ''}", change_style(view))


def change_style(view: ChangeView) -> Style:
    """Say whether it is a gain, a loss, or some of both."""
    if view.loses:
        return Style.LOSS if not view.granted else Style.EDIT
    return Style.GAIN
