"""What of a source is not known now, and what that leaves open about people.

what is known of a source                | somebody who is not seen in it    | may lose what it may give | may be named by another
-----------------------------------------|-----------------------------------|---------------------------|------------------------
read whole, just now                     | is not in it                      | yes                       | yes
failed, was read before                  | was not in it then                | yes                       | no
some group was read in part, once whole  | was not in that group then        | yes                       | no
some group was never read whole          | may be in it                      | no                        | no
a member of whom it says nothing         | may be that member                | no                        | no
never read, whatever the cause           | may be in it                      | no                        | no

"Not read yet" is not "nothing is there": it is the last row, from the first moment of every process.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise

from syncd.directory.persons import login_identity
from syncd.directory.usernames import username_of
from syncd.model import Deployment, Directory, Identity, Person, key

NOT_READ = "it was not read yet"


def unread(directory: Directory, source: str) -> str:
    """Say why somebody may be in a source although nothing that was read shows them; empty where that is ruled out.

    Whoever the last whole read of a group knew is still known, so only what was never read whole leaves a doubt: a source
    that fails now and was read before leaves none.
    """
    if source not in directory.read:
        return f"{source} failed: {directory.failed.get(source, NOT_READ)}"
    for members in directory.groups.values():
        if members.group.source == source and members.unknown:
            return f"{members.group} was never read whole: {members.why}"
    known = {id_ for of, id_ in directory.identities if of == source}
    for members in directory.groups.values():
        if members.group.source == source and not members.members <= known:
            return f"{members.group} has members of whom {source} says nothing"
    return ""


def unseen(directory: Directory, source: str) -> str:
    """Say why somebody may be in a source by now who is not seen in it; empty where the source was just read whole."""
    if source in directory.failed:
        return f"{source} failed: {directory.failed[source]}"
    for members in directory.groups.values():
        if members.group.source == source and not members.certified:
            return f"{members.group} was not read whole: {members.why}"
    return unread(directory, source)


def naming_doubts(directory: Directory, deployment: Deployment) -> defaultdict[str, str]:
    """Say by source why another one of higher rank may yet name the accounts of people whom this one names; "": it cannot.

    Where a deployment says which source people log in with, there is no such doubt.
    """
    if deployment.login_source:
        return defaultdict(str)
    why, found = "", {}
    for above, source in pairwise((None, *directory.order)):
        why = why or (unseen(directory, above) if above else "")
        found[str(source)] = why
    return defaultdict(lambda: next((why for why in (unseen(directory, s) for s in directory.order) if why), ""), found)


def shown_inactive(directory: Directory, deployment: Deployment) -> dict[str, str]:
    """Give the account names of people whom the source that names the account shows as inactive, with that as reason.

    Where accounts are found by e-mail, their e-mails are in it too. Nothing is said of what an active person has as well, nor
    of a name that a source of higher rank may yet decide.
    """
    found: dict[str, str] = {}
    for identity in _inactive(directory, deployment):
        found |= dict.fromkeys(_called(identity, deployment), f"{identity} is inactive")
    if not found:
        return found
    active = {word for i in directory.identities.values() if i.active for word in _called(i, deployment)}
    return {word: why for word, why in found.items() if word not in active}


def _inactive(directory: Directory, deployment: Deployment) -> Iterator[Identity]:
    doubtful = naming_doubts(directory, deployment)
    for who, identity in directory.identities.items():
        if identity.active or who in directory.mistaken or doubtful[identity.source]:
            continue
        accounts = directory.persons.get(who, Person((identity,))).accounts
        if login_identity(accounts, deployment.login_source) == identity:
            yield identity


def _called(identity: Identity, deployment: Deployment) -> frozenset[str]:
    emails = {key(identity.email)} if deployment.match_email else set()
    return frozenset({key(username_of(identity, deployment.username)), *emails} - {""})
