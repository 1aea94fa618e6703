"""Which tests are run one after the other by one process, as they share servers that take long to boot.

A test of Airflow 2 alone waits for no Airflow 3, so each generation can have a processor; what needs both is with the other, and
boots an Airflow 2 of its own.
"""

from __future__ import annotations

from typing import Final

import pytest

AIRFLOW_2: Final = "airflow 2"
AIRFLOW: Final = "airflow"
_OF_AIRFLOW_2: Final = frozenset({"real_airflow_2", "2"})
"""The fixture, and what a test is told that asks for it by the version."""
_REAL_2: Final = "real 2.11.2"
"""What tests are called that are told how to reach it."""
_OTHERS: Final = frozenset({"make_database", "postgres_url"})
"""Fixtures of servers that each process has for itself."""


def servers_of(item: pytest.Item) -> str:
    """Name the group of a test by the Airflow servers that it needs; empty: none."""
    fixtures = frozenset(getattr(item, "fixturenames", ()))
    if not item.get_closest_marker("servers") or fixtures & _OTHERS:
        return ""
    told = getattr(item, "callspec", None)
    values = frozenset(value for value in told.params.values() if isinstance(value, str)) if told else frozenset()
    is_alone = bool((fixtures | values) & _OF_AIRFLOW_2) or (told is not None and _REAL_2 in told.id.split("-"))
    return AIRFLOW_2 if is_alone and "real_airflow_3" not in fixtures else AIRFLOW
