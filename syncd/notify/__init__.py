"""Alarms to people: webhooks (Slack's shape, Alertmanager's, or plain JSON) and e-mail.

What cannot be delivered is tried again, then logged, and never raised: nothing waits for a chat service. The address of a
webhook often is a secret itself, so it is in no message and no log, neither what was in its path nor what a server said of it.
"""

from typing import TYPE_CHECKING

from syncd.lazy import exports
from syncd.notify.addresses import mailbox, webhook_problem
from syncd.notify.settings import (
    LONGEST_GATHER,
    SHORTEST_REPEAT,
    Alertmanager,
    Channel,
    CheckpointSettings,
    Email,
    NotifySettings,
    Webhook,
)

if TYPE_CHECKING:
    from syncd.notify.notifier import Notifier
    from syncd.notify.words import Message, Telling
else:
    __getattr__ = exports(__name__, {"Telling": "words", "Message": "words", "Notifier": "notifier"})

__all__ = [
    "LONGEST_GATHER",
    "SHORTEST_REPEAT",
    "Alertmanager",
    "Channel",
    "CheckpointSettings",
    "Email",
    "Message",
    "Notifier",
    "NotifySettings",
    "Telling",
    "Webhook",
    "mailbox",
    "webhook_problem",
]
