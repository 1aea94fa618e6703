"""What /metrics says: right figures, in a format that strict readers accept, quick, and the same as the page about it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from effort import steps_of
from prometheus_client import generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics import exposition, parser
from prometheus_client.parser import text_string_to_metric_families as parse

from syncd.alarm_kinds import KINDS
from syncd.control import AlarmState, DaemonState, DeploymentHealth, DeploymentState, SourceState
from syncd.daemon.figures import JournalHead
from syncd.daemon.metrics import Metrics
from syncd.throttle import Call

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
STARTED = NOW - timedelta(hours=2)
HEAD = JournalHead(change=4711, unsettled=3)
PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"

STATE = DaemonState(
    replica="a",
    replicas=("a", "b"),
    started_at=STARTED,
    config_at=NOW - timedelta(minutes=30),
    config_error="",
    database_error="",
    stopping=False,
    sources=(
        SourceState("okta", NOW - timedelta(seconds=20), NOW - timedelta(hours=1), None, people=10, groups=4),
        SourceState("entra", None, None, NOW - timedelta(minutes=1), "no answer", uncertified=("g1", "g2")),
    ),
    deployments=(
        DeploymentState(
            "prod", DeploymentHealth.OK, True, NOW - timedelta(minutes=5), held="abc", calls_per_s=10, waiting=True
        ),
        DeploymentState("test", DeploymentHealth.QUARANTINED, True, failures=7, running=True),
    ),
    alarms=(
        AlarmState("held", "prod", "2 changes are held", NOW),
        AlarmState("quarantined", "test", "7 passes failed", NOW),
    ),
)

EVENTS: tuple[tuple[str, dict[str, object]], ...] = (
    ("change_applied", {"deployment": "prod", "kind": "update", "run": 1, "name": "anna@example.com"}),
    ("change_applied", {"deployment": "prod", "kind": "update", "run": 1, "name": "bob@example.com"}),
    ("change_failed", {"deployment": "prod", "kind": "delete", "run": 1, "name": "x"}),
    ("change_settled", {"deployment": "prod", "status": "applied"}),
    ("lag_measured", {"seconds": 0.7, "bound_s": 16.0, "kind": "revoked"}),
    ("poll_ended", {"source": "okta", "seconds": 0.3, "changed": 1}),
    ("people_changed", {"count": 3, "deployments": 2}),
    ("source_failed", {"source": "entra", "error": "no answer"}),
    ("cursor_lost", {"source": "okta", "why": "too old"}),
    ("divergence_found", {"source": "okta", "groups": [], "people": []}),
    ("run_ended", {"command": "sweep", "exit_code": 4, "stages": {"observe": 1.5, "apply": 0.2}}),
    ("sweep_ended", {"deployment": "prod", "seconds": 3.0, "changes": 2, "drift": 2}),
    ("sweep_ended", {"deployment": "prod", "seconds": 3.0, "changes": 0, "drift": 0}),
    ("config_reloaded", {}),
    ("config_rejected", {"error": "no"}),
    ("lease_lost", {"deployment": "prod"}),
    ("clock_jumped", {"seconds": 3600}),
    ("notification_failed", {}),
    ("plan_made", {"digest": "abc"}),
)


@pytest.fixture
def metrics() -> Metrics:
    made = Metrics(clock=lambda: NOW)
    for event, facts in EVENTS:
        made.event(event, facts)
    made.call("prod", Call("GET", "/users/{}", 200, 0.18))
    made.call("prod", Call("PATCH", "/users/{}", 503, 3.0))
    made.call("prod", Call("PATCH", "/users/{}", None, 10.0))
    return made


def render(metrics: Metrics, state: DaemonState = STATE, head: JournalHead | None = HEAD) -> dict[str, float]:
    """Read back what is rendered, as `name{label=value,...}`."""
    text = metrics.render(state, journal_head=head).decode()
    return _parsed(text)


@cache
def _parsed(text: str) -> dict[str, float]:
    return {_key(s.name, s.labels): s.value for family in parse(text) for s in family.samples}


def _key(name: str, labels: Mapping[str, str]) -> str:
    return f"{name}{{{','.join(f'{k}={v}' for k, v in sorted(labels.items()))}}}" if labels else name


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("syncd_changes_total{deployment=prod,kind=update,outcome=applied}", 2),
        ("syncd_changes_total{deployment=prod,kind=delete,outcome=failed}", 1),
        ("syncd_changes_settled_total{deployment=prod,outcome=applied}", 1),
        ("syncd_lag_seconds_bucket{kind=revoked,le=0.5}", 0),
        ("syncd_lag_seconds_bucket{kind=revoked,le=1.0}", 1),
        ("syncd_lag_seconds_count{kind=granted}", 0),
        ("syncd_lag_bound_seconds_bucket{kind=revoked,le=15.0}", 0),
        ("syncd_lag_bound_seconds_bucket{kind=revoked,le=20.0}", 1),
        ("syncd_lag_bound_seconds_bucket{kind=revoked,le=3600.0}", 1),
        ("syncd_poll_seconds_sum{source=okta}", 0.3),
        ("syncd_people_changed_total", 3),
        ("syncd_source_failures_total{source=entra}", 1),
        ("syncd_source_cursors_lost_total{source=okta}", 1),
        ("syncd_source_divergences_total{source=okta}", 1),
        ("syncd_passes_total{command=sweep,exit=4}", 1),
        ("syncd_stage_seconds_sum{stage=observe}", 1.5),
        ("syncd_stage_seconds_count{stage=apply}", 1),
        ("syncd_sweep_seconds_sum", 6),
        ("syncd_drift_changes_total{deployment=prod}", 2),
        ("syncd_deployment_drift{deployment=prod}", 0),
        ("syncd_config_reloads_total{result=used}", 1),
        ("syncd_config_reloads_total{result=rejected}", 1),
        ("syncd_leases_lost_total", 1),
        ("syncd_clock_jumps_total", 1),
        ("syncd_notifications_failed_total", 1),
        ("syncd_events_misread_total", 0),
        ("syncd_calls_total{answer=2xx,deployment=prod,method=GET}", 1),
        ("syncd_calls_total{answer=5xx,deployment=prod,method=PATCH}", 1),
        ("syncd_calls_total{answer=none,deployment=prod,method=PATCH}", 1),
        ("syncd_call_seconds_bucket{deployment=prod,le=0.5}", 1),
        ("syncd_call_seconds_count{deployment=prod}", 3),
        ("syncd_source_read_timestamp_seconds{source=okta}", NOW.timestamp() - 20),
        ("syncd_source_read_age_seconds{source=okta}", 20),
        ("syncd_source_read_age_seconds{source=entra}", 7200),
        ("syncd_source_full_read_timestamp_seconds{source=okta}", NOW.timestamp() - 3600),
        ("syncd_source_up{source=okta}", 1),
        ("syncd_source_up{source=entra}", 0),
        ("syncd_source_people{source=okta}", 10),
        ("syncd_source_groups{source=okta}", 4),
        ("syncd_source_uncertified_groups{source=entra}", 2),
        ("syncd_deployment_sweep_timestamp_seconds{deployment=prod}", NOW.timestamp() - 300),
        ("syncd_deployment_sweep_age_seconds{deployment=prod}", 300),
        ("syncd_deployment_sweep_age_seconds{deployment=test}", 7200),
        ("syncd_deployment_failures{deployment=test}", 7),
        ("syncd_deployment_held{deployment=prod}", 1),
        ("syncd_deployment_held{deployment=test}", 0),
        ("syncd_deployment_allowed_calls_per_second{deployment=prod}", 10),
        ("syncd_deployment_standing{deployment=test,standing=quarantined}", 1),
        ("syncd_deployments{standing=ok}", 1),
        ("syncd_deployments{standing=elsewhere}", 0),
        ("syncd_deployments_waiting", 1),
        ("syncd_deployments_running", 1),
        ("syncd_replicas", 2),
        ("syncd_config_last_reload_successful", 1),
        ("syncd_config_last_reload_success_timestamp_seconds", NOW.timestamp() - 1800),
        ("syncd_database_up", 1),
        ("syncd_stopping", 0),
        ("syncd_journal_head_change", 4711),
        ("syncd_journal_unsettled_changes", 3),
        ("syncd_alarms{kind=held}", 1),
        ("syncd_alarms{kind=drift}", 0),
    ],
)
def test_a_figure_is_right(metrics: Metrics, key: str, expected: float) -> None:
    assert expected == pytest.approx(render(metrics)[key])


@pytest.mark.parametrize(
    "key",
    [
        "syncd_source_read_timestamp_seconds{source=entra}",
        "syncd_source_full_read_timestamp_seconds{source=entra}",
        "syncd_deployment_sweep_timestamp_seconds{deployment=test}",
        "syncd_deployment_standing{deployment=test,standing=ok}",
    ],
)
def test_what_never_was_has_no_sample(metrics: Metrics, key: str) -> None:
    assert key not in render(metrics)


def test_the_process_and_the_build_are_there(metrics: Metrics) -> None:
    found = render(metrics)
    assert found["process_resident_memory_bytes"] > 0
    assert [1.0] == [value for key, value in found.items() if key.startswith("syncd_build_info{")]


def test_without_the_database_what_it_holds_is_absent(metrics: Metrics) -> None:
    found = render(metrics, replace(STATE, database_error="no answer"), None)
    assert found["syncd_database_up"] == 0
    assert [] == [key for key in found if key.startswith(("syncd_journal", "syncd_source_read", "syncd_source_up"))]


def test_a_bad_file_shows(metrics: Metrics) -> None:
    found = render(metrics, replace(STATE, config_error="finance.yaml:3: no such role"))
    assert found["syncd_config_last_reload_successful"] == 0


def test_what_was_taken_out_of_the_configuration_is_gone(metrics: Metrics) -> None:
    found = render(metrics, replace(STATE, sources=STATE.sources[1:], deployments=STATE.deployments[1:]))
    assert [] == [key for key in found if "=prod" in key or "=okta" in key]
    assert "syncd_source_failures_total{source=entra}" in found


def test_counters_go_on_when_a_deployment_comes_back(metrics: Metrics) -> None:
    render(metrics, replace(STATE, deployments=()))
    metrics.event("change_applied", EVENTS[0][1])
    assert 3 == render(metrics)["syncd_changes_total{deployment=prod,kind=update,outcome=applied}"]


def test_an_age_is_never_negative_after_the_clock_was_set_back() -> None:
    found = render(Metrics(clock=lambda: STARTED))
    assert 0 == found["syncd_source_read_age_seconds{source=okta}"]


@pytest.mark.parametrize(
    ("event", "facts"),
    [
        ("change_applied", {}),
        ("lag_measured", {"seconds": "soon", "bound_s": 1, "kind": "granted"}),
        ("run_ended", {"command": "sweep", "exit_code": 0, "stages": 7}),
        ("people_changed", {"count": -1}),
        ("people_changed", {"count": None}),
    ],
)
def test_an_event_that_lacks_a_fact_is_counted_and_raises_nothing(event: str, facts: dict[str, object]) -> None:
    metrics = Metrics(clock=lambda: NOW)
    metrics.event(event, facts)
    assert 1 == render(metrics)["syncd_events_misread_total"]


@pytest.mark.finding("I-F5")
@pytest.mark.parametrize(
    ("key", "event", "facts"),
    [
        (f"syncd_changes_total{{deployment=prod,kind={kind},outcome={outcome}}}", f"change_{outcome}", {"kind": kind})
        for kind in ("create", "update", "delete")
        for outcome in ("applied", "failed", "unknown", "pending", "skipped")
    ]
    + [
        (f"syncd_changes_settled_total{{deployment=prod,outcome={outcome}}}", "change_settled", {"status": outcome})
        for outcome in ("applied", "failed", "pending")
    ]
    + [
        ("syncd_drift_changes_total{deployment=prod}", "sweep_ended", {"seconds": 1, "drift": 1}),
        ("syncd_source_failures_total{source=okta}", "source_failed", {}),
        ("syncd_source_cursors_lost_total{source=okta}", "cursor_lost", {}),
        ("syncd_source_divergences_total{source=okta}", "divergence_found", {}),
    ],
)
def test_a_counter_is_there_before_it_counts(key: str, event: str, facts: dict[str, object]) -> None:
    metrics = Metrics(clock=lambda: NOW)
    assert 0 == render(metrics)[key], "an increase of a series that begins with 1 is none"
    metrics.event(event, {"deployment": "prod", "source": "okta", **facts})
    assert 1 == render(metrics)[key]


@pytest.mark.finding("I-F5")
def test_what_nobody_saw_yet_is_no_figure() -> None:
    assert "syncd_deployment_drift{deployment=prod}" not in render(Metrics(clock=lambda: NOW))


def test_a_change_that_broke_is_counted_once() -> None:
    metrics = Metrics(clock=lambda: NOW)
    metrics.event("change_unknown", {"deployment": "prod", "name": "x", "exc_info": OSError()})
    metrics.event("change_unknown", {"deployment": "prod", "name": "x", "kind": "update"})
    found = render(metrics)
    assert 0 == found["syncd_events_misread_total"]
    assert 1 == found["syncd_changes_total{deployment=prod,kind=update,outcome=unknown}"]


def test_no_person_is_in_it(metrics: Metrics) -> None:
    assert b"@example.com" not in metrics.render(STATE, journal_head=HEAD)


# --- the format -------------------------------------------------------------------------------------------------------


OPENMETRICS_WRITER: Any = exposition.generate_latest  # the library gives neither a type
OPENMETRICS_READER: Any = parser.text_string_to_metric_families


class Collected:
    """What the library's own writers take."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = list(metrics)

    def collect(self) -> Iterator[Metric]:
        return iter(self._metrics)


ODD = replace(
    STATE, deployments=(*STATE.deployments, DeploymentState('od"d\\ na\nme é', DeploymentHealth.OK, enforce=True))
)


def test_the_text_says_what_the_librarys_writer_says(metrics: Metrics) -> None:
    collected = Collected(metrics.collect(ODD, journal_head=HEAD))
    library, ours = generate_latest(collected).decode(), metrics.render(ODD, journal_head=HEAD).decode()
    assert [] == [f for f in _without_process(library) if f not in _without_process(ours)]
    assert len(list(parse(library))) == len(list(parse(ours)))


def _without_process(text: str) -> list[Any]:
    return [family for family in parse(text) if not family.name.startswith("process_")]


def test_names_and_types_please_the_strict_reader_of_openmetrics(metrics: Metrics) -> None:
    text = OPENMETRICS_WRITER(Collected(metrics.collect(ODD, journal_head=HEAD))).decode()
    assert "syncd_lag_seconds" in {family.name for family in OPENMETRICS_READER(text)}


def test_every_line_has_the_form_of_the_text_format(metrics: Metrics) -> None:
    label = r'[a-z_]+="(?:[^"\\\n]|\\[\\n"])*"'
    sample = re.compile(rf"[a-z_]+\{{(?:{label}(?:,{label})*)?\}} -?[0-9.]+(?:e[+-]?[0-9]+)?")
    comment = re.compile(r"# (?:HELP [a-z_]+ [^\n]+|TYPE [a-z_]+ (?:counter|gauge|histogram))")
    text = metrics.render(ODD, journal_head=HEAD).decode()
    assert text.endswith("\n")
    assert [] == [line for line in text[:-1].split("\n") if not (sample.fullmatch(line) or comment.fullmatch(line))]


def test_names_follow_the_conventions(metrics: Metrics) -> None:
    families = _families(metrics)
    counters = [family.name for family in families if family.type == "counter"]
    assert [] == [f.name for f in families if f.type == "histogram" and not f.name.endswith("_seconds")]
    assert [] == [f.name for f in families if not f.documentation.endswith((".", ":"))]
    assert [] == [name for name in counters if name.endswith("_seconds")]
    assert len(families) == len({family.name for family in families})


def _families(metrics: Metrics) -> list[Metric]:
    found = parse(metrics.render(STATE, journal_head=HEAD).decode())
    return [family for family in found if family.name.startswith("syncd_")]


# --- a fleet, and many threads ----------------------------------------------------------------------------------------


def test_each_deployment_of_a_fleet_costs_the_same() -> None:
    few, many = (_steps_to_render(*_fleet(count)) for count in (20, 100))
    assert many < 5 * few
    assert many < 1_000_000, "380 thousand steps"


def test_a_deployment_has_few_samples() -> None:
    sizes = [len(render(*_fleet(count))) for count in (100, 101)]
    assert 45 >= sizes[1] - sizes[0]


def _fleet(count: int) -> tuple[Metrics, DaemonState]:
    metrics = Metrics(clock=lambda: NOW)
    names = [f"deployment-{number}" for number in range(count)]
    for name in names:
        for method, status in (("GET", 200), ("PATCH", 200), ("POST", 200), ("GET", 503)):
            metrics.call(name, Call(method, "/users/{}", status, 0.2))
        for kind in ("create", "update", "delete"):
            metrics.event("change_applied", {"deployment": name, "kind": kind})
        metrics.event("sweep_ended", {"deployment": name, "seconds": 1, "drift": 0})
    each = tuple(DeploymentState(name, DeploymentHealth.OK, enforce=True, swept_at=NOW) for name in names)
    return metrics, replace(STATE, deployments=each)


def _steps_to_render(metrics: Metrics, state: DaemonState) -> int:
    metrics.render(state, journal_head=HEAD)
    return steps_of(lambda: metrics.render(state, journal_head=HEAD))


def test_many_threads_count_and_render_at_the_same_time() -> None:
    metrics = Metrics(clock=lambda: NOW)
    done = Event()

    def scrape() -> int:
        scrapes = 0
        while not done.is_set():
            render(metrics, replace(STATE, deployments=STATE.deployments[scrapes % 2 :]))
            scrapes += 1
        return scrapes

    def work(thread: int) -> None:
        for number in range(300):
            metrics.event("change_applied", {"deployment": "prod", "kind": f"kind-{thread}-{number % 50}"})
            metrics.call("prod", Call("GET", "/users/{}", 200, 0.1))

    with ThreadPoolExecutor(6) as pool:
        scrapers = [pool.submit(scrape) for _ in range(2)]
        workers = [pool.submit(work, thread) for thread in range(4)]
        for worker in workers:
            worker.result()
        done.set()
        assert all(scraper.result() for scraper in scrapers)
    found = render(metrics)
    assert 1200 == sum(value for key, value in found.items() if key.startswith("syncd_changes_total"))
    assert 1200 == found["syncd_calls_total{answer=2xx,deployment=prod,method=GET}"]


# --- the page ---------------------------------------------------------------------------------------------------------


def _rows(heading: str) -> list[list[str]]:
    section = re.split(r"\n##+ ", PAGE.read_text().split(f"\n## {heading}\n")[1])[0]
    table = [line for line in section.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table]


def test_the_page_lists_every_metric_with_its_help_text(metrics: Metrics) -> None:
    expected = {_row(family) for family in _families(metrics)}
    assert expected == {tuple(row) for row in _rows("Metrics")}


def _row(family: Metric) -> tuple[str, ...]:
    name = f"{family.name}_total" if family.type == "counter" else family.name
    labels = {label for sample in family.samples for label in sample.labels} - {"le"}
    return f"`{name}`", family.type, ", ".join(f"`{label}`" for label in sorted(labels)), family.documentation


def test_the_page_lists_every_kind_of_alarm() -> None:
    assert [f"`{kind}`" for kind in KINDS] == [row[0] for row in _rows("Alarms")]


def test_the_page_names_only_metrics_that_exist(metrics: Metrics) -> None:
    samples = {sample.name for family in _families(metrics) for sample in family.samples}
    families = {family.name for family in _families(metrics)}
    named = set(re.findall(r"\bsyncd_[a-z_]+", PAGE.read_text()))
    assert set() == named - samples - families
