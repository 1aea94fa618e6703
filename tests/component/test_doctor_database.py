"""The doctor sees whether a database takes what is written: a full disk can yet be read."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from syncd.cli.doctor import _alone, _writable, exit_code
from syncd.config import Settings
from syncd.errors import DeploymentBusy, StoreError, SyncdError
from syncd.plan.another import RivalSign, Sign
from syncd.store import Stores

pytestmark = pytest.mark.finding("U-B12")


def fails(error: SyncdError) -> Any:
    def take(_name: str) -> Any:
        raise error

    return SimpleNamespace(leases=SimpleNamespace(take=take))


def test_a_database_that_takes_what_is_written_is_left_as_it_was(tmp_path: Path) -> None:
    with closing(Stores.open(f"sqlite:///{tmp_path}/syncd.db")) as store:
        for _ in range(2):  # what the first one took it gave back
            [found] = _writable(store)
            assert (True, "a lease was taken and given back") == (found.ok, found.detail)


def test_a_full_disk_is_wrong() -> None:
    found = _writable(fails(StoreError("the disk is full: free some space")))

    assert [("writable", False, "the disk is full: free some space")] == [(f.check, f.ok, f.detail) for f in found]
    assert 1 == exit_code(found)


def test_another_doctor_at_work_shows_that_it_can_be_written() -> None:
    assert [True] == [found.ok for found in _writable(fails(DeploymentBusy("doctor: at work")))]


def test_another_installation_is_told(tmp_path: Path) -> None:
    at = datetime.now(UTC)
    with closing(Stores.open(f"sqlite:///{tmp_path / 'syncd.db'}")) as store:
        named = SimpleNamespace(deployments=[SimpleNamespace(deployment=SimpleNamespace(name="prod"))])
        assert [] == list(_alone(cast("Settings", named), store))
        store.memory.note_signs("prod", [RivalSign(Sign.SECOND, 1, "finance~1", at)], now=at)
        [found] = _alone(cast("Settings", named), store)
    assert ("deployment prod", "alone", False) == (found.subject, found.check, found.ok)
    assert "another hand made finance~1" in found.detail
    assert [] == list(_alone(cast("Settings", named), None))


def test_a_database_that_cannot_be_opened_is_told_once() -> None:
    assert () == _writable(None)
