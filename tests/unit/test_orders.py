"""What an order means, the same on every road, and that orders cost nobody else anything."""

from __future__ import annotations

import threading
import time

import pytest
from waiting import until

from syncd.control import NotNow, Order
from syncd.daemon.order_threads import OrderPool, SourcePolls
from syncd.model import EVERYTHING, Scope
from syncd.orders import NotMeant, check, scope_of
from syncd.targets import unreachable
from syncd.web.problems import refused

BOB, TEAM = frozenset({"bob"}), frozenset({"people:all"})


@pytest.mark.finding("H-E4")
@pytest.mark.parametrize(
    ("order", "scope"),
    [
        (Order(), EVERYTHING),
        (Order(users=BOB), Scope.people(["bob"])),
        (Order(groups=TEAM), Scope.people(["anna", "bob"])),
        (Order(users=BOB, groups=TEAM), Scope.people(["bob"])),
        (Order(dags=frozenset({"etl"})), Scope.of_dags(["etl"])),
        (Order(users=BOB, dags=frozenset({"etl"})), Scope(BOB, frozenset({"etl"}))),
    ],
)
def test_several_keys_must_all_fit(order: Order, scope: Scope) -> None:
    assert scope == scope_of(order, users=lambda: BOB, members=lambda: frozenset({"anna", "bob"}))


@pytest.mark.finding("H-E4")
def test_somebody_who_is_not_in_the_group_is_not_meant() -> None:
    order = Order(users=BOB, groups=TEAM)
    assert Scope.people([]) == scope_of(order, users=lambda: BOB, members=lambda: frozenset({"anna"}))


@pytest.mark.finding("C-47")
@pytest.mark.parametrize("name", ["corp/eve", "../x", ".", "..", "", "x" * 600, "a\x07b", "a\ud800b"])
def test_a_name_that_cannot_be_addressed_is_the_callers_fault(name: str) -> None:
    with pytest.raises(NotMeant, match="cannot be reached by the API") as caught:
        check(frozenset({"anna", name}), unreachable=unreachable)
    assert (3, 422) == (caught.value.exit_code, refused(caught.value).status)


# --- asking the sources -------------------------------------------------------------------------------------------------


def asking() -> set[str]:
    return {t.name for t in threading.enumerate() if t.name.startswith("order")}


@pytest.mark.finding("H-E6")
def test_a_source_that_hangs_costs_one_thread_however_many_orders_there_are() -> None:
    go, asked = threading.Event(), list[str]()

    def ask(name: str) -> None:
        asked.append(name)
        if name == "okta":
            go.wait(60)

    sources = SourcePolls(ask)
    began = time.monotonic()
    for _ in range(50):
        sources.asked(["okta", "people"], within_s=0.001)
    assert time.monotonic() - began < 50, "one that hangs for a minute is not waited for"
    assert {"order okta"} >= asking() - {"order people"}
    assert 1 == asked.count("okta")
    go.set()
    sources.asked(["okta"], within_s=60)
    # all who came meanwhile share the next answer; the last one shares it too, or comes just after it began
    assert asked.count("okta") in (2, 3)


@pytest.mark.finding("H-E6")
def test_an_order_hears_what_was_asked_after_it_came() -> None:
    first, go, asked = threading.Event(), threading.Event(), list[int]()

    def ask(_name: str) -> None:
        asked.append(len(asked))
        if len(asked) == 1:
            first.set()
            go.wait(60)

    sources = SourcePolls(ask)
    early = threading.Thread(target=lambda: sources.asked(["okta"], within_s=60))
    early.start()
    assert first.wait(60)
    threading.Timer(0.05, go.set).start()
    sources.asked(["okta"], within_s=60)
    assert 2 == len(asked)
    early.join(20)


@pytest.mark.finding("H-E6")
def test_too_many_orders_are_refused_and_a_few_threads_do_all() -> None:
    go, done = threading.Event(), list[int]()

    def work() -> None:
        go.wait(60)
        done.append(1)

    pool = OrderPool(2, most=3)
    for _ in range(2):
        pool.give(work)
    until("both are being done", lambda: not pool._waiting)
    for _ in range(3):
        pool.give(work)
    with pytest.raises(NotNow, match="ask again") as caught:
        pool.give(work)
    assert "Retry-After" in refused(caught.value).headers
    go.set()
    until("all are done", lambda: len(done) == 5)
    assert 2 >= len(asking())
