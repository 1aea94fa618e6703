"""What a plan does to people, in words and as plain values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from syncd.plan.on_people import Effects, OfRole, OnDags, Toll
from syncd.render.lines import FEW, Line, Style, counted, number, safe

_LOSE, _GAIN = ("loses", "lose"), ("gains", "gain")


def effect_lines(effects: Effects, *, depth: int = 2) -> Iterator[Line]:
    """Say who may do what no more on how many DAGs, and who may now, each with the roles through which."""
    for toll, verbs, style in ((effects.loses, _LOSE, Style.LOSS), (effects.gains, _GAIN, Style.GAIN)):
        for text in _texts(toll, verbs):
            yield Line(" " * depth + text, style)


def loss_text(effects: Effects) -> str:
    """Say in one line who may do what no more; empty where nobody loses anything on a DAG."""
    return "; ".join(_texts(effects.loses, _LOSE))


def _texts(toll: Toll, verbs: tuple[str, str]) -> Iterator[str]:
    for one in toll.on_dags:
        yield f"{_people(one.people, verbs)} {_what(one)} on {_where(one)} ({_through(one.roles)})"
    if toll.not_ours:
        yield f"{_people(toll.not_ours, verbs)} what another hand had given them"


def _people(count: int, verbs: tuple[str, str]) -> str:
    one, many = verbs
    return counted(count, f"person {one}", f"people {many}")


def _what(one: OnDags) -> str:
    return one.level.value if one.level else "other permissions"


def _where(one: OnDags) -> str:
    if one.everywhere:
        return "every DAG"
    return f"DAG {safe(one.dags[0])}" if len(one.dags) == 1 else f"{number(len(one.dags))} DAGs"


def _through(roles: Sequence[OfRole]) -> str:
    shown = ", ".join(f"{safe(one.role)}: {number(one.people)}" for one in roles[:FEW])
    more = counted(len(roles) - FEW, "more role", "more roles")
    return shown if len(roles) <= FEW else f"{shown} and {more}"


def effects_json(effects: Effects | None) -> dict[str, Any] | None:
    """Give all of it; null where it is not known."""
    if effects is None:
        return None
    return {"loses": _toll_json(effects.loses), "gains": _toll_json(effects.gains)}


def _toll_json(toll: Toll) -> dict[str, Any]:
    return {
        "people": toll.people,
        "not_ours": toll.not_ours,
        "roles": [{"role": one.role, "people": one.people, "not_ours": one.not_ours} for one in toll.roles],
        "on_dags": [_on_dags_json(one) for one in toll.on_dags],
    }


def _on_dags_json(one: OnDags) -> dict[str, Any]:
    return {
        "level": one.level.value if one.level else None,
        "people": one.people,
        "every_dag": one.everywhere,
        "count": len(one.dags),
        "dags": list(one.dags),
        "roles": [{"role": through.role, "people": through.people} for through in one.roles],
    }
