"""Reports to render: one of each thing that can happen, names that are out to do harm, and very many changes."""

from __future__ import annotations

from syncd.errors import TargetUnavailable
from syncd.model import (
    Change,
    Dialect,
    Held,
    Kept,
    Level,
    Note,
    ObservedState,
    Outcome,
    Owned,
    Plan,
    Role,
    Scope,
    Status,
    User,
    Why,
)
from syncd.plan.on_people import Effects, OfRole, OnDags, Toll, effects_on_people
from syncd.reconcile import DeploymentReport, Report
from syncd.targets.airflow.naming import permission

CALM = DeploymentReport("calm", True, plan=Plan("calm", Scope(), ()), calls=6)


def user(name: str, *roles: str) -> User:
    return User(name, f"{name}@example.com", name.partition(".")[0].title(), "Example", frozenset(roles))


def role(name: str, *permissions: str) -> Role:
    parted = (permission.split(" on ") for permission in permissions)
    return Role(name, frozenset(permission(action, resource) for action, resource in parted))


def on_dags(action: str, count: int) -> tuple[str, ...]:
    return tuple(f"{action} on DAG:sales_{n:03}" for n in range(count))


LEAVER = Change(user("bob.miller", "Viewer", "finance-analyst"), user("bob.miller"), (
    Why("no mapping line gives it", "Viewer"), Why("was given by people:finance (mappings/finance.yaml:18)", "finance-analyst"),
))  # fmt: skip
MOVER = Change(user("anna.schmidt", "Viewer"), user("anna.schmidt", "finance-analyst"), (
    Why("people:finance (mappings/finance.yaml:18)", "finance-analyst"),
    Why("was given by people:staff (mappings/all.yaml:3)", "Viewer"),
))  # fmt: skip
JOINER = Change(
    None, user("zoë.o'neil", "finance-analyst"), (Why("people:finance (mappings/finance.yaml:18)", "finance-analyst"),)
)
GONE = Change(user("carl"), None, (Why("no mapping line gives this person anything here"),))
NEW_ROLE = Change(None, role(
    "finance-analyst", *on_dags("can_read", 12), "can_read on Website", "can_read on Pools", "can_read on DAGs",
    "menu_access on Browse", "can_edit on DAG:fin_monthly", "can_read on DAG:fin_monthly", "can_create on DAG Run:fin_monthly",
))  # fmt: skip
LESS_ROLE = Change(role("ops", *on_dags("can_edit", 1), "can_read on Pools"), role("ops", "can_read on Pools"))
OLD_ROLE = Change(role("old", "can_read on Website"), None, (Why("no mapping line gives this role any more"),))

DIALECT = Dialect(
    frozenset(),
    {
        Level.VIEW: (frozenset(), role("", "can_read on DAG:{dag}").permissions),
        Level.TRIGGER: (frozenset(), role("", "can_edit on DAG:{dag}", "can_create on DAG Run:{dag}").permissions),
    },
    everywhere={permission("can_read", "DAG:{dag}"): permission("can_read", "DAGs")},
)
HOLDERS = [user("anna.schmidt", "Viewer", "ops"), LEAVER.before, user("carl"), user("dora", "ops", "old")]
OBSERVED = ObservedState(
    "prod",
    {found.username: found for found in HOLDERS if isinstance(found, User)},
    {"ops": LESS_ROLE.before, "old": OLD_ROLE.before, "Viewer": role("Viewer", "can_read on DAGs")},  # type: ignore[dict-item]
)
OWNED = Owned(grants={"bob.miller": frozenset({"finance-analyst"}), "anna.schmidt": frozenset({"Viewer", "ops"})})


def effects(*changes: Change) -> Effects:
    return effects_on_people(OBSERVED, changes, owned=OWNED, dialect=DIALECT)


PLANNED = Report(
    7,
    (
        DeploymentReport(
            "prod",
            True,
            plan=Plan(
                "prod",
                Scope(),
                (NEW_ROLE, LESS_ROLE, JOINER, MOVER, LEAVER, GONE, OLD_ROLE),
                kept=(Kept("dora", "ops", "the read of okta:ops is not certified: 2 of 3 pages came"),),
                notes=(Note("role_not_ours", "role Reports was there before syncd and is left alone"),),
            ),
            held=Held((LEAVER, GONE), ("60 people lose a role: the limit is 50",), "prod"),
            hold="h12",
            effects=effects(NEW_ROLE, LESS_ROLE, JOINER, MOVER, LEAVER, GONE, OLD_ROLE),
            held_effects=effects(LEAVER, GONE),
            calls=31,
        ),
        CALM,
        DeploymentReport("down", False, error=TargetUnavailable("GET https://down/: no answer\nwithin 10 s"), calls=1),
    ),
    {"okta": "GET https://okta/: 401; renew the token"},
    (Note("approval_unused", "0123456789ab approves nothing: no held changes have this digest now; plan again"),),
    4.24,
)

APPLIED = Report(
    8,
    (
        DeploymentReport(
            "prod",
            True,
            plan=Plan("prod", Scope.people(["Anna.Schmidt"]), (NEW_ROLE, JOINER, MOVER, LEAVER)),
            held=Held((LEAVER,), ("6 of 20 people lose a role: the limit is 10%",), "prod"),
            effects=effects(NEW_ROLE, JOINER, MOVER, LEAVER),
            held_effects=effects(LEAVER),
            outcomes=(
                Outcome(NEW_ROLE, Status.PENDING, "12 DAGs are not parsed yet: sales_000, sales_001 and 10 more"),
                Outcome(JOINER, Status.FAILED, "409: the e-mail zoë.o'neil@example.com already exists"),
                Outcome(MOVER, Status.UNKNOWN, "no answer within 60 s"),
                Outcome(LEAVER, Status.HELD, "6 of 20 people lose a role: the limit is 10%"),
                Outcome(LESS_ROLE, Status.APPLIED),
            ),
            remaining=Plan("prod", Scope(), (LESS_ROLE,), blocked=("finance", "strasse")),
            leftovers=("ops~2",),
            calls=44,
            seconds={"look": 0.25, "apply": 3.5},
        ),
        DeploymentReport(
            "watched",
            plan=Plan("watched", Scope(), (MOVER, OLD_ROLE)),
            effects=effects(MOVER, OLD_ROLE),
            outcomes=(
                Outcome(MOVER, Status.SKIPPED, "this deployment is only observed (mode = observe)"),
                Outcome(OLD_ROLE, Status.SKIPPED, "this deployment is only observed (mode = observe)"),
            ),
            calls=6,
        ),
    ),
    {},
    (),
    12.0,
)

EVIL = "x\x1b[2J\r\u202egnp.```<img src=//e>|@all\n"
EVIL_TOLL = Toll(1, 1, (OfRole(EVIL, 1, 1),), (OnDags(Level.VIEW, 1, (EVIL,), (OfRole(EVIL, 1),)),))
HARMFUL = Report(
    9,
    (
        DeploymentReport(
            "prod",
            plan=Plan(
                "prod",
                Scope(),
                (
                    Change(None, user(EVIL, f"role {EVIL}"), (Why(f"people:{EVIL} (mappings/a.yaml:1)"),)),
                    Change(None, role(EVIL, f"can_read on DAG:{EVIL}", f"can_read on {EVIL}")),
                ),
                kept=(Kept(EVIL, EVIL, EVIL),),
                notes=(Note("evil", EVIL),),
            ),
            held=Held((Change(user(EVIL, "a"), user(EVIL)),), (EVIL,), "prod"),
            effects=Effects(EVIL_TOLL),
            held_effects=Effects(EVIL_TOLL),
        ),
        DeploymentReport(EVIL, error=TargetUnavailable(EVIL)),
    ),
    {EVIL: EVIL},
    (Note("evil", EVIL),),
)

JOINERS = tuple(
    Change(None, user(f"user{n:05}", "Viewer"), (Why("people:all (mappings/a.yaml:1)", "Viewer"),))
    for n in range(10_000)
)
MANY = Report(10, (DeploymentReport("prod", plan=Plan("prod", Scope(), JOINERS)),), {})

WORLDS = {
    "planned": (PLANNED, "plan"),
    "applied": (APPLIED, "apply"),
    "harmful": (HARMFUL, "plan"),
    "many": (MANY, "plan"),
}
