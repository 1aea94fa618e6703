"""What is ours is in the chain with its cause, and a row of it that was edited behind the journal's back is named."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from store_samples import NOW, at, created, left, made

from syncd.model import Owned, Status
from syncd.ports import Truth
from syncd.store import Stores, migrate, ownership
from syncd.store.engine import Database

ANNA = Owned(users=frozenset({"anna"}), roles=frozenset({"fin"}), grants={"anna": frozenset({"fin", "Op"})})


def owned(store: Stores) -> list[dict[str, Any]]:
    lines = (json.loads(line) for _, line in store.records.lines())
    return [facts for facts in lines if facts["kind"] == "ownership"]


def told(store: Stores) -> list[str]:
    return [str(flaw) for flaw in store.records.verify().flaws]


def later() -> datetime:
    return datetime.now(UTC)


def story(store: Stores) -> None:
    """Adopted, made by changes, taken by a change and by another hand, left to somebody, and a change that failed."""
    store.holdings.adopt("prod", ANNA)
    store.holdings.adopt("prod", Owned(roles=frozenset({"fin"})))
    made(store, created("bob", "Viewer"))
    made(store, created("carol", "Viewer"))
    made(store, left("carol", "Viewer"), now=at(1))
    made(store, created("dora", "Viewer"), Status.FAILED)
    store.holdings.disown("prod", Owned(grants={"anna": frozenset({"Op"})}), now=later())
    store.holdings.adopt("dev", ANNA)
    store.database.commit(lambda c: ownership.disown_role(c, "dev", "fin", now=later()))


@pytest.mark.finding("N-627")
def test_what_no_change_gave_or_took_is_chained_with_its_cause(store: Stores) -> None:
    story(store)

    assert [
        (
            "prod",
            "adopted",
            [["grant", "anna", "Op"], ["grant", "anna", "fin"], ["role", "fin", ""], ["user", "anna", ""]],
        ),
        ("prod", "adopted", [["role", "fin", ""]]),
        ("prod", "another_hand", [["grant", "anna", "Op"]]),
        (
            "dev",
            "adopted",
            [["grant", "anna", "Op"], ["grant", "anna", "fin"], ["role", "fin", ""], ["user", "anna", ""]],
        ),
        ("dev", "left_to_another", ["fin"]),
    ] == [(r["deployment"], r["cause"], r.get("owned") or r.get("ended") or r["ended_roles"]) for r in owned(store)]
    assert [] == told(store)


@pytest.mark.finding("N-627")
def test_beginning_anew_is_a_cause(store: Stores) -> None:
    story(store)
    store.installation.recover(Truth.BEGIN_ANEW, by="eve")

    assert ("begin_anew", True) == (owned(store)[-1]["cause"], owned(store)[-1]["ended_all"])
    assert [] == told(store)


EDITED = {
    "ours that never was": (
        "INSERT INTO ownership (id, deployment, kind, name, role, since) "
        "SELECT 77, deployment, kind, 'mallory', 'Admin', since FROM ownership WHERE role = 'Op' AND deployment = 'prod'",
        "ownership of Admin of mallory on prod began, and no record says so",
    ),
    "ours by another's change": (
        "UPDATE ownership SET name = 'mallory' WHERE name = 'bob' AND kind = 'grant'",
        "ownership of Viewer of mallory on prod: change 1 gave something else",
    ),
    "ours elsewhere": (
        "UPDATE ownership SET deployment = 'dev' WHERE name = 'bob' AND kind = 'user'",
        "ownership of user bob on dev: change 1 gave something else",
    ),
    "ours since before": (
        "UPDATE ownership SET since = '2020-01-01 00:00:00.000000' WHERE name = 'bob' AND kind = 'user'",
        "ownership of user bob on prod: change 1 gave something else, or at another time",
    ),
    "adopted earlier": (
        "UPDATE ownership SET since = '2020-01-01 00:00:00.000000' WHERE role = 'fin' AND deployment = 'prod'",
        "ownership of fin of anna on prod began, and no record says so",
    ),
    "ours no more": (
        "UPDATE ownership SET until = since WHERE name = 'bob' AND kind = 'grant'",
        "ownership of Viewer of bob on prod ended, and no record says so",
    ),
    "not taken by a change": (
        "UPDATE ownership SET until = NULL, ended_by = NULL WHERE name = 'carol' AND kind = 'grant'",
        "ownership of Viewer of carol on prod is not over, and change 3 took it",
    ),
    "not taken by another hand": (
        "UPDATE ownership SET until = NULL WHERE role = 'Op' AND deployment = 'prod'",
        "record .*: ownership of Op of anna on prod is not over, and that is what it says",
    ),
    "not left to another": (
        "UPDATE ownership SET until = NULL WHERE kind = 'role' AND deployment = 'dev'",
        "record .*: ownership of role fin on dev is not over, and that is what it says",
    ),
    "not adopted": (
        "DELETE FROM ownership WHERE role = 'Op' AND deployment = 'dev'",
        "ownership of Op of anna on dev was removed: a record says that it began",
    ),
    "taken by a change that gave": (
        "UPDATE ownership SET until = since, ended_by = 4 WHERE name = 'bob' AND kind = 'grant'",
        "ownership of Viewer of bob on prod: change 4 took something else",
    ),
}


@pytest.mark.finding("N-627")
@pytest.mark.parametrize("case", EDITED)
def test_a_row_of_ownership_that_was_edited_is_named(store: Stores, case: str) -> None:
    story(store)
    statement, expected = EDITED[case]
    with store.database.write() as connection:
        assert connection.execute(text(statement)).rowcount

    with pytest.raises(AssertionError, match=expected):
        raise AssertionError("\n".join(told(store)))


@pytest.mark.finding("N-627")
def test_what_is_ours_from_before_it_was_chained_is_hashed_by_the_upgrade(make_database: Callable[[str], str]) -> None:
    url = make_database("old")
    migrate(url, to="0032")
    into = "INSERT INTO ownership (id, deployment, kind, name, role, since) VALUES (1, 'prod', 'user', 'anna', '', :at)"
    with closing(Database(url)) as database, database.write() as connection:
        connection.execute(text(into), {"at": "2026-03-01 12:00:00.000000"})
    with closing(Stores.open(url, clock=lambda: NOW + timedelta(days=1))) as store:
        assert [] == told(store)
        store.holdings.disown("prod", Owned(users=frozenset({"anna"})), now=later())
        assert [] == told(store), "it ended since, as a record says"
        with store.database.write() as connection:
            connection.execute(text("UPDATE ownership SET name = 'mallory'"))

        assert any("a row of ownership was edited, removed or inserted" in line for line in told(store))
