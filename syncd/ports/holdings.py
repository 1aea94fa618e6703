"""What is ours."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Protocol

from syncd.model import MadeAccount, Owned


class Holdings(Protocol):
    """What syncd owns on each deployment, and for whom it made accounts there."""

    def owned(self, deployment: str, *, usernames: frozenset[str] | None = None) -> Owned:
        """Give what is owned; with `usernames` (as `key` gives them) accounts and grants of just these people.

        Then `people` and `accounts` say how many there are in all.
        """
        ...

    def adopt(self, deployment: str, found: Owned) -> None:
        """Mark things that were there before as owned."""
        ...

    def disown(self, deployment: str, gone: Owned, *, now: datetime) -> None:
        """Own no more what another hand took."""
        ...

    def disown_role(self, deployment: str, role: str) -> None:
        """Own a role and the grants of it no more, though nobody lost them."""
        ...

    def made_accounts(
        self,
        deployment: str,
        *,
        ids: Collection[str] | None = None,
        emails: Collection[str] = (),
        names: Collection[str] = (),
    ) -> tuple[MadeAccount, ...]:
        """List for whom syncd made accounts there, sorted by name.

        With `ids` (of people, in any source) just those made for these, and those made with these e-mails (in any letter
        case), and those of these names: a few too many. Whether such an account is still there, and ours, it does not say.
        """
        ...

    def remember_accounts(self, deployment: str, made: Iterable[MadeAccount], *, now: datetime) -> None:
        """Keep for whom accounts are made; of a name that is known already, for whom it is from now on."""
        ...
