"""What was seen of deployments, in the parts that a look brings: each is written only where it is another one than before."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from typing import Any

from syncd.model import Dag, ObservedState, Permission, Role, User, VanishedDag
from syncd.store.codec.plans import permission_from, permission_to, user_from, user_to
from syncd.store.codec.text import VERSION, Json, reader, time_from, versioned

# --- DAGs -------------------------------------------------------------------------------------------------------------


def dags_to(dags: Iterable[Dag], vanished: Iterable[VanishedDag] = ()) -> Json:
    """Write each DAG as its id and what else is said of it, by the name of the field; what says nothing is left out."""
    gone = [[one.dag.id, _said_of(one.dag), one.since.isoformat()] for one in vanished]
    return {"v": VERSION, "dags": [[dag.id, _said_of(dag)] for dag in dags]} | ({"gone": gone} if gone else {})


def _said_of(dag: Dag) -> dict[str, Json]:
    said = {field.name: value for field in _FIELDS if (value := getattr(dag, field.name)) != field.default}
    return {name: sorted(value) if isinstance(value, frozenset) else value for name, value in said.items()}


@reader("DAGs")
def dags_from(body: Json) -> tuple[Dag, ...]:
    return tuple(_dag_from(id_, said) for id_, said in versioned(body, "dags", "gone")["dags"])


@reader("DAGs")
def vanished_from(body: Json) -> tuple[VanishedDag, ...]:
    gone = versioned(body, "dags", "gone").get("gone", ())
    return tuple(VanishedDag(_dag_from(id_, said), time_from(since)) for id_, said, since in gone)


def dags_patch(before: Json, after: Json) -> Json | None:
    """Say what changed from one list of DAGs to another, as `dags_to` writes them; None: nothing but the order."""
    was, now = dict(before["dags"]), dict(after["dags"])
    came = [[id_, said] for id_, said in now.items() if was.get(id_) != said]
    gone = [id_ for id_ in was if id_ not in now]
    return {"v": VERSION, "came": came, "gone": gone} if came or gone else None


@reader("what changed in a list of DAGs")
def dags_patched(before: tuple[Dag, ...], patch: Json) -> tuple[Dag, ...]:
    """Give the list after what `dags_patch` says, by id."""
    versioned(patch, "came", "gone")
    known = {dag.id: dag for dag in before} | {id_: _dag_from(id_, said) for id_, said in patch["came"]}
    return tuple(known[id_] for id_ in sorted(known.keys() - frozenset(patch["gone"])))


def _dag_from(id_: str, said: Mapping[str, Any]) -> Dag:
    known: dict[str, Any] = {n: frozenset(value) if isinstance(value, list) else value for n, value in said.items()}
    dag = Dag(id_, **known)
    if not all(isinstance(word, str) for word in _words_of(dag)):
        raise TypeError(id_)
    return dag


def _words_of(dag: Dag) -> Iterator[object]:
    """Give all of it that has to be text."""
    yield from (dag.id, *dag.tags, *dag.owners)
    yield from (where for where in (dag.bundle, dag.path) if where is not None)


_FIELDS = tuple(field for field in fields(Dag) if field.name != "id")

# --- roles ------------------------------------------------------------------------------------------------------------


def roles_to(roles: Mapping[str, Role]) -> Json:
    """Write a permission once and name it by its place: hundreds of roles hold the same thousands."""
    every = sorted(frozenset[Permission]().union(*(role.permissions for role in roles.values())), key=_in_order)
    place = {permission: n for n, permission in enumerate(every)}
    held = {name: [sorted(place[p] for p in role.permissions), role.unfinished] for name, role in sorted(roles.items())}
    return {"v": VERSION, "permissions": [permission_to(p) for p in every], "roles": held}


def _in_order(permission: Permission) -> tuple[str, str]:
    return permission.resource, permission.action


@reader("roles")
def roles_from(body: Json) -> dict[str, Role]:
    versioned(body, "permissions", "roles")
    every = [permission_from(*parts) for parts in body["permissions"]]
    return {
        name: Role(name, frozenset(map(every.__getitem__, places)), bool(unfinished))
        for name, (places, unfinished) in body["roles"].items()
    }


# --- abilities --------------------------------------------------------------------------------------------------------


def abilities_to(learned: str, own_account: str | None) -> Json:
    """Write what was found out about the server, as its adapter has it, and the account that syncd runs as there."""
    return {"v": VERSION, "learned": learned, "own_account": own_account}


@reader("abilities")
def abilities_from(body: Json) -> tuple[str, str | None]:
    versioned(body, "learned", "own_account")
    return body["learned"], body["own_account"]


# --- people -----------------------------------------------------------------------------------------------------------


def people_to(observed: ObservedState) -> Json:
    users = {name: user_to(user) for name, user in observed.users.items()}
    return {"v": VERSION, "users": users, "unclear": dict(observed.unclear)}


@reader("accounts")
def people_from(body: Json) -> tuple[dict[str, User], dict[str, str]]:
    versioned(body, "users", "unclear")
    return {name: user_from(said) for name, said in body["users"].items()}, dict(body["unclear"])


def person_to(name: str, observed: ObservedState) -> Json:
    """Write one account that was looked at: what it is, that it is not clear which it is and why, or null: there is none."""
    if name in observed.users:
        return {"v": VERSION, "user": user_to(observed.users[name])}
    return {"v": VERSION, "unclear": observed.unclear[name]} if name in observed.unclear else None


@reader("an account")
def person_over(name: str, body: Json, users: dict[str, User], unclear: dict[str, str]) -> None:
    """Put one account that was looked at later over what was known of all."""
    users.pop(name, None)
    unclear.pop(name, None)
    if body is None:
        return
    versioned(body, "user", "unclear")
    if "user" in body:
        users[name] = user_from(body["user"])
    else:
        unclear[name] = body["unclear"]
