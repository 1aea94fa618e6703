"""Whom a change of lines can concern: so few of a fleet that comparing it costs what the change is about."""

from __future__ import annotations

from dataclasses import replace

import pytest
from mapping_world import DAGS, DIALECT, NOW, PROD, directory, group, person

from syncd.access.changed_lines import changed_lines
from syncd.access.compare import RulesComparison
from syncd.access.concerned import concerned, cut_down
from syncd.access.known import KnownDeployment, Noted
from syncd.directory.narrow import DirectoryView
from syncd.mapping.parse import parse
from syncd.model import Directory, LastSeen, Learned, MadeAccount, Owned, Role, Rules, User
from syncd.targets.airflow.naming import NAMING

PEOPLE = [person(f"p{n:02}") for n in range(40)]
LINES = """\
roles: {{reader: {{dags: [{{level: {level}, tag: finance}}]}}}}
bindings:
  - {{group: people:many, roles: [Viewer], deployments: all}}
  - {{group: people:few, roles: [{few}], deployments: all}}
  - {{group: people:others, roles: [reader], deployments: {{env: test}}}}
"""


def rules(few: str, level: str = "view") -> Rules:
    return parse({"m.yaml": LINES.format(few=few, level=level).encode()}, namings=[NAMING])


def people(*, complete: bool = True) -> Directory:
    ids = [one.id for one in PEOPLE]
    return directory(PEOPLE, group("many", *ids, complete=complete), group("few", "p01", "p02"), group("others", "p03"))


def known(*made: MadeAccount, **roles: str) -> KnownDeployment:
    users = {one.id: User(one.id, one.email, "G", "F", frozenset({"Viewer"})) for one in PEOPLE}
    users |= {name: User(name, f"{name}@corp.example", "G", "F", frozenset({role})) for name, role in roles.items()}
    seen = LastSeen("prod", Learned("{}"), users, {}, DAGS, NOW, NOW, NOW, "syncd")
    return KnownDeployment(PROD, True, Noted(seen, Owned(grants={"p03": frozenset({"Viewer"})}), made), DIALECT)


def whom(old: Rules, new: Rules, this: KnownDeployment) -> tuple[list[str], list[str]]:
    """Name the people and the accounts that a change concerns."""
    assert this.seen is not None
    lines = changed_lines(old, new).here(this.deployment, NOW)
    found = concerned(lines, [DirectoryView(people())], this, this.seen)
    return sorted(id_ for _, id_ in found.people), sorted(found.accounts)


def test_a_changed_line_concerns_whoever_is_in_its_group() -> None:
    assert (["p01", "p02"], ["p01", "p02"]) == whom(rules("Viewer"), rules("Op"), known())


def test_a_role_that_changes_concerns_whoever_is_given_it_or_holds_it_by_another_hand() -> None:
    old, new = rules("reader"), rules("reader", "edit")
    assert (["p01", "p02"], ["eve", "p01", "p02"]) == whom(old, new, known(eve="reader"))


def test_an_account_that_was_made_for_somebody_concerns_whoever_would_have_its_name_now() -> None:
    made = MadeAccount("p07", ("people", "p01"), "p07@corp.example")
    assert (["p01", "p02", "p07"], ["p01", "p02", "p07"]) == whom(rules("Viewer"), rules("Op"), known(made))


def test_lines_for_other_deployments_concern_nobody() -> None:
    assert not changed_lines(rules("Viewer"), rules("Viewer", "edit")).here(PROD, NOW)
    assert changed_lines(rules("Viewer"), rules("Viewer", "edit")).here(replace(PROD, labels={"env": "test"}), NOW)


def test_a_deployment_is_cut_down_to_whom_it_concerns() -> None:
    this = known()
    assert this.seen is not None
    lines = changed_lines(rules("Viewer"), rules("Op")).here(PROD, NOW)
    few = cut_down(this, this.seen, concerned(lines, [DirectoryView(people())], this, this.seen))
    assert few.seen is not None
    assert ["p01", "p02"] == sorted(few.seen.users)
    assert {} == few.noted.owned.grants


def test_of_a_group_in_doubt_everybody_is_looked_at() -> None:
    """A doubt about one person can keep a role for all; what is told of others is the sign that they were looked at."""
    told = [
        RulesComparison(rules("Viewer"), rules("Op"), DirectoryView(people(complete=complete)), NOW).on(
            known(eve="hers")
        )
        for complete in (True, False)
    ]
    assert [False, True] == [any("many" in note.text for note in one.plan.notes) for one in told if one]


@pytest.mark.finding("N-641")
def test_a_role_that_no_line_binds_ends_where_its_mode_lets_it_now() -> None:
    """It was not told: only roles that a line names were compared."""
    old, new = (
        parse(
            {"m.yaml": f"roles: {{hers: {{mode: {mode}, permissions: [can_read on Pools]}}}}\nbindings: []\n".encode()},
            namings=[NAMING],
        )
        for mode in ("add-only", "full")
    )
    this = known()
    assert this.seen is not None
    seen = replace(this.seen, roles={"hers": Role("hers", frozenset())})
    this = replace(this, noted=Noted(seen, Owned(roles=frozenset({"hers"}))))
    found = RulesComparison(old, new, DirectoryView(people()), NOW).on(this)
    assert found is not None
    assert ["hers"] == [change.name for change in found.plan.changes if change.after is None]
