"""When something is asked again, how long a server wants to be left alone, and when a secret is read anew."""

from __future__ import annotations

from itertools import count

import pytest
from still_time import Time

from syncd.http.backoff import ONCE, Retries, wanted_s
from syncd.http.secrets import FRESH_SECRET_S, Fresh

SUNDAY = "Sun, 01 Mar 2026 12:00:00 GMT"


@pytest.mark.parametrize(
    ("retries", "waits"),
    [
        (ONCE, [None]),
        (Retries(attempts=2, first_s=1.0), [1.0, None]),
        (Retries(attempts=4, first_s=1.0, cap_s=20.0), [1.0, 2.0, 4.0, None]),
        (Retries(attempts=5, first_s=3.0, cap_s=5.0), [3.0, 5.0, 5.0, 5.0, None]),
    ],
)
def test_each_wait_is_by_chance_below_a_bound_that_doubles_up_to_its_cap(
    retries: Retries, waits: list[float | None]
) -> None:
    assert waits == list(retries.tries(lambda: 1.0))
    assert [None if wait is None else wait / 4 for wait in waits] == list(retries.tries(lambda: 0.25))
    assert [None if wait is None else 0.0 for wait in waits] == list(retries.tries(lambda: 0.0))


def test_chance_is_asked_for_each_wait_and_only_when_it_comes() -> None:
    chances = iter([0.5, 0.25])
    tries = Retries(attempts=3, first_s=2.0).tries(lambda: next(chances))
    assert 1.0 == next(tries)
    assert [1.0, None] == list(tries)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "7", "date": SUNDAY}, 7.0),
        ({"retry-after": "Sun, 01 Mar 2026 12:01:30 GMT", "date": SUNDAY}, 90.0),
        ({"retry-after": SUNDAY}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": ""}, None),
        ({"Retry-After": "7"}, None),
    ],
    ids=[
        "says nothing",
        "seconds",
        "seconds, with a date",
        "by its own clock",
        "long ago",
        "a word",
        "empty",
        "not lower",
    ],
)
def test_how_long_a_server_wants_to_be_left_alone(headers: dict[str, str], seconds: float | None) -> None:
    assert seconds == wanted_s(headers)


# --- what is made of secrets --------------------------------------------------------------------------------------------


class Vault:
    """Has another secret when a test says so, and counts who asks."""

    def __init__(self) -> None:
        self.secret, self.asked = "old", 0

    def __call__(self) -> str:
        self.asked += 1
        return self.secret


@pytest.fixture
def vault() -> Vault:
    return Vault()


@pytest.fixture
def time() -> Time:
    return Time()


def test_a_secret_is_read_when_it_is_asked_for_first_and_then_held(vault: Vault, time: Time) -> None:
    fresh = Fresh(vault, clock=time)
    assert 0 == vault.asked
    assert ["old", "old"] == [fresh.value(), fresh.value()]
    vault.secret = "new"
    time.pause(FRESH_SECRET_S * 100)
    assert ("old", 1) == (fresh.value(), vault.asked), "nobody refused it"


@pytest.mark.parametrize(
    ("after_s", "secret", "is_another", "asked"),
    [
        (FRESH_SECRET_S - 0.001, "new", False, 1),  # it may be a command that costs
        (FRESH_SECRET_S, "new", True, 2),
        (FRESH_SECRET_S, "old", False, 2),
    ],
    ids=["just read", "another one", "the same"],
)
def test_a_secret_that_is_refused_is_read_anew_but_not_so_soon(
    vault: Vault, time: Time, after_s: float, secret: str, is_another: bool, asked: int
) -> None:
    fresh = Fresh(vault, clock=time)
    fresh.value()
    vault.secret = secret
    time.pause(after_s)
    assert (is_another, asked) == (fresh.renewed(), vault.asked)
    assert ("new" if is_another else "old") == fresh.value()
    assert not fresh.renewed(), "it was read just now"


def test_what_was_never_read_is_another_one_at_once(vault: Vault, time: Time) -> None:
    fresh = Fresh(vault, clock=time)
    assert fresh.renewed()
    assert 1 == vault.asked


def test_a_secret_that_cannot_be_read_is_asked_for_again(time: Time) -> None:
    answers = count()

    def read() -> str:
        if next(answers) == 1:
            raise OSError("it is away")
        return "good"

    fresh = Fresh(read, clock=time)
    fresh.value()
    time.pause(FRESH_SECRET_S)
    with pytest.raises(OSError, match="away"):
        fresh.renewed()
    assert "good" == fresh.value()
