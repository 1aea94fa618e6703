"""The HTTP session under a throttle, and secrets in headers that change while it is kept."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from still_time import Time
from test_http import Server, hangs_up, says, served

from syncd.http.backoff import Retries, Waiting
from syncd.http.connection import Connection
from syncd.http.rests import OwnRests, Rest
from syncd.http.secrets import FRESH_SECRET_S, Secret
from syncd.http.session import NoAnswer, NotAsked, Session
from syncd.throttle import Call, RateLimit, Throttle

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def session(server: Server, time: Time, throttle: Throttle | None, **settings: object) -> Session:
    return Session(
        Connection(server.url, **settings),  # type: ignore[arg-type]
        retries=Retries(attempts=3, first_s=1.0, cap_s=8.0),
        throttle=throttle,
        waiting=Waiting(time, time.pause, lambda: 0.5),
    )


def test_the_pace_lets_each_request_through_and_hears_of_it() -> None:
    time, told = Time(), list[Call]()
    throttle = Throttle(RateLimit(1.0, 2), monotonic=time, pause=time.pause, observe=told.append)
    with served() as server:
        server.replies = [says(502), says(200), hangs_up]
        asks = session(server, time, throttle)
        asks.send("GET", "/users/ann", what="/users/{}")
        with pytest.raises(NoAnswer, match="the connection broke"):
            asks.send("POST", "/users")
    assert [("GET", "/users/{}", 502), ("GET", "/users/{}", 200), ("POST", "/users", None)] == [
        (call.method, call.what, call.status) for call in told
    ]
    assert 3 == asks.calls == throttle.calls
    assert time.now > 1001.0


def test_retry_after_makes_every_session_with_the_deployment_wait() -> None:
    time = Time()
    throttle = Throttle(monotonic=time, pause=time.pause)
    with served() as server:
        server.replies = [says(429, Retry_After="6"), says(200)]
        assert 429 == session(server, time, throttle).send("POST", "/users").status
        session(server, time, throttle).send("GET", "/roles")
    assert 1006.0 == time.now


def test_a_read_waits_once_for_what_retry_after_says() -> None:
    time = Time()
    throttle = Throttle(monotonic=time, pause=time.pause)
    with served() as server:
        server.replies = [says(429, Retry_After="15"), says(200)]
        assert 200 == session(server, time, throttle).send("GET", "/roles").status
    assert 1015.0 == time.now


def test_nobody_waits_for_a_rest_that_is_too_long() -> None:
    time = Time()
    throttle = Throttle(monotonic=time, pause=time.pause)
    with served() as server:
        server.replies = [says(429, Retry_After="60"), says(200)]
        with pytest.raises(NotAsked, match="asked again in 60 s"):
            session(server, time, throttle).send("GET", "/roles")
    assert 1000.0 == time.now


@pytest.mark.finding("U-B7")
def test_what_the_pace_does_not_let_through_is_not_asked_and_not_tried_again() -> None:
    time = Time()
    throttle = Throttle(monotonic=time, pause=time.pause)
    with served() as server:
        server.replies = [says(503)]
        asks = session(server, time, throttle)
        asks.send("GET", "/roles")
        with pytest.raises(
            NotAsked,
            match=rf"GET {server.url}/roles gave 503.*not asked again now: the server gave no good answer 5 times",
        ):
            asks.send("GET", "/roles")
        begun = time.now
        for method in ("GET", "POST"):
            with pytest.raises(NotAsked):
                asks.send(method, "/roles")
        assert begun == time.now
        assert 5 == asks.calls == len(server.asked)


def test_time_spent_waiting_for_its_turn_is_not_the_answers_time() -> None:
    time = Time()
    throttle = Throttle(RateLimit(0.1, 1), monotonic=time, pause=time.pause)
    with served() as server:
        server.replies = [says(200)]
        asks = session(server, time, throttle, timeout_s=1.0, connect_timeout_s=1.0)
        assert [200, 200] == [asks.send("POST", "/x").status for _ in range(2)]
    assert 1010.0 == pytest.approx(time.now)


@pytest.mark.parametrize("refusal", [says(401), says(403), says(302, Location="https://sso.example/login"), says(407)])
def test_a_header_that_is_a_secret_is_read_again_when_it_is_refused(refusal: object, tmp_path: Path) -> None:
    time, place = Time(), tmp_path / "key"
    place.write_text("old\n")
    with served() as server:
        server.replies = [says(200), refusal, says(200)]  # type: ignore[list-item]
        asks = session(server, time, None, headers={"X-Key": Secret.parse(f"file:{place}")})
        asks.send("GET", "/x")
        place.write_text("new\n")
        time.pause(FRESH_SECRET_S)
        assert 200 == asks.send("POST", "/x").status
        assert ["old", "old", "new"] == [headers["X-Key"] for _, _, headers in server.asked]


def test_a_secret_that_is_the_same_or_was_just_read_is_not_tried_again(tmp_path: Path) -> None:
    time, place = Time(), tmp_path / "key"
    place.write_text("old\n")
    with served() as server:
        server.replies = [says(403)]
        asks = session(server, time, None, headers={"X-Key": Secret.parse(f"file:{place}")})
        asks.send("POST", "/x")
        place.write_text("new\n")
        asks.send("POST", "/x")
        place.write_text("old\n")
        time.pause(FRESH_SECRET_S)
        asks.send("POST", "/x")
        assert ["old"] * 3 == [headers["X-Key"] for _, _, headers in server.asked]


@pytest.mark.finding("C-50")
@pytest.mark.parametrize("paced", [True, False])
def test_what_a_server_asked_of_one_process_holds_for_the_next(paced: bool) -> None:
    time, kept = Time(), OwnRests()

    def process(server: Server) -> Session:
        """Begin anew: what the one before knew is in the database alone."""
        rest = Rest("airflow", kept, now=lambda: NOON + timedelta(seconds=time.now), monotonic=time)
        throttle = Throttle(monotonic=time, pause=time.pause) if paced else None
        return Session(Connection(server.url), waiting=Waiting(time, time.pause), throttle=throttle, rest=rest)

    with served() as server:
        server.replies = [says(429, Retry_After="150"), says(200)]
        assert 429 == process(server).send("POST", "/users").status
        with pytest.raises(NotAsked, match=r"left alone \(Retry-After\); it may be asked again in 150 s"):
            process(server).send("GET", "/roles")
        time.now += 140
        assert 200 == process(server).send("GET", "/roles").status
    assert 1150.0 == time.now, "a short rest is waited for"
