"""Break-glass accounts in a pass: nobody touches them, and each use of one is noticed, written down and told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from syncd.errors import TargetUnavailable
from syncd.model import KeptSignIns, Note
from syncd.plan.sign_ins import is_told, looked
from syncd.ports import TargetReader
from syncd.reconcile.state import Pass


def watch_break_glass(this: Pass, reader: TargetReader) -> tuple[Note, ...]:
    """Look how often the break-glass accounts signed in, and give what people should know of that. Where they cannot be
    looked at, the pass goes on, and what was noticed before is told."""
    names = sorted(this.target.deployment.break_glass)
    if not names or not this.scope.everything:
        return ()
    before, now = this.journal.break_glass.seen(this.facts), this.world.clock()
    try:
        said = reader.sign_ins(names)
        did = {name: reader.acts(name, before[name].since) for name in names if name in said and name in before}
    except TargetUnavailable as error:
        this.emit("break_glass_unread", error=str(error))
        return tuple(_told(this, {name: before[name] for name in names if name in before}))
    found = {name: looked(before.get(name), said[name], did.get(name, ()), now=now) for name in names if name in said}
    fresh = {name: kept for name, kept in found.items() if kept is not before.get(name)}
    if fresh:
        this.journal.break_glass.keep(this.facts, fresh)
    for name, kept in fresh.items():
        if kept.noticed_at == now:
            this.emit("break_glass_used", name=name, what=kept.noticed)
    missing = (_missing(this, name) for name in names if name not in said)
    return (*_told(this, found), *missing)


def _told(this: Pass, found: Mapping[str, KeptSignIns]) -> Iterator[Note]:
    now = this.world.clock()
    for name, kept in found.items():
        if kept.noticed_at is not None and is_told(kept, now):
            at = f"{kept.noticed_at:%Y-%m-%d %H:%M} UTC"
            text = f"the break-glass account {name} {kept.noticed}; noticed at {at}; ask who did, and why"
            yield Note("break_glass_used", text)


def _missing(this: Pass, name: str) -> Note:
    text = f"{this.name} has no account {name}, which `break_glass` names; make it, or take the name out"
    return Note("break_glass_missing", text)
