"""Which releases lose memory with every call."""

from __future__ import annotations

from dataclasses import replace

import pytest

from syncd.targets.airflow.abilities import Capabilities, Delete, Patch
from syncd.targets.airflow.leak import leaks

UNSEEN = Capabilities(3, "3.2.2", "FAB", roles_credential="token")
"""A server whose account may not see the version of the provider."""


@pytest.mark.parametrize(
    ("fab", "credential", "expected"),
    [
        ("2.4.4", "basic", False),
        ("3.0.1", "token", False),
        ("3.0.2", "token", True),
        ("3.1.1", "bearer", True),
        ("3.10.0", "token", True),
        ("3.10.1", "token", False),
        ("3.10.2", "token", False),
        ("4.0.0", "token", False),
    ],
)
def test_known_releases(fab: str, credential: str, *, expected: bool) -> None:
    why = leaks(replace(UNSEEN, fab_version=fab, roles_credential=credential))
    assert expected == (why is not None)
    assert not why or (f"FAB provider {fab}" in why and "to 3.10.1 or later" in why)


def test_airflow_2_is_not_among_them() -> None:
    assert leaks(Capabilities(2, "2.11.2", "FAB", fab_version="1.5.4", roles_credential="basic")) is None


@pytest.mark.parametrize(
    ("server", "expected"),
    [
        (UNSEEN, False),
        (replace(UNSEEN, patch_role=Patch.REPLACES), False),
        (replace(UNSEEN, patch_role=Patch.ADDS), True),
        (replace(UNSEEN, patch_role=Patch.FORBIDDEN), True),
        (replace(UNSEEN, delete_role=Delete.BROKEN), True),
        (replace(UNSEEN, patch_role=Patch.ADDS, roles_credential="basic"), False),
    ],
)
def test_an_unseen_version_is_told_by_what_the_server_cannot_do(server: Capabilities, *, expected: bool) -> None:
    assert expected == (leaks(server) is not None)
