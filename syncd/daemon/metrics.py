"""What the daemon counts and measures, for Prometheus.

Counters and histograms are fed with the events that everybody emits and with the calls to deployments; everything that
can be seen in a `DaemonState` is taken from it when somebody asks, so it can be neither stale nor forgotten. What is no
longer configured is left out. Labels are names from the configuration or words of this program, never a person.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from importlib.metadata import version
from itertools import product
from typing import cast

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, PlatformCollector, ProcessCollector
from prometheus_client.metrics_core import GaugeMetricFamily, Metric

from syncd.alarm_kinds import KINDS
from syncd.control import DaemonState, DeploymentHealth
from syncd.daemon.figures import (
    CALL_BUCKETS,
    FED,
    OF_ALL,
    OF_DEPLOYMENTS,
    OF_SOURCES,
    Fed,
    Figure,
    JournalHead,
    Look,
    T,
)
from syncd.throttle import Call

_Series = Counter | Gauge | Histogram


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
            buckets=CALL_BUCKETS,
            registry=self._registry,
        )
        self._misread = Counter(
            "syncd_events_misread", "Events that lack a fact these metrics need: a defect.", registry=self._registry
        )
        self._fed: dict[str, list[tuple[_Series, Fed]]] = {}
        self._counters: list[tuple[_Series, Fed]] = []
        self._begun: dict[str, set[str]] = {"source": set(), "deployment": set()}
        for fed in FED:
            series = _series(fed, self._registry)
            if fed.type == "counter" and {"source", "deployment"} & set(fed.labels):
                self._counters.append((series, fed))
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
        look = Look(state, journal_head, self._clock().timestamp())
        sources, deployments = {s.name for s in state.sources}, {d.name for d in state.deployments}
        self._begin({"source": sources, "deployment": deployments})
        for metric in self._registry.collect():
            yield _only(metric, sources=sources, deployments=deployments)
        yield from _gauges(look)

    def _begin(self, names: Mapping[str, set[str]]) -> None:
        """Make the counters of sources and deployments that are seen first, with 0."""
        for series, fed in self._counters:
            label = "source" if "source" in fed.labels else "deployment"
            for name in names[label] - self._begun[label]:
                _make(series, fed, {**fed.known, label: (name,)})
        for label, found in names.items():
            self._begun[label] |= found


def _series(fed: Fed, registry: CollectorRegistry) -> _Series:
    made: _Series
    match fed.type:
        case "counter":
            made = Counter(fed.name, fed.help, fed.labels, registry=registry)
        case "gauge":
            made = Gauge(fed.name, fed.help, fed.labels, registry=registry)
        case "histogram":
            made = Histogram(fed.name, fed.help, fed.labels, buckets=fed.buckets, registry=registry)
    _make(made, fed, fed.known)
    return made


def _make(series: _Series, fed: Fed, known: Mapping[str, Iterable[str]]) -> None:
    """Make the children of a series, with 0, where the values of all its labels are known."""
    if fed.labels and known.keys() >= set(fed.labels):
        for values in product(*(known[label] for label in fed.labels)):
            series.labels(*values)


def _feed(series: _Series, fed: Fed, facts: Mapping[str, object]) -> None:
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


def _gauges(look: Look) -> Iterator[Metric]:
    state = look.state
    # how sources were read is in the database: while that is away there is nothing to say, neither good nor bad
    sources = () if state.database_error else state.sources
    for of_source in OF_SOURCES:
        yield _family(of_source, "source", {s.name: s for s in sources}, look)
    for of_deployment in OF_DEPLOYMENTS:
        yield _family(of_deployment, "deployment", {d.name: d for d in state.deployments}, look)
    for figure in OF_ALL:
        yield GaugeMetricFamily(figure.name, figure.help, value=figure.read(state, look))
    yield from _standings(state)
    yield from _alarms(state)
    yield _build()


def _family(figure: Figure[T], label: str, things: Mapping[str, T], look: Look) -> Metric:
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
    for standing in DeploymentHealth:
        counts.add_metric((standing.value,), of_each.count(standing))
    yield counts
    each = GaugeMetricFamily(
        "syncd_deployment_standing", "1 for the standing that the deployment has.", labels=("deployment", "standing")
    )
    for deployment in state.deployments:
        each.add_metric((deployment.name, deployment.standing.value), 1)
    yield each


def _alarms(state: DaemonState) -> Iterator[Metric]:
    quiet = tuple(alarm for alarm in state.alarms if alarm.is_quiet)
    for name, help_, alarms in (
        ("syncd_alarms", "Alarms that are raised, by kind.", state.alarms),
        ("syncd_alarms_quiet", "Of these, alarms that are acknowledged or silenced: nobody is told of them.", quiet),
    ):
        family = GaugeMetricFamily(name, help_, labels=("kind",))
        kinds = [alarm.kind for alarm in alarms]
        for kind in KINDS:
            family.add_metric((kind,), kinds.count(kind))
        yield family


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
