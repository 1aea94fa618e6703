"""What the daemon counts and measures, for Prometheus.

Counters and histograms are fed with the events that everybody emits and with the calls to deployments; everything that
can be seen in a `DaemonState` is taken from it when somebody asks, so it can be neither stale nor forgotten. What is no
longer configured is left out. Labels are names from the configuration or words of this program, never a person.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import version
from typing import Generic, Literal, TypeVar, cast

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, PlatformCollector, ProcessCollector
from prometheus_client.metrics_core import GaugeMetricFamily, Metric

from syncd.alarm_kinds import KINDS
from syncd.control import DaemonState, DeploymentState, SourceState, Standing
from syncd.pace import Call

_UP_TO_AN_HOUR = (0.5, 1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 1800, 3600)
_CALL = (0.1, 0.5, 2, 10)
"""Few: there are as many of these histograms as deployments."""
_STAGE = (0.1, 0.5, 2, 10, 60, 300)


@dataclass(frozen=True, slots=True)
class JournalHead:
    """How far the journal is: the highest id of a change, and how many changes have no known outcome."""

    change: int
    unsettled: int


@dataclass(frozen=True, slots=True)
class _Look:
    """What one scrape sees."""

    state: DaemonState
    journal_head: JournalHead | None
    now: float

    def age(self, then: datetime | None) -> float:
        """Give the seconds since, or since the daemon started where it never was: an alert needs no second case."""
        return max(0.0, self.now - (then or self.state.started_at).timestamp())


_T = TypeVar("_T")
_Series = Counter | Gauge | Histogram


@dataclass(frozen=True, slots=True)
class _Figure(Generic[_T]):
    """A gauge that is read from a state; None: there is nothing to say."""

    name: str
    help: str
    read: Callable[[_T, _Look], float | None]


_OF_SOURCES: tuple[_Figure[SourceState], ...] = (
    _Figure(
        "syncd_source_read_timestamp_seconds",
        "When the source last gave a good answer; absent until it does.",
        lambda source, _: _timestamp(source.read_at),
    ),
    _Figure(
        "syncd_source_read_age_seconds",
        "Seconds since the source last gave a good answer, or since the daemon started where it never did.",
        lambda source, look: look.age(source.read_at),
    ),
    _Figure(
        "syncd_source_full_read_timestamp_seconds",
        "When the source was last read whole; absent until it is.",
        lambda source, _: _timestamp(source.full_at),
    ),
    _Figure(
        "syncd_source_up",
        "1 where the last read of the source gave an answer, 0 where it failed.",
        lambda source, _: source.failed_at is None,
    ),
    _Figure("syncd_source_people", "People that the source knows.", lambda source, _: source.people),
    _Figure("syncd_source_groups", "Groups that the source knows.", lambda source, _: source.groups),
    _Figure(
        "syncd_source_uncertified_groups",
        "Groups that were not read whole; nobody loses access by them.",
        lambda source, _: len(source.uncertified),
    ),
)

_OF_DEPLOYMENTS: tuple[_Figure[DeploymentState], ...] = (
    _Figure(
        "syncd_deployment_sweep_timestamp_seconds",
        "When the deployment was last observed whole; absent until it is.",
        lambda deployment, _: _timestamp(deployment.swept_at),
    ),
    _Figure(
        "syncd_deployment_sweep_age_seconds",
        "Seconds since the deployment was last observed whole, or since the daemon started where it never was.",
        lambda deployment, look: look.age(deployment.swept_at),
    ),
    _Figure(
        "syncd_deployment_failures",
        "Passes that failed in a row on the deployment.",
        lambda deployment, _: deployment.failures,
    ),
    _Figure(
        "syncd_deployment_held",
        "1 where changes on the deployment are held by a limit until a person approves them.",
        lambda deployment, _: bool(deployment.held),
    ),
    _Figure(
        "syncd_deployment_allowed_calls_per_second",
        "Calls a second that the deployment is given now; it falls when the server slows.",
        lambda deployment, _: deployment.calls_per_s,
    ),
)

_OF_ALL: tuple[_Figure[DaemonState], ...] = (
    _Figure(
        "syncd_deployments_waiting",
        "Deployments with queued work.",
        lambda state, _: sum(d.waiting for d in state.deployments),
    ),
    _Figure(
        "syncd_deployments_running",
        "Deployments that a pass works on now.",
        lambda state, _: sum(d.running for d in state.deployments),
    ),
    _Figure("syncd_replicas", "Daemons that share the database and live.", lambda state, _: len(state.replicas)),
    _Figure(
        "syncd_config_last_reload_successful",
        "1 where the configuration and mapping files as they are now are in use, 0 where they are not.",
        lambda state, _: not state.config_error,
    ),
    _Figure(
        "syncd_config_last_reload_success_timestamp_seconds",
        "When the configuration and mappings in use were read.",
        lambda state, _: _timestamp(state.config_at),
    ),
    _Figure("syncd_database_up", "1 where the database can be used.", lambda state, _: not state.database_error),
    _Figure("syncd_stopping", "1 where the daemon is about to end.", lambda state, _: state.stopping),
    _Figure(
        "syncd_journal_head_change",
        "The highest id of a change in the journal; absent while the database is away.",
        lambda _, look: look.journal_head.change if look.journal_head else None,
    ),
    _Figure(
        "syncd_journal_unsettled_changes",
        "Changes whose outcome nobody knows yet; absent while the database is away.",
        lambda _, look: look.journal_head.unsettled if look.journal_head else None,
    ),
)


@dataclass(frozen=True, slots=True)
class _Fed:
    """What is fed by events.

    on       the events, each with facts that it stands for
    by       the fact that is counted or measured; empty: every event counts one
    each     that fact is a mapping, and its keys are the values of this label, the last one
    fact_of  labels that are not called as their facts are
    known    values of the only label that are there from the start, so that a first increase is seen
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
    known: tuple[str, ...] = ()
    unless: str = ""
    buckets: tuple[float, ...] = ()


_OUTCOMES = ("applied", "failed", "unknown", "pending", "skipped")

_FED: tuple[_Fed, ...] = (
    _Fed(
        "histogram",
        "syncd_lag_seconds",
        "From the poll that saw a change at the provider to the accepted call that followed from it.",
        on={"lag_measured": {}},
        by="seconds",
        labels=("kind",),
        known=("granted", "revoked"),
        buckets=_UP_TO_AN_HOUR,
    ),
    _Fed(
        "histogram",
        "syncd_lag_bound_seconds",
        "From the poll before, which did not see the change yet, to the accepted call: the true lag is not longer.",
        on={"lag_measured": {}},
        by="bound_s",
        labels=("kind",),
        known=("granted", "revoked"),
        buckets=_UP_TO_AN_HOUR,
    ),
    _Fed(
        "histogram",
        "syncd_poll_seconds",
        "How long a poll of the source took.",
        on={"poll_ended": {}},
        by="seconds",
        labels=("source",),
        buckets=_STAGE,
    ),
    _Fed(
        "counter",
        "syncd_source_failures",
        "Reads of the source that failed.",
        on={"source_failed": {}},
        labels=("source",),
    ),
    _Fed(
        "counter",
        "syncd_source_cursors_lost",
        "Full reads because the provider forgot where to go on from.",
        on={"cursor_lost": {}},
        labels=("source",),
    ),
    _Fed(
        "counter",
        "syncd_source_divergences",
        "Full reads that found what the changes alone had not led to.",
        on={"divergence_found": {}},
        labels=("source",),
    ),
    _Fed(
        "counter",
        "syncd_people_changed",
        "People whom polls found changed.",
        on={"people_changed": {}},
        by="count",
    ),
    _Fed(
        "counter",
        "syncd_passes",
        "Passes that ended, by what asked for them and by exit code.",
        on={"run_ended": {}},
        labels=("command", "exit"),
        fact_of={"exit": "exit_code"},
    ),
    _Fed(
        "histogram",
        "syncd_stage_seconds",
        "How long a stage of a pass took.",
        on={"run_ended": {}},
        by="stages",
        labels=("stage",),
        each="stage",
        buckets=_STAGE,
    ),
    _Fed(
        "histogram",
        "syncd_sweep_seconds",
        "How long the sweep of a deployment took.",
        on={"sweep_ended": {}},
        by="seconds",
        buckets=_STAGE,
    ),
    _Fed(
        "counter",
        "syncd_changes",
        "Changes that were tried, by how they ended.",
        on={f"change_{outcome}": {"outcome": outcome} for outcome in _OUTCOMES},
        labels=("deployment", "kind", "outcome"),
        unless="exc_info",  # the traceback of a change that broke comes before the event of how it ended
    ),
    _Fed(
        "counter",
        "syncd_changes_settled",
        "Changes without an answer whose outcome a later look found.",
        on={"change_settled": {}},
        labels=("deployment", "outcome"),
        fact_of={"outcome": "status"},
    ),
    _Fed(
        "counter",
        "syncd_drift_changes",
        "Changes that sweeps found because somebody else changed the server.",
        on={"sweep_ended": {}},
        by="drift",
        labels=("deployment",),
    ),
    _Fed(
        "gauge",
        "syncd_deployment_drift",
        "Changes that the last sweep found because somebody else changed the server.",
        on={"sweep_ended": {}},
        by="drift",
        labels=("deployment",),
    ),
    _Fed(
        "counter",
        "syncd_config_reloads",
        "Times that changed files were read again.",
        on={"config_reloaded": {"result": "used"}, "config_rejected": {"result": "rejected"}},
        labels=("result",),
        known=("used", "rejected"),
    ),
    _Fed("counter", "syncd_leases_lost", "Leases that another writer took over.", on={"lease_lost": {}}),
    _Fed("counter", "syncd_clock_jumps", "Jumps of the system clock.", on={"clock_jumped": {}}),
    _Fed(
        "counter",
        "syncd_notifications_failed",
        "Messages about alarms that could not be delivered.",
        on={"notification_failed": {}},
    ),
)


def _timestamp(at: datetime | None) -> float | None:
    return at.timestamp() if at else None


class Metrics:
    """Every figure of one daemon. All methods may be called from any thread."""

    def __init__(self, *, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)
        self._calls = Counter(
            "syncd_calls",
            "Requests to the deployment, by class of answer.",
            ("deployment", "method", "answer"),
            registry=self._registry,
        )
        self._call_seconds = Histogram(
            "syncd_call_seconds",
            "How long a request to the deployment took.",
            ("deployment",),
            buckets=_CALL,
            registry=self._registry,
        )
        self._misread = Counter(
            "syncd_events_misread", "Events that lack a fact these metrics need: a defect.", registry=self._registry
        )
        self._fed: dict[str, list[tuple[_Series, _Fed]]] = {}
        for fed in _FED:
            series = _series(fed, self._registry)
            for event in fed.on:
                self._fed.setdefault(event, []).append((series, fed))

    def event(self, event: str, facts: Mapping[str, object]) -> None:
        """Take note of an event that counts; others are passed over. Raises nothing, because a pass must go on."""
        for series, fed in self._fed.get(event, ()):
            if fed.unless in facts:
                continue
            try:
                _feed(series, fed, {**facts, **fed.on[event]})
            except (KeyError, TypeError, ValueError):
                self._misread.inc()

    def call(self, deployment: str, call: Call) -> None:
        """Count one request to a deployment."""
        answer = "none" if call.status is None else f"{call.status // 100}xx"
        self._calls.labels(deployment, call.method, answer).inc()
        self._call_seconds.labels(deployment).observe(call.seconds)

    def render(self, state: DaemonState, *, journal_head: JournalHead | None) -> bytes:
        """Give everything in Prometheus' text format 0.0.4. `journal_head` is None while the database is away."""
        return _text(self.collect(state, journal_head=journal_head))

    def collect(self, state: DaemonState, *, journal_head: JournalHead | None) -> Iterator[Metric]:
        """Give every metric with its samples; of sources and deployments, only those of the state."""
        look = _Look(state, journal_head, self._clock().timestamp())
        sources, deployments = {s.name for s in state.sources}, {d.name for d in state.deployments}
        for metric in self._registry.collect():
            yield _only(metric, sources=sources, deployments=deployments)
        yield from _gauges(look)


def _series(fed: _Fed, registry: CollectorRegistry) -> _Series:
    made: _Series
    match fed.type:
        case "counter":
            made = Counter(fed.name, fed.help, fed.labels, registry=registry)
        case "gauge":
            made = Gauge(fed.name, fed.help, fed.labels, registry=registry)
        case "histogram":
            made = Histogram(fed.name, fed.help, fed.labels, buckets=fed.buckets, registry=registry)
    for label in fed.known:
        made.labels(label)
    return made


def _feed(series: _Series, fed: _Fed, facts: Mapping[str, object]) -> None:
    labels = tuple(str(facts[fed.fact_of.get(label, label)]) for label in fed.labels if label != fed.each)
    amount = facts[fed.by] if fed.by else 1
    if fed.each:
        for name, part in dict(cast("Mapping[str, float]", amount)).items():
            _add(series, (*labels, name), part)
    else:
        _add(series, labels, amount)


def _add(series: _Series, labels: tuple[str, ...], amount: object) -> None:
    one = series.labels(*labels) if labels else series
    number = float(cast("float", amount))
    match one:
        case Counter():
            one.inc(number)
        case Gauge():
            one.set(number)
        case Histogram():
            one.observe(number)


# --- what is seen when somebody asks ----------------------------------------------------------------------------------


def _gauges(look: _Look) -> Iterator[Metric]:
    state = look.state
    # how sources were read is in the database: while that is away there is nothing to say, neither good nor bad
    sources = () if state.database_error else state.sources
    for of_source in _OF_SOURCES:
        yield _family(of_source, "source", {s.name: s for s in sources}, look)
    for of_deployment in _OF_DEPLOYMENTS:
        yield _family(of_deployment, "deployment", {d.name: d for d in state.deployments}, look)
    for figure in _OF_ALL:
        yield GaugeMetricFamily(figure.name, figure.help, value=figure.read(state, look))
    yield from _standings(state)
    yield _alarms(state)
    yield _build()


def _family(figure: _Figure[_T], label: str, things: Mapping[str, _T], look: _Look) -> Metric:
    family = GaugeMetricFamily(figure.name, figure.help, labels=(label,))
    for name, thing in things.items():
        value = figure.read(thing, look)
        if value is not None:
            family.add_metric((name,), value)
    return family


def _standings(state: DaemonState) -> Iterator[Metric]:
    """Count the standings, none left out, and give each deployment with the one it has."""
    of_each = [d.standing for d in state.deployments]
    counts = GaugeMetricFamily("syncd_deployments", "Deployments, by how they stand.", labels=("standing",))
    for standing in Standing:
        counts.add_metric((standing.value,), of_each.count(standing))
    yield counts
    each = GaugeMetricFamily(
        "syncd_deployment_standing", "1 for the standing that the deployment has.", labels=("deployment", "standing")
    )
    for deployment in state.deployments:
        each.add_metric((deployment.name, deployment.standing.value), 1)
    yield each


def _alarms(state: DaemonState) -> Metric:
    family = GaugeMetricFamily("syncd_alarms", "Alarms that are raised, by kind.", labels=("kind",))
    raised = [alarm.kind for alarm in state.alarms]
    for kind in KINDS:
        family.add_metric((kind,), raised.count(kind))
    return family


def _build() -> Metric:
    family = GaugeMetricFamily("syncd_build_info", "1; what runs here.", labels=("version", "python"))
    family.add_metric((version("syncd"), platform.python_version()), 1)
    return family


# --- as text ----------------------------------------------------------------------------------------------------------


def _only(metric: Metric, *, sources: set[str], deployments: set[str]) -> Metric:
    """Leave out what is no longer configured, and the times at which counters were made, which nobody asks for."""
    metric.samples = [
        sample
        for sample in metric.samples
        if not sample.name.endswith("_created")
        and ("source" not in sample.labels or sample.labels["source"] in sources)
        and ("deployment" not in sample.labels or sample.labels["deployment"] in deployments)
    ]
    return metric


def _text(metrics: Iterable[Metric]) -> bytes:
    """Write the text format; over 100 deployments, the library's own writer takes four times as long.

    Source: https://prometheus.io/docs/instrumenting/exposition_formats/ (text format 0.0.4).
    """
    lines = []
    for metric in metrics:
        name = f"{metric.name}_total" if metric.type == "counter" else metric.name
        lines.append(f"# HELP {name} {metric.documentation}\n# TYPE {name} {metric.type}\n")
        for sample in metric.samples:
            labels = ",".join([f'{label}="{_escaped(value)}"' for label, value in sample.labels.items()])
            lines.append(f"{sample.name}{{{labels}}} {float(sample.value)!r}\n")
    return "".join(lines).encode()


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
