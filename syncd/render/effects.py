"""What a plan does to people, in words and as plain values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from syncd.plan.on_people import Effects, OnDags, Toll
from syncd.render.lines import FEW, Line, Style, counted, number, safe

_LOSE, _GAIN = ("loses", "lose"), ("gains", "gain")


@dataclass(frozen=True, slots=True)
class OnDagsView:
    """What is shown of one level that people lose, or gain: of the DAGs one name and how many there are."""

    level: str | None
    people: int
    every_dag: bool
    count: int
    dag: str
    roles: tuple[tuple[str, int], ...]

    @classmethod
    def of(cls, one: OnDags) -> OnDagsView:
        roles = tuple((through.role, through.people) for through in one.roles)
        dag = one.dags[0] if one.dags else ""
        return cls(one.level and one.level.value, one.people, one.everywhere, len(one.dags), dag, roles)

    @classmethod
    def read(cls, found: Mapping[str, Any]) -> OnDagsView:
        """Read its JSON; `are_effects` has looked at it before."""
        roles = tuple((through["role"], through["people"]) for through in found["roles"])
        dag = found["dags"][0] if found["dags"] else ""
        return cls(found["level"], found["people"], found["every_dag"], found["count"], dag, roles)


@dataclass(frozen=True, slots=True)
class TollView:
    """What is shown of what people lose, or gain."""

    on_dags: tuple[OnDagsView, ...] = ()
    not_ours: int = 0
    roles: tuple[tuple[str, int], ...] = ()

    @classmethod
    def of(cls, toll: Toll) -> TollView:
        roles = tuple((one.role, one.people) for one in toll.roles)
        return cls(tuple(map(OnDagsView.of, toll.on_dags)), toll.not_ours, roles)

    @classmethod
    def read(cls, found: Mapping[str, Any]) -> TollView:
        roles = tuple((one["role"], one["people"]) for one in found["roles"])
        return cls(tuple(map(OnDagsView.read, found["on_dags"])), found["not_ours"], roles)

    @property
    def elsewhere(self) -> tuple[tuple[str, int], ...]:
        """The roles that nothing on a DAG is lost or gained through."""
        through = {role for one in self.on_dags for role, _ in one.roles}
        return tuple(one for one in self.roles if one[0] not in through)


def effect_lines(effects: Effects) -> Iterator[Line]:
    """Say who may do what no more on how many DAGs, and who may now, each with the roles through which."""
    return _lines(TollView.of(effects.loses), TollView.of(effects.gains))


def effect_lines_of(found: object) -> Iterator[Line]:
    """Say the same of the JSON of effects, as a daemon answers it; nothing where it is not that."""
    if isinstance(found, Mapping) and are_effects(found):
        yield from _lines(TollView.read(found["loses"]), TollView.read(found["gains"]))


def _lines(loses: TollView, gains: TollView) -> Iterator[Line]:
    for toll, verbs, style in ((loses, _LOSE, Style.LOSS), (gains, _GAIN, Style.GAIN)):
        for text in (*_texts(toll, verbs), *_elsewhere(toll, verbs)):
            yield Line(f"  {text}", style)


def loss_text(effects: Effects) -> str:
    """Say in one line who may do what no more; empty where nobody loses anything on a DAG."""
    return "; ".join(_texts(TollView.of(effects.loses), _LOSE))


def passing_text(effects: Effects) -> str:
    """Say in one line who may do what no more, and who may now, if what is held passes; empty where that is nobody."""
    gains = TollView.of(effects.gains)
    return "; ".join(filter(None, (loss_text(effects), *_texts(gains, _GAIN), *_elsewhere(gains, _GAIN))))


def _texts(toll: TollView, verbs: tuple[str, str]) -> Iterator[str]:
    for one in toll.on_dags:
        what = one.level or "other permissions"
        yield f"{_people(one.people, verbs)} {safe(what)} on {_where(one)} ({_through(one.roles)})"
    if toll.not_ours:
        yield f"{_people(toll.not_ours, verbs)} what another hand had given them"


def _elsewhere(toll: TollView, verbs: tuple[str, str]) -> Iterator[str]:
    """Say of a few roles that give nothing on a DAG, or nothing that another does not, how many people that is about."""
    yield from (f"{_people(people, verbs)} {safe(role)}" for role, people in toll.elsewhere[:FEW])
    if len(toll.elsewhere) > FEW:
        yield f"and {counted(len(toll.elsewhere) - FEW, 'more role', 'more roles')}"


def _people(count: int, verbs: tuple[str, str]) -> str:
    one, many = verbs
    return counted(count, f"person {one}", f"people {many}")


def _where(one: OnDagsView) -> str:
    if one.every_dag:
        return "every DAG"
    return f"DAG {safe(one.dag)}" if one.count == 1 else f"{number(one.count)} DAGs"


def _through(roles: Sequence[tuple[str, int]]) -> str:
    shown = ", ".join(f"{safe(role)}: {number(people)}" for role, people in roles[:FEW])
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


# --- what somebody else says --------------------------------------------------------------------------------------------


def are_effects(found: Mapping[Any, Any]) -> bool:
    """Say whether this is the JSON of effects, with everything in it that is shown."""
    return all(_is_toll(found.get(name)) for name in ("loses", "gains"))


def _is_toll(found: object) -> bool:
    if not isinstance(found, Mapping) or not _is_number(found.get("not_ours")):
        return False
    on_dags, roles = found.get("on_dags"), found.get("roles")
    if not isinstance(roles, list) or not all(map(_is_through, roles)):
        return False
    return isinstance(on_dags, list) and all(map(_is_on_dags, on_dags))


def _is_on_dags(found: object) -> bool:
    return (
        isinstance(found, Mapping)
        and isinstance(found.get("level", 0), str | None)
        and isinstance(found.get("every_dag"), bool)
        and all(_is_number(found.get(name)) for name in ("people", "count"))
        and isinstance(found.get("dags"), list)
        and all(isinstance(dag, str) for dag in found["dags"])
        and (bool(found["dags"]) or found["count"] == 0)
        and isinstance(found.get("roles"), list)
        and all(map(_is_through, found["roles"]))
    )


def _is_through(found: object) -> bool:
    return isinstance(found, Mapping) and isinstance(found.get("role"), str) and _is_number(found.get("people"))


def _is_number(found: object) -> bool:
    return isinstance(found, int) and not isinstance(found, bool)
