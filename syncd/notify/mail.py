"""E-mail."""

from __future__ import annotations

import base64
import smtplib
import socket
import ssl
from collections.abc import Collection
from contextlib import closing, suppress
from email.message import EmailMessage
from email.policy import SMTP
from typing import Final

from syncd.http.metered import Overdue, TooSlow
from syncd.http.reasons import Bounds, Failure, failure_of, sentence
from syncd.http.secrets import beginning, remember
from syncd.notify.addresses import mailbox
from syncd.notify.settings import Email
from syncd.notify.undelivered import Undelivered
from syncd.notify.words import Message, Telling, alarm_id, headline, message_id, one_line, story, title


def send_mail(settings: Email, telling: Telling, *, timeout_s: float) -> None:
    """Send the mail about an alarm, or about many.

    Raises:
        Undelivered: the server did not take it, for everybody or for somebody.
        SecretUnreadable: the password cannot be read.
    """
    password = settings.password.read() if settings.password else ""
    overdue = Overdue(4 * timeout_s)
    try:
        with overdue, closing(_connected(settings, timeout_s, overdue)) as server:
            if settings.tls == "starttls":
                server.starttls(context=_trust(settings))
            if settings.username:
                _log_in(server, settings.username, password)
            refused = server.send_message(mail_of(settings, telling.whole))
            with suppress(smtplib.SMTPException, OSError):  # it is delivered already
                server.quit()
    except (smtplib.SMTPException, OSError) as error:
        if overdue.struck:
            raise _unanswered(TooSlow(), settings, timeout_s) from None
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


def _log_in(server: smtplib.SMTP, username: str, password: str) -> None:
    plain = base64.b64encode(f"\0{username}\0{password}".encode()).decode()
    remember(plain)
    if username.isascii() and password.isascii():
        server.login(username, password)
        return
    # what smtplib sends is ASCII whatever the mechanism; of all of them only PLAIN says how other characters go (RFC 4616)
    server.ehlo_or_helo_if_needed()
    if "PLAIN" not in server.esmtp_features.get("auth", "").upper().split():
        raise _NotPlain
    code, said = server.docmd("AUTH", f"PLAIN {plain}")
    if code not in (235, 503):  # 503: logged in already
        raise smtplib.SMTPAuthenticationError(code, said)


class _NotPlain(smtplib.SMTPException):
    """The login has characters that none of the server's ways to log in can carry."""


def _trust(settings: Email) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=settings.ca)


def mail_of(settings: Email, message: Message) -> EmailMessage:
    """Write the mail about an alarm. All mails about one alarm are one thread, also where the first of them is missing."""
    made = EmailMessage(SMTP.clone(cte_type="7bit"))
    domain = mailbox(settings.sender).domain
    first = f"<{alarm_id(message)}@{domain}>"
    is_first = message.firing and not message.is_again
    made["From"] = mailbox(settings.sender)
    made["To"] = tuple(map(mailbox, settings.to))
    # the same words throughout: some mail programs part a thread where the subject changes
    made["Subject"] = f"{'' if is_first else 'Re: '}[syncd] {headline(message)}"
    made["Date"] = message.at
    made["Message-ID"] = first if is_first else f"<{message_id(message)}@{domain}>"
    made["Auto-Submitted"] = "auto-generated"
    if not is_first:
        made["In-Reply-To"] = first
        made["References"] = first
    made.set_content(f"{title(message)}\n\n{story(message)}\n")
    return made


def _refused(settings: Email, addresses: Collection[str], *, again: bool) -> Undelivered:
    return Undelivered(f"{settings.server}:{settings.port} refused {', '.join(sorted(addresses))}", again=again)


def _undelivered(error: smtplib.SMTPException | OSError, settings: Email, timeout_s: float) -> Undelivered:
    """Say what went wrong. What a server says of a login is left out."""
    at = f"{settings.server}:{settings.port}"
    match error:
        case _ if type(error) is smtplib.SMTPException:  # the one that login() raises itself
            return Undelivered(f"{at} offers no way to log in that is known here", again=False)
        case _NotPlain():
            told = "the login has characters beyond ASCII, which only AUTH PLAIN carries, and this server does not offer it"
            return Undelivered(f"{at}: {told}; look at `password`", again=False)
        case smtplib.SMTPAuthenticationError(smtp_code=code):
            return Undelivered(f"{at} refused the login with {code}; look at username and password", again=code < 500)
        case smtplib.SMTPNotSupportedError():
            return Undelivered(f"{at} cannot do what is wanted: STARTTLS or login; look at `tls`", again=False)
        case smtplib.SMTPRecipientsRefused(recipients=refused):
            return _refused(settings, refused, again=any(code < 500 for code, _ in refused.values()))
        case smtplib.SMTPServerDisconnected() if "timed out" in str(error):
            return _unanswered(TimeoutError(), settings, timeout_s)
        case smtplib.SMTPServerDisconnected():
            return _unanswered(error, settings, timeout_s)
        case smtplib.SMTPResponseException(smtp_code=code, smtp_error=said):
            text = said.decode(errors="replace") if isinstance(said, bytes) else str(said)
            return Undelivered(f"{at} answered {code} ({beginning(one_line(text), 200)})", again=code < 500)
        case _:
            return _unanswered(error, settings, timeout_s)


_HINTS: Final = {
    Failure.TLS: "look at `tls` and `port`",
    Failure.NO_ANSWER: "look at `port` and `tls`",
    Failure.UNKNOWN_HOST: "look at `server`",
    Failure.TOO_SLOW: "",
}
"""Where to look in the table of a mail server."""


def _unanswered(error: Exception, settings: Email, timeout_s: float) -> Undelivered:
    failure = failure_of(error)
    why = sentence(failure, Bounds(timeout_s, timeout_s), error, hints=_HINTS)
    is_passing = failure not in (Failure.UNTRUSTED, Failure.TLS)
    return Undelivered(f"{settings.server}:{settings.port}: {why}", again=is_passing)
