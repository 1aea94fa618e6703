"""Timed grants through a daemon: they come within seconds and go by the clock, whatever happens around them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from daemon_rig import Rig, rig

from syncd.model import GrantRequest, GrantWord, TimedGrant

CREW = {"fred", "fay", "felix"}
GRANTS = """
[grants]
[[grants.allow]]
by = ["*"]
roles = ["Op"]
longest = "8h"
"""


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    with rig(tmp_path, monkeypatch, extra=GRANTS) as made:
        made.write_config()
        yield made


def given(lab: Rig, login: str, *, hours: float = 2) -> TimedGrant:
    """Write down a grant as a command does, beside the daemon."""
    assert lab.store is not None
    asked = GrantWord("root", "host", lab.time.now())
    who = "okta", lab.ids[login]
    return lab.store.grants.ask(GrantRequest("prod", "Op", who, login, timedelta(hours=hours), "incident", asked))


def holds(lab: Rig, *logins: str) -> bool:
    return {f"{login}@okta.example" for login in logins} | CREW == lab.servers["prod"].holders("Op")


def test_a_grant_is_given_within_seconds_and_goes_by_the_clock(lab: Rig) -> None:
    lab.start()
    lab.converge()
    given(lab, "anna")
    lab.until("it is given", lambda: holds(lab, "anna"))
    with lab.deaf():
        lab.watch(1.0, "it stays while the provider is away", lambda: holds(lab, "anna"))
        lab.time.pass_(2 * 3600)
        lab.until("it goes while the provider is away", lambda: holds(lab))
    assert ["its time is over"] == [facts["why"] for facts in lab.heard("grant_ended")]


def test_a_grant_whose_end_came_while_nothing_ran_goes_at_the_next_start(lab: Rig) -> None:
    lab.start()
    lab.converge()
    given(lab, "anna")
    lab.until("it is given", lambda: holds(lab, "anna"))
    lab.stop()
    lab.time.pass_(3 * 3600)
    lab.start()
    lab.until("it goes", lambda: holds(lab))


def test_a_grant_ends_with_its_person_and_does_not_come_back(lab: Rig) -> None:
    lab.start()
    lab.converge()
    grant = given(lab, "anna")
    lab.until("it is given", lambda: holds(lab, "anna"))
    lab.okta.org.set_status(lab.ids["anna"], "SUSPENDED")
    lab.until("it goes", lambda: holds(lab))
    lab.okta.org.set_status(lab.ids["anna"], "ACTIVE")
    lab.until("anna is back", lambda: lab.is_converged())
    lab.watch(1.5, "it does not come back", lambda: holds(lab))
    assert lab.store is not None
    ended = lab.store.grants.get(grant.id)
    assert ended is not None
    assert "anna was deactivated" == ended.ended_why


def test_a_grant_that_is_ended_by_a_person_goes_at_once(lab: Rig) -> None:
    lab.start()
    lab.converge()
    grant, other = given(lab, "anna"), given(lab, "bert")
    lab.until("they are given", lambda: holds(lab, "anna", "bert"))
    assert lab.store is not None
    lab.store.grants.end(grant.id, GrantWord("root", "host", lab.time.now()), "done")
    lab.until("one of them goes", lambda: holds(lab, "bert"))
    assert other.id != grant.id
