"""What the stand-in answers is what the OpenAPI documents of real servers promise."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import pytest
import requests
from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from syncd.sandbox.airflow import DagFile, StandIn, serve

SPECS = Path(__file__).parents[2].parent / "shared" / "specs"

pytestmark = pytest.mark.skipif(not SPECS.is_dir(), reason="needs ../shared/specs: OpenAPI documents of real servers")


class Told(NamedTuple):
    """A call, the document and the template of its path in there."""

    call: str
    document: str
    template: str
    body: object = None


PAIR = {"action": {"name": "can_read"}, "resource": {"name": "DAG:fin_daily"}}
PERSON = {"username": "u", "email": "u@example.com", "first_name": "F", "last_name": "L", "password": "p"}
USER = PERSON | {"roles": [{"name": "r"}]}
ROLE = {"name": "r", "actions": [PAIR]}


def _fab(base: str, document: str, prefix: str, role: str) -> list[Told]:
    return [
        Told(f"POST {base}/roles", document, f"{prefix}/roles", ROLE),
        Told(f"GET {base}/roles", document, f"{prefix}/roles"),
        Told(f"GET {base}/roles/r", document, f"{prefix}/roles/{role}"),
        Told(f"PATCH {base}/roles/r?update_mask=actions", document, f"{prefix}/roles/{role}", ROLE),
        Told(f"GET {base}/permissions", document, f"{prefix}/permissions"),
        Told(f"POST {base}/users", document, f"{prefix}/users", USER),
        Told(f"GET {base}/users", document, f"{prefix}/users"),
        Told(f"GET {base}/users/u", document, f"{prefix}/users/{{username}}"),
        Told(f"PATCH {base}/users/u?update_mask=roles", document, f"{prefix}/users/{{username}}", USER),
        Told(f"DELETE {base}/users/u", document, f"{prefix}/users/{{username}}"),
        Told(f"DELETE {base}/roles/r", document, f"{prefix}/roles/{role}"),
    ]


def _dags(base: str, document: str, prefix: str, trigger: object) -> list[Told]:
    runs = f"{prefix}/dags/{{dag_id}}/dagRuns"
    return [
        Told(f"GET {base}/version", document, f"{prefix}/version"),
        Told(f"GET {base}/providers", document, f"{prefix}/providers"),
        Told(f"GET {base}/importErrors", document, f"{prefix}/importErrors"),
        Told(f"GET {base}/dags", document, f"{prefix}/dags"),
        Told(f"GET {base}/dags/fin_daily", document, f"{prefix}/dags/{{dag_id}}"),
        Told(f"PATCH {base}/dags/fin_daily", document, f"{prefix}/dags/{{dag_id}}", {"is_paused": True}),
        Told(f"POST {base}/dags/fin_daily/dagRuns", document, runs, trigger),
        Told(f"GET {base}/dags/fin_daily/dagRuns", document, runs),
        Told(f"GET {base}/dags/fin_daily/dagRuns/one", document, f"{runs}/{{dag_run_id}}"),
        Told(f"GET {base}/dags/fin_daily/dagRuns/one/taskInstances", document, f"{runs}/{{dag_run_id}}/taskInstances"),
        Told(f"POST {base}/dags/fin_daily/dagRuns/one/clear", document, f"{runs}/{{dag_run_id}}/clear", {}),
        Told(
            f"POST {base}/dags/fin_daily/clearTaskInstances",
            document,
            f"{prefix}/dags/{{dag_id}}/clearTaskInstances",
            {},
        ),
        Told(f"PATCH {base}/dags/fin_daily/dagRuns/one", document, f"{runs}/{{dag_run_id}}", {"state": "success"}),
    ]


SITE_2 = [
    Told("GET /api/v1/health", "airflow-2.11.2-api-v1", "/health"),
]
SITE_3 = [
    Told("POST /auth/token", "airflow-3.3.2-auth-fab", "/token", {"username": "admin", "password": "admin"}),
    Told("POST /auth/token/cli", "airflow-3.3.2-auth-fab", "/token/cli", {"username": "admin", "password": "admin"}),
    Told("GET /api/v2/monitor/health", "airflow-3.3.2-core", "/api/v2/monitor/health"),
    Told("GET /api/v2/dagTags", "airflow-3.3.2-core", "/api/v2/dagTags"),
    Told("GET /api/v2/dagSources/fin_daily", "airflow-3.3.2-core", "/api/v2/dagSources/{dag_id}"),
]
TWO = [
    *SITE_2,
    *_dags("/api/v1", "airflow-2.11.2-api-v1", "", {"dag_run_id": "one"}),
    *_fab("/api/v1", "airflow-2.11.2-api-v1", "", "{role_name}"),
    *_fab("/auth/fab/v1", "airflow-2.11.2-auth-fab-v1", "", "{role_name}"),
]
THREE = [
    *SITE_3,
    *_dags("/api/v2", "airflow-3.3.2-core", "/api/v2", {"dag_run_id": "one", "logical_date": None}),
    *_fab("/auth/fab/v1", "airflow-3.3.2-auth-fab", "/fab/v1", "{name}"),
]


@pytest.mark.parametrize(("version", "story"), [("2.11.2", TWO), ("3.3.2", THREE)])
def test_every_answer_is_what_the_document_of_a_real_server_says(version: str, story: list[Told]) -> None:
    stand_in = StandIn(version)
    stand_in.state.parse(DagFile("broken", access_control={"nobody": frozenset({"can_read"})}))
    with serve(stand_in) as url, _logged_in(url, version) as session:
        problems = [problem for told in story for problem in _problems(session, url, told)]
    assert [] == problems


def _logged_in(url: str, version: str) -> requests.Session:
    session = requests.Session()
    if version.startswith("2"):
        session.auth = ("admin", "admin")
    else:
        token = session.post(f"{url}/auth/token", json={"username": "admin", "password": "admin"}).json()[
            "access_token"
        ]
        session.headers["Authorization"] = f"Bearer {token}"
    return session


def _problems(session: requests.Session, url: str, told: Told) -> list[str]:
    method, path = told.call.split()
    answer = session.request(method, url + path, json=told.body)
    place = ["paths", told.template, method.lower(), "responses", str(answer.status_code)]
    promised = _at(_document(told.document), place)
    if not answer.content:
        return [f"{told.call}: the promised body is missing"] if "content" in promised else []
    pointer = "/".join(part.replace("/", "~1") for part in [*place, "content", "application/json", "schema"])
    validator = Draft202012Validator({"$ref": f"urn:document#/{quote(pointer)}"}, registry=_registry(told.document))
    return [f"{told.call}: {error.json_path} {error.message}" for error in validator.iter_errors(answer.json())]


def _at(node: dict[str, Any], place: list[str]) -> dict[str, Any]:
    """Follow keys into a document; a status that it does not know is a KeyError that names it."""
    for part in place:
        node = node[part]
    return node


@cache
def _registry(name: str) -> Registry[Any]:
    empty: Registry[Any] = Registry()
    filled: Registry[Any] = empty.with_resource("urn:document", DRAFT202012.create_resource(_document(name))).crawl()
    return filled


@cache
def _document(name: str) -> dict[str, Any]:
    document: dict[str, Any] = _as_json_schema(json.loads((SPECS / f"{name}.json").read_text()))
    return document


def _as_json_schema(node: Any) -> Any:
    """Translate what JSON Schema says in another way.

    `nullable` is OpenAPI 3.0's own. `oneOf` becomes `anyOf`, because the 3.3.2 document has alternatives (for cleared
    tasks) of which every answer of a real server fits two.
    """
    if isinstance(node, list):
        return [_as_json_schema(item) for item in node]
    if not isinstance(node, dict):
        return node
    spoken = {"anyOf" if k == "oneOf" else k: _as_json_schema(v) for k, v in node.items() if k != "nullable"}
    return {"anyOf": [spoken, {"type": "null"}]} if node.get("nullable") is True else spoken
