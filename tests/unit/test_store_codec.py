"""Values survive the way to JSON and back, whatever is in them."""

from __future__ import annotations

import types
from collections import abc
from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st
from store_samples import NOW, at, snapshot

from syncd.errors import StoreError
from syncd.model import (
    Certificate,
    Change,
    DesiredState,
    Doubt,
    Group,
    Identity,
    Kept,
    Note,
    Permission,
    Reason,
    Role,
    Scope,
    Snapshot,
    User,
    What,
    Why,
)
from syncd.plan.because import why_of
from syncd.store import codec
from syncd.store.patches import patch_to, patched

text = st.text(max_size=6) | st.sampled_from(["", "Böb", "名前", "\x00", "\ud800", '"]', "🐘", "e\u0301"])
few = st.frozensets(text, max_size=3)
moment = st.datetimes(timezones=st.sampled_from([UTC])) | st.just(datetime.fromisoformat("2026-03-29T02:30:00+02:00"))


def tuples(of: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(of, max_size=3).map(tuple)


count = st.integers(0, 9)
certificate = st.builds(Certificate, count, count, st.none() | count, moment, complete=st.booleans(), why=text)
snapshots = st.builds(
    Snapshot,
    text,
    tuples(
        st.builds(
            Identity,
            *(text, text, text, text, text, text, st.booleans(), text),
            department=st.none() | text,
            user_type=st.none() | text,
            guest=st.none() | st.booleans(),
        )
    ),
    tuples(st.builds(Group, text, text, text, few, certificate)),
    moment,
)
user = st.builds(User, text, text, text, text, few)
role = st.builds(Role, text, st.frozensets(st.builds(Permission, text, text), max_size=3), st.booleans())
reason = st.builds(Reason, text, text, text, text, st.none() | moment, text, st.booleans(), text, text, text)
whys = st.builds(Why, text, text, st.sampled_from(What)) | st.builds(
    why_of, text, st.sampled_from(What), st.lists(reason, min_size=1, max_size=3).map(tuple)
)
pairs = st.tuples(user, st.none() | user) | st.tuples(st.none(), role) | st.tuples(role, st.none() | role)
changes = st.builds(lambda pair, because: Change(pair[0], pair[1], because), pairs, tuples(whys))
scopes = st.builds(Scope, st.none() | few)
notes = st.builds(Note, text, text)
desired_states = st.builds(
    DesiredState,
    text,
    st.dictionaries(text, user, max_size=3),
    st.dictionaries(text, role, max_size=3),
    st.dictionaries(text, st.dictionaries(text, tuples(reason), max_size=3), max_size=3),
    st.dictionaries(text, text, max_size=3),
    st.dictionaries(text, text, max_size=3),
    tuples(notes),
)


def through_text(body: codec.Json) -> codec.Json:
    return codec.unpack(codec.pack(codec.dumps(body)))


@given(snapshots)
def test_snapshot(value: Snapshot) -> None:
    body, times = map(codec.loads, codec.snapshot_to(value))
    assert value == codec.timed(codec.untimed(body), times)


@given(changes)
def test_change(value: Change) -> None:
    before, after = (codec.thing_from(through_text(codec.thing_to(thing))) for thing in (value.before, value.after))
    found = codec.change_with(through_text(codec.because_to(value.because)), before, after)
    assert (value, value.because) == (found, found.because)
    assert [why.reasons for why in value.because] == [why.reasons for why in found.because]


@given(scopes)
def test_scope(value: Scope) -> None:
    assert value == codec.scope_from(through_text(codec.scope_to(value)))


@given(tuples(st.builds(Kept, text, text, text)), tuples(notes))
def test_what_is_kept_of_a_plan(kept: tuple[Kept, ...], noted: tuple[Note, ...]) -> None:
    found = codec.kept_from(through_text(codec.kept_to(kept))), codec.notes_from(through_text(codec.notes_to(noted)))
    assert (kept, noted) == found


@given(desired_states)
def test_desired_state(value: DesiredState) -> None:
    assert value == codec.desired_from(through_text(codec.desired_to(value)))


NOT_KEPT = {"undecided", "inactive", "frozen_for", "accounts", "exclusive", "modes"}
"""What a desired state says of the pass that made it, and of no later one."""


def filled(of: Any) -> Any:
    """Give a value with something in every field, and in every field of what is in it, that is not what it is without."""
    first, *_ = [*get_args(of), None]
    match get_origin(of) or of:
        case type() as kind if is_dataclass(kind):
            hints = get_type_hints(kind)
            return kind(
                **{field.name: filled(hints[field.name]) for field in fields(kind) if field.name not in NOT_KEPT}
            )
        case kind if kind in (tuple, frozenset, abc.Collection):
            return (tuple if kind is tuple else frozenset)(
                map(filled, [part for part in get_args(of) if part is not ...])
            )
        case abc.Mapping:
            return {"x": filled(get_args(of)[1])}
        case types.UnionType:
            return filled(first)
        case kind if kind is datetime:
            return NOW
        case kind if kind is bool:
            return True
        case kind if issubclass(kind, StrEnum):
            return list(kind)[-1]
        case kind:
            return kind(7)


WAYS: dict[Any, Callable[[Any], Any]] = {
    User: lambda user: codec.thing_from(through_text(codec.thing_to(user))),
    Role: lambda role: codec.thing_from(through_text(codec.thing_to(role))),
    Scope: lambda scope: codec.scope_from(through_text(codec.scope_to(scope))),
    Note: lambda note: codec.notes_from(through_text(codec.notes_to([note])))[0],
    Kept: lambda kept: codec.kept_from(through_text(codec.kept_to([kept])))[0],
    Doubt: lambda doubt: codec.doubts_from(through_text(codec.doubts_to([doubt])))[0],
    Reason: lambda reason: through_why(why_of("reader", What.GIVEN, (reason,))).reasons[0],
    DesiredState: lambda state: codec.desired_from(through_text(codec.desired_to(state))),
    Snapshot: lambda read: through_texts(*codec.snapshot_to(read)),
}


def through_why(why: Why) -> Why:
    return codec.because_from(through_text(codec.because_to([why])), tuple)[0]


def through_texts(body: str, times: str) -> Snapshot:
    return codec.timed(codec.untimed(codec.loads(body)), codec.loads(times))


@pytest.mark.parametrize("kept", WAYS, ids=lambda kept: str(kept.__name__))
def test_every_field_is_kept_also_one_that_takes_no_part_in_equality(kept: Any) -> None:
    value = filled(kept)

    assert repr(value) == repr(WAYS[kept](value)), "not compared by value: some fields take no part in equality"


def test_the_text_does_not_depend_on_the_order_of_sets_and_mappings() -> None:
    names = [str(n) for n in range(50)]
    users = {name: User(name, "", "", "", frozenset(names)) for name in names}
    one = DesiredState("prod", users, {}, {n: {} for n in names})
    other = replace(
        one,
        users={n: replace(users[n], roles=frozenset(reversed(names))) for n in reversed(names)},
        because={n: {} for n in reversed(names)},
    )
    assert codec.dumps(codec.desired_to(one)) == codec.dumps(codec.desired_to(other))
    reads = [snapshot(members=frozenset(members)) for members in (names, reversed(names))]
    assert 1 == len({codec.snapshot_to(read) for read in reads})


def test_equal_reads_at_different_times_differ_in_their_times_only() -> None:
    one, other = codec.snapshot_to(snapshot()), codec.snapshot_to(snapshot(taken_at=at(3), certified_at=at(2)))
    assert one[0] == other[0]
    assert one[1] != other[1]


@pytest.mark.parametrize(
    "other",
    [
        snapshot(members=frozenset({"2"})),
        replace(snapshot(), source="entra"),
        replace(snapshot(), identities=()),
        replace(
            snapshot(), groups=(Group("okta", "g1", "finance", frozenset("1"), Certificate(1, 1, None, NOW, False)),)
        ),
    ],
    ids=["members", "source", "identities", "certificate"],
)
def test_reads_that_differ_have_different_texts(other: Snapshot) -> None:
    assert codec.snapshot_to(snapshot())[0] != codec.snapshot_to(other)[0]


def test_a_record_of_a_newer_syncd_is_refused() -> None:
    newer = codec.doubts_to([]) | {"v": 2}
    with pytest.raises(StoreError, match="version 2, and this syncd reads version 1"):
        codec.doubts_from(newer)


def test_scopes_are_kept_and_old_ones_are_read() -> None:
    scopes = [Scope(), Scope.people([]), Scope.people(["Anna", "bob"]), Scope.of_dags(["b", "a"])]
    scopes += [Scope(None, frozenset({"a"})), Scope(frozenset({"anna"}), frozenset({"a"}))]
    assert scopes == [codec.scope_from(codec.loads(codec.dumps(codec.scope_to(scope)))) for scope in scopes]
    assert [Scope(), Scope.people(["anna"])] == [codec.scope_from(old) for old in (None, ["anna"])]


WRITTEN: dict[str, tuple[Callable[[Any], Any], Any]] = {
    "snapshot": (codec.untimed, codec.loads(codec.snapshot_to(snapshot())[0])),
    "times": (lambda times: codec.timed(snapshot(), times), codec.loads(codec.times_to(snapshot()))),
    "patch": (
        lambda patch: patched(snapshot(), patch),
        patch_to(snapshot(), replace(snapshot(), identities=())),
    ),
    "doubts": (codec.doubts_from, codec.doubts_to([Doubt("g1", "crew", NOW, "cut")])),
    "user": (codec.thing_from, codec.thing_to(User("a", "a@x", "A", "B", frozenset({"r"})))),
    "role": (codec.thing_from, codec.thing_to(Role("r", frozenset({Permission("can_read", "Pools")})))),
    "desired": (codec.desired_from, codec.desired_to(DesiredState("prod", {}, {}, {}, {}, {}, ()))),
}


@pytest.mark.finding("H-E16")
@pytest.mark.parametrize("what", WRITTEN)
def test_a_record_with_a_key_of_a_newer_syncd_is_a_sentence(what: str) -> None:
    read, written = WRITTEN[what]
    read(written)

    with pytest.raises(StoreError, match="written by a newer syncd; upgrade this one"):
        read(written | {"later": 1})


@pytest.mark.finding("H-E16")
@pytest.mark.parametrize("what", WRITTEN)
@pytest.mark.parametrize("v", [2, "1"])
def test_a_record_of_another_version_is_a_sentence(what: str, v: object) -> None:
    read, written = WRITTEN[what]

    with pytest.raises(StoreError, match="written by a newer syncd; upgrade this one"):
        read(written | {"v": v})


@pytest.mark.finding("H-E16")
@pytest.mark.parametrize(
    ("what", "keys"),
    [
        ("snapshot", ["v", "source", "identities", "groups"]),
        ("times", ["v", "taken_at", "moments", "groups"]),
        ("patch", ["v", "identities", "groups"]),
        ("doubts", ["v", "doubts"]),
        ("user", ["v", "user"]),
        ("role", ["v", "role"]),
        ("desired", ["v", "deployment", "users", "roles", "because", "reasons", "frozen", "frozen_users", "notes"]),
    ],
)
def test_a_record_that_lacks_something_is_a_sentence(what: str, keys: list[str]) -> None:
    read, written = WRITTEN[what]
    for missing in keys:
        with pytest.raises(StoreError, match="written by a newer syncd; upgrade this one"):
            read({key: value for key, value in written.items() if key != missing})


def _longer(body: Any) -> Any:
    """Add a field to every innermost list of a body."""
    if isinstance(body, dict):
        return {key: _longer(value) for key, value in body.items()}
    if isinstance(body, list) and any(isinstance(inner, list | dict) for inner in body):
        return [_longer(inner) for inner in body]
    return [*body, 1, 2] if isinstance(body, list) and body else body


@pytest.mark.finding("H-D4")
@pytest.mark.parametrize(
    ("permission", "body"),
    [
        (Permission("can_read", "DAG:a", "a"), ["can_read", "DAG:a"]),
        (Permission("can_create", "DAG Run:a", "a", "runs"), ["can_create", "DAG Run:a"]),
        (Permission("can_read", "Pools"), ["can_read", "Pools"]),
        (Permission("see", "pipeline/a", "a"), ["see", "pipeline/a", "a", ""]),
    ],
)
def test_a_permission_keeps_the_dag_that_it_is_on(permission: Permission, body: list[str]) -> None:
    """Of Airflow's the text has been enough since the first release, and stays as it was."""
    written = codec.thing_to(Role("r", frozenset({permission})))
    assert ["r", [body], False] == written["role"]
    role = codec.thing_from(through_text(written))
    assert isinstance(role, Role)
    assert [(permission.dag, permission.part)] == [(p.dag, p.part) for p in role.permissions]


@pytest.mark.finding("H-E16")
@pytest.mark.parametrize("what", ["snapshot", "times", "doubts", "role"])
def test_a_record_with_more_fields_is_a_sentence(what: str) -> None:
    read, written = WRITTEN[what]

    with pytest.raises(StoreError, match="written by a newer syncd; upgrade this one"):
        read(_longer(written))


@pytest.mark.finding("H-E16")
@pytest.mark.parametrize("body", [{"usernames": [], "dags": [], "later": 1}, {"usernames": []}, 3, "anna"])
def test_a_scope_of_another_shape_is_a_sentence(body: Any) -> None:
    with pytest.raises(StoreError, match="upgrade this one"):
        codec.scope_from(body)


@pytest.mark.finding("H-E16")
@pytest.mark.parametrize("text", ["", "{", "\x80"])
def test_what_is_no_json_is_a_sentence(text: str) -> None:
    with pytest.raises(StoreError, match="upgrade this one"):
        codec.loads(text)
    with pytest.raises(StoreError, match="upgrade this one"):
        codec.unpack(text.encode())


def test_a_reason_from_before_lines_had_an_owner_is_read_and_one_without_is_written_so() -> None:
    before = [["", "Op", "given", [["okta", "g1", "finance", "m.yaml:3", None, "audit", False]]]]

    [why] = codec.because_from(before, lambda: ())

    assert (Reason("okta", "g1", "finance", "m.yaml:3", None, "audit"),) == why.reasons
    assert before == codec.because_to([why])


@pytest.mark.parametrize("number", [[], ["007"]])
def test_of_people_who_were_written_before_their_attributes_were_read_these_are_not_known(number: list[str]) -> None:
    row = ["okta", "1", "ann", "a@x.org", "A", "B", True, *number]
    found = codec.identity_from(row)
    assert (None, None, None, "".join(number)) == (
        found.department,
        found.user_type,
        found.guest,
        found.employee_number,
    )
    assert row == codec.identity_to(found)
    told = codec.identity_from(codec.identity_to(Identity("okta", "1", "ann", "a@x.org", "A", "B")))
    assert ("", "", False) == (told.department, told.user_type, told.guest)
