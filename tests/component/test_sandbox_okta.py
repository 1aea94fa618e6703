"""The Okta to try with, whose groups are in a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from syncd.sandbox.okta import Org
from syncd.sandbox.okta.__main__ import GroupsFile


def members(org: Org) -> dict[str, set[str]]:
    return {
        team.name: {str(org.people[id_].profile["login"]) for id_ in team.members}
        for team in org.teams.values()
        if team.name != "Everyone"
    }


def test_the_org_is_as_the_file_says(tmp_path: Path) -> None:
    file, org = tmp_path / "groups.toml", Org()
    groups = GroupsFile(file, org)
    for text, wanted in (
        (
            'one = ["anna@x.example", "bob@x.example"]\ntwo = ["anna@x.example"]',
            {"one": {"anna", "bob"}, "two": {"anna"}},
        ),
        ('one = ["anna@x.example"]\nthree = []', {"one": {"anna"}, "three": set()}),
        ('one = ["carla@x.example", "bob@x.example"]', {"one": {"carla", "bob"}}),
    ):
        file.write_text(text)
        groups.apply(groups.read())
        assert {n: {f"{who}@x.example" for who in names} for n, names in wanted.items()} == members(org)
    assert 3 == len(org.people), "who comes back is the same person, and who left is still a person"
    assert org.people.keys() == org.teams[org.everyone].members, "every Okta has a group of everybody"


@pytest.mark.parametrize("text", ["one = 1", "one = [1]", "one", "[one]\na = []"])
def test_what_is_no_such_file_is_said(tmp_path: Path, text: str) -> None:
    (tmp_path / "groups.toml").write_text(text)
    with pytest.raises(ValueError, match=r"one = \[|Expected|Invalid"):
        GroupsFile(tmp_path / "groups.toml", Org()).read()
