"""The table of rollouts: in which order a change of the mapping reaches the deployments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated

from pydantic import BeforeValidator, Field

from syncd.fields import SettingsTable, Span, Text, span
from syncd.model import Deployment, LabelTest, Wave, WaveOrder, nfc

_Values = Annotated[
    tuple[Text, ...], BeforeValidator(lambda value: [value] if isinstance(value, str) else value), Field(min_length=1)
]


class RolloutTable(SettingsTable):
    """How a change of the mapping files reaches the fleet: in waves, one after the other. Joiners, movers and leavers wait for
    none of it: a deployment that waits goes on with the mapping that it has. Without this table every deployment gets a change
    of the mapping at once."""

    order: Annotated[tuple[dict[Text, Annotated[_Values, Field(strict=False)]], ...], Field(strict=False, min_length=1)]
    """The waves, each by the labels of its deployments, as in `[{env = "dev"}, {env = "staging"}, {env = "prod"}]`. Of several
    labels all have to hold, of several values (`{env = ["dev", "test"]}`) one; the label `name` is a deployment's name. A
    deployment is in the first wave that fits. Those that are in none are one more wave, the last."""
    soak: Span = "30m"
    """How long each deployment of a wave has to be well with a change before the next wave begins: applied, read back, nothing
    failed and nothing held. `"0s"`: it is enough that it was once."""


def wave_order(table: RolloutTable) -> WaveOrder:
    """Give the waves of the table, and that of all others."""
    return WaveOrder((*(Wave(tuple(_tests(labels))) for labels in table.order), Wave()), span(table.soak))


def _tests(labels: Mapping[str, tuple[str, ...]]) -> Iterator[LabelTest]:
    for label, values in sorted(labels.items()):
        yield LabelTest(nfc(label), frozenset(map(nfc, values)))


def empty_waves(order: WaveOrder, deployments: list[Deployment]) -> Iterator[tuple[int, str]]:
    """Give the number of each wave that no deployment is in, and why: most often a label is mistyped."""
    used = {order.place(each) for each in deployments}
    for number, wave in enumerate(order.waves[:-1]):
        if not any(map(wave.has, deployments)):
            there = sorted({f"{name}={value}" for each in deployments for name, value in each.labels.items()})
            yield number, f"no deployment has the labels {wave}; there are {', '.join(there[:10])}"
        elif number not in used:
            yield number, f"every deployment with the labels {wave} is in an earlier wave"
