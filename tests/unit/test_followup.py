"""What follows from the end of a pass, line by line of the table in `daemon/followup.py`."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from syncd.daemon.ends import (
    Broke,
    Closed,
    End,
    Ended,
    FollowUp,
    Gone,
    Listed,
    Made,
    Moment,
    Postponed,
    Record,
    Retried,
    RolesFirst,
    TooEarly,
)
from syncd.daemon.followup import AGAIN, QUARANTINE_AFTER, SUPERSEDED, UNREACHABLE_AFTER, UNREAD_S, follow_up, whole
from syncd.daemon.words import Say
from syncd.daemon.work_item import BUSY_S, GIVES_WAY_S, Urgency, WorkItem
from syncd.errors import (
    DeploymentBusy,
    MappingInvalid,
    Problem,
    SecretUnreadable,
    StoreError,
    SyncdError,
    TargetUnauthorized,
    TargetUnavailable,
)
from syncd.model import EVERYTHING, Change, Held, Note, Outcome, Plan, Scope, Status, User
from syncd.reconcile import DeploymentReport, Report

NOW = datetime(2026, 3, 1, tzinfo=UTC)
SWEEP = whole("sweep")
LOSS = WorkItem(Scope.people(["ann"]), "people", Urgency.LOSS)
GAIN = WorkItem(Scope.people(["ann"]), "people", Urgency.GAIN)
ORDER = WorkItem(EVERYTHING, "reconcile", Urgency.ORDER, job=7)
ORDER_FOR_ANN = replace(ORDER, scope=Scope.people(["ann"]))
LIST = WorkItem(Scope.of_dags(()), "dags", Urgency.DAGS)
RETRY = whole("retry")
SILENT, AWAY, BUSY = TargetUnavailable("no answer"), StoreError("away"), DeploymentBusy("another")
AMBIGUOUS = MappingInvalid([Problem("a.yaml", 1, 1, "a name stands for two groups")])
ANN = Change(None, User("ann", "ann@x.example", "Ann", "X", frozenset({"team"})))
WELL = {Say("unreachable", "prod"), Say("pass_failed", "prod"), Say("quarantined", "prod")}
"""The alarms of failures are over."""
NOTHING = {
    *WELL,
    *(
        Say(k, "prod")
        for k in ("not_converged", "held", "drift", "frozen", "email_taken", "renamed", "name_clash", "server_changed")
    ),
}
"""A look at everything found nothing to say."""


def made(**facts: Any) -> Made:
    given: dict[str, Any] = {"plan": Plan("prod", EVERYTHING, ()), "calls": 3, **facts}
    return Made(Report(5, (DeploymentReport("prod", **given),), {}))


def outcome(status: Status, detail: str = "") -> tuple[Outcome, ...]:
    return (Outcome(ANN, status, detail),)


def without_why(error: type[SyncdError], cause: Exception) -> SyncdError:
    found = error("refused")
    found.__cause__ = cause
    return found


@dataclass(frozen=True)
class Line:
    """One line of the table: how it ended, and of what follows that which matters."""

    item: WorkItem
    end: End
    close: Any
    says: set[Say] = field(default_factory=set)
    puts: tuple[WorkItem, ...] = ()
    again_in: timedelta | None = None
    database: Any = None
    answer: str | None = None
    drops_session: bool = False
    moment: Moment = Moment(NOW)  # noqa: RUF009 - frozen
    record: Record = Record()  # noqa: RUF009 - frozen


LINES = {
    "its deployment is gone": Line(SWEEP, Gone(), Closed()),
    "its deployment is gone, somebody waits": Line(
        ORDER, Gone(), Closed(), answer="prod is not in the configuration any more"
    ),
    "people are not known": Line(ORDER, TooEarly(), Postponed(ORDER, UNREAD_S)),
    "roles come first": Line(GAIN, RolesFirst(), Postponed(whole("people"), 0.0)),
    "another writer": Line(GAIN, Broke(BUSY), Postponed(GAIN, BUSY_S)),
    "another writer, a loss waits": Line(LOSS, Broke(BUSY), Postponed(LOSS, GIVES_WAY_S)),
    "another writer, an order for a person": Line(ORDER_FOR_ANN, Broke(BUSY), Postponed(ORDER_FOR_ANN, GIVES_WAY_S)),
    "another writer came meanwhile": Line(SWEEP, made(error=BUSY), Postponed(SWEEP, BUSY_S)),
    "no database": Line(LOSS, Broke(AWAY), Postponed(LOSS, BUSY_S), database=AWAY),
    "no database any more, and somebody waits": Line(ORDER, made(error=AWAY), Postponed(ORDER, BUSY_S), database=AWAY),
    "no answer, once": Line(LOSS, made(error=SILENT), Retried(LOSS, 1), drops_session=True),
    "no answer, again": Line(
        SWEEP,
        made(error=SILENT),
        Retried(SWEEP, UNREACHABLE_AFTER),
        {Say("unreachable", "prod", "no answer"), Say("pass_failed", "prod")},
        moment=Moment(NOW, 1, UNREACHABLE_AFTER),
        drops_session=True,
    ),
    "no answer, for long": Line(
        SWEEP,
        made(error=SILENT),
        Retried(SWEEP, QUARANTINE_AFTER),
        {Say("quarantined", "prod", "5 passes in a row failed; it is tried again every quarter of an hour: no answer")},
        moment=Moment(NOW, 4, QUARANTINE_AFTER),
        drops_session=True,
    ),
    "no answer, and somebody waits": Line(
        ORDER, made(error=SILENT), Retried(RETRY, 1), answer="no answer", drops_session=True
    ),
    "no answer to a list of DAGs": Line(LIST, Broke(SILENT), Retried(RETRY, 1), drops_session=True),
    "a mapping": Line(
        SWEEP,
        made(error=AMBIGUOUS),
        Retried(SWEEP, 2),
        {Say("pass_failed", "prod", str(AMBIGUOUS)), Say("unreachable", "prod")},
        moment=Moment(NOW, 1, 2),
    ),
    "a secret": Line(
        SWEEP,
        Broke(without_why(TargetUnauthorized, SecretUnreadable("env:X: is empty"))),
        Retried(SWEEP, 2),
        {Say("pass_failed", "prod", "refused"), Say("unreachable", "prod")},
        moment=Moment(NOW, 1, 2),
        drops_session=True,
    ),
    "a defect": Line(
        LOSS,
        Broke(SyncdError("unexpected KeyError"), is_defect=True),
        Retried(RETRY, 2),
        {Say("pass_failed", "prod", "unexpected KeyError"), Say("unreachable", "prod")},
        moment=Moment(NOW, 1, 2),
    ),
    "syncd stops": Line(
        ORDER,
        made(error=SILENT),
        Postponed(replace(ORDER, job=None), BUSY_S),
        answer="no answer",
        drops_session=True,
        moment=Moment(NOW, 4, QUARANTINE_AFTER, is_stopping=True),
    ),
    "other files meanwhile": Line(
        SWEEP, made(outcomes=outcome(Status.SKIPPED, SUPERSEDED)), Closed(), NOTHING, database=True
    ),
    "other files meanwhile, somebody waits": Line(
        ORDER, made(outcomes=outcome(Status.SKIPPED, SUPERSEDED)), Postponed(ORDER, 0.0), database=True
    ),
    "well, everything": Line(SWEEP, made(), Closed(), NOTHING, database=True),
    "well, everything, after failures": Line(
        SWEEP, made(), Closed(), NOTHING, database=True, moment=Moment(NOW, 3, 4), record=Record(error="no answer")
    ),
    "well, some people": Line(LOSS, made(), Closed(), WELL, database=True),
    "well, some people, after failures": Line(
        LOSS, made(), Closed(), WELL, (RETRY,), database=True, moment=Moment(NOW, 3, 4)
    ),
    "well, and somebody waits": Line(ORDER, made(), Closed(), NOTHING, database=True, answer=""),
    "some of it failed": Line(
        LOSS, made(outcomes=outcome(Status.FAILED)), Closed(), WELL, again_in=AGAIN[0], database=True
    ),
    "some of it is not known": Line(
        LOSS, made(outcomes=outcome(Status.UNKNOWN)), Closed(), WELL, again_in=AGAIN[0], database=True
    ),
    "some of it failed again": Line(
        SWEEP,
        made(outcomes=outcome(Status.FAILED)),
        Closed(),
        NOTHING,
        again_in=AGAIN[1],
        database=True,
        record=Record(looked_again=1),
    ),
    "some of it fails for ever": Line(
        SWEEP,
        made(outcomes=outcome(Status.FAILED)),
        Closed(),
        NOTHING,
        database=True,
        record=Record(looked_again=2),
    ),
    "accepted and not kept": Line(
        LOSS,
        made(remaining=Plan("prod", EVERYTHING, (ANN,))),
        Closed(),
        {*WELL, Say("not_converged", "prod", "the server accepted and did not keep changes of ann")},
        again_in=AGAIN[0],
        database=True,
    ),
    "never kept": Line(
        SWEEP,
        made(remaining=Plan("prod", EVERYTHING, (ANN,))),
        Closed(),
        NOTHING - {Say("not_converged", "prod")}
        | {Say("not_converged", "prod", "the server accepted and did not keep changes of ann")},
        database=True,
        record=Record(looked_again=2),
    ),
    "a limit holds something": Line(
        GAIN, made(held=Held((ANN,), ("too much",), "prod")), Closed(), WELL, (whole("held"),), database=True
    ),
    "somebody else changed it": Line(
        SWEEP,
        made(drift=2),
        Closed(),
        NOTHING - {Say("drift", "prod")}
        | {
            Say("drift", "prod", "2 things were changed there by somebody else; what was put back: syncd audit -d prod")
        },
        database=True,
    ),
    "the same DAGs": Line(LIST, Listed(frozenset()), Closed(), WELL),
    "the same DAGs, after failures": Line(
        LIST, Listed(frozenset()), Closed(), WELL, (RETRY,), moment=Moment(NOW, 3, 4)
    ),
    "other DAGs": Line(
        LIST, Listed(frozenset({"new"})), Closed(), WELL, (WorkItem(Scope.of_dags({"new"}), "dags", Urgency.DAGS),)
    ),
}


def after(line: Line) -> FollowUp:
    return follow_up(Ended("prod", line.item, line.end, line.record, moment=line.moment))


@pytest.mark.parametrize("line", LINES.values(), ids=LINES)
def test_what_follows(line: Line) -> None:
    found = after(line)
    assert line.close == found.close
    assert (line.puts, line.again_in) == (found.puts, found.again_in)
    assert line.says == set(found.says)
    assert line.database == found.database
    assert line.drops_session == found.drops_session
    assert line.answer == (found.answer.error if found.answer else None)


def test_only_what_is_made_or_fails_is_remembered() -> None:
    before = Record(error="no answer", calls=10, drift=4, held="x", looked_again=1)
    moment = Moment(NOW, 1, 2)

    def remembered(item: WorkItem, end: End) -> Record:
        return follow_up(Ended("prod", item, end, before, moment=moment)).record

    for end in (Gone(), TooEarly(), RolesFirst(), Broke(BUSY), Broke(AWAY)):
        assert before == remembered(SWEEP, end)
    assert replace(before, error="refused", calls=13) == remembered(SWEEP, made(error=SyncdError("refused")))
    assert replace(before, error="", calls=13) == remembered(LOSS, made(drift=9))
    noted = Plan("prod", EVERYTHING, (), notes=(Note("frozen", "one"),))
    held = Held((ANN,), ("too much",), "prod")
    assert Record(NOW, "", held.digest, 13, 9, ("one",)) == remembered(SWEEP, made(drift=9, plan=noted, held=held))


def test_what_is_never_kept_is_looked_at_twice_out_of_turn_and_then_with_each_sweep() -> None:
    """A look at everything in which nothing failed, and something was not kept all the same, is not the end of it."""
    record, waits = Record(), []
    for _ in range(4):
        end = made(remaining=Plan("prod", EVERYTHING, (ANN,)))
        found = follow_up(Ended("prod", SWEEP, end, record, moment=Moment(NOW)))
        record = found.record
        waits.append(found.again_in)
    assert [*AGAIN, None, None] == waits
    assert 0 == follow_up(Ended("prod", SWEEP, made(), record, moment=Moment(NOW))).record.looked_again


def test_the_log_hears_of_sweeps_and_of_quarantine() -> None:
    def events(item: WorkItem, end: End, failing: int = 1) -> list[str]:
        found = follow_up(Ended("prod", item, end, Record(), moment=Moment(NOW, failing - 1, failing)))
        return [event.name for event in found.events]

    assert ["sweep_ended"] == events(SWEEP, made())
    assert [] == events(LOSS, made())
    assert [] == events(SWEEP, Broke(SILENT), QUARANTINE_AFTER - 1)
    assert ["deployment_quarantined"] == events(SWEEP, Broke(SILENT), QUARANTINE_AFTER)
