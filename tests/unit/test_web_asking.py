"""Whatever somebody sends is an order, or a refusal that names the key; and every refusal can be sent."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.control import Order
from syncd.web.asking import read_object, read_order
from syncd.web.problems import JSONResponse, Refusal, problem

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


@pytest.mark.finding("A-F11")
@pytest.mark.parametrize("body", [b"[" * 60_000, b"9" * 5_000, b'{"a": ' + b"9" * 5_000 + b"}", b"\xff", b"nul"])
def test_what_is_no_object_is_refused(body: bytes) -> None:
    with pytest.raises(Refusal):
        read_object(body)


@pytest.mark.finding("A-F11")
def test_an_answer_can_be_sent_whatever_is_in_it() -> None:
    assert b'{"detail":"?"}' == JSONResponse({"detail": "\ud800"}).body
