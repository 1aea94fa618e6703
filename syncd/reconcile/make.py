"""Making the changes of a plan one by one: each is written down first, and asked for once more right before its call."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from syncd.errors import (
    DeploymentBusy,
    PausedNow,
    StoreError,
)
from syncd.mapping.compile import compile_desired
from syncd.model import (
    Change,
    DesiredState,
    Outcome,
    Status,
    key,
)
from syncd.plan.sound import unseen
from syncd.ports import (
    Basis,
    Entries,
    Entry,
    Lease,
    TargetReader,
    TargetSession,
    TargetWriter,
)
from syncd.reconcile.grants import take_grants
from syncd.reconcile.guarding import too_much_by_now
from syncd.reconcile.request import Within
from syncd.reconcile.state import Comparison, Pass

STOPPING = "not begun, because syncd is stopping; the next pass decides anew"
MOVED = "not begun: what is wanted of this person changed meanwhile; the next pass decides anew"
USED_UP = "not begun: others were let go first and used up a limit; the next pass decides anew"
AWAY_AFTER = 5
"""So many changes in a row to which nothing but failures came, and the rest is left to the next pass."""
AWAY = f"not begun: the server gave no good answer to the {AWAY_AFTER} changes before this one"
ELSEWHERE = "another writer works at another address of it now; the next pass decides anew"


def make_all(
    this: Pass, seen: Comparison, writer: TargetSession, *, lease: Lease, within: Within, to_the_end: bool = False
) -> tuple[Outcome, ...]:
    """Record the plan, then make each change that may go. One that fails does not stop the others.

    Several in a row to which no good answer came do, unless it is `to_the_end`: most likely the server is away.
    """
    guarded, plan = seen.guarded, record(this, seen, applying=True)
    waits = _waiting(this, guarded.go)
    made: list[Outcome] = []
    if guarded.go:  # an older copy is known by what was done since
        this.journal.installation.mark()
    with (
        this.timed("apply"),
        this.journal.ledger.entries(plan, lease=lease, on=this.target.deployment, but=this.own_pause) as entries,
    ):
        for number, change in enumerate(guarded.go):
            if change in waits:
                outcome = Outcome(change, Status.PENDING, waits[change])
            elif why := (not to_the_end and _is_away(made)) or _why_not(
                this, seen, number, session=writer, lease=lease, within=within
            ):
                outcome = Outcome(change, Status.SKIPPED, why)
            else:
                outcome = _make(this, entries, change, seen=seen, writer=writer)
            made.append(outcome)
    if guarded.go:
        this.journal.installation.mark()
    return tuple(made)


def _is_away(made: Sequence[Outcome]) -> str:
    """Say that the server is away, where the last changes that were tried show it; empty where they do not."""
    tried = [outcome for outcome in made if outcome.status is not Status.SKIPPED][-AWAY_AFTER:]
    return AWAY if len(tried) == AWAY_AFTER and all(outcome.unanswered for outcome in tried) else ""


def _waiting(this: Pass, changes: Iterable[Change]) -> Mapping[Change, str]:
    """Say which changes of a pass that does not look at roles wait for one that does, and why."""
    if this.scope.everything or this.scope.dags:
        return {}
    roles, known = this.rules.roles, this.journal.memory.sound_roles(this.name)
    return {
        change: why for change in changes if (why := unseen(change, roles, known, built_in=this.naming.built_in_roles))
    }


def record(this: Pass, seen: Comparison, *, applying: bool) -> int:
    guarded, now = seen.guarded, this.world.clock()
    basis = Basis(
        this.files,
        applying,
        guarded.covered,
        guarded.measure,
        seen.rejected,
        seen.paused,
        "" if this.is_behind else this.world.revision,
        undoing=this.undo is not None,
        passing=seen.held_effects,
        reads=this.directory.read_at,
    )
    return this.journal.ledger.record_plan(
        this.run, seen.plan, held=guarded.held, approved=guarded.approved, now=now, basis=basis
    )


def _why_not(this: Pass, seen: Comparison, number: int, *, session: TargetSession, lease: Lease, within: Within) -> str:
    """Let others go first, then say why the change of this number is not begun now; empty: begin it."""
    change = seen.guarded.go[number]
    # What a person let pass is used up by the plan that is recorded, so whatever else decides anew would hold the rest of it.
    if why := this.world.between.let_ahead(within, few=seen.guarded.approved is not None):
        return why
    if lease.give_way(this.world.stopping):
        if this.journal.places.place(this.name, this.target.address).facts != this.name:
            raise DeploymentBusy(f"{this.name}: {ELSEWHERE}")
        this.moved |= _moved_since(this, session)
        this.went_first = True
    if this.went_first:
        moved, this.went_first = moved_people(this), False
        rest = (left for left in seen.guarded.go[number:] if not is_of(left, moved, seen))
        this.too_much = too_much_by_now(this, seen, rest)
    return USED_UP if change in this.too_much else _untrue(this, seen, change)


def _untrue(this: Pass, seen: Comparison, change: Change) -> str:
    """Say why a change that was planned is not to be made any more; empty: it is."""
    if this.world.stopping():
        return STOPPING
    return MOVED if is_of(change, moved_people(this), seen) else ""


def answered(made: Sequence[Outcome]) -> tuple[Outcome, ...]:
    """Give what is over, without what was left or lost because no good answer came: all of it, where none was left."""
    if not any(outcome.detail == AWAY for outcome in made):
        return tuple(made)
    return tuple(outcome for outcome in made if outcome.detail != AWAY and not outcome.unanswered)


class _NotTrue(Exception):
    """What was planned is not true any more, and nothing was done."""


@dataclass(slots=True)
class _LastWord:
    """The entry of a change that asks once more before its first call: it may have waited long for its turn."""

    entry: Entry
    why_not: Callable[[], str]
    announced: bool = False
    """Whether a call of it was written down, so that it may be made."""

    def before(self, call: str, *, makes: str = "") -> int:
        if not self.announced and (why := self.why_not()):
            raise _NotTrue(why)
        step = self.entry.before(call, makes=makes)
        self.announced = True
        return step

    def after(self, step: int, answer: str, *, refused: bool = False) -> None:
        self.entry.after(step, answer, refused=refused)

    def gone(self, name: str) -> None:
        self.entry.gone(name)


def moved_people(this: Pass) -> frozenset[str]:
    return this.moved | this.world.between.moved()


def is_of(change: Change, people: frozenset[str], seen: Comparison) -> bool:
    name = key(change.name)
    return change.subject == "user" and (name in people or seen.known_as.get(name, name) in people)


def _moved_since(this: Pass, reader: TargetReader) -> frozenset[str]:
    """Read anew what is known of people, and what they are given for a time; name those of whom something else is wanted than
    when this pass began."""
    assert this.world.reread is not None, "whoever begins a pass says how"
    now, before = this.world.reread(), this.lines
    take_grants(this)
    was, is_ = (
        compile_desired(
            lines,
            directory,
            this.target.deployment,
            inventory=(),
            dialect=reader.dialect(),
            now=this.world.clock(),
            also=None,
        )
        for lines, directory in ((before, this.directory), (this.lines, now))
    )
    names = was.users.keys() | is_.users.keys()
    return frozenset(name for name in names if _roles_of(was, name) != _roles_of(is_, name))


def _roles_of(state: DesiredState, name: str) -> frozenset[str]:
    return state.users[name].roles if name in state.users else frozenset()


def _make(this: Pass, entries: Entries, change: Change, *, seen: Comparison, writer: TargetWriter) -> Outcome:
    entry = entries.begin(change, now=this.world.clock())
    last_word = _LastWord(entry, partial(_untrue, this, seen, change))
    try:
        outcome = writer.apply(change, last_word)
    except _NotTrue as why:
        return Outcome(change, Status.SKIPPED, str(why))
    except PausedNow as why:
        if not last_word.announced:
            return Outcome(change, Status.SKIPPED, str(why))
        outcome = Outcome(change, Status.PENDING, str(why))
    except (StoreError, DeploymentBusy):
        raise  # nothing more may be done here; the intent stays open, and the next pass looks what became of it
    except Exception as error:  # noqa: BLE001 - one failed change does not stop the others; logged whole
        this.emit("change_unknown", subject=change.subject, name=change.name, exc_info=error)
        outcome = Outcome(change, Status.UNKNOWN, f"unexpected {type(error).__name__}: {error}; see the log")
    entry.conclude(outcome, now=this.world.clock())
    if outcome.beside:
        this.emit("grants_vanished", name=change.name, roles=list(outcome.beside))
    this.emit(
        f"change_{outcome.status}",
        subject=change.subject,
        name=change.name,
        kind=change.kind.value,
        granted=len(change.granted),
        revoked=len(change.revoked),
        detail=outcome.detail,
    )
    return outcome
