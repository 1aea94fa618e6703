"""What changes do to people, as it is kept beside what is held."""

from __future__ import annotations

from syncd.model import Level
from syncd.plan.on_people import Effects, OfRole, OnDags, Toll
from syncd.store.codec.text import VERSION, Json, reader, versioned


def effects_to(effects: Effects) -> Json:
    return {"v": VERSION, "loses": _toll_to(effects.loses), "gains": _toll_to(effects.gains)}


@reader("effects on people")
def effects_from(body: Json) -> Effects:
    versioned(body, "loses", "gains")
    return Effects(_toll_from(body["loses"]), _toll_from(body["gains"]))


def _toll_to(toll: Toll) -> Json:
    return [toll.people, toll.not_ours, _roles_to(toll.roles), [_on_dags_to(one) for one in toll.on_dags]]


def _toll_from(fields: Json) -> Toll:
    people, not_ours, roles, on_dags = fields
    return Toll(people, not_ours, _roles_from(roles), tuple(_on_dags_from(*one) for one in on_dags))


def _roles_to(roles: tuple[OfRole, ...]) -> Json:
    return [[one.role, one.people, one.not_ours] for one in roles]


def _roles_from(fields: Json) -> tuple[OfRole, ...]:
    return tuple(OfRole(*one) for one in fields)


def _on_dags_to(one: OnDags) -> Json:
    return [one.level and one.level.value, one.people, list(one.dags), _roles_to(one.roles), one.everywhere]


def _on_dags_from(level: str | None, people: int, dags: Json, roles: Json, everywhere: bool) -> OnDags:
    return OnDags(None if level is None else Level(level), people, tuple(dags), _roles_from(roles), everywhere)
