"""Rolling out a change of the mapping in waves: the whole rule of who gets it when.

a deployment of a wave                           | stands as | the next wave
-------------------------------------------------|-----------|------------------------------------------
has the revision, was read back well, has soaked | done      | may begin, once each of the wave is done
the same, but has not soaked                     | soaking   | waits until then
has it, and something of it failed or is held    | halted    | waits until that is mended, or a person says `resume`
has it, and was not read back yet                | going     | waits
has it not, and may                              | due       | waits; its next pass over everything begins it
has it not, and an earlier wave is not done      | waiting   | waits, too

For whom the revision says nothing else than the one it has, gets it at once, and nobody waits for it. Who has none yet begins
with that of the others of its wave, and where those have none, with the newest. What a person says counts for one revision.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from syncd.model import Deployment, RolloutRecord, RolloutRow, RolloutVerb, WaveOrder
from syncd.model.rollout import SHOWN

_FEW = 3
_LAST = datetime.max.replace(tzinfo=UTC)


class WaveState(StrEnum):
    """How a deployment stands in a rollout."""

    DONE = "done"
    SOAKING = "soaking"
    HALTED = "halted"
    GOING = "going"
    DUE = "due"
    WAITING = "waiting"


@dataclass(frozen=True, slots=True)
class InWave:
    """One deployment in a rollout. `revision` is the one that it has (empty: none yet), `since` when it began with it, `until`
    when it has soaked, `why` what halts it, `by_word` whether a person let it pass."""

    deployment: str
    wave: int
    state: WaveState
    revision: str
    since: datetime | None = None
    until: datetime | None = None
    why: str = ""
    by_word: bool = False

    @property
    def short(self) -> str:
        """Say how it stands in a few words."""
        match self.state:
            case WaveState.HALTED:
                return f"{self.deployment}: {self.why}"
            case WaveState.SOAKING:
                return f"{self.deployment} soaks until {self.until:%Y-%m-%d %H:%M} UTC"
            case WaveState.GOING:
                return f"{self.deployment} was not read back yet"
            case WaveState.DUE:
                return f"{self.deployment} begins with its next pass"
            case _:
                return f"{self.deployment} {'is done' if self.state is WaveState.DONE else 'waits'}"


@dataclass(frozen=True, slots=True)
class WaveStanding:
    """How the rollout of a revision stands."""

    revision: str
    order: WaveOrder
    of: Mapping[str, InWave]

    @property
    def is_over(self) -> bool:
        return all(one.state is WaveState.DONE for one in self.of.values())

    @property
    def halted(self) -> tuple[InWave, ...]:
        """Name those that nobody of a later wave gets past, the first wave first; none, where nobody waits."""
        return self._those(WaveState.HALTED) if self.waiting else ()

    @property
    def waiting(self) -> tuple[InWave, ...]:
        return self._those(WaveState.WAITING)

    def _those(self, state: WaveState) -> tuple[InWave, ...]:
        found = (one for one in self.of.values() if one.state is state)
        return tuple(sorted(found, key=lambda one: (one.wave, one.deployment)))

    def ahead(self, of: InWave) -> tuple[InWave, ...]:
        """Name those for which a deployment waits: what is not done of the first wave that is not."""
        ahead = [one for one in self.of.values() if one.wave < of.wave and one.state is not WaveState.DONE]
        first = min((one.wave for one in ahead), default=0)
        return tuple(sorted((one for one in ahead if one.wave == first), key=lambda one: one.deployment))

    def why_waiting(self, of: InWave) -> str:
        """Say for what a deployment waits."""
        ahead = sorted(self.ahead(of), key=lambda one: one.state is not WaveState.HALTED)
        said = [one.short for one in ahead[:_FEW]] + ([f"{len(ahead) - _FEW} more"] if len(ahead) > _FEW else [])
        halted = any(one.state is WaveState.HALTED for one in ahead)
        where = f"wave {self.order.waves[ahead[0].wave]}" if ahead else "earlier waves"
        return f"{where}{', which is halted' if halted else ''} ({'; '.join(said)})"


def shown(revision: str) -> str:
    """Shorten a revision for people."""
    return revision[:SHOWN] or "none"


def stand(
    order: WaveOrder,
    deployments: Iterable[Deployment],
    record: RolloutRecord,
    *,
    revision: str,
    same: Collection[str] = (),
) -> WaveStanding:
    """Say how the rollout of a revision stands on deployments that are changed; for those named in `same` it says nothing else
    than what they have."""
    there = list(deployments)
    skips, resumed = (_said(record, verb, revision) for verb in (RolloutVerb.SKIP, RolloutVerb.RESUME))
    of: dict[str, InWave] = {}
    may = True
    for number, wave in enumerate(_waves(order, there)):
        peers = [row for each in wave if (row := record.rows.get(each.name))]
        first = min((row.began_at, row.revision) for row in peers)[1] if peers else revision
        for name in (each.name for each in wave):
            row, passes = record.rows.get(name), may or name in skips or name in same
            if row is not None and row.revision == revision:
                of[name] = _with_it(row, number, order=order, now=record.now, is_let=name in resumed)
            else:
                has = row.revision if row else first
                passes = passes or has == revision
                state = WaveState.DUE if passes else WaveState.WAITING
                of[name] = InWave(name, number, state, has, row.began_at if row else None, by_word=name in skips)
        may = may and all(_counts(of[each.name], same) for each in wave)
    return WaveStanding(revision, order, of)


def _said(record: RolloutRecord, verb: RolloutVerb, revision: str) -> frozenset[str]:
    return frozenset(word.deployment for word in record.words if (word.verb, word.revision) == (verb, revision))


def _waves(order: WaveOrder, deployments: list[Deployment]) -> Iterator[list[Deployment]]:
    for number in range(len(order.waves)):
        yield [each for each in deployments if order.place(each) == number]


def _counts(one: InWave, same: Collection[str]) -> bool:
    return one.state is WaveState.DONE or (one.state is WaveState.DUE and one.deployment in same)


def _later(at: datetime, soak: timedelta) -> datetime:
    """Add a time to a moment; the last moment that there is, where that is beyond it."""
    return at + soak if soak < _LAST - at else _LAST


def _with_it(row: RolloutRow, wave: int, *, order: WaveOrder, now: datetime, is_let: bool) -> InWave:
    until = _later(row.reached_at, order.soak) if row.reached_at else None
    state = WaveState.DONE
    if is_let:
        until = None
    elif row.trouble:
        state = WaveState.HALTED
    elif row.soaks and until is None:
        state = WaveState.GOING
    elif row.soaks and until is not None and now < until:
        state = WaveState.SOAKING
    why = row.trouble if state is WaveState.HALTED else ""
    return InWave(row.deployment, wave, state, row.revision, row.began_at, until, why, is_let)
