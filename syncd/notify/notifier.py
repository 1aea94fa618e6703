"""Delivery: to one place after the other, each tried three times."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from syncd.alarm_kinds import runbook
from syncd.http.backoff import Retries
from syncd.http.secrets import SecretUnreadable, blotted
from syncd.notify.mail import send_mail
from syncd.notify.settings import NotifySettings
from syncd.notify.undelivered import Undelivered
from syncd.notify.webhook import post
from syncd.notify.words import Message, sendable
from syncd.ports import Emit

TIMEOUT_S: Final = 10.0
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
    ) -> None:
        self._emit = emit
        self._pause = pause
        self._places = tuple(_places(settings, timeout_s))
        self._runbook_url = settings.runbook_url

    def send(self, message: Message) -> None:
        """Tell everybody who wants to hear of this kind; what fails is logged as `notification_failed`."""
        message = replace(message, runbook=runbook(message.kind, self._runbook_url))
        for place in self._places:
            if not place.kinds or message.kind in place.kinds:
                self._deliver(place, message)

    def _deliver(self, place: _Place, message: Message) -> None:
        message = replace(message, text=sendable(blotted(message.text)), subject=sendable(message.subject))
        facts = {"to": place.name, "kind": message.kind, "subject": message.subject, "firing": message.firing}
        try:
            self._tried(place, message)
        except (Undelivered, SecretUnreadable) as failure:
            self._emit("notification_failed", error=str(failure), **facts)
        except Exception as error:  # noqa: BLE001 - an alarm never hurts who raised it; its text may hold an address
            self._emit("notification_failed", error=f"unforeseen: {type(error).__name__}", **facts)
        else:
            self._emit("notification_sent", **facts)

    def _tried(self, place: _Place, message: Message) -> None:
        for wait_s in RETRIES.tries(lambda: 1.0):
            try:
                place.deliver(message)
                return
            except Undelivered as failure:
                if not failure.again or wait_s is None:
                    raise
                self._pause(wait_s if failure.after_s is None else min(failure.after_s, RETRIES.cap_s))


@dataclass(frozen=True, slots=True)
class _Place:
    """Where alarms go: its place in the configuration, the kinds it wants (empty: all), and how to deliver there."""

    name: str
    kinds: frozenset[str]
    deliver: Callable[[Message], None]


def _places(settings: NotifySettings, timeout_s: float) -> Iterator[_Place]:
    for number, webhook in enumerate(settings.webhooks, start=1):
        yield _Place(f"notify.webhooks[{number}]", webhook.kinds, partial(post, webhook, timeout_s=timeout_s))
    if settings.email:
        yield _Place("notify.email", settings.email.kinds, partial(send_mail, settings.email, timeout_s=timeout_s))
