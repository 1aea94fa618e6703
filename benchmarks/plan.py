"""How long do compile and diff take for 50,000 people and 250,000 grants, and how much memory?

The floor, measured in the same run: the same question asked of bare dicts of sets, the least that Python can do to find
out that 250,000 grants are as they should be. And how much longer
does a plan take because it says what it does to people: 20,000 of them with 50 roles each and 5,000 DAGs?
Run: python benchmarks/plan.py
"""

from __future__ import annotations

import gc
import statistics
import time
import tracemalloc
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import UTC, datetime

from syncd.mapping.compile import compile_desired
from syncd.model import (
    At,
    Certificate,
    Deployment,
    DesiredState,
    Dialect,
    Directory,
    Group,
    GroupRef,
    Identity,
    LabelTest,
    Level,
    Members,
    ObservedState,
    Owned,
    Permission,
    Plan,
    Role,
    RoleDefinition,
    Rule,
    Rules,
    User,
)
from syncd.plan.diff import align, diff
from syncd.plan.on_people import Effects, effects_on_people
from syncd.targets.airflow.naming import NAMING
from syncd.targets.memory import DIALECT as MEMORY_DIALECT

PEOPLE, GROUPS, GROUPS_EACH = 50_000, 2_000, 5
NOW = datetime(2026, 1, 1, tzinfo=UTC)
PROD = Deployment("prod", labels={"env": "prod"}, username="okta_{id}", naming=NAMING)
DIALECT = Dialect(
    frozenset({Permission("can_read", "Website")}),
    {level: (frozenset(), frozenset({Permission("can_read", "DAG:{dag}")})) for level in Level},
)


def directory() -> Directory:
    """Everybody is in five of 2,000 groups; neighbours share groups, as people of a team do."""
    members: list[set[str]] = [set() for _ in range(GROUPS)]
    people = {}
    for number in range(PEOPLE):
        name = f"00u{number:06}"
        people["okta", name] = Identity("okta", name, f"p{number}@example.com", f"p{number}@example.com", "Ada", "Poe")
        for which in range(GROUPS_EACH):
            members[(number // 25 + which * 397 + number % 3) % GROUPS].add(name)
    certificate = Certificate(1, 0, None, NOW, complete=True)
    groups = {
        ("okta", f"00g{n}"): Members(Group("okta", f"00g{n}", f"team-{n}", frozenset(ids), certificate))
        for n, ids in enumerate(members)
    }
    return Directory(people, groups)


def rules() -> Rules:
    """Each group is bound to one role of its own, so that every membership is a grant."""
    at = At("mappings/teams.yaml", 1)
    names = [f"team-{n}" for n in range(GROUPS)]
    return Rules(
        {name: RoleDefinition(name, "", (), ((Permission("can_read", "Pools"), at),), at) for name in names},
        tuple(
            Rule(GroupRef("okta", name=name), (name,), (LabelTest("env", frozenset({"prod"})),), at) for name in names
        ),
    )


def compiled(world: Directory, wanted: Rules) -> DesiredState:
    return compile_desired(wanted, world, PROD, inventory=(), dialect=DIALECT, now=NOW)


def deployment_as(desired: DesiredState) -> tuple[ObservedState, Owned]:
    """Give a server that has everything, as separate objects, as a read makes them."""
    users = {
        n: User(u.username, u.email, u.first_name, u.last_name, frozenset(set(u.roles)))
        for n, u in desired.users.items()
    }
    roles = {n: Role(n, frozenset(set(r.permissions))) for n, r in desired.roles.items()}
    grants = {n: frozenset(set(u.roles)) for n, u in desired.users.items()}
    return ObservedState("prod", users, roles), Owned(frozenset(users), frozenset(roles), grants)


def compared(desired: DesiredState, observed: ObservedState, owned: Owned) -> Plan:
    return diff(align(desired, observed, match_email=False), observed, owned=owned, deployment=PROD)


def floor(members: dict[str, frozenset[str]], have: dict[str, AbstractSet[str]]) -> int:
    """Turn groups into what each person holds, and count who does not hold it."""
    want: dict[str, set[str]] = {}
    for role, people in members.items():
        for person in people:
            want.setdefault(person, set()).add(role)
    return len([person for person, roles in want.items() if have.get(person, frozenset()) != roles])


def teams() -> tuple[ObservedState, Owned]:
    """Give 20,000 people with 50 of 400 roles each; ten roles of a team are about the same 125 of 5,000 DAGs."""
    words = (("can_read", "DAG"), ("can_edit", "DAG"), ("can_create", "DAG Run"))
    roles = {
        f"role-{n}": Role(
            f"role-{n}",
            frozenset(Permission(verb, f"{kind}:dag-{n // 10 * 125 + d}") for d in range(125) for verb, kind in words),
        )
        for n in range(400)
    }
    users = {
        f"p{n}": User(f"p{n}", "", "", "", frozenset(f"role-{(n + which * 8) % 400}" for which in range(50)))
        for n in range(20_000)
    }
    owned = Owned(frozenset(users), frozenset(roles), {name: user.roles for name, user in users.items()})
    return ObservedState("prod", users, roles), owned


def who_lose_a_role(observed: ObservedState, *, each: int) -> DesiredState:
    """Want of every so many people one role less, and of the rest what is there."""
    users = {
        name: replace(user, roles=user.roles - {min(user.roles)}) if number % each == 0 else user
        for number, (name, user) in enumerate(observed.users.items())
    }
    return DesiredState("prod", users, observed.roles, {})


def said(observed: ObservedState, owned: Owned, plan: Plan) -> Effects:
    return effects_on_people(observed, plan.changes, owned=owned, dialect=MEMORY_DIALECT)


def show_effects() -> None:
    observed, owned = teams()
    for each, words in ((20, "1,000 people lose a role"), (1, "20,000 people lose a role")):
        desired = who_lose_a_role(observed, each=each)
        plan = compared(desired, observed, owned)
        diff_s = timed(lambda: compared(desired, observed, owned), runs=3)  # noqa: B023 - run here and now
        effects_s = timed(lambda: said(observed, owned, plan), runs=3)  # noqa: B023
        print(
            f"effects on people, {words}: {effects_s:.2f} s beside diff {diff_s:.2f} s, ratio {effects_s / diff_s:.2f}"
        )


def timed(work: Callable[[], object], *, runs: int = 7) -> float:
    """Give the median of some runs, in seconds, after one that does not count."""
    work()
    seconds = []
    for _ in range(runs):
        gc.collect()
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)


def peak_mib(work: Callable[[], object]) -> float:
    """Give the most memory that the work itself had allocated at one time."""
    tracemalloc.start()
    work()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 2**20


def main() -> None:
    world, wanted = directory(), rules()
    desired = compiled(world, wanted)
    observed, owned = deployment_as(desired)
    grants = sum(len(user.roles) for user in desired.users.values())
    assert not compared(desired, observed, owned), "the server has everything, so nothing may be planned"
    members = {m.group.name: m.members for m in world.groups.values()}
    have: dict[str, AbstractSet[str]] = {
        user.username.removeprefix("okta_"): user.roles for user in desired.users.values()
    }
    assert floor(members, have) == 0, "the floor must find the same"
    compile_s = timed(lambda: compiled(world, wanted))
    diff_s = timed(lambda: compared(desired, observed, owned))
    floor_s = timed(lambda: floor(members, have))
    mib = peak_mib(lambda: compared(compiled(world, wanted), observed, owned))
    print(f"people {len(desired.users):,}, grants {grants:,}, roles {len(desired.roles):,}, groups {GROUPS:,}")
    print(f"compile {compile_s:.2f} s + diff {diff_s:.2f} s = {compile_s + diff_s:.2f} s (goal 1 s)")
    print(f"bare dicts of sets {floor_s:.2f} s; ratio {(compile_s + diff_s) / floor_s:.1f}")
    print(f"peak memory of compile and diff {mib:.0f} MiB (goal 250 MiB)")
    show_effects()


if __name__ == "__main__":
    main()
