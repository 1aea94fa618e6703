"""Waves: a change of the mapping reaches deployment after deployment; people who come and leave wait for none of it."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from stages import DAGS, NOW, People, Stage

from syncd.errors import StoreError, TargetUnavailable
from syncd.mapping.parse import parse
from syncd.mapping.revisions import revision_of
from syncd.model import Change, LabelTest, Outcome, Paused, RolloutVerb, Rules, Scope, Status, Wave, WaveOrder
from syncd.plan.waves import WaveState
from syncd.ports import Truth
from syncd.reconcile import Report, Target, World, plan
from syncd.reconcile.revisions import MappingRevisions
from syncd.store import Stores, codec
from syncd.store.backup import backup
from syncd.store.soundness import unsound
from syncd.targets.airflow.naming import NAMING
from syncd.targets.memory import MemoryTarget

SOAK = timedelta(minutes=30)
ENVS = ("dev", "staging", "prod")
OLD = b"""
roles:
  finance: {dags: [{level: view, tag: finance}]}
bindings:
  - {group: people:finance, roles: [finance], deployments: all}
"""
NEW = OLD + b"  - {group: people:finance, roles: [Viewer], deployments: all}\n"
ORDER = WaveOrder((*(Wave((LabelTest("env", frozenset({env})),)) for env in ENVS[:2]), Wave()), SOAK)


def parsed(files: Mapping[str, bytes]) -> Rules:
    return parse(files, sources=frozenset({"people"}), namings=[NAMING])


@dataclass
class Fleet(Stage):
    """A deployment in each of three waves, and mapping files that a test changes."""

    text: bytes = OLD
    only: tuple[str, ...] = ENVS
    in_waves: bool = True
    order: WaveOrder = ORDER
    facts: list[tuple[str, Mapping[str, object]]] = field(default_factory=list)

    def world(self) -> World:
        files = {"mappings/finance.yaml": self.text}
        rules, base = parsed(files), super().world()
        targets = tuple(map(self._labelled, base.targets))
        deployments = tuple(target.deployment for target in targets)
        revisions = MappingRevisions(
            self.order, revision_of(files), files, rules, deployments, self.store.rollouts.files, parsed
        )
        revisions.recall(self.store.rollouts.record())
        here = tuple(target for target in targets if target.deployment.name in self.only)
        return replace(
            base, rules=rules, targets=here, files=revision_of(files), revisions=revisions if self.in_waves else None
        )

    def _labelled(self, target: Target) -> Target:
        return replace(target, deployment=replace(target.deployment, labels={"env": target.deployment.name}))

    def have(self, role: str) -> list[str]:
        """Name the deployments on which anna holds a role."""
        return [name for name, it in self.targets.items() if "anna" in it.users and role in it.users["anna"].roles]

    def states(self) -> list[str]:
        revisions = self.world().revisions
        assert revisions is not None
        return [one.state.value for one in revisions.standing(self.store.rollouts.record()).of.values()]

    def wait(self, time: timedelta = SOAK) -> Report:
        self.now += time
        return self.apply()


@pytest.fixture
def fleet(database_url: str) -> Iterator[Fleet]:
    it = Fleet(None, People({"finance": ["anna", "bob"]}), {env: MemoryTarget(env, dags=DAGS) for env in ENVS})
    with closing(Stores.open(database_url, clock=lambda: it.now)) as it.store:
        it.apply()
        assert list(ENVS) == it.have("finance")
        it.text = NEW
        yield it


def test_a_change_of_the_mapping_goes_from_wave_to_wave_each_after_it_soaked(fleet: Fleet) -> None:
    fleet.apply()
    assert (["dev"], ["soaking", "waiting", "waiting"]) == (fleet.have("Viewer"), fleet.states())
    fleet.wait(SOAK - timedelta(seconds=1))
    assert ["dev"] == fleet.have("Viewer")
    fleet.wait(timedelta(seconds=1))
    assert (["dev", "staging"], ["done", "soaking", "waiting"]) == (fleet.have("Viewer"), fleet.states())
    fleet.wait()
    assert (list(ENVS), ["done", "done", "soaking"]) == (fleet.have("Viewer"), fleet.states())
    fleet.wait()
    assert ["done"] * 3 == fleet.states()


def test_leavers_and_joiners_wait_for_no_wave(fleet: Fleet) -> None:
    fleet.apply()
    fleet.people.members = {"finance": ["anna", "carol"]}
    fleet.apply()
    for it in fleet.targets.values():
        assert frozenset() == it.users["bob"].roles
        assert "finance" in it.users["carol"].roles
    assert ["dev"] == fleet.have("Viewer")


def test_a_pass_over_a_few_people_goes_by_what_reached_the_deployment(fleet: Fleet) -> None:
    fleet.apply(scope=Scope.people(["anna"]))
    assert [] == fleet.have("Viewer")
    fleet.apply()
    fleet.people.members = {"finance": ["bob"]}
    fleet.apply(scope=Scope.people(["anna"]))
    assert [frozenset()] * 3 == [it.users["anna"].roles for it in fleet.targets.values()]


def test_apply_of_a_later_wave_by_hand_waits_and_prints_what_passes_it(fleet: Fleet) -> None:
    fleet.only = ("prod",)
    [said] = [note.text for d in fleet.apply().deployments if d.plan is not None for note in d.plan.notes]
    assert [] == fleet.have("Viewer")
    assert "waits for wave env=dev (dev begins with its next pass)" in said
    assert said.endswith("syncd rollout skip -d prod --reason TEXT")
    fleet.store.rollouts.say(
        RolloutVerb.SKIP, revision_of({"mappings/finance.yaml": NEW}), ["prod"], by="a", reason="r"
    )
    fleet.apply()
    assert ["prod"] == fleet.have("Viewer")


def test_a_plan_shows_what_will_be_done_and_one_as_applied_what_is_done_now(fleet: Fleet) -> None:
    shown = plan(fleet.world())
    assert [2, 2, 2] == [len(d.plan.changes) for d in shown.deployments if d.plan is not None]
    applied = plan(replace(fleet.world(), as_applied=True))
    assert [2, 0, 0] == [len(d.plan.changes) for d in applied.deployments if d.plan is not None]
    assert [0, 1, 1] == [len(d.plan.notes) for d in applied.deployments if d.plan is not None]
    assert ["due", "waiting", "waiting"] == fleet.states(), "a plan begins nothing"


class Refusing(MemoryTarget):
    """A server that refuses every change while it is told to."""

    refuses = True

    def apply(self, change: Change, recorder: object) -> Outcome:
        if self.refuses:
            return Outcome(change, Status.FAILED, "no")
        return super().apply(change, recorder)  # type: ignore[arg-type]


def test_a_failed_change_halts_the_rollout_and_it_goes_on_by_itself_once_that_is_mended(fleet: Fleet) -> None:
    dev = fleet.targets["dev"]
    refusing = Refusing("dev", dags=DAGS)
    refusing.users, refusing.roles = dev.users, dev.roles
    fleet.targets["dev"] = refusing
    fleet.apply()
    assert ["halted", "waiting", "waiting"] == fleet.states()
    fleet.wait(10 * SOAK)
    assert ([], ["halted", "waiting", "waiting"]) == (fleet.have("Viewer"), fleet.states())
    [note] = [n.text for n in plan(fleet.world()).deployments[2].plan.notes]  # type: ignore[union-attr]
    assert "wave env=dev, which is halted (dev: 2 changes failed or got no answer)" in note
    refusing.refuses = False
    fleet.wait(SOAK)
    assert ["soaking", "waiting", "waiting"] == fleet.states()
    fleet.wait()
    assert ["dev", "staging"] == fleet.have("Viewer")


def test_a_person_lets_a_halted_rollout_go_on(fleet: Fleet) -> None:
    refusing = Refusing("dev", dags=DAGS)
    fleet.targets["dev"] = refusing
    fleet.apply()
    revision = fleet.store.rollouts.record().rows["dev"].revision
    fleet.store.rollouts.say(RolloutVerb.RESUME, revision, ["dev"], by="anna", reason="dev is being rebuilt")
    fleet.apply()
    assert ["staging"] == fleet.have("Viewer")
    assert ["done", "soaking", "waiting"] == fleet.states()
    said = [json.loads(line) for _, line in fleet.store.records.lines()]
    [word] = [one for one in said if one["kind"] == "rollout_resume"]
    assert ("dev", "anna", "dev is being rebuilt") == (word["deployment"], word["by"], word["reason"])


def test_a_hold_halts_the_rollout(fleet: Fleet) -> None:
    fleet.text = OLD.replace(b"deployments: all", b"deployments: {env: [gone]}")
    fleet.limits = replace(fleet.limits, share=0.1, floor=0)
    fleet.apply()
    assert ["halted", "waiting", "waiting"] == fleet.states()
    assert "held" in fleet.store.rollouts.record().rows["dev"].trouble


def test_what_is_not_read_back_halts_the_rollout(fleet: Fleet) -> None:
    class Forgets(MemoryTarget):
        def apply(self, change: Change, recorder: object) -> Outcome:
            return Outcome(change, Status.APPLIED, "" if recorder else "not asked")

    forgets = Forgets("dev", dags=DAGS)
    forgets.users, forgets.roles = fleet.targets["dev"].users, fleet.targets["dev"].roles
    fleet.targets["dev"] = forgets
    fleet.apply()
    assert ["halted", "waiting", "waiting"] == fleet.states()
    assert "the server did not keep 2 changes" == fleet.store.rollouts.record().rows["dev"].trouble


def test_a_server_that_gives_no_answer_halts_the_rollout(fleet: Fleet) -> None:
    class Away(MemoryTarget):
        def observe(self, *_: object, **__: object) -> object:  # type: ignore[override]
            raise TargetUnavailable("dev: no answer")

    fleet.apply()
    assert "soaking" == fleet.states()[0]
    fleet.targets["dev"] = Away("dev", dags=DAGS)
    fleet.apply()
    assert ["halted", "waiting", "waiting"] == fleet.states()
    assert "dev: no answer" == fleet.store.rollouts.record().rows["dev"].trouble


def test_a_pause_on_an_earlier_wave_halts_the_rollout_until_it_is_over(fleet: Fleet) -> None:
    fleet.store.pauses.pause(Paused("name", "dev"), until=NOW + SOAK, reason="ticket 12", by="anna")
    fleet.apply()
    assert ["halted", "waiting", "waiting"] == fleet.states()
    fleet.wait()
    assert (["dev"], ["soaking", "waiting", "waiting"]) == (fleet.have("Viewer"), fleet.states())


def test_for_whom_a_change_says_nothing_gets_it_at_once_and_nobody_waits_for_it(fleet: Fleet) -> None:
    fleet.text = OLD + b"  - {group: people:finance, roles: [Viewer], deployments: {env: prod}}\n"
    fleet.apply()
    assert ["prod"] == fleet.have("Viewer")
    assert ["done", "done", "soaking"] == fleet.states()


@pytest.mark.finding("N-661")
def test_a_line_that_ends_on_a_later_wave_alone_waits_for_nobody(fleet: Fleet) -> None:
    fleet.text = OLD.replace(b"deployments: all", b"deployments: {env: [dev, staging]}")
    fleet.apply()
    assert ["dev", "staging"] == fleet.have("finance")
    assert ["done", "done", "soaking"] == fleet.states()


@pytest.mark.finding("N-660")
@pytest.mark.parametrize("after", ["", "old: {permissions: [can_read on Pools]}"])
def test_a_role_that_no_line_gives_and_whose_mode_kept_it_goes_in_waves(fleet: Fleet, after: str) -> None:
    """Its mode alone keeps people from losing it, so a change of that is one for whoever holds it."""
    kept = "old: {permissions: [can_read on Pools], mode: add-only}"
    fleet.text = _with_role(OLD, kept) + b"  - {group: people:finance, roles: [old], deployments: all}\n"
    for files in (fleet.text, _with_role(OLD, kept)):
        fleet.text = files
        fleet.apply()
        fleet.wait()
        fleet.wait()
    assert list(ENVS) == fleet.have("old")
    fleet.wait()
    fleet.text = _with_role(OLD, after)
    fleet.apply()
    assert (["staging", "prod"], ["soaking", "waiting", "waiting"]) == (fleet.have("old"), fleet.states())


def _with_role(text: bytes, role: str) -> bytes:
    return text.replace(b"bindings:", f"  {role}\nbindings:".encode())


def test_a_new_line_above_is_no_change_of_what_is_given(fleet: Fleet) -> None:
    fleet.text = b"# who may see what\n\n" + OLD
    fleet.apply()
    assert ["done"] * 3 == fleet.states()


def test_a_revert_ends_a_rollout_at_once_where_nothing_came_yet(fleet: Fleet) -> None:
    fleet.apply()
    fleet.text = OLD
    fleet.apply()
    assert ([], ["soaking", "done", "done"]) == (fleet.have("Viewer"), fleet.states())


def test_a_newer_change_overtakes_one_that_is_under_way(fleet: Fleet) -> None:
    fleet.apply()
    fleet.wait()
    fleet.text = NEW.replace(b"[Viewer]", b"[User]")
    fleet.apply()
    assert (["dev"], ["staging"]) == (fleet.have("User"), fleet.have("Viewer"))
    assert ["soaking", "waiting", "waiting"] == fleet.states()
    fleet.wait()
    fleet.wait()
    assert (list(ENVS), []) == (fleet.have("User"), fleet.have("Viewer"))
    before = [revision_of({"mappings/finance.yaml": text}) for text in (NEW, OLD)]
    assert [None, None] == [fleet.store.rollouts.files(revision) for revision in before]


def test_what_a_person_said_of_one_revision_counts_for_no_other(fleet: Fleet) -> None:
    fleet.apply()
    revision = fleet.store.rollouts.record().rows["dev"].revision
    fleet.store.rollouts.say(RolloutVerb.SKIP, revision, ["prod"], by="anna", reason="urgent")
    fleet.text = NEW.replace(b"[Viewer]", b"[User]")
    fleet.apply()
    fleet.text = NEW
    fleet.apply()
    assert ["dev"] == fleet.have("Viewer")


def test_a_new_deployment_begins_with_what_the_others_of_its_wave_have(fleet: Fleet) -> None:
    fleet.apply()
    fleet.targets["new"] = MemoryTarget("new", dags=DAGS)
    fleet.only = (*ENVS, "new")
    fleet.apply()
    assert ["finance"] == sorted(fleet.targets["new"].users["anna"].roles)
    assert fleet.store.rollouts.record().rows["prod"].revision == fleet.store.rollouts.record().rows["new"].revision


EDITED = {
    "removed": ("DELETE FROM mapping_revisions", None, "are not in the database any more"),
    "other lines": (
        "UPDATE mapping_revisions SET body = :body",
        codec.pack(codec.dumps({"v": 1, "files": {"a.yaml": base64.b64encode(NEW).decode()}})),
        "are not what their hash says: they were edited or are damaged, and a deployment goes by them",
    ),
    "no body": ("UPDATE mapping_revisions SET body = :body", b"\0", "that this syncd cannot read"),
}


@pytest.mark.finding("N-667")
@pytest.mark.parametrize("case", EDITED)
def test_files_that_are_lost_or_edited_give_nothing_and_fail_only_whoever_goes_by_them(fleet: Fleet, case: str) -> None:
    statement, body, said = EDITED[case]
    with fleet.store.database.write() as connection:
        connection.execute(text(statement), {} if body is None else {"body": body})
    report = fleet.apply()
    assert (["dev"], list(ENVS)) == (fleet.have("Viewer"), fleet.have("finance"))
    fine, *wrong = [str(one.error or "") for one in report.deployments]
    assert ("", [True, True]) == (fine, [said in each for each in wrong]), wrong
    for name in ENVS[1:]:
        revision = fleet.store.rollouts.record().rows["dev"].revision
        fleet.store.rollouts.say(RolloutVerb.SKIP, revision, [name], by="anna", reason="restored")
    assert [None] * 3 == [one.error for one in fleet.apply().deployments]
    assert list(ENVS) == fleet.have("Viewer")


@pytest.mark.finding("N-667")
def test_a_word_that_nobody_knows_is_one_clear_error(fleet: Fleet) -> None:
    fleet.store.rollouts.say(RolloutVerb.SKIP, "cafe", ["prod"], by="anna", reason="x")
    with fleet.store.database.write() as connection:
        connection.execute(text("UPDATE rollout_words SET verb = 'hop'"))
    with pytest.raises(StoreError, match="what somebody said of a rollout"):
        fleet.store.rollouts.record()
    bad = [str(one) for one in unsound(fleet.store.database)]
    assert "rollout_words: nobody knows a word of this name, or who said it (1: 1)" in bad


def test_without_waves_every_deployment_gets_a_change_at_once_and_none_is_put_back_later(fleet: Fleet) -> None:
    fleet.in_waves = False
    fleet.apply()
    assert list(ENVS) == fleet.have("Viewer")
    assert {} == fleet.store.rollouts.record().rows
    fleet.in_waves = True
    fleet.apply()
    assert (list(ENVS), ["done"] * 3) == (fleet.have("Viewer"), fleet.states())


def test_an_observed_deployment_is_in_no_wave(fleet: Fleet) -> None:
    fleet.enforce = False
    report = fleet.apply()
    assert [2, 2, 2] == [len(d.plan.changes) for d in report.deployments if d.plan is not None]


def test_what_became_of_a_revision_is_in_the_chain(fleet: Fleet) -> None:
    fleet.apply()
    said = [json.loads(line) for _, line in fleet.store.records.lines()]
    dev = [one["state"] for one in said if one["kind"] == "rollout" and one["deployment"] == "dev"]
    assert ["begun", "reached"] * 2 == dev
    assert fleet.store.records.verify().count == len(said)


def test_the_revision_is_written_down_before_the_first_change_of_it(fleet: Fleet) -> None:
    seen: list[str] = []

    class Watching(MemoryTarget):
        def apply(self, change: Change, recorder: object) -> Outcome:
            seen.append(fleet.store.rollouts.record().rows["dev"].revision)
            return super().apply(change, recorder)  # type: ignore[arg-type]

    watching = Watching("dev", dags=DAGS)
    fleet.targets["dev"] = watching
    fleet.apply()
    assert {revision_of({"mappings/finance.yaml": NEW})} == set(seen)


def test_the_states_are_those_of_the_table() -> None:
    assert ["done", "soaking", "halted", "going", "due", "waiting"] == [state.value for state in WaveState]


def test_nothing_waits_when_the_first_pass_of_all_is_made(database_url: str) -> None:
    it = Fleet(None, People({"finance": ["anna"]}), {env: MemoryTarget(env, dags=DAGS) for env in ENVS})
    with closing(Stores.open(database_url, clock=lambda: datetime(2026, 1, 1, tzinfo=NOW.tzinfo))) as it.store:
        it.only = ("prod",)
        it.apply()
        assert ["prod"] == it.have("finance")


@pytest.mark.finding("N-662")
def test_an_older_copy_that_has_older_files_gives_nothing_back_that_those_in_use_do_not(tmp_path: Path) -> None:
    """It says that the deployment goes by files of before the rollout that ended since."""
    it = Fleet(None, People({"finance": ["anna", "bob"]}), {env: MemoryTarget(env, dags=DAGS) for env in ENVS})
    it.text = NEW
    with _begun(it, tmp_path):
        it.apply()
        backup(it.store.database, tmp_path / "copy")
        it.text = OLD
        for _ in ENVS:
            it.wait()
        assert [] == it.have("Viewer")
    for side in ("", "-wal", "-shm"):
        (tmp_path / f"syncd.db{side}").unlink(missing_ok=True)
    (tmp_path / "copy").rename(tmp_path / "syncd.db")
    it.people.members["finance"].append("carol")
    with _begun(it, tmp_path):
        prod = it.apply().deployments[2]
        assert ([], ["soaking", "waiting", "waiting"]) == (it.have("Viewer"), it.states())
        assert {"finance"} == it.targets["prod"].users["carol"].roles, "what both give is given"
        assert prod.held is not None
        [why] = prod.held.why
        assert why.startswith(
            "3 changes give what the mapping files in use do not, by older ones that are gone by here"
        )
        it.store.installation.recover(Truth.AS_IT_IS, by="anna")
        it.apply()
        assert ["staging", "prod"] == it.have("Viewer"), "a person said that they are what is gone by there"


@contextmanager
def _begun(fleet: Fleet, folder: Path) -> Iterator[None]:
    url = f"sqlite:///{folder}/syncd.db"
    with closing(Stores.open(url, clock=lambda: fleet.now, witness=folder / "witness")) as fleet.store:
        yield
