"""JSON is written as the library writes it, whatever is in it."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from syncd.cli.output import json_text

numbers = st.one_of(st.integers(), st.floats())
plain = st.one_of(st.none(), st.booleans(), numbers, st.text())
keys = st.one_of(st.text(), st.integers(), st.booleans(), st.none(), st.floats())
values = st.recursive(
    plain,
    lambda inner: st.one_of(st.lists(inner), st.lists(inner).map(tuple), st.dictionaries(keys, inner)),
    max_leaves=12,
)


@given(values)
def test_it_is_what_the_library_writes(value: object) -> None:
    assert json.dumps(value, indent=2) == json_text(value)
