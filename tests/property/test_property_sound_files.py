"""A file of people that is read straight says what it says by the long way, on which mistakes are found."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from hypothesis import example, given
from hypothesis import strategies as st

from syncd.model import EVERYONE
from syncd.sources.file.sound import read_sound
from syncd.sources.file.source import _interpreted

NOW = datetime(2026, 3, 1, tzinfo=UTC)
words = st.sampled_from(
    ["a", "A", "b", "c", "7", "é", "e\u0301", "", " ", "x y", "\u200b", "a\u00a0b", "\x07", "*", "everyone"]
)
odd: st.SearchStrategy[object] = st.sampled_from([None, 1, True, [], {}, 1.5])
values: st.SearchStrategy[object] = words | words | words | odd


def tables(*keys: str, needs: str) -> st.SearchStrategy[dict[str, object]]:
    others = st.dictionaries(st.sampled_from([*keys, "unknown"]), values, max_size=3)
    truths = st.dictionaries(st.sampled_from(["active", "guest"]), st.booleans() | odd, max_size=1)
    made = st.builds(lambda first, more, truth: {needs: first, **more, **truth}, words, others, truths)
    return made if needs == "login" else st.builds(lambda first, more: {needs: first, **more}, words, others)


people = tables("id", "email", "given_name", "department", needs="login")
groups = st.builds(
    lambda group, who: {**group, "members": who}, tables("id", needs="name"), st.lists(values, max_size=3)
)
files = st.fixed_dictionaries(
    {}, optional={"people": st.lists(people, max_size=4), "groups": st.lists(groups, max_size=3)}
)


@given(st.lists(files, min_size=1, max_size=2))
@example([{"people": [{"login": "a"}], "groups": [{"name": "g", "members": ["a", "a"]}]}])
@example([{"people": [{"login": "a"}, {"login": "A", "id": "7"}]}])
@example([{"people": [{"login": "a"}, {"login": "b", "id": "a"}]}])
@example([{"people": [{"login": "a"}, {"login": "b", "id": "A"}], "groups": [{"name": "g", "members": ["A"]}]}])
@example([{"groups": [{"name": "g", "id": EVERYONE, "members": []}]}])
@example([{"groups": [{"name": "g", "members": []}, {"name": "g", "id": "h", "members": []}]}])
@example([{"people": [{"login": "a"}, {"login": "b", "id": "7"}]}, {"groups": [{"name": "g", "members": ["A", "7"]}]}])
def test_what_is_read_straight_is_what_is_read_by_the_long_way(made: list[dict[str, object]]) -> None:
    contents = {f"{n}.json": json.dumps(one).encode() for n, one in enumerate(made)}
    straight = read_sound("people", contents, taken_at=NOW)
    if straight is not None:
        assert (straight, []) == _interpreted("people", contents, taken_at=NOW, exact=False)


def test_what_is_as_it_should_be_is_read_straight() -> None:
    sound = {
        "people": [
            {"login": "anna", "email": "a@example.com", "given_name": "Zoë", "active": True, "guest": False},
            {"login": "bob", "id": "7", "department": "Finance", "user_type": "Employee", "employee_number": "12"},
        ],
        "groups": [{"name": "crew", "members": ["Anna", "7"]}, {"name": "none", "id": "g2", "members": []}],
    }
    straight = read_sound("people", {"all.JSON": json.dumps(sound).encode()}, taken_at=NOW)
    assert straight is not None
    assert (["7", "anna"], ["crew", "g2"]) == ([p.id for p in straight.identities], [g.id for g in straight.groups])
    assert frozenset({"7", "anna"}) == straight.groups[0].members


def test_what_is_odd_is_left_to_who_can_say_what_it_is() -> None:
    for content in (b"", b"[]", b"{", b"\xff", b'{"people": [], "people": []}', b"[" * 100_000, b'{"people": {}}'):
        assert read_sound("people", {"a.json": content}, taken_at=NOW) is None
    assert read_sound("people", {"a.json": b"{}", "b.yaml": b"people: []"}, taken_at=NOW) is None
