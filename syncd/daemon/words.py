"""What alarms say after a pass or a poll; empty: there is nothing to say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from syncd.alarm_kinds import AlarmKind
from syncd.model import Change, Held, Note, Outcome, Pause, Role, Status
from syncd.plan.because import summed
from syncd.plan.on_people import Effects
from syncd.plan.pauses import PREFIX
from syncd.plan.sound import WAITS
from syncd.ports import HeldPlan
from syncd.render.effects import passing_text
from syncd.render.lines import counted, few, safe
from syncd.words import some


@dataclass(frozen=True, slots=True)
class Say:
    """What becomes of the alarm of one kind about one subject: with a text it is raised, without one it is over."""

    kind: AlarmKind
    subject: str
    text: str = ""


def held(name: str, these: Held | None, effects: Effects | None = None, *, hold: str = "") -> str:
    """Say what is held; `hold` is what the inbox calls it, empty where it is in none."""
    if these is None:
        return ""
    said = safe(summed(these.changes))
    ended = f": {said}" if said else ""
    moves = passing_text(effects) if effects is not None else ""
    moves = f"; if they pass, {moves}" if moves else ""
    return (
        f"{counted(len(these.changes), 'change is', 'changes are')} held{f' as {hold}' if hold else ''} "
        f"({safe('; '.join(these.why))}){ended}{moves}; "
        f"see them with: {f'syncd hold show {hold}' if hold else f'syncd plan -d {name}'}; "
        f"let exactly these go with: syncd approve {name} {these.digest}; "
        f"leave them undone, and be asked no more, with: syncd hold reject {hold or these.digest}"
    )


def held_for_long(name: str, these: HeldPlan) -> str:
    """Say that nobody said anything of what is held for days."""
    called = f" as {these.hold}" if these.hold else ""
    held_since = f"{counted(len(these.held.changes), 'change is', 'changes are')} held{called} since"
    see = f"syncd hold show {these.hold}" if these.hold else f"syncd plan -d {name}"
    return f"{held_since} {these.since:%Y-%m-%d %H:%M} UTC: approve, reject or correct; see what it is with: {see}"


def paused(name: str, pause: Pause | None, changes: Sequence[Change], effects: Effects | None) -> str:
    """Say what waits for the end of a pause, and how many people keep access until then that they should not have."""
    if pause is None or not changes:
        return ""
    people = effects.loses.people if effects is not None else 0
    keep = f"{people} people keep" if people != 1 else "1 person keeps"
    keeps = f"; {keep} access that no line gives any more" if people else ""
    waits = counted(len(changes), "change waits", "changes wait")
    return (
        f"{safe(str(pause))}; {waits}{keeps}; see them with: syncd plan -d {name}; end it with: syncd resume {pause.id}"
    )


def not_converged(changes: Sequence[Change]) -> str:
    names = sorted({change.name for change in changes})
    if not names:
        return ""
    return f"the server accepted and did not keep changes of {few(names, 5)}; most likely {_who_undoes(changes)}"


def _who_undoes(changes: Sequence[Change]) -> str:
    """Say who most likely undid changes within the seconds until they were read back."""
    on_dags = any(
        permission.dag is not None
        for change in changes
        for thing in (change.before, change.after)
        if isinstance(thing, Role)
        for permission in thing.permissions
    )
    roles = "the access_control of a DAG's code, or " if on_dags else ""
    return f"{roles}another tool or a second syncd that writes there too"


def waiting(outcomes: Sequence[Outcome]) -> str:
    """Say what a server lacks, so that a change cannot be made in full; what waits for a look at roles comes by itself."""
    lacking = [
        o
        for o in outcomes
        if o.status is Status.PENDING and not o.detail.endswith(WAITS) and not o.detail.startswith(PREFIX)
    ]
    return some([safe(f"{o.change.name}: {o.detail}") for o in lacking], 3, between="; ")


def drift(name: str, things: int, culprits: Sequence[str] = (), left: str = "") -> str:
    """Say what somebody else changed, who most likely did, and what is `left` as they have it because they do it each time."""
    said = some([safe(text) for text in culprits], 3, between="; ")
    back = (
        f"{things} things were changed there by somebody else; what was put back: syncd audit -d {name}"
        if things
        else ""
    )
    return "; ".join(filter(None, (back, said if things else "", left)))


def left(notes: Sequence[Note]) -> str:
    """Say what is left as another hand has it, because it does it each time."""
    codes = "grant_taken_back", "permission_taken_back", "permission_given_back"
    return "; ".join(filter(None, (noted(notes, code) for code in codes)))


def frozen(roles: Mapping[str, str]) -> str:
    by_cause: dict[str, list[str]] = {}
    for role, why in sorted(roles.items()):
        by_cause.setdefault(why, []).append(role)
    causes = [safe(f"{', '.join(of)}: {why}") for why, of in by_cause.items()]
    said = some(causes, 5, between="; ", more="more causes")
    return f"nobody who left loses these roles for now: {said}" if causes else ""


def noted(notes: Sequence[Note], code: str) -> str:
    return some([safe(note.text) for note in notes if note.code == code], 3, between="; ")


def quarantined(failures: int, error: Exception) -> str:
    return f"{failures} passes in a row failed; it is tried again every quarter of an hour: {error}"


def source_failed(source: str, why: str | None) -> str:
    return (why or "no answer").removeprefix(f"source {source}: ")


def uncertified(groups: Sequence[str], why: str) -> str:
    return f"{few(groups, 5)}: not read whole, so nobody loses anything by them; {safe(why)}"


def person_joined(notes: Sequence[Note]) -> str:
    asked = [safe(note.text) for note in notes if note.code == "person_joined"]
    return some(asked, 1, between="; ", more="more, see syncd plan")


def blocked(names: Sequence[str], notes: Sequence[Note]) -> str:
    clashes = "; ".join(text for code in ("name_clash", "username_clash") if (text := noted(notes, code)))
    return f"left alone: {few(names, 5)}: {clashes}" if names else ""
