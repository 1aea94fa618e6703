"""What follows from the end of a pass, line by line of the table in `daemon/followup.py`."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from syncd.alarm_kinds import AlarmKind
from syncd.control import DeploymentResult
from syncd.daemon.ends import (
    Broke,
    Closed,
    End,
    Ended,
    Event,
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
from syncd.model import (
    EVERYTHING,
    Change,
    Held,
    Note,
    ObservedState,
    Outcome,
    Owned,
    Plan,
    Role,
    Scope,
    Status,
    User,
)
from syncd.plan.on_people import effects_on_people
from syncd.plan.sound import WAITS
from syncd.reconcile import DeploymentReport, Report
from syncd.targets.airflow.naming import permission
from syncd.targets.memory import DIALECT

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
UNDOES = "most likely another tool or a second syncd that writes there too"
WELL = {Say("unreachable", "prod"), Say("pass_failed", "prod"), Say("quarantined", "prod")}
"""The alarms of failures are over."""
NOTHING = {
    *WELL,
    *(
        Say(k, "prod")
        for k in (
            "not_converged",
            "held",
            "paused",
            "drift",
            "frozen",
            "email_taken",
            "renamed",
            "name_clash",
            "server_changed",
            "another_installation",
            "break_glass_used",
            "waiting",
        )
    ),
    Say("database_doubted", "database"),
}
"""A look at everything found nothing to say."""


def made(**facts: Any) -> Made:
    given: dict[str, Any] = {"plan": Plan("prod", EVERYTHING, ()), "calls": 3, **facts}
    return Made(Report(5, (DeploymentReport("prod", **given),), {}))


def noting(code: str, text: str) -> Plan:
    return Plan("prod", EVERYTHING, (), notes=(Note(code, text),))


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
    "it fails, and its deployment went meanwhile": Line(
        SWEEP, made(error=SILENT), Closed(), moment=Moment(NOW, 4, QUARANTINE_AFTER, is_configured=False)
    ),
    "somebody waits for one that fails, and whose deployment went meanwhile": Line(
        ORDER,
        Broke(SILENT),
        Closed(),
        answer="prod is not in the configuration any more",
        moment=Moment(NOW, 1, 2, is_configured=False),
    ),
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
        {*WELL, Say("not_converged", "prod", "the server accepted and did not keep changes of ann; " + UNDOES)},
        again_in=AGAIN[0],
        database=True,
    ),
    "never kept": Line(
        SWEEP,
        made(remaining=Plan("prod", EVERYTHING, (ANN,))),
        Closed(),
        NOTHING - {Say("not_converged", "prod")}
        | {Say("not_converged", "prod", "the server accepted and did not keep changes of ann; " + UNDOES)},
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


@pytest.mark.finding("U-B7")
def test_a_failure_counts_where_the_ladder_is_climbed_and_what_works_ends_the_count() -> None:
    def failed(item: WorkItem, end: End, **moment: Any) -> bool | None:
        return follow_up(Ended("prod", item, end, Record(), moment=Moment(NOW, **moment))).failed

    for end in (Gone(), TooEarly(), RolesFirst(), Broke(BUSY), Broke(AWAY)):
        assert failed(SWEEP, end) is None
    assert failed(ORDER, made(outcomes=outcome(Status.SKIPPED, SUPERSEDED))) is None
    assert failed(SWEEP, Broke(SILENT), is_stopping=True) is None
    assert failed(SWEEP, Broke(SILENT), is_configured=False) is None
    assert failed(SWEEP, Broke(SILENT)) is True
    assert failed(SWEEP, made(error=AMBIGUOUS), failures=3, failing=4) is True
    assert failed(ORDER, Broke(SILENT), failures=3, failing=3) is None, "it joins what waits for the next try"
    assert failed(SWEEP, made(outcomes=outcome(Status.FAILED))) is False, "the deployment answers"
    assert failed(LIST, Listed(frozenset())) is False


def test_only_what_is_made_or_fails_is_remembered() -> None:
    before = Record(error="no answer", calls=10, drift=4, held="x", looked_again=1)
    moment = Moment(NOW, 1, 2)

    def remembered(item: WorkItem, end: End) -> Record:
        return follow_up(Ended("prod", item, end, before, moment=moment)).record

    for end in (Gone(), TooEarly(), RolesFirst(), Broke(BUSY), Broke(AWAY)):
        assert before == remembered(SWEEP, end)
    assert replace(before, error="") == remembered(LIST, Listed(frozenset()))
    superseded = made(outcomes=outcome(Status.SKIPPED, SUPERSEDED))
    assert replace(before, calls=13) == remembered(ORDER, superseded)
    stopping = Ended("prod", SWEEP, Broke(SILENT), before, moment=Moment(NOW, is_stopping=True))
    assert before == follow_up(stopping).record
    assert "" == remembered(SWEEP, made()).held
    assert replace(before, error="refused", calls=13) == remembered(SWEEP, made(error=SyncdError("refused")))
    assert replace(before, error="", calls=13) == remembered(LOSS, made(drift=9))
    noted = Plan("prod", EVERYTHING, (), notes=(Note("frozen", "one"),))
    held = Held((ANN,), ("too much",), "prod")
    found = remembered(SWEEP, made(drift=9, plan=noted, held=held, hold="h12"))
    assert Record(NOW, "", held.digest, 13, 9, ("one",), hold="h12") == found


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
    def events(item: WorkItem, end: End, failing: int = 1) -> list[Event]:
        found = follow_up(Ended("prod", item, end, Record(), moment=Moment(NOW, failing - 1, failing)))
        return list(found.events)

    def swept(**facts: object) -> list[Event]:
        return [Event("sweep_ended", {"deployment": "prod", "seconds": 0, "changes": 0, "drift": 0, **facts})]

    assert swept() == events(SWEEP, made()) == events(SWEEP, made(plan=None))
    busy = made(plan=Plan("prod", EVERYTHING, (ANN,)), seconds={"observe": 1.5, "apply": 0.5}, drift=4)
    assert swept(seconds=2.0, changes=1, drift=4) == events(SWEEP, busy)
    assert [] == events(LOSS, made())
    assert [] == events(SWEEP, Broke(SILENT), QUARANTINE_AFTER - 1)
    told = {"deployment": "prod", "failures": QUARANTINE_AFTER, "error": "no answer"}
    assert [Event("deployment_quarantined", told)] == events(SWEEP, Broke(SILENT), QUARANTINE_AFTER)


def test_roles_that_are_waited_for_are_put_right_at_once_and_nothing_is_counted_as_failed() -> None:
    waits = made(outcomes=outcome(Status.PENDING, f"team: {WAITS}"))
    found = follow_up(Ended("prod", GAIN, waits, Record(), moment=Moment(NOW)))
    assert ((whole("roles"),), None) == (found.puts, found.again_in)


# --- what who waits is told, and everybody else -----------------------------------------------------------------------------


def answer(end: End, *, is_stopping: bool = False) -> DeploymentResult | None:
    return follow_up(Ended("prod", ORDER, end, Record(), moment=Moment(NOW, is_stopping=is_stopping))).answer


@pytest.mark.parametrize("is_stopping", [False, True])
@pytest.mark.parametrize(
    ("end", "expected"),
    [
        (Gone(), DeploymentResult("prod", 1, "prod is not in the configuration any more")),
        (Broke(SILENT), DeploymentResult("prod", 5, "no answer")),
        (made(error=SILENT), DeploymentResult("prod", 5, "no answer", run=5)),
        (made(error=AMBIGUOUS), DeploymentResult("prod", 3, str(AMBIGUOUS), run=5)),
    ],
    ids=["its deployment is gone", "no report", "no answer", "a mapping"],
)
def test_who_waits_is_told_why_nothing_was_done(end: End, expected: DeploymentResult, is_stopping: bool) -> None:
    assert expected == answer(end, is_stopping=is_stopping)


def test_who_waits_is_told_all_that_was_done() -> None:
    held = Held((ANN,), ("too much",), "prod")
    made_of = {status: outcome(status) for status in Status}
    other = replace(ANN, after=User("cid", "", "", "", frozenset()))
    end = made(
        outcomes=(
            *made_of[Status.APPLIED] * 4,
            *made_of[Status.FAILED],
            *made_of[Status.UNKNOWN],
            *made_of[Status.PENDING],
        ),
        held=held,
        remaining=Plan("prod", EVERYTHING, (other,)),
        calls=12,
    )
    timed = Made(replace(end.report, seconds=1.23456))  # type: ignore[type-var]  # a Report, seen as a protocol
    found = answer(timed)
    assert found is not None
    assert {"plan", "deployment"} <= found.plan.keys()
    assert (
        DeploymentResult(
            "prod", 1, "", 4, 3, held.digest, not_converged=1, calls=12, seconds=1.235, run=5, plan=found.plan
        )
        == found
    )
    assert DeploymentResult("prod", 0, calls=3, run=5, plan=answer(made()).plan) == answer(made())  # type: ignore[union-attr]
    assert (4, held.digest) == tuple(getattr(answer(made(held=held)), name) for name in ("exit_code", "held")), (
        "held and nothing else"
    )


def test_nobody_who_does_not_wait_is_told() -> None:
    for end in (Gone(), Broke(SILENT), made(), made(error=SILENT)):
        assert follow_up(Ended("prod", SWEEP, end, Record(), moment=Moment(NOW))).answer is None


@pytest.mark.parametrize(
    ("kind", "facts", "said"),
    [
        (
            "held",
            {"held": Held((ANN,), ("too much",), "prod")},
            "1 change is held (too much); see them with: syncd plan -d prod; let exactly these go with: "
            f"syncd approve prod {Held((ANN,), (), 'prod').digest}; leave them undone, and be asked no more, with: "
            f"syncd hold reject {Held((ANN,), (), 'prod').digest}",
        ),
        ("frozen", {"frozen": {"team": "cut off"}}, "nobody who left loses these roles for now: team: cut off"),
        ("email_taken", {"plan": noting("email_taken", "ann has it")}, "ann has it"),
        ("renamed", {"plan": noting("role_renamed", "team is crew")}, "team is crew"),
        ("renamed", {"plan": noting("account_renamed", "ann is anna")}, "ann is anna"),
        ("server_changed", {"plan": noting("server_changed", "it is at b now")}, "it is at b now"),
        ("break_glass_used", {"plan": noting("break_glass_used", "it signed in")}, "it signed in"),
        (
            "name_clash",
            {"plan": replace(noting("name_clash", "Ann is ann"), blocked=("Ann",))},
            "left alone: Ann: Ann is ann",
        ),
    ],
)
def test_a_look_at_everything_raises_each_alarm_with_its_words(
    kind: AlarmKind, facts: dict[str, Any], said: str
) -> None:
    found = follow_up(Ended("prod", SWEEP, made(**facts), Record(), moment=Moment(NOW)))
    assert [Say(kind, "prod", said)] == [say for say in found.says if say.text]


def test_the_alarm_of_what_is_held_says_what_people_would_lose() -> None:
    pii = Role("pii", frozenset({permission("can_read", "DAG:a")}))
    pii_roles = frozenset({"pii"})
    holder = User("bob", "", "", "", pii_roles)
    goes = Change(pii, None)
    observed = ObservedState("prod", {"bob": holder}, {"pii": pii})
    effects = effects_on_people(observed, [goes], owned=Owned(grants={"bob": pii_roles}), dialect=DIALECT)
    held = Held((goes,), ("too much",), "prod")
    found = follow_up(Ended("prod", SWEEP, made(held=held, held_effects=effects), Record(), moment=Moment(NOW)))
    [said] = [say.text for say in found.says if say.kind == "held"]
    assert "; if they pass, 1 person loses view on DAG a (pii: 1); see them with" in said


@pytest.mark.finding("U-B9")
def test_what_a_server_lacks_at_several_looks_in_a_row_is_told_until_it_does_not() -> None:
    waits = outcome(Status.PENDING, "the server does not know: can_read on Pool")
    lacks = made(outcomes=(*waits, *outcome(Status.APPLIED), *outcome(Status.APPLIED)))
    record, told, waiting = Record(), [], []
    for end in (lacks, lacks, lacks, made()):
        found = follow_up(Ended("prod", SWEEP, end, record, moment=Moment(NOW)))
        record = found.record
        told.append([say for say in found.says if say.kind == "waiting"])
        waiting.append(record.waiting)
    said = "ann: the server does not know: can_read on Pool"
    assert [[], [], [Say("waiting", "prod", said)], [Say("waiting", "prod")]] == told
    assert [1, 1, 1, 0] == waiting


def test_the_doubt_of_the_database_is_one_alarm_whichever_deployment_shows_it() -> None:
    ends = [
        Ended(name, SWEEP, made(plan=noting("database_doubted", "it is old")), Record(), moment=Moment(NOW))
        for name in ("prod", "dev")
    ]

    assert [{Say("database_doubted", "database", "it is old")}] * 2 == [
        {said for said in follow_up(ended).says if said.text} for ended in ends
    ]


def test_drift_names_who_most_likely_did_it_and_what_is_left_as_they_have_it() -> None:
    found = made(
        drift=2,
        culprits=("team was taken from ann: most likely a person",),
        plan=noting("grant_taken_back", "ops is left"),
    )

    said = {say.kind: say.text for say in follow_up(Ended("prod", SWEEP, found, Record(), moment=Moment(NOW))).says}

    assert (
        "2 things were changed there by somebody else; what was put back: syncd audit -d prod; "
        "team was taken from ann: most likely a person; ops is left"
    ) == said["drift"]
