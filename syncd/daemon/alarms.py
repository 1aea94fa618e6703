"""What a person should see to: raised once, told once, told again while it lasts, and told when it is over.

An alarm is one (kind, subject). It may be raised and cleared as often as the daemon likes:

raised, and the alarm was       | then
--------------------------------|--------------------------------------------------------------------------
not there                       | it is kept, and told once it has waited for others: many are one message
there                           | its text is the newest one from now on, and kept; told again only after `repeat`
cleared less than SETTLE ago    | it is the same alarm, back again; nothing is told

acknowledged, or silenced       | it is told no more, until the silence ends; it is shown as before

cleared, and it stays so        | then
--------------------------------|--------------------------------------------------------------------------
less than SETTLE                | it is shown no more; nothing is told yet
SETTLE or longer                | that it is over is told once, and it is forgotten

What is to be sent follows from this state (`due_alarms`), so that nothing queues up behind a slow webhook. One thread reads,
keeps and sends; raising and clearing only move memory. Alarms are kept in the database before they are told, so any replica
tells those of all others with its own, and what is told is kept before it is sent: after a restart nothing is told twice, and
of two replicas that mean the same alarm one tells it. So an alarm must be about something that one replica works on at a
time (a deployment, a source) or that all see alike (the database, the files): no subject dies with a process, else nobody
would end its alarm.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from threading import Event, Lock, Thread
from typing import Protocol

from syncd.alarm_kinds import FEW, AlarmKind
from syncd.control import AlarmState
from syncd.daemon.due_alarms import Rhythm, StandingAlarm, merged, to_end, to_keep, to_tell
from syncd.daemon.words import Say
from syncd.errors import StoreError
from syncd.notify import Message
from syncd.ports import AlarmKey, AlarmRow, Emit, KeptAlarms, Silence

TICK_S = 10.0
"""How often the thread looks for what has become due, and for what other replicas have told."""
MOST = 2_000
"""Alarms at a time. Beyond, something is wrong with the subjects, and the log alone gets them."""


class Sends(Protocol):
    """Delivers messages to people. It takes as long as it takes, and raises nothing."""

    def send(self, messages: Sequence[Message], *, standing: Sequence[AlarmKey] = ()) -> None:
        """Tell alarms, of one moment and all beginning or all over; `standing` is what of their kinds still stands."""
        ...

    def stand(self, messages: Sequence[Message], *, now: datetime) -> None:
        """Tell who wants to hear it again and again what stands."""
        ...


class Alarms:
    """Every alarm there is. All methods may be called from any thread; only `deliver` waits for anything."""

    def __init__(
        self,
        kept: KeptAlarms,
        notifier: Sends,
        *,
        clock: Callable[[], datetime],
        rhythm: Rhythm,
        emit: Emit,
        labels: Callable[[str], Mapping[str, str]] = lambda _: {},
    ) -> None:
        self._kept = kept
        self._notifier = notifier
        self._clock = clock
        self._rhythm = rhythm
        self._emit, self._labels = emit, labels
        self._alarms: dict[AlarmKey, StandingAlarm] = {}
        self._silences: tuple[Silence, ...] = ()
        self._lock = Lock()
        self._delivering = Lock()
        self._was_read = False
        self._wake = Event()
        self._stopping = Event()
        self._abandoned = Event()
        self._thread = Thread(target=self._run, name="alarms", daemon=True)

    def raise_(self, kind: AlarmKind, subject: str, text: str) -> None:
        """Say that something is wrong, as often as it is seen; the newest text is shown, and told the next time."""
        now = self._clock()
        with self._lock:
            known = self._alarms.get((kind, subject))
            is_news = known is None or known.cleared_at is not None
            fits = known is not None or len(self._alarms) < MOST
            if fits:
                alarm = known or StandingAlarm(kind, subject, text, now)
                self._alarms[alarm.key] = replace(alarm, text=text, cleared_at=None)
        if is_news:
            self._emit("alarm_raised" if fits else "alarm_dropped", kind=kind, subject=subject, why=text)
            self._wake.set()

    def say(self, this: Say) -> None:
        """Raise an alarm that has a text, and clear one that has none."""
        if this.text:
            self.raise_(this.kind, this.subject, this.text)
        else:
            self.clear(this.kind, this.subject)

    def clear(self, kind: str, subject: str) -> None:
        """Say that it is well, as often as it is seen."""
        with self._lock:
            known = self._alarms.get((kind, subject))
            if known is None or known.cleared_at is not None:
                return
            self._alarms[known.key] = replace(known, cleared_at=self._clock())
        self._emit("alarm_cleared", kind=kind, subject=subject)

    def current(self) -> tuple[AlarmState, ...]:
        """Give what is wrong now, sorted by kind and subject."""
        with self._lock:
            firing = [alarm for alarm in self._alarms.values() if alarm.cleared_at is None]
        return tuple(self._state(alarm) for alarm in sorted(firing, key=lambda a: a.key))

    def _state(self, alarm: StandingAlarm) -> AlarmState:
        silence, said = self._silence_of(alarm), alarm.row.acknowledged
        return AlarmState(
            alarm.kind,
            alarm.subject,
            alarm.text,
            alarm.since,
            id=alarm.id,
            acknowledged_by=said.by if said else "",
            acknowledged_at=said.at if said else None,
            silenced_until=silence.until if silence else None,
            silenced_by=silence.by if silence else "",
            quiet_because=(said or silence).reason if said or silence else "",  # type: ignore[union-attr]
        )

    def _silence_of(self, alarm: StandingAlarm) -> Silence | None:
        """Find the silence that an alarm is under, the one that lasts longest."""
        now, labels = self._clock(), self._labels(alarm.subject)
        over = [s for s in self._silences if s.lasts(now) and s.covers(*alarm.key, alarm.id, labels=labels)]
        return max(over, key=lambda silence: silence.until, default=None)

    @property
    def is_recalled(self) -> bool:
        """Whether what the database holds was read since the start."""
        return self._was_read

    def use(self, notifier: Sends, *, rhythm: Rhythm) -> None:
        """Send by another notifier from the next message on."""
        with self._lock:
            self._notifier, self._rhythm = notifier, rhythm

    def start(self) -> None:
        """Begin to send, in a thread of its own."""
        self._thread.start()

    def stop(self, timeout: float) -> bool:
        """Send what is due, for so many seconds at most, and end; say whether the thread has ended.

        What was not sent is not marked as told: whoever raises it next tells it.
        """
        self._stopping.set()
        self._wake.set()
        if self._thread.ident is not None:
            self._thread.join(timeout)
        self._abandoned.set()
        return not self._thread.is_alive()

    def deliver(self) -> None:
        """Look what the database holds, then keep and send what is due.

        Without the database all that is due is sent and kept later: better twice than never.
        """
        with self._delivering:
            self._recall()
            for act in (self._keep, self._tell, self._end, self._stand):
                act()

    def _run(self) -> None:
        is_last = False
        while not is_last:
            self._wake.wait(TICK_S)
            self._wake.clear()
            is_last = self._stopping.is_set()
            try:
                self.deliver()
            except Exception as error:  # noqa: BLE001 - alarms must outlive any failure to tell one; logged whole
                self._emit("alarms_failed", error=repr(error), exc_info=error)

    def _recall(self) -> None:
        """Take over what was kept by an earlier process or by another replica, and drop what another replica closed."""
        try:
            kept, silences = self._kept.alarms(), self._kept.silences()
        except StoreError:
            return  # whoever works with the database raises an alarm about it
        with self._lock:
            for key, row in kept.items():
                self._alarms[key] = merged(self._alarms.get(key), key, row)
            for key in [a.key for a in self._alarms.values() if a.kept and a.key not in kept]:
                del self._alarms[key]
            self._silences = silences
        self._was_read = True

    def _known(self) -> dict[AlarmKey, StandingAlarm]:
        """Give the alarms that can be worked on now: what may have been told by the process before this one cannot."""
        with self._lock:
            return {key: a for key, a in self._alarms.items() if self._was_read or a.kind == "database_down"}

    def _keep(self) -> None:
        """Keep what is new or has changed, and what was told while the database was away."""
        self._save({alarm.key: alarm for alarm in to_keep(self._known())})

    def _tell(self) -> None:
        now = self._clock()
        told_of = {key: a for key, a in self._known().items() if not (a.row.acknowledged or self._silence_of(a))}
        due = to_tell(told_of, now, self._rhythm)
        for part in _parts(due):
            if self._abandoned.is_set():
                return
            told = {a.key: replace(a, notified_at=now, is_bundled=len(part) > 1) for a in part}
            mine = self._save(told)
            self._send([_message(a, now, firing=True) for a in part if a.key in mine])

    def _end(self) -> None:
        for part in _parts(to_end(self._known(), self._clock())):
            if self._abandoned.is_set():
                return
            self._end_together({alarm.key: alarm for alarm in part})

    def _end_together(self, over: Mapping[AlarmKey, StandingAlarm]) -> None:
        try:
            gone = self._kept.clear_alarms(over)
        except StoreError:
            return  # it is over once the database can be told so
        with self._lock:
            for key in over:
                if self._alarms[key].cleared_at is not None:
                    del self._alarms[key]
                else:  # raised again this moment: another alarm
                    self._alarms[key] = replace(self._alarms[key], notified_at=None, is_bundled=False, kept=None)
        mine = [alarm for key, alarm in over.items() if key in gone or alarm.kept is None]
        self._send([_message(a, a.cleared_at, firing=False) for a in mine if a.notified_at and a.cleared_at])

    def _stand(self) -> None:
        """Tell who wants to hear it again and again what stands: what was not told before it was silenced does not."""
        now = self._clock()
        heard = [a for a in self._known().values() if a.notified_at or not self._silence_of(a)]
        self._notifier.stand([_message(a, now, firing=True) for a in heard if self._was_read], now=now)

    def _save(self, alarms: Mapping[AlarmKey, StandingAlarm]) -> Collection[AlarmKey]:
        """Keep alarms; give those that no other replica kept meanwhile. Without the database that is all of them."""
        try:
            saved = self._kept.save_alarms({key: (a.row, a.kept) for key, a in alarms.items()}) if alarms else ()
        except StoreError:
            for alarm in alarms.values():
                self._change(alarm, kept=alarm.kept)
            return alarms.keys()
        for key in saved:
            self._change(alarms[key], kept=alarms[key].row)
        return saved

    def _change(self, alarm: StandingAlarm, *, kept: AlarmRow | None) -> None:
        """Note what was told and kept, leaving alone what was raised or cleared since."""
        with self._lock:
            now = self._alarms[alarm.key]
            told = replace(now, notified_at=alarm.notified_at, is_bundled=alarm.is_bundled)
            self._alarms[alarm.key] = replace(told, kept=kept)

    def _send(self, messages: Sequence[Message]) -> None:
        if not messages:
            return
        kinds = {message.kind for message in messages}
        with self._lock:
            notifier = self._notifier
            standing = sorted(a.key for a in self._alarms.values() if a.kind in kinds and a.cleared_at is None)
        notifier.send(messages, standing=standing)


def _parts(alarms: Sequence[StandingAlarm]) -> Sequence[Sequence[StandingAlarm]]:
    """Part what is told at a time: a few one after the other, so that what is not sent is not marked as told; many together."""
    return [alarms] if len(alarms) > FEW else [[alarm] for alarm in alarms]


def _message(alarm: StandingAlarm, at: datetime, *, firing: bool) -> Message:
    is_again = alarm.notified_at is not None and not (firing and alarm.is_bundled)
    return Message(alarm.kind, alarm.subject, alarm.text, firing, at, alarm.since, is_again=is_again)
