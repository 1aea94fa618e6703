"""Who lets what pass, where, for how long and how often; and what an hour may take, whoever asks and after any restart."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from stages import DAGS, NOW, People, Stage, made_for

from syncd.config.fingerprint import fingerprint
from syncd.errors import ApprovalRefused
from syncd.http.secrets import Secret
from syncd.model import EVERYTHING, Dag, Dialect, Learned, Permission, Scope, Status
from syncd.plan.approval import Apply, PlanOnly
from syncd.plan.limits import Limits
from syncd.plan.taken import Taken
from syncd.reconcile import PassRequest, World, apply, one_pass, plan, read_directory
from syncd.store import Stores
from syncd.store.engine import Database
from syncd.targets.airflow.naming import NAMING
from syncd.targets.memory import MemoryTarget

TWENTY = [f"p{n:02}" for n in range(20)]
TIGHT = Limits(removals=2, share=1.0, floor=0)


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with closing(Stores.open(f"sqlite:///{tmp_path / 'syncd.db'}")) as store:
        yield Stage(store, People({"finance": list(TWENTY)}), {"prod": MemoryTarget("prod", dags=DAGS)}, limits=TIGHT)


def leave(stage: Stage, count: int) -> None:
    stage.people.members = {"finance": stage.people.members["finance"][count:]}


def held(stage: Stage, deployment: str = "prod") -> str:
    found = stage.store.queries.held(deployment)
    return found.held.digest if found else ""


def left(stage: Stage, deployment: str = "prod") -> int:
    return sum(1 for user in stage.targets[deployment].users.values() if not user.roles)


# --- one deployment, one age, one use -----------------------------------------------------------------------------------


@pytest.mark.finding("H-E5")
def test_a_digest_is_of_one_deployment(stage: Stage) -> None:
    stage.targets = {name: MemoryTarget(name, dags=DAGS) for name in ("prod", "test", "dev")}
    stage.apply()
    leave(stage, 19)
    stage.apply()
    digests = {name: held(stage, name) for name in stage.targets}
    assert 3 == len(set(digests.values()))
    stage.apply(approved=(digests["dev"],))
    assert {"prod": 0, "test": 0, "dev": 19} == {name: left(stage, name) for name in stage.targets}


@pytest.mark.finding("H-E5")
def test_an_approval_of_what_is_not_held_is_refused_before_anything_is_done(stage: Stage) -> None:
    stage.apply()
    stage.people.members["finance"].append("zoe")
    with pytest.raises(ApprovalRefused, match="nothing with the digest abc is held on prod; nothing is held there now"):
        stage.apply(approved=("abc",))
    assert "zoe" not in stage.prod.users


@pytest.mark.finding("H-E5")
def test_an_approval_by_a_command_has_an_age(stage: Stage) -> None:
    stage.apply()
    leave(stage, 19)
    stage.apply()
    digest = held(stage)
    stage.now += timedelta(hours=24, minutes=1)
    with pytest.raises(ApprovalRefused, match="last planned at 2026-03-01 12:00 UTC, too long ago"):
        stage.apply(approved=(digest,))
    assert 0 == left(stage)
    plan(stage.world())
    assert 0 == stage.apply(approved=(digest,)).exit_code()
    assert 19 == left(stage)


@pytest.mark.finding("H-E5")
def test_an_approval_is_used_up(stage: Stage) -> None:
    stage.apply()
    everybody = list(stage.people.members["finance"])
    leave(stage, 19)
    stage.apply()
    digest = held(stage)
    stage.apply(approved=(digest,))
    assert 19 == left(stage)
    stage.people.members["finance"] = everybody
    stage.apply()
    assert 0 == left(stage)
    leave(stage, 19)
    with pytest.raises(ApprovalRefused, match="nothing is held there now"):
        stage.apply(approved=(digest,))
    assert (4, digest) == (stage.apply().exit_code(), held(stage)), "the same is held again, and wants another word"
    assert 0 == left(stage)


@pytest.mark.finding("H-E5")
def test_two_approvals_of_one_hold_that_wait_in_line_pass_once(stage: Stage) -> None:
    """The second is asked again under the lease, when its turn comes."""
    stage.apply()
    everybody = list(stage.people.members["finance"])
    leave(stage, 19)
    stage.apply()
    approved = PassRequest(EVERYTHING, "approve", Apply(frozenset({held(stage)})))
    assert 19 == len(made_for(stage, approved).outcomes)
    stage.people.members["finance"] = everybody
    stage.apply()
    leave(stage, 19)
    assert {Status.HELD} == {o.status for o in made_for(stage, approved).outcomes}
    assert 0 == left(stage)


@pytest.mark.finding("H-E5")
def test_what_a_pass_over_some_people_holds_is_approved_by_its_digest(stage: Stage) -> None:
    stage.apply()
    leave(stage, 4)
    some = Scope.people(["p00", "p01", "p02"])
    report = stage.apply(scope=some)
    kept_back = report.deployments[0].held
    assert kept_back is not None
    assert 0 == stage.apply(scope=some, approved=(kept_back.digest,)).exit_code()
    assert 3 == left(stage)
    with pytest.raises(ApprovalRefused):
        stage.apply(scope=some, approved=(kept_back.digest,))


SOME = Scope.people(["p00", "p01", "p02"])


def approve(stage: Stage, digest: str, *, scope: Scope = EVERYTHING) -> bool:
    """Say whether an approval let the three go."""
    with suppress(ApprovalRefused):
        stage.apply(scope=scope, approved=(digest,))
    return 3 == left(stage)


def leave_again(stage: Stage) -> None:
    """Let those who left come back, by passes over a few people, and leave once more."""
    stage.people.members = {"finance": list(TWENTY)}
    stage.apply(scope=SOME)
    assert 0 == left(stage)
    leave(stage, 3)


@pytest.mark.finding("BRK-3")
@pytest.mark.parametrize("first", [SOME, EVERYTHING], ids=["some people first", "everything first"])
@pytest.mark.parametrize("then", [SOME, EVERYTHING], ids=["some people then", "everything then"])
def test_what_passed_is_held_no_more_whatever_a_pass_is_over(stage: Stage, first: Scope, then: Scope) -> None:
    stage.apply()
    leave(stage, 3)
    stage.apply(scope=SOME)
    stage.apply()
    digest = held(stage)
    assert approve(stage, digest, scope=first)
    assert "" == held(stage)
    leave_again(stage)
    assert not approve(stage, digest, scope=then)
    stage.apply(scope=then)
    assert approve(stage, digest, scope=then), "the same is held again, and somebody says so again"


@pytest.mark.finding("BRK-3")
def test_what_is_held_again_is_held_since_then(stage: Stage) -> None:
    stage.apply()
    leave(stage, 3)
    stage.apply()
    assert approve(stage, held(stage), scope=SOME)
    leave_again(stage)
    for _ in range(2):
        stage.now += timedelta(hours=1)
        stage.apply()
    again = stage.store.queries.held("prod")
    assert again is not None
    assert (NOW + timedelta(hours=1), NOW + timedelta(hours=2)) == (again.since, again.made_at)


@pytest.mark.finding("BRK-7")
@pytest.mark.parametrize("leavers", [0, 5, 3], ids=["nothing held since", "more held since", "the same held since"])
def test_what_a_pass_over_some_people_held_is_held_as_long_as_everything_says_so(stage: Stage, leavers: int) -> None:
    stage.apply()
    leave(stage, 3)
    kept_back = stage.apply(scope=SOME).deployments[0].held
    assert kept_back is not None
    stage.people.members = {"finance": TWENTY[leavers:]}
    stage.apply()
    stage.people.members = {"finance": TWENTY[3:]}
    assert bool(leavers) == approve(stage, kept_back.digest, scope=SOME)


@pytest.mark.finding("BRK-3")
def test_what_passed_while_dags_could_not_be_listed_is_held_no_more(stage: Stage) -> None:
    stage.apply()
    leave(stage, 3)
    stage.apply()
    digest = held(stage)
    stage.prod.unlisted = frozenset({"dags"})
    assert approve(stage, digest)
    stage.prod.unlisted = frozenset()
    leave_again(stage)
    assert not approve(stage, digest)


# --- an hour, whoever asks ----------------------------------------------------------------------------------------------


@pytest.mark.finding("H-E8")
def test_many_small_applies_are_one_large_one(stage: Stage) -> None:
    stage.apply()
    for _ in range(6):
        leave(stage, 1)
        stage.apply()
        stage.now += timedelta(minutes=1)
    assert 2 == left(stage)
    why = stage.store.queries.held("prod")
    assert why is not None
    assert ("4 people lose a role, after 2 within the last hour: the limit is 2",) == why.held.why


@pytest.mark.finding("H-E8")
def test_a_restart_lets_nothing_go(stage: Stage, tmp_path: Path) -> None:
    stage.apply()
    leave(stage, 2)
    made_for(stage, PassRequest(Scope.people(["p00", "p01"]), "people"))
    leave(stage, 1)
    stage.store.close()
    with closing(Stores.open(f"sqlite:///{tmp_path / 'syncd.db'}")) as stage.store:
        assert made_for(stage, PassRequest(Scope.people(["p02"]), "people")).held is not None
        stage.now += timedelta(minutes=61)
        assert made_for(stage, PassRequest(Scope.people(["p02"]), "people")).held is None


@pytest.mark.finding("H-E8")
def test_what_a_person_let_pass_counts_towards_no_limit(stage: Stage) -> None:
    stage.apply()
    leave(stage, 5)
    stage.apply()
    stage.apply(approved=(held(stage),))
    assert (5, Taken()) == (left(stage), stage.store.ledger.taken_since("prod", NOW - timedelta(hours=1)))
    leave(stage, 2)
    assert 0 == stage.apply().exit_code()
    assert Taken(people=2, rights=12) == stage.store.ledger.taken_since("prod", NOW - timedelta(hours=1))


@pytest.mark.finding("H-E8")
def test_what_failed_was_not_taken_and_what_nobody_knows_was(stage: Stage) -> None:
    stage.apply()
    leave(stage, 2)
    stage.prod.fails, stage.prod.silent = frozenset({"p00"}), frozenset({"p01"})
    stage.apply()
    assert Taken(people=1, rights=6) == stage.store.ledger.taken_since("prod", NOW - timedelta(hours=1))
    assert Taken() == stage.store.ledger.taken_since("test", NOW - timedelta(hours=1))


@pytest.mark.finding("H-E8")
def test_lost_permissions_are_remembered_too(stage: Stage) -> None:
    many = tuple(Dag(f"d{n:03}", frozenset({"finance"})) for n in range(200))
    stage.prod.dags, stage.limits = many, Limits(permissions=60, permission_floor=5, share=1.0)
    stage.apply()
    for n in range(1, 5):
        stage.prod.dags = many[30 * n :]
        stage.apply()
    assert 140 == sum(p.action == "can_read" and p.resource.startswith("DAG:") for p in permissions(stage))


def permissions(stage: Stage) -> frozenset[Permission]:
    return stage.prod.roles["finance"].permissions


@pytest.mark.finding("BRK-6")
@pytest.mark.parametrize("tagged", [0, 8], ids=["nearly all goes", "less than half goes"])
@pytest.mark.parametrize("scope", [EVERYTHING, Scope.of_dags(f"d{n}" for n in range(10))], ids=str)
def test_a_pass_over_dags_takes_no_role_from_people_without_a_word(stage: Stage, scope: Scope, tagged: int) -> None:
    """It looks at no people: whom it takes something from is who holds the role by us."""
    stage.limits, stage.prod.dags = Limits(), tuple(Dag(f"d{n}", frozenset({"finance"})) for n in range(10))
    stage.apply()
    stage.prod.dags = tuple(dag if n < tagged else Dag(dag.id) for n, dag in enumerate(stage.prod.dags))
    [report] = stage.apply(scope=scope).deployments
    assert report.effects is not None
    assert 20 == report.effects.loses.people
    assert (("20 of 20 people lose a role: the limit is 10%",) if not tagged else None) == (
        report.held.why if report.held else None
    )
    assert (tagged or 10) == sum(p.action == "can_read" and p.dag is not None for p in permissions(stage))


@pytest.mark.finding("H-E8")
def test_the_question_of_the_hour_is_answered_by_an_index(stage: Stage, tmp_path: Path) -> None:
    stage.apply()
    asked = (
        "EXPLAIN QUERY PLAN SELECT sum(people) FROM changes WHERE counts_for = 'prod' AND moved_at >= '2026-03-01' "
        "AND status IN ('intent', 'applied')"
    )
    with closing(Database(f"sqlite:///{tmp_path / 'syncd.db'}")) as database, database.read() as connection:
        found = " ".join(str(row) for row in connection.execute(text(asked)))
    assert "ix_changes_counts_for_moved_at (counts_for=? AND moved_at>?)" in found


@pytest.mark.finding("H-E22")
def test_what_the_first_half_of_a_pass_took_counts_in_its_second(stage: Stage) -> None:
    """A server that shows while it is written to that it spells levels otherwise is gone through twice."""
    stage.apply()

    class Learns(MemoryTarget):
        def dialect(self) -> Dialect:
            return replace(self.spells, every_role=frozenset()) if self.applied else self.spells

        def observe(self, scope: Scope, **asked: frozenset[str]) -> object:  # type: ignore[override]
            if self.applied:
                stage.people.members = {"finance": TWENTY[4:]}
            return MemoryTarget.observe(self, scope, **asked)

    stage.targets = {"prod": Learns("prod", users=stage.prod.users, roles=stage.prod.roles, dags=DAGS)}
    leave(stage, 2)
    stage.apply()
    assert 2 == left(stage)


# --- small deployments --------------------------------------------------------------------------------------------------


@pytest.mark.finding("X-F13")
@pytest.mark.parametrize(
    ("people", "leavers", "is_held"),
    [
        (4, 4, True),
        (4, 3, True),
        (4, 2, False),
        (2, 1, False),
        (2, 2, True),
        (1, 1, False),
        (3, 2, False),
        (3, 3, True),
    ],
)
def test_a_small_deployment_is_not_emptied_without_a_word(
    stage: Stage, people: int, leavers: int, is_held: bool
) -> None:
    stage.limits = Limits()
    stage.people.members = {"finance": TWENTY[:people]}
    stage.apply()
    leave(stage, leavers)
    assert (4 if is_held else 0) == stage.apply().exit_code()
    assert (0 if is_held else leavers) == left(stage)


# --- other files than those in force ------------------------------------------------------------------------------------


def proposed(stage: Stage) -> World:
    return replace(stage.world(), files="of a branch")


@pytest.fixture
def in_force(stage: Stage) -> Stage:
    """A deployment where three removals are held, by the files in force."""
    apply(replace(stage.world(), files="merged"))
    leave(stage, 3)
    apply(replace(stage.world(), files="merged"))
    return stage


@pytest.mark.finding("H-E23")
def test_a_plan_of_other_files_changes_nothing_that_is_in_force(in_force: Stage) -> None:
    held_before, last_before = in_force.store.queries.held("prod"), in_force.store.queries.last_plan("prod")
    leave(in_force, 5)
    for _ in range(25):  # more than are kept of a kind
        assert 8 == len(plan(proposed(in_force)).deployments[0].held.changes)  # type: ignore[union-attr]
    assert (held_before, last_before) == (in_force.store.queries.held("prod"), in_force.store.queries.last_plan("prod"))
    assert held_before is not None
    assert 3 == len(held_before.held.changes)


@pytest.mark.finding("H-E23")
def test_a_plan_of_the_files_in_force_shows(in_force: Stage) -> None:
    leave(in_force, 1)
    plan(replace(in_force.world(), files="merged"))
    kept_back, last = in_force.store.queries.held("prod"), in_force.store.queries.last_plan("prod")
    assert kept_back is not None
    assert last is not None
    assert (4, "plan") == (len(kept_back.held.changes), last.run.command)


@pytest.mark.finding("H-E23")
def test_a_dry_run_of_a_daemon_with_other_files_holds_nothing_else(in_force: Stage) -> None:
    before = held(in_force)
    leave(in_force, 1)
    world = proposed(in_force)
    one_pass(world, world.targets[0], read_directory(world), PassRequest(EVERYTHING, "reconcile", PlanOnly()))
    assert before == held(in_force)


@pytest.mark.finding("H-E23")
def test_only_who_applies_says_what_a_group_name_means(in_force: Stage) -> None:
    in_force.store.readings.remember_groups({("people", "other"): "9"}, now=NOW)
    in_force.people.members["squatted"] = ["eve"]
    squat = b"roles: {}\nbindings:\n  - {group: people:squatted, roles: [Viewer], deployments: all}\n"
    from syncd.mapping.parse import parse

    world = replace(proposed(in_force), rules=parse({"m.yaml": squat}, sources=frozenset({"people"}), namings=[NAMING]))
    snapshot = in_force.store.readings.last_snapshot("people")
    plan(world)
    assert ("people", "squatted") not in in_force.store.readings.group_names()
    assert snapshot == in_force.store.readings.last_snapshot("people"), (
        "what other sources than those in force say is not kept"
    )
    apply(world)
    assert "squatted" == in_force.store.readings.group_names()["people", "squatted"]


@pytest.mark.finding("H-E23")
def test_a_plan_undoes_nothing_that_an_apply_learned(stage: Stage) -> None:
    stage.apply()
    learned = Learned("by writing")
    stage.store.memory.save_learned("prod", learned)
    plan(stage.world())
    assert learned == stage.store.memory.learned("prod")


@pytest.mark.finding("H-E23")
def test_a_fingerprint_is_of_what_is_written_and_of_no_secret() -> None:
    limits, names = Limits(), frozenset({"b", "a", "c"})
    assert fingerprint(limits, names) == fingerprint(Limits(), frozenset({"c", "a", "b"}))
    assert fingerprint(limits) != fingerprint(replace(limits, floor=6))
    one, other = Secret.parse("env:ONE"), Secret.parse("env:OTHER")
    assert fingerprint({"x": one}, ("a",)) == fingerprint({"x": other}, ("a",))
