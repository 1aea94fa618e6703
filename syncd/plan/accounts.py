"""Whose account an account is: by the id of the person for whom syncd made it, whatever it and they are called now.

Logins and e-mail addresses change, and change hands; ids do not. Of a person whose wanted account is not there:

an account that syncd made, and that is there | then
----------------------------------------------|---------------------------------------------------------------------
was made for just this identity               | it stays theirs: they hold on it what is wanted; a note says so
the same, and somebody else is to have it now | a new account is made
has the person's e-mail, for somebody else    | a new account is made with a made-up e-mail, because Airflow wants each
                                              | once; the two are never matched by e-mail

An account that a line names as one of no directory, and that syncd made for somebody who is given something under another name
now, stays theirs: it is not taken over.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from syncd.model import DesiredState, MadeAccount, Naming, Note, ObservedState, Scope, User, key

Moves = Mapping[str, str | None]
"""For the key of an account name: the name to go by instead; None where the person is left out."""


def without_missing(desired: DesiredState, observed: ObservedState, *, scope: Scope) -> DesiredState:
    """Want nothing of accounts that no directory has and that are not there: nobody could log in to one that syncd made."""
    missing = {name for name in desired.accounts & desired.users.keys() if name not in observed.users}
    missing -= observed.unclear.keys()
    if not missing:
        return desired
    notes = tuple(_missing_note(desired.users[name].username) for name in sorted(missing) if scope.covers(name))
    return replace(
        desired,
        users={name: user for name, user in desired.users.items() if name not in missing},
        because={name: why for name, why in desired.because.items() if name not in missing},
        notes=desired.notes + notes,
    )


def _missing_note(name: str) -> Note:
    return Note(
        "account_missing",
        f'there is no account "{name}" here, which a binding names as one that no directory has: make it in Airflow, correct '
        "the name, or name people by their group; syncd makes no account that nobody can log in to",
    )


def known_accounts(
    desired: DesiredState,
    observed: ObservedState,
    *,
    made: Iterable[MadeAccount],
    ours: frozenset[str],
    scope: Scope,
    naming: Naming,
    match_email: bool = False,
) -> DesiredState:
    """Give people the accounts that were made for them; `ours` are the keys of the accounts that syncd made.

    `scope` is what the pass is about: an account outside of it may be wanted for somebody whom the pass does not know.
    """
    made = tuple(made)
    desired = _not_taken_over(desired, observed, made=made, ours=ours, scope=scope)
    missing = [name for name in sorted(desired.users) if name not in observed.users]
    if not (missing or desired.undecided) or not ours:
        return desired
    known = _Known.of(desired, observed, made=made, ours=ours, match_email=match_email)
    desired = replace(desired, undecided=known.undecided())
    moves: dict[str, str | None] = {}
    users, notes = dict(desired.users), []
    for name in missing:
        person = users[name]
        if (kept := known.kept(name)) is not None:
            moves[name] = kept.username if scope.covers(kept.username) else None
            notes.append(_kept_note(person, kept, waits=moves[name] is None))
        elif taken := known.taken(name):
            users[name] = replace(person, email=naming.made_up_email(person.username))
            notes.append(_taken_note(person, taken, is_same=known.is_same(name, taken)))
    if not notes:
        return desired
    return renamed(replace(desired, users=users, notes=desired.notes + tuple(notes)), moves)


def _not_taken_over(
    desired: DesiredState, observed: ObservedState, *, made: Iterable[MadeAccount], ours: frozenset[str], scope: Scope
) -> DesiredState:
    """Want nothing of accounts that a line names and that were made for people who are given something under other names.

    A pass over a few people does not know everybody: what it cannot tell stays as it is.
    """
    named = desired.accounts & desired.users.keys() & observed.users.keys() & ours
    people = {who: name for name, whose in desired.whose.items() for who in whose}
    users, frozen, notes = dict(desired.users), dict(desired.frozen_users), list(desired.notes)
    for account in (account for account in made if account.name in named):
        name, owner = observed.users[account.name].username, people.get(account.who)
        if owner is not None:
            notes.append(
                Note("username_clash", f"{_made_for(name, users[owner].username)}; name another account there")
            )
        elif scope.everything:
            continue
        else:
            frozen[account.name] = f"syncd made {name} for a person; whose it is now is seen by a pass over everything"
        users.pop(account.name)
    because = {name: why for name, why in desired.because.items() if name in users}
    return replace(desired, users=users, because=because, frozen_users=frozen, notes=tuple(notes))


def _made_for(account: str, owner: str) -> str:
    return (
        f'"{account}" gets nothing as an account that no directory has: syncd made it for {owner}, before they had another '
        "login or e-mail, and it stays theirs"
    )


def renamed(desired: DesiredState, moves: Moves) -> DesiredState:
    """Let people go by other account names, and leave some out."""
    users, because, whose = dict(desired.users), dict(desired.because), dict(desired.whose)
    for old, account in moves.items():
        person, reasons, who = users.pop(old), because.pop(old, {}), whose.pop(old, ())
        if account is not None:
            users[key(account)] = replace(person, username=account)
            because[key(account)], whose[key(account)] = reasons, who
    frozen = {key(moves.get(name) or name): why for name, why in desired.frozen_users.items()}
    return replace(desired, users=users, because=because, whose=whose, frozen_users=frozen)


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known of the accounts that syncd made and that are there, ready to be asked for thousands of people."""

    desired: DesiredState
    ours: frozenset[str]
    made_for: Mapping[str, tuple[str, str]]
    by_who: Mapping[tuple[str, str], list[User]]
    by_email: Mapping[str, list[User]]
    match_email: bool

    @classmethod
    def of(
        cls,
        desired: DesiredState,
        observed: ObservedState,
        *,
        made: Iterable[MadeAccount],
        ours: frozenset[str],
        match_email: bool,
    ) -> _Known:
        made_for = {a.name: a.who for a in made if a.name in ours and a.name in observed.users}
        by_who: defaultdict[tuple[str, str], list[User]] = defaultdict(list)
        for name, who in made_for.items():
            if name not in desired.users:
                by_who[who].append(observed.users[name])
        by_email: defaultdict[str, list[User]] = defaultdict(list)
        for user in observed.users.values():
            by_email[key(user.email)].append(user)
        return cls(desired, ours, made_for, by_who, by_email, match_email)

    def kept(self, name: str) -> User | None:
        """Find the one account that was made for just this identity, and that nobody else is to have now."""
        who = self.desired.whose.get(name)
        found = self.by_who.get(who[0], []) if who else []
        return found[0] if len(found) == 1 else None

    def undecided(self) -> dict[str, User]:
        """Give those whose name is in doubt, under the names of the accounts that were made for them."""
        there = {name: self.kept(name) for name in self.desired.undecided}
        return {
            key(account.username) if (account := there[name]) else name: person
            for name, person in self.desired.undecided.items()
        }

    def taken(self, name: str) -> tuple[str, ...]:
        """Name the accounts that have this person's e-mail, where all of them are of somebody else and made by syncd."""
        person = self.desired.users[name]
        alike = self.by_email.get(key(person.email), [])
        in_the_way = [user for user in alike if self.match_email or user.email == person.email]
        all_others = all(self._is_of_another(user, name) for user in in_the_way)
        return tuple(sorted(user.username for user in in_the_way)) if all_others else ()

    def is_same(self, name: str, accounts: Iterable[str]) -> bool:
        """Say whether these accounts were made for the same person, under the name that another source gives them."""
        who = self.desired.whose.get(name, ())
        return all(self.made_for.get(key(account)) in who for account in accounts)

    def _is_of_another(self, user: User, name: str) -> bool:
        """Say whether an account is known to be somebody else's, who does not want its e-mail as well.

        For whom older accounts were made was not noted. By name such a one is not this person's; by e-mail it may be.
        """
        account, login = key(user.username), self.desired.whose.get(name, ())[:1]
        wanted = self.desired.users.get(account)
        if account not in self.ours or (wanted is not None and key(wanted.email) == key(user.email)):
            return False
        who = self.made_for.get(account)
        return not self.match_email if who is None else (who,) != login


def _kept_note(person: User, account: User, *, waits: bool) -> Note:
    then = (
        "nothing is changed for them by this pass; the next one over everything gives it there"
        if waits
        else "what they are given is given there"
    )
    return Note(
        "account_kept",
        f"{person.username} goes by the account {account.username}, which syncd made for the same person under an earlier "
        f"login or e-mail; {then}. To let them log in under the new name, rename or delete {account.username} in Airflow",
    )


def _taken_note(person: User, accounts: tuple[str, ...], *, is_same: bool) -> Note:
    whom = "the same person under the name that another source gives them" if is_same else "somebody else"
    return Note(
        "email_placeholder",
        f"{person.username} gets an account without its e-mail {person.email}: the account {', '.join(accounts)} still has "
        f"it, which syncd made for {whom}, and Airflow gives each e-mail once. To free it delete that account, or set "
        'leavers = "delete" for this deployment',
    )
