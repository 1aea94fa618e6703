"""What an Alertmanager is told: every minute all alarms that stand, as it wants them (its API, version 2, `POST /api/v2/alerts`).

An Alertmanager keeps alerts in memory alone and takes one for over at its `endsAt`, so whoever speaks to it says all that
stands again and again, with an end a few minutes ahead. If syncd dies, its alerts end by that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from syncd.http.secrets import SecretUnreadable
from syncd.notify.alertmanager import alert_annotations, alert_labels
from syncd.notify.settings import Alertmanager
from syncd.notify.undelivered import Undelivered
from syncd.notify.webhook import deliver
from syncd.notify.words import Message, stamp
from syncd.ports import Emit

RESEND: Final = timedelta(minutes=1)
"""How often all that stands is said again."""
LASTS: Final = timedelta(minutes=5)
"""So long an alert lasts of which nothing more is said."""
MOST_ALERTS: Final = 100
"""In one request."""
PATH: Final = "/api/v2/alerts"
_Key = tuple[str, str, datetime]


class StandingAlerts:
    """Tells one Alertmanager what stands, and what is over. Not for several threads at a time."""

    def __init__(self, settings: Alertmanager, *, name: str, emit: Emit, timeout_s: float) -> None:
        self._settings, self._name, self._emit, self._timeout_s = settings, name, emit, timeout_s
        self._told: dict[_Key, Message] = {}
        self._over: dict[_Key, Message] = {}
        self._at: datetime | None = None
        self._failed = False

    def tell(self, standing: Sequence[Message], *, now: datetime) -> None:
        """Say what stands, at once where that has changed, else every minute; what fails is logged, and said later."""
        wanted = {_key(m): m for m in standing if not self._settings.kinds or m.kind in self._settings.kinds}
        self._over = {key: m for key, m in {**self._over, **self._told}.items() if key not in wanted}
        is_news = bool(self._over) or wanted.keys() != self._told.keys()
        is_due = self._at is None or now - self._at >= RESEND or (is_news and not self._failed)
        if is_due and (wanted or self._over):
            self._say(wanted, now, is_news=is_news or self._failed)

    def _say(self, wanted: dict[_Key, Message], now: datetime, *, is_news: bool) -> None:
        alerts = [self._alert(m, now + LASTS) for m in wanted.values()] + [
            self._alert(m, now) for m in self._over.values()
        ]
        self._at = now
        try:
            for part in _parts(alerts):
                deliver(self._settings.webhook, part, timeout_s=self._timeout_s, under=PATH)
        except (Undelivered, SecretUnreadable) as failure:
            self._failed, self._told = True, self._told | wanted  # some of it may have arrived
            self._emit("notification_failed", error=str(failure), to=self._name, alerts=len(alerts))
            return
        self._failed, self._told, self._over = False, wanted, {}
        if is_news:
            self._emit("notification_sent", to=self._name, alerts=len(alerts))

    def _alert(self, message: Message, until: datetime) -> Mapping[str, object]:
        page = self._settings.page_url
        return {
            "labels": {**self._settings.labels, **alert_labels(message)},
            "annotations": alert_annotations(message),
            "startsAt": stamp(message.since),
            "endsAt": stamp(until),
            **({"generatorURL": page} if page else {}),
        }


def _key(message: Message) -> _Key:
    return message.kind, message.subject, message.since


def _parts(alerts: Sequence[Mapping[str, object]]) -> Iterator[Sequence[Mapping[str, object]]]:
    for start in range(0, len(alerts), MOST_ALERTS):
        yield alerts[start : start + MOST_ALERTS]
