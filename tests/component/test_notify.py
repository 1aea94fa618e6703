"""Alarms to people: what is posted, what is mailed, what is tried again, and what nobody may read in a log."""

from __future__ import annotations

import base64
import json
import logging
import re
import ssl
from collections.abc import Iterator
from dataclasses import replace
from email.message import EmailMessage
from io import StringIO
from pathlib import Path
from threading import Event

import pytest
from notify_world import HELD, NOON, SETTINGS, Chat, Post, Sending, chat_service, mail_server, write_certificate

from syncd.http.secrets import Secret
from syncd.notify import (
    Email,
    Message,
    Telling,
    Webhook,
)
from syncd.notify.mail import mail_of
from syncd.notify.webhook import BODIES, json_body, slack_body

SENT = replace(HELD, runbook="docs/runbook.md#held")


@pytest.fixture
def chat() -> Iterator[Chat]:
    with chat_service() as found:
        yield found


@pytest.fixture
def post() -> Iterator[Post]:
    with mail_server() as found:
        yield found


# --- webhooks ---------------------------------------------------------------------------------------------------------


@pytest.mark.finding("N-408")
def test_no_name_calls_a_whole_channel_or_turns_what_people_read_around() -> None:
    """Slack takes `<!channel>`, Mattermost and Rocket.Chat a plain `@channel`, for a call to everybody."""
    names = "<!channel> @channel (@here) @all. x@all.example @Everyone @alliance <https://evil.example|ok> & \u202e\x07"
    message = Message("held", names, f"{names}\nlook", firing=True, at=NOON, since=NOON)

    text = str(slack_body(Telling((message,)))["text"])

    assert [] == re.findall(r"<|>|(?i:(?<!\w)@(?:channel|here|all|everyone)\b)|[\u202e\x07]", text)
    assert {"x@all.example", "@alliance", "&lt;!channel&gt;", "&amp;"} <= set(text.split())
    assert r"\u202e\x07" in text
    assert "\nlook\n" in text
    assert names in str(json_body(Telling((message,)))["text"]), "a program gets every name as it is"


@pytest.mark.finding("N-408")
def test_no_name_acts_in_a_mail() -> None:
    message = Message("held", "prod", "<b>a</b> \u202e\x1b[2J\nlook", firing=True, at=NOON, since=NOON)
    settings = Email("mail.example", 25, sender="syncd@example.com", to=("ops@example.com",))
    mail = mail_of(settings, message)

    assert ("text/plain", True) == (mail.get_content_type(), r"<b>a</b> \u202e\x1b[2J" in mail.get_content())


def test_a_webhook_gets_json_at_its_path_and_query(chat: Chat) -> None:
    hook = Webhook(f"{chat.url}/hooks/x?sig=a%2Fb%20c&flag", "json", headers={"Authorization": "Bearer x"})
    sending = Sending(hook).send(HELD)

    [(path, headers, body)] = chat.posts
    assert ("/hooks/x?sig=a%2Fb%20c&flag", "application/json") == (path, headers["content-type"])
    assert ("Bearer x", json_body(Telling((SENT,)))) == (headers["authorization"], json.loads(body))
    facts = {"to": "notify.webhooks[1]", "kind": "held", "subject": "finance-prod", "firing": True}
    assert [("notification_sent", facts)] == sending.events


def test_each_place_gets_the_kinds_it_wants(chat: Chat, post: Post) -> None:
    everything, drift = Webhook(f"{chat.url}/all"), Webhook(f"{chat.url}/drift", kinds=frozenset({"drift"}))
    email = replace(SETTINGS, port=post.port, kinds=frozenset({"held"}))
    Sending(everything, drift, email=email).send(HELD, replace(HELD, kind="drift"))

    assert ["/all", "/all", "/drift"] == [path for path, _, _ in chat.posts]
    assert ["[syncd] held: finance-prod"] == [m["Subject"] for m in post.mails]


def test_the_address_is_read_when_it_is_needed(chat: Chat, tmp_path: Path) -> None:
    place = tmp_path / "url"
    sending = Sending(Webhook(Secret("file", (str(place),))))
    for path in ("/one", "/two"):
        place.write_text(f"{chat.url}{path}\n", encoding="utf-8")
        sending.send(HELD)

    assert ["/one", "/two"] == [path for path, _, _ in chat.posts]


def test_what_may_pass_is_tried_again_and_then_given_up(chat: Chat) -> None:
    chat.answers = [(500, {}, b""), (503, {}, b""), (200, {}, b"ok")]
    sending = Sending(Webhook(chat.url)).send(HELD)
    assert ([("notification_sent", None)], [2.0, 4.0], 3) == (sending.outcomes, sending.waits, len(chat.posts))

    chat.answers = [(500, {}, b"")] * 4
    sending = Sending(Webhook(chat.url)).send(HELD)
    assert ([("notification_failed", "the answer was 500")], 6) == (sending.outcomes, len(chat.posts))


def test_a_server_says_when_to_come_back_within_reason(chat: Chat) -> None:
    chat.answers = [(429, {"Retry-After": "7"}, b""), (429, {"Retry-After": "86400"}, b"")]
    sending = Sending(Webhook(chat.url)).send(HELD)

    assert ([("notification_sent", None)], [7.0, 30.0]) == (sending.outcomes, sending.waits)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ((404, {}, b"no_service"), "the answer was 404 (no_service); look at the address and what it wants"),
        ((404, {}, b"/hooks/hunter2 is not here"), "the answer was 404; look at the address and what it wants"),
        ((302, {"Location": "/login?hunter2"}, b""), "the answer was 302; look at the address and what it wants"),
        (
            (400, {"Content-Type": "application/json"}, b'{"detail": "hunter2"}'),
            "the answer was 400; look at the address and what it wants",
        ),
    ],
)
def test_a_refusal_is_not_tried_again(chat: Chat, answer: tuple[int, dict[str, str], bytes], says: str) -> None:
    chat.answers = [answer]
    sending = Sending(Webhook(f"{chat.url}/hooks/hunter2")).send(HELD)

    assert ([("notification_failed", says)], 1) == (sending.outcomes, len(chat.posts))


def test_silence_ends(chat: Chat) -> None:
    chat.silent = Event()
    sending = Sending(Webhook(f"{chat.url}/hunter2"), timeout_s=0.05).send(HELD)
    chat.silent.set()

    assert 3 == len(chat.posts)
    assert sending.only_error.startswith("no answer within 0.05 s")


def test_one_dead_place_keeps_nothing_from_the_others(chat: Chat) -> None:
    with chat_service() as gone:
        pass
    sending = Sending(Webhook(f"{gone.url}/hunter2"), Webhook(chat.url)).send(HELD)

    refused = ("notification_failed", "the connection was refused; is the server running?")
    assert [refused, ("notification_sent", None)] == sending.outcomes
    assert 1 == len(chat.posts)


@pytest.mark.parametrize(
    ("says", "problem"),
    [
        ("hunter2", "an address such as https://chat.example.com/hooks/... is wanted here"),
        ("http://chat.example.com/hunter2", "http:// to another machine shows alarms to everybody on the way"),
        ("https://chat.example.com/hun ter2", "an address has only ASCII characters and no blanks"),
        ("https://hunter2@chat.example.com/", "user name and password are not written into an address"),
        ("", "is empty"),
    ],
)
def test_a_secret_that_is_no_address_is_not_told(tmp_path: Path, says: str, problem: str) -> None:
    (tmp_path / "url").write_text(says, encoding="utf-8")
    sending = Sending(Webhook(Secret("file", (f"{tmp_path}/url",)))).send(HELD)

    assert sending.only_error.startswith(f"file:{tmp_path}/url: {problem}")
    assert "hunter2" not in sending.only_error
    assert [] == sending.waits


def test_an_address_is_in_no_log_not_even_the_loudest(chat: Chat) -> None:
    said = StringIO()
    handler, root = logging.StreamHandler(said), logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.NOTSET)
    logging.getLogger("urllib3").setLevel(logging.DEBUG)
    try:
        chat.answers = [(500, {}, b"hunter2")] * 3
        sending = Sending(Webhook(f"{chat.url}/hooks/hunter2")).send(HELD, HELD)
    finally:
        logging.getLogger("urllib3").setLevel(logging.NOTSET)
        root.setLevel(level)
        root.removeHandler(handler)

    assert 4 == len(chat.posts)
    assert "hunter2" not in said.getvalue() + repr(sending.events)


# --- mail -------------------------------------------------------------------------------------------------------------


def test_a_mail_arrives_as_it_was_written(post: Post) -> None:
    email = replace(SETTINGS, port=post.port, to=("ops@example.com", "Zoë <zoe@example.com>"))
    sending = Sending(email=email).send(replace(HELD, text="Zoë\n.\nloses 12 roles"))

    [mail_] = post.mails
    assert isinstance(mail_, EmailMessage)
    story = "Zoë\n.\nloses 12 roles\nsince 2026-01-31 12:00 UTC\nwhat to do: docs/runbook.md#held"
    assert f"held: finance-prod\n\n{story}\n" == mail_.get_content()
    assert ["<ops@example.com>", "<zoe@example.com>"] == post.recipients
    assert ([("notification_sent", None)], []) == (sending.outcomes, post.logins)


@pytest.fixture
def trusted(post: Post, tmp_path: Path) -> Email:
    """Settings for a server that speaks TLS and wants a login."""
    certificate, key = write_certificate(tmp_path)
    post.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    post.tls.load_cert_chain(certificate, key)
    (tmp_path / "pw").write_text("hunter2\n", encoding="utf-8")
    password = Secret("file", (f"{tmp_path}/pw",))
    return replace(SETTINGS, port=post.port, tls="starttls", ca=certificate, username="syncd", password=password)


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_the_password_is_sent_after_tls_only(post: Post, trusted: Email, tls: str) -> None:
    post.implicit = tls == "implicit"
    sending = Sending(email=replace(trusted, tls=tls)).send(HELD)

    assert [("notification_sent", None)] == sending.outcomes
    assert ([("\0syncd\0hunter2", True)], 1) == (post.logins, len(post.mails))


@pytest.mark.finding("I-F6")
@pytest.mark.parametrize(("username", "password"), [("syncd", "grüße-日本"), ("søren", "hunter2")])
@pytest.mark.parametrize("offer", ["AUTH PLAIN", "AUTH LOGIN PLAIN", "AUTH CRAM-MD5 plain"])
def test_a_login_beyond_ascii_is_sent_in_utf_8(
    post: Post, trusted: Email, tmp_path: Path, username: str, password: str, offer: str
) -> None:
    post.extensions = ("STARTTLS", offer)
    (tmp_path / "pw").write_text(f"{password}\n", encoding="utf-8")
    sending = Sending(email=replace(trusted, username=username)).send(HELD)

    assert [("notification_sent", None)] == sending.outcomes
    assert ([(f"\0{username}\0{password}", True)], 1) == (post.logins, len(post.mails))


@pytest.mark.finding("I-F6")
def test_a_login_beyond_ascii_that_the_server_cannot_take_is_a_sentence(
    post: Post, trusted: Email, tmp_path: Path
) -> None:
    post.extensions = ("STARTTLS", "AUTH LOGIN")
    (tmp_path / "pw").write_text("grüße-hunter2\n", encoding="utf-8")
    sending = Sending(email=trusted).send(HELD)

    assert sending.only_error.startswith(
        f"127.0.0.1:{post.port}: the login has characters beyond ASCII, which only AUTH"
    )
    assert (1, [], []) == (post.connections, post.logins, post.mails)
    assert "hunter2" not in sending.only_error


@pytest.mark.finding("I-F6")
def test_a_login_beyond_ascii_that_is_refused_is_told_as_any(post: Post, trusted: Email, tmp_path: Path) -> None:
    post.answers = {"AUTH": ["535 no"]}
    (tmp_path / "pw").write_text("grüße-hunter2\n", encoding="utf-8")

    said = Sending(email=trusted).send(HELD).only_error

    assert f"127.0.0.1:{post.port} refused the login with 535; look at username and password" == said


@pytest.mark.finding("I-F10")
def test_starttls_at_a_port_of_implicit_tls_names_port_and_tls(post: Post, trusted: Email) -> None:
    post.implicit = True
    sending = Sending(email=trusted, timeout_s=0.2).send(HELD)

    assert f"127.0.0.1:{post.port}: no answer within 0.2 s; look at `port` and `tls`" == sending.only_error


def test_a_server_without_tls_gets_nothing(post: Post, trusted: Email) -> None:
    post.extensions = ("AUTH PLAIN",)
    sending = Sending(email=trusted).send(HELD)

    assert "cannot do what is wanted: STARTTLS or login; look at `tls`" in sending.only_error
    assert (1, [], []) == (post.connections, post.logins, post.mails)


def test_a_server_that_nobody_vouches_for_gets_nothing(post: Post, trusted: Email) -> None:
    sending = Sending(email=replace(trusted, ca=None)).send(HELD)

    assert "its certificate is not trusted (self-signed certificate); set `ca`" in sending.only_error
    assert (1, [], []) == (post.connections, post.logins, post.mails)


@pytest.mark.parametrize(
    ("verb", "answer", "says", "tries"),
    [
        ("AUTH", "535 hunter2 is wrong", "refused the login with 535; look at username and password", 1),
        ("AUTH", "454 later", None, 2),
        ("MAIL", "550 not\x07 from you", "answered 550 (not from you)", 1),
        ("MAIL", "451 later", None, 2),
        ("RCPT", "550 nobody", "refused ops@example.com", 1),
        ("RCPT", "450 greylisted", None, 2),
        ("DATA", "554 spam", "answered 554 (spam)", 1),
        ("DATA", "", None, 2),
        ("QUIT", "500 stay", None, 1),
    ],
)
def test_what_a_mail_server_may_say(
    post: Post, trusted: Email, verb: str, answer: str, says: str | None, tries: int
) -> None:
    post.answers = {verb: [answer]}
    sending = Sending(email=trusted).send(HELD)

    if says:
        assert f"127.0.0.1:{post.port} {says}" == sending.only_error
    else:
        assert ([("notification_sent", None)], 1) == (sending.outcomes, len(post.mails))
    assert tries == post.connections


@pytest.mark.finding("N-106")
@pytest.mark.parametrize("pad", [0, 185])
def test_a_mail_server_that_repeats_the_login_shows_it_to_nobody(
    post: Post, trusted: Email, tmp_path: Path, pad: int
) -> None:
    (tmp_path / "pw").write_text("planted-mail-password\n", encoding="utf-8")
    said = base64.b64encode(b"\0syncd\0planted-mail-password").decode()
    post.answers = {"MAIL": [f"550 {'x' * pad} {said} planted-mail-password"]}

    sending = Sending(email=trusted).send(HELD)

    assert "[secret" in sending.only_error
    assert said[:9] not in sending.only_error
    assert "planted" not in sending.only_error


@pytest.mark.finding("N-109")
@pytest.mark.parametrize("text", ["group x\ud800 was not read whole", "\udc80", "a\x00b"])
def test_an_alarm_with_half_a_character_is_delivered_everywhere(chat: Chat, post: Post, text: str) -> None:
    email = replace(SETTINGS, port=post.port)
    webhooks = [Webhook(chat.url, format=name) for name in ("slack", "json")]

    sending = Sending(*webhooks, email=email).send(replace(HELD, text=text, subject=f"a{text}"))

    assert [("notification_sent", None)] * 3 == sending.outcomes
    assert (2, 1) == (len(chat.posts), len(post.mails))


def test_who_can_be_reached_is_and_the_rest_is_named(post: Post) -> None:
    post.answers = {"RCPT": ["550 nobody"]}
    email = replace(SETTINGS, port=post.port, to=("gone@example.com", "ops@example.com"))
    sending = Sending(email=email).send(HELD)

    assert f"127.0.0.1:{post.port} refused gone@example.com" == sending.only_error
    assert (1, 1) == (post.connections, len(post.mails))


def test_a_silent_mail_server_is_given_up(post: Post) -> None:
    post.silent = Event()
    sending = Sending(email=replace(SETTINGS, port=post.port), timeout_s=0.05).send(HELD)
    post.silent.set()

    assert f"127.0.0.1:{post.port}: no answer within 0.05 s" in sending.only_error
    assert (3, [2.0, 4.0]) == (post.connections, sending.waits)


def test_a_mail_server_that_is_away_is_tried_again(tmp_path: Path) -> None:
    with mail_server() as gone:
        pass
    sending = Sending(email=replace(SETTINGS, port=gone.port)).send(HELD)

    assert f"127.0.0.1:{gone.port}: the connection was refused; is the server running?" == sending.only_error
    assert [2.0, 4.0] == sending.waits


def test_a_password_that_is_not_there_is_named_by_its_place(post: Post, tmp_path: Path) -> None:
    password = Secret("file", (f"{tmp_path}/pw",))
    sending = Sending(email=replace(SETTINGS, port=post.port, username="syncd", password=password)).send(HELD)

    assert f"file:{tmp_path}/pw: No such file or directory" == sending.only_error
    assert 0 == post.connections


# --- many in one ------------------------------------------------------------------------------------------------------

DOWN = [replace(HELD, kind="unreachable", subject=f"airflow-{number:03}", text="no answer") for number in range(1200)]


def test_up_to_three_are_told_singly_and_more_are_one_message_everywhere(chat: Chat, post: Post) -> None:
    webhooks = [Webhook(f"{chat.url}/{form}", format=form) for form in BODIES]
    sending = Sending(*webhooks, email=replace(SETTINGS, port=post.port))
    sending.notifier.send(DOWN[:3])
    assert (3 * len(BODIES), 3) == (len(chat.posts), len(post.mails))

    sending.notifier.send(DOWN[:100])
    assert (4 * len(BODIES), 4) == (len(chat.posts), len(post.mails))
    bodies = {path.strip("/"): body.decode() for path, _, body in chat.posts[-len(BODIES) :]}
    assert 100 == len(json.loads(bodies["json"])["alarms"]) == len(json.loads(bodies["alertmanager"])["alerts"])
    assert "[syncd] unreachable: 100 alarms" == post.mails[-1]["Subject"]
    for text in (bodies["slack"], post.mails[-1].get_content()):
        assert "unreachable, 100: airflow-000, airflow-001" in text
        assert "and 80 more" in text
        assert "what to do: docs/runbook.md#unreachable" in text


def test_who_wants_a_few_kinds_gets_these_singly_out_of_many(chat: Chat) -> None:
    everything, held = Webhook(f"{chat.url}/all", "json"), Webhook(f"{chat.url}/held", "json", frozenset({"held"}))
    Sending(everything, held).notifier.send([*DOWN[:10], HELD])

    said = [(path, json.loads(body)["kind"], json.loads(body)["subject"]) for path, _, body in chat.posts]
    assert [("/all", "several", "11 alarms: unreachable (10), held (1)"), ("/held", "held", "finance-prod")] == said


def test_who_wants_to_hear_of_no_end_hears_of_none(chat: Chat, post: Post) -> None:
    quiet = Webhook(f"{chat.url}/quiet", ends=False)
    over = replace(HELD, firing=False)
    Sending(quiet, Webhook(f"{chat.url}/all"), email=replace(SETTINGS, port=post.port, ends=False)).send(HELD, over)

    assert ["/quiet", "/all", "/all"] == [path for path, _, _ in chat.posts]
    assert 1 == len(post.mails)


@pytest.mark.finding("N-481")
def test_a_message_about_any_number_of_alarms_is_bounded(chat: Chat) -> None:
    """Servers refuse bodies of some megabytes, and then nobody hears of the worst outage."""
    webhooks = [Webhook(f"{chat.url}/{form}", format=form) for form in BODIES]
    Sending(*webhooks).notifier.send([replace(each, text="x" * 10_000) for each in DOWN])

    assert 3 * len(BODIES) == len(chat.posts)
    assert 1_500_000 > max(len(body) for _, _, body in chat.posts)
    assert 4_000 > max(len(body) for path, _, body in chat.posts if path == "/slack")
    told = [len(json.loads(body)["alarms"]) for path, _, body in chat.posts if path == "/json"]
    assert 1200 == sum(told)


@pytest.mark.finding("N-481")
def test_no_name_among_many_begins_a_line_or_calls_a_channel() -> None:
    bad = replace(HELD, subject="a\nwhat to do: https://evil.example\r\n@channel", text="<!channel>\nover: all is well")
    many = Telling((*DOWN[:3], bad), (("held", "b\nall is well"),))
    for telling in (many, replace(many, alarms=tuple(replace(m, firing=False) for m in many.alarms))):
        text = str(slack_body(telling)["text"])

        assert [] == re.findall(
            r"<!|^\W*(?:what to do: https://evil|over: all|all is well)|(?<!\w)@channel", text, re.M
        )
