"""From groups to accounts: who should hold which roles on one deployment, and why.

This is the part that has to be fast (hundreds of thousands of grants). People who are in the same groups share one set of
roles and one table of reasons, so the work is per membership and nothing is made per grant.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from syncd.mapping.accounts import account_of, username_of, username_problem
from syncd.mapping.findings import Findings, some
from syncd.mapping.groups import Bound
from syncd.model import Deployment, Directory, Identity, Reason, User, key

Because = Mapping[str, tuple[Reason, ...]]


@dataclass(frozen=True, slots=True, eq=False)
class _Gift:
    """What one rule gives each member of its group. Equal only to itself, so that sets of gifts hash fast."""

    roles: tuple[str, ...]
    because: tuple[Reason]


@dataclass(slots=True)
class People:
    """The accounts that a deployment should have, and the reasons for each role; both keyed by `key(username)`."""

    users: dict[str, User] = field(default_factory=dict)
    because: dict[str, Because] = field(default_factory=dict)


def people(bounds: Iterable[Bound], directory: Directory, deployment: Deployment, findings: Findings) -> People:
    """Give everybody what the rules give their groups."""
    found = People()
    owners: dict[str, Identity] = {}
    clashes: dict[str, list[Identity]] = defaultdict(list)
    shared: dict[tuple[_Gift, ...], tuple[frozenset[str], Because]] = {}
    for name, username, identity, gifts in _holders(bounds, directory, deployment, findings):
        if name in owners:
            clashes[name].append(identity)
            continue
        owners[name] = identity
        if gifts not in shared:
            because = _merged(gifts)
            shared[gifts] = (frozenset(because), because)
        roles, found.because[name] = shared[gifts]
        found.users[name] = account_of(identity, username, roles)
    for name, others in clashes.items():
        del found.users[name], found.because[name]
        _note_clash(name, (owners[name], *others), findings)
    _note_shared_emails(found.users, findings)
    return found


def _holders(
    bounds: Iterable[Bound], directory: Directory, deployment: Deployment, findings: Findings
) -> Iterator[tuple[str, str, Identity, tuple[_Gift, ...]]]:
    """Give each person who is given something and can have an account: key of the user name, user name, who, what."""
    protected = {key(name) for name in deployment.protected}
    strangers: dict[_Gift, list[str]] = defaultdict(list)
    for source, given in _given(bounds).items():
        for person, gifts in given.items():
            identity = directory.identities.get((source, person))
            if identity is None:
                for gift in gifts:
                    strangers[gift].append(person)
            elif identity.active:
                username = username_of(identity, deployment.username)
                name = key(username)
                if refusal := _refusal(username, name in protected):
                    code, why = refusal
                    findings.note(code, f'{identity} gets nothing, because of the user name "{username}": {why}')
                else:
                    yield name, username, identity, tuple(gifts)
    _note_strangers(strangers, findings)


def _refusal(username: str, is_protected: bool) -> tuple[str, str] | None:
    """Say, as code and text of a note, why nothing may be given to an account."""
    if problem := username_problem(username):
        return "username_unusable", problem
    return ("user_protected", "it is protected on this deployment") if is_protected else None


def _given(bounds: Iterable[Bound]) -> dict[str, dict[str, list[_Gift]]]:
    """Collect what each person is given, by source and id."""
    by_source: dict[str, dict[str, list[_Gift]]] = {}
    for bound in bounds:
        rule, members = bound.rule, bound.members
        given = by_source.setdefault(members.group.source, defaultdict(list))
        reason = Reason(
            members.group.source, members.group.id, members.group.name, str(rule.at), rule.until, rule.reason
        )
        fresh, stale = _Gift(rule.roles, (reason,)), _Gift(rule.roles, (replace(reason, stale=True),))
        for person in members.group.members:
            given[person].append(fresh)
        for person in members.stale:
            given[person].append(stale)
    return by_source


def _merged(gifts: tuple[_Gift, ...]) -> Because:
    because: dict[str, tuple[Reason, ...]] = {}
    for gift in gifts:
        for role in gift.roles:
            because[role] = because[role] + gift.because if role in because else gift.because
    return because


def _note_strangers(strangers: Mapping[_Gift, list[str]], findings: Findings) -> None:
    for gift, ids in strangers.items():
        reason = gift.because[0]
        why = f"{reason.source}:{reason.group} has members of whom the source says nothing: {some(ids)}"
        findings.note("member_unknown", f"{reason.at}: {why}; nobody loses {', '.join(gift.roles)} for now")
        findings.freeze(gift.roles, why)


def _note_clash(name: str, several: Iterable[Identity], findings: Findings) -> None:
    why = f"{' and '.join(sorted(f'{i} (id {i.id})' for i in several))} would share one account"
    what_to_do = "use a template of user names that tells them apart, or take one out of the groups"
    findings.note("username_clash", f'"{name}" is not touched: {why}; {what_to_do}')
    findings.frozen_users[name] = why


def _note_shared_emails(users: Mapping[str, User], findings: Findings) -> None:
    """Note accounts with one e-mail: Airflow refuses the second, unless the case differs."""
    if len({user.email.casefold() for user in users.values()}) == len(users):
        return
    by_email: dict[str, list[str]] = defaultdict(list)
    for user in users.values():
        by_email[user.email.casefold()].append(user.username)
    for email, names in by_email.items():
        if len(names) > 1:
            findings.note("email_shared", f"{some(names)} have one e-mail, {email}; Airflow wants each e-mail once")
