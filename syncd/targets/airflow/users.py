"""Writing accounts: making, changing roles, deleting.

A list of roles is replaced whole by the API, so each account is read right before it is written, and only what the plan
grants and revokes is changed in what was read: a role that a person gave by hand is kept. What comes back under a name must
bear that name (as `key` compares, which every database does), or nothing is written.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Final

from syncd.http.answer import Answer
from syncd.model import Change, Kind, Lookalikes, Status, User, key
from syncd.targets.airflow.calls import Calls, Stopped, refused
from syncd.targets.airflow.mirror import Mirror, account
from syncd.targets.airflow.names import families, logical
from syncd.targets.airflow.wire import Area

EMPTY_ROLE: Final = "Public"
"""A new account must have a role; Airflow's own one without permissions is given and taken at once."""

Ended = tuple[Status, str]


@dataclass(slots=True)
class UserWriter:
    """Makes one change of an account."""

    mirror: Mirror
    calls: Calls
    beside: frozenset[str] = frozenset()
    """Roles that the account had when the plan was made and lost since, by another hand."""

    def write(self, change: Change) -> Ended:
        """Make the change and look whether it was made.

        Raises:
            Stopped: it was not.
        """
        user = change.thing
        assert isinstance(user, User)
        if why := self.calls.fence.account(user.username):
            raise Stopped(Status.FAILED, why)
        match change.kind:
            case Kind.CREATE:
                return self._create(user, change)
            case Kind.UPDATE:
                return self._update(user.username, change)
            case Kind.DELETE:
                return self._delete(user)

    # --- making -------------------------------------------------------------------------------------------------------

    def _create(self, user: User, change: Change) -> Ended:
        if not user.email:
            raise Stopped(Status.FAILED, f"{user.username} has no e-mail address; Airflow makes no account without one")
        missing: set[str] = set()
        while True:
            roles = frozenset(self.mirror.physical(role) for role in user.roles) - missing or frozenset({EMPTY_ROLE})
            what = f"{user.username} roles={len(roles)}"
            self.mirror.doubt(user.username)
            body = _body(user, roles)
            answer = self.calls.send(Area.USERS, "POST", None, what=what, makes=user.username, body=body)
            if not self._learn_missing(answer, missing):
                break
        found = self._after(answer, user.username)
        if found is None:
            raise self._not_made(user, answer)
        if answer is not None and answer.status == 409:
            raise Stopped(
                Status.FAILED,
                f"somebody else made the account {user.username} since the plan was made; the next pass decides anew",
            )
        made = answer is not None and answer.status == 200
        if made:
            self._take_back(found, before=frozenset(), wanted=roles)
        return self._change(found, change, missing, lent=roles & {EMPTY_ROLE} if made else frozenset())

    def _not_made(self, user: User, answer: Answer | None) -> Stopped:
        if answer is None:
            return Stopped(Status.UNKNOWN, f"no answer came to the making of {user.username}, and it is not there yet")
        if answer.status == 409:
            return Stopped(
                Status.FAILED,
                f"{answer}: another account has the e-mail address {user.email}; "
                "set match_email for this deployment, or change that account",
            )
        return refused(answer, "can_create on Users")

    # --- changing roles -----------------------------------------------------------------------------------------------

    def _update(self, username: str, change: Change) -> Ended:
        found = self.mirror.user_to_write(username)
        if found is None:
            raise Stopped(Status.FAILED, f"the account {username} is gone; the next pass decides anew")
        self._see_beside(found, change)
        status, detail = self._change(found, change, set())
        lost = ", ".join(sorted(self.beside))
        told = f"{username} lost {lost} besides, since the plan was made and by another hand than this" if lost else ""
        return status, "; ".join(part for part in (detail, told) if part)

    def _see_beside(self, found: User, change: Change) -> None:
        """Note what the account had when the plan was made, and has no more."""
        before = change.before
        assert isinstance(before, User)
        names = logical(families(self.mirror.names | before.roles, found.roles, made=self.mirror.made))
        self.beside = before.roles - {names.get(role, role) for role in found.roles} - frozenset(change.revoked)

    def _change(self, found: User, change: Change, missing: set[str], *, lent: frozenset[str] = frozenset()) -> Ended:
        """Bring an account that was just seen to what the change wants of it, and take back what was lent to it.

        A pass over a few people makes no roles, the one over everything that follows does: until then a person keeps what
        is to be replaced by a role that is not there yet.
        """
        makes_roles = self.mirror.roles is not None
        while True:
            wanted = self._wanted(found.roles - lent, change) - missing
            if wanted == found.roles:
                return _ended(missing)
            answer = self.put_roles(found, wanted)
            if not self._learn_missing(answer, missing):
                return _ended(missing)
            if missing and change.revoked and not makes_roles:
                raise Stopped(
                    Status.PENDING,
                    f"the server does not have the role yet: {', '.join(sorted(missing))}; what it replaces is taken when "
                    "a pass over everything has made it",
                )
            found = self.mirror.user_to_write(found.username) or found

    def _wanted(self, roles: frozenset[str], change: Change) -> frozenset[str]:
        """Apply what a change grants and revokes to the roles as read, whatever physical names they bear."""
        touched = frozenset(change.granted + change.revoked)
        present = roles | (self.mirror.roles or {}).keys()
        found = families(self.mirror.names | touched, present, made=self.mirror.made)
        gone = touched.union(*(found[role].members for role in touched if role in found))
        return (roles - gone) | {self.mirror.physical(role) for role in change.granted}

    def _learn_missing(self, answer: Answer | None, missing: set[str]) -> bool:
        """Leave out roles that the server does not have, or find out their other names; True where it pays to ask again."""
        unknown = unknown_roles(answer) - missing
        if unknown and self.mirror.roles is None:
            self.mirror.read_roles()  # a change that was cut off may have left one under another name
        else:
            missing |= unknown
        return bool(unknown)

    def put_roles(self, found: User, wanted: frozenset[str]) -> Answer | None:
        """Replace the roles of an account that was just seen, and look whether that was done.

        Gives the answer where it names roles that the server does not have; then nothing was done.

        Raises:
            Stopped: it was not done, or nobody knows.
        """
        self.mirror.doubt(found.username)
        answer = self.calls.send(
            Area.USERS,
            "PATCH",
            found.username,
            what=f"roles={len(wanted)}",
            mask="roles",
            body=self._patch_body(found) | {"roles": [{"name": name} for name in sorted(wanted)]},
        )
        if unknown_roles(answer):
            return answer
        now = self._after(answer, found.username)
        if now is not None and now.roles == wanted:
            return answer
        if answer is None:
            raise Stopped(Status.UNKNOWN, f"no answer came, and {found.username} does not have the roles yet")
        if answer.status == 200 and now is not None:
            self._take_back(now, before=found.roles, wanted=wanted)
        if answer.status == 200:
            raise Stopped(
                Status.FAILED, f"{answer.asked} gave 200, but the roles of {found.username} are not what was sent"
            )
        raise refused(answer, "can_edit on Users")

    def _take_back(self, now: User, *, before: frozenset[str], wanted: frozenset[str]) -> None:
        """Undo that the server gave a role which nobody asked for: it holds two names for one, and gave the other role.

        Raises:
            Stopped: it had.
        """
        given, missing = now.roles - wanted - before, wanted - now.roles
        alike = Lookalikes(missing)
        mistaken = frozenset(role for role in given if role in alike)
        if not mistaken:
            return
        self.mirror.doubt(now.username)
        rest = now.roles - mistaken
        body = self._patch_body(now) | {"roles": [{"name": name} for name in sorted(rest)]}
        answer = self.calls.send(Area.USERS, "PATCH", now.username, what=f"roles={len(rest)}", mask="roles", body=body)
        undone = self._after(answer, now.username)
        told = "it was taken back" if undone is not None and undone.roles == rest else "it could not be taken back"
        came = ", ".join(sorted(mistaken))
        raise Stopped(
            Status.FAILED,
            f"the server holds `{came}` and `{', '.join(sorted(missing))}` for one name and gave {now.username} {came}: {told}; "
            "rename one of the roles",
        )

    def _after(self, answer: Answer | None, username: str) -> User | None:
        """Say what an account is after a write: by its answer, which is the account as stored, else by reading it."""
        if answer is not None and answer.status == 200 and key(str(answer.fields.get("username"))) == key(username):
            return self.mirror.keep(account(answer.fields))
        found = self.mirror.user_to_write(username)
        self.calls.silent = False
        return found

    def _patch_body(self, found: User) -> dict[str, object]:
        """Repeat the names as read where the release wants them in every change, whatever the mask says."""
        wire = self.mirror.wire
        if wire.generation >= 3 and Area.USERS not in wire.connexion:
            return {}
        return {
            "username": found.username,
            "email": found.email,
            "first_name": found.first_name,
            "last_name": found.last_name,
        }

    def move(self, username: str, *, away: Collection[str], to: str | None) -> None:
        """Take an account out of some physical roles and into another in one call, so that it never is without.

        Raises:
            Stopped: the account could not be changed.
        """
        found = self.mirror.user_to_write(username)
        if found is None or not found.roles & frozenset(away):
            return
        wanted = (found.roles - frozenset(away)) | (frozenset({to}) if to else frozenset())
        answer = self.put_roles(found, wanted)
        if unknown := unknown_roles(answer):
            raise Stopped(
                Status.FAILED, f"{username} could not be moved: the server has no role {', '.join(sorted(unknown))}"
            )

    # --- deleting -----------------------------------------------------------------------------------------------------

    def _delete(self, planned: User) -> Ended:
        """Delete an account that still is what the plan saw; what it was given since is a person's decision."""
        username = planned.username
        found = self.mirror.user_to_write(username)
        if found is None:
            return Status.APPLIED, "the account was gone already"
        seen = planned.roles | {self.mirror.physical(role) for role in planned.roles}
        if given := found.roles - seen:
            raise Stopped(
                Status.FAILED,
                f"{username} was given {', '.join(sorted(given))} since the plan was made; the next pass decides anew",
            )
        if found.roles:
            self.put_roles(found, frozenset())
        self.mirror.doubt(username)
        answer = self.calls.send(Area.USERS, "DELETE", username, what="")
        if self._after(None, username) is None:
            return Status.APPLIED, ""
        if answer is None:
            raise Stopped(Status.UNKNOWN, f"no answer came, and {username} is still there, without roles")
        if answer.status >= 500:
            raise Stopped(
                Status.FAILED,
                f"the server cannot delete {username} ({answer}), as Airflow 2 cannot where somebody wrote a note on a run; "
                "the account is left without roles and sees nothing",
            )
        raise refused(answer, "can_delete on Users")


def _body(user: User, roles: Collection[str]) -> dict[str, object]:
    """Spell a new account. The password is long, random and known to nobody afterwards: people come in by single sign-on."""
    named = replace(user, first_name=user.first_name or user.username, last_name=user.last_name or "-")
    return {
        "username": named.username,
        "email": named.email,
        "first_name": named.first_name[:256],
        "last_name": named.last_name[:256],
        "password": secrets.token_urlsafe(48),
        "roles": [{"name": name} for name in sorted(set(roles))],  # one named twice is a 500 on Airflow 2
    }


def unknown_roles(answer: Answer | None) -> set[str]:
    """Read the names out of a 400 that says `Unknown roles: 'a', 'b'`."""
    if answer is None or answer.status != 400:
        return set()
    _, _, names = str(answer.fields.get("detail") or "").partition("Unknown roles:")
    return {single or double for single, double in re.findall(r"'([^']*)'|\"([^\"]*)\"", names)}


def _ended(missing: Collection[str]) -> Ended:
    if not missing:
        return Status.APPLIED, ""
    return (
        Status.PENDING,
        f"the server does not have the role yet: {', '.join(sorted(missing))}; everything else was done",
    )
