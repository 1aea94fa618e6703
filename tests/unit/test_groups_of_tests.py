"""Which tests wait for one another, where several processes divide them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from groups_of_tests import AIRFLOW, AIRFLOW_2, servers_of


@pytest.mark.parametrize(
    ("fixtures", "told", "group"),
    [
        (["real_airflow_2"], {}, AIRFLOW_2),
        (["server"], {"server": "real_airflow_2"}, AIRFLOW_2),
        (["reach"], {"reach": "real 2.11.2", "cut": 3}, AIRFLOW_2),
        (["reach"], {"reach": "real 3.3.2", "cut": 2}, AIRFLOW),
        ([], {"version": "2"}, AIRFLOW_2),
        (["real_airflow_3"], {}, AIRFLOW),
        (["real_airflow_2", "real_airflow_3"], {}, AIRFLOW),
        ([], {"version": "3"}, AIRFLOW),
        (["sample_dags"], {}, AIRFLOW),
        (["postgres_url"], {}, ""),
        (["make_database"], {"make_database": "postgresql"}, ""),
    ],
)
def test_what_shares_a_server_is_one_group(fixtures: list[str], told: dict[str, Any], group: str) -> None:
    for marked in (True, False):
        item = SimpleNamespace(
            fixturenames=fixtures,
            get_closest_marker=lambda name, marked=marked: marked and name == "servers",
            callspec=SimpleNamespace(params=told, id="-".join(map(str, told.values()))),
        )
        assert (group if marked else "") == servers_of(cast("pytest.Item", item))
