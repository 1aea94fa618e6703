"""Accounts that no directory has: what bindings give them by their names, and who else may be meant by such a name.

the account                                  | then
---------------------------------------------|------------------------------------------------------------------------
is on the deployment                         | it gets the roles, and loses what no line gives it any more
is not there                                 | nothing, with a note: nobody could log in to one that syncd made
has the user name of a person of a directory | neither is touched, with a note: nobody can tell whose it is
is protected, or cannot be addressed         | nothing, with a note
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from syncd.directory.usernames import username_of
from syncd.mapping.diagnostics import Diagnostics
from syncd.mapping.people import Gift, People, merged, refusal
from syncd.mapping.when import reason_of
from syncd.model import Accounts, Deployment, Directory, Lookalikes, Rule, User, key


def accounts_of(rules: Iterable[Rule]) -> frozenset[str]:
    """Give the keys of every account that a rule names, wherever and whenever: none of them is a leaver."""
    return frozenset(key(name) for rule in rules for name in _named(rule))


def with_accounts(
    found: People, rules: Iterable[Rule], directory: Directory, deployment: Deployment, diagnostics: Diagnostics
) -> People:
    """Add the accounts that rules name to what people have; one that a person may have is nobody's."""
    gifts: dict[str, list[Gift]] = {}
    called: dict[str, str] = {}
    for rule in rules:
        for name in _named(rule):
            gifts.setdefault(key(name), []).append(Gift(rule.roles, (reason_of(rule, "", name, f"account {name}"),)))
            called.setdefault(key(name), name)
    if not gifts:
        return found
    people = _namesakes(frozenset(gifts), directory, deployment)
    protected = Lookalikes(deployment.protected)
    users, because = dict(found.users), dict(found.because)
    for name, given in gifts.items():
        if name in people:
            users.pop(name, None)
            because.pop(name, None)
            _note_clash(called[name], people[name], diagnostics)
        elif refused := refusal(called[name], deployment.naming, is_protected=called[name] in protected):
            diagnostics.note(refused[0], f'the account "{called[name]}" gets nothing: {refused[1]}')
        else:
            because[name] = merged(tuple(given))
            users[name] = _account(called[name], frozenset(because[name]), deployment)
    whose = {name: who for name, who in found.whose.items() if name in users}
    return replace(found, users=users, because=because, whose=whose)


def _named(rule: Rule) -> Iterator[str]:
    if isinstance(rule.subject, Accounts):
        yield from rule.subject.names


def _account(name: str, roles: frozenset[str], deployment: Deployment) -> User:
    return User(name, deployment.naming.made_up_email(name), "", "", roles)


def _namesakes(names: frozenset[str], directory: Directory, deployment: Deployment) -> dict[str, list[str]]:
    """Give, by account, the people whose user name it is, whether they are given anything or not."""
    found: dict[str, list[str]] = {}
    for identity in directory.identities.values():
        name = key(username_of(identity, deployment.username))
        if name in names:
            found.setdefault(name, []).append(f"{identity} (id {identity.id})")
    return found


def _note_clash(name: str, people: Iterable[str], diagnostics: Diagnostics) -> None:
    why = f"a binding names it as an account that no directory has, and it is the user name of {' and '.join(sorted(people))}"
    diagnostics.note(
        "username_clash", f'"{name}" is not touched: {why}; give it by a group of theirs, or rename one of them'
    )
    diagnostics.frozen_users[key(name)] = why
    diagnostics.undecided.pop(key(name), None)
