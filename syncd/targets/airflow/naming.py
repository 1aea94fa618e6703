"""Which names Airflow takes, what it reads out of them, and what it wants of an account beside its name.

Measured on Airflow 2.11.2 and 3.3.2: the role API makes roles whose path it can never reach again, PostgreSQL answers 500 to
names that are too long for its column, user names are compared without regard to case, an account with a "/" in its name can
never be reached again, and Airflow 3 refuses an empty first name, last name or e-mail.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar, Final

from syncd.model import Identity, Permission, User, drawn, permission_on
from syncd.text.characters import unseen

BUILT_IN_ROLES: Final = frozenset({"Admin", "Op", "User", "Viewer", "Public"})
"""Roles that Airflow itself defines. The API does not protect them."""

ADMIN_ROLES: Final = frozenset({"Admin"})
PRIVILEGED: Final = frozenset((
    "Connections", "Passwords", "Permission Pairs", "Permission Views", "Permissions", "Roles", "User", "Users", "Variables",
))  # fmt: skip
"""What only few should be able to change: who may do what, and the secrets that everything that runs there works with."""

BASE_ROLES: Final = ("Viewer", "User", "Op")
"""Those that a role can extend, each with all that the one before has: what they hold is known. Admin holds whatever there is."""

ACTIONS: Final = ("can_create", "can_delete", "can_edit", "can_read", "menu_access")
RENAMED: Final = {2: {"Assets": "Datasets"}, 3: {"Datasets": "Assets"}}
"""What a generation calls a resource that the other one has under another name, and that means the same."""
TRANSLATIONS: Final = {
    word: f'Airflow {generation} calls it "{there}", and is given that'
    for generation, words in RENAMED.items()
    for word, there in words.items()
}
DELETE_DAG: Final = "delete_dag"
DELETE_RUNS: Final = "delete_runs"
OWN_WORDS: Final = {
    f"{action} on {resource}": (action, beginning)
    for resource, beginning, actions in (
        ("DAG", "DAG:", ("can_read", "can_edit", "can_delete")),
        ("DAG Run", "DAG Run:", ("can_read", "can_create", "can_edit", "can_delete", "menu_access")),
    )
    for action in actions
}
"""What Airflow allows on one DAG, in its own words: the action, and what the resource begins with."""

RESOURCES: Final = frozenset((
    "Actions", "Admin", "All Audit Logs", "All Import Errors", "All Reparses", "Asset Aliases", "Assets", "Audit Logs",
    "Backfills", "Browse", "Cluster Activity", "Configurations", "Connections", "Dag Bundles", "DAG Code", "DAG Dependencies",
    "DAG Runs", "DAG Versions", "DAG Warnings", "DAGs", "Datasets", "Docs", "Documentation", "HITL Detail", "ImportError",
    "Jobs", "List Roles", "List Users", "My Password", "My Profile", "Passwords", "Permission Pairs", "Permission Views",
    "Permissions", "Plugins", "Pools", "Providers", "Resources", "Roles", "Security", "SLA Misses", "Task Instances",
    "Task Logs", "Task Reschedules", "Triggers", "User Stats Chart", "User's Statistics", "Users", "Variables", "View Menus",
    "Website", "XComs",
))  # fmt: skip
"""What permissions can be on, as the source of the releases from 2.9 to 3.3 and of FAB providers has it; plugins have more."""

LONGEST_ROLE: Final = 64
LONGEST_RESOURCE: Final = 250
LONGEST_DAG_ID: Final = LONGEST_RESOURCE - len("DAG Run:")
LONGEST_USERNAME: Final = 512
LONGEST_NAME: Final = 256
SECOND_NUMBER: Final = r"~(old)?([1-9][0-9]{0,3})"
"""How the name of a second role ends."""
_ROOM: Final = len("~old9999")
_HASH: Final = 8

_CHANGING: Final = frozenset({"can_create", "can_edit", "can_delete"})
_ON_DAGS: Final = (("DAG:", ""), ("DAG Run:", "runs"))
"""What a resource begins with that is on one DAG, and which part of the DAG that is."""
_SPELT_OTHERWISE: Final = {drawn(name): name for name in BUILT_IN_ROLES}
_UNWRITABLE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_UNREACHABLE: Final = re.compile(rf"[<{_UNWRITABLE.pattern[1:]}")


@dataclass(frozen=True, slots=True)
class AirflowNaming:
    """The rules of names of every Airflow: `model.Naming`; `extra_actions` and `extra_resources` are those of plugins."""

    extra_actions: frozenset[str] = frozenset()
    extra_resources: frozenset[str] = frozenset()

    built_in_roles: ClassVar[frozenset[str]] = BUILT_IN_ROLES
    base_roles: ClassVar[frozenset[str]] = frozenset(BASE_ROLES)
    public_role: ClassVar[str] = "Public"
    admin_roles: ClassVar[frozenset[str]] = ADMIN_ROLES
    privileged_roles: ClassVar[frozenset[str]] = ADMIN_ROLES | {"Op"}
    translations: ClassVar[Mapping[str, str]] = TRANSLATIONS
    dag_actions: ClassVar[tuple[str, ...]] = (DELETE_DAG, DELETE_RUNS, *OWN_WORDS)

    @property
    def actions(self) -> tuple[str, ...]:
        return (*ACTIONS, *sorted(self.extra_actions - set(ACTIONS)))

    @property
    def resources(self) -> frozenset[str]:
        return RESOURCES | self.extra_resources

    def permission(self, action: str, resource: str) -> Permission:
        return permission(action, resource)

    def is_privileged(self, permission: Permission) -> bool:
        return permission.resource in PRIVILEGED and permission.action in _CHANGING

    def role_problem(self, name: str) -> str:
        built_in = _SPELT_OTHERWISE.get(drawn(name))
        if built_in == name:
            return f'"{name}" is built into Airflow and cannot be defined; bind it as it is, or choose another name'
        if built_in and name.casefold() != built_in.casefold():
            return f'"{name}" looks like the built-in role "{built_in}" and has other letters; choose another name'
        if built_in:
            return f'"{name}" differs from the built-in role "{built_in}" only in case; choose another name'
        if found := unseen(name):
            return f"a role name has the character {found} in it, which nobody can see; take it out"
        if name != name.strip():
            return f'the role name "{name}" begins or ends with a blank; take it out'
        if sign := re.search("[/<>]", name):
            return (
                f'the role name "{name}" has a "{sign[0]}" in it, and Airflow could not find the role again; '
                'write "-" instead'
            )
        if name in {"", ".", ".."}:
            return (
                f'"{name}" cannot be the name of a role, because Airflow could not find it again; choose another name'
            )
        if len(name) > LONGEST_ROLE:
            return (
                f"a role name has {LONGEST_ROLE} characters at most and this one has {len(name)}; choose a shorter one"
            )
        if re.search(r"~[0-9]+$|~old", name):
            return f'the role name "{name}" ends like the second roles that syncd makes for itself; take the "~" out'
        return ""

    def resource_problem(self, resource: str) -> str:
        beginning = next((begins for begins, _ in _ON_DAGS if resource.startswith(begins)), "")
        if beginning and re.search(r"[*?\[]", resource):
            dag, word = resource.removeprefix(beginning), beginning.rstrip(":")
            return (
                f'"{resource}" has a wildcard in it, and a permission is on one DAG; write an entry of `dags` with '
                f'id: "{dag}" and the level, or with also: "... on {word}"'
            )
        if "*" in resource:
            return f'"{resource}" has a wildcard in it, and a permission is on one resource; write each by its name'
        is_long = len(resource) > LONGEST_RESOURCE
        return (
            f"a resource has {LONGEST_RESOURCE} characters at most and this one has {len(resource)}" if is_long else ""
        )

    def dag_problem(self, dag: str) -> str:
        is_long = len(dag) > LONGEST_DAG_ID
        return f"an id of more than {LONGEST_DAG_ID} characters has no permissions in Airflow" if is_long else ""

    def literal_problem(self, literal: str) -> str:
        is_bad = "/" in literal or _UNREACHABLE.search(literal)
        return 'a character in it that Airflow cannot address; take "/", "<" and controls out' if is_bad else ""

    def username_problem(self, username: str) -> str:
        return unreachable(username)

    def email_problem(self, email: str) -> str:
        if not _is_writable(email):
            return "it holds a control character or half a surrogate pair"
        return f"it has more than {LONGEST_USERNAME} characters" if len(email) > LONGEST_USERNAME else ""

    def is_second(self, found: str, role: str) -> bool:
        return is_second(found, role)

    def made_up_email(self, username: str) -> str:
        """Give one under the reserved domain `example.invalid`: Airflow asks for one and wants it unique."""
        return f"{username}@example.invalid"

    def account(self, identity: Identity, username: str, roles: frozenset[str]) -> User:
        """Describe an account.

        first name: else the login up to its "@", or the user name. last name: else "-". What no database takes in a name,
        halves of surrogate pairs and control characters, becomes U+FFFD: Airflow answers 500 to such a name for ever (seen
        on 3.3.2).
        """
        usable = identity.email and not self.email_problem(identity.email)
        first = identity.given_name.strip() or identity.login.partition("@")[0] or username
        return User(
            username,
            identity.email if usable else self.made_up_email(username),
            _writable(first)[:LONGEST_NAME],
            _writable(identity.family_name.strip() or "-")[:LONGEST_NAME],
            roles,
        )


NAMING: Final = AirflowNaming()


@lru_cache(maxsize=100_000)
def permission(action: str, resource: str) -> Permission:
    """Read a permission, with the DAG that it is on. Thousands of roles hold the same ones."""
    return permission_on(action, resource, _ON_DAGS)


def refusal(name: str) -> str:
    """Say why a role of this name is not written; empty where it may be.

    Airflow takes such names and can never reach the role again, so only its UI or CLI could remove it.
    """
    if name in BUILT_IN_ROLES:
        return f"{name} is Airflow's own role and is never changed"
    if not name or len(name) > LONGEST_ROLE:
        return f"a role name has 1 to {LONGEST_ROLE} characters"
    return unreachable(name)


@lru_cache(maxsize=100_000)
def unreachable(name: str) -> str:
    """Say why the API could not reach something of this name in a path; empty where it could."""
    if "/" in name or name in {"", ".", ".."}:
        return f"{name!r} cannot be reached by the API: a slash, dots alone or nothing lead elsewhere"
    if len(name) > LONGEST_USERNAME:
        return f"{name[:40]!r}... cannot be reached by the API: it has more than {LONGEST_USERNAME} characters"
    if "<" in name or not _is_writable(name):
        return f"{name!r} cannot be reached by the API because of a control character, half a surrogate pair or <"
    return ""


def _is_writable(text: str) -> bool:
    """Say whether nothing in it is unwritable: what is printable never is, and Python knows that ten times faster."""
    return text.isprintable() or not _UNWRITABLE.search(text)


def _writable(name: str) -> str:
    return name if name.isprintable() else _UNWRITABLE.sub("\ufffd", name)


# --- second roles ------------------------------------------------------------------------------------------------------


def stem(name: str) -> str:
    """Give what the other physical names of a role begin with."""
    if len(name) <= LONGEST_ROLE - _ROOM:
        return name
    return name[: LONGEST_ROLE - _ROOM - _HASH] + hashlib.sha256(name.encode()).hexdigest()[:_HASH]


def second(name: str) -> re.Pattern[str]:
    """Give what the names of the second roles of a role are like; groups are the word and the number."""
    return re.compile(re.escape(stem(name)) + SECOND_NUMBER)


def is_second(found: str, name: str) -> bool:
    """Say whether a name is one as the second roles of another have; whose that role is, it does not say."""
    return second(name).fullmatch(found) is not None
