"""What the stand-in takes and answers is what Microsoft's description of Graph allows.

The description is not part of this repository; where it is absent these tests skip and say so.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from entra_world import World
from openapi_core import OpenAPI
from openapi_core.testing import MockRequest, MockResponse

from syncd.errors import CursorLost
from syncd.sandbox.entra import Exchange, LieKind

DESCRIPTION = Path(__file__).parents[2].parent / "shared" / "specs" / "graph-subset.yaml"


pytestmark = pytest.mark.filterwarnings("ignore:Unsupported scheme type")  # openapi-core checks no OAuth


@pytest.fixture(scope="module")
def graph() -> OpenAPI:
    if not DESCRIPTION.exists():
        pytest.skip("shared/specs/graph-subset.yaml is not beside this repository")
    return OpenAPI.from_file_path(str(DESCRIPTION))


@pytest.fixture(scope="module")
def exchanges() -> Iterator[list[Exchange]]:
    """Everything that was said in full reads, refreshes and failures."""
    world = World()
    with world.standin.serve() as where:
        source = world.source(where)
        earlier, cursor = source.read_from_here()
        tenant = world.tenant
        tenant.leave(world.finance, world.people[0])
        tenant.join(world.finance, world.people[22])
        tenant.delete_user(world.people[3])
        tenant.delete_group(world.empty)
        for at, kind in enumerate((LieKind.TOKEN_EXPIRED, LieKind.THROTTLED, LieKind.BUSY, LieKind.BROKEN), start=1):
            world.standin.lie(kind, "/groups/delta", at=at)
        earlier, cursor = source.refresh(earlier, cursor)
        world.standin.expire_deltas()
        with pytest.raises(CursorLost):
            source.refresh(earlier, cursor)
        world.standin.lie(LieKind.FORBIDDEN, f"{world.finance}/members")
        source.read()
        yield world.standin.exchanges


def _request(exchange: Exchange) -> MockRequest:
    asked = exchange.asked
    level = asked.headers.get("consistencylevel")
    headers = {"Authorization": "Bearer x"} | ({"ConsistencyLevel": level} if level else {})
    return MockRequest(
        "http://127.0.0.1",
        asked.method.lower(),
        f"/v1.0{asked.path}",
        args=asked.query,
        headers=headers,
        data=asked.body or None,
        content_type="application/json",
    )


def test_requests_are_as_described(graph: OpenAPI, exchanges: list[Exchange]) -> None:
    paths = {exchange.asked.path.rpartition("/")[2] for exchange in exchanges}
    assert {"groups", "delta", "members", "transitiveMembers", "microsoft.graph.user", "$batch"} <= paths
    for exchange in exchanges:
        graph.validate_request(_request(exchange))


def test_answers_are_as_described(graph: OpenAPI, exchanges: list[Exchange]) -> None:
    statuses = {exchange.answer.status for exchange in exchanges}
    assert {200, 401, 403, 404, 410, 429, 500, 503} <= statuses
    for exchange in exchanges:
        answer = exchange.answer
        response = MockResponse(answer.body, answer.status, content_type="application/json")
        graph.validate_response(_request(exchange), response)


def test_a_wrong_answer_would_be_noticed(graph: OpenAPI, exchanges: list[Exchange]) -> None:
    exchange = next(e for e in exchanges if e.asked.path.endswith("/members") and e.answer.status == 200)
    response = MockResponse(b'{"value": [{"id": 7}]}', 200, content_type="application/json")
    with pytest.raises(Exception, match="InvalidData"):
        graph.validate_response(_request(exchange), response)
