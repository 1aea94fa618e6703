"""What an examination makes of answers that the stand-ins do not give."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest

from syncd.cli.doctor import exit_code
from syncd.model import CheckResult
from syncd.sources.entra.examine import no_more, roles_of

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


def token(claims: object) -> str:
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"e30.{payload}.signature"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (token({"roles": ["User.Read.All", "GroupMember.Read.All"]}), {"User.Read.All", "GroupMember.Read.All"}),
        (token({}), None),
        (token([]), None),
        ("opaque", None),
        ("a.b.c", None),
        ("a.!!!.c", None),
    ],
)
def test_the_permissions_in_an_access_token(text: str, expected: set[str] | None) -> None:
    assert expected == roles_of(text)


@pytest.mark.parametrize(
    ("roles", "ok"),
    [
        (None, None),
        ({"User.Read.All", "GroupMember.Read.All"}, True),
        ({"User.Read.All", "GroupMember.Read.All", "Member.Read.Hidden"}, True),
        ({"User.Read.All", "Group.ReadWrite.All"}, None),
    ],
)
def test_more_permissions_than_needed_are_named(roles: set[str] | None, *, ok: bool | None) -> None:
    result = no_more("source entra", roles)
    assert ok is result.ok
    assert ("Group.ReadWrite.All" in result.detail) == (roles is not None and "Group.ReadWrite.All" in roles)


@pytest.mark.parametrize(("seconds", "ok"), [(0, True), (60, True), (-60, True), (61, False), (-61, False)])
def test_clocks_may_differ_by_a_minute(seconds: int, *, ok: bool) -> None:
    assert ok is CheckResult.of_clock("source okta", NOW + timedelta(seconds=seconds), now=NOW).ok


def test_a_server_that_does_not_tell_the_time_is_not_wrong() -> None:
    assert None is CheckResult.of_clock("source okta", None, now=NOW).ok


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ([], 0),
        ([("reachable", True), ("rights", None)], 0),
        ([("reachable", False), ("rights", None)], 5),
        ([("reachable", True), ("rights", False)], 1),
        ([("reachable", False), ("clock", False)], 1),
    ],
)
def test_the_exit_code_is_the_worst_that_was_found(found: list[tuple[str, bool | None]], expected: int) -> None:
    assert expected == exit_code([CheckResult("x", check, ok, "") for check, ok in found])
