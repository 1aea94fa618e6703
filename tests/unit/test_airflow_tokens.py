"""When a token is made anew: before its end, and after which answers."""

from __future__ import annotations

import base64
import json

import pytest

from syncd.http.answer import Answer
from syncd.targets.airflow.auth import expiry, is_out_of_date


def token(claims: object) -> str:
    middle = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"e30.{middle}.sig"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (token({"exp": 1_900_000_000}), 1_900_000_000.0),
        (token({"exp": 1.5}), 1.5),
        (token({"exp": "soon"}), None),
        (token({}), None),
        (token([1]), None),
        ("opaque", None),
        ("a.b.c", None),
        ("a.!!!!.c", None),
        ("a.ÿÿÿ.c", None),
    ],
)
def test_the_end_of_a_token(text: str, expected: float | None) -> None:
    assert expected == expiry(text)


@pytest.mark.parametrize(
    ("status", "detail", "expected"),
    [
        (401, "Token Expired", True),
        (403, "Invalid JWT token", True),
        (403, "Forbidden", False),
        (401, "Not authenticated", False),
        (200, "Token Expired", False),
    ],
)
def test_which_answers_ask_for_a_new_token(status: int, detail: str, *, expected: bool) -> None:
    assert expected == is_out_of_date(
        Answer("GET x", status, "application/json", json.dumps({"detail": detail}).encode())
    )
