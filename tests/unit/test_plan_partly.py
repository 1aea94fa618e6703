"""What is done for people while DAGs or roles cannot be listed: who leaves loses all the same, and who joins waits."""

from __future__ import annotations

from dataclasses import replace

import pytest
from plan_world import person, role, wanted

from syncd.model import Change, Note, Owned, Plan, Scope
from syncd.plan.partly import who_loses, without_new


def test_who_holds_by_us_what_no_line_gives_them_loses() -> None:
    """Ann is given all that she holds, Bob less, and Cid nothing at all; Dan holds nothing by us."""
    desired = wanted(person("Ann", "fin", "new"), person("bob", "fin"), person("dan", "fin"))
    grants = {"ann": "fin", "bob": "fin ops", "cid": "fin", "dan": ""}
    owned = Owned(grants={name: frozenset(roles.split()) for name, roles in grants.items()})
    assert {"bob", "cid"} == who_loses(desired, owned)


FIN, SMALLER = role("fin", "a", "b"), role("fin", "a")


@pytest.mark.parametrize(
    ("change", "then"),
    [
        pytest.param(Change(None, person("ann", "fin")), None, id="who joins waits"),
        pytest.param(Change(person("ann"), person("ann", "new")), None, id="so does who is given a role that is not there"),
        pytest.param(
            Change(person("ann"), person("ann", "fin", "Viewer")),
            Change(person("ann"), person("ann", "fin", "Viewer")),
            id="a role of ours and one that is built in are there",
        ),
        pytest.param(
            Change(person("ann", "ops"), person("ann", "new", "fin")),
            Change(person("ann", "ops"), person("ann", "fin")),
            id="who moves loses the one, and is given the other once it is there",
        ),
        pytest.param(
            Change(person("ann", "strange", "fin"), person("ann", "strange")),
            Change(person("ann", "strange", "fin"), person("ann", "strange")),
            id="what they hold by another hand stays",
        ),
        pytest.param(Change(person("ann", "fin"), None), Change(person("ann", "fin"), None), id="an account goes"),
        pytest.param(Change(FIN, SMALLER), Change(FIN, SMALLER), id="a role that changes is left to those who know it"),
    ],
)  # fmt: skip
def test_what_waits_for_the_roles_is_left_out_of_the_plan(change: Change, then: Change | None) -> None:
    """Every other change stays, in its order, and so does what the plan says beside."""
    first, last = Change(person("zoe", "fin"), person("zoe")), Change(person("yan", "fin"), None)
    plan = Plan("prod", Scope.people(["ann"]), (first, change, last), notes=(Note("frozen", "a note"),))
    found = without_new(plan, Owned(roles=frozenset({"fin"})), built_in=frozenset({"Viewer"}))
    assert replace(plan, changes=(first, *([then] if then else []), last)) == found
