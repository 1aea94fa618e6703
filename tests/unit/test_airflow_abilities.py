"""What is known of a server, written down and read again by the adapter alone."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

import syncd.targets.airflow.mirror  # noqa: F401 - imported at once: importing it looks whether the machine has IPv6
from syncd.model import Learned
from syncd.targets.airflow import KIND
from syncd.targets.airflow.abilities import Capabilities, Delete, Patch, read, written

text = st.text(max_size=8)
count = st.integers(0, 10**9)
capabilities = st.builds(
    Capabilities,
    st.integers(2, 9),
    text,
    text,
    st.none() | text,
    text,
    text,
    text,
    st.sampled_from(Patch),
    st.sampled_from(Delete),
    st.booleans(),
    st.booleans(),
    st.none() | count,
    st.booleans(),
    st.none() | text,
)

CARD = Capabilities(3, "3.3.2", "FAB", "3.10.0", "token", "token", "token", Patch.ADDS, service_user="admin")
OLD = (
    '{"auth_manager":"FAB","dag_run_resources":true,"dags_credential":"token","delete_role":"unknown","fab_version":"3.10.0",'
    '"generation":3,"page_limit":null,"patch_role":"adds","roles_credential":"token","service_user":"admin","session":false,'
    '"users_credential":"token","users_readable":true,"v":1,"version":"3.3.2"}'
)
"""As the database has it since the first release."""


@given(capabilities)
def test_what_was_written_is_read_again(value: Capabilities) -> None:
    assert value == read(written(value))


def test_rows_that_are_in_the_database_are_read_and_written_as_they_are() -> None:
    assert (CARD, OLD) == (read(Learned(OLD)), written(CARD))


@pytest.mark.finding("H-E16")
@pytest.mark.parametrize(
    "body",
    [
        {**json.loads(OLD), "v": 2},
        {**json.loads(OLD), "later": 1},
        {**json.loads(OLD), "patch_role": "another"},
        *({**json.loads(OLD), "generation": generation} for generation in (None, True, 1, 3.0, "3")),
        *({**json.loads(OLD), "fab_version": other} for other in (True, 3, 3.1)),
        {**json.loads(OLD), "page_limit": "100"},
        {name: value for name, value in json.loads(OLD).items() if name != "version"},
        [],
        "text",
        None,
    ],
)
def test_what_another_syncd_wrote_is_looked_for_anew(body: object) -> None:
    learned = Learned(json.dumps(body))
    assert read(learned) is None
    assert ("", None, "server") == (KIND.slow_down(learned), KIND.figures(learned), KIND.described(learned)[0][0])


def test_what_is_no_json_is_looked_for_anew() -> None:
    assert read(Learned("memory")) is None


def test_people_are_told_what_a_server_can_do() -> None:
    told = dict(KIND.described(written(CARD)))
    assert ("Airflow 3.3.2 (generation 3), FAB", "PATCH adds, DELETE unknown") == (told["server"], told["roles"])
    assert "keeps about 0.7 MB" in told["memory"]


def test_a_server_that_loses_memory_with_each_call_is_looked_at_less_often() -> None:
    assert "0.7 MB" in KIND.slow_down(written(CARD))
    assert "" == KIND.slow_down(written(replace(CARD, fab_version="3.10.1")))
