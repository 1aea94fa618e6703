"""What is ours and goes by another name on the server now: somebody renamed a role, or an account, by hand.

The API gives neither an id, so a rename is recognised by what it leaves:

gone                                     | came, and was not there at the last pass      | then
-----------------------------------------|-----------------------------------------------|-------------------------------
a role of ours, a second one that we     | one role with the same permissions, which at  | who had the one from us loses
made beside it, or what it was renamed   | least half of its people hold                 | the other when no line gives it
to before                                |                                               |
an account that holds something by us    | one account with its e-mail, that nobody else | the same
                                         | is to have, and that holds all of it          |

It is told, and nothing else: what was given is given anew under the name that the mapping has, until a person says whose
the role is (`syncd accept-role`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

from syncd.model import DesiredState, Naming, Note, ObservedState, Owned, User, key

Renames = Mapping[str, str]
"""By the name that something has now: the name that it had when it was ours."""

_NOTHING: frozenset[str] = frozenset()


# --- roles ------------------------------------------------------------------------------------------------------------


def renamed_roles(
    desired: DesiredState,
    observed: ObservedState,
    owned: Owned,
    *,
    earlier: DesiredState | None,
    seen: frozenset[str] | None,
    naming: Naming,
    known: Renames,
) -> Renames:
    """Find roles that were renamed since the last pass, which saw the roles `seen`, reached `earlier` and told the `known`."""
    gone = _gone(observed, owned, naming=naming, known=known)
    if not gone or earlier is None or seen is None:
        return {}
    strange = observed.roles.keys() - seen - owned.roles - owned.once - desired.roles.keys() - naming.built_in_roles
    found = {}
    for old, held_as in sorted(gone):
        wanted = earlier.roles.get(old)
        same = {new for new in strange if wanted and observed.roles[new].permissions == wanted.permissions}
        alike = [new for new in sorted(same) if _has_its_people(new, held_as, observed, owned)]
        if len(alike) == 1:
            found[alike[0]] = old
    return found


def _gone(observed: ObservedState, owned: Owned, *, naming: Naming, known: Renames) -> set[tuple[str, str]]:
    """Give the roles of ours of which a name is not there any more, each with the name by which people are known to hold it."""
    absent = owned.members - observed.members
    roles = {(name, name) for name in owned.roles - observed.roles.keys()}
    seconds = {(name, name) for name in owned.roles if any(naming.is_second(found, name) for found in absent)}
    again = {(old, new) for new, old in known.items() if new not in observed.roles}
    return roles | seconds | again


def _has_its_people(new: str, held_as: str, observed: ObservedState, owned: Owned) -> bool:
    ours = [name for name, roles in owned.grants.items() if held_as in roles and name in observed.users]
    both = sum(1 for name in ours if new in observed.users[name].roles)
    return both > 0 and 2 * both >= len(ours)


def held_by_us(observed: ObservedState, owned: Owned, renames: Renames) -> Owned:
    """Give what people hold by a new name who had it from us by the old one."""
    grants = {}
    for name, roles in owned.grants.items():
        held = observed.users[name].roles if name in observed.users else _NOTHING
        if mine := frozenset(new for new, old in renames.items() if old in roles and new in held):
            grants[name] = mine
    return Owned(grants=grants)


def still_wanted(desired: DesiredState, owned: Owned, renames: Renames) -> DesiredState:
    """Want of who is given a role that was renamed that they keep it under the new name, until a person says whose it is."""
    if not renames:
        return desired
    users, because = dict(desired.users), dict(desired.because)
    for name, mine in owned.grants.items():
        want = users.get(name)
        kept = {new: old for new, old in renames.items() if want and new in mine and old in want.roles}
        if want is not None and kept:
            users[name] = replace(want, roles=want.roles | kept.keys())
            reasons = because.get(name, {})
            because[name] = {**reasons, **{new: reasons.get(old, ()) for new, old in kept.items()}}
    frozen = {new: desired.frozen[old] for new, old in renames.items() if old in desired.frozen}
    notes = tuple(_role_note(desired.deployment, new, old) for new, old in sorted(renames.items()))
    return replace(
        desired, users=users, because=because, frozen={**desired.frozen, **frozen}, notes=desired.notes + notes
    )


def _role_note(deployment: str, new: str, old: str) -> Note:
    return Note(
        "role_renamed",
        f"{old} seems to be called {new} now: the one went when the other came, with the same permissions and people. {old} "
        f"is made anew, and who leaves loses both. If {new} is ours run: syncd accept-role {deployment} {new} (what syncd "
        f"gave of it goes, and it goes once nobody holds it); if it is somebody's add --leave; or call it {new} in the mapping",
    )


# --- accounts ---------------------------------------------------------------------------------------------------------


def renamed_accounts(
    desired: DesiredState, observed: ObservedState, owned: Owned, *, email_of: Callable[[str], str]
) -> Renames:
    """Find accounts that hold by another name what somebody had from us; `email_of` knows the e-mail of accounts of ours."""
    gone = [name for name in owned.grants.keys() - observed.users.keys() if owned.grants[name] and email_of(name)]
    if not gone:
        return {}
    by_email = _by_email(observed.users.values())
    found = {}
    for old in sorted(gone):
        alike = by_email.get(key(email_of(old)), [])
        if len(alike) == 1 and _is_free(alike[0], desired, owned) and alike[0].roles >= owned.grants[old]:
            found[key(alike[0].username)] = old
    return found


def _by_email(users: Iterable[User]) -> Mapping[str, list[User]]:
    found: dict[str, list[User]] = {}
    for user in users:
        found.setdefault(key(user.email), []).append(user)
    return found


def _is_free(user: User, desired: DesiredState, owned: Owned) -> bool:
    name = key(user.username)
    return name not in desired.users and name not in owned.users and name not in owned.grants


def left_by(renames: Renames, desired: DesiredState, owned: Owned) -> Owned:
    """Give what accounts hold by a new name whose people no line gives anything any more."""
    gone = {new: old for new, old in renames.items() if old not in desired.users and old not in desired.frozen_users}
    return Owned(grants={new: owned.grants[old] for new, old in gone.items()})


def account_notes(renames: Renames) -> Iterator[Note]:
    for new, old in sorted(renames.items()):
        yield Note(
            "account_renamed",
            f"{old} seems to be called {new} now: the account has its e-mail and all that syncd gave it. It keeps that until "
            f"{old} leaves, and then loses it. Call it {old} again, or correct the username rule of this deployment",
        )


# --- servers ----------------------------------------------------------------------------------------------------------


def server_note(deployment: str, address: str, *, was: str) -> Note:
    return Note(
        "server_changed",
        f"{deployment} is at {address} now and was at {was} before, which counts as another server: what syncd gave there is "
        f"left as it is, and nothing is taken here because of it. If it is the same server under another address run: "
        f"syncd accept-server {deployment} (what was ours before is ours again); if it is another one add --leave",
    )
