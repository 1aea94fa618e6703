"""Which roles a pass over a few people may give: those that hold no more than the mapping says, by the last look at all."""

from __future__ import annotations

from dataclasses import replace

import pytest
from plan_world import person, role, there

from syncd.model import EVERYTHING, At, Base, Change, DagSelector, Level, Plan, RoleDefinition
from syncd.plan.sound import WAITS, meaning, sound, unseen
from syncd.targets.airflow.naming import permission

AT = At("m.yaml", 3)
POOLS, VIEW = (permission("can_read", "Pools"), AT), DagSelector(Level.VIEW, AT, tags=("finance",))


def defined(name: str, *dags: DagSelector, permissions: tuple[object, ...] = (POOLS,)) -> RoleDefinition:
    return RoleDefinition(name, "", dags or (VIEW,), permissions, AT)  # type: ignore[arg-type]


FIN = defined("fin")


@pytest.mark.parametrize(
    "other",
    [
        defined("fin", replace(VIEW, level=Level.EDIT)),
        defined("fin", replace(VIEW, tags=("finance", "daily"))),
        defined("fin", replace(VIEW, tags=(), ids=("finance",))),
        defined("fin", replace(VIEW, tags=(), owners=("finance",))),
        defined("fin", VIEW, replace(VIEW, level=Level.EDIT)),
        defined("fin", permissions=()),
        defined("fin", permissions=((permission("can_edit", "Pools"), AT),)),
        defined("fin", permissions=((permission("can_read", "Variables"), AT),)),
        defined("fin", replace(VIEW, all_tags=("pii",))),
        defined("fin", replace(VIEW, all_owners=("pii",))),
        defined("fin", replace(VIEW, bundles=("pii",))),
        defined("fin", replace(VIEW, paths=("pii",))),
        defined("fin", replace(VIEW, but=(replace(VIEW, tags=("pii",)),))),
        defined("fin", replace(VIEW, also=("delete_dag",))),
        replace(defined("fin"), bases=(Base("User", AT),)),
    ],
    ids=(
        *("level", "tags", "ids", "owners", "one more", "no permission", "action", "resource"),
        *("all tags", "all owners", "bundles", "paths", "left out", "also", "a base"),
    ),
)
def test_whatever_a_definition_says_is_what_it_means(other: RoleDefinition) -> None:
    assert meaning(FIN) != meaning(other)


def test_a_base_without_something_is_another_one() -> None:
    whole, less = (replace(FIN, bases=(Base("User", AT, without),)) for without in (False, True))

    assert meaning(whole) != meaning(less)


def test_where_and_in_which_order_it_is_said_makes_no_difference() -> None:
    there_, edit = At("other.yaml", 9), replace(VIEW, level=Level.EDIT)
    moved = defined("finance", replace(VIEW, at=there_), permissions=((POOLS[0], there_), POOLS))
    assert meaning(FIN) == meaning(moved)
    assert meaning(defined("fin", VIEW, edit)) == meaning(defined("fin", edit, VIEW))


def test_what_a_role_meant_is_kept_as_it_was_by_every_release() -> None:
    """Another hash would let everybody who joins wait for the next pass over everything."""
    assert "642597162aee6847" == meaning(FIN)


def test_a_role_is_sound_that_was_found_and_holds_no_more_than_it_means() -> None:
    """What only lacks something is sound. Nor does it matter what people lose who bear the name of a role."""
    held = role("fin", "a"), role("more", "a", "b"), role("less", "a"), role("strange", "a")
    changes = (
        Change(role("more", "a", "b"), role("more", "a")),
        Change(role("less"), role("less", "a")),
        Change(person("fin", "Op"), person("fin")),
        Change(None, role("new", "a")),
    )
    roles = {name: defined(name) for name in ("fin", "more", "less", "new")}
    found = sound(roles, there(roles=held), Plan("prod", EVERYTHING, changes))
    assert {"fin": meaning(FIN), "less": meaning(FIN)} == found


KNOWN = {"fin": meaning(FIN), "ops": meaning(FIN), "gone": meaning(FIN)}
ROLES = {name: defined(name) for name in ("fin", "ops", "new")} | {
    "moved": defined("moved", replace(VIEW, level=Level.EDIT))
}


@pytest.mark.parametrize(
    ("change", "waits"),
    [
        pytest.param(Change(person("ann"), person("ann", "fin")), "", id="it was looked at"),
        pytest.param(Change(None, person("ann", "fin", "ops")), "", id="so were both"),
        pytest.param(Change(person("ann"), person("ann", "Viewer")), "", id="a built-in role"),
        pytest.param(Change(person("ann", "new"), person("ann", "new", "fin")), "", id="what they have is not given"),
        pytest.param(Change(person("ann", "new"), person("ann")), "", id="nor what they lose"),
        pytest.param(Change(person("ann"), person("ann", "new")), "new", id="it was not looked at"),
        pytest.param(Change(person("ann"), person("ann", "moved")), "moved", id="it means something else now"),
        pytest.param(Change(person("ann"), person("ann", "gone")), "gone", id="no file defines it any more"),
        pytest.param(Change(None, person("ann", "new", "fin", "moved")), "moved, new", id="two of three"),
        pytest.param(Change(person("ann", "new"), None), "", id="who goes waits for nothing"),
        pytest.param(Change(None, role("new", "a")), "", id="nor does a role itself"),
    ],
)
def test_who_is_given_a_role_that_may_hold_more_waits_for_the_pass_over_everything(change: Change, waits: str) -> None:
    known = KNOWN | {"moved": meaning(FIN)}
    assert (f"{waits}: {WAITS}" if waits else "") == unseen(change, ROLES, known, built_in=frozenset({"Viewer"}))
