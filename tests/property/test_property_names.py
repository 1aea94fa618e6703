"""Whatever names resemble each other on whatever database: no call touches what is protected or was made by hand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from states import own

from syncd.http import Connection, Secret
from syncd.model import Change, Deployment, DesiredState, Lookalikes, Owned, Permission, Reason, Role, Scope, User, key
from syncd.plan.diff import align, diff
from syncd.sandbox.airflow import PRESETS, SAMPLE_DAGS, StandIn, State, serve
from syncd.sandbox.airflow.collation import Names
from syncd.targets.airflow import AirflowSettings, AirflowTarget, Credential

ACCOUNTS = ("boss", "Boss", "bóss", "boss ", "ｂoss", "straße", "strasse", "strase", "anna")
ROLES = ("fin", "Fin", "fín", "fin ", "ﬁn", "team", "Team")
POOLS = frozenset({Permission("can_read", "Pools")})
WANTED = tuple(Permission("can_read", f"DAG:{dag.id}") for dag in SAMPLE_DAGS)
WHY = (Reason("people", "g", "group", "m.yaml:1"),)


class Silent:
    """A recorder that keeps nothing."""

    def before(self, call: str) -> int:
        return len(call)

    def after(self, step: int, answer: str, *, refused: bool = False) -> None:
        """Keep nothing."""


@dataclass
class Rig:
    server: StandIn
    url: str
    password: Path

    def target(self, protected: frozenset[str]) -> AirflowTarget:
        secret = Secret("file", (str(self.password),))
        credentials = tuple(Credential(kind, "admin", secret) for kind in ("basic", "token"))
        settings = AirflowSettings(Connection(self.url), credentials)
        return AirflowTarget("prod", settings, protected=protected, pause=lambda _: None)

    def start(self, names: Names, accounts: dict[str, frozenset[str]], by_hand: frozenset[str]) -> None:
        """Make the server as it was in the beginning, with these accounts and roles as far as the database has room."""
        self.server.state.__dict__.update(State(self.server.abilities.generation, names=names).__dict__)
        state = self.server.state
        state.parse(*SAMPLE_DAGS)
        for role in sorted(by_hand):
            if state.find_role(role) is None:
                state.roles[role] = set(POOLS)
        for name, roles in accounts.items():
            if state.find_user(name) is None:
                state.add_user(name, password="", email=f"{len(state.users)}@x", roles=set(roles) & state.roles.keys())
        self.server.calls.clear()


@pytest.fixture(scope="module", params=["2.11.2", "3.1.8+3.0.3", "3.3.2"])
def rig(request: pytest.FixtureRequest) -> Iterator[Rig]:
    server = StandIn(PRESETS[request.param])
    with TemporaryDirectory() as folder, serve(server) as url:
        password = Path(folder) / "password"
        password.write_text("admin")
        yield Rig(server, url, password)


roles = st.frozensets(st.sampled_from(ROLES), max_size=3)
wanted_people = st.dictionaries(st.sampled_from(ACCOUNTS), roles.filter(bool), max_size=4)


def desired(people: dict[str, frozenset[str]], sizes: dict[str, int]) -> DesiredState:
    named = sorted({role for held in people.values() for role in held})
    users = {key(n): User(n, f"{n.strip()}@y", "X", "Y", held) for n, held in people.items()}
    return DesiredState(
        "prod",
        users=users,
        roles={name: Role(name, frozenset(WANTED[: sizes.get(name, 2)])) for name in named},
        because={name: dict.fromkeys(user.roles, WHY) for name, user in users.items()},
    )


@given(
    names=st.sampled_from(["sqlite", "postgresql", "mysql"]),
    accounts=st.dictionaries(st.sampled_from(ACCOUNTS), roles, max_size=5),
    by_hand=roles,
    protected=st.frozensets(st.sampled_from(ACCOUNTS), max_size=2),
    passes=st.lists(
        st.tuples(wanted_people, st.dictionaries(st.sampled_from(ROLES), st.integers(0, 4)), st.booleans()),
        min_size=1,
        max_size=3,
    ),
)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@pytest.mark.finding("A-F1")
@pytest.mark.finding("P-P1")
def test_no_call_touches_what_is_protected_or_was_made_by_hand(
    rig: Rig,
    names: Names,
    accounts: dict[str, frozenset[str]],
    by_hand: frozenset[str],
    protected: frozenset[str],
    passes: list[tuple[dict[str, frozenset[str]], dict[str, int], bool]],
) -> None:
    rig.start(names, accounts, by_hand)
    state = rig.server.state
    guarded = Lookalikes(protected)
    # what a mapping defines by its very name is its to add to
    foreign = {role for role in state.roles if role in by_hand and not any(role in named_by(p) for p in passes)}
    holders = {role: {a.id for a in state.users.values() if role in a.roles} for role in foreign}
    safe = {a.id: (a.username, set(a.roles)) for a in state.users.values() if a.username in guarded}
    owned = Owned()
    for people, sizes, everything in passes:
        owned = one_pass(rig, desired(people, sizes), owned, protected, everything=everything)
        assert safe == {a.id: (a.username, a.roles) for a in state.users.values() if a.id in safe}
        for role in foreign:
            assert POOLS == frozenset(state.roles[role])
            assert holders[role] == {a.id for a in state.users.values() if role in a.roles}


def named_by(one: tuple[dict[str, frozenset[str]], dict[str, int], bool]) -> set[str]:
    return {role for held in one[0].values() for role in held}


def one_pass(rig: Rig, want: DesiredState, owned: Owned, protected: frozenset[str], *, everything: bool) -> Owned:
    target = rig.target(protected)
    scope = Scope() if everything else Scope.people({u.username for u in want.users.values()} | owned.grants.keys())
    seen = target.observe(scope, role_names=owned.roles | want.roles.keys(), once=owned.once)
    aligned = align(want, seen, match_email=False)
    deployment = Deployment("prod", protected=protected)
    plan = diff(aligned, seen, owned=owned, deployment=deployment, scope=scope, service_user=target.look().service_user)
    made: list[Change] = []
    for change in plan.changes:
        if target.apply(change, Silent()).status in {"applied", "pending", "unknown"}:
            made.append(change)
    target.close()
    return own(owned, made)
