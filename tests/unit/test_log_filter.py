"""The log of a daemon: what is new, not what comes again."""

from __future__ import annotations

import pytest

from syncd.daemon.log_filter import LogFilter


@pytest.mark.parametrize("event", ["poll_ended", "lag_measured", "run_started", "deployment_observed", "plan_made"])
def test_what_is_only_counted_is_not_logged(event: str) -> None:
    assert not LogFilter().is_news(event, {"source": "okta"})


def test_a_run_is_logged_that_had_something_to_do_or_failed() -> None:
    log_filter = LogFilter()
    told = [log_filter.is_news("run_ended", {"planned": p, "exit_code": e}) for p, e in ((0, 0), (1, 0), (0, 5))]
    assert [False, True, True] == told


def test_a_reading_is_logged_once_and_again_when_it_says_something_else() -> None:
    log_filter = LogFilter()
    readings = [{"source": "okta", "people": n, "seconds": at} for n, at in ((5, 1.0), (5, 2.0), (6, 3.0), (6, 4.0))]
    assert [True, False, True, False] == [log_filter.is_news("snapshot_read", facts) for facts in readings]
    assert log_filter.is_news("snapshot_read", {"source": "entra", "people": 6}), "of another source"


def test_all_else_is_logged_each_time() -> None:
    log_filter = LogFilter()
    assert [True, True] == [log_filter.is_news("change_failed", {"deployment": "a"}) for _ in range(2)]


@pytest.mark.finding("U-B16")
@pytest.mark.parametrize(
    ("failed", "over", "about"),
    [
        ("source_failed", "snapshot_read", {"source": "okta"}),
        ("poll_failed", "snapshot_read", {"source": "okta"}),
        ("deployment_failed", "deployment_observed", {"deployment": "dev"}),
        ("deployment_quarantined", "deployment_observed", {"deployment": "dev"}),
        ("change_pending", "change_applied", {"deployment": "dev", "subject": "role", "name": "r"}),
        ("not_converged", "change_applied", {"deployment": "dev", "subject": "role", "name": "r"}),
        ("database_failed", "database_back", {}),
    ],
)
def test_what_fails_at_each_poll_in_the_same_way_is_logged_once_until_it_was_well_again(
    failed: str, over: str, about: dict[str, object]
) -> None:
    log_filter = LogFilter()

    def fails(error: str) -> bool:
        return log_filter.is_news(failed, {**about, "error": error})

    assert [True, False] == [fails(f"no answer; it may be asked again in {n} s") for n in (5, 9)]
    assert [True, False] == [fails("401") for _ in range(2)]
    log_filter.is_news(over, about)
    assert fails("401")


@pytest.mark.finding("U-B16")
def test_a_run_that_fails_as_the_last_one_on_that_deployment_did_is_logged_once() -> None:
    log_filter = LogFilter()
    told = [
        log_filter.is_news("run_ended", {"deployment": name, "planned": 0, "exit_code": 5, "run": run})
        for run, name in enumerate(["a", "a", "b", "a"])
    ]
    assert [True, False, True, False] == told
