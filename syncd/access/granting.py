"""Whether somebody may give a role for a time: what the configuration allows, asked of what is known of people and deployments.

what is asked                             | where it does not fit
------------------------------------------|------------------------------------------------------------------------
a person whom one source names            | refused: nobody, or several, are called so, or who that is is in doubt
who is active, by a read that is whole    | refused: a leaver gets nothing, nor who might be one
on a deployment that syncd changes        | refused
a role that the mapping has there, or the | refused
deployment's own                          |
within one `[[grants.allow]]`             | refused, with what the nearest one allows
which wants another person's word         | it waits; another one that it allows lets it pass, who is not who asked
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from fnmatch import fnmatchcase

from syncd.access.known import called
from syncd.directory.group_names import GroupLookup
from syncd.directory.narrow import DirectoryView
from syncd.directory.persons import login_identity
from syncd.directory.usernames import username_of
from syncd.errors import EXIT_INVALID, SyncdError
from syncd.mapping.expanded import expanded
from syncd.mapping.people import refusal
from syncd.mapping.select import is_chosen
from syncd.model import (
    EVERYONE,
    Allowance,
    Dag,
    Deployment,
    Directory,
    GrantRequest,
    GrantsAllowed,
    GrantState,
    GrantWord,
    GroupRef,
    Identity,
    Lookalikes,
    RoleMode,
    Rules,
    TimedGrant,
)
from syncd.text.strict import did_you_mean
from syncd.words import some

SHORTEST = timedelta(minutes=1)
MOST_OPEN = 500
"""So many are open at a time: each is a line of the mapping for every pass."""


class GrantRefused(SyncdError):
    """What was asked for is not allowed, or cannot be given; nothing was written."""

    exit_code = EXIT_INVALID


@dataclass(frozen=True, slots=True)
class GrantWish:
    """What somebody asks for: a role for `user` (a login, an e-mail, an id, or `source:id`), for a span, and why."""

    user: str
    role: str
    deployment: str
    lasts: timedelta
    reason: str
    ticket: str = ""


@dataclass(frozen=True, slots=True)
class GrantPlace:
    """A deployment, whether it is changed at all, and the DAGs by whose values lines with `each` go."""

    deployment: Deployment
    enforce: bool = True
    dags: tuple[Dag, ...] = ()


@dataclass(frozen=True, slots=True)
class GrantGround:
    """What a wish is judged by: the configuration, the mapping, the people, the deployments, and the grants that are open."""

    allowed: GrantsAllowed
    rules: Rules
    view: DirectoryView
    places: Mapping[str, GrantPlace]
    open: Sequence[TimedGrant] = ()


def requested(wish: GrantWish, ground: GrantGround, *, asked: GrantWord) -> GrantRequest:
    """Make a request of a wish that is allowed.

    Raises:
        GrantRefused: it is not; the message says why, and what would be.
    """
    place = _place(wish, ground)
    _role(wish, ground, place)
    who = person_meant(wish.user, ground.view, place.deployment)
    if len(ground.open) >= MOST_OPEN:
        raise GrantRefused(f"{MOST_OPEN} grants are open, and there may be no more; end some: syncd grant list")
    line = _allowing(wish, ground, place, asked=asked, who=who)
    expires = asked.at + ground.allowed.wait if line.approvers else None
    named = who.login or who.email or who.id
    return GrantRequest(
        wish.deployment, wish.role, (who.source, who.id), named, wish.lasts, wish.reason, asked, wish.ticket, expires
    )


def check_approval(grant: TimedGrant, ground: GrantGround, word: GrantWord) -> None:
    """Say whether somebody may let a grant pass that waits.

    Raises:
        GrantRefused: it does not wait, the person is not there any more, or it is not for them to say.
    """
    asked = grant.request
    if grant.state(word.at) is not GrantState.WAITING:
        raise GrantRefused(f"{grant.place} does not wait for anybody's word: it is {grant.state(word.at)}")
    if caller_name(word.by) == caller_name(asked.asked.by):
        raise GrantRefused(f"{grant.place} was asked for by {asked.asked.by}; another person has to let it pass")
    wish = GrantWish(f"{asked.who[0]}:{asked.who[1]}", asked.role, asked.deployment, asked.lasts, asked.reason)
    place = _place(wish, ground)
    _role(wish, ground, place)
    who = person_meant(wish.user, ground.view, place.deployment)
    lines = _fitting(wish, ground, place, asked=asked.asked, who=who)
    if not any(_is_among(word.by, line.approvers) for line in lines):
        allowed = sorted({name for line in lines for name in line.approvers})
        whom = (
            f"; it is for {some(allowed, 5)} to say" if allowed else "; nothing allows it any more ([[grants.allow]])"
        )
        raise GrantRefused(f"{word.by} may not let {grant.place} pass{whom}")


def may_end(grant: TimedGrant, ground: GrantsAllowed, word: GrantWord) -> bool:
    """Say whether somebody may end a grant: who asked for it or let it pass, and whoever could have."""
    said = (grant.request.asked, grant.given)
    if any(one is not None and caller_name(one.by) == caller_name(word.by) for one in said):
        return True
    return any(_is_among(word.by, (*line.by, *line.approvers)) for line in ground.allow)


def caller_name(by: str) -> str:
    """Give who acts without as whom they did, of what stands in the journal: `anna (via root)` is anna."""
    return by.partition(" (via ")[0]


def person_meant(word: str, view: DirectoryView, deployment: Deployment) -> Identity:
    """Give the one person whom a word means, by the identity that names their account there; active, and surely so.

    Raises:
        GrantRefused: there is none, or that is not certain.
    """
    directory = view.directory
    who = _keys(word, view)
    people = {_accounts(directory, directory.identities[one]) for one in who}
    if not people:
        known = {name for person in directory.identities.values() for name in (person.login, person.email) if name}
        raise GrantRefused(f'no source knows "{word}"{did_you_mean(word, sorted(known))}')
    if len(people) > 1:
        named = some([f"{i.source}:{i.id}" for accounts in sorted(people, key=str) for i in accounts[:1]], 5)
        raise GrantRefused(f'"{word}" may be several people; write one of {named}')
    [accounts] = people
    login = login_identity(accounts, deployment.login_source)
    if login is None:
        raise GrantRefused(f"{word} has no account in {deployment.login_source}, which people log in with there")
    if problem := _doubt(login, accounts, directory, deployment):
        raise GrantRefused(problem)
    return login


def _keys(word: str, view: DirectoryView) -> list[tuple[str, str]]:
    source, _, id_ = word.partition(":")
    return [(source, id_)] if (source, id_) in view.directory.identities else called(view, word)


def _accounts(directory: Directory, identity: Identity) -> tuple[Identity, ...]:
    person = directory.persons.get((identity.source, identity.id))
    return person.accounts if person else (identity,)


def _doubt(login: Identity, accounts: Sequence[Identity], directory: Directory, deployment: Deployment) -> str:
    """Say why nothing may be given to somebody now; empty: it may."""
    source = login.source
    if source in directory.failed:
        return f"{source} could not be read ({directory.failed[source]}), so nobody can say whether {login} is still active"
    everybody = directory.groups.get((source, EVERYONE))
    if everybody is None or not everybody.certified:
        return f"not everybody in {source} was read whole yet; run syncd apply, or wait for the next poll of the daemon"
    if not login.active:
        return f"{login} is not active; nothing is given to who left"
    for one in accounts:
        if why := directory.mistaken.get((one.source, one.id)):
            return f"{login} cannot be told from somebody else: {why}"
    username = username_of(login, deployment.username)
    is_protected = username in Lookalikes(deployment.protected)
    refused = refusal(username, deployment.naming, is_protected=is_protected)
    return (
        f'{login} gets nothing on {deployment.name}, because of the user name "{username}": {refused[1]}'
        if refused
        else ""
    )


def _place(wish: GrantWish, ground: GrantGround) -> GrantPlace:
    place = ground.places.get(wish.deployment)
    if place is None:
        there = sorted(ground.places)
        hint = did_you_mean(wish.deployment, there) or f"; there are {some(there, 10)}"
        raise GrantRefused(f'no deployment "{wish.deployment}"{hint}')
    if not place.enforce:
        raise GrantRefused(f"{wish.deployment} is only observed (mode = observe), so nothing can be given there")
    if place.deployment.add_only:
        raise GrantRefused(f"nothing is taken on {wish.deployment} (mode = add-only), so nothing given there would end")
    return place


def _role(wish: GrantWish, ground: GrantGround, place: GrantPlace) -> None:
    meant = expanded(ground.rules, ground.view.directory, place.deployment, dags=place.dags).rules
    there = sorted(meant.roles.keys() | place.deployment.naming.built_in_roles)
    if wish.role not in there:
        hint = did_you_mean(wish.role, there) or f"; there are {some(there, 10)}"
        raise GrantRefused(f'no mapping file defines a role "{wish.role}", nor does {wish.deployment} have it{hint}')
    mode = meant.roles[wish.role].mode if wish.role in meant.roles else RoleMode.FULL
    if mode is not RoleMode.FULL:
        raise GrantRefused(
            f'the role "{wish.role}" is in mode {mode.value} in the mapping, so it would not be given and taken'
        )


# --- what is allowed --------------------------------------------------------------------------------------------------


def _allowing(wish: GrantWish, ground: GrantGround, place: GrantPlace, *, asked: GrantWord, who: Identity) -> Allowance:
    """Give the line that allows a wish: one that wants nobody else's word, if there is one."""
    if wish.lasts < SHORTEST:
        raise GrantRefused(f"a grant lasts a minute at least, not {shown(wish.lasts)}")
    fitting = sorted(_fitting(wish, ground, place, asked=asked, who=who), key=lambda line: bool(line.approvers))
    if fitting:
        return fitting[0]
    if not ground.allowed.allow:
        raise GrantRefused(
            "the configuration allows no grants; write [[grants.allow]] for what may be given for a time"
        )
    lines = [line for line in ground.allowed.allow if _gives(line, wish.role)] or ground.allowed.allow
    told = min((tuple(_misfits(line, wish, ground, place, asked=asked, who=who)) for line in lines), key=len)
    raise GrantRefused(f"no [[grants.allow]] allows this: {'; '.join(told)}")


def _fitting(
    wish: GrantWish, ground: GrantGround, place: GrantPlace, *, asked: GrantWord, who: Identity
) -> list[Allowance]:
    lines = ground.allowed.allow
    return [line for line in lines if not any(_misfits(line, wish, ground, place, asked=asked, who=who))]


def _misfits(
    line: Allowance, wish: GrantWish, ground: GrantGround, place: GrantPlace, *, asked: GrantWord, who: Identity
) -> Iterator[str]:
    """Say what of a wish a line does not allow."""
    if not _is_among(asked.by, line.by):
        yield f"it is for {some(line.by, 5)} to ask, not for {caller_name(asked.by)}"
    if not _gives(line, wish.role):
        yield f"the role may be {some(line.roles, 5)}, not {wish.role}"
    if not is_chosen(place.deployment, line.deployments):
        yield f"{wish.deployment} is none of the deployments that it is for"
    if wish.lasts > line.longest:
        yield f"it may last {shown(line.longest)} at most, not {shown(wish.lasts)}"
    if line.groups and not _is_member(line.groups, who, ground.view.directory):
        yield f"{who} is in none of {some(line.groups, 5)}, as far as those were read whole"


def _gives(line: Allowance, role: str) -> bool:
    return any(fnmatchcase(role, glob) for glob in line.roles)


def _is_member(groups: Sequence[str], who: Identity, directory: Directory) -> bool:
    """Say whether somebody is surely in one of these groups, by any of their accounts."""
    ids = {(i.source, i.id) for i in _accounts(directory, who) if i.active}
    lookup = GroupLookup(directory)
    for text in groups:
        source, _, word = text.partition(":")
        members = directory.groups.get((source, word)) or lookup.find(GroupRef(source, None, word))
        if members is not None and members.certified and any((source, id_) in ids for id_ in members.group.members):
            return True
    return False


def _is_among(by: str, globs: Sequence[str]) -> bool:
    return any(fnmatchcase(caller_name(by), glob) for glob in globs)


def shown(span: timedelta) -> str:
    """Write a span as people type it: `90m`, `2h`, `1d`."""
    seconds = int(span.total_seconds())
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= size and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
