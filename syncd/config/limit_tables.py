"""The tables of limits over several deployments, as people write them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated

from pydantic import Field

from syncd.fields import SettingsTable, Text
from syncd.model import Deployment, nfc
from syncd.plan.limits import AreaLimits, LimitArea
from syncd.targets.table import LabelName, LimitsTable

_AREA = AreaLimits()
THE_FLEET = "the fleet"


class AreaLimitsTable(SettingsTable):
    """How much may be taken away, and given, on several deployments together within an hour without a person's approval. A person
    counts once, on however many of them something is taken or given; what is more is held, and the rest goes on."""

    removals: int = Field(default=_AREA.removals, ge=0)
    """People who lose a role; above this many, held."""
    share: float = Field(default=_AREA.share, ge=0, le=1)
    """The part, 0 to 1, that those who lose a role are of the people that syncd manages there, and lost rights of all the rights
    that these have; above it, held."""
    floor: int = Field(default=_AREA.floor, ge=0)
    """Up to this many people lose a role whatever the share."""
    lost_rights: int = Field(default=_AREA.lost_rights, ge=0)
    """Rights that people lose: one permission of one person each; above this many, held."""
    lost_right_floor: int = Field(default=_AREA.lost_right_floor, ge=0)
    """Up to this many rights are lost whatever the share."""
    gains: int = Field(default=_AREA.gains, ge=0)
    """People who gain a role that was not theirs by syncd before; above this many, held."""
    gain_share: float = Field(default=_AREA.gain_share, ge=0, le=1)
    """The part, 0 to 1, that those who gain a role are of the people that syncd manages there by then, and new rights of all the
    rights that these have; above it, held."""
    gain_floor: int = Field(default=_AREA.gain_floor, ge=0)
    """Up to this many people gain a role whatever the share."""
    rights: int = Field(default=_AREA.rights, ge=0)
    """Rights that people gain: one permission of one person each; above this many, held."""
    right_floor: int = Field(default=_AREA.right_floor, ge=0)
    """Up to this many rights are given whatever the share."""


class LabelLimitsTable(AreaLimitsTable):
    """The same, for the deployments with some labels."""

    match: Annotated[dict[LabelName, Text], Field(min_length=1)]
    """Which deployments: those that have all of these labels, as in `{env = "prod"}`."""


class AllLimitsTable(LimitsTable):
    """How much may be taken away, and given, on one deployment within an hour without a person's approval; what is more is
    held. The first pass over everything gives whatever the mapping says. Limits over several deployments stand beside."""

    fleet: AreaLimitsTable | None = None
    """Limits over all deployments together; without this table there are none."""
    label: Annotated[tuple[LabelLimitsTable, ...], Field(strict=False)] = ()
    """Limits over the deployments with some labels together, as many tables as you like."""


def areas_of(table: AllLimitsTable, deployments: Iterable[Deployment]) -> Iterator[LimitArea]:
    """Give the deployments that have limits together, with these: the fleet first."""
    every = tuple(deployments)
    if table.fleet is not None:
        yield LimitArea(THE_FLEET, _limits(table.fleet), frozenset(one.name for one in every))
    for each in table.label:
        match = {nfc(label): nfc(value) for label, value in each.match.items()}
        name = " ".join(f"{label}={value}" for label, value in match.items())
        meant = frozenset(one.name for one in every if match.items() <= one.labels.items())
        yield LimitArea(name, _limits(each), meant)


def _limits(table: AreaLimitsTable) -> AreaLimits:
    return AreaLimits(**table.model_dump(exclude={"match"}))
