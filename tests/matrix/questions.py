"""What is asked besides what the story asks: odd requests, whose refusals syncd has to understand on every release."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from sites import Hands

WEBSITE = {"action": {"name": "can_read"}, "resource": {"name": "Website"}}
DAGS_READ = {"action": {"name": "can_read"}, "resource": {"name": "DAGs"}}
FAR = {"action": {"name": "can_read"}, "resource": {"name": "DAG:nowhere"}}
FLY = {"action": {"name": "can_fly"}, "resource": {"name": "Website"}}


class Question(NamedTuple):
    """A request to an area of the API, as an administrator makes it."""

    method: str
    area: str
    path: str = ""
    json: Any = None
    params: Mapping[str, Any] | None = None


def person(name: str, **other: Any) -> dict[str, Any]:
    named = {"username": name, "email": f"{name}@example.com", "first_name": "F", "last_name": "L"}
    return {k: v for k, v in (named | {"password": "x", "roles": [{"name": "q_a"}]} | other).items() if v is not None}


def role(name: str, *actions: Any) -> dict[str, Any]:
    return {"name": name, "actions": list(actions)}


ROLES = (
    Question("GET", "roles", params={"limit": 2}),
    Question("GET", "roles", params={"limit": 2, "offset": 2}),
    Question("GET", "roles", params={"offset": 1000}),
    Question("GET", "roles", params={"limit": 0}),
    Question("GET", "roles", params={"limit": -1}),
    Question("GET", "roles", params={"order_by": "name"}),
    Question("GET", "roles", params={"order_by": "-name"}),
    Question("GET", "roles", params={"bogus": 1}),
    Question("GET", "roles", "nobody"),
    Question("GET", "roles", "viewer"),
    Question("GET", "permissions"),
    Question("POST", "roles", json=role("q_a", WEBSITE)),
    Question("POST", "roles", json=role("q_a", WEBSITE)),
    Question("POST", "roles", json=role("q_A")),
    Question("POST", "roles", json=role("q_far", WEBSITE, FAR)),
    Question("POST", "roles", json=role("q_fly", FLY)),
    Question("POST", "roles", json=role("")),
    Question("POST", "roles", json=role("q_more") | {"foo": 1}),
    Question("GET", "roles", "q_a"),
    Question("GET", "roles", "q_far"),
    Question("PATCH", "roles", "q_A", role("q_A", FAR)),
    Question("PATCH", "roles", "q_A", role("q_A", WEBSITE)),
    Question("PATCH", "roles", "nobody", role("nobody", WEBSITE)),
    Question("PATCH", "roles", "q_A", {"name": "q_b"}, {"update_mask": "name"}),
    Question("PATCH", "roles", "q_b", {"name": "q_a"}, {"update_mask": "name"}),
    Question("PATCH", "roles", "q_b", {"name": "q_b"}, {"update_mask": "bogus"}),
    Question("GET", "roles", "q_b"),
    Question("PATCH", "roles", "q_b", role("q_b", WEBSITE)),
    Question("PATCH", "roles", "q_b", role("q_b", DAGS_READ)),
    Question("GET", "roles", "q_b"),
)
USERS = (
    Question("GET", "users", params={"limit": 1}),
    Question("GET", "users", params={"limit": 1, "offset": 1}),
    Question("GET", "users", "nobody"),
    Question("GET", "users", "ADMIN"),
    Question("GET", "users", "admin@example.com"),
    Question("POST", "users", json=person("q1")),
    Question("POST", "users", json=person("Q1")),
    Question("POST", "users", json=person("q2", email="q1@example.com")),
    Question("POST", "users", json=person("q3", roles=[{"name": "nobody"}])),
    Question("POST", "users", json=person("q4", email=None)),
    Question("POST", "users", json=person("q5", active=False)),
    Question("POST", "users", json=person("q6", roles=[{"name": "q_a"}, {"name": "q_a"}])),
    Question("POST", "users", json=person("q7", roles=None)),
    Question("PATCH", "users", "q1", {"roles": []}, {"update_mask": "roles"}),
    Question("PATCH", "users", "q1", person("q1", password=None, roles=[]), {"update_mask": "roles"}),
    Question("PATCH", "users", "q1", person("q1", password=None, roles=[{"name": "nobody"}]), {"update_mask": "roles"}),
    Question("PATCH", "users", "nobody", person("nobody", password=None), {"update_mask": "roles"}),
    Question("PATCH", "users", "q1", person("q1", password=None), {"update_mask": "bogus"}),
    Question("PATCH", "users", "q1", person("q1", password=None, email="admin@example.com"), {"update_mask": "email"}),
    Question("DELETE", "users", "q1"),
    Question("DELETE", "users", "q1"),
    Question("DELETE", "users", "q6"),
    Question("DELETE", "users", "q7"),
)
DAGS = (
    Question("GET", "dags", "version"),
    Question("GET", "dags", "dags", params={"limit": 2}),
    Question("GET", "dags", "dags", params={"limit": 2, "offset": 2}),
    Question("GET", "dags", "dags", params={"tags": "finance"}),
    Question("GET", "dags", "dags", params={"fields": ["dag_id", "tags", "owners", "fileloc"], "limit": 2}),
    Question("GET", "dags", "dags", params={"bogus": 1, "limit": 1}),
    Question("GET", "dags", "dags/nowhere"),
    Question("GET", "dags", "nonsense"),
    Question("GET", "dags", "providers", params={"limit": 100}),
    Question("GET", "dags", "importErrors"),
)
THE_END = (Question("DELETE", "roles", "q_a"), Question("DELETE", "roles", "q_a"), Question("DELETE", "roles", "q_b"))
QUESTIONS = (*ROLES, *USERS, *DAGS, *THE_END)


def ask(hands: Hands) -> None:
    """Ask everything; what comes back is judged by who listens."""
    for question in QUESTIONS:
        hands.call(question.method, question.area, question.path, json=question.json, params=question.params)
