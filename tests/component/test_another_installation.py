"""Two installations on one deployment notice each other within a few passes, say so and give way; nothing else looks like it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import stages
from stages import DAGS, People, Stage, put, roles_of

from syncd.mapping.parse import parse
from syncd.model import Note, Role, User
from syncd.plan.another import WINDOW, YIELD_AFTER, Sign
from syncd.reconcile import DeploymentReport, World
from syncd.store import Stores
from syncd.targets.airflow.naming import NAMING, permission
from syncd.targets.memory import MemoryTarget

MORE = b"roles:\n  finance: {dags: [{level: view, tag: finance}], permissions: [can_read on Pools]}\n"
LESS = b"roles:\n  finance: {dags: [{level: view, tag: finance}], permissions: [can_read on Variables]}\n"
REST = b"bindings:\n  - {group: people:finance, roles: [finance, Viewer], deployments: all}\n"


class Site(Stage):
    """An installation of its own, with its own mapping."""

    mapping: bytes = stages.MAPPING

    def world(self) -> World:
        rules = parse({"mappings/finance.yaml": self.mapping}, sources=frozenset({"people"}), namings=[NAMING])
        return replace(super().world(), rules=rules)


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Site]:
    with closing(Stores.open(f"sqlite:///{tmp_path / 'here.db'}")) as store:
        site = Site(store, People({"finance": ["anna", "bob", "carol"]}), {"prod": MemoryTarget("prod", dags=DAGS)})
        site.apply()
        yield site


@pytest.fixture
def copy(here: Site, tmp_path: Path) -> Iterator[Site]:
    """An installation that was begun from a copy of the database of the other, and has the same people and server."""
    with closing(sqlite3.connect(tmp_path / "here.db")) as old, closing(sqlite3.connect(tmp_path / "there.db")) as new:
        old.backup(new)
    with closing(Stores.open(f"sqlite:///{tmp_path / 'there.db'}")) as store:
        yield Site(store, here.people, here.targets)


def sweep(site: Stage, minutes: float = 15) -> DeploymentReport:
    site.now += timedelta(minutes=minutes)
    return site.apply().deployments[0]


def told(report: DeploymentReport) -> list[str]:
    assert report.plan is not None
    return [note.text for note in report.plan.notes if note.code == "another_installation"]


def join(site: Stage, *names: str) -> None:
    site.people.members = {"finance": [*site.people.members["finance"], *names]}


def test_a_copy_that_runs_beside_the_original_is_noticed_by_it(here: Site, copy: Site) -> None:
    join(here, "dora", "eve")
    assert [] == told(sweep(copy)) + told(sweep(here)), "once may be chance"
    join(here, "fred")
    sweep(copy)

    [said] = told(sweep(here))

    assert said.startswith(
        "another installation of syncd seems to work on it too, with the same mapping lines, as a copy of this"
    )
    assert (
        "3 people had all that lines newly gave them before this one gave it, the last of them fred (in 2 looks" in said
    )
    assert [] == told(sweep(copy)), "what it did first is nothing that anybody did before it"


def test_and_the_other_way_round(here: Site, copy: Site) -> None:
    for names in (["dora"], ["eve"], ["fred"]):
        join(here, *names)
        sweep(here)
        report = sweep(copy)
    assert 1 == len(told(report))


def test_two_with_other_lines_stop_fighting_and_say_so(here: Site, copy: Site) -> None:
    here.mapping, copy.mapping = MORE + REST, LESS + REST
    sweep(here)
    for _ in range(4):
        theirs, ours = sweep(copy), sweep(here)
    assert (1, 1) == (len(told(theirs)), len(told(ours)))
    [said] = told(ours)
    assert said.startswith(
        "another installation of syncd with other mapping lines, or another tool, seems to work on it too"
    )
    assert (
        "it took can_read on Pools of role finance and gave can_read on Variables of role finance (in 2 looks" in said
    )
    assert ((), ()) == (theirs.outcomes, ours.outcomes), "neither undoes what the other did"


def test_what_it_takes_from_people_is_left_after_two_rounds(here: Site) -> None:
    for _ in range(YIELD_AFTER + 1):
        for name in ("anna", "bob", "carol"):
            here.prod.users[name] = replace(here.prod.users[name], roles=frozenset({"Viewer"}))
        report = sweep(here)
    assert 1 == len(told(report))
    assert {"Viewer"} == roles_of(here.prod, "anna")
    assert () == report.outcomes


def test_it_is_over_after_a_week_of_peace(here: Site, copy: Site) -> None:
    for name in ("dora", "eve", "fred"):
        join(here, name)
        sweep(copy)
        sweep(here)
    assert 1 == len(told(sweep(here, minutes=60)))

    assert [] == told(sweep(here, minutes=WINDOW / timedelta(minutes=1)))


def test_replicas_with_one_database_never_look_so(here: Site) -> None:
    replica = Site(here.store, here.people, here.targets)
    for name in ("dora", "eve", "fred", "gil"):
        join(here, name)
        sweep(replica)
        replica.now = here.now = max(here.now, replica.now)
        assert [] == told(sweep(here))
    assert () == here.store.memory.signs("prod")


def test_a_login_that_brings_people_along_does_not_look_so(here: Site) -> None:
    """It gives them a role of Airflow's own, or one of ours and its own."""
    for name, roles in (
        ("dora", {"Viewer"}),
        ("eve", {"Public", "finance"}),
        ("fred", {"Viewer"}),
        ("gil", {"finance"}),
    ):
        join(here, name)
        put(here.prod, User(name, f"{name}@example.com", name.title(), "Test", frozenset(roles)))
        assert [] == told(sweep(here))
    assert () == here.store.memory.signs("prod")


def test_somebody_who_edits_a_role_now_and_then_does_not_look_so(here: Site) -> None:
    pools = permission("can_read", "Pools")
    for _ in range(3):
        role = here.prod.roles["finance"]
        here.prod.roles["finance"] = Role("finance", role.permissions | {pools})
        assert [] == told(sweep(here))
    assert {Sign.LITTLE} == {sign.kind for sign in here.store.memory.signs("prod")}


def test_what_lines_newly_give_to_who_has_it_already_was_not_given_by_another(here: Site) -> None:
    """A mapping that takes over what people had been given by hand."""
    for name in ("dora", "eve", "fred"):
        put(here.prod, User(name, f"{name}@example.com", name.title(), "Test", frozenset({"finance", "Viewer"})))
        sweep(here)
    for name in ("dora", "eve", "fred"):
        join(here, name)
        assert [] == told(sweep(here))
    assert () == here.store.memory.signs("prod")


def test_it_is_kept_of_which_kind_it_was(here: Site, copy: Site) -> None:
    join(here, "dora")
    sweep(copy)
    sweep(here)
    [sign] = here.store.memory.signs("prod")
    assert (Sign.SAME, 1, "dora", here.now) == (sign.kind, sign.things, sign.said, sign.at)
    assert "another_installation_signs" in here.events


def test_a_plan_says_so_too_and_takes_note_of_nothing(here: Site, copy: Site) -> None:
    for name in ("dora", "eve", "fred"):
        join(here, name)
        sweep(copy)
        sweep(here)
    kept = here.store.memory.signs("prod")
    found = here.plan()
    assert found.plan is not None
    assert ["another_installation"] == [n.code for n in found.plan.notes if isinstance(n, Note)]
    assert kept == here.store.memory.signs("prod")
