"""The throttle: how it waits, what slows it, and when it lets nothing through."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from still_time import Time

from syncd.throttle import Call, CircuitOpen, RateLimit, Throttle


def paced(
    time: Time, calls_per_s: float = 10.0, burst: int = 20, observe: Callable[[Call], None] | None = None
) -> Throttle:
    return Throttle(RateLimit(calls_per_s, burst), monotonic=time, pause=time.pause, observe=observe)


def call(throttle: Throttle, time: Time, status: int | None = 200, seconds: float = 0.0, **more: Any) -> None:
    throttle.enter()
    time.pause(seconds)
    throttle.left("GET", "/users/{}", status, seconds, **more)


def calls(throttle: Throttle, time: Time, number: int, status: int | None = 200, seconds: float = 0.0) -> None:
    for _ in range(number):
        call(throttle, time, status, seconds)


# --- the budget -------------------------------------------------------------------------------------------------------


def test_a_burst_goes_at_once_and_the_rest_at_the_rate() -> None:
    time = Time()
    throttle = paced(time)
    calls(throttle, time, 20)
    assert 1000.0 == time.now
    calls(throttle, time, 50)
    assert 1005.0 == pytest.approx(time.now)
    time.pause(60.0)
    calls(throttle, time, 20)
    assert 1065.0 == pytest.approx(time.now)
    assert 90 == throttle.calls


def test_no_more_than_the_budget_whoever_asks() -> None:
    """Eight threads on one deployment: each second lets as many through as the budget says, whatever the order."""
    throttle = Throttle(RateLimit(200.0, 5))
    taken: list[float] = []

    def ask() -> None:
        for _ in range(10):
            throttle.enter()
            taken.append(throttle._monotonic())
            throttle.left("GET", "/roles", 200, 0.001)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 80 == throttle.calls
    assert max(taken) - min(taken) >= (80 - 5 - 1) / 200.0


@pytest.mark.parametrize(("calls_per_s", "burst"), [(0.0, 1), (-1.0, 1), (1.0, 0)])
def test_a_budget_that_lets_nothing_through_is_refused(calls_per_s: float, burst: int) -> None:
    with pytest.raises(ValueError, match="calls_per_s must be more than 0"):
        RateLimit(calls_per_s, burst)


# --- slowing down -----------------------------------------------------------------------------------------------------


def test_a_server_that_slows_is_asked_less_and_more_again_when_it_recovers() -> None:
    time = Time()
    throttle = paced(time)
    calls(throttle, time, 50, seconds=0.1)
    assert 10.0 == throttle.rate
    calls(throttle, time, 20, seconds=1.0)
    slowed = throttle.rate
    assert slowed < 1.0
    assert 0.9 < throttle.latency_s < 1.0
    begun = time.now
    calls(throttle, time, 130, seconds=0.1)
    assert 10.0 == throttle.rate
    assert time.now - begun > 20.0


def test_what_is_slow_for_good_is_usual_in_the_end() -> None:
    time = Time()
    throttle = paced(time)
    calls(throttle, time, 10, seconds=0.1)
    calls(throttle, time, 400, seconds=1.0)
    assert 10.0 == throttle.rate


def test_neither_noise_nor_long_writes_are_slowness() -> None:
    time = Time()
    throttle = paced(time)
    for seconds in (0.002, 0.04) * 50:
        call(throttle, time, seconds=seconds)
    for seconds in (0.1, 16.0) * 10:
        throttle.enter()
        throttle.left("PATCH", "/roles/{}", 200, seconds)
    assert 10.0 == throttle.rate


def test_the_rate_has_a_floor() -> None:
    time = Time()
    throttle = paced(time)
    for _ in range(50):
        call(throttle, time, 429)
        time.pause(2.0)
    assert 0.5 == throttle.rate


def test_a_slowed_server_gets_no_full_burst() -> None:
    time = Time()
    throttle = paced(time)
    call(throttle, time, 429)
    assert 5.0 == pytest.approx(throttle.rate)
    time.pause(60.0)
    begun = time.now
    calls(throttle, time, 10)
    assert begun == time.now
    calls(throttle, time, 5)
    assert time.now > begun


def test_the_rate_is_lowered_once_for_what_comes_at_once() -> None:
    time = Time()
    throttle = paced(time)
    calls(throttle, time, 4, 429)
    assert 5.0 == throttle.rate


# --- Retry-After ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_holds_every_call_back(status: int) -> None:
    time = Time()
    throttle = paced(time)
    call(throttle, time, status, retry_after_s=7.0)
    call(throttle, time)
    assert 1007.0 == time.now


def test_a_rest_too_long_to_wait_for_is_told_and_kept() -> None:
    time = Time()
    throttle = paced(time)
    call(throttle, time, 429, retry_after_s=120.0)
    with pytest.raises(CircuitOpen, match=r"Retry-After\); it may be asked again in 120 s") as e:
        throttle.enter()
    assert 120.0 == e.value.seconds
    assert 1000.0 == time.now
    time.pause(120.0)
    call(throttle, time)


def test_no_server_is_left_alone_for_ever() -> None:
    time = Time()
    throttle = paced(time)
    call(throttle, time, 503, retry_after_s=86_400.0)
    time.pause(300.0)
    call(throttle, time)


def test_a_wait_that_is_cut_short_asks_nothing() -> None:
    ends = threading.Event()
    ends.set()
    throttle = Throttle(RateLimit(0.1, 1), pause=ends.wait)
    throttle.enter()
    with pytest.raises(CircuitOpen, match="cut short because the process ends"):
        throttle.enter()


# --- the circuit ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [None, 500, 502, 503])
def test_five_failures_in_a_row_open_the_circuit(status: int | None) -> None:
    time = Time()
    throttle = paced(time)
    calls(throttle, time, 4, status)
    call(throttle, time, 404)
    calls(throttle, time, 5, status)
    assert throttle.is_open
    with pytest.raises(CircuitOpen, match="no good answer 5 times in a row; it may be asked again in 5 s"):
        throttle.enter()
    assert 10 == throttle.calls


def test_one_goes_to_see_and_the_others_wait_for_what_it_finds() -> None:
    time = Time()
    throttle = paced(time)
    calls(throttle, time, 5, None)
    time.pause(5.0)
    throttle.enter()
    with pytest.raises(CircuitOpen):
        throttle.enter()
    throttle.left("GET", "/roles", 200, 0.1)
    assert not throttle.is_open
    call(throttle, time)


def test_the_break_doubles_up_to_five_minutes_and_begins_anew() -> None:
    time = Time()
    throttle = paced(time)
    calls(throttle, time, 5, None)
    breaks = []
    for _ in range(9):
        with pytest.raises(CircuitOpen) as e:
            throttle.enter()
        breaks.append(e.value.seconds)
        time.pause(e.value.seconds)
        call(throttle, time, None)
    assert [5, 10, 20, 40, 80, 160, 300, 300, 300] == breaks
    time.pause(300.0)
    call(throttle, time)
    calls(throttle, time, 5, None)
    with pytest.raises(CircuitOpen, match="in 5 s"):
        throttle.enter()


def test_who_went_to_see_and_never_came_back_does_not_keep_it_shut() -> None:
    time = Time()
    throttle = paced(time)
    calls(throttle, time, 5, None)
    time.pause(5.0)
    throttle.enter()
    time.pause(10.0)
    call(throttle, time)
    assert not throttle.is_open


# --- telling ----------------------------------------------------------------------------------------------------------


def test_every_call_is_told() -> None:
    time = Time()
    told: list[Call] = []
    throttle = paced(time, observe=told.append)
    assert 0.0 == throttle.latency_s
    call(throttle, time, seconds=0.25)
    call(throttle, time, None, seconds=30.0)
    assert [Call("GET", "/users/{}", 200, 0.25), Call("GET", "/users/{}", None, 30.0)] == told
    assert 0.25 == throttle.latency_s


@pytest.mark.finding("U-B7")
def test_an_open_circuit_tells_what_the_server_did_last() -> None:
    time = Time()
    throttle = Throttle(monotonic=time, pause=time.pause)
    for said in ("no answer", "no answer", "no answer", "no answer", "the connection was refused"):
        call(throttle, time, None, said=said)
    with pytest.raises(CircuitOpen) as open_:
        throttle.enter()
    assert "the connection was refused" == open_.value.cause
