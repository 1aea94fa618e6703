"""What a person should see to: raised once, told once, told again while it lasts, and told when it is over.

An alarm is one (kind, subject). It may be raised and cleared as often as the daemon likes:

raised, and the alarm was       | then
--------------------------------|--------------------------------------------------------------------------
not there                       | it is kept and told
there                           | its text is the newest one from now on, and kept; told again only after `repeat`
cleared less than SETTLE ago    | it is the same alarm, back again; nothing is told

cleared, and it stays so        | then
--------------------------------|--------------------------------------------------------------------------
less than SETTLE                | it is shown no more; nothing is told yet
SETTLE or longer                | that it is over is told once, and it is forgotten

What is to be sent follows from this state, so that nothing queues up behind a slow webhook. One thread reads, keeps and
sends; raising and clearing only move memory. What was told is kept in the database before it is sent: after a restart
nothing is told twice, and of two replicas that mean the same alarm one tells it. So an alarm must be about something that
one replica works on at a time (a deployment, a source) or that all see alike (the database, the files): no subject dies
with a process, else nobody would end its alarm.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from threading import Event, Lock, Thread
from typing import Protocol

from syncd.alarm_kinds import AlarmKind
from syncd.control import AlarmState
from syncd.daemon.words import Say
from syncd.errors import StoreError
from syncd.notify import Message
from syncd.ports import Emit, KeptAlarms

SETTLE = timedelta(minutes=5)
"""How long a cause must be gone before its alarm is over."""
TICK_S = 10.0
"""How often the thread looks for what has become due, and for what other replicas have told."""
MOST = 2_000
"""Alarms at a time. Beyond, something is wrong with the subjects, and the log alone gets them."""


class Sends(Protocol):
    """Delivers messages to people. It takes as long as it takes, and raises nothing."""

    def send(self, message: Message) -> None: ...


@dataclass(frozen=True, slots=True)
class _Alarm:
    kind: str
    subject: str
    text: str
    since: datetime
    notified_at: datetime | None = None
    kept_at: datetime | None = None
    """What the database holds as `notified_at`; None: it does not hold this alarm."""
    kept_text: str | None = None
    """What the database holds as text; another replica may have written it."""
    cleared_at: datetime | None = None

    @property
    def key(self) -> tuple[str, str]:
        return self.kind, self.subject

    def message(self, at: datetime, *, firing: bool) -> Message:
        return Message(self.kind, self.subject, self.text, firing, at, self.since)


class Alarms:
    """Every alarm there is. All methods may be called from any thread; only `deliver` waits for anything."""

    def __init__(
        self, kept: KeptAlarms, notifier: Sends, *, clock: Callable[[], datetime], repeat: timedelta, emit: Emit
    ) -> None:
        self._kept = kept
        self._notifier = notifier
        self._clock = clock
        self._repeat = repeat
        self._emit = emit
        self._alarms: dict[tuple[str, str], _Alarm] = {}
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
                alarm = known or _Alarm(kind, subject, text, now)
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
        return tuple(AlarmState(a.kind, a.subject, a.text, a.since) for a in sorted(firing, key=lambda a: a.key))

    @property
    def is_recalled(self) -> bool:
        """Whether what the database holds was read since the start."""
        return self._was_read

    def use(self, notifier: Sends, *, repeat: timedelta) -> None:
        """Send by another notifier from the next message on."""
        with self._lock:
            self._notifier, self._repeat = notifier, repeat

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
            for act, alarm in self._due():
                if self._abandoned.is_set():
                    return
                act(alarm)

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
            kept = self._kept.alarms()
        except StoreError:
            return  # whoever works with the database raises an alarm about it
        with self._lock:
            for key, row in kept.items():
                known = self._alarms.get(key) or _Alarm(*key, row.text, row.since, kept_text=row.text)
                text = row.text if known.text == known.kept_text else known.text  # nothing newer was seen here
                told = [at for at in (known.notified_at, row.notified_at) if at]
                since = min(known.since, row.since)
                self._alarms[key] = replace(
                    known,
                    text=text,
                    since=since,
                    notified_at=max(told, default=None),
                    kept_at=row.notified_at,
                    kept_text=row.text,
                )
            for key in [a.key for a in self._alarms.values() if a.kept_at and a.key not in kept]:
                del self._alarms[key]
        self._was_read = True

    def _due(self) -> list[tuple[Callable[[_Alarm], None], _Alarm]]:
        now = self._clock()
        with self._lock:
            due = [(self._act_on(alarm, now), alarm) for alarm in self._alarms.values()]
        return [(act, alarm) for act, alarm in due if act is not None]

    def _act_on(self, alarm: _Alarm, now: datetime) -> Callable[[_Alarm], None] | None:
        if alarm.cleared_at:
            return self._close if now - alarm.cleared_at >= SETTLE else None
        if not self._was_read and alarm.kind != "database_down":
            return None  # it may have been told by the process before this one
        if alarm.notified_at is None or now - alarm.notified_at >= self._repeat:
            return self._tell
        is_kept = (alarm.notified_at, alarm.text) == (alarm.kept_at, alarm.kept_text)
        return None if is_kept else self._keep

    def _tell(self, alarm: _Alarm) -> None:
        now = self._clock()
        try:
            if not self._saved(alarm, now):
                return  # another replica is telling it
            kept: tuple[datetime | None, str | None] = now, alarm.text
        except StoreError:
            kept = alarm.kept_at, alarm.kept_text
        self._change(alarm, notified_at=now, kept=kept)
        self._send(alarm.message(now, firing=True))

    def _keep(self, alarm: _Alarm) -> None:
        """Keep what was told while the database was away, and the newest text."""
        assert alarm.notified_at is not None
        try:
            if self._saved(alarm, alarm.notified_at):
                self._change(alarm, notified_at=alarm.notified_at, kept=(alarm.notified_at, alarm.text))
        except StoreError:
            return  # still away

    def _close(self, alarm: _Alarm) -> None:
        try:
            is_mine = self._kept.clear_alarm(alarm.kind, alarm.subject) or alarm.kept_at is None
        except StoreError:
            return  # it is over once the database can be told so
        with self._lock:
            if self._alarms[alarm.key].cleared_at is not None:
                del self._alarms[alarm.key]
            else:  # raised again this moment: another alarm
                self._alarms[alarm.key] = replace(
                    self._alarms[alarm.key], notified_at=None, kept_at=None, kept_text=None
                )
        if is_mine and alarm.notified_at and alarm.cleared_at:
            self._send(alarm.message(alarm.cleared_at, firing=False))

    def _saved(self, alarm: _Alarm, notified_at: datetime) -> bool:
        return self._kept.save_alarm(
            alarm.kind,
            alarm.subject,
            alarm.text,
            since=alarm.since,
            notified_at=notified_at,
            earlier=alarm.kept_at,
        )

    def _change(self, alarm: _Alarm, *, notified_at: datetime, kept: tuple[datetime | None, str | None]) -> None:
        """Note what was told, leaving alone what was raised or cleared since."""
        with self._lock:
            self._alarms[alarm.key] = replace(
                self._alarms[alarm.key], notified_at=notified_at, kept_at=kept[0], kept_text=kept[1]
            )

    def _send(self, message: Message) -> None:
        with self._lock:
            notifier = self._notifier
        notifier.send(message)
