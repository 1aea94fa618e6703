"""What `adopt` says where it can say nothing better: each with the smallest server that has it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from mapping_world import ANN, BOB, CID, DAGS, DIALECT, NOW, directory, group, permissions

from syncd.mapping.adopt import Adopted, adopt
from syncd.mapping.adopt_code import told_contested
from syncd.mapping.adopt_dags import LiveDeployment
from syncd.mapping.adopt_text import mapping_text
from syncd.model import At, Deployment, InCode, Loss, ObservedState, Permission, Role, User
from syncd.targets.airflow.naming import NAMING, permission

READS = DIALECT.every_role | permissions("can_read on DAG:fin_daily")
PROD = Deployment("prod", naming=NAMING)


def live(*people: User, deployment: Deployment = PROD, **roles: frozenset[Permission]) -> LiveDeployment:
    there = {name: Role(name, held) for name, held in roles.items()}
    users = {user.username: user for user in people}
    return LiveDeployment(deployment, ObservedState("prod", users, there), DAGS, DIALECT)


def holds(name: str, *roles: str, email: str = "") -> User:
    return User(name, email or f"{name}@corp.example", "G", "F", frozenset(roles))


def adopted(server: LiveDeployment) -> Adopted:
    everybody = group("*", "ann", "bob", "cid", identifier="*")
    return adopt([server], directory([ANN, BOB, CID], group("finance", "ann", "bob", "cid"), everybody), now=NOW)


def written(found: Adopted) -> str:
    return mapping_text(found, [PROD], until=date(2027, 1, 1), said="x")


def test_an_account_is_known_by_its_e_mail_where_that_is_matched() -> None:
    server = live(holds("a.nn", "ops", email="ann@corp.example"), ops=READS)
    by_email = replace(server, deployment=replace(PROD, match_email=True))
    assert 'accounts: ["a.nn"]' in written(adopted(server))
    assert "people: [{source: people, id: ann" in written(adopted(by_email))


def test_a_role_that_holds_what_every_role_has_is_written_with_that() -> None:
    found = adopted(live(holds("ann", "bare"), bare=DIALECT.every_role))
    assert {"can_read on Website"} == {str(p) for p, _ in found.roles["bare"].permissions}


def test_a_role_that_would_be_a_pattern_in_a_file_is_left() -> None:
    ops = live(holds("ann", "{team}"))
    there = replace(ops.observed, roles={"{team}": Role("{team}", READS)})
    found = adopted(replace(ops, observed=there))
    (said,) = found.left
    assert "{team} in its name would make it a role for each group of a pattern; rename it on the server" in said


def test_a_group_whose_id_is_its_name_is_written_as_one_word() -> None:
    known = directory([ANN, BOB], group("fin", "ann", "bob", identifier="fin"))
    server = live(holds("ann", "ops"), holds("bob", "ops"), ops=READS)
    assert 'group: "people:fin"' in written(adopt([server], known, now=NOW)).replace("people:fin,", '"people:fin",')


def test_of_who_holds_something_by_no_line_the_nearest_group_is_named() -> None:
    """Both may be meant by one account, so no line can name either."""
    server = live(
        holds("ann", "ops"),
        holds("a.nn", "ops", email="ann@corp.example"),
        ops=READS,
        deployment=replace(PROD, match_email=True),
    )
    (said,) = adopted(server).left
    assert "by no line, and it is left as it is; " in said


def test_what_code_that_was_seen_does_is_told_with_the_code_alone() -> None:
    lost = Loss("ops", permission("can_edit", "DAG:fin_daily"), 1, NOW)
    code = InCode(At("dags/x.py", 7), "fin_daily", {}, "")
    server = live(ops=READS)
    assert [] == list(told_contested(server, [lost], [], [code]))
    assert 1 == len(list(told_contested(server, [lost], [], [])))
