"""What the modes of a deployment and of roles leave out of a plan: `observe` looks only, `add-only` gives, and takes nothing.

mode of  | mode     | given | taken | the role itself
---------|----------|-------|-------|-------------------------------
a role   | observe  | no    | no    | as it is
a role   | add-only | yes   | no    | made; gets permissions, loses none, stays
both     | full     | yes   | yes   | as the mapping says
all      | add-only | yes   | no    | as `add-only` of a role; accounts stay, too

A deployment in mode `observe` has a whole plan, of which nothing is made. What is left out here is told in a note, counts
towards no limit, and is missing at no read-back.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from syncd.model import Change, Deployment, DesiredState, Note, Plan, Role, RoleMode, User
from syncd.words import some

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Modes:
    """The modes of one deployment. Roles that are not named are in mode `full`; `add_only` is that of the deployment."""

    roles: Mapping[str, RoleMode] = field(default_factory=dict)
    add_only: bool = False

    def __bool__(self) -> bool:
        return self.add_only or bool(self.roles)

    @property
    def observed(self) -> frozenset[str]:
        """Roles that are only looked at."""
        return frozenset(name for name, mode in self.roles.items() if mode is RoleMode.OBSERVE)

    @property
    def kept(self) -> frozenset[str]:
        """Roles of which nothing is taken by their own mode."""
        return frozenset(self.roles)


def modes_of(desired: DesiredState, deployment: Deployment) -> Modes:
    """Give the modes that are in force on a deployment."""
    return Modes(desired.modes, deployment.add_only)


def within_modes(plan: Plan, modes: Modes) -> Plan:
    """Leave out of a plan what the modes keep from being done, and say what that is."""
    if not modes:
        return plan
    stay = frozenset(c.name for c in plan.changes if c.subject == "user" and modes.kept.intersection(c.revoked))
    cut = [(change, _within(change, modes, stay)) for change in plan.changes]
    left = tuple(part for _, part in cut if part is not None)
    notes = tuple(_notes([pair for pair in cut if pair[0] is not pair[1]], modes))
    return replace(plan, changes=left, notes=tuple(sorted({*plan.notes, *notes})))


def _within(change: Change, modes: Modes, stay: frozenset[str]) -> Change | None:
    """Give the part of a change that is made; None: nothing of it. Accounts that `stay` keep a role by its mode."""
    match change.before, change.after:
        case (Role(), _) | (_, Role()):
            return _of_role(change, modes)
        case None, User() as new:
            roles = new.roles - modes.observed
            return None if new.roles and not roles else _part(change, None, replace(new, roles=roles))
        case User() as before, User() as after:
            return _of_account(change, before, after, modes)
        case User() as before, None if not modes.add_only and before.username in stay:
            return _part(change, before, replace(before, roles=before.roles & modes.kept))
    return None if modes.add_only else change


def _of_role(change: Change, modes: Modes) -> Change | None:
    if change.name in modes.observed:
        return None
    if not (modes.add_only or change.name in modes.kept):
        return change
    match change.before, change.after:
        case Role() as before, Role() as after:
            return _part(change, before, replace(after, permissions=before.permissions | after.permissions))
        case _, None:
            return None
    return change


def _of_account(change: Change, before: User, after: User, modes: Modes) -> Change | None:
    gained = (after.roles - before.roles) - modes.observed
    lost = frozenset() if modes.add_only else (before.roles - after.roles) - modes.kept
    return _part(change, before, replace(after, roles=(before.roles | gained) - lost))


def _part(change: Change, before: User | Role | None, after: User | Role) -> Change | None:
    """Give a part of a change with the reasons that speak of it; the change itself where it is all of it, None: it is none."""
    part = Change(before, after)
    if part == change:
        return change
    if not part.effects:
        return None
    about = {"", *part.granted, *part.revoked}
    return replace(part, because=tuple(why for why in change.because if why.role in about))


# --- what is told -------------------------------------------------------------------------------------------------------


def _notes(cut: Iterable[tuple[Change, Change | None]], modes: Modes) -> Iterator[Note]:
    left_out = [(change, part) for change, part in cut]
    taken = sorted(text for change, part in left_out for text in _not_taken(change, part, modes))
    if taken:
        who = "here (mode add-only)" if modes.add_only else "of roles in mode add-only"
        yield Note("add_only", f"nothing is taken {who}; what would go: {some(taken, _SHOWN)}")
    looked = sorted(text for change, part in left_out for text in _only_looked(change, part, modes))
    if looked:
        yield Note(
            "role_observed", f"roles in mode observe are left as they are; what would change: {some(looked, _SHOWN)}"
        )


def _not_taken(change: Change, part: Change | None, modes: Modes) -> Iterator[str]:
    if change.subject == "role":
        gone = len(change.revoked)
        if change.name in modes.observed:
            return
        if change.after is None:
            yield f"the role {change.name}"
        elif gone:
            yield f"{gone} {'permission' if gone == 1 else 'permissions'} of {change.name}"
        return
    if change.after is None:
        yield f"the account {change.name}"
    kept = set(change.revoked) - set(part.revoked if part else ()) - modes.observed
    yield from (f"{role} of {change.name}" for role in kept)


def _only_looked(change: Change, part: Change | None, modes: Modes) -> Iterator[str]:
    if change.subject == "role":
        if change.name in modes.observed:
            yield f"the role {change.name}"
        return
    done = {*part.granted, *part.revoked} if part else set()
    for role in ({*change.granted, *change.revoked} - done) & modes.observed:
        yield f"{role} {'for' if role in change.granted else 'of'} {change.name}"
