"""Logins: when a token is made anew, and when a cookie is not to be trusted."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from airflow_world import DAGS, Steps, finance, person, world

from syncd.errors import TargetUnauthorized
from syncd.http.connection import Connection
from syncd.http.secrets import FRESH_SECRET_S, Secret, blotted
from syncd.model import Change, Scope, Status
from syncd.sandbox.airflow import PRESETS, StandIn
from syncd.sandbox.airflow.faults import Meanwhile, on
from syncd.targets.airflow import AirflowSettings, AirflowTarget, Credential, Timing
from syncd.targets.airflow.abilities import Patch
from syncd.targets.airflow.wire import Area

SECRETS_DIFFER = r"refuses a token that it just gave: have all its API servers the same \[api_auth\] jwt_secret"


def token(claims: object) -> str:
    middle = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"e30.{middle}.sig"


def ask(target: AirflowTarget) -> None:
    """Make one call that needs to be somebody."""
    target.forget()
    assert ["admin"] == list(target.observe(Scope.people(["admin"]), role_names=frozenset()).users)


def tokens(server: StandIn) -> int:
    return sum(call.path == "/auth/token" for call in server.calls)


def test_a_token_is_made_anew_before_it_ends_and_when_the_server_calls_it_over(tmp_path: Path) -> None:
    clock = [1_000_000.0]
    server = StandIn("3.3.2", now=lambda: clock[0])
    with world(server, tmp_path) as w:
        target = w.target(kinds=("token",), now=lambda: clock[0])
        target.look()
        assert 1 == tokens(server)
        clock[0] += 86_400 - 61
        ask(target)
        assert 1 == tokens(server)
        clock[0] += 2
        ask(target)
        assert 2 == tokens(server)
        late = w.target(kinds=("token",), now=lambda: 0.0)
        late.look()
        clock[0] += 2 * 86_400
        ask(late)
        assert [401] == [call.status for call in server.calls if call.status >= 400]


def test_a_bearer_token_is_read_again_when_the_server_calls_it_over(tmp_path: Path) -> None:
    clock = [1_000_000.0]
    server = StandIn("3.3.2", now=lambda: clock[0])
    with world(server, tmp_path) as w:
        place = tmp_path / "token"
        secret = Secret.parse(f"file:{place}")

        def new() -> str:
            maker = w.target(kinds=("token",), now=lambda: clock[0])
            return maker._wire.logins[0].headers()["Authorization"].removeprefix("Bearer ")

        place.write_text(new())
        settings = AirflowSettings(Connection(w.url), (Credential("bearer", None, secret),))
        target = AirflowTarget("prod", settings, timing=Timing(now=lambda: clock[0]))
        assert target.capabilities.service_user is None
        clock[0] += 2 * 86_400
        with pytest.raises(TargetUnauthorized, match="Token Expired"):
            target.observe(Scope.people(["admin"]), role_names=frozenset())
        place.write_text(new())
        clock[0] += FRESH_SECRET_S
        ask(target)


@pytest.mark.finding("C-46")
@pytest.mark.parametrize("ahead_s", [-2 * 86_400, 86_400 - 30, 2 * 86_400])
def test_clocks_that_differ_cost_one_sign_in(ahead_s: float, tmp_path: Path) -> None:
    server = StandIn("3.3.2", now=lambda: 1_000_000.0)
    with world(server, tmp_path) as w:
        target = w.target(kinds=("token",), now=lambda: 1_000_000.0 + ahead_s)
        target.look()
        for _ in range(5):
            ask(target)
        assert 1 == tokens(server)


@pytest.mark.finding("P8")
def test_a_token_that_is_refused_as_soon_as_it_was_given_is_told_as_such(tmp_path: Path) -> None:
    """Two API servers whose secrets differ take turns: the one refuses what the other gave."""
    server = StandIn("3.3.2")
    with world(server, tmp_path) as w:
        target = w.target(kinds=("token",))
        target.look()
        server.faults.add(Meanwhile(server.gate.forget_tokens), on("*", "/auth/fab/v1/*"))
        with pytest.raises(TargetUnauthorized, match=SECRETS_DIFFER) as refused:
            w.target(kinds=("token",)).look()
        assert "password" not in str(refused.value)
        outcome = target.apply(Change(None, person("anna", "Viewer")), Steps())
        assert (Status.FAILED, True) == (outcome.status, "have all its API servers the same" in outcome.detail)
        assert "lacks" not in outcome.detail


@pytest.mark.finding("P8")
def test_a_token_that_is_refused_teaches_nothing_about_the_release(tmp_path: Path) -> None:
    server = StandIn("3.3.2", dags=DAGS)
    with world(server, tmp_path) as w:
        target = w.target(kinds=("token",))
        role = finance(target)
        server.faults.add(Meanwhile(server.gate.forget_tokens), on("PATCH", "/auth/fab/v1/*"))
        target.apply(Change(None, role), Steps())
        assert Patch.UNKNOWN is target.capabilities.patch_role


def test_airflow_2_hashes_the_password_once(tmp_path: Path) -> None:
    server = StandIn("2.11.2")
    with world(server, tmp_path) as w:
        target = w.target()
        assert target.capabilities.session
        target.observe(Scope(), role_names=frozenset())
        assert 1 == server.state.users["admin"].login_count
        assert 1 == server.state.sessions


@pytest.mark.finding("N-106")
def test_a_session_cookie_is_known_as_a_secret(tmp_path: Path) -> None:
    with world(StandIn("2.11.2"), tmp_path) as w:
        target = w.target()
        target.look()
        cookie = target._wire.chosen[Area.ROLES].cookie  # type: ignore[attr-defined]
        assert cookie
        assert cookie not in blotted(f"no such session: {cookie}")


def test_a_cookie_that_is_over_gives_way_to_the_password_and_a_missing_right_does_not_end_it(tmp_path: Path) -> None:
    server = StandIn("2.11.2")
    with world(server, tmp_path) as w:
        target = w.target()
        target.look()
        (who,) = {id(login): login for login in target._wire.chosen.values()}.values()
        who.cookie = "over"  # type: ignore[attr-defined]
        ask(target)
        assert [403, 200] == [call.status for call in server.calls][-2:]
        server.state.roles["Admin"] = {p for p in server.state.roles["Admin"] if p.resource != "Providers"}
        assert w.target().capabilities.session


@pytest.mark.parametrize("preset", sorted(set(PRESETS) - {"3.3.2-simple", "3.3.2-keycloak"}))
def test_a_wrong_password_is_told_as_such(preset: str, tmp_path: Path) -> None:
    with world(StandIn(preset), tmp_path) as w:
        w.password.write_text("wrong")
        with pytest.raises(TargetUnauthorized, match="password"):
            w.target().look()


@pytest.mark.parametrize(
    ("preset", "kinds", "todo"),
    [
        ("2.11.2", ("token",), 'Airflow 2 wants a credential of kind "basic"'),
        (
            "3.0.6",
            ("token",),
            'only a credential of kind "basic" for roles, which needs AIRFLOW__FAB__AUTH_BACKENDS=.*basic_auth on the server',
        ),
        (
            "3.1.8+3.1.1",
            ("token",),
            'only a credential of kind "basic" for users, which needs AIRFLOW__FAB__AUTH_BACKENDS=.*basic_auth on the server',
        ),
        ("3.1.8+3.1.1", ("basic",), 'roles of Airflow 3 want a credential of kind "token"'),
        ("3.0.6", ("basic",), 'dags of Airflow 3 want a credential of kind "token"'),
        ("3.3.2", ("basic",), 'roles of Airflow 3 want a credential of kind "token"'),
    ],
)
def test_a_missing_kind_of_credential_is_named(preset: str, kinds: tuple[str, ...], todo: str, tmp_path: Path) -> None:
    with world(StandIn(preset), tmp_path) as w, pytest.raises(TargetUnauthorized, match=todo):
        w.target(kinds=kinds).look()


@pytest.mark.parametrize(
    ("preset", "expected"),
    [
        ("2.11.2", ("basic", "basic", "basic")),
        ("3.0.6", ("basic", "basic", "token")),
        ("3.1.8+3.1.1", ("token", "basic", "token")),
        ("3.3.2", ("token", "token", "token")),
    ],
)
def test_each_area_gets_the_credential_that_it_takes(preset: str, expected: tuple[str, ...], tmp_path: Path) -> None:
    with world(StandIn(preset), tmp_path) as w:
        can = w.target().capabilities
        assert expected == (can.roles_credential, can.users_credential, can.dags_credential)


@pytest.mark.parametrize("login", ["ADMIN", "admin@example.com"])
def test_our_own_account_is_found_and_never_changed(login: str, tmp_path: Path) -> None:
    with world(StandIn("3.3.2"), tmp_path) as w:
        target = w.target(kinds=("token",), username=login)
        assert "admin" == target.capabilities.service_user
        outcome = target.apply(Change(person("Admin", "Admin"), None), Steps())
        assert (Status.FAILED, "Admin is the account that syncd runs as and is never changed") == (
            outcome.status,
            outcome.detail,
        )
