"""What other files would have given is what asking each side about each person and DAG says."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from states import user
from test_property_on_people import DAGS, DIALECT, PEOPLE, levels, people, roles

from syncd.access.whatif import Otherwise, otherwise
from syncd.model import DesiredState, Level, ObservedState, Role

ORDER = tuple(Level)


@st.composite
def sides(draw: st.DrawFn) -> DesiredState:
    defined, holds = draw(roles), draw(people)
    return DesiredState(
        "prod",
        {name: user(name, theirs & defined.keys()) for name, theirs in holds.items()},
        {name: Role(name, parts) for name, parts in defined.items()},
        {},
    )


def rank(state: DesiredState, name: str, dag: str) -> int:
    found = levels(ObservedState("prod", state.users, state.roles), name, dag)
    return max((ORDER.index(level) + 1 for level in found), default=0)


def told(found: Otherwise, dag: str, way: str) -> int:
    """Give the rank that is told of a DAG."""
    said = found.more if way == "more" else found.less
    return max((ORDER.index(level) + 1 for level, dags in said if dag in dags), default=0)


@given(sides(), sides())
def test_it_is_told_of_just_those_who_have_something_otherwise(was: DesiredState, now: DesiredState) -> None:
    found = otherwise(was, now, dialect=DIALECT, dags=DAGS)
    for name in PEOPLE:
        before = was.users[name].roles if name in was.users else frozenset()
        after = now.users[name].roles if name in now.users else frozenset()
        one = found.get(name, Otherwise())
        assert (tuple(sorted(after - before)), tuple(sorted(before - after))) == (one.gains, one.loses)
        same = {r for r in before & after if was.roles[r].permissions != now.roles[r].permissions}
        assert tuple(sorted(same)) == one.changed
        for dag in DAGS:
            first, last = rank(was, name, dag), rank(now, name, dag)
            assert (last if last > first else 0) == told(one, dag, "more")
            assert (first if first > last else 0) == told(one, dag, "less")
