"""The journal is chained as it is written, by however many processes, and what is edited afterwards is named."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import MetaData, text
from store_samples import NOW, at, created, made, moved, opened, planned

from syncd.errors import StoreError
from syncd.http.secrets import remember
from syncd.model import Outcome, Status
from syncd.store import Stores, chain, migrate
from syncd.store.engine import Database
from syncd.store.schema import VERSION_TABLE


def kinds(store: Stores) -> list[str]:
    return [json.loads(line)["kind"] for _, line in store.records.lines()]


def story(store: Stores) -> None:
    """One change of two calls, one that failed and was found made later, one that is open."""
    anna = created("anna", "Viewer")
    entry = opened(store, planned(store, anna), anna)
    entry.after(entry.before("POST /users"), "200")
    entry.after(entry.before("GET /users/anna"), "404", refused=True)
    entry.conclude(Outcome(anna, Status.APPLIED), now=at(1))
    failed = made(store, created("bob", "Op"), Status.UNKNOWN, now=at(2))
    store.ledger.settle(failed, Status.APPLIED, "found by looking", now=at(3))
    carol = moved("carol", {"Op"}, {"Viewer"})
    opened(store, planned(store, carol), carol).before("PATCH /users/carol")


def told(store: Stores) -> list[str]:
    return [str(flaw) for flaw in store.records.verify().flaws]


def test_a_change_is_chained_from_its_plan_to_its_end(store: Stores) -> None:
    story(store)
    assert ["plan", "intent", "call", "outcome"] == kinds(store)[:4]
    lines = [json.loads(line) for _, line in store.records.lines()]
    assert [1, "POST /users"] == lines[1]["call"]
    assert [[1, "200", False]] == lines[2]["answers"]
    assert [[2, "404", True]] == lines[3]["answers"]
    assert ["outcome", "outcome"] == kinds(store)[6:8], "a look found how it ended"
    assert [] == told(store)
    assert len(lines) == store.records.verify().count


COPIED = (
    "plan_id, seq, subject, kind, fingerprint, before, after, because, status, detail, intent_at, moved_at, "
    "settled_by_looking"
)
TAMPERED = {
    "a status": ("UPDATE changes SET status = 'failed' WHERE name = 'anna'", "record 4: change 1 .* status was edited"),
    "what was given": (
        "UPDATE changes SET after = replace(after, 'Viewer', 'Admin') WHERE name = 'anna'",
        "record 4: change 1 .* content was edited",
    ),
    "who it was": ("UPDATE changes SET name = 'mallory' WHERE name = 'anna'", "record 4: change 1 .* name was edited"),
    "why": ("UPDATE changes SET because = '[]' WHERE name = 'anna'", "record 4: change 1 .* because was edited"),
    "a call": ("UPDATE steps SET call = 'GET' WHERE id = 1", "record 4: change 1 .* its calls was edited"),
    "an answer": ("UPDATE steps SET answer = '500' WHERE id = 2", "record 4: change 1 .* its calls was edited"),
    "a call is gone": ("DELETE FROM steps WHERE id = 2", "record 4: change 1 .* its calls was edited"),
    "who did it": ("UPDATE runs SET by = 'mallory' WHERE id = 1", "record 1: plan 1 .* by was edited"),
    "an approval": (
        "UPDATE plans SET approved = digest, approved_by = 'boss' WHERE id = 2",
        "record 5: plan 2 .* approved, approved_by was edited",
    ),
    "an open change is closed": (
        "UPDATE changes SET status = 'skipped' WHERE name = 'carol'",
        "record 10: change 3 .* status was edited",
    ),
    "a record": (
        "UPDATE records SET line = replace(line, 'anna', 'ella') WHERE seq = 2",
        "record 2: it was edited: its text has another hash",
    ),
    "a record is gone": ("DELETE FROM records WHERE seq = 3", "record 3: removed: 3 is missing between 2 and 4"),
    "the last record is gone": ("DELETE FROM records WHERE seq = 10", "change 3 was inserted"),
    "a record is no JSON": ("UPDATE records SET line = '[' WHERE seq = 2", "record 2: it was edited"),
    "a change was never chained": (
        f"INSERT INTO changes (id, name, {COPIED}) SELECT 77, 'eve', {COPIED} FROM changes WHERE id = 1",
        "change 77 was inserted into the journal: no record says that it was begun",
    ),
}


@pytest.mark.parametrize("case", TAMPERED)
def test_what_is_done_to_the_journal_behind_its_back_is_named(store: Stores, case: str) -> None:
    story(store)
    statement, expected = TAMPERED[case]
    with store.database.write() as connection:
        connection.execute(text(statement))
    with pytest.raises(AssertionError, match=expected):
        raise AssertionError("\n".join(told(store)))


def test_a_change_that_is_removed_with_all_that_hangs_on_it_is_named(store: Stores) -> None:
    story(store)
    with store.database.write() as connection:
        for table, column in (
            ("ownership", "change_id"),
            ("steps", "change_id"),
            ("awaited", "change_id"),
            ("changes", "id"),
        ):
            connection.execute(text(f"DELETE FROM {table} WHERE {column} = 1"))
    assert ["record 2: change 1 of the journal, of which it speaks, was removed"] == told(store)


def test_what_is_not_committed_is_not_chained(store: Stores) -> None:
    def broken(connection: object) -> None:
        chain.append(connection, "plan", now=NOW, facts={})  # type: ignore[arg-type]
        raise StoreError("no")

    with pytest.raises(StoreError, match="no"):
        store.database.commit(broken)
    assert [] == kinds(store)


def test_a_record_holds_no_secret_that_somebody_answered(store: Stores) -> None:
    remember("a-long-and-secret-password")
    made(store, created("anna", "Viewer"), Status.FAILED)
    anna = created("zoe", "Viewer")
    entry = opened(store, planned(store, anna), anna)
    entry.after(entry.before("POST"), "400 a-long-and-secret-password")
    entry.conclude(Outcome(anna, Status.FAILED, "it said a-long-and-secret-password"), now=NOW)
    assert not [line for _, line in store.records.lines() if "secret-password" in line]
    assert [] == told(store)


WRITER = """
import sys
sys.path.insert(0, sys.argv[1])
from store_samples import created, made
from syncd.store import Stores
store = Stores.open(sys.argv[2])
for number in range(15):
    made(store, created(f"{sys.argv[3]}{number}", "Viewer"), deployment=sys.argv[3])
store.ledger.end_run(1, exit_code=0, summary={}, now=__import__("store_samples").NOW)
"""


def test_processes_that_write_at_the_same_time_make_one_chain(database_url: str) -> None:
    migrate(database_url)
    command = [sys.executable, "-c", WRITER, str(Path(__file__).parents[1]), database_url]
    writers = [subprocess.Popen([*command, name]) for name in ("a", "b", "c")]
    assert [0, 0, 0] == [writer.wait() for writer in writers]
    with closing(Stores.open(database_url)) as store:
        assert 3 * 15 * 3 == store.records.verify().count
        assert [] == told(store)


def test_a_number_cannot_be_taken_twice(store: Stores) -> None:
    made(store, created("anna", "Viewer"))
    again = text("INSERT INTO records (seq, line, hash) SELECT seq, line, hash FROM records WHERE seq = 1")
    with pytest.raises(StoreError, match=r"(?i)unique"), store.database.write() as connection:
        connection.execute(again)


def as_of_0018(new: Stores, url: str) -> None:
    """Make a database as it was before there were records, with what is in another one."""
    migrate(url, to="0018")
    with closing(Database(url)) as database, database.write() as old, new.database.read() as connection:
        there = MetaData()
        there.reflect(old)
        for table in there.sorted_tables:
            names = [column.name for column in table.columns]
            if table.name != VERSION_TABLE:
                rows = connection.execute(text(f"SELECT {', '.join(map(quoted, names))} FROM {table.name}")).all()
                placed = ", ".join(f":c{n}" for n in range(len(names)))
                into = text(f"INSERT INTO {table.name} ({', '.join(map(quoted, names))}) VALUES ({placed})")
                if rows:
                    old.execute(into, [{f"c{n}": value for n, value in enumerate(row)} for row in rows])


def quoted(name: str) -> str:
    return f'"{name}"'


def test_an_old_journal_is_chained_as_it_is_found(make_database: Callable[[str], str]) -> None:
    url = make_database("old")
    with closing(Stores.open(make_database("new"))) as store:
        story(store)
        for number in range(3):
            made(store, created(f"p{number}", "Viewer"))
        as_of_0018(store, url)
    with closing(Stores.open(url)) as store:
        assert ["earlier"] * 6 == kinds(store)
        assert [] == told(store)
        [carol] = store.ledger.unsettled("prod")
        store.ledger.settle(carol.id, Status.FAILED, "", now=at(9))
        assert [] == told(store)
        with store.database.write() as connection:
            connection.execute(text("UPDATE changes SET status = 'applied' WHERE name = 'carol'"))
        assert 1 == len(told(store))


@pytest.mark.finding("N-1950")
def test_a_row_that_was_damaged_before_ends_no_upgrade(make_database: Callable[[str], str]) -> None:
    url = make_database("old")
    with closing(Stores.open(make_database("new"))) as store:
        for number in range(3):
            made(store, created(f"p{number}", "Viewer"))
        with store.database.write() as connection:
            connection.execute(text("UPDATE changes SET because = '[' WHERE id = 2"))
        as_of_0018(store, url)
    with closing(Stores.open(url)) as store:
        assert [] == told(store)
        with store.database.write() as connection:
            connection.execute(text("UPDATE changes SET because = '[]' WHERE id = 2"))
        assert 1 == len(told(store))
