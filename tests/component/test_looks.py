"""What was seen last of a deployment is kept: in parts, as far as each look looked."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest
from memory_journal import MemoryJournal
from stages import DAGS, People, Stage, put
from store_samples import NOW, at, role, user

from syncd.model import Dag, Learned, ObservedState, Permission, Role, Scope, SeenDags, Sighting, User, VanishedDag
from syncd.ports import Looks
from syncd.store import Stores
from syncd.store.engine import Database
from syncd.store.schema_looks import looks as table
from syncd.targets.memory import MemoryTarget


@pytest.fixture(params=["memory", "database"])
def looks(request: pytest.FixtureRequest, store: Stores) -> Looks:
    return MemoryJournal().looks if request.param == "memory" else store.looks


def observed(*users: User, roles: tuple[Role, ...] = (), scope: Scope = Scope()) -> ObservedState:
    return ObservedState("prod", {u.username: u for u in users}, {r.name: r for r in roles}, scope)


def whole(*users: User, now: datetime = NOW, dags: tuple[Dag, ...] = DAGS) -> Sighting:
    state = observed(*users, roles=(role("finance", "Pools"),))
    return Sighting(now, replace(state, unclear={"twin": "two of them"}), Learned("{}"), "syncd", dags)


def some(*users: User, about: tuple[str, ...], now: datetime) -> Sighting:
    return Sighting(now, observed(*users, scope=Scope.people(about)), Learned("{}"), "syncd")


def test_what_a_whole_look_saw_is_given_back(looks: Looks) -> None:
    assert looks.last("prod") is None

    looks.keep("prod", look := whole(user("anna", "finance")))

    seen = looks.last("prod")
    assert seen is not None
    assert replace(look.observed, scope=Scope()) == seen.observed()
    assert (DAGS, "syncd", Learned("{}"), NOW) == (seen.dags, seen.own_account, seen.learned, seen.at)
    assert SeenDags(seen.learned, seen.dags, seen.at) == looks.listed("prod")


def test_a_look_at_a_few_people_is_laid_over_that_at_all(looks: Looks) -> None:
    looks.keep("prod", whole(user("anna", "finance"), user("bob", "finance"), user("cid")))
    looks.keep("prod", some(user("anna", "Viewer"), about=("anna", "bob", "twin"), now=at(1)))

    seen = looks.last("prod")
    assert seen is not None
    assert {"anna": user("anna", "Viewer"), "cid": user("cid")} == seen.users
    assert {} == seen.unclear
    assert NOW == seen.at

    looks.keep("prod", whole(user("bob", "finance"), now=at(2)))
    seen = looks.last("prod")
    assert seen is not None
    assert {"bob": user("bob", "finance")} == seen.users


def test_nothing_is_known_of_one_that_was_never_looked_at_whole(looks: Looks) -> None:
    looks.keep("prod", some(user("anna"), about=("anna",), now=NOW))
    assert looks.last("prod") is None
    assert looks.listed("prod") is None


def test_a_look_at_roles_on_dags_leaves_people_as_they_were(looks: Looks) -> None:
    looks.keep("prod", whole(user("anna", "finance")))
    now = Role("finance", frozenset({Permission("can_read", "DAG:new", "new")}))
    state = observed(roles=(now,), scope=Scope.of_dags(["new"]))
    looks.keep("prod", Sighting(at(3), state, Learned("{}"), None, (Dag("new"),)))

    seen = looks.last("prod")
    assert seen is not None
    assert ({"finance": now}, (Dag("new"),)) == (seen.roles, seen.dags)
    assert (at(3), at(3), NOW) == (seen.roles_at, seen.dags_at, seen.people_at)
    assert "new" == next(iter(seen.roles["finance"].permissions)).dag
    assert ["anna"] == list(seen.users)


def test_a_look_that_began_earlier_changes_nothing(store: Stores) -> None:
    store.looks.keep("prod", whole(user("anna"), now=at(5)))
    store.looks.keep("prod", some(user("anna", "Op"), about=("anna",), now=at(7)))
    store.looks.keep("prod", whole(user("bob"), now=at(1)))
    store.looks.keep("prod", some(user("anna"), about=("anna",), now=at(6)))

    seen = store.looks.last("prod")
    assert seen is not None
    assert {"anna": user("anna", "Op")} == seen.users
    assert at(5) == seen.at


def test_what_is_as_it_was_is_not_written_again(store: Stores) -> None:
    store.looks.keep("prod", whole(user("anna")))
    written = bodies(store.database)
    with store.database.write() as connection:
        connection.execute(table.update().values(body=b"untouched"))
    store.looks.keep("prod", whole(user("anna"), now=at(1)))
    store.looks.keep("prod", whole(user("bob"), now=at(2)))

    assert {"people"} == {part for part, body in bodies(store.database).items() if body != b"untouched"}
    assert {"abilities", "dags", "roles", "people"} == written.keys()


def bodies(database: Database) -> dict[str, bytes]:
    with database.read() as connection:
        return {row.part: row.body for row in connection.execute(table.select())}


def test_what_is_said_of_a_dag_is_kept(looks: Looks) -> None:
    dags = (Dag("a"), Dag("b", frozenset({"x", "y"}), frozenset({"o"})))
    looks.keep("prod", whole(dags=dags))
    seen = looks.last("prod")
    assert seen is not None
    assert dags == seen.dags


def test_dags_that_were_not_listed_any_more_are_kept_until_the_next_listing(looks: Looks) -> None:
    gone = (VanishedDag(Dag("b", frozenset({"y", "x"}), bundle="fin", path="b.py"), NOW), VanishedDag(Dag("c"), at(1)))
    assert () == looks.vanished("prod")

    looks.keep("prod", replace(whole(), vanished=gone))
    assert (gone, DAGS) == (looks.vanished("prod"), looks.dags("prod"))
    looks.keep("prod", some(user("anna"), about=("anna",), now=at(1)))
    assert gone == looks.vanished("prod"), "a look at a few people lists no DAGs"
    looks.keep("prod", whole(now=at(2)))
    assert () == looks.vanished("prod")


# --- what passes keep -------------------------------------------------------------------------------------------------


@pytest.fixture
def stage(store: Stores) -> Stage:
    return Stage(store, People({"finance": ["anna", "bob"]}), {"prod": MemoryTarget.of("prod", dags=DAGS)})


def test_a_plan_keeps_what_it_saw_and_an_apply_what_it_read_back(stage: Stage) -> None:
    stage.plan()
    first = stage.store.looks.last("prod")
    stage.apply()
    after = stage.store.looks.last("prod")

    assert ((), DAGS) == (tuple(first.users), first.dags)
    assert (stage.prod.users, stage.prod.roles) == (after.users, after.roles)


def test_a_pass_over_a_few_people_keeps_what_it_saw_of_them(stage: Stage) -> None:
    stage.apply()
    put(stage.prod, replace(stage.prod.users["anna"], roles=frozenset({"Op"})))
    put(stage.prod, replace(stage.prod.users["bob"], roles=frozenset({"Op"})))
    stage.people.members = {"finance": ["bob"]}
    stage.now = at(60)
    stage.apply(scope=Scope.people(["anna"]))

    seen = stage.store.looks.last("prod")
    assert frozenset({"Op"}) == seen.users["anna"].roles
    assert frozenset({"finance", "Viewer"}) == seen.users["bob"].roles, "nobody looked at bob"


def test_what_was_seen_of_another_server_is_set_aside(stage: Stage) -> None:
    stage.address = "https://one"
    stage.apply()
    stage.address = "https://two"
    stage.targets["prod"] = MemoryTarget.of("prod")
    stage.plan()

    seen = stage.store.looks.last("prod")
    assert DAGS == seen.dags, "a plan of other files changes nothing of what is in force"
    stage.apply()
    assert () == stage.store.looks.last("prod").dags
    assert DAGS == stage.store.looks.last("prod at https://one").dags
