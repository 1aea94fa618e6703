"""Exit codes tell what may be tried again from what cannot work as it is."""

from __future__ import annotations

import pytest

from syncd.control import DeploymentResult, Job, JobState, Order
from syncd.errors import (
    DeploymentBusy,
    MappingInvalid,
    Problem,
    ReadIncomplete,
    SecretUnreadable,
    SourceUnavailable,
    SyncdError,
    TargetUnauthorized,
    TargetUnavailable,
    TargetUnmanageable,
    worst,
)
from syncd.http.answer import Answer
from syncd.http.secrets import Secret
from syncd.reconcile import DeploymentReport, Report
from syncd.targets.airflow.auth import Basic, Login
from syncd.targets.airflow.settings import Credential
from syncd.targets.airflow.wire import Area, Refused

pytestmark = pytest.mark.finding("U-B18")


@pytest.mark.parametrize("may_pass", [TargetUnavailable, ReadIncomplete, DeploymentBusy, SourceUnavailable])
def test_what_may_pass_by_itself_is_5(may_pass: type[SyncdError]) -> None:
    assert 5 == Report(1, (DeploymentReport("prod", error=may_pass("x")),), {}).exit_code()


@pytest.mark.parametrize("cannot", [TargetUnauthorized, TargetUnmanageable, SecretUnreadable])
def test_what_cannot_work_as_it_is_is_1_whatever_else_did_not_answer(cannot: type[SyncdError]) -> None:
    reports = DeploymentReport("dev", error=TargetUnavailable("x")), DeploymentReport("prod", error=cannot("x"))

    assert 1 == Report(1, reports, {"okta": "no answer"}).exit_code()


@pytest.mark.finding("N-405")
def test_a_source_that_refuses_our_token_is_5_as_every_source_that_was_not_read() -> None:
    """Nothing is taken on its account and the rest is done; `doctor` tells why, and ends with 1."""
    assert (
        5 == Report(1, (DeploymentReport("prod"),), {"okta": "Okta answered 401 (the token is not valid)"}).exit_code()
    )


@pytest.mark.finding("N-405")
@pytest.mark.parametrize("also", [TargetUnavailable("x"), TargetUnauthorized("x")])
def test_what_is_invalid_decides_over_what_failed_and_what_did_not_answer(also: SyncdError) -> None:
    invalid = MappingInvalid([Problem("a.yaml", 1, 1, "a name stands for two groups")])
    reports = DeploymentReport("dev", error=also), DeploymentReport("prod", error=invalid)

    assert 3 == Report(1, reports, {"okta": "no answer"}).exit_code()


@pytest.mark.parametrize(("status", "code"), [(401, 1), (403, 1), (200, 1), (500, 5), (503, 5)])
def test_a_broken_server_may_come_back_and_a_refused_password_does_not(status: int, code: int) -> None:
    login: Login = Basic(Credential("basic", "syncd", Secret("env", ("SYNCD_TEST_NOT_SET",))), now=lambda: 0.0)
    answer = Answer("GET http://a/api/v1/roles", status, "application/json", b"{}")

    assert code == Refused(Area.ROLES, [(login, answer)], "look").exit_code


def test_the_worst_of_several_decides() -> None:
    in_order = [0, 2, 6, 4, 5, 1, 3]

    assert in_order == [worst(in_order[: n + 1]) for n in range(7)]
    assert 0 == worst([])
    results = DeploymentResult("dev", 5), DeploymentResult("prod", 1)
    assert 1 == Job(1, JobState.DONE, Order(), ("dev", "prod"), asked_at=None, results=results).exit_code  # type: ignore[arg-type]
