"""Which deployments a binding is for, against what the words `in`, `not` and `exists` say in the files themselves."""

from __future__ import annotations

import json
from contextlib import nullcontext
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from syncd.errors import MappingInvalid
from syncd.mapping.parse import parse
from syncd.mapping.select import chooses, idle_bindings
from syncd.model import Deployment
from syncd.targets.airflow.naming import NAMING

VALUES = ("prod", "dev", "us")
LABELS = ("env", "region", "name")
lists = st.lists(st.sampled_from(VALUES), min_size=1, unique=True)
tests = st.one_of(
    st.sampled_from(VALUES),
    lists,
    st.fixed_dictionaries(
        {}, optional={"in": lists, "not": st.one_of(st.sampled_from(VALUES), lists), "exists": st.booleans()}
    ),
)
labels = st.dictionaries(st.sampled_from(LABELS), tests.filter(bool), min_size=1)
deployments = st.builds(
    lambda name, labels: Deployment(name, labels, naming=NAMING),
    st.sampled_from(VALUES),
    st.dictionaries(st.sampled_from(LABELS[:2]), st.sampled_from(VALUES)),
)


def meets(written: Any, value: str | None) -> bool:
    """Say what a reader of the file would say."""
    if isinstance(written, str):
        return value == written
    if isinstance(written, list):
        return value in written
    refused = written.get("not", [])
    return (
        ("in" not in written or value in written["in"])
        and value not in ([refused] if isinstance(refused, str) else refused)
        and ("exists" not in written or written["exists"] == (value is not None))
    )


@given(labels, deployments)
def test_a_binding_is_for_the_deployments_that_its_words_say(
    written: dict[str, object], deployment: Deployment
) -> None:
    binding = {"group": "s:g", "roles": ["Viewer"], "deployments": written}
    try:
        rules = parse({"m.yaml": json.dumps({"bindings": [binding]}).encode()}, namings=[NAMING])
    except MappingInvalid:
        assume(False)
        raise
    said = {**deployment.labels, "name": deployment.name}

    expected = all(meets(test, said.get(label)) for label, test in written.items())
    assert expected == chooses(rules.bindings[0], deployment)
    told = {note.code for note in idle_bindings(rules, [deployment])}
    assert ("binding_reaches_nothing" in told) == (not expected)


@given(labels)
def test_only_what_no_deployment_can_be_is_refused(written: dict[str, object]) -> None:
    binding = {"group": "s:g", "roles": ["Viewer"], "deployments": written}
    anywhere = all(
        any(meets(test, v) for v in (*VALUES, "other", *(() if n == "name" else (None,))))
        for n, test in written.items()
    )
    text = {"m.yaml": json.dumps({"bindings": [binding]}).encode()}

    with nullcontext() if anywhere else pytest.raises(MappingInvalid, match="it contradicts itself"):
        parse(text, namings=[NAMING])
