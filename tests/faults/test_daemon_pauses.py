"""A pause and a daemon that runs: it stops at once, says who keeps what, and goes on by itself when it is over."""

from __future__ import annotations

from pathlib import Path

import pytest
from daemon_rig import Rig, rig

from syncd.model import Pause, Paused


def pause(lab: Rig, of: Paused) -> Pause:
    assert lab.store is not None
    return lab.store.pauses.pause(of, until=None, reason="ticket 12", by="anna")


def resume(lab: Rig, made: Pause) -> None:
    assert lab.store is not None
    assert lab.store.pauses.resume(made.id, by="anna") is not None


def held(lab: Rig) -> list[set[str]]:
    return [server.holders("Op") for server in lab.all]


def test_a_daemon_stops_at_once_tells_who_keeps_access_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with rig(tmp_path, monkeypatch) as lab:
        lab.start()
        lab.converge()
        before, made = held(lab), pause(lab, Paused())
        lab.files["crew"].remove("fay")
        lab.write_people()
        lab.until("it is told who keeps access", lambda: all(lab.alarmed("paused", name) for name in lab.servers))
        lab.watch(1.5, "nothing is changed", lambda: before == held(lab))
        stands = {d.name: (d.pause, d.paused_people) for d in lab.state.deployments}
        assert {1} == {people for _, people in stands.values()}
        assert all(
            "all changes on the fleet paused until it is resumed by anna: ticket 12" in said
            for said, _ in stands.values()
        )
        assert 1.0 == lab.figure("syncd_deployment_paused", deployment=next(iter(lab.servers)))

        resume(lab, made)
        lab.until("what waited is done", lambda: all("fay" not in holders for holders in held(lab)))
        lab.converge()
        lab.until("the alarm is over", lambda: not lab.alarmed("paused"))
        lab.see()


def test_a_daemon_gives_on_under_a_pause_of_removals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with rig(tmp_path, monkeypatch) as lab:
        lab.start()
        lab.converge()
        made = pause(lab, Paused(removals_only=True))
        lab.files["crew"].remove("fay")
        lab.files["crew"].append("gus")
        lab.write_people()
        lab.until("who comes is given", lambda: all(any("gus" in who for who in holders) for holders in held(lab)))
        lab.watch(1.0, "who left keeps", lambda: all(any("fay" in who for who in holders) for holders in held(lab)))
        resume(lab, made)
        lab.until("it is taken", lambda: all(not any("fay" in who for who in holders) for holders in held(lab)))
        lab.converge()
        lab.see()
