"""The figures that the daemon gives to Prometheus, as tables: what is read from its state, and what is counted by events."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, Literal, TypeVar

from syncd.control import DaemonState, DeploymentState, SourceState
from syncd.model import Kind

_UP_TO_AN_HOUR = (0.5, 1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 1800, 3600)
CALL_BUCKETS = (0.1, 0.5, 2, 10)
"""Few: there are as many of these histograms as deployments."""
_STAGE = (0.1, 0.5, 2, 10, 60, 300)


@dataclass(frozen=True, slots=True)
class JournalHead:
    """How far the journal is: the highest id of a change, and how many changes have no known outcome."""

    change: int
    unsettled: int


@dataclass(frozen=True, slots=True)
class Look:
    """What one scrape sees."""

    state: DaemonState
    journal_head: JournalHead | None
    now: float

    def age(self, then: datetime | None) -> float:
        """Give the seconds since, or since the daemon started where it never was: an alert needs no second case."""
        return max(0.0, self.now - (then or self.state.started_at).timestamp())


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Figure(Generic[T]):
    """A gauge that is read from a state; None: there is nothing to say."""

    name: str
    help: str
    read: Callable[[T, Look], float | None]


OF_SOURCES: tuple[Figure[SourceState], ...] = (
    Figure(
        "syncd_source_read_timestamp_seconds",
        "When the source last gave a good answer; absent until it does.",
        lambda source, _: _timestamp(source.read_at),
    ),
    Figure(
        "syncd_source_read_age_seconds",
        "Seconds since the source last gave a good answer, or since the daemon started where it never did.",
        lambda source, look: look.age(source.read_at),
    ),
    Figure(
        "syncd_source_full_read_timestamp_seconds",
        "When the source was last read whole; absent until it is.",
        lambda source, _: _timestamp(source.full_at),
    ),
    Figure(
        "syncd_source_up",
        "1 where the last read of the source gave an answer, 0 where it failed.",
        lambda source, _: source.failed_at is None,
    ),
    Figure("syncd_source_people", "People that the source knows.", lambda source, _: source.people),
    Figure("syncd_source_groups", "Groups that the source knows.", lambda source, _: source.groups),
    Figure(
        "syncd_source_uncertified_groups",
        "Groups that were not read whole; nobody loses access by them.",
        lambda source, _: len(source.uncertified),
    ),
)

OF_DEPLOYMENTS: tuple[Figure[DeploymentState], ...] = (
    Figure(
        "syncd_deployment_sweep_timestamp_seconds",
        "When the deployment was last observed whole; absent until it is.",
        lambda deployment, _: _timestamp(deployment.swept_at),
    ),
    Figure(
        "syncd_deployment_sweep_age_seconds",
        "Seconds since the deployment was last observed whole, or since the daemon started where it never was.",
        lambda deployment, look: look.age(deployment.swept_at),
    ),
    Figure(
        "syncd_deployment_failures",
        "Passes that failed in a row on the deployment.",
        lambda deployment, _: deployment.failures,
    ),
    Figure(
        "syncd_deployment_held",
        "1 where changes on the deployment are held by a limit until a person approves them.",
        lambda deployment, _: bool(deployment.held),
    ),
    Figure(
        "syncd_deployment_paused",
        "1 where a pause stops changes or removals on the deployment.",
        lambda deployment, _: bool(deployment.pause),
    ),
    Figure(
        "syncd_deployment_paused_changes",
        "Changes on the deployment that wait for the end of a pause, as the last look at everything found.",
        lambda deployment, _: deployment.paused_changes,
    ),
    Figure(
        "syncd_deployment_paused_people",
        "People who keep access on the deployment that no mapping line gives, until a pause is over.",
        lambda deployment, _: deployment.paused_people,
    ),
    Figure(
        "syncd_deployment_rollout_waiting",
        "1 where the deployment goes on with the mapping of before, until a change of it reaches its wave.",
        lambda deployment, _: deployment.rollout_waits,
    ),
    Figure(
        "syncd_deployment_rollout_halted",
        "1 where deployments of later waves wait for what failed, is held or was not kept on the deployment.",
        lambda deployment, _: deployment.rollout_halts,
    ),
    Figure(
        "syncd_deployment_waiting_changes",
        "Changes that the last look at everything could not make in full, because the server lacks something.",
        lambda deployment, _: deployment.waiting_changes,
    ),
    Figure(
        "syncd_deployment_allowed_calls_per_second",
        "Calls a second that the deployment is given now; it falls when the server slows.",
        lambda deployment, _: deployment.calls_per_s,
    ),
)

OF_ALL: tuple[Figure[DaemonState], ...] = (
    Figure(
        "syncd_deployments_waiting",
        "Deployments with queued work.",
        lambda state, _: sum(d.waiting for d in state.deployments),
    ),
    Figure(
        "syncd_deployments_running",
        "Deployments that a pass works on now.",
        lambda state, _: sum(d.running for d in state.deployments),
    ),
    Figure("syncd_replicas", "Daemons that share the database and live.", lambda state, _: len(state.replicas)),
    Figure(
        "syncd_config_last_reload_successful",
        "1 where the configuration and mapping files as they are now are in use, 0 where they are not.",
        lambda state, _: not state.config_error,
    ),
    Figure(
        "syncd_config_last_reload_success_timestamp_seconds",
        "When the configuration and mappings in use were read.",
        lambda state, _: _timestamp(state.config_at),
    ),
    Figure("syncd_database_up", "1 where the database can be used.", lambda state, _: not state.database_error),
    Figure("syncd_stopping", "1 where the daemon is about to end.", lambda state, _: state.stopping),
    Figure(
        "syncd_journal_head_change",
        "The highest id of a change in the journal; absent while the database is away.",
        lambda _, look: look.journal_head.change if look.journal_head else None,
    ),
    Figure(
        "syncd_journal_unsettled_changes",
        "Changes whose outcome nobody knows yet; absent while the database is away.",
        lambda _, look: look.journal_head.unsettled if look.journal_head else None,
    ),
)


@dataclass(frozen=True, slots=True)
class Fed:
    """What is fed by events.

    on       the events, each with facts that it stands for
    by       the fact that is counted or measured; empty: every event counts one
    each     that fact is a mapping, and its keys are the values of this label, the last one
    fact_of  labels that are not called as their facts are
    known    by label the values that are there from the start, with 0: Prometheus sees no increase in a series that begins with
             1. Which deployments and sources there are is in the state
    unless   the fact by which an event that only goes with another one is told, and not counted
    """

    type: Literal["counter", "histogram", "gauge"]
    name: str
    help: str
    on: Mapping[str, Mapping[str, str]]
    labels: tuple[str, ...] = ()
    by: str = ""
    each: str = ""
    fact_of: Mapping[str, str] = field(default_factory=dict)
    known: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    unless: str = ""
    buckets: tuple[float, ...] = ()


_KINDS = tuple(kind.value for kind in Kind)
_OUTCOMES = ("applied", "failed", "unknown", "pending", "skipped")

FED: tuple[Fed, ...] = (
    Fed(
        "histogram",
        "syncd_lag_seconds",
        "From the poll that saw a change at the provider to the accepted call that followed from it.",
        on={"lag_measured": {}},
        by="seconds",
        labels=("kind",),
        known={"kind": ("granted", "revoked")},
        buckets=_UP_TO_AN_HOUR,
    ),
    Fed(
        "histogram",
        "syncd_lag_bound_seconds",
        "From the poll before, which did not see the change yet, to the accepted call: the true lag is not longer.",
        on={"lag_measured": {}},
        by="bound_s",
        labels=("kind",),
        known={"kind": ("granted", "revoked")},
        buckets=_UP_TO_AN_HOUR,
    ),
    Fed(
        "histogram",
        "syncd_poll_seconds",
        "How long a poll of the source took.",
        on={"poll_ended": {}},
        by="seconds",
        labels=("source",),
        buckets=_STAGE,
    ),
    Fed(
        "counter",
        "syncd_source_failures",
        "Reads of the source that failed.",
        on={"source_failed": {}},
        labels=("source",),
    ),
    Fed(
        "counter",
        "syncd_source_cursors_lost",
        "Full reads because the provider forgot where to go on from.",
        on={"cursor_lost": {}},
        labels=("source",),
    ),
    Fed(
        "counter",
        "syncd_source_divergences",
        "Full reads that found what the changes alone had not led to.",
        on={"divergence_found": {}},
        labels=("source",),
    ),
    Fed(
        "counter",
        "syncd_people_changed",
        "People whom polls found changed.",
        on={"people_changed": {}},
        by="count",
    ),
    Fed(
        "counter",
        "syncd_passes",
        "Passes that ended, by what asked for them and by exit code.",
        on={"run_ended": {}},
        labels=("command", "exit"),
        fact_of={"exit": "exit_code"},
    ),
    Fed(
        "histogram",
        "syncd_stage_seconds",
        "How long a stage of a pass took.",
        on={"run_ended": {}},
        by="stages",
        labels=("stage",),
        each="stage",
        buckets=_STAGE,
    ),
    Fed(
        "histogram",
        "syncd_sweep_seconds",
        "How long the sweep of a deployment took.",
        on={"sweep_ended": {}},
        by="seconds",
        buckets=_STAGE,
    ),
    Fed(
        "counter",
        "syncd_changes",
        "Changes that were tried, by how they ended.",
        on={f"change_{outcome}": {"outcome": outcome} for outcome in _OUTCOMES},
        labels=("deployment", "kind", "outcome"),
        known={"kind": _KINDS, "outcome": _OUTCOMES},
        unless="exc_info",  # the traceback of a change that broke comes before the event of how it ended
    ),
    Fed(
        "counter",
        "syncd_changes_settled",
        "Changes without an answer whose outcome a later look found.",
        on={"change_settled": {}},
        labels=("deployment", "outcome"),
        fact_of={"outcome": "status"},
        known={"outcome": ("applied", "failed", "pending")},
    ),
    Fed(
        "counter",
        "syncd_drift_changes",
        "Changes that sweeps found because somebody else changed the server.",
        on={"sweep_ended": {}},
        by="drift",
        labels=("deployment",),
    ),
    Fed(
        "gauge",
        "syncd_deployment_drift",
        "Changes that the last sweep found because somebody else changed the server.",
        on={"sweep_ended": {}},
        by="drift",
        labels=("deployment",),
    ),
    Fed(
        "counter",
        "syncd_config_reloads",
        "Times that changed files were read again.",
        on={"config_reloaded": {"result": "used"}, "config_rejected": {"result": "rejected"}},
        labels=("result",),
        known={"result": ("used", "rejected")},
    ),
    Fed("counter", "syncd_leases_lost", "Leases that another writer took over.", on={"lease_lost": {}}),
    Fed("counter", "syncd_clock_jumps", "Jumps of the system clock.", on={"clock_jumped": {}}),
    Fed(
        "counter",
        "syncd_notifications_failed",
        "Messages about alarms that could not be delivered.",
        on={"notification_failed": {}},
    ),
)


def _timestamp(at: datetime | None) -> float | None:
    return at.timestamp() if at else None
