"""What commands have to show, as values: long enough that a terminal of 80 columns is too narrow for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from render_worlds import APPLIED, LEAVER, MANY, MOVER, NEW_ROLE, PLANNED

from syncd.alarm_kinds import runbook
from syncd.app import kind_of
from syncd.cli import alarms, audit, doctor, explain_fresh, explained, status
from syncd.cli.failing import Fails
from syncd.config.settings import DeploymentSettings
from syncd.errors import TargetUnavailable
from syncd.model import (
    CheckResult,
    Deployment,
    DesiredState,
    Held,
    Note,
    ObservedState,
    Plan,
    Reason,
    Scope,
    User,
)
from syncd.plan.limits import Limits
from syncd.ports import Acknowledged, AuditRow, Failing, HeldPlan, Holding, LastPlan, RunRecord, Silence
from syncd.reconcile import DeploymentReport, Target
from syncd.render.layout import Grid
from syncd.render.lines import Line
from syncd.render.text import report_lines
from syncd.targets import TARGETS
from syncd.throttle import RateLimit

NOW = datetime(2026, 3, 31, 9, 30, tzinfo=UTC)
WHY = "GET https://airflow.finance.example.com/api/v2/version: the connection was refused; is the server running?"
HELD = Held((LEAVER, MOVER), ("60 people lose a role: the limit is 50",), "finance-production")

ALARMS = (
    alarms.Alarm("unreachable", "finance-production", WHY, NOW, timedelta(minutes=8), runbook("unreachable")),
    alarms.Alarm(
        "held",
        "analytics-production",
        f"60 people lose a role: the limit is 50\nto let exactly this pass: syncd approve analytics-production {HELD.digest}",
        NOW,
        timedelta(days=3, hours=4),
        runbook("held"),
        Acknowledged(NOW, "anna (via root)", "asked the finance team, ticket 1207"),
        Silence(NOW + timedelta(hours=4), "bob", "until the team has answered", kind="held"),
    ),
)
SILENCES = (
    Silence(NOW + timedelta(hours=4), "bob", "until the team has answered", kind="held", id=7),
    Silence(NOW + timedelta(days=1), "anna", "the upgrade to 3.1", kind="unreachable", label=("env", "prod"), id=12),
)
FINDINGS = (
    CheckResult("database", "reachable", True, "sqlite:////var/lib/syncd/syncd.db"),
    CheckResult("source okta", "no more rights", None, "an API token has all rights of the administrator who made it, and "
                "Okta does not say which these are; a service app has only the scopes that it is given"),
    CheckResult("deployment finance-production", "reachable", False, WHY),
    CheckResult("mapping", "frozen", False, "analyst on finance-production: there is no group okta:finance-controlling; nobody "
                "who left loses it for now"),
)  # fmt: skip


def journal_row(status: str, detail: str, change: Any, id_: int) -> AuditRow:
    return AuditRow(id_, 12, "sweep", "syncd", 9, HELD.digest, None, "anna (via root)", "ticket 12", "finance-production", change,
                    status, detail, NOW, NOW, NOW, False)  # fmt: skip


JOURNAL = (
    journal_row("applied", "", MOVER, 1),
    journal_row("held", "60 people lose a role: the limit is 50", LEAVER, 2),
    journal_row("failed", "POST https://airflow.finance.example.com/api/v2/roles: 409 the role exists", NEW_ROLE, 3),
)
HOLDING = Holding(1, "finance-production", "bob.miller", "finance-analyst-with-approval", NOW, None, 3,
                  ("okta:finance (mappings/finance.yaml:18)",), 12, "syncd", "anna (via root)", "ticket 12",
                  None, (), False)  # fmt: skip


def card(name: str, *, held: Held | None = None, error: str = "", planned: bool = True) -> status._Card:
    run = RunRecord(12, "sweep", Scope(), "syncd", "host", 1, NOW, NOW, 4 if held else 0, {})
    plan = HeldPlan(12, 9, held.digest, NOW, NOW, held, "h12") if held else None
    notes = (
        Note("manual_grant", "34 people hold roles of syncd's by another hand, and manual_grants leaves it to them"),
    )
    last = LastPlan(name, run, 9, HELD.digest, Scope(), NOW, {"applied": 3}, (), notes, plan, NOW, 12)
    settings = DeploymentSettings(
        Deployment(name, naming=TARGETS["airflow"].naming), True, Limits(), "airflow", None, RateLimit()
    )
    target = Target(settings.deployment, True, Limits(), lambda _: None, "")  # type: ignore[arg-type,return-value]
    failure = TargetUnavailable(error) if error else None
    failing = Failing(NOW, 7, NOW + timedelta(hours=5, minutes=12))
    fails = Fails(failing, NOW + timedelta(hours=5), is_tended=True) if error else None
    return status._Card(target, kind_of(settings), None, last if planned else None, 2 if error else 0, failure, fails)


CARDS = (
    card("finance-production"),
    card("analytics-production", held=HELD),
    card("marketing-and-sales-staging", error=WHY),
    card("new", planned=False),
)
SILENT: list[dict[str, str | None]] = [
    {
        "source": "okta",
        "since": "",
        "for": "8 min",
        "last_read": "2026-03-31T09:22:00+00:00",
        "why": "https://example.okta.com: Okta answered 401 (the token is not valid)\nmake a new one",
    }
]
DOUBTS: list[dict[str, str | None]] = [
    {
        "source": "okta",
        "group": "finance-controlling",
        "id": "00g1",
        "since": None,
        "for": None,
        "why": "2 of 3 pages came; Okta counts 412 members",
    }
]


def status_screen(*, cards: bool) -> Iterable[Line | Grid]:
    replicas = ("host-1-abc",) if not cards else ()
    yield from status._attention(ALARMS[:1], CARDS, replicas=replicas, program="syncd")
    yield from status._cards_lines(CARDS[1:3], program="syncd") if cards else status._table(CARDS, program="syncd")
    yield from status._source_lines(SILENT, DOUBTS)


ANNA = User("anna.schmidt", "anna.schmidt@example.com", "Anna", "Schmidt", frozenset({"Viewer", "Admin"}))
WANTED = User("anna.schmidt", "anna.schmidt@example.com", "Anna", "Schmidt", frozenset({"finance-analyst"}))
EXPLAINED = DeploymentReport(
    "finance-production",
    plan=Plan("finance-production", Scope.people(["anna.schmidt"]), (MOVER,)),
    observed=ObservedState("finance-production", {"anna.schmidt": ANNA}, {}),
    desired=DesiredState("finance-production", {"anna.schmidt": WANTED}, {}, {"anna.schmidt": {"finance-analyst": (
        Reason("okta", "finance", "00g1", "mappings/finance.yaml:18", reason="quarter close, ticket FIN-4711",
               until=NOW),)}}),
)  # fmt: skip


def explain_screen() -> Iterable[Line]:
    told = explained.Told({}, HeldPlan(12, 9, HELD.digest, NOW, NOW, HELD, "h12"))
    yield from explained.person_lines("anna.schmidt", [], {"okta": WHY})
    yield from explain_fresh.report_lines(EXPLAINED, told, program="syncd")


SCREENS: dict[str, Callable[[], Iterable[Line | Grid]]] = {
    "plan": lambda: report_lines(PLANNED, verb="plan"),
    "plan-of-many": lambda: report_lines(MANY, verb="plan"),
    "apply": lambda: report_lines(APPLIED, verb="apply"),
    "status": lambda: status_screen(cards=False),
    "status-of-some": lambda: status_screen(cards=True),
    "doctor": lambda: [Grid(tuple(map(doctor._row, FINDINGS)))],
    "audit": lambda: [line for row in JOURNAL for line in audit._row_lines(row)],
    "audit-held": lambda: audit._held_lines(HOLDING),
    "explain": explain_screen,
    "alarms": lambda: alarms._lines(ALARMS, SILENCES, replicas=("host-1-abc",)),
    "alarms-of-nobody": lambda: alarms._lines(ALARMS[:1], (), replicas=()),
}
