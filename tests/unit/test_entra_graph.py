"""What counts as an answer of Graph, which links are followed, how long is waited."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from syncd.errors import CursorLost
from syncd.http.backoff import Waiting
from syncd.http.rests import OwnRests, Rest
from syncd.http.secrets import Secret, remember
from syncd.sources.again import Again
from syncd.sources.entra import ClientSecret, EntraSettings, GroupSelection
from syncd.sources.entra.delta import AppCursor, EntraCursor, parse_cursor
from syncd.sources.entra.graph import GraphClient, GraphReply, SharedWait, judged
from syncd.sources.entra.reading import query
from syncd.sources.entra.tokens import Tokens


def NOW() -> datetime:  # noqa: N802 - a value, for these tests
    return datetime.now(UTC)


REST = Rest("entra", OwnRests(), now=NOW)
SETTINGS = EntraSettings("contoso.example", "me", ClientSecret(Secret("env", ("X",))), (GroupSelection("all"),))
ERROR = {"error": {"code": "", "message": "", "innerError": {"code": "syncStateNotFound", "date": "x"}}}


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, {"value": []}, 200),
        (200, {}, 200),
        (200, {"error": {"code": "x"}}, 0),
        (200, [], 0),
        (200, None, 0),
        (204, None, 0),
        (302, None, 0),
        (404, ERROR, 404),
        (404, {"detail": "a proxy"}, 0),
        (404, None, 0),
        (429, None, 429),
        (502, None, 502),
        (503, ERROR, 503),
    ],
)
def test_an_answer_is_one_only_in_graphs_own_form(status: int, body: object, expected: int) -> None:
    assert expected == judged(status, body, {}, what="it").status


def test_codes_are_found_wherever_they_are() -> None:
    assert {"syncstatenotfound"} == GraphReply(400, ERROR).codes
    assert set() == GraphReply(400, {"error": "text"}).codes
    assert "Graph answered 400 (syncstatenotfound)" == GraphReply(400, ERROR).problem


def test_only_graph_itself_can_say_that_something_is_gone() -> None:
    gone = {"error": {"code": "Request_ResourceNotFound", "message": ""}}
    assert GraphReply(404, gone).is_gone
    assert not GraphReply(404, ERROR).is_gone
    assert not GraphReply(403, gone).is_gone


@pytest.mark.parametrize(
    ("link", "path"),
    [
        ("https://graph.microsoft.com/v1.0/groups?$skiptoken=x%3D", "/groups?$skiptoken=x%3D"),
        ("https://GRAPH.microsoft.com/v1.0/groups", "/groups"),
        ("http://graph.microsoft.com/v1.0/groups", None),
        ("https://graph.microsoft.com:8443/v1.0/groups", None),
        ("https://graph.microsoft.com.evil.example/v1.0/groups", None),
        ("https://evil.example@graph.microsoft.com/v1.0/groups", None),
        ("https://graph.microsoft.com/beta/groups", None),
        ("https://graph.microsoft.com/v1.0x/groups", None),
        ("https://graph.microsoft.us/v1.0/groups", None),
        ("/groups?$skiptoken=x", None),
        ("https://[graph.microsoft.com/v1.0/groups", None),
        (None, None),
        (7, None),
    ],
)
def test_only_links_below_the_base_are_followed(link: object, path: str | None) -> None:
    graph = GraphClient("entra", SETTINGS, Tokens("entra", SETTINGS, now=NOW, rest=REST), rest=REST)
    assert path == graph.below(link)


def test_all_wait_for_the_longest_hold_and_no_longer() -> None:
    clock, waits = [100.0], list[float]()
    throttle = SharedWait(0.8, REST, Waiting(lambda: clock[0], waits.append))
    throttle.wait()
    throttle.hold(5.0)
    throttle.hold(2.0)
    throttle.wait()
    clock[0] = 104.0
    throttle.wait()
    clock[0] = 105.0
    throttle.wait()
    assert [5.0, 1.0] == waits


@pytest.mark.parametrize(("used", "wait_s"), [("0.8", 0.0), ("1.2", 4.0), ("2.5", 10.0), ("", 0.0), ("much", 0.0)])
def test_the_more_of_the_limit_is_used_the_slower(used: str, wait_s: float) -> None:
    waits: list[float] = []
    throttle = SharedWait(0.8, REST, Waiting(lambda: 0.0, waits.append))
    throttle.heed({"x-ms-throttle-limit-percentage": used})
    throttle.wait()
    assert ([pytest.approx(wait_s)] if wait_s else []) == waits


def test_options_are_encoded_as_graph_wants_them() -> None:
    url = query("/groups", select="id,displayName", top=5, filter="displayName eq 'R&D''s'")
    assert "/groups?$select=id,displayName&$top=5&$filter=displayName%20eq%20%27R%26D%27%27s%27" == url


def test_a_cursor_comes_back_as_it_was() -> None:
    cursor = EntraCursor(
        "f",
        "/g",
        "/u",
        {"1": Again(2, 1, "5", "4 read, but Graph counts 5")},
        {"a": ("b", "c")},
        {"app": AppCursor("p", "d", ("g",))},
    )
    assert cursor == parse_cursor(cursor.text(), source="entra", made_for="f")
    with pytest.raises(CursorLost):
        parse_cursor(cursor.text(), source="entra", made_for="other")


@pytest.mark.finding("N-107")
def test_codes_are_not_told_at_any_length() -> None:
    code = "x" * 190 + "planted-in-a-code"
    remember(code[190:])
    reply = GraphReply(400, {"error": {"code": code, "innerError": {"code": "y" * 1_000_000}}})
    assert len(reply.problem) < 250
    assert "planted" not in reply.problem
