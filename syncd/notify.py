"""Alarms to people: webhooks (Slack's shape, or plain JSON) and e-mail.

What cannot be delivered is tried again, then logged, and never raised: nothing waits for a chat service. The address of a
webhook often is a secret itself, so it is in no message and no log, neither what was in its path nor what a server said of it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import re
import smtplib
import socket
import ssl
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import urlsplit, urlunsplit

from syncd.answers import retry_after_s
from syncd.http.answer import Answer
from syncd.http.connection import Connection
from syncd.http.metered import Overdue
from syncd.http.secrets import Secret, SecretUnreadable, beginning, blotted, remember
from syncd.http.session import NoAnswer, Session

TIMEOUT_S: Final = 10.0
WAITS_S: Final = (1.0, 4.0)
"""Pauses before the second try and the third, which is the last."""
LONGEST_WAIT_S: Final = 30.0
"""So long at most a server may make the next try wait."""
SHORTEST_REPEAT: Final = timedelta(minutes=1)
"""What lasts is told again after so long at the earliest; what is told sooner is told for the first time."""
SIZE_CAP: Final = 64 * 1024
LONGEST_TEXT: Final = 3000
"""Characters of a text that a chat gets; Slack cuts after 40,000 and people stop much earlier."""
_SLACK_WORD = re.compile(r"[a-z]{1,20}(?:_[a-z]{1,20}){1,5}")
"""How Slack says what is wrong: `no_service`, `channel_is_archived`."""
_ATOMS = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
_DOMAIN = r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*"
_MAILBOX = re.compile(
    rf"""(?:(?P<name>"[^"\\]*"\x20*|[^"\\<>,;:@()\[\]]*)<)?(?P<address>{_ATOMS}@{_DOMAIN})(?(name)>)"""
)
"""Plainer than RFC 5322: Python's parser of it stumbles over some texts."""

# urllib3 tells at DEBUG the path of each request, and that of a webhook is a secret
logging.getLogger("urllib3.connectionpool").addFilter(lambda record: record.levelno > logging.DEBUG)


@dataclass(frozen=True, slots=True)
class Webhook:
    """An address that alarms are posted to. `kinds`: which ones; empty: all."""

    url: str | Secret
    format: str = "slack"
    kinds: frozenset[str] = frozenset()
    insecure_http: bool = False
    """Whether a `http://` address that is not this machine may be used."""
    ca: Path | None = None
    proxy: str | None = None
    headers: Mapping[str, str | Secret] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Email:
    """A mail server and who gets mail from it. `kinds`: which alarms; empty: all."""

    server: str
    port: int
    sender: str
    to: tuple[str, ...]
    tls: str = "starttls"
    """`starttls`, `implicit` (TLS from the first byte) or `none`."""
    username: str | None = None
    password: Secret | None = None
    ca: Path | None = None
    kinds: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class NotifySettings:
    """Who hears of alarms, and how often one that lasts is told again."""

    repeat: timedelta = timedelta(hours=24)
    webhooks: tuple[Webhook, ...] = ()
    email: Email | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """One alarm at one moment: it was raised, it lasts, or (`firing` false) it is over. Times are aware.

    `since` is when it was raised; kind, subject and `since` together tell one alarm from every other.
    """

    kind: str
    subject: str
    text: str
    firing: bool
    at: datetime
    since: datetime


# --- what an address must be: asked when a configuration is read, and again of what a secret turns out to be ----------


def is_loopback(host: str) -> bool:
    """Say whether a host is this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.casefold() == "localhost"


def webhook_problem(url: str, *, insecure_http: bool) -> str:
    """Say why nothing can be posted to an address, without repeating it; empty: it can."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return "this is no address"
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.fragment:
        return "an address such as https://chat.example.com/hooks/... is wanted here"
    if not url.isascii() or not url.isprintable() or " " in url:
        return "an address has only ASCII characters and no blanks; write others as %xx"
    if parts.username is not None:
        return "user name and password are not written into an address; use headers"
    if parts.scheme == "http" and not insecure_http and not is_loopback(parts.hostname):
        return (
            "http:// to another machine shows alarms to everybody on the way: "
            "write https://, or insecure_http = true where the network in between is yours"
        )
    return ""


def mailbox(text: str) -> Address:
    """Read one mail address, with a name in front or without: `syncd <syncd@example.com>`.

    Raises:
        ValueError: it is none, or several.
    """
    found = _MAILBOX.fullmatch(text)
    if not found or not text.isprintable():
        raise ValueError('one mail address is wanted here, such as "ops@example.com" or "Ops <ops@example.com>"')
    return Address((found["name"] or "").strip(' "'), addr_spec=found["address"])


# --- delivery ---------------------------------------------------------------------------------------------------------


class Emit(Protocol):
    """Takes an event and its facts."""

    def __call__(self, event: str, /, **facts: object) -> None: ...


class _Undelivered(Exception):
    """Says why, in words that hold nothing secret; `again`: whether another try may help, and if it was said, when."""

    def __init__(self, why: str, *, again: bool, after_s: float | None = None) -> None:
        super().__init__(why)
        self.again = again
        self.after_s = after_s


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

    def send(self, message: Message) -> None:
        """Tell everybody who wants to hear of this kind; what fails is logged as `notification_failed`."""
        for place in self._places:
            if not place.kinds or message.kind in place.kinds:
                self._deliver(place, message)

    def _deliver(self, place: _Place, message: Message) -> None:
        message = replace(message, text=_sendable(blotted(message.text)), subject=_sendable(message.subject))
        facts = {"to": place.name, "kind": message.kind, "subject": message.subject, "firing": message.firing}
        try:
            self._tried(place, message)
        except (_Undelivered, SecretUnreadable) as failure:
            self._emit("notification_failed", error=str(failure), **facts)
        except Exception as error:  # noqa: BLE001 - an alarm never hurts who raised it; its text may hold an address
            self._emit("notification_failed", error=f"unforeseen: {type(error).__name__}", **facts)
        else:
            self._emit("notification_sent", **facts)

    def _tried(self, place: _Place, message: Message) -> None:
        for wait_s in (*WAITS_S, None):
            try:
                place.deliver(message)
                return
            except _Undelivered as failure:
                if not failure.again or wait_s is None:
                    raise
                self._pause(wait_s if failure.after_s is None else min(failure.after_s, LONGEST_WAIT_S))


@dataclass(frozen=True, slots=True)
class _Place:
    """Where alarms go: its place in the configuration, the kinds it wants (empty: all), and how to deliver there."""

    name: str
    kinds: frozenset[str]
    deliver: Callable[[Message], None]


def _places(settings: NotifySettings, timeout_s: float) -> Iterator[_Place]:
    for number, webhook in enumerate(settings.webhooks, start=1):
        yield _Place(f"notify.webhooks[{number}]", webhook.kinds, partial(_post, webhook, timeout_s=timeout_s))
    if settings.email:
        yield _Place("notify.email", settings.email.kinds, partial(_mail, settings.email, timeout_s=timeout_s))


# --- webhooks ---------------------------------------------------------------------------------------------------------


def _post(webhook: Webhook, message: Message, *, timeout_s: float) -> None:
    url = _address(webhook)
    parts = urlsplit(url)
    root = f"{parts.scheme}://{parts.netloc}"
    # the query goes with the path, as it stands: a signature in it may not survive being taken apart
    path = urlunsplit(("", "", parts.path or "/", parts.query, ""))
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
            answer = session.send("POST", path, body=BODIES[webhook.format](message))
        except NoAnswer as error:
            why = str(error).partition(": ")[2]  # what stands before is what was asked, and that is the address
            raise _Undelivered(why or "no answer came", again=True) from None
    _judge(answer)


def _address(webhook: Webhook) -> str:
    if isinstance(webhook.url, str):
        return webhook.url
    url = webhook.url.read().strip()
    if problem := webhook_problem(url, insecure_http=webhook.insecure_http):
        raise _Undelivered(f"{webhook.url}: {problem}", again=False)
    return url


def _judge(answer: Answer) -> None:
    """Take a 2xx for delivered; of anything else only the status is told, and Slack's own word for it."""
    if 200 <= answer.status < 300:
        return
    word = answer.body.decode(errors="replace").strip()
    shown = f"{answer.status} ({word})" if _SLACK_WORD.fullmatch(word) else str(answer.status)
    if answer.status == 429 or answer.status >= 500:
        after_s = retry_after_s(answer.headers.get("retry-after"), now=datetime.now(UTC))
        raise _Undelivered(f"the answer was {shown}", again=True, after_s=after_s)
    raise _Undelivered(f"the answer was {shown}; look at the address and what it wants", again=False)


def json_body(message: Message) -> Mapping[str, object]:
    """Give the fields of a JSON webhook. They are documented with `[[notify.webhooks]]`; new ones may come, none goes."""
    return {
        "version": 1,
        "id": _id(message),
        "alarm": _alarm(message),
        "state": "firing" if message.firing else "cleared",
        "kind": message.kind,
        "subject": message.subject,
        "text": message.text,
        "at": _stamp(message.at),
        "since": _stamp(message.since),
    }


def slack_body(message: Message) -> Mapping[str, object]:
    """Give what Slack takes (docs.slack.dev, "Formatting message text": &, < and > are escaped, nothing else)."""
    sign = ":rotating_light:" if message.firing else ":white_check_mark:"
    return {"text": _escaped(f"{sign} *{_title(message)}*\n{_cut(_story(message))}")}


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


BODIES: Mapping[str, Callable[[Message], Mapping[str, object]]] = {"slack": slack_body, "json": json_body}


# --- mail -------------------------------------------------------------------------------------------------------------


def _mail(settings: Email, message: Message, *, timeout_s: float) -> None:
    password = settings.password.read() if settings.password else ""
    overdue = Overdue(4 * timeout_s)
    try:
        with overdue, closing(_connected(settings, timeout_s, overdue)) as server:
            if settings.tls == "starttls":
                server.starttls(context=_trust(settings))
            if settings.username:
                remember(
                    base64.b64encode(f"\0{settings.username}\0{password}".encode()).decode()
                )  # as AUTH PLAIN sends it
                server.login(settings.username, password)
            refused = server.send_message(mail(settings, message))
            with suppress(smtplib.SMTPException, OSError):  # it is delivered already
                server.quit()
    except (smtplib.SMTPException, OSError) as error:
        if overdue.struck:
            why = f"{settings.server}:{settings.port}: the answers came too slowly and were given up"
            raise _Undelivered(why, again=True) from None
        raise _undelivered(error, settings, timeout_s) from None
    if refused:  # the others have it: another try would send it to them again
        raise _refused(settings, refused, again=False)


def _connected(settings: Email, timeout_s: float, overdue: Overdue) -> smtplib.SMTP:
    me = socket.gethostname()  # left to itself smtplib looks its own name up in DNS
    if settings.tls == "implicit":
        server: smtplib.SMTP = smtplib.SMTP_SSL(local_hostname=me, timeout=timeout_s, context=_trust(settings))
    else:
        server = smtplib.SMTP(local_hostname=me, timeout=timeout_s)
    overdue.watch(lambda: server.sock)  # another one after STARTTLS
    server._host = settings.server  # type: ignore[attr-defined]  # for TLS; only a constructor that connects sets it
    code, said = server.connect(settings.server, settings.port)
    if code != 220:
        server.close()
        raise smtplib.SMTPConnectError(code, said)
    return server


def _trust(settings: Email) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=settings.ca)


def mail(settings: Email, message: Message) -> EmailMessage:
    """Write the mail about an alarm. All mails about one alarm are one thread, also where the first of them is missing."""
    written = EmailMessage(SMTP.clone(cte_type="7bit"))
    domain = mailbox(settings.sender).domain
    first = f"<{_alarm(message)}@{domain}>"
    is_first = message.firing and message.at - message.since < SHORTEST_REPEAT
    written["From"] = mailbox(settings.sender)
    written["To"] = tuple(map(mailbox, settings.to))
    # the same words throughout: some mail programs part a thread where the subject changes
    written["Subject"] = f"{'' if is_first else 'Re: '}[syncd] {_one_line(message.kind)}: {_one_line(message.subject)}"
    written["Date"] = message.at
    written["Message-ID"] = first if is_first else f"<{_id(message)}@{domain}>"
    written["Auto-Submitted"] = "auto-generated"
    if not is_first:
        written["In-Reply-To"] = first
        written["References"] = first
    written.set_content(f"{_title(message)}\n\n{_story(message)}\n")
    return written


def _refused(settings: Email, addresses: Collection[str], *, again: bool) -> _Undelivered:
    return _Undelivered(f"{settings.server}:{settings.port} refused {', '.join(sorted(addresses))}", again=again)


def _undelivered(error: smtplib.SMTPException | OSError, settings: Email, timeout_s: float) -> _Undelivered:
    """Say what went wrong. What a server says of a login is left out."""
    at = f"{settings.server}:{settings.port}"
    match error:
        case _ if type(error) is smtplib.SMTPException:  # the one that login() raises itself
            return _Undelivered(f"{at} offers no way to log in that is known here", again=False)
        case smtplib.SMTPAuthenticationError(smtp_code=code):
            return _Undelivered(f"{at} refused the login with {code}; look at username and password", again=code < 500)
        case smtplib.SMTPNotSupportedError():
            return _Undelivered(f"{at} cannot do what is wanted: STARTTLS or login; look at `tls`", again=False)
        case smtplib.SMTPRecipientsRefused(recipients=refused):
            return _refused(settings, refused, again=any(code < 500 for code, _ in refused.values()))
        case smtplib.SMTPServerDisconnected() if "timed out" in str(error):
            return _Undelivered(f"{at}: no answer within {timeout_s:g} s", again=True)
        case smtplib.SMTPServerDisconnected():
            return _Undelivered(f"{at} broke the connection off", again=True)
        case smtplib.SMTPResponseException(smtp_code=code, smtp_error=said):
            text = said.decode(errors="replace") if isinstance(said, bytes) else str(said)
            return _Undelivered(f"{at} answered {code} ({beginning(_one_line(text), 200)})", again=code < 500)
        case ssl.SSLCertVerificationError():
            why = f"its certificate is not trusted ({error.verify_message}); set `ca` to the right authority"
            return _Undelivered(f"{at}: {why}", again=False)
        case ssl.SSLError():
            return _Undelivered(f"{at}: no TLS connection; look at `tls` and `port`", again=False)
        case TimeoutError():
            return _Undelivered(f"{at}: no answer within {timeout_s:g} s; look at `port` and `tls`", again=True)
        case OSError() if error.strerror:
            return _Undelivered(f"{at}: {error.strerror}", again=True)
        case _:
            return _Undelivered(f"{at}: {type(error).__name__}", again=True)


# --- words ------------------------------------------------------------------------------------------------------------


def _title(message: Message) -> str:
    return f"{'' if message.firing else 'over: '}{_one_line(message.kind)}: {_one_line(message.subject)}"


def _story(message: Message) -> str:
    since = f"{message.since.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    until = "" if message.firing else f", over {message.at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    return f"{message.text}\nsince {since}{until}"


def _sendable(text: str) -> str:
    """Put a sign in the place of what no mail, and not every chat, can take: names come from elsewhere."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def _one_line(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]}…"


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _alarm(message: Message) -> str:
    """Name an alarm from when it is raised until it is cleared."""
    return _digest(message.kind, message.subject, message.since.astimezone(UTC).isoformat())


def _id(message: Message) -> str:
    """Name one message about an alarm, however often it is delivered."""
    return _digest(_alarm(message), str(message.firing), message.at.astimezone(UTC).isoformat())


def _digest(*parts: str) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]
