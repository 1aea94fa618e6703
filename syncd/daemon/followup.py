"""What follows from the end of a pass: a function of values, so that its table is its test.

how a pass ended                          | the item                         | and
------------------------------------------|----------------------------------|----------------------------------------------
its deployment is not configured any more, | is done                         | who waits is told
or it failed and that is so by now        |                                  |
people are not known as far as they can be | again in a moment               |
the roles of a new server come first      | again, over everything, at once  |
another writer has the deployment         | again in two seconds, less if it | nothing is said
                                          | may not wait                     |
the database cannot be used               | again in two seconds             | alarm `database_down`; nothing is done without it
the deployment gave no answer, or refused | again by the ladder              | alarm `unreachable`, later `quarantined`
it failed for a mapping, a secret, a      | again by the ladder              | the same with alarm `pass_failed`: the server is
defect                                    |                                  | not to blame
it failed because syncd stops             | again, by whoever starts next    | it is no failure
mapping or configuration changed meanwhile | is done; again where somebody   |
                                          | waits                            |
as it should                              | is done                          | alarms of failures end; after some, everything is
                                          |                                  | looked at once
some of it failed, or is not known        | is done                          | everything is looked at again, in a minute, then
                                          |                                  | five, then with each sweep
something waits for a look at all roles    | is done                          | everything is looked at, at once
a limit holds something of a few people   | is done                          | everything is planned, for that is what is approved
a pause stops a removal of a few people   | is done                          | everything is planned: alarm `paused` says how many
                                          |                                  | people keep what; nothing is tried before its end
DAGs came or went                         | is done                          | what roles hold on them is looked at

Who waits for what failed is told so; it is tried again all the same, over everything, for nobody.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Final, assert_never

from syncd.alarm_kinds import AlarmKind
from syncd.control import DeploymentResult
from syncd.daemon import words
from syncd.daemon.ends import (
    Broke,
    Closed,
    DeploymentEnd,
    Ended,
    Event,
    FollowUp,
    Gone,
    Listed,
    Made,
    PassEnd,
    Postponed,
    Record,
    Retried,
    RolesFirst,
    TooEarly,
)
from syncd.daemon.words import Say
from syncd.daemon.work_item import BUSY_S, GIVES_WAY_S, Urgency, WorkItem
from syncd.errors import DeploymentBusy, SecretUnreadable, StoreError, SyncdError, TargetUnavailable
from syncd.model import EVERYTHING, Note, Scope, Status
from syncd.plan.pauses import takes
from syncd.plan.sound import WAITS
from syncd.render.json import report_json

SUPERSEDED: Final = "not begun: mapping or configuration changed meanwhile; the next pass decides anew"
QUARANTINE_AFTER: Final = 5
"""Failures in a row: by then some ten minutes have gone by, and somebody should be told."""
UNREACHABLE_AFTER: Final = 2
UNREAD_S: Final = 0.2
"""How long to wait for what is not known of people yet."""
AGAIN: Final = (timedelta(minutes=1), timedelta(minutes=5))
"""When a deployment is looked at again after passes some of whose changes failed; after that, with each sweep."""
_NOT_DONE = frozenset({Status.FAILED, Status.UNKNOWN, Status.PENDING})
_OF_FAILURES: tuple[AlarmKind, ...] = ("unreachable", "pass_failed", "quarantined")


def whole(command: str) -> WorkItem:
    """Give a look at everything."""
    return WorkItem(EVERYTHING, command, Urgency.WHOLE)


def failure_of(error: SyncdError) -> AlarmKind:
    """Say what a pass that failed is an alarm of: a server is unreachable only where it was asked and to blame."""
    is_servers = isinstance(error, TargetUnavailable) and not isinstance(error.__cause__, SecretUnreadable)
    return "unreachable" if is_servers else "pass_failed"


def follow_up(ended: Ended) -> FollowUp:
    """Say what follows from the end of a pass."""
    match ended.end:
        case Made(report):
            return _made(ended, report)
        case Listed(changed):
            return _listed(ended, changed)
        case Broke():
            return _broke(ended, ended.end.error, is_defect=ended.end.is_defect)
        case Gone():
            return _gone(ended)
        case TooEarly():
            return FollowUp(ended.record, Postponed(ended.item, UNREAD_S))
        case RolesFirst():
            return FollowUp(ended.record, Postponed(whole(ended.item.command), 0.0))
        case _:
            assert_never(ended.end)


def refused(name: str) -> DeploymentResult:
    """Give what whoever waits for work on a deployment that is not there any more is told."""
    return _of_error(name, SyncdError(f"{name} is not in the configuration any more"))


def _gone(ended: Ended) -> FollowUp:
    return FollowUp(ended.record, Closed(), answer=_for_who_waits(ended, refused(ended.name)))


def _made(ended: Ended, report: PassEnd) -> FollowUp:
    this = report.deployments[0]
    counted = replace(ended, record=replace(ended.record, calls=ended.record.calls + this.calls))
    if this.error is not None:
        return _broke(counted, this.error, run=report.run)
    if ended.item.job is not None and any(o.detail == SUPERSEDED for o in this.outcomes):
        again = Postponed(ended.item, 0.0)  # who waits is told what became of the whole
        return FollowUp(counted.record, again, database=True)
    return _went_well(counted, report)


def _broke(ended: Ended, error: SyncdError, *, run: int = 0, is_defect: bool = False) -> FollowUp:
    item, record = ended.item, ended.record
    if not ended.moment.is_configured:
        return _gone(ended)
    match error:
        case DeploymentBusy():
            return FollowUp(record, Postponed(item, GIVES_WAY_S if item.may_not_wait else BUSY_S))
        case StoreError():
            return FollowUp(record, Postponed(item), database=error)
    answer = _for_who_waits(ended, _of_error(ended.name, error, run=run))
    silent = isinstance(error, TargetUnavailable)
    if ended.moment.is_stopping:
        return FollowUp(record, Postponed(replace(item, job=None)), drops_session=silent, answer=answer)
    failures = ended.moment.failing
    is_others = item.job is not None or item.command == "dags" or is_defect
    return FollowUp(
        replace(record, error=str(error)),
        Retried(whole("retry") if is_others else item, failures),
        says=_of_failures(ended.name, error, failures),
        events=_quarantined(ended.name, error, failures),
        drops_session=silent,
        answer=answer,
        failed=True if failures > ended.moment.failures else None,
    )


def _of_failures(name: str, error: SyncdError, failures: int) -> tuple[Say, ...]:
    if failures >= QUARANTINE_AFTER:
        return (Say("quarantined", name, words.quarantined(failures, error)),)
    if failures < UNREACHABLE_AFTER:
        return ()
    kind = failure_of(error)
    other: AlarmKind = "unreachable" if kind == "pass_failed" else "pass_failed"
    return Say(kind, name, str(error)), Say(other, name)


def _quarantined(name: str, error: SyncdError, failures: int) -> tuple[Event, ...]:
    if failures < QUARANTINE_AFTER:
        return ()
    return (Event("deployment_quarantined", {"deployment": name, "failures": failures, "error": str(error)}),)


def _listed(ended: Ended, changed: frozenset[str]) -> FollowUp:
    puts = _after_failures(ended)
    if changed:
        puts = (*puts, WorkItem(Scope.of_dags(changed), "dags", Urgency.DAGS))
    record = replace(ended.record, error="")
    return FollowUp(record, Closed(), says=_no_failures(ended.name), puts=puts, failed=False)


def _no_failures(name: str) -> tuple[Say, ...]:
    """End the alarms of failures, those too that the process before this one raised."""
    return tuple(Say(kind, name) for kind in _OF_FAILURES)


def _after_failures(ended: Ended) -> tuple[WorkItem, ...]:
    """Look at everything after a time when nothing could be done."""
    return (whole("retry"),) if ended.moment.failures else ()


def _went_well(ended: Ended, report: PassEnd) -> FollowUp:
    this, scope = report.deployments[0], ended.item.scope
    is_all_done = not this.not_converged and not any(o.status in _NOT_DONE for o in this.outcomes)
    looked_again = _looked_again(ended, is_all_done=is_all_done)
    waits = any(outcome.detail.endswith(WAITS) for outcome in this.outcomes)
    is_due = not is_all_done and not waits and looked_again <= len(AGAIN)
    puts = () if scope.everything else _after_failures(ended)
    if waits:
        puts = (*puts, whole("roles"))  # which are to be put right first
    if this.held and not scope.everything:
        # Approved is what a plan over everything holds back: make one, and tell people then.
        puts = (*puts, whole("held"))
    if not scope.everything and any(map(takes, this.paused)):
        puts = (*puts, whole("paused"))  # somebody keeps what no line gives: let the alarm say so
    return FollowUp(
        replace(_remembered(ended, this), looked_again=looked_again),
        Closed(),
        says=(*_said(ended, this, lasts=looked_again > len(AGAIN)), *_no_failures(ended.name)),
        events=_swept(ended.name, this) if scope.everything else (),
        database=True,
        answer=_for_who_waits(ended, _of_report(ended.name, report)),
        puts=puts,
        again_in=AGAIN[looked_again - 1] if is_due else None,
        failed=False,
    )


def _looked_again(ended: Ended, *, is_all_done: bool) -> int:
    """Count the passes that left something undone; only a look at everything can tell that nothing is."""
    if not is_all_done:
        return ended.record.looked_again + 1
    return 0 if ended.item.scope.everything else ended.record.looked_again


def _remembered(ended: Ended, this: DeploymentEnd) -> Record:
    if not ended.item.scope.everything:
        return replace(ended.record, error="")
    return replace(
        ended.record,
        error="",
        swept_at=ended.moment.at,
        drift=this.drift,
        held=this.held.digest if this.held else "",
        hold=this.hold,
        waiting=sum(1 for o in this.outcomes if o.status is Status.PENDING),
        notes=tuple(note.text for note in _notes(this)),
        paused=len(this.paused),
        paused_people=this.paused_effects.loses.people if this.paused_effects else 0,
    )


def _said(ended: Ended, this: DeploymentEnd, *, lasts: bool) -> tuple[Say, ...]:
    """Raise an alarm that has a text; only a look at everything can tell that there is none. `lasts`: several passes left
    something undone, so what a server lacks does not come by itself."""
    name, notes = ended.name, _notes(this)
    not_converged = Say("not_converged", name, words.not_converged(this.not_converged))
    if not ended.item.scope.everything:
        return (not_converged,) if not_converged.text else ()
    return (
        not_converged,
        Say("held", name, words.held(name, this.held, this.held_effects, hold=this.hold)),
        Say("paused", name, words.paused(name, this.pause, this.paused, this.paused_effects)),
        Say("drift", name, words.drift(name, this.drift, this.culprits, words.left(notes))),
        Say("frozen", name, words.frozen(this.frozen)),
        Say("email_taken", name, words.noted(notes, "email_taken")),
        Say("renamed", name, words.noted(notes, "role_renamed") or words.noted(notes, "account_renamed")),
        Say("name_clash", name, words.blocked(this.blocked, notes)),
        *_waiting(name, words.waiting(this.outcomes), lasts=lasts),
        Say("database_doubted", "database", words.noted(notes, "database_doubted")),
        Say("server_changed", name, words.noted(notes, "server_changed")),
        Say("another_installation", name, words.noted(notes, "another_installation")),
        Say("break_glass_used", name, words.noted(notes, "break_glass_used")),
    )


def _waiting(name: str, text: str, *, lasts: bool) -> tuple[Say, ...]:
    return (Say("waiting", name, text),) if lasts or not text else ()


def _swept(name: str, this: DeploymentEnd) -> tuple[Event, ...]:
    seconds, changes = sum(this.seconds.values()), len(this.plan.changes) if this.plan is not None else 0
    facts = {"deployment": name, "seconds": seconds, "changes": changes, "drift": this.drift}
    return (Event("sweep_ended", facts),)


def _notes(this: DeploymentEnd) -> tuple[Note, ...]:
    """Give what the plan notes; a plan that changes nothing is false, and may note much."""
    return this.plan.notes if this.plan is not None else ()


# --- what who waits is told ---------------------------------------------------------------------------------------------


def _for_who_waits(ended: Ended, answer: DeploymentResult) -> DeploymentResult | None:
    return answer if ended.item.job is not None else None


def _of_error(name: str, error: SyncdError, *, run: int = 0) -> DeploymentResult:
    return DeploymentResult(name, error.exit_code, str(error), run=run)


def _of_report(name: str, report: PassEnd) -> DeploymentResult:
    this = report.deployments[0]
    statuses = [o.status for o in this.outcomes]
    return DeploymentResult(
        name,
        report.exit_code(),
        applied=statuses.count(Status.APPLIED),
        failed=sum(1 for s in statuses if s in _NOT_DONE),
        held=this.held.digest if this.held else "",
        hold=this.hold,
        paused=len(this.paused),
        not_converged=len(this.not_converged),
        calls=this.calls,
        seconds=round(report.seconds, 3),
        run=report.run,
        plan=report_json(report)["deployments"][0],
        unknown_dags=this.unknown_dags,
    )
