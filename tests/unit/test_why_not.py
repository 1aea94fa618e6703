"""What is proposed to somebody who lacks something, and in which order."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from mapping_world import DAGS, DIALECT, NOW, PROD, directory, group, permissions, person

from syncd.access.edits import Ground
from syncd.access.known import KnownDeployment, Noted
from syncd.access.why_not import Goal, Wish, why_not
from syncd.mapping.parse import parse
from syncd.model import EVERYONE, LastSeen, Learned, Level, Owned, Role
from syncd.targets.airflow.naming import NAMING

ON_DAGS = permissions("can_read on DAG:fin_daily", "can_read on DAG Runs", "can_read on Website")
THERE = {
    "Admin": Role("Admin", ON_DAGS | permissions("can_read on Pools", "can_read on Variables")),
    "Op": Role("Op", ON_DAGS | permissions("can_read on Pools")),
    "User": Role("User", ON_DAGS),
    "hers": Role("hers", permissions("can_read on Pools")),
}
FOUR = """\
bindings:
  - {group: people:admins, roles: [Admin], deployments: all}
  - {group: people:ops, roles: [Op], deployments: all}
  - {group: people:users, roles: [User], deployments: all}
"""


def proposed(goal: Goal, *, mapping: str, groups: Mapping[str, list[str]]) -> list[list[str]]:
    seen = LastSeen("prod", Learned("{}"), {}, THERE, DAGS, NOW, NOW, NOW, "syncd")
    known = KnownDeployment(PROD, True, Noted(seen, Owned(frozenset(), frozenset(), {})), DIALECT)
    everybody = group(EVERYONE, "ann", "bob", identifier=EVERYONE)
    people = directory([person("ann"), person("bob")], everybody, *(group(name, *who) for name, who in groups.items()))
    wish = Wish((("people", "ann"),), goal, known, NOW)
    found = why_not(wish, Ground(parse({"m.yaml": mapping.encode()}, namings=[NAMING]), people))
    return [[str(edit) for edit in edits] for edits in found]


def test_of_several_groups_those_come_first_whose_role_holds_least() -> None:
    groups: Mapping[str, list[str]] = {"admins": [], "ops": [], "users": []}

    found = proposed(Goal(dag="fin_daily", level=Level.VIEW), mapping=FOUR, groups=groups)

    assert [[f"put them into the group people:{name}"] for name in ("users", "ops", "admins")] == found


@pytest.mark.parametrize(("role", "can_be_bound"), [("hers", False), ("Op", True), ("nope", False)])
def test_only_what_a_mapping_file_can_bind_is_proposed(role: str, can_be_bound: bool) -> None:
    found = proposed(Goal(role), mapping="bindings: []", groups={"team": ["ann"]})

    assert can_be_bound is bool(found)


def test_no_line_is_proposed_for_everybody() -> None:
    assert [] == proposed(Goal("Op"), mapping="bindings: []", groups={})
