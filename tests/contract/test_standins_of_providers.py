"""The stand-ins of Okta and Entra ID answer as was measured or is documented, also where no source of ours asks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
import requests
from entra_world import World
from okta_world import TOKEN, stand_in

from syncd.sandbox.entra.answers import Asked, GraphAnswer
from syncd.sandbox.okta import OktaStandIn

EVENTUAL = {"consistencylevel": "eventual"}


@pytest.fixture
def okta() -> Iterator[OktaStandIn]:
    found = stand_in()
    with found.serve():
        yield found


def _okta(okta: OktaStandIn, path: str, *, sign: str = "SSWS ") -> requests.Response:
    with requests.Session() as session:
        session.trust_env = False
        return session.get(f"{okta.url}/api/v1/{path}", headers={"Authorization": f"{sign}{TOKEN}"}, timeout=30)


def test_okta_takes_an_api_token_without_a_blank(okta: OktaStandIn) -> None:
    assert (200, 401) == tuple(_okta(okta, "groups", sign=sign).status_code for sign in ("SSWS", "SSWSx"))


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ('filter=status eq "ACTIVE"', 200),
        ('filter=status gt "A"', 400),
        ('filter=profile.login sw "person"', 400),
        ('filter=lastUpdated gt "2026-01-01T00:00:00.000Z"', 200),
        ('search=status gt "A"', 200),
    ],
)
def test_okta_filters_users_by_more_than_eq_only_where_documented(okta: OktaStandIn, query: str, status: int) -> None:
    name, _, text = query.partition("=")
    assert status == _okta(okta, f"users?{name}={quote(text)}").status_code


def test_okta_shows_a_user_by_login_with_their_groups_and_has_a_log(okta: OktaStandIn) -> None:
    found = _okta(okta, "users/PERSON0@example.com")
    assert "person0@example.com" == found.json()["profile"]["login"]
    names = {team["profile"]["name"] for team in _okta(okta, f"users/{found.json()['id']}/groups").json()}
    assert {"airflow-one", "airflow-many", "airflow-x", "airflow-y", "airflow-z"} == names
    assert [] == _okta(okta, "logs").json()
    assert 404 == _okta(okta, "users/nobody@example.com").status_code


# --- Entra ID ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def world() -> World:
    return World()


def _graph(world: World, path: str, query: str = "", headers: Any = EVENTUAL) -> GraphAnswer:
    return world.standin.graph.answer(Asked("GET", path, query, headers))


def test_graph_gives_a_number_alone_as_text(world: World) -> None:
    members = f"/groups/{world.finance}/members"
    assert b"13" == _graph(world, f"{members}/$count").body, "with the device, and without the service principal"
    assert b"12" == _graph(world, f"{members}/microsoft.graph.user/$count").body
    assert b"11" == _graph(world, f"/groups/{world.ops}/transitiveMembers/microsoft.graph.user/$count").body
    assert str(len(world.tenant.groups)).encode() == _graph(world, "/groups/$count").body
    assert b"1" == _graph(world, "/groups/$count", "$filter=displayName eq 'finance'").body
    assert str(len(world.tenant.users)).encode() == _graph(world, "/users/$count").body
    assert 400 == _graph(world, "/groups/$count", headers={}).status, "the index has to be asked for"
    assert 404 == _graph(world, "/groups/nothing/members/$count").status


def test_graph_shows_a_user_by_principal_name(world: World) -> None:
    found = _graph(world, "/users/GIVEN1.family1@contoso.example")
    assert (200, world.people[1]) == (found.status, found.fields["id"])
    assert 404 == _graph(world, "/users/nobody@contoso.example").status


def test_graph_counts_an_agent_as_a_user_and_lists_no_identity_of_one(world: World) -> None:
    agent = world.tenant.add_agent("helper.bot")
    world.tenant.join(world.empty, agent, world.tenant.add_thing("agentIdentity"))
    found = _graph(world, f"/groups/{world.empty}/members")
    assert ["#microsoft.graph.agentUser"] == [entry["@odata.type"] for entry in found.fields["value"]]  # type: ignore[attr-defined]
    assert b"1" == _graph(world, f"/groups/{world.empty}/members/microsoft.graph.user/$count").body


@pytest.mark.finding("I-F4")
@pytest.mark.parametrize(("selected", "told"), [("displayName", 0), ("employeeId", 1), ("", 1)])
def test_graph_tells_in_a_delta_only_of_what_is_selected(world: World, selected: str, told: int) -> None:
    query = f"$select={selected}&" if selected else ""
    link = _graph(world, "/users/delta", f"{query}$deltatoken=latest").fields["@odata.deltaLink"]
    world.tenant.change_user(world.people[0], employeeId="4711")
    found = _graph(world, "/users/delta", str(link).partition("?")[2])
    assert told == len(found.fields["value"])  # type: ignore[arg-type]
