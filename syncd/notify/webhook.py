"""Webhooks: Slack's shape, plain JSON, or Alertmanager's."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import replace
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from syncd.http.answer import Answer
from syncd.http.backoff import wanted_s
from syncd.http.connection import Connection
from syncd.http.session import NoAnswer, Session
from syncd.notify.addresses import webhook_problem
from syncd.notify.alertmanager import webhook_body
from syncd.notify.settings import Webhook
from syncd.notify.undelivered import Undelivered
from syncd.notify.words import Message, Telling, alarm_id, cut, message_id, quiet, stamp, story, title

SIZE_CAP: Final = 64 * 1024
_SLACK_WORD = re.compile(r"[a-z]{1,20}(?:_[a-z]{1,20}){1,5}")
"""How Slack says what is wrong: `no_service`, `channel_is_archived`."""

# urllib3 tells at DEBUG the path of each request, and that of a webhook is a secret
logging.getLogger("urllib3.connectionpool").addFilter(lambda record: record.levelno > logging.DEBUG)


def post(webhook: Webhook, telling: Telling, *, timeout_s: float) -> None:
    """Post an alarm, or many in one; raises what `deliver` raises."""
    deliver(webhook, BODIES[webhook.format](telling), timeout_s=timeout_s)


def deliver(webhook: Webhook, body: object, *, timeout_s: float, under: str = "") -> None:
    """Post a body to where a webhook leads, or to a path under that.

    Raises:
        Undelivered: the server did not take it.
        SecretUnreadable: the address, or what is sent with it, cannot be read.
    """
    url = _address(webhook)
    parts = urlsplit(url)
    root = f"{parts.scheme}://{parts.netloc}"
    # the query goes with the path, as it stands: a signature in it may not survive being taken apart
    path = urlunsplit(("", "", f"{parts.path.rstrip('/')}{under}" if under else parts.path or "/", parts.query, ""))
    connection = Connection(
        root,
        timeout_s=timeout_s,
        connect_timeout_s=timeout_s,
        ca=webhook.ca,
        proxy=webhook.proxy,
        headers=webhook.headers,
    )
    with closing(Session(connection, size_cap=SIZE_CAP)) as session:
        try:
            answer = session.send("POST", path, body=body)
        except NoAnswer as error:
            why = str(error).partition(": ")[2]  # what stands before is what was asked, and that is the address
            raise Undelivered(why or "no answer came", again=True) from None
    _judge(answer)


def _address(webhook: Webhook) -> str:
    if isinstance(webhook.url, str):
        return webhook.url
    url = webhook.url.read().strip()
    if problem := webhook_problem(url, insecure_http=webhook.insecure_http):
        raise Undelivered(f"{webhook.url}: {problem}", again=False)
    return url


def _judge(answer: Answer) -> None:
    """Take a 2xx for delivered; of anything else only the status is told, and Slack's own word for it."""
    if 200 <= answer.status < 300:
        return
    word = answer.body.decode(errors="replace").strip()
    shown = f"{answer.status} ({word})" if _SLACK_WORD.fullmatch(word) else str(answer.status)
    if answer.status == 429 or answer.status >= 500:
        after_s = wanted_s(answer.headers)
        raise Undelivered(f"the answer was {shown}", again=True, after_s=after_s)
    raise Undelivered(f"the answer was {shown}; look at the address and what it wants", again=False)


def json_body(telling: Telling) -> Mapping[str, object]:
    """Give the fields of a JSON webhook. They are documented with `[[notify.webhooks]]`; new ones may come, none goes."""
    return {"version": 1, **_fields(telling.whole), "alarms": [_fields(message) for message in telling.alarms]}


def _fields(message: Message) -> Mapping[str, object]:
    return {
        "id": message_id(message),
        "alarm": alarm_id(message),
        "state": "firing" if message.firing else "cleared",
        "kind": message.kind,
        "subject": message.subject,
        "text": message.text,
        "at": stamp(message.at),
        "since": stamp(message.since),
        "runbook": message.runbook,
    }


def slack_body(telling: Telling) -> Mapping[str, object]:
    """Give what Slack takes (docs.slack.dev, "Formatting message text": &, < and > are escaped, nothing else).

    What also takes it, Mattermost and Rocket.Chat, tells everybody in a channel of a plain `@channel`: no name does that.
    """
    message = telling.whole
    sign = ":rotating_light:" if message.firing else ":white_check_mark:"
    return {"text": quiet(_escaped(f"{sign} *{title(message)}*\n{story(replace(message, text=cut(message.text)))}"))}


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


BODIES: Mapping[str, Callable[[Telling], Mapping[str, object]]] = {
    "slack": slack_body,
    "json": json_body,
    "alertmanager": lambda telling: webhook_body(telling.alarms),
}
