"""What a deployment is, what it lists, and how it spells what a role must contain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from syncd.model.naming import Naming
from syncd.model.rules import Level, Permission


class Adopt(StrEnum):
    """What syncd makes its own of things that it finds on a deployment and did not put there.

    never     nothing: what was there before stays for ever unless a person removes it
    matching  a grant that a mapping line gives as well, and a role that already is exactly as the mapping says
    declared  the same, and every role that a mapping file defines, whatever permissions it has
    """

    NEVER = "never"
    MATCHING = "matching"
    DECLARED = "declared"


@dataclass(frozen=True, slots=True)
class Deployment:
    """What mapping evaluation and planning know of a deployment before they look at it.

    `username` is the template of account names (`okta_{id}`, `{id}`, `{login}`, `{email}`). `login_source` is the source
    whose identity fills it in; empty: the first in precedence that knows the person.
    """

    name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    username: str = "{login}"
    match_email: bool = False
    delete_leavers: bool = False
    remove_manual_grants: bool = False
    """Whether people who hold a role that syncd owns, and whom no mapping line gives it, lose it."""
    adopt: Adopt = Adopt.MATCHING
    protected: frozenset[str] = frozenset()
    """User names that are never touched, nor is any that a database might take for one of them."""
    break_glass: frozenset[str] = frozenset()
    """Accounts for emergencies, which are protected too: each use of one is told."""
    login_source: str = ""
    dag_grace: timedelta = timedelta(0)
    """How long roles keep what they have on a DAG that is not listed any more."""
    naming: Naming = field(kw_only=True)
    """What its kind of target takes for a name."""
    add_only: bool = field(default=False, kw_only=True)
    """Whether things are given there, and nothing is taken."""


@dataclass(frozen=True, slots=True)
class Dag:
    """A DAG as a deployment lists it. Where the server does not say its bundle or its file, that is None: it may be any.

    `path` is its file as seen from its bundle, or from the folder of all DAGs.
    """

    id: str
    tags: frozenset[str] = frozenset()
    owners: frozenset[str] = frozenset()
    bundle: str | None = None
    path: str | None = None


@dataclass(frozen=True, slots=True)
class VanishedDag:
    """A DAG that a deployment listed, as it was, and since when it does not."""

    dag: Dag
    since: datetime


@dataclass(frozen=True, slots=True)
class BuiltIn:
    """What one of the target's own roles holds: on its own, and on every DAG. `doubt` says why that is not sure; empty: it is."""

    permissions: frozenset[Permission]
    all_dags: frozenset[Permission]
    doubt: str = ""


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a deployment spells what a role must contain: data, made by the adapter from what it found out by looking.

    `every_role` is in each custom role (Airflow adds it by itself). `levels` gives for each level the permissions that
    are not bound to a DAG, and those that are, as templates with `{dag}`. A level does not repeat the levels it includes.
    `everywhere` gives for such a template the permission that has it on every DAG, where there is one.
    `role_deletion_breaks` says what the deletion of a role can break there by itself; empty: nothing. `untold` says of what the
    server never tells of a DAG (`bundle`, `path`) why that is, and what to do. `built_in` is what those of the target's own
    roles hold that a role can extend. `dag_actions` gives for each word of `Naming.dag_actions` that means something there the
    same as `levels` does for a level. `renamed` gives what the server calls a resource that other releases call otherwise.
    """

    every_role: frozenset[Permission]
    levels: Mapping[Level, tuple[frozenset[Permission], frozenset[Permission]]]
    everywhere: Mapping[Permission, Permission] = field(default_factory=dict)
    role_deletion_breaks: str = ""
    untold: Mapping[str, str] = field(default_factory=dict)
    built_in: Mapping[str, BuiltIn] = field(default_factory=dict)
    renamed: Mapping[str, str] = field(default_factory=dict)
    dag_actions: Mapping[str, tuple[frozenset[Permission], frozenset[Permission]]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Role:
    """A role and all its permissions. `unfinished` is only ever true of an observed role: a change of it was cut off."""

    name: str
    permissions: frozenset[Permission]
    unfinished: bool = False


@dataclass(frozen=True, slots=True)
class User:
    """An account, in Airflow's words."""

    username: str
    email: str
    first_name: str
    last_name: str
    roles: frozenset[str]
