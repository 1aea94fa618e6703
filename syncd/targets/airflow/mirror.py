"""What syncd last read of one server, in the server's own (physical) names, kept up to date by its own writes."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from syncd.errors import TargetUnavailable, TargetUnmanageable
from syncd.http.answer import Answer
from syncd.model import Permission, SignIns, User, key
from syncd.targets.airflow.abilities import Capabilities, Delete, Patch
from syncd.targets.airflow.levels import release
from syncd.targets.airflow.names import Family, families
from syncd.targets.airflow.naming import permission, unreachable
from syncd.targets.airflow.reading import Row, text, texts
from syncd.targets.airflow.wire import KEY, Area, Wire

FRESH_S: Final = 30.0
"""How old a listing of users may be when a role is about to be taken from the server."""

FRESH_USER_S: Final = 5.0
"""How old the sight of one account may be when what was written is read back."""

JUST_NOW_S: Final = 0.3
"""How old the reading of one account may be when it is written, for a write replaces its whole list of roles: what another
administrator gives between the two is lost. A listing never counts as a reading of each account in it."""

FRESH_NAMES_S: Final = 60.0
"""How old the list of role names may be when a role is granted."""

FIRST_READABLE: Final = "3.4.0"
NEVER: Final = float("-inf")


@dataclass(slots=True)
class Mirror:
    """`names` are the roles that syncd manages here, `made` the second roles that it made beside them; `buried` are physical
    roles that it deleted and the server kept.

    An account is seen by reading it, by reading all of them, or in the answer to writing it, which is the account as
    stored. Until that is FRESH_USER_S old, or it or any role is written (that can change what people hold), it is not
    read again to look at it. To be written, an account must have been read by itself, JUST_NOW_S ago at most. So a person
    is looked at and written in two calls.

    What comes under a name is only taken where it bears that name: a role to the letter, an account as `key` compares.
    `twins` are accounts that one listing has twice by `key`; `users` has none of them.

    What writes showed is certain in the session that saw it, until it forgets. Afterwards, on Airflow 3, the server may have
    been replaced by another release unseen, where the provider's version may not be read even between two sessions: then
    it is no more than a guess, and a write shows it again.
    """

    wire: Wire
    capabilities: Capabilities
    clock: Callable[[], float] = time.monotonic
    names: frozenset[str] = frozenset()
    made: set[str] = field(default_factory=set)
    buried: set[str] = field(default_factory=set)
    roles: dict[str, frozenset[Permission]] | None = None
    users: dict[str, User] | None = None
    twins: dict[str, tuple[User, ...]] = field(default_factory=dict)
    certain: bool = False
    _shown: set[str] = field(default_factory=set)
    _users_read: float = 0.0
    _users_sure: bool = False
    _seen: dict[str, tuple[float, User | None]] = field(default_factory=dict)
    _role_names: frozenset[str] = frozenset()
    _role_names_read: float = NEVER

    def forget(self) -> None:
        """Drop what was read, save the names of roles for as long as they are fresh."""
        self.roles = self.users = None
        self.certain = self.capabilities.generation == 2
        self._shown.clear()
        self.buried.clear()
        self._seen.clear()
        self.wire.forget()

    # --- reading ------------------------------------------------------------------------------------------------------

    def read_roles(self) -> dict[str, frozenset[Permission]]:
        """Read every role."""
        read = self.clock()
        self.roles = {text(row, "name"): permissions(row) for row in self.wire.all(Area.ROLES)}
        self._role_names, self._role_names_read = frozenset(self.roles), read
        return self.roles

    def read_users(self) -> dict[str, User]:
        """Read every user.

        Raises:
            TargetUnmanageable: this release fails over its own answer.
        """
        self.require_users()
        read = self.clock()
        self.users, self.twins = _by_key(map(account, self.wire.all(Area.USERS)))
        self._users_read, self._users_sure = read, True
        self._seen.clear()
        return self.users

    def require_users(self) -> None:
        """Raise TargetUnmanageable where users cannot be read."""
        if not self.capabilities.users_readable:
            raise TargetUnmanageable(unreadable(self.capabilities))

    def role(self, name: str) -> frozenset[Permission] | None:
        """Read one role anew; None where it is not there.

        Raises:
            OtherName: the server gives a role of another name for it.
        """
        row = self._one(Area.ROLES, name)
        if self.roles is None:
            return permissions(row) if row is not None else None
        if row is None:
            self.roles.pop(name, None)
            return None
        self.roles[name] = permissions(row)
        return self.roles[name]

    def user(self, username: str) -> User | None:
        """Look at one user, unless it was seen a moment ago; None where there is no such account.

        Raises:
            OtherName: the server gives an account of another name for it.
        """
        self.require_users()
        at, found = self._sight(key(username))
        return found if self.clock() - at <= FRESH_USER_S else self._read_user(username)

    def sign_ins(self, username: str) -> SignIns | None:
        """Say how often an account signed in, read anew; None where there is no such account.

        Raises:
            OtherName: the server gives an account of another name for it.
        """
        row = self._one(Area.USERS, username)
        if row is None:
            return None
        last = row.get("last_login")
        return SignIns(
            _count(row, "login_count"), _count(row, "fail_login_count"), last if isinstance(last, str) else ""
        )

    def user_to_write(self, username: str) -> User | None:
        """Read one user right before it is written; None where there is no such account.

        Raises:
            OtherName: the server gives an account of another name for it.
        """
        self.require_users()
        at, found = self._seen.get(key(username), (NEVER, None))
        return found if self.clock() - at <= JUST_NOW_S else self._read_user(username)

    def _read_user(self, username: str) -> User | None:
        name, now = key(username), self.clock()
        row = self._one(Area.USERS, username)
        if row is not None:
            return self.keep(account(row))
        self._seen[name] = now, None
        if self.users is not None:
            self.users.pop(name, None)
        return None

    def _sight(self, name: str) -> tuple[float, User | None]:
        """Say when an account was last seen, and what was seen."""
        if name in self._seen:
            return self._seen[name]
        if self.users is None or not self._users_sure:
            return NEVER, None
        return self._users_read, self.users.get(name)

    def keep(self, user: User) -> User:
        """Note how an account was just seen."""
        name = key(user.username)
        self._seen[name] = self.clock(), user
        if self.users is not None:
            self.users[name] = user
        return user

    def doubt(self, username: str) -> None:
        """Count an account as not seen: it is about to be written."""
        self._seen[key(username)] = NEVER, None

    def doubt_users(self) -> None:
        """Count no account as seen, and no role name as known: a role is about to be written."""
        self._seen.clear()
        self._users_sure = False
        self._role_names_read = NEVER

    def _one(self, area: Area, name: str) -> Row | None:
        if unreachable(name):
            return None
        answer = self.wire.get(area, name)
        if answer.status in {401, 403}:
            self.wire.first(area)  # another credential may be the right one; if none is, this says what to do
            answer = self.wire.get(area, name)
        if is_absent(answer):
            return None
        found = answer.fields
        if answer.status != 200 or KEY[area] not in found:
            raise TargetUnavailable(f"{answer.asked}: one of the {area} was wanted, {answer} came")
        came = text(found, KEY[area])
        if came != name and (area is not Area.USERS or key(came) != key(name)):
            raise OtherName(area, name, came)
        return found

    # --- deriving -----------------------------------------------------------------------------------------------------

    def all_roles(self) -> Mapping[str, frozenset[Permission]]:
        """Give every role, read now if that was not done yet."""
        return self.roles if self.roles is not None else self.read_roles()

    def fresh_users(self) -> Mapping[str, User]:
        """Give every user, read anew where the last reading is too old to take a role away on."""
        return self._users_of(FRESH_S)

    def _users_of(self, fresh_s: float) -> Mapping[str, User]:
        if self.users is None or self.clock() - self._users_read > fresh_s:
            return self.read_users()
        return self.users

    def families(self, more: Collection[str] = ()) -> Mapping[str, Family]:
        """Find the physical names of every role that syncd manages here."""
        return families(self.names | frozenset(more), self.all_roles().keys() - self.buried, made=self.made)

    def holders(self, roles: Iterable[str], *, fresh_s: float = FRESH_S) -> tuple[str, ...]:
        """Name the accounts that hold any of these physical roles, sorted, in a listing of at most that age."""
        wanted = frozenset(roles)
        self._users_of(fresh_s)
        return tuple(sorted(user.username for user in self.accounts() if user.roles & wanted))

    def accounts(self) -> Iterator[User]:
        """Give every account of the last listing, those included of which nobody can say which is which."""
        yield from (self.users or {}).values()
        for several in self.twins.values():
            yield from several

    def physical(self, name: str) -> str:
        """Give the physical name under which a role is to be granted now.

        Where roles can be changed, each one has its own name again when a change of it has ended; a name that is gone for
        a moment is refused by the server. Only where PATCH is forbidden a role stays under a number, and the one that it
        replaced stays beside it, so there the names are looked up, in a list of at most FRESH_NAMES_S. In that time
        somebody else would have to change the role for a person to get what it was before; the next sweep moves them.
        """
        if self.roles is None and self._names_stay():
            return name
        known = self.roles is None and self.clock() - self._role_names_read <= FRESH_NAMES_S
        present = self._role_names if known else self.all_roles().keys()
        found = families(self.names | {name}, present - self.buried, made=self.made).get(name)
        return found.current if found and found.current else name

    def _names_stay(self) -> bool:
        """Say whether PATCH of roles is allowed here: seen, or, until a write shows it, as measured of this release.

        Of all releases measured, it is forbidden on FAB providers 3.0.3 to 3.2.0 alone (3.0.3 is the first to serve it so).
        """
        can = self.capabilities
        if can.patch_role is not Patch.UNKNOWN:
            return can.patch_role is not Patch.FORBIDDEN
        if can.generation == 2:
            return True
        return can.fab_version is not None and not (3, 0, 3) <= release(can.fab_version) < (3, 3)

    def may(self, permission: Permission) -> bool:
        """Say whether our own account is known to hold a permission."""
        own = self.capabilities.service_user
        me = self.fresh_users().get(key(own)) if own else None
        return me is not None and any(permission in self.all_roles().get(role, ()) for role in me.roles)

    # --- learning -----------------------------------------------------------------------------------------------------

    @property
    def patch_role(self) -> Patch:
        """Say what PATCH of a role does here, as far as that is certain."""
        return self.capabilities.patch_role if self.certain or "patch" in self._shown else Patch.UNKNOWN

    @property
    def delete_role(self) -> Delete:
        """Say whether DELETE of a role works here, as far as that is certain."""
        return self.capabilities.delete_role if self.certain or "delete" in self._shown else Delete.UNKNOWN

    def learn(
        self, *, patch: Patch | None = None, delete: Delete | None = None, dag_run_resources: bool | None = None
    ) -> None:
        """Keep what a write showed."""
        self._shown |= {"patch"} if patch else set()
        self._shown |= {"delete"} if delete else set()
        now = self.capabilities
        self.capabilities = replace(
            now,
            patch_role=patch or now.patch_role,
            delete_role=delete or now.delete_role,
            dag_run_resources=now.dag_run_resources if dag_run_resources is None else dag_run_resources,
        )


def unreadable(can: Capabilities) -> str:
    """Say why users cannot be read on a release, and what would help."""
    return (
        "this server answers 500 to every reading of its users, as FAB providers 3.2.0 and 3.3.0 do "
        f"(here: {can.fab_version}); upgrade apache-airflow-providers-fab to {FIRST_READABLE} or later"
    )


class OtherName(TargetUnavailable):
    """The server answers with a thing of another name than the one that was asked for."""

    def __init__(self, area: Area, wanted: str, came: str) -> None:
        super().__init__(
            f"the server holds `{came}` and `{wanted}` for one name: nothing is written to either; rename one of the {area}"
        )


def _by_key(users: Iterable[User]) -> tuple[dict[str, User], dict[str, tuple[User, ...]]]:
    """Sort accounts by key, and those apart whose key is not theirs alone."""
    found: dict[str, list[User]] = {}
    for user in users:
        found.setdefault(key(user.username), []).append(user)
    alone = {name: same[0] for name, same in found.items() if len(same) == 1}
    return alone, {name: tuple(same) for name, same in found.items() if len(same) > 1}


def is_absent(answer: Answer) -> bool:
    """Tell "there is none" from "there is no such path": the latter is a web page or comes without a sentence."""
    return answer.status == 404 and isinstance(answer.fields.get("detail"), str)


def permissions(row: Row) -> frozenset[Permission]:
    """Read the permissions of a role."""
    actions = row.get("actions")
    if not isinstance(actions, list):
        raise TargetUnavailable("the server sent a role without its permissions; is a proxy changing its answers?")
    return frozenset(permission(_name(pair, "action"), _name(pair, "resource")) for pair in actions)


def _name(pair: object, part: str) -> str:
    found = pair.get(part) if isinstance(pair, dict) else None
    if not isinstance(found, dict):
        raise TargetUnavailable("the server sent a permission that is no pair of action and resource")
    return text(found, "name")


def _count(row: Row, field: str) -> int | None:
    """Give a number, where there is one: an account that never signed in has none."""
    found = row.get(field)
    return found if isinstance(found, int) and not isinstance(found, bool) else None


def account(row: Row) -> User:
    """Read a user; roles are physical names."""
    if not isinstance(row.get("roles"), list):
        raise TargetUnavailable("the server sent a user without roles; is a proxy changing its answers?")
    return User(
        username=text(row, "username"),
        email=str(row.get("email") or ""),
        first_name=str(row.get("first_name") or ""),
        last_name=str(row.get("last_name") or ""),
        roles=frozenset(texts(row, "roles", "name")),
    )


def actions(wanted: Iterable[Permission]) -> list[dict[str, dict[str, str]]]:
    """Spell permissions as the API wants them, in an order that is always the same."""
    ordered = sorted(wanted, key=lambda p: (p.resource, p.action))
    return [{"action": {"name": p.action}, "resource": {"name": p.resource}} for p in ordered]
