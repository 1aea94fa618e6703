"""The tables of a migrated database are those that the program knows, from whatever revision it comes."""

from __future__ import annotations

import multiprocessing
from contextlib import closing

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from journal_rows import all_runs
from sqlalchemy import insert
from store_samples import NOW, at, snapshot

from syncd.errors import StoreError
from syncd.model import Change, Scope, User
from syncd.store import Stores, codec, migrate
from syncd.store.daemon_schema import EVERY_TABLE
from syncd.store.engine import Database
from syncd.store.migrations import alembic_config
from syncd.store.schema import (
    REVISION,
    VERSION_TABLE,
    accounts,
    changes,
    ownership,
    plans,
    runs,
    snapshots,
)

REVISIONS = [s.revision for s in ScriptDirectory.from_config(alembic_config()).walk_revisions()]


def differences(url: str) -> list[object]:
    """List what Alembic would change in a database to make it as the program's tables."""
    with closing(Database(url)) as database, database.read() as connection:
        options = {"compare_type": True, "version_table": VERSION_TABLE}
        return list(compare_metadata(MigrationContext.configure(connection, opts=options), EVERY_TABLE))


def revision(url: str) -> str:
    with closing(Database(url)) as database, database.read() as connection:
        return str(connection.exec_driver_sql(f"SELECT version_num FROM {VERSION_TABLE}").scalar_one())


def set_revision(url: str, to: str) -> None:
    with closing(Database(url)) as database, database.write() as connection:
        connection.exec_driver_sql(f"UPDATE {VERSION_TABLE} SET version_num = '{to}'")


def test_the_newest_migration_is_the_one_that_the_program_names() -> None:
    assert [REVISION] == ScriptDirectory.from_config(alembic_config()).get_heads()
    assert sorted(REVISIONS, reverse=True) == REVISIONS
    assert {4} == {len(r) for r in REVISIONS}


def test_an_empty_database_gets_the_tables_of_the_program(empty_database_url: str) -> None:
    migrate(empty_database_url)
    assert [] == differences(empty_database_url)
    assert REVISION == revision(empty_database_url)


@pytest.mark.parametrize("start", REVISIONS)
def test_each_revision_is_upgraded_to_the_tables_of_the_program(empty_database_url: str, start: str) -> None:
    migrate(empty_database_url, to=start)
    assert start == revision(empty_database_url)
    migrate(empty_database_url)
    assert [] == differences(empty_database_url)


def test_what_the_second_revision_kept_is_read(empty_database_url: str) -> None:
    migrate(empty_database_url, to="0002")
    body, times = (codec.pack(text) for text in codec.snapshot_to(snapshot()))
    with closing(Database(empty_database_url)) as database, database.write() as connection:
        run = insert(runs).values(id=1, command="apply", scope='["anna"]', by="root", host="h", pid=1, started_at=NOW)
        connection.execute(run)
        read = {"source": "okta", "digest": "x", "saved": 4, "taken_at": NOW, "last_seen_at": NOW}
        connection.execute(insert(snapshots).values(**read, body=body, times=times))
    with closing(Stores.open(empty_database_url)) as store:
        assert snapshot() == store.readings.last_snapshot("okta")
        assert Scope.people(["anna"]) == codec.scope_from(codec.loads(all_runs(store)[0].scope))
        store.readings.save_snapshot(snapshot(taken_at=at(1)))
        assert snapshot(taken_at=at(1)) == store.readings.last_snapshot("okta")


def test_migrating_twice_is_migrating_once(empty_database_url: str) -> None:
    migrate(empty_database_url)
    migrate(empty_database_url)
    assert REVISION == revision(empty_database_url)


def test_a_table_that_was_changed_by_hand_is_a_difference(empty_database_url: str) -> None:
    migrate(empty_database_url)
    with closing(Database(empty_database_url)) as database, database.write() as connection:
        connection.exec_driver_sql("ALTER TABLE runs DROP COLUMN summary")
    assert 1 == len(differences(empty_database_url))


def test_a_database_of_a_newer_syncd_is_left_alone(empty_database_url: str) -> None:
    migrate(empty_database_url)
    set_revision(empty_database_url, "9999")
    for use in (migrate, Stores.open):
        with pytest.raises(StoreError, match="at revision 9999 of a newer syncd, and this one knows"):
            use(empty_database_url)
    assert "9999" == revision(empty_database_url)


def test_a_migration_that_fails_leaves_nothing_behind(empty_database_url: str) -> None:
    with closing(Database(empty_database_url)) as database, database.write() as connection:
        connection.exec_driver_sql("CREATE TABLE touches (mine int)")
    with pytest.raises(StoreError, match="touches"):
        migrate(empty_database_url)
    with closing(Database(empty_database_url)) as database, database.write() as connection:
        connection.exec_driver_sql("DROP TABLE touches")
    migrate(empty_database_url)
    assert [] == differences(empty_database_url)


def _open(url: str) -> None:
    with closing(Stores.open(url)) as store:
        store.ledger.unsettled("prod")


def test_processes_that_start_together_on_a_new_database_all_start(empty_database_url: str) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_open, args=(empty_database_url,)) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [0] * 4 == [process.exitcode for process in processes]


@pytest.mark.finding("A-F2")
@pytest.mark.finding("H-E20")
def test_names_that_unicode_folds_together_are_taken_apart(empty_database_url: str) -> None:
    """What syncd owned under the old key belongs to the name that the change of it says; what was adopted keeps its own."""
    migrate(empty_database_url, to="0008")
    made = Change(None, User("Straße", "s@x", "S", "X", frozenset({"fin"})))
    with closing(Database(empty_database_url)) as database, database.write() as connection:
        run = {"id": 1, "command": "apply", "scope": "null", "by": "root", "host": "h", "pid": 1}
        connection.execute(insert(runs).values(**run, started_at=NOW))
        plan = {"id": 1, "run_id": 1, "deployment": "prod", "digest": "x", "everything": True, "made_at": NOW}
        connection.execute(insert(plans).values(**plan, scope="null", kept="[]", notes="[]"))
        change = {
            "id": 7,
            "plan_id": 1,
            "seq": 0,
            "subject": "user",
            "kind": "create",
            "name": "strasse",
            "fingerprint": "f",
        }
        body = {"after": codec.dumps(codec.thing_to(made.after)), "because": "[]", "status": "applied", "detail": ""}
        connection.execute(insert(changes).values(**change, **body, moved_at=NOW, settled_by_looking=False))
        kept = {"deployment": "prod", "since": NOW}
        for things in (
            {"kind": "user", "name": "strasse", "role": "", "change_id": 7},
            {"kind": "grant", "name": "strasse", "role": "fin", "change_id": 7},
            {"kind": "grant", "name": "ärger", "role": "fin", "change_id": None},
            {"kind": "role", "name": "strasse", "role": "", "change_id": None},
        ):
            connection.execute(insert(ownership).values(**kept, **things))
        account = {
            "name": "strasse",
            "source": "people",
            "person": "1",
            "email": "s@x",
            "at": NOW,
            "deployment": "prod",
        }
        connection.execute(insert(accounts).values(**account))
    with closing(Stores.open(empty_database_url)) as store:
        owned = store.holdings.owned("prod")
        assert frozenset({"straße"}) == owned.users
        assert {"straße": frozenset({"fin"}), "ärger": frozenset({"fin"})} == owned.grants
        assert frozenset({"strasse"}) == owned.roles
        assert ["straße"] == [a.name for a in store.holdings.made_accounts("prod", ids=None, emails=())]
