"""Old records go into a file, and what is left of the chain and of the journal is proven as before."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from store_samples import NOW, created, made, opened, planned
from test_cli_audit_export import CONFIG

from syncd.cli import run
from syncd.model import Status
from syncd.store import Stores
from syncd.store.pruning import last_before

OLD = NOW - timedelta(days=400)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Stores]:
    (tmp_path / "config.toml").write_text(CONFIG, encoding="utf-8")
    with closing(Stores.open(f"sqlite:///{tmp_path}/syncd.db", clock=lambda: OLD)) as opened_:
        for name in ("anna", "bob"):
            made(opened_, created(name, "Viewer"), now=OLD)
        made(opened_, created("carol", "Viewer"), now=NOW)
        yield opened_


@pytest.fixture
def shell(store: Stores, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    def types(*words: str) -> tuple[int, str]:
        code = run(["--config", str(tmp_path / "config.toml"), "audit", *words])
        return code, "".join(capsys.readouterr())

    return types


def prune(shell: Any, tmp_path: Path, name: str = "old.jsonl") -> tuple[int, str]:
    result: tuple[int, str] = shell("prune", "--before", "2026-01-01", "--to", str(tmp_path / name))
    return result


def edit(store: Stores, statement: str) -> None:
    with store.database.write() as connection:
        connection.exec_driver_sql(statement)


def test_what_was_pruned_and_what_is_left_are_both_proven(store: Stores, shell: Any, tmp_path: Path) -> None:
    code, said = prune(shell, tmp_path)
    assert 0 == code
    assert "old.jsonl: 6 records, to record 6 with the hash " in said
    assert [7, 8, 9, 10] == [seq for seq, _ in store.records.lines()]
    last = json.loads(list(store.records.lines())[-1][1])
    assert ("pruned", ["pruned", 6], 2) == (last["kind"], last["about"], last["rows"])
    assert "records 1 to 6 were pruned" in shell("verify")[1]
    assert 0 == shell("verify")[0]
    assert shell("verify", str(tmp_path / "old.jsonl"))[1].startswith(
        f"6 records read, to record 6 with the hash {last['hash']}"
    )
    assert 3 == len(store.queries.audit()), "the journal stays whole"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE changes SET detail = 'forged' WHERE name = 'anna'",
        "UPDATE changes SET status = 'failed' WHERE name = 'bob'",
        "UPDATE changes SET after = replace(after, 'Viewer', 'Admin') WHERE name = 'bob'",
        "DELETE FROM records WHERE seq = 7",
        "UPDATE records SET line = replace(line, '\"rows\":2', '\"rows\":1') WHERE seq = 10",
        "INSERT INTO steps (change_id, call, at, refused) VALUES (1, 'POST /users eve', '2026-01-01', false)",
    ],
)
def test_what_is_done_after_pruning_is_found(store: Stores, shell: Any, tmp_path: Path, statement: str) -> None:
    prune(shell, tmp_path)
    edit(store, statement)
    assert 1 == shell("verify")[0]


def test_pruning_twice_goes_on(store: Stores, shell: Any, tmp_path: Path) -> None:
    prune(shell, tmp_path)
    assert "nothing to prune" in prune(shell, tmp_path, "again.jsonl")[1]
    assert 0 == shell("verify")[0]
    for name in ("dora", "emil"):
        made(store, created(name, "Viewer"), now=NOW)
    with store.database.write() as connection:
        assert last_before(connection, NOW + timedelta(days=9999)) > 6
    stub = store.records.prunable(NOW + timedelta(seconds=1))
    store.records.prune(stub, now=NOW)
    assert 0 == shell("verify")[0]
    edit(store, "UPDATE changes SET detail = 'forged' WHERE name = 'anna'")
    assert 1 == shell("verify")[0]


def test_what_belongs_to_an_open_change_stays(store: Stores, shell: Any, tmp_path: Path) -> None:
    fay = created("fay", "Viewer")
    opened(store, planned(store, fay, now=OLD), fay, now=OLD).before("POST /users/fay")
    made(store, created("gus", "Viewer"), now=OLD)
    number = store.ledger.unsettled("prod")[0].id
    assert store.records.prunable(NOW + timedelta(days=1)).through < 12
    store.ledger.settle(number, Status.FAILED, "", now=NOW, final=True)
    assert store.records.prunable(NOW + timedelta(days=1)).through > 12


def test_a_crash_between_the_stub_and_the_deletion_leaves_a_chain_that_is_proven(store: Stores, shell: Any) -> None:
    from syncd.store import pruning

    stub = store.records.prunable(NOW)
    store.database.commit(lambda c: pruning.record(c, stub, now=NOW))
    assert 0 == shell("verify")[0]
    assert 6 == store.records.prune(stub, now=NOW)
    assert 0 == shell("verify")[0]


def test_a_journal_that_was_touched_is_not_pruned(store: Stores, shell: Any, tmp_path: Path) -> None:
    edit(store, "UPDATE changes SET detail = 'forged' WHERE name = 'anna'")
    code, said = prune(shell, tmp_path)
    assert 1 == code
    assert "nothing was pruned" in said
    assert not (tmp_path / "old.jsonl").exists()


def test_a_file_is_not_written_over_and_the_last_month_stays(store: Stores, shell: Any, tmp_path: Path) -> None:
    (tmp_path / "old.jsonl").write_text("mine", encoding="ascii")
    assert 3 == prune(shell, tmp_path)[0]
    assert "mine" == (tmp_path / "old.jsonl").read_text()
    assert 9 == len(list(store.records.lines()))
    assert 3 == shell("prune", "--before", "1d", "--to", str(tmp_path / "x"))[0]
