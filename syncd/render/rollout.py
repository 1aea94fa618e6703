"""How a rollout is shown: which mapping revision is where, what waits for what, and what passes it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from syncd.plan.waves import InWave, WaveStanding, WaveState, shown
from syncd.render.layout import Grid, Row
from syncd.render.lines import Line, Style, counted, safe

_STYLES = {WaveState.HALTED: Style.FAIL, WaveState.WAITING: Style.WARN}


def rollout_json(standing: WaveStanding) -> dict[str, Any]:
    """Give a rollout as programs get it."""
    order = standing.order
    return {
        "revision": standing.revision,
        "over": standing.is_over,
        "halted": bool(standing.halted),
        "soak_seconds": order.soak.total_seconds(),
        "waves": [str(wave) for wave in order.waves],
        "deployments": [_one_json(standing, one) for one in standing.of.values()],
    }


def _one_json(standing: WaveStanding, one: InWave) -> dict[str, Any]:
    return {
        "deployment": one.deployment,
        "wave": str(standing.order.waves[one.wave]),
        "state": one.state.value,
        "revision": one.revision,
        "since": one.since.isoformat() if one.since else None,
        "soaks_until": one.until.isoformat() if one.until and one.state is WaveState.SOAKING else None,
        "why": one.why or None,
        "waits_for": [other.deployment for other in standing.ahead(one)] if one.state is WaveState.WAITING else [],
        "by_word": one.by_word,
    }


def rollout_lines(standing: WaveStanding, *, program: str) -> Iterator[Line | Grid]:
    """Show a rollout: what it comes to, each deployment, and the commands that pass it."""
    yield Line(summary(standing), Style.TITLE)
    yield Grid(tuple(_row(standing, one) for one in standing.of.values()), head=("wave", "deployment", "has", "state"))
    if standing.halted:
        names = " ".join(f"-d {one.deployment}" for one in standing.halted)
        command = f"{program} rollout resume {names} --reason TEXT"
        yield Line(f"it goes on by itself once that is mended; to go on without it: {command}", whole=command)
    if standing.waiting:
        command = f"{program} rollout skip -d {standing.waiting[0].deployment} --reason TEXT"
        yield Line(f"to let one have it now: {command}", whole=command)


def summary(standing: WaveStanding) -> str:
    """Say in a sentence how a rollout stands."""
    what = f"mapping revision {shown(standing.revision)}"
    if standing.is_over:
        return f"{what} is on every deployment"
    done = sum(1 for one in standing.of.values() if one.state is WaveState.DONE)
    on = f"{what} is done on {done} of {counted(len(standing.of), 'deployment', 'deployments')}"
    return f"{on}; it is halted" if standing.halted else on


def halted_text(standing: WaveStanding) -> str:
    """Say for an alarm what halts a rollout, who waits, and what to do; empty: nothing does."""
    if not standing.halted:
        return ""
    said = "; ".join(safe(one.short) for one in standing.halted[:3])
    more = f"; and {len(standing.halted) - 3} more" if len(standing.halted) > 3 else ""
    waits = counted(len(standing.waiting), "deployment waits", "deployments wait")
    return (
        f"the rollout of mapping revision {shown(standing.revision)} is halted: {said}{more}; {waits} with the mapping of "
        "before; it goes on by itself once that is mended; see it with: syncd rollout"
    )


def where(standing: WaveStanding, one: InWave) -> str:
    """Say how one deployment stands."""
    match one.state:
        case WaveState.WAITING:
            return f"waits for {standing.why_waiting(one)}"
        case WaveState.HALTED:
            return (
                f"{'halts the rollout' if one in standing.halted else 'not well, and nobody waits for it'}: {one.why}"
            )
        case WaveState.SOAKING:
            return f"soaks until {_time(one.until)}"
        case WaveState.GOING:
            return "begun, not read back yet"
        case WaveState.DUE:
            return f"begins with its next pass{', as a person said' if one.by_word else ''}"
        case _:
            return f"done{', as a person said' if one.by_word else ''}"


def _row(standing: WaveStanding, one: InWave) -> Row:
    wave = safe(str(standing.order.waves[one.wave]))
    cells = wave, safe(one.deployment), safe(shown(one.revision)), safe(where(standing, one))
    return Row(cells, _STYLES.get(one.state, Style.PLAIN))


def _time(at: datetime | None) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if at else "now"
