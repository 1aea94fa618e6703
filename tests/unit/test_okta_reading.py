"""The parts of the Okta source that need no server: people, statuses, rate limits, cursors, settings."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from syncd.errors import CursorLost
from syncd.http.backoff import Retries
from syncd.http.connection import Connection
from syncd.http.rests import OwnRests, Rest
from syncd.http.secrets import Secret
from syncd.model import Certificate, Group, Identity
from syncd.sandbox.okta.filters import BadFilter, parse_filter
from syncd.sources.again import Again
from syncd.sources.kind import silent
from syncd.sources.okta import GroupFilter, OktaApiToken, OktaSettings
from syncd.sources.okta.answers import OktaReply
from syncd.sources.okta.budget import LONGEST_WAIT_S, Budget, Rate, RateBucket
from syncd.sources.okta.cursor import EPOCH, OktaCursor, mark
from syncd.sources.okta.pager import Pager
from syncd.sources.okta.people import ENTITLED, Known, listed_group, seen_user, settle
from syncd.sources.okta.reading import OrgRead

ANNA = Identity("okta", "00u1", "anna@example.com", "anna@example.com", "Anna", "Schmidt")
USER = {
    "id": "00u1",
    "status": "ACTIVE",
    "lastUpdated": "2026-11-22T09:00:00.000Z",
    "profile": {"login": "anna@example.com", "email": "anna@example.com", "firstName": "Anna", "lastName": "Schmidt"},
}


# --- people -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["ACTIVE", "PASSWORD_EXPIRED", "RECOVERY", "LOCKED_OUT", "PROVISIONED"])
def test_who_may_have_access(status: str) -> None:
    assert (True, "") == _active(status)


@pytest.mark.parametrize("status", ["STAGED", "SUSPENDED", "DEPROVISIONED"])
def test_who_may_not(status: str) -> None:
    assert (False, "") == _active(status)


@pytest.mark.parametrize("status", ["ACTIVATING", "", None, 7, ["ACTIVE"]])
def test_what_is_not_known_changes_nothing(status: object) -> None:
    found = seen_user("okta", {**USER, "status": status})
    assert found.doubt
    assert settle(found, None) is None
    for active in (True, False):
        known = Identity("okta", "00u1", "anna@example.com", "old@example.com", "Anna", "Schmidt", active=active)
        settled = settle(found, known)
        assert settled is not None
        assert (active, "anna@example.com") == (settled.active, settled.email)


def _active(status: str) -> tuple[bool, str]:
    found = seen_user("okta", {**USER, "status": status})
    return found.identity.active, found.doubt


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_the_newest_sight_of_a_user_counts(order: tuple[int, int]) -> None:
    """Two groups show the same user; which of the two was read first does not matter."""
    sights = (
        seen_user("okta", {**USER, "status": "SUSPENDED", "lastUpdated": "2026-11-22T09:00:01.000Z"}),
        seen_user("okta", USER),
    )
    reading = OrgRead("okta", _NOBODY, GroupFilter(all=True), Known({}, {}, {}), lambda: NINE, silent)
    for n in order:
        reading.see(sights[n])
    group = Group("okta", "00g1", "finance", frozenset({"00u1"}), Certificate(1, 1, 1, NINE, complete=True))
    assert [False] == [person.active for person in reading.identities([group], {})]


class _Nobody:
    """Carries no request."""

    renews = False

    async def get(self, path: str) -> OktaReply:
        raise AssertionError(path)

    def forget_token(self, authorization: str) -> None:
        raise AssertionError(authorization)


_NOBODY = Pager(
    _Nobody(),
    Budget(0.5, 1),
    Retries(),
    0.0,
    200,
    Rest("okta", OwnRests(), now=lambda: datetime(2026, 11, 22, tzinfo=UTC)),
)


def test_the_table_knows_every_documented_status() -> None:
    assert 8 == len(ENTITLED)


def test_a_user_is_read() -> None:
    assert ANNA == seen_user("okta", USER).identity


@pytest.mark.parametrize("profile", [None, [], "anna", {}, {"login": None}, {"login": 7}])
def test_a_user_without_a_login_is_in_doubt(profile: object) -> None:
    found = seen_user("okta", {**USER, "status": "SUSPENDED", "profile": profile})
    assert "the user 00u1 has no login" == found.doubt
    settled = settle(found, ANNA)
    assert settled is not None
    assert ("anna@example.com", False) == (settled.login, settled.active)


def test_missing_names_are_empty() -> None:
    found = seen_user("okta", {**USER, "profile": {"login": "root", "email": None, "firstName": None}})
    assert ("root", "", "", "") == (
        found.identity.login,
        found.identity.email,
        found.identity.given_name,
        found.identity.family_name,
    )


@pytest.mark.parametrize(
    ("embedded", "expected"),
    [
        ({"stats": {"usersCount": 3}}, 3),
        ({"stats": {"usersCount": None}}, None),
        ({"stats": {"usersCount": True}}, None),
        ({"stats": None}, None),
        (None, None),
        ("stats", None),
    ],
)
def test_a_count_is_a_number_or_unknown(embedded: object, expected: int | None) -> None:
    assert expected == listed_group({"id": "00g1", "profile": None, "_embedded": embedded}).users_count


# --- rate limits ------------------------------------------------------------------------------------------------------


def test_before_the_first_answer_one_request_goes() -> None:
    bucket = RateBucket(0.5)
    assert 0 == bucket.wait_s(100)
    bucket.in_flight = 1
    assert 0 < bucket.wait_s(100) < 1


def test_half_is_left_to_others() -> None:
    bucket = _bucket(Rate(10, 6, 30))
    assert 0 == bucket.wait_s(100)
    bucket.in_flight = 1
    assert 0 < bucket.wait_s(100) < 1, "the answer of the one in flight is awaited"
    bucket = _bucket(Rate(10, 5, 30))
    assert 30 == bucket.wait_s(100)
    assert 0 == bucket.wait_s(130)


def test_a_new_window_is_tried_with_one_request() -> None:
    bucket = _bucket(Rate(10, 0, 30))
    bucket.in_flight = 1
    assert 0 < bucket.wait_s(130) < 1


def test_an_answer_that_comes_late_does_not_give_back() -> None:
    bucket = _bucket(Rate(10, 7, 30))
    bucket.heard(Rate(10, 9, 30), 100)
    assert 7 == bucket.remaining


def test_one_request_stays_for_us() -> None:
    assert 0 == _bucket(Rate(1, 1, 30)).reserve
    assert 0 == RateBucket(0.0, limit=10).reserve
    assert 9 == RateBucket(0.99, limit=10).reserve


def test_no_wait_is_longer_than_a_window() -> None:
    assert LONGEST_WAIT_S == _bucket(Rate(10, 0, 1e9)).wait_s(100)


def test_a_concurrency_limit_narrows_and_success_widens() -> None:
    budget = Budget(0.5, 8)
    budget.heard("members", Rate(0, 0, 30), 100)
    assert 4 == budget.width
    assert budget.buckets["members"].limit is None
    for _ in range(50):
        budget.heard("members", Rate(600, 599, 30), 100)
    assert 5 == budget.width


def _bucket(rate: Rate) -> RateBucket:
    bucket = RateBucket(0.5)
    bucket.heard(rate, 100)
    return bucket


# --- cursors ----------------------------------------------------------------------------------------------------------

NINE = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


def test_a_cursor_is_read_back() -> None:
    again = {"00g2": Again(3, 2, "a b 4", "3 members were read, and Okta counts 4")}
    cursor = OktaCursor(EPOCH, EPOCH, "s1", {"00g1": ("a", "b")}, again)
    assert cursor == OktaCursor.read(cursor.text(), settings="s1")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        "null",
        '{"version":1}',
        '{"version":2,"settings":"s1","groups":"x"}',
        '{"version":3,"settings":"s1","groups":"x"}',
    ],
)
def test_what_is_no_cursor_is_lost(text: str) -> None:
    with pytest.raises(CursorLost):
        OktaCursor.read(text, settings="s1")


def test_the_mark_is_the_newest_stamp_less_the_overlap() -> None:
    stamps = ["2026-11-22T08:00:00.000Z", "2026-11-22T08:30:00.000Z", "", "never"]
    assert "2026-11-22T08:29:00.000Z" == mark(stamps, asked_at=NINE, overlap_s=60)


def test_the_mark_is_not_after_the_list_was_asked_for() -> None:
    assert "2026-11-22T08:59:00.000Z" == mark(["2026-11-22T09:00:05.000Z"], asked_at=NINE, overlap_s=60)


def test_the_mark_never_moves_back() -> None:
    floor = "2026-11-22T08:59:30.000Z"
    assert floor == mark([], asked_at=NINE, overlap_s=0, floor=floor)
    assert floor == mark(["2026-11-22T08:00:00.000Z"], asked_at=NINE, overlap_s=60, floor=floor)


# --- settings ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://example.okta.com", "begins with https://"),
        ("https://example-admin.okta.com", "leave -admin out"),
        ("https://example.okta.com/api/v1", "has no path"),
    ],
)
def test_an_address_that_cannot_be_right(url: str, expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        OktaSettings(Connection(url), OktaApiToken(Secret.parse("env:X")), GroupFilter(all=True))


@pytest.mark.parametrize("url", ["https://example.okta.com/", "http://127.0.0.1:8080", "http://[::1]:8080"])
def test_addresses_that_can(url: str) -> None:
    OktaSettings(Connection(url), OktaApiToken(Secret.parse("env:X")), GroupFilter(all=True))


@pytest.mark.parametrize(
    "changes",
    [{"page_limit": 2}, {"page_limit": 201}, {"leave_free": 1.0}, {"leave_free": -0.1}, {"concurrency": 0}],
)
def test_numbers_that_cannot_be_right(changes: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"is|must"):
        OktaSettings(
            Connection("https://example.okta.com"),
            OktaApiToken(Secret("file", (str(Path("x")),))),
            GroupFilter(all=True),
            **changes,  # type: ignore[arg-type]  # each is right for its field
        )


def test_some_groups_must_be_chosen() -> None:
    with pytest.raises(ValueError, match="say which groups"):
        GroupFilter()
    with pytest.raises(ValueError, match="types are"):
        GroupFilter(all=True, types=("OTHER",))


# --- the stand-in's filters -------------------------------------------------------------------------------------------


def test_filters() -> None:
    names = frozenset({"id", "type", "profile.name"})
    row = {"id": "00g1", "type": "OKTA_GROUP", "profile": {"name": "a"}}
    assert parse_filter('(id eq "00g1" or id eq "x") and type eq "OKTA_GROUP"', properties=names)(row)
    assert not parse_filter('id eq "00g1" and (type eq "X")', properties=names)(row)
    assert parse_filter('profile.name sw "a"', properties=names)(row)
    for wrong in ("", "id", 'id eq "1', 'other eq "1"', '(id eq "1"', 'id eq "1" id', 'id is "1"', "id eq 1"):
        with pytest.raises(BadFilter):
            parse_filter(wrong, properties=names)
