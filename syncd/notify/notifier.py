"""Delivery: to one place after the other, each tried three times."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Final

from syncd.alarm_kinds import FEW, runbook
from syncd.http.backoff import Retries
from syncd.http.secrets import SecretUnreadable, blotted
from syncd.notify.channels import send_to_channel
from syncd.notify.mail import send_mail
from syncd.notify.settings import NotifySettings
from syncd.notify.standing_alerts import StandingAlerts
from syncd.notify.undelivered import Undelivered
from syncd.notify.webhook import post
from syncd.notify.words import Message, Telling, cut, sendable
from syncd.ports import Emit

TIMEOUT_S: Final = 10.0
MOST_TOGETHER: Final = 500
"""Alarms in one message; more are several messages, so that no body is larger than servers take."""
LONGEST_OF_MANY: Final = 1000
"""Characters of the text of one alarm of those."""
RETRIES: Final = Retries(attempts=3, first_s=2.0, cap_s=30.0)
"""How often a message is tried, and the longest that a server may make the next try wait."""


class Notifier:
    """Delivers alarms in the thread of the caller, to one place after the other.

    Each is tried three times. After a lost answer a message may come twice: `id` or Message-ID are the same then.
    """

    def __init__(
        self,
        settings: NotifySettings,
        *,
        emit: Emit,
        pause: Callable[[float], object] = time.sleep,
        timeout_s: float = TIMEOUT_S,
        leads: Callable[[], bool] = lambda: True,
    ) -> None:
        self._emit = emit
        self._pause = pause
        self._places = tuple(_places(settings, timeout_s))
        self._runbook_url = settings.runbook_url
        self._leads = leads
        self._standing = tuple(
            StandingAlerts(each, name=f"notify.alertmanagers[{n}]", emit=emit, timeout_s=timeout_s)
            for n, each in enumerate(settings.alertmanagers, start=1)
        )

    def send(self, messages: Sequence[Message], *, standing: Sequence[tuple[str, str]] = ()) -> None:
        """Tell everybody what of this they want to hear, more than FEW as one message.

        What fails is logged as `notification_failed`. All of the messages begin, or all are over; `standing` is what of their
        kinds still stands.
        """
        told = [_sendable(message, self._runbook_url) for message in messages]
        for place in self._places:
            wanted = tuple(message for message in told if place.wants(message))
            for telling in _bundles(wanted, tuple(key for key in standing if not place.kinds or key[0] in place.kinds)):
                self._deliver(place, telling)

    def stand(self, messages: Sequence[Message], *, now: datetime) -> None:
        """Tell every Alertmanager what stands, where this is the replica that does."""
        if not self._standing or not self._leads():
            return
        told = [_sendable(message, self._runbook_url) for message in messages]
        for each in self._standing:
            each.tell(told, now=now)

    def _deliver(self, place: _Place, telling: Telling) -> None:
        message = telling.whole
        facts = {"to": place.name, "kind": message.kind, "subject": message.subject, "firing": message.firing}
        try:
            self._tried(place, telling)
        except (Undelivered, SecretUnreadable) as failure:
            self._emit("notification_failed", error=str(failure), **facts)
        except Exception as error:  # noqa: BLE001 - an alarm never hurts who raised it; its text may hold an address
            self._emit("notification_failed", error=f"unforeseen: {type(error).__name__}", **facts)
        else:
            self._emit("notification_sent", **facts)

    def _tried(self, place: _Place, telling: Telling) -> None:
        for wait_s in RETRIES.tries(lambda: 1.0):
            try:
                place.deliver(telling)
                return
            except Undelivered as failure:
                if not failure.again or wait_s is None:
                    raise
                self._pause(wait_s if failure.after_s is None else min(failure.after_s, RETRIES.cap_s))


@dataclass(frozen=True, slots=True)
class _Place:
    """Where alarms go: its place in the configuration, the kinds it wants (empty: all), whether it wants to hear of ends, and
    how to deliver there."""

    name: str
    kinds: frozenset[str]
    ends: bool
    deliver: Callable[[Telling], None]

    def wants(self, message: Message) -> bool:
        return (not self.kinds or message.kind in self.kinds) and (message.firing or self.ends)


def _places(settings: NotifySettings, timeout_s: float) -> Iterator[_Place]:
    for number, webhook in enumerate(settings.webhooks, start=1):
        deliver = partial(post, webhook, timeout_s=timeout_s)
        yield _Place(f"notify.webhooks[{number}]", webhook.kinds, webhook.ends, deliver)
    for number, channel in enumerate(settings.channels, start=1):
        send = partial(send_to_channel, channel, timeout_s=timeout_s)
        yield _Place(f"notify.channels[{number}]", channel.kinds, channel.ends, send)
    if email := settings.email:
        yield _Place("notify.email", email.kinds, email.ends, partial(send_mail, email, timeout_s=timeout_s))


def _sendable(message: Message, url: str | None) -> Message:
    text, subject = sendable(blotted(message.text)), sendable(message.subject)
    return replace(message, text=text, subject=subject, runbook=runbook(message.kind, url))


def _bundles(messages: tuple[Message, ...], standing: tuple[tuple[str, str], ...]) -> Iterator[Telling]:
    """Part what is told into messages: a few alarms singly, many together."""
    size = 1 if len(messages) <= FEW else MOST_TOGETHER
    for start in range(0, len(messages), size):
        told = messages[start : start + size]
        yield Telling(
            told if size == 1 else tuple(replace(m, text=cut(m.text, LONGEST_OF_MANY)) for m in told), standing
        )
