"""One server has one address, however it is spelt."""

from __future__ import annotations

import pytest

from syncd.http.connection import Connection
from syncd.targets.airflow.settings import AirflowSettings


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("https://a.example", "https://A.example:443/", True),
        ("https://a.example", "http://a.example", False),
        ("https://a.example", "https://a.example:8443", False),
        ("https://a.example/x", "https://a.example/y", False),
        ("https://[::1]:8080", "https://[::1]:8080/", True),
    ],
)
def test_an_address_is_the_same_however_it_is_spelt(one: str, other: str, is_same: bool) -> None:
    here, there = (AirflowSettings(Connection(url), ()).address for url in (one, other))
    assert is_same == (here == there)
