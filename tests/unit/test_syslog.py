"""What a line of the journal is as a message of syslog."""

from __future__ import annotations

import json
from hashlib import sha256

import pytest
from syslog_server import frames, parsed

from syncd.render.syslog import LARGEST, SyslogOrigin, framed, syslog_message

HERE = SyslogOrigin("ops-1.example.com", 4711)


def line(**more: object) -> str:
    return json.dumps({"seq": 17, "prev": "0" * 64, "at": "2026-03-01T12:00:00.123456+00:00", "kind": "plan", **more})


def test_a_message_has_the_line_and_what_a_server_sorts_by() -> None:
    record = line(remark='J\u00fcrgen said "]"')

    assert {
        "priority": "110",  # log audit (13), informational (6)
        "version": "1",
        "time": "2026-03-01T12:00:00.123456+00:00",
        "host": "ops-1.example.com",
        "app": "syncd",
        "process": "4711",
        "kind": "plan",
        "data": '[syncd@32473 record="17"]',
        "text": record,
    } == parsed(syslog_message(record, HERE))


@pytest.mark.parametrize(("status", "severity"), [("failed", 4), ("unknown", 4), ("applied", 6), ("skipped", 6)])
def test_what_failed_is_a_warning(status: str, severity: int) -> None:
    assert str(13 * 8 + severity) == parsed(syslog_message(line(status=status), HERE))["priority"]


@pytest.mark.parametrize(("host", "told"), [("b\u00fcro 1", "bro1"), ("", "-"), ("h" * 300, "h" * 255)])
def test_a_host_that_cannot_stand_in_a_header_is_made_to(host: str, told: str) -> None:
    assert told == parsed(syslog_message(line(), SyslogOrigin(host, 1)))["host"]


def test_facts_are_where_the_form_has_them() -> None:
    event = json.dumps({"metadata": {}, "unmapped": json.loads(line(status="failed"))})

    assert "108" == parsed(syslog_message(event, HERE, facts_in="unmapped"))["priority"]


def test_what_is_too_long_says_what_it_was() -> None:
    head = len(syslog_message(line(x=""), HERE))
    fits, too_long = line(x="x" * (LARGEST - head)), line(x="x" * (LARGEST - head + 1))

    assert (LARGEST, fits) == (len(syslog_message(fits, HERE)), parsed(syslog_message(fits, HERE))["text"])
    cut = parsed(syslog_message(too_long, HERE))
    assert f'[syncd@32473 record="17" octets="{len(too_long)}"]' == cut["data"]
    assert {
        "seq": 17,
        "at": "2026-03-01T12:00:00.123456+00:00",
        "kind": "plan",
        "octets": len(too_long),
        "sha256": sha256(too_long.encode()).hexdigest(),
    } == json.loads(cut["text"])


def test_frames_say_how_long_each_message_is() -> None:
    assert [b"a 1", b"22 b"] == list(frames(framed([b"a 1", b"22 b"])))
