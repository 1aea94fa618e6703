"""The description of the API (OpenAPI 3.1), made from the endpoints, so that it cannot say anything else than they do."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

from syncd.web.endpoint import Endpoint
from syncd.web.parameters import Parameter
from syncd.web.schemas import SCHEMAS, TEXT, ref

_PROBLEMS = {
    400: "The request cannot be understood.",
    401: "There is no token, or nobody has it.",
    403: "The token lacks the right.",
    404: "What was named does not exist.",
    421: "The Host header is not one of ours.",
    500: "A defect, or something unexpected; the log has it.",
    503: "Not now: the daemon or the database cannot, or too much was asked at once.",
}
_BODY_PROBLEMS = {
    408: "The body did not arrive in time.",
    413: "The body is too large.",
    415: "The body is not JSON.",
    422: "The files of syncd cannot be used, or what was asked for is not allowed.",
}


def document(endpoints: Sequence[Endpoint]) -> dict[str, Any]:
    """Give the description."""
    paths: dict[str, Any] = {}
    for endpoint in endpoints:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint)
    return {
        "openapi": "3.1.0",
        "info": {"title": "syncd", "version": version("syncd"), "description": _ABOUT},
        "paths": paths,
        "components": {
            "schemas": SCHEMAS,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "description": _RIGHTS}},
        },
    }


_ABOUT = (
    "See, steer and trust a running syncd. Times are ISO 8601 with their zone; what is wrong is said in one sentence."
)
_RIGHTS = (
    "A token has the rights read, reconcile, approve, each by itself: approve does not include reconcile. "
    "On the control socket no token is needed."
)


def _operation(endpoint: Endpoint) -> dict[str, Any]:
    problems = {**_PROBLEMS, **(_BODY_PROBLEMS if endpoint.method == "POST" else {})}
    told = {
        str(code): _answer(_SAID.get(code, "Done."), "application/json", name)
        for code, name in endpoint.answers.items()
    }
    wrong = {str(code): _answer(say, "application/problem+json", "Problem") for code, say in problems.items()}
    found: dict[str, Any] = {
        "operationId": endpoint.name,
        "summary": endpoint.about,
        "responses": {**wrong, **told},
    }
    if parameters := [*_in_path(endpoint.path), *(_in_query(p) for p in endpoint.query)]:
        found["parameters"] = parameters
    if endpoint.needs:
        found["security"] = [{"token": []}]
        found["x-rights"] = sorted(endpoint.needs)
    if endpoint.body:
        content = {"application/json": {"schema": ref(endpoint.body)}}
        found["requestBody"] = {"required": endpoint.requires_body, "content": content}
    return found


_SAID = {
    200: "As asked.",
    201: "Written down; the header Location names it.",
    202: "Queued; the header Location names the job.",
    503: "No, and why.",
}


def _answer(about: str, media: str, name: str) -> dict[str, Any]:
    if not name:
        return {"description": about, "content": {"text/plain": {"schema": TEXT}}}
    return {"description": about, "content": {media: {"schema": ref(name)}}}


def _in_path(path: str) -> list[dict[str, Any]]:
    return [{"name": name, "in": "path", "required": True, "schema": TEXT} for name in re.findall(r"\{(\w+)\}", path)]


def _in_query(parameter: Parameter) -> dict[str, Any]:
    default = {} if parameter.default is None else {"default": parameter.default}
    return {
        "name": parameter.name,
        "in": "query",
        "description": parameter.about,
        "schema": {**parameter.schema, **default},
    }
