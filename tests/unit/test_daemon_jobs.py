"""What becomes of a job as its results come."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import pytest

from syncd.control import DeploymentResult, JobState, Order
from syncd.daemon.jobs import Jobs

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
HINT = '; did you mean "sales"?'
SAID = f'no deployment that was asked has a DAG "sale", nor a role that holds anything on it; nothing was done{HINT}'


@pytest.mark.finding("U-B8")
@pytest.mark.parametrize(
    ("dev", "prod", "strangers"),
    [
        ({"sale": ""}, {"sale": HINT}, [SAID]),
        ({"sale": HINT}, {}, []),
        ({"sale": HINT}, {"etl": ""}, []),
        ({"sale": HINT}, None, []),
    ],
    ids=["nowhere", "on one", "another one is not there", "one deployment did not answer"],
)
def test_a_dag_that_no_deployment_has(
    dev: Mapping[str, str], prod: Mapping[str, str] | None, strangers: list[str]
) -> None:
    jobs = Jobs(lambda: NOW)
    job = jobs.open(Order(dags=frozenset({"sale"})), ("dev", "prod"))

    jobs.add(job.id, DeploymentResult("dev", 0, unknown_dags=dev))
    assert () == jobs.get(job.id).strangers
    last = (
        DeploymentResult("prod", 0, unknown_dags=prod) if prod is not None else DeploymentResult("prod", 0, "no answer")
    )
    jobs.add(job.id, last)

    ended = jobs.get(job.id)
    assert (JobState.DONE, strangers, 3 if strangers else 0) == (ended.state, [*ended.strangers], ended.exit_code)
