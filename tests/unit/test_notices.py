"""Alarms in words: what a webhook, a chat and a mail say, and who may be named as a receiver."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from notify_world import HELD, NOON, SETTINGS, Sending

from syncd.notify import (
    Telling,
    Webhook,
    mailbox,
    webhook_problem,
)
from syncd.notify.mail import mail_of
from syncd.notify.webhook import json_body, slack_body

OVER = replace(HELD, firing=False, at=NOON + timedelta(hours=3))


# --- what is said -----------------------------------------------------------------------------------------------------


def test_the_fields_of_a_json_webhook_stay_as_they_are() -> None:
    expected = {
        "version": 1,
        "id": "2014fd46852332c4e8614f1d4f3b6790",
        "alarm": "495b93ffbb0b6667050c7cb06790d3ff",
        "state": "firing",
        "kind": "held",
        "subject": "finance-prod",
        "text": "12 removals are held: `syncd approve 4f2a`",
        "at": "2026-01-31T12:00:00.000Z",
        "since": "2026-01-31T12:00:00.000Z",
        "runbook": "",
    }

    assert {**expected, "alarms": [{k: v for k, v in expected.items() if k != "version"}]} == json_body(
        Telling((HELD,))
    )


def test_an_alarm_keeps_its_name_and_each_message_has_its_own() -> None:
    again = replace(HELD, at=NOON + timedelta(days=1))
    said = [json_body(Telling((m,))) for m in (HELD, again, OVER)]

    assert ["firing", "firing", "cleared"] == [s["state"] for s in said]
    assert 1 == len({s["alarm"] for s in said})
    assert 3 == len({s["id"] for s in said})
    others = [replace(HELD, subject="x"), replace(HELD, kind="drift"), replace(HELD, since=NOON - timedelta(1))]
    assert 4 == len({json_body(Telling((m,)))["alarm"] for m in (HELD, *others)})


def test_what_slack_reads_as_markup_is_escaped() -> None:
    body = slack_body(Telling((replace(HELD, subject="a&b", text="<!channel> & <@U1|x>"),)))

    says = ":rotating_light: *held: a&amp;b*\n&lt;!channel&gt; &amp; &lt;@U1|x&gt;\nsince 2026-01-31 12:00 UTC"
    assert {"text": says} == body


@pytest.mark.finding("U-B15")
def test_a_message_has_each_fact_once_and_leads_to_what_to_do() -> None:
    body = slack_body(Telling((replace(HELD, text="12 removals", runbook="https://wiki.example.com/syncd#held"),)))

    says = "12 removals\nsince 2026-01-31 12:00 UTC\nwhat to do: https://wiki.example.com/syncd#held"
    assert {"text": f":rotating_light: *held: finance-prod*\n{says}"} == body


def test_slack_hears_that_an_alarm_is_over_and_no_more_than_a_screen() -> None:
    text = str(slack_body(Telling((replace(OVER, text="x" * 5000),)))["text"])

    assert text.startswith(":white_check_mark: *over: held: finance-prod*\nxxx")
    assert text.endswith("since 2026-01-31 12:00 UTC, over 2026-01-31 15:00 UTC")
    assert 3200 > len(text)


def test_a_mail_has_the_headers_of_a_machine_that_writes() -> None:
    written = mail_of(replace(SETTINGS, to=("ops@example.com", "Zoë <zoe@example.com>")), HELD)

    assert "syncd <syncd@example.com>" == written["From"]
    assert "ops@example.com, Zoë <zoe@example.com>" == written["To"]
    assert "[syncd] held: finance-prod" == written["Subject"]
    assert "Sat, 31 Jan 2026 12:00:00 +0000" == written["Date"]
    assert "auto-generated" == written["Auto-Submitted"]
    assert re.fullmatch(r"<[0-9a-f]{32}@example\.com>", written["Message-ID"])
    assert (None, None) == (written["In-Reply-To"], written["References"])
    says = "held: finance-prod\n\n12 removals are held: `syncd approve 4f2a`\nsince 2026-01-31 12:00 UTC\n"
    assert says == written.get_content()


def test_a_mail_is_ascii_whatever_it_says() -> None:
    written = mail_of(replace(SETTINGS, sender="Zoë <zoe@example.com>"), replace(HELD, subject="Zürich", text="Zoë"))

    assert "[syncd] held: Zürich" == written["Subject"]
    assert written.as_bytes().decode("ascii"), "no server has to know of anything else"


def test_an_alarm_and_its_end_are_one_thread() -> None:
    raised, told_late, again, over = (
        mail_of(SETTINGS, m)
        for m in (
            HELD,
            replace(HELD, at=NOON + timedelta(minutes=5)),
            replace(HELD, at=NOON + timedelta(1), is_again=True),
            OVER,
        )
    )

    assert raised["Message-ID"] == told_late["Message-ID"]
    assert 3 == len({m["Message-ID"] for m in (raised, again, over)})
    for later in (again, over):
        assert (raised["Message-ID"],) * 2 == (later["In-Reply-To"], later["References"])
        assert f"Re: {raised['Subject']}" == later["Subject"]
    assert over.get_content().startswith("over: held: finance-prod\n")


def test_line_breaks_in_a_subject_make_no_header() -> None:
    written = mail_of(SETTINGS, replace(HELD, subject="prod\r\nBcc: all@example.com\x00"))

    assert "[syncd] held: prod Bcc: all@example.com" == written["Subject"]
    assert written["Bcc"] is None


def test_nobody_to_tell_is_no_mistake() -> None:
    assert [] == Sending().send(HELD).events


def test_what_nobody_foresaw_is_logged_without_its_words() -> None:
    sending = Sending(Webhook("https://hunter2.example.com", "no such format")).send(HELD)

    assert "unforeseen: KeyError" == sending.only_error


# --- addresses --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "name", "address"),
    [
        ("ops@example.com", "", "ops@example.com"),
        ("<ops@example.com>", "", "ops@example.com"),
        ("Ops Team <ops+x@example.com>", "Ops Team", "ops+x@example.com"),
        ('"Ops, Team" <ops@localhost>', "Ops, Team", "ops@localhost"),
    ],
)
def test_mail_addresses(text: str, name: str, address: str) -> None:
    assert (name, address) == (mailbox(text).display_name, mailbox(text).addr_spec)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ops",
        "@example.com",
        "a@b, c@d",
        "a b@c",
        "a@b>",
        "<a@b",
        "a@b\n",
        ".a@b",
        "a..b@c",
        "ö@b",
        ".<",
        "a\r\nB:c <a@b>",
    ],
)
def test_what_is_no_mail_address(text: str) -> None:
    with pytest.raises(ValueError, match="one mail address is wanted here"):
        mailbox(text)


def test_where_can_be_posted() -> None:
    fine = ["https://a.example.com", "https://a/b?c=d", "http://localhost:1/x", "http://[::1]/x"]

    assert [""] * 4 == [webhook_problem(url, insecure_http=False) for url in fine]
    assert "" == webhook_problem("http://a.example.com/x", insecure_http=True)
    for url in ("ftp://a/b", "https:///b", "https://a/#b", "https://[a/", "https://a:x/"):
        assert webhook_problem(url, insecure_http=True)
