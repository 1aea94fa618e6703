"""What a group name in a mapping means: the group that it first meant, whatever is called so later."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mapping_world import ANN, BOB, compiled, directory, group

from syncd.directory.group_names import new_names
from syncd.mapping.parse import parse
from syncd.model import DesiredState, Directory, Group
from syncd.targets.airflow.naming import NAMING

MAPPING = "bindings:\n  - {group: people:finance, roles: [Viewer], deployments: all}\n"
RULES = parse({"m.yaml": MAPPING.encode()}, namings=[NAMING]).bindings
FINANCE = group("finance", "ann", identifier="g1")


def known(*groups: Group, means: str | None = "g1") -> Directory:
    """Give a directory in which the name `finance` is known to mean a group."""
    return replace(directory((ANN, BOB), *groups), names={("people", "finance"): means} if means else {})


def outcome(desired: DesiredState) -> tuple[set[str], set[str], list[str]]:
    """Give who holds something, which roles nobody may lose, and the notes."""
    return set(desired.users), set(desired.frozen), [note.code for note in desired.notes]


@pytest.mark.parametrize(
    ("groups", "means", "expected"),
    [
        ((FINANCE,), None, ({"ann"}, set(), [])),
        ((FINANCE,), "g1", ({"ann"}, set(), [])),
        ((replace(FINANCE, name="treasury"),), "g1", ({"ann"}, set(), ["group_renamed"])),
        (
            (replace(FINANCE, name="treasury"), group("finance", "bob", identifier="g2")),
            "g1",
            ({"ann"}, set(), ["group_renamed"]),
        ),
        ((group("finance", "bob", identifier="g2"),), "g1", (set(), {"Viewer"}, ["group_recreated"])),
        ((group("other", "bob", identifier="g2"),), "g1", (set(), {"Viewer"}, ["group_missing"])),
        ((replace(FINANCE, name="treasury"),), None, (set(), {"Viewer"}, ["group_missing"])),
    ],
)
def test_what_a_name_means(
    groups: tuple[Group, ...], means: str | None, expected: tuple[set[str], set[str], list[str]]
) -> None:
    assert expected == outcome(compiled(MAPPING, known(*groups, means=means)))


@pytest.mark.finding("H-E3")
@pytest.mark.parametrize(
    ("remembered", "expected"),
    [
        ("g1", ({"ann"}, set(), ["group_name_shared"])),
        ("g2", ({"bob"}, set(), ["group_name_shared"])),
        ("g0", (set(), {"Viewer"}, ["group_recreated"])),
        (None, (set(), {"Viewer"}, ["group_name_shared"])),
    ],
)
def test_a_second_group_of_the_name_changes_nothing_for_others(
    remembered: str | None, expected: tuple[set[str], set[str], list[str]]
) -> None:
    both = known(FINANCE, group("finance", "bob", identifier="g2"), means=remembered)
    desired = compiled(MAPPING, both)
    assert expected == outcome(desired)
    if remembered != "g0":
        assert "g1" in desired.notes[0].text
        assert "g2" in desired.notes[0].text


def test_the_notes_say_which_ids_and_what_to_write() -> None:
    [note] = compiled(MAPPING, known(group("finance", "bob", identifier="g2"))).notes
    assert "people:finance meant the group g1, which is gone; g2 has the name now" in note.text
    assert "write {source: people, id: g2, name: finance}" in note.text
    assert 'syncd accept-group people "finance"' in note.text
    [note] = compiled(MAPPING, known(replace(FINANCE, name="new"), group("finance", "bob", identifier="g2"))).notes
    assert '"new", not "finance" (what is called so now is another group, g2, and gives nothing)' in note.text


@pytest.mark.parametrize(
    ("groups", "means", "expected"),
    [
        ((FINANCE,), None, {("people", "finance"): "g1"}),
        ((FINANCE,), "g0", {}),
        ((replace(FINANCE, name="other"),), None, {}),
        ((FINANCE, group("finance", identifier="g2")), None, {}),
        ((group("finance", "ann", complete=False),), None, {}),
    ],
)
def test_a_name_is_remembered_once_and_only_from_a_whole_read(
    groups: tuple[Group, ...], means: str | None, expected: dict[tuple[str, str], str]
) -> None:
    assert expected == new_names(RULES, known(*groups, means=means))


def test_a_rule_that_names_an_id_needs_no_memory() -> None:
    rules = parse(
        {"m.yaml": MAPPING.replace("people:finance", "{source: people, id: g1, name: finance}").encode()},
        namings=[NAMING],
    )
    assert {} == new_names(rules.bindings, known(FINANCE, means=None))


@given(
    names=st.dictionaries(st.sampled_from(["g1", "g2", "g3"]), st.sampled_from(["finance", "other"])),
    complete=st.booleans(),
)
def test_a_group_that_is_not_the_remembered_one_gives_nothing(*, names: dict[str, str], complete: bool) -> None:
    groups = (
        group(name, "ann" if id_ == "g1" else "bob", identifier=id_, complete=complete) for id_, name in names.items()
    )
    desired = compiled(MAPPING, known(*groups))
    assert "bob" not in desired.users
    assert ("g1" in names) == ("ann" in desired.users)
