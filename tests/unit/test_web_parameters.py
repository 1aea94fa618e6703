"""Whatever somebody sends is an order, or a refusal that names the key; and every refusal can be sent."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from syncd.control import Order
from syncd.web.parameters import PAGE, choice, moment, read_object, read_order, read_query, word
from syncd.web.problems import JSONResponse, Refusal, problem

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
_TEXT = st.text(st.characters(exclude_categories=()), max_size=8)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=6,
)
_KEYS = st.sampled_from(["users", "groups", "deployments", "dags", "dry_run"]) | _TEXT


@pytest.mark.finding("A-F11")
@given(st.dictionaries(_KEYS, _JSON | st.lists(_TEXT, max_size=3), max_size=4))
def test_what_is_asked_is_an_order_or_a_refusal(found: dict[str, Any]) -> None:
    came = _read(json.dumps(found).encode())
    if isinstance(came, Refusal):
        assert 400 == came.status
        assert problem(came).body
    else:
        names = {*came.users, *came.groups, *came.deployments, *came.dags}
        assert all(name.encode() for name in names), "can be written down and sent"


_QUERY = (*PAGE, word("user", "Whose."), moment("since", "From when on."), choice("state", "Which.", ("open", "over")))


@pytest.mark.finding("A-F11")
@given(st.lists(st.tuples(st.sampled_from(["limit", "offset", "user", "since", "state"]) | _TEXT, _TEXT), max_size=3))
def test_a_query_is_read_or_refused(pairs: list[tuple[str, str]]) -> None:
    text = "&".join(f"{name}={value}" for name, value in pairs).encode("utf-8", "surrogatepass")
    _read_query(text)
    _read_query(urlencode([(n.encode("utf-8", "replace"), v.encode("utf-8", "replace")) for n, v in pairs]).encode())


def _read_query(text: bytes) -> None:
    request = Request({"type": "http", "method": "GET", "headers": [], "query_string": text})
    try:
        assert set(read_query(request, _QUERY, now=NOON)) == {"limit", "offset", "user", "since", "state"}
    except Refusal as refusal:
        assert problem(refusal).body  # noqa: PT017 - every refusal can be sent


def _read(body: bytes) -> Order | Refusal:
    try:
        return read_order(body, by="somebody")
    except Refusal as refusal:
        return refusal


@pytest.mark.finding("A-F11")
@pytest.mark.parametrize("key", ["users", "groups", "deployments", "dags"])
@pytest.mark.parametrize("name", ["\ud800", "a\udfff", "\0", "", "x" * 257])
def test_a_name_that_cannot_be_kept_is_refused_by_its_key(key: str, name: str) -> None:
    with pytest.raises(Refusal, match=f"body: {key} is a list of names") as caught:
        read_order(json.dumps({key: [name]}).encode(), by="somebody")
    assert 400 == caught.value.status


@pytest.mark.parametrize("body", [b'{"users": ["anna"], "users": []}', b'{"dry_run": true, "users": [], "users": []}'])
def test_a_key_that_is_given_twice_is_refused(body: bytes) -> None:
    with pytest.raises(Refusal, match='body: "users" is given twice') as caught:
        read_order(body, by="somebody")
    assert 400 == caught.value.status


@pytest.mark.finding("A-F11")
@pytest.mark.parametrize("body", [b"[" * 60_000, b"9" * 5_000, b'{"a": ' + b"9" * 5_000 + b"}", b"\xff", b"nul"])
def test_what_is_no_object_is_refused(body: bytes) -> None:
    with pytest.raises(Refusal):
        read_object(body)


@pytest.mark.finding("A-F11")
def test_an_answer_can_be_sent_whatever_is_in_it() -> None:
    assert b'{"detail":"?"}' == JSONResponse({"detail": "\ud800"}).body
