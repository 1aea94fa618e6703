"""Waves and a daemon that runs: a change goes on by itself, also over a restart; who leaves does not wait."""

from __future__ import annotations

from pathlib import Path

import pytest
from daemon_rig import Rig, rig

from syncd.model import Paused, RolloutVerb

ORDER = '[rollout]\norder = [{ name = "lab" }, { name = "test" }]\nsoak = "%s"'
"""`prod` is in none of them, and so the last."""


def viewers(lab: Rig, login: str = "fred") -> set[str]:
    return {name for name, server in lab.servers.items() if any(login in who for who in server.holders("Viewer"))}


def change_mapping(lab: Rig) -> None:
    lab.bindings.append(("people:crew", "Viewer", ""))
    lab.write_mapping()
    lab.time.pass_(0.5)


def test_a_change_goes_from_wave_to_wave_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with rig(tmp_path, monkeypatch, extra=ORDER % "3s") as lab:
        lab.start()
        lab.converge()
        change_mapping(lab)
        seen: list[set[str]] = []

        def is_everywhere() -> bool:
            lab.time.pass_(0.01)
            if (now := viewers(lab)) not in seen:
                seen.append(now)
            return len(now) == len(lab.servers)

        lab.until("it is everywhere", is_everywhere)
        assert [{"lab"}, {"lab", "test"}, {"lab", "test", "prod"}] == [some for some in seen if some]
        lab.until("it is over", lambda: not any(d.rollout_waits for d in lab.state.deployments))
        lab.converge()
        lab.see()


def test_a_leaver_does_not_wait_and_a_restart_forgets_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with rig(tmp_path, monkeypatch, extra=ORDER % "1h") as lab:
        lab.start()
        lab.converge()
        change_mapping(lab)
        lab.until("the first wave has it", lambda: {"lab"} == viewers(lab))
        lab.stop()
        lab.start()
        lab.files["crew"].remove("fay")
        lab.write_people()
        lab.until(
            "who left is nowhere",
            lambda: not any("fay" in w for s in lab.all for r in ("Op", "Viewer") for w in s.holders(r)),
        )
        lab.watch(2.0, "the others wait", lambda: {"lab"} == viewers(lab))
        assert 1.0 == lab.figure("syncd_deployment_rollout_waiting", deployment="prod")
        assert 0.0 == lab.figure("syncd_deployment_rollout_halted", deployment="lab")
        assert "waits for wave name=lab (lab soaks until " in lab.deployment("prod").rollout


def test_what_halts_it_is_an_alarm_and_a_person_lets_it_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with rig(tmp_path, monkeypatch, extra=ORDER % "1h") as lab:
        lab.start()
        lab.converge()
        store = lab.it.fleet.now.world.journal
        store.pauses.pause(Paused("name", "lab"), until=None, reason="ticket 12", by="anna")
        change_mapping(lab)
        lab.until("it is told", lambda: lab.alarmed("rollout_halted", "rollout"))
        assert 1.0 == lab.figure("syncd_deployment_rollout_halted", deployment="lab")
        assert set() == viewers(lab)
        revision = store.rollouts.record().rows["lab"].revision
        store.rollouts.say(RolloutVerb.RESUME, revision, ["lab"], by="anna", reason="lab is being rebuilt")
        lab.until("the next one has it", lambda: {"test"} == viewers(lab))
        lab.until("the alarm is over", lambda: not lab.alarmed("rollout_halted"))
