"""The daemon signs its journal by itself, and tells where it cannot."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from daemon_rig import Rig, rig

from syncd.model.checkpoints import read_checkpoint
from syncd.notify.signing import PublicKey, new_keys

TABLE = '[checkpoints]\nkey = {file = "key.pem"}\nfile = "out/checkpoints.jsonl"'


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    with rig(tmp_path, monkeypatch, extra=TABLE) as made:
        yield made


def test_a_daemon_signs_its_journal_and_raises_an_alarm_while_it_cannot(lab: Rig) -> None:
    private, public = new_keys()
    lab.write("key.pem", private)
    daemon = lab.start()

    def kinds() -> set[str]:
        return {alarm.kind for alarm in daemon.alarms.current()}

    assert lab.store is not None
    lab.until("the first changes are made", lambda: lab.store and lab.store.records.chain_head().new > 5)
    lab.time.pass_(70)
    lab.until("it says that it cannot", lambda: "checkpoint_failed" in kinds())

    (lab.folder / "out").mkdir()
    lab.time.pass_(70)
    lab.until("the journal is signed", (lab.folder / "out" / "checkpoints.jsonl").exists)
    lab.until("it says so", lambda: lab.heard("checkpoint_made"))
    lab.time.pass_(400)
    lab.until("the alarm is over", lambda: "checkpoint_failed" not in kinds())
    found = read_checkpoint((lab.folder / "out" / "checkpoints.jsonl").read_text().splitlines()[0])
    assert PublicKey(public).has_signed(found)
    assert [] == lab.store.records.verify({found.seq: found}).flaws
