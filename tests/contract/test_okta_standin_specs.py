"""What the stand-in Okta answers, and what the source asks, is what Okta's own OpenAPI document says (API 2026.06.3).

The document is an official one, trimmed to the paths we use. It is wrong in places, and says nothing of link and rate
limit headers, of 401 and of 5xx; those are told by other tests.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import requests
from okta_world import TOKEN, source, stand_in
from openapi_core import OpenAPI
from openapi_core.contrib.requests import RequestsOpenAPIRequest, RequestsOpenAPIResponse
from openapi_core.exceptions import OpenAPIError
from ruamel.yaml import YAML

from syncd.sandbox.okta import Application, OktaStandIn

SPEC = Path(__file__).parents[2].parent / "shared" / "specs" / "okta-subset.yaml"

pytestmark = pytest.mark.skipif(not SPEC.is_file(), reason="needs ../shared/specs/okta-subset.yaml, which is not here")


@cache
def _document() -> dict[str, Any]:
    found: dict[str, Any] = YAML(typ="safe").load(SPEC)
    schemas = found["components"]["schemas"]
    # a group without a description has null there; that Okta says otherwise is a known fault of the document
    schemas["OktaUserGroupProfile"]["properties"]["description"]["nullable"] = True
    schemas["OktaActiveDirectoryGroupProfile"]["properties"]["description"]["nullable"] = True
    return found


def _openapi(url: str) -> OpenAPI:
    document = copy.deepcopy(_document())
    document["servers"] = [{"url": url}]
    return OpenAPI.from_dict(document)


@pytest.fixture
def okta() -> Iterator[OktaStandIn]:
    found = stand_in()
    found.org.set_profile(sorted(found.org.people)[0], firstName=None, lastName=None, department="Finance")
    found.org.set_status(sorted(found.org.people)[1], "SUSPENDED")
    with found.serve():
        yield found


def _checked(openapi: OpenAPI, url: str, **wanted: Any) -> requests.Response:
    """Send a request, and check it and its answer against the document."""
    headers = {"Authorization": f"SSWS {TOKEN}", **wanted.pop("headers", {})}
    prepared = requests.Request(wanted.pop("method", "GET"), url, headers=headers, **wanted).prepare()
    with requests.Session() as session:
        session.trust_env = False
        response = session.send(prepared, timeout=10)
    request = RequestsOpenAPIRequest(prepared)
    openapi.validate_request(request)
    openapi.validate_response(request, RequestsOpenAPIResponse(response))
    return response


def test_every_request_of_a_source_and_its_answer(okta: OktaStandIn, tmp_path: Path) -> None:
    """Read, refresh and look for lost groups; then send the same requests again under the document's eyes."""
    before, cursor = source(okta.url, tmp_path).read_from_here()
    okta.org.join(sorted(okta.org.teams)[0], sorted(okta.org.people)[0])
    okta.org.delete_group(sorted(okta.org.teams)[1])
    source(okta.url, tmp_path).refresh(before, cursor)
    source(okta.url, tmp_path).read_from_here(before)
    openapi = _openapi(okta.url)
    asked = {f"{okta.url}{seen.path}?{seen.query}".rstrip("?"): seen for seen in okta.seen}
    assert {"groups", "group", "members", "users"} == {seen.area for seen in asked.values()}
    statuses = {_checked(openapi, url).status_code for url in sorted(asked)}
    assert {200, 404} == statuses


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/groups?q=airflow",
        "/api/v1/groups?search=profile.name%20sw%20%22airflow-%22&limit=2",
        "/api/v1/groups?limit=3&expand=stats",
        "/api/v1/users",
        "/api/v1/users?fields=id,status,profile:(login)&limit=3",
        "/api/v1/users/00u00000000000000001",
    ],
)
def test_other_lists(okta: OktaStandIn, path: str) -> None:
    found = _checked(_openapi(okta.url), okta.url + path).json()
    assert found


@pytest.mark.parametrize(("fault", "status"), [("forbidden", 403), ("limited", 429)])
def test_errors(okta: OktaStandIn, fault: str, status: int) -> None:
    okta.lie(fault, times=None)
    for path in ("/api/v1/groups", "/api/v1/groups/00g1/users", "/api/v1/users"):
        assert status == _checked(_openapi(okta.url), okta.url + path).status_code


def test_the_token_endpoint_refuses_as_documented(okta: OktaStandIn) -> None:
    okta.register(Application("0oa1", "no key"))
    form = {
        "grant_type": "client_credentials",
        "scope": "okta.groups.read",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": "not.a.token",
    }
    found = requests.post(f"{okta.url}/oauth2/v1/token", data=form, timeout=10)
    request = RequestsOpenAPIRequest(found.request)
    _openapi(okta.url).validate_response(request, RequestsOpenAPIResponse(found))
    assert (401, "invalid_client") == (found.status_code, found.json()["error"])


def test_a_lie_that_breaks_the_document_is_noticed(okta: OktaStandIn) -> None:
    """The check can fail."""
    okta.lie("status_unknown", "members")
    with pytest.raises(OpenAPIError):
        _checked(_openapi(okta.url), f"{okta.url}/api/v1/groups/{sorted(okta.org.teams)[2]}/users")
