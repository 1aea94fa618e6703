"""Accounts that no directory has: they get and lose roles by their names, and are never made, deleted or taken for a person."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from stages import NOW, People, Stage, made_for, planned, put, roles_of

from syncd.daemon.poll_followup import InForce, ends_of
from syncd.directory.narrow import DirectoryView
from syncd.mapping.parse import parse
from syncd.model import EVERYTHING, Scope, User, What
from syncd.reconcile import PassRequest, Report, World, apply, read_directory
from syncd.store import Stores
from syncd.targets.airflow.naming import NAMING
from syncd.targets.memory import MemoryTarget

LINE = "bindings:\n- {accounts: [svc-airflow], roles: [Viewer, Op], deployments: all, privileged: true%s}\n"
CREW = "- {group: people:crew, roles: [User], deployments: all}\n"
SVC = User("svc-airflow", "ops@example.com", "Svc", "Airflow", frozenset())


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with closing(Stores.open(f"sqlite:///{tmp_path / 'syncd.db'}")) as store:
        yield Stage(store, People({"crew": ["anna"]}), {"prod": MemoryTarget("prod")})


def by(stage: Stage, lines: str) -> World:
    rules = parse({"m.yaml": lines.encode()}, sources=frozenset({"people"}), namings=[NAMING])
    return replace(stage.world(), rules=rules)


def codes(report: Report) -> list[str]:
    return [note.code for note in planned(report).notes]


def test_an_account_gets_and_loses_roles_by_its_name_and_stays(stage: Stage) -> None:
    stage.deployment = replace(stage.deployment, delete_leavers=True)
    put(stage.prod, replace(SVC, roles=frozenset({"User"})))

    report = apply(by(stage, LINE % "" + CREW))
    assert ({"User", "Viewer", "Op"}, 0) == (roles_of(stage.prod, "svc-airflow"), report.exit_code())
    [row] = stage.store.queries.audit(user="svc-airflow", role="Op")
    assert "Op: account svc-airflow (m.yaml:2)" in map(str, row.change.because)

    apply(by(stage, "bindings:\n" + CREW))
    assert {"User"} == roles_of(stage.prod, "svc-airflow")
    [row] = stage.store.queries.audit(user="svc-airflow", role="Op", limit=1)
    assert {What.LINE_GONE} == {why.what for why in row.change.because}


def test_one_that_is_not_there_is_not_made(stage: Stage) -> None:
    report = apply(by(stage, LINE % "" + CREW))

    assert {"anna"} == set(stage.prod.users)
    assert ["account_missing"] == codes(report)
    assert 0 == report.exit_code()


@pytest.mark.parametrize("match_email", [False, True])
def test_one_that_is_not_there_is_no_account_of_a_person_either(stage: Stage, match_email: bool) -> None:
    stage.deployment = replace(stage.deployment, match_email=match_email)
    put(stage.prod, User("mia", NAMING.made_up_email("svc-airflow"), "Mia", "M", frozenset()))

    assert ["account_missing"] == codes(apply(by(stage, LINE % "")))
    assert set() == roles_of(stage.prod, "mia")


def test_what_syncd_made_once_is_not_deleted_while_a_line_names_it_anywhere(stage: Stage) -> None:
    stage.deployment = replace(stage.deployment, delete_leavers=True)
    stage.people.members = {"crew": ["svc-airflow"]}
    apply(by(stage, "bindings:\n" + CREW))
    stage.people.members = {"crew": []}

    apply(by(stage, LINE.replace("all", "{name: elsewhere}") % "" + CREW))
    assert set() == roles_of(stage.prod, "svc-airflow")

    apply(by(stage, "bindings:\n" + CREW))
    assert "svc-airflow" not in stage.prod.users


def test_the_name_of_a_person_is_nobodys(stage: Stage) -> None:
    put(stage.prod, SVC)
    apply(by(stage, LINE % ""))
    stage.people.members = {"crew": ["anna", "SVC-airflow"]}

    report = apply(by(stage, LINE % "" + CREW))

    assert {"Viewer", "Op"} == roles_of(stage.prod, "svc-airflow"), "neither given nor taken"
    assert ["username_clash"] == codes(report)
    assert {"User"} == roles_of(stage.prod, "anna")
    assert "people:SVC-airflow (id SVC-airflow)" in planned(report).notes[0].text


@pytest.mark.parametrize("scope", [EVERYTHING, Scope.people(["anna"]), Scope.people(["anna", "anna.s"])])
def test_one_that_was_made_for_somebody_who_has_another_login_now_is_not_taken_over(stage: Stage, scope: Scope) -> None:
    """Anna keeps the account that was made for her; it is no account that no directory has."""
    stage.people.logins = {"1": "anna", "2": "bob"}
    stage.people.members = {"crew": ["1", "2"]}
    apply(by(stage, "bindings:\n" + CREW))
    stage.people.logins["1"] = "anna.s"
    world = by(stage, LINE.replace("svc-airflow", "anna") % "" + CREW)

    report = made_for(stage, PassRequest(scope, "people"), world=world)

    assert {"anna", "bob"} == set(stage.prod.users)
    assert {"User"} == roles_of(stage.prod, "anna")
    assert report.plan is not None
    assert ["account_kept", "username_clash"] == sorted(note.code for note in report.plan.notes)


def test_what_was_made_for_somebody_who_is_gone_is_given_what_a_line_gives_it(stage: Stage) -> None:
    stage.people.members = {"crew": ["svc-airflow", "bob"]}
    apply(by(stage, "bindings:\n" + CREW))
    stage.people.members = {"crew": ["bob"]}

    apply(by(stage, LINE % "" + CREW))

    assert {"Viewer", "Op"} == roles_of(stage.prod, "svc-airflow")


def test_one_that_is_protected_is_left_alone(stage: Stage) -> None:
    stage.deployment = replace(stage.deployment, protected=frozenset({"svc-airflow"}))
    put(stage.prod, SVC)

    assert ["user_protected"] == codes(apply(by(stage, LINE % "")))
    assert set() == roles_of(stage.prod, "svc-airflow")


def test_the_account_that_syncd_runs_as_is_left_alone_and_that_is_told(stage: Stage) -> None:
    put(stage.prod, replace(SVC, roles=frozenset({"Admin"})))
    stage.prod.runs_as = "SVC-airflow"

    [note] = planned(apply(by(stage, LINE % "" + CREW))).notes

    assert ("user_protected", {"Admin"}) == (note.code, roles_of(stage.prod, "svc-airflow"))
    assert '"svc-airflow" gets nothing by mapping lines: syncd runs as it here, and leaves it alone' == note.text


def test_a_pass_over_a_few_people_does_with_it_what_one_over_everything_does(stage: Stage) -> None:
    put(stage.prod, SVC)
    world = by(stage, LINE % "" + CREW)

    assert () == made_for(stage, PassRequest(Scope.people(["anna"]), "people"), world=world).plan.notes  # type: ignore[union-attr]
    assert set() == roles_of(stage.prod, "svc-airflow")
    made_for(stage, PassRequest(Scope.people(["svc-airflow"]), "people"), world=world)
    assert {"Viewer", "Op"} == roles_of(stage.prod, "svc-airflow")
    assert () == made_for(stage, PassRequest(EVERYTHING, "sweep"), world=world).outcomes


def test_its_end_is_seen_on_the_clock(stage: Stage) -> None:
    world, end = by(stage, LINE % ", until: 2026-03-02"), NOW + timedelta(days=2)
    basis = InForce(world.rules, [target.deployment for target in world.targets])

    [(name, item)] = ends_of(DirectoryView(read_directory(world)), basis, since=NOW, now=end).work.puts

    assert ("prod", "LOSS", frozenset({"svc-airflow"})) == (name, item.urgency.name, item.scope.usernames)
