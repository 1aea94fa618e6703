"""Whatever names resemble each other on whatever database: no call touches what is protected or was made by hand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from examples import examples
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from states import own

from syncd.http.connection import Connection
from syncd.http.secrets import Secret
from syncd.model import (
    Change,
    Deployment,
    DesiredState,
    Lookalikes,
    Owned,
    Plan,
    Reason,
    Role,
    Scope,
    User,
    key,
)
from syncd.plan.diff import align, diff
from syncd.sandbox.airflow import PRESETS, SAMPLE_DAGS, StandIn, State, serve
from syncd.sandbox.airflow.collation import Names
from syncd.targets.airflow import AirflowSettings, AirflowTarget, Credential, Timing
from syncd.targets.airflow.naming import NAMING, permission
from syncd.targets.kind import TargetSurroundings

ACCOUNTS = ("boss", "Boss", "bóss", "boss ", "ｂoss", "straße", "strasse", "strase", "anna")
ROLES = ("fin", "Fin", "fín", "ﬁn", "team")
POOLS = frozenset({permission("can_read", "Pools")})
WANTED = tuple(permission("can_read", f"DAG:{dag.id}") for dag in SAMPLE_DAGS)
WHY = (Reason("people", "g", "group", "m.yaml:1"),)


@dataclass
class Silent:
    """A recorder that keeps nothing but which second roles are ours."""

    made: set[str]

    def before(self, call: str, *, makes: str = "") -> int:
        self.made |= {makes} - {""}
        return len(call)

    def after(self, step: int, answer: str, *, refused: bool = False) -> None:
        """Keep nothing."""

    def gone(self, name: str) -> None:
        self.made.discard(name)


Pass = tuple[dict[str, frozenset[str]], dict[str, int], bool, str, str]
"""Who is wanted, how large each role is, whether everything is looked at, and what a hand makes before it is written."""


@dataclass
class Rig:
    server: StandIn
    url: str
    password: Path
    protected: frozenset[str] = frozenset()
    made: set[str] = field(default_factory=set)

    def by_hand(self, account: str, role: str) -> None:
        """Make an account and a role that other people hold, as far as the database has room."""
        state = self.server.state
        if role and state.find_role(role) is None:
            state.roles[role] = set(POOLS)
        if account and state.find_user(account) is None:
            held = {role} & state.roles.keys()
            state.add_user(account, password="", email=f"{len(state.users)}@x", roles={"Op", *held})

    def others(self, named: set[str]) -> tuple[object, ...]:
        """Give all that is to stay as it is: protected accounts, and roles of other names than any mapping has."""
        state, guarded = self.server.state, Lookalikes(self.protected)
        roles = {role: frozenset(held) for role, held in state.roles.items() if role.partition("~")[0] not in named}
        held = {
            (a.id, role)
            for a in state.users.values()
            for role in a.roles
            if role in roles and role not in NAMING.built_in_roles
        }
        safe = {a.id: (a.username, frozenset(a.roles)) for a in state.users.values() if a.username in guarded}
        return roles, held, safe

    def target(self, protected: frozenset[str]) -> AirflowTarget:
        secret = Secret("file", (str(self.password),))
        credentials = tuple(Credential(kind, "admin", secret) for kind in ("basic", "token"))
        settings = AirflowSettings(Connection(self.url), credentials)
        return AirflowTarget("prod", settings, TargetSurroundings(protected), timing=Timing(pause=lambda _: None))

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
        self.made.clear()


@pytest.fixture(scope="module", params=["2.11.2", "3.1.8+3.0.3", "3.3.2"])
def rig(request: pytest.FixtureRequest) -> Iterator[Rig]:
    server = StandIn(PRESETS[request.param])
    with TemporaryDirectory() as folder, serve(server) as url:
        password = Path(folder) / "password"
        password.write_text("admin")
        yield Rig(server, url, password)


roles = st.frozensets(st.sampled_from(ROLES), max_size=3)
wanted_people = st.dictionaries(
    st.sampled_from(ACCOUNTS), st.frozensets(st.sampled_from(ROLES), min_size=1, max_size=2), min_size=1, max_size=4
)


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
    names=st.sampled_from(["mysql", "mysql", "postgresql", "sqlite"]),
    accounts=st.dictionaries(st.sampled_from(ACCOUNTS), roles, max_size=3),
    by_hand=st.frozensets(st.sampled_from(ROLES), max_size=1),
    protected=st.frozensets(st.sampled_from(ACCOUNTS), max_size=2),
    passes=st.lists(
        st.tuples(
            wanted_people,
            st.dictionaries(st.sampled_from(ROLES), st.integers(0, 4)),
            st.booleans(),
            st.sampled_from((*ACCOUNTS, "")),
            st.sampled_from((*ROLES, "")),
        ),
        min_size=1,
        max_size=3,
    ),
)
@example(
    names="mysql",
    accounts={},
    by_hand=frozenset(),
    protected=frozenset(),
    passes=[({"anna": frozenset({"fin"})}, {}, True, "", "Fin")],
)
@settings(max_examples=examples(15), suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@pytest.mark.finding("A-F1")
@pytest.mark.finding("P1")
def test_no_call_touches_what_is_protected_or_was_made_by_hand(
    rig: Rig,
    names: Names,
    accounts: dict[str, frozenset[str]],
    by_hand: frozenset[str],
    protected: frozenset[str],
    passes: list[Pass],
) -> None:
    rig.start(names, accounts, by_hand)
    rig.protected = protected
    owned, named = Owned(), {role for one in passes for held in one[0].values() for role in held}
    for people, sizes, everything, account, role in passes:
        target, want, plan = planned(rig, desired(people, sizes), owned, everything=everything)
        rig.by_hand(account, role)
        # what a mapping defines by its very name is its to add to
        before = rig.others(named)
        owned = carried_out(target, plan, owned, rig.made)
        assert before == rig.others(named), (plan, want)


def planned(
    rig: Rig, want: DesiredState, owned: Owned, *, everything: bool
) -> tuple[AirflowTarget, DesiredState, Plan]:
    target = rig.target(rig.protected)
    scope = Scope() if everything else Scope.people({u.username for u in want.users.values()} | owned.grants.keys())
    seen = target.observe(
        scope, role_names=owned.roles | want.roles.keys(), once=owned.once, members=frozenset(rig.made)
    )
    aligned = align(want, seen, match_email=False)
    deployment = Deployment("prod", protected=rig.protected, naming=NAMING)
    own_account = target.capabilities.service_user
    return target, want, diff(aligned, seen, owned=owned, deployment=deployment, scope=scope, service_user=own_account)


def carried_out(target: AirflowTarget, plan: Plan, owned: Owned, made: set[str]) -> Owned:
    done: list[Change] = []
    for change in plan.changes:
        if target.apply(change, Silent(made)).status in {"applied", "pending", "unknown"}:
            done.append(change)
    target.close()
    return own(owned, done)
