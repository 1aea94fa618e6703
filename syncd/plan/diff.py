"""Compare what is wanted with what is there: the plan of one deployment.

What may be taken away is decided here, once:

    on the server | wanted | owned | then
    --------------|--------|-------|------------------------------------------
    no            | yes    | any   | give it
    yes           | yes    | any   | leave it
    yes           | no     | yes   | take it, unless its group is in doubt, and the person is not inactive: then keep it
    yes           | no     | no    | leave it: it is not ours; but a role of ours that is exclusive, or any of ours where
                  |        |       | `remove_manual_grants` says so, is taken, as the line above says

A role is taken from the server once no mapping line gives it and nobody holds it any more: whoever would lose it with
the role loses it by a line of their own, or not at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from syncd.model import (
    EVERYTHING,
    Adopt,
    Change,
    Deployment,
    DesiredState,
    Doubted,
    Kept,
    Lookalikes,
    Note,
    ObservedState,
    Owned,
    PersonKey,
    Plan,
    Role,
    Scope,
    User,
    What,
    Why,
    key,
)
from syncd.plan.accounts import renamed
from syncd.plan.because import Ended, explain
from syncd.plan.clashes import set_aside
from syncd.plan.effect import holders
from syncd.plan.order import ordered
from syncd.words import some

_NOBODY: frozenset[str] = frozenset()


def align(desired: DesiredState, observed: ObservedState, *, match_email: bool) -> DesiredState:
    """Give wanted people the account names that the server has for them.

    Names are compared without regard to case. Where `match_email` says so, a person without an account of the wanted
    name is matched by e-mail. Otherwise an account of another name with the same e-mail is in the way, because Airflow
    refuses two of them: the person is left out, with a note.
    """
    missing = [name for name in desired.users if name not in observed.users]
    if not missing and not (match_email and desired.undecided):
        return desired
    by_email: dict[str, list[User]] = {}
    for user in observed.users.values():
        by_email.setdefault(key(user.email), []).append(user)
    moves, notes = _match(desired, missing, by_email=by_email, match_email=match_email)
    if match_email:
        desired = replace(desired, undecided=_found_by_email(desired.undecided, by_email))
    if not moves:
        return desired
    return renamed(replace(desired, notes=desired.notes + tuple(notes)), moves)


def _match(
    desired: DesiredState, missing: list[str], *, by_email: dict[str, list[User]], match_email: bool
) -> tuple[dict[str, str | None], list[Note]]:
    """Say which people go by another account name (None: they must be left out), and why."""
    moves: dict[str, str | None] = {}
    notes = []
    for name in sorted(missing):
        person = desired.users[name]
        found = by_email.get(key(person.email))
        if not found:
            continue
        account = found[0].username
        free = len(found) == 1 and key(account) not in desired.users and account not in moves.values()
        if match_email and free:
            moves[name] = account
        elif match_email or any(user.email == person.email for user in found):
            moves[name] = None
            notes.append(_email_taken(person, accounts=[user.username for user in found], match_email=match_email))
    return moves, notes


def _found_by_email(undecided: Mapping[str, User], by_email: Mapping[str, list[User]]) -> dict[str, User]:
    """Give people whose name is in doubt under the names of whatever accounts may be theirs: they lose nothing there."""
    found = dict(undecided)
    for person in undecided.values():
        found |= {key(user.username): person for user in by_email.get(key(person.email), [])}
    return found


def _email_taken(person: User, *, accounts: list[str], match_email: bool) -> Note:
    others = ", ".join(sorted(accounts))
    advice = (
        "more than one person or account has it; rename or delete the wrong account"
        if match_email
        else "set match_email = true for this deployment if that is the same person, or correct its username rule"
    )
    return Note(
        "email_taken",
        f"{person.username} gets no account: its e-mail {person.email} is that of the account {others}; {advice}",
    )


@dataclass(slots=True)
class _Draft:
    """What a comparison collects."""

    changes: list[Change] = field(default_factory=list)
    kept: list[Kept] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)


def diff(
    desired: DesiredState,
    observed: ObservedState,
    *,
    owned: Owned,
    deployment: Deployment,
    scope: Scope = EVERYTHING,
    service_user: str | None = None,
    earlier: DesiredState | None = None,
    made: Mapping[str, PersonKey] | None = None,
    ended: Ended | None = None,
) -> Plan:
    """Plan the way from `observed` to `desired`, in the order in which it is safe.

    `desired` is aligned with `observed`. `earlier` is only asked why people held what they lose now, and `ended` what came of
    that. `made` says of accounts, by key, for which identity each was made, as far as that is known. The order is that of
    `order.py`.
    """
    draft = _Draft()
    aside = set_aside(desired, observed, owned=owned, scope=scope)
    desired = aside.desired
    draft.notes.extend(aside.notes)
    if scope.dags:
        desired = only_on(scope.dags, desired, observed)
    if scope.everything or scope.dags:
        _diff_roles(desired, observed, owned=owned, deployment=deployment, draft=draft)
    draft.notes.extend(_left_behind(name, what_to_do) for name, what_to_do in observed.leftovers.items())
    draft.notes.extend(_namesake(name) for name in sorted(observed.namesakes))
    itself = Lookalikes((service_user,) if service_user else ())
    draft.notes.extend(_runs_as(user.username) for name, user in desired.users.items() if _is_told(name, scope, itself))
    untouchable = Lookalikes((*deployment.protected, *((service_user,) if service_user else ())))
    _diff_users(
        desired,
        observed,
        owned=owned,
        deployment=deployment,
        scope=scope,
        untouchable=untouchable,
        made=made or {},
        draft=draft,
    )
    if scope.everything:
        _end_roles(desired, observed, owned=owned, deployment=deployment, draft=draft)
    changes = explain(draft.changes, desired=desired, earlier=earlier, ended=ended)
    return Plan(
        deployment=desired.deployment,
        scope=scope,
        changes=ordered(changes, observed),
        kept=tuple(sorted(draft.kept)),
        notes=tuple(sorted({*desired.notes, *draft.notes})),
        blocked=aside.blocked,
    )


# --- roles ------------------------------------------------------------------------------------------------------------


def only_on(dags: frozenset[str], desired: DesiredState, observed: ObservedState) -> DesiredState:
    """Want of each role what it has now, and what is wanted of it on these DAGs; a role that is not there, as it should be.

    Roles that no mapping line gives any more are wanted as they are: that they go is for a pass over everything.
    """
    roles = {name: _on(dags, want, observed.roles.get(name)) for name, want in desired.roles.items()}
    return replace(desired, roles={**observed.roles, **roles})


def _on(dags: frozenset[str], want: Role, have: Role | None) -> Role:
    if have is None:
        return want
    there = {p for p in have.permissions if p.dag not in dags}
    wanted = {p for p in want.permissions if p.dag in dags}
    return replace(have, permissions=frozenset(there | wanted))


def _diff_roles(
    desired: DesiredState, observed: ObservedState, *, owned: Owned, deployment: Deployment, draft: _Draft
) -> None:
    for name, want in desired.roles.items():
        have = observed.roles.get(name)
        if name in deployment.naming.built_in_roles or have == want:
            continue
        ours = name in owned.roles or deployment.adopt is Adopt.DECLARED
        if have is not None and not ours:
            want = _only_add(have, want, draft=draft)
        if have != want:
            draft.changes.append(Change(have, want))


def _end_roles(
    desired: DesiredState, observed: ObservedState, *, owned: Owned, deployment: Deployment, draft: _Draft
) -> None:
    """Plan the end of roles of ours that no line gives any more, but for those that somebody still holds then."""
    going = (owned.roles - desired.roles.keys() - deployment.naming.built_in_roles) & observed.roles.keys()
    held = holders(observed, draft.changes, going)
    for name in going - held.keys():
        draft.changes.append(
            Change(observed.roles[name], None, (Why("no mapping line gives this role any more", what=What.LINE_GONE),))
        )
    in_doubt = {(key(kept.username), kept.role) for kept in draft.kept}
    for name, people in held.items():
        others = [person for person in people if (key(person), name) not in in_doubt]
        if others:
            draft.notes.append(_held_note(name, others, deployment))


def _held_note(role: str, people: list[str], deployment: Deployment) -> Note:
    advice = (
        "they are protected; take it from them by hand and it goes"
        if deployment.remove_manual_grants
        else 'take it from them, or set manual_grants = "remove", and it goes'
    )
    return Note(
        "role_held_by_others",
        f"no mapping line gives role {role} any more, but {_some(people)} hold it by another hand; it is left: {advice}",
    )


def _only_add(have: Role, want: Role, *, draft: _Draft) -> Role:
    extra = have.permissions - want.permissions
    if extra:
        shown = _some(map(str, extra))
        draft.notes.append(
            Note(
                "role_not_ours",
                f"role {have.name} was there before syncd and has what the mapping does not say ({shown}); that is left "
                'alone. To make the role exactly as the mapping says set adopt = "declared" for this deployment',
            )
        )
    return replace(want, permissions=have.permissions | want.permissions)


def _left_behind(name: str, what_to_do: str) -> Note:
    return Note("left_behind", f"role {name} is ours, nobody holds it, and this server cannot delete it: {what_to_do}")


def _is_told(name: str, scope: Scope, itself: Lookalikes) -> bool:
    return name in itself and scope.covers(name)


def _runs_as(name: str) -> Note:
    return Note("user_protected", f'"{name}" gets nothing by mapping lines: syncd runs as it here, and leaves it alone')


def _namesake(name: str) -> Note:
    return Note(
        "role_namesake",
        f"role {name} has a name as syncd gives to second roles of its own, and syncd did not make it: it is left alone, with "
        "whoever holds it; rename or delete it",
    )


# --- people -----------------------------------------------------------------------------------------------------------


def _diff_users(
    desired: DesiredState,
    observed: ObservedState,
    *,
    owned: Owned,
    deployment: Deployment,
    scope: Scope,
    untouchable: Lookalikes,
    made: Mapping[str, PersonKey],
    draft: _Draft,
) -> None:
    strangers: dict[str, list[str]] = {}
    for name in _candidates(desired, observed, owned=owned, every_account=bool(owned.roles)):
        if name in untouchable or not scope.covers(name):
            continue
        want, have = desired.users.get(name), observed.users.get(name)
        wanted = want.roles if want else _undecided(name, have, desired)
        if have is None:
            if want is not None and wanted:
                draft.changes.append(Change(None, want))
            continue
        if have.roles == wanted:
            _leave(have, name, owned=owned, deployment=deployment, desired=desired, draft=draft)
            continue
        loses = (have.roles & owned.grants.get(name, _NOBODY)) - wanted
        manual = (have.roles & owned.roles) - wanted - loses
        loses |= _exclusive(manual, desired, deployment)
        for role in (manual & desired.roles.keys()) - loses:
            strangers.setdefault(role, []).append(have.username)
        by_email, who = deployment.match_email, made.get(name)
        loses -= _keep(have, loses, desired=desired, by_email=by_email, who=who, draft=draft)
        roles = (have.roles - loses) | wanted
        after = replace(have, roles=roles)
        if roles != have.roles:
            draft.changes.append(Change(have, after))
        _leave(after, name, owned=owned, deployment=deployment, desired=desired, draft=draft)
    draft.notes.extend(_manual_note(role, people) for role, people in strangers.items())


def _exclusive(manual: frozenset[str], desired: DesiredState, deployment: Deployment) -> frozenset[str]:
    """Give, of roles that somebody holds by another hand, those that only mapping lines give."""
    return frozenset(role for role in manual if desired.exclusive.get(role, deployment.remove_manual_grants))


def _candidates(desired: DesiredState, observed: ObservedState, *, owned: Owned, every_account: bool) -> Iterator[str]:
    """Give each name that a change could be about, once; nothing is planned of an account that neither is there nor wanted."""
    yield from desired.users
    others = observed.users.keys() if every_account else owned.grants.keys() | owned.users
    yield from others - desired.users.keys()


def _undecided(name: str, have: User | None, desired: DesiredState) -> frozenset[str]:
    """Give what somebody has and should keep on an account whose name is in doubt: they get nothing more there now."""
    person = desired.undecided.get(name)
    return have.roles & person.roles if have and person else _NOBODY


def _keep(
    have: User, loses: frozenset[str], *, desired: DesiredState, by_email: bool, who: PersonKey | None, draft: _Draft
) -> frozenset[str]:
    """Say what somebody keeps because of a doubt; that they are inactive is none, whatever their groups are.

    Nor is a doubt about other people; `who` is the identity that the account was made for.
    """
    whose = desired.frozen_users.get(key(have.username))
    is_inactive = key(have.username) in desired.inactive or (by_email and key(have.email) in desired.inactive)
    frozen = {} if is_inactive else desired.frozen
    doubtful = {
        role: whose or frozen[role]
        for role in loses
        if whose or (role in frozen and _may_be(desired.frozen_for.get(role), who))
    }
    draft.kept.extend(Kept(have.username, role, why) for role, why in doubtful.items())
    return frozenset(doubtful)


def _may_be(doubts: tuple[Doubted, ...] | None, who: PersonKey | None) -> bool:
    """Say whether one of these doubts may be about whom an account was made for; none: it is about everybody."""
    return doubts is None or any(doubt.may_be(who) for doubt in doubts)


def _leave(
    user: User, name: str, *, owned: Owned, deployment: Deployment, desired: DesiredState, draft: _Draft
) -> None:
    """Plan the end of an account that syncd made, once nothing is left on it."""
    wanted = (
        name in desired.users or name in desired.frozen_users or name in desired.undecided or name in desired.accounts
    )
    if deployment.delete_leavers and not user.roles and name in owned.users and not wanted:
        draft.changes.append(Change(user, None, (Why("no mapping line gives this person anything here"),)))


def _manual_note(role: str, people: list[str]) -> Note:
    return Note(
        "manual_grant",
        f'{_some(people)} hold role {role} although no mapping line says so; left alone (manual_grants = "remove" takes it)',
    )


def _some(names: Iterable[str]) -> str:
    return some(sorted(names), 3)
