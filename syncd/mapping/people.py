"""From groups to accounts: who should hold which roles on one deployment, and why.

This is the part that has to be fast (hundreds of thousands of grants). People who are in the same groups share one set of
roles and one table of reasons, so the work is per membership and nothing is made per grant.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from syncd.directory.doubt import naming_doubts, unread
from syncd.directory.persons import described, login_identity
from syncd.directory.usernames import username_of
from syncd.mapping.diagnostics import Diagnostics, some
from syncd.mapping.subjects import Bound
from syncd.mapping.when import reason_of
from syncd.model import Deployment, Directory, Doubted, Identity, Lookalikes, Naming, Person, Reason, User, key

Because = Mapping[str, tuple[Reason, ...]]
UNDECIDED = "because a source of higher rank, which would name the account, was not read whole"
SET_LOGIN_SOURCE = "to be free of it, set login_source for this deployment"
_Given = dict[str, dict[str, "list[Gift]"]]
"""What each person is given, by source and id."""


@dataclass(frozen=True, slots=True, eq=False)
class Gift:
    """What one rule gives each member of its group. Equal only to itself, so that sets of gifts hash fast."""

    roles: tuple[str, ...]
    because: tuple[Reason]


@dataclass(slots=True)
class People:
    """The accounts that a deployment should have, and the reasons for each role; both keyed by `key(username)`."""

    users: dict[str, User] = field(default_factory=dict)
    because: dict[str, Because] = field(default_factory=dict)
    whose: dict[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)


def people(bounds: Iterable[Bound], directory: Directory, deployment: Deployment, diagnostics: Diagnostics) -> People:
    """Give everybody what the rules give their groups."""
    found = People()
    owners: dict[str, Identity] = {}
    clashes: dict[str, list[Identity]] = defaultdict(list)
    shared: dict[tuple[Gift, ...], tuple[frozenset[str], Because]] = {}
    receiving = _receiving(bounds, directory, deployment, diagnostics)
    for name, username, login, identity, gifts in _holders(receiving, deployment, diagnostics):
        if name in owners:
            clashes[name].append(identity)
            continue
        owners[name] = identity
        if gifts not in shared:
            because = merged(gifts)
            shared[gifts] = (frozenset(because), because)
        roles, found.because[name] = shared[gifts]
        found.users[name] = account = deployment.naming.account(identity, username, roles)
        if account.email != identity.email and (problem := deployment.naming.email_problem(identity.email)):
            diagnostics.note(
                "email_placeholder",
                f"{username} gets an account without the e-mail of {identity}: {problem}; correct it in {identity.source}",
            )
        found.whose[name] = _whose(login, directory)
    for name, others in clashes.items():
        del found.users[name], found.because[name], found.whose[name]
        _note_clash(name, (owners[name], *others), diagnostics)
    _set_undecided_apart(found, owners, naming_doubts(directory, deployment), diagnostics)
    _note_shared_emails(found.users, diagnostics)
    return found


def freeze_doubted(
    bounds: Iterable[Bound], directory: Directory, deployment: Deployment, diagnostics: Diagnostics
) -> None:
    """Freeze the roles that `people` freezes, and make no accounts."""
    for _ in _receiving(bounds, directory, deployment, diagnostics):
        pass


def _set_undecided_apart(
    found: People, owners: Mapping[str, Identity], doubts: Mapping[str, str], diagnostics: Diagnostics
) -> None:
    """Give nothing more to accounts that a source of higher rank may yet name otherwise."""
    waiting: dict[str, list[str]] = defaultdict(list)
    for name in [name for name in found.users if doubts[owners[name].source]]:
        diagnostics.undecided[name] = found.users.pop(name)
        del found.because[name]
        waiting[doubts[owners[name].source]].append(diagnostics.undecided[name].username)
    for why, names in waiting.items():
        diagnostics.note(
            "name_undecided", f"{some(names)} get nothing more for now, {UNDECIDED}: {why}; {SET_LOGIN_SOURCE}"
        )


def _holders(
    receiving: Iterable[_Holder], deployment: Deployment, diagnostics: Diagnostics
) -> Iterator[tuple[str, str, Identity, Identity, tuple[Gift, ...]]]:
    """Give each person who can have an account: key of the user name, user name, who names it, who describes it, what."""
    protected = Lookalikes(deployment.protected)
    for login, shown, gifts in receiving:
        username = username_of(login, deployment.username)
        name = key(username)
        if refused := refusal(username, deployment.naming, is_protected=username in protected):
            code, why = refused
            diagnostics.note(code, f'{login} gets nothing, because of the user name "{username}": {why}')
        else:
            yield name, username, login, shown, tuple(gifts)


def _receiving(
    bounds: Iterable[Bound], directory: Directory, deployment: Deployment, diagnostics: Diagnostics
) -> Iterator[_Holder]:
    """Give everybody who is given something, and freeze the roles of whoever is in doubt."""
    receiving = _each(_given(bounds), directory, diagnostics)
    if directory.persons or directory.mistaken or deployment.login_source or len(directory.order) > 1:
        return _joined(receiving, directory, deployment, diagnostics)
    return receiving


def _whose(login: Identity, directory: Directory) -> tuple[tuple[str, str], ...]:
    """Name the identities of a person, the one that names the account first."""
    who = login.source, login.id
    person = directory.persons.get(who)
    return (who, *((i.source, i.id) for i in person.accounts if i is not login)) if person else (who,)


_Holder = tuple[Identity, Identity, "list[Gift]"]
"""Somebody who is given something: the identity that names the account, the one that describes it, and what."""


def _each(given: _Given, directory: Directory, diagnostics: Diagnostics) -> Iterator[_Holder]:
    """Give every active identity that is given something, each for itself."""
    strangers: dict[Gift, list[str]] = defaultdict(list)
    for source, people_given in given.items():
        for person, gifts in people_given.items():
            identity = directory.identities.get((source, person))
            if identity is None:
                for gift in gifts:
                    strangers[gift].append(person)
            elif identity.active:
                yield identity, identity, gifts
    _note_strangers(strangers, diagnostics)


# --- people with several accounts -------------------------------------------------------------------------------------


def _joined(
    receiving: Iterable[_Holder], directory: Directory, deployment: Deployment, diagnostics: Diagnostics
) -> Iterator[_Holder]:
    """Put together what the identities of a person are given, under the name that the login source knows.

    identity in the login source | then
    -----------------------------|---------------------------------------------------------------
    active                       | the person holds what all active identities are given
    inactive                     | nothing, whatever other sources say
    none                         | nothing; and nothing is taken where it might just not be read

    Where no login source is set, and a source of higher rank may yet name the account, nothing more is given under the name.
    """
    pooled: dict[tuple[Identity, ...], list[Gift]] = {}
    _freeze_mistaken(directory, deployment, diagnostics)
    for identity, _, gifts in receiving:
        person = directory.persons.get((identity.source, identity.id)) or Person((identity,))
        pooled.setdefault(person.accounts, []).extend(gifts)
    unnamed: list[tuple[Identity, list[Gift]]] = []
    doubtful = () if deployment.login_source else [(s, why) for s in directory.order if (why := unread(directory, s))]
    for accounts, gifts in pooled.items():
        _freeze_if_named_otherwise(accounts, gifts, directory.order, doubtful, diagnostics)
        login = login_identity(accounts, deployment.login_source)
        if login is None:
            unnamed.append((accounts[0], gifts))
        elif login.active:
            yield login, described(login, accounts), gifts
    if unnamed:
        _note_unnamed(unnamed, directory, deployment.login_source, diagnostics)


def _freeze_mistaken(directory: Directory, deployment: Deployment, diagnostics: Diagnostics) -> None:
    """Take nothing from people who cannot be told from others: what they hold may have come through the other account."""
    for who, why in directory.mistaken.items():
        username = username_of(directory.identities[who], deployment.username)
        diagnostics.frozen_users.setdefault(key(username), why)


def _freeze_if_named_otherwise(
    accounts: tuple[Identity, ...],
    gifts: Iterable[Gift],
    order: tuple[str, ...],
    doubtful: Iterable[tuple[str, str]],
    diagnostics: Diagnostics,
) -> None:
    """Keep what a person may hold on another account: one named by a source of higher rank that just did not show them."""
    named_by = accounts[0].source
    higher = order[: order.index(named_by)] if named_by in order else order
    for source, why in doubtful:
        if source in higher:
            roles = {role for gift in gifts for role in gift.roles}
            diagnostics.freeze(roles, f"{accounts[0]} may be in {source}, which was not read whole: {why}")


def _note_unnamed(
    unnamed: Iterable[tuple[Identity, list[Gift]]], directory: Directory, source: str, diagnostics: Diagnostics
) -> None:
    who = some(str(identity) for identity, _ in unnamed)
    text = f"{who} get nothing: {source}, which this deployment logs in with, has nobody that they could be"
    if why := unread(directory, source):
        roles = sorted({role for _, gifts in unnamed for gift in gifts for role in gift.roles})
        diagnostics.freeze(roles, f"{who} may be in {source}, which was not read whole: {why}")
        text = f"{text}; but {why}, so nobody loses {', '.join(roles)} for now"
    diagnostics.note("no_login_identity", text)


def refusal(username: str, naming: Naming, *, is_protected: bool) -> tuple[str, str] | None:
    """Say, as code and text of a note, why nothing may be given to an account."""
    if not username:
        return "username_unusable", "the source does not state what the template of user names asks for"
    if problem := naming.username_problem(username):
        return "username_unusable", problem
    return ("user_protected", "it is protected on this deployment") if is_protected else None


def _given(bounds: Iterable[Bound]) -> _Given:
    """Collect what each person is given."""
    by_source: _Given = {}
    for bound in bounds:
        rule, members = bound.rule, bound.members
        given = by_source.setdefault(members.group.source, defaultdict(list))
        reason = reason_of(rule, members.group.source, members.group.id, members.group.name)
        fresh, stale = Gift(rule.roles, (reason,)), Gift(rule.roles, (replace(reason, stale=True),))
        for person in members.group.members:
            given[person].append(fresh)
        for person in members.stale:
            given[person].append(stale)
    return by_source


def merged(gifts: tuple[Gift, ...]) -> Because:
    because: dict[str, tuple[Reason, ...]] = {}
    for gift in gifts:
        for role in gift.roles:
            because[role] = because[role] + gift.because if role in because else gift.because
    return because


def _note_strangers(strangers: Mapping[Gift, list[str]], diagnostics: Diagnostics) -> None:
    for gift, ids in strangers.items():
        reason = gift.because[0]
        why = f"{reason.source}:{reason.group} has members of whom the source says nothing: {some(ids)}"
        diagnostics.note(
            "member_unknown", f"{reason.at}: {why}; nobody who may be one of them loses {', '.join(gift.roles)} for now"
        )
        diagnostics.freeze(gift.roles, why, only=Doubted.about(frozenset((reason.source, id_) for id_ in ids)))


def _note_clash(name: str, several: Iterable[Identity], diagnostics: Diagnostics) -> None:
    why = f"{' and '.join(sorted(f'{i} (id {i.id})' for i in several))} would share one account"
    what_to_do = "use a template of user names that tells them apart, or take one out of the groups"
    diagnostics.note("username_clash", f'"{name}" is not touched: {why}; {what_to_do}')
    diagnostics.frozen_users[name] = why


def _note_shared_emails(users: Mapping[str, User], diagnostics: Diagnostics) -> None:
    """Note accounts with one e-mail: Airflow refuses the second, unless the case differs."""
    if len({key(user.email) for user in users.values()}) == len(users):
        return
    by_email: dict[str, list[str]] = defaultdict(list)
    for user in users.values():
        by_email[key(user.email)].append(user.username)
    for email, names in by_email.items():
        if len(names) > 1:
            diagnostics.note("email_shared", f"{some(names)} have one e-mail, {email}; Airflow wants each e-mail once")
