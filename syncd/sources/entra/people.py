"""What Graph says of members, in our words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from syncd.answers import paired
from syncd.errors import SourceUnavailable
from syncd.model import Identity

USER_FIELDS: Final = (
    "id",
    "userPrincipalName",
    "mail",
    "givenName",
    "surname",
    "displayName",
    "accountEnabled",
    "userType",
    "employeeId",
    "department",
    "employeeType",
)
HIDDEN: Final = "accountEnabled is null"
_TYPE: Final = "#microsoft.graph."
_EXTERNAL: Final = "#EXT#"


AGENT: Final = "agentUser"
_PEOPLE: Final = frozenset({"user", AGENT})
"""The kinds that are users for Graph, and so are counted as such: an agent's account is derived from `user` (v1.0, 2026-08)."""


@dataclass(frozen=True, slots=True)
class Member:
    """One entry of a group: its kind (user, agentUser, group, device, servicePrincipal, orgContact) and id.

    `named` says that it has a user's name, whatever its kind.
    """

    kind: str
    id: str
    named: bool = field(default=False, compare=False)

    @property
    def is_person(self) -> bool:
        """Whether Graph counts it as a user."""
        return self.kind in _PEOPLE


class TenantPeople:
    """Everybody whom a read met, each once, however many groups they are in; and who of them is a guest, or an agent.

    `doubts` says of those who cannot be taken as they are shown why not; nobody is in both.
    """

    def __init__(self, source: str) -> None:
        self.found: dict[str, Identity] = {}
        self.doubts: dict[str, str] = {}
        self.guests: set[str] = set()
        self.agents: set[str] = set()
        self._source = source
        self._members: dict[str, Member] = {}

    def member(self, fields: Mapping[str, object]) -> Member:
        """Take an entry of a member list.

        Raises:
            ValueError: the entry does not say what it is.
        """
        kind = str(fields.get("@odata.type", ""))
        if not kind.startswith(_TYPE):
            raise ValueError("an entry without a type")
        name = fields.get("userPrincipalName")
        member = Member(kind.removeprefix(_TYPE), str(fields["id"]), isinstance(name, str))
        if member.is_person:
            self.person(fields)
        return self._members.setdefault(member.id, member)

    def user(self, fields: Mapping[str, object]) -> Member:
        """Take an entry of the list of users, which does not say of each that it is one."""
        kind = str(fields.get("@odata.type") or f"{_TYPE}user").removeprefix(_TYPE)
        id_ = self.person(fields)
        return self._members.setdefault(id_, Member(kind, id_, named=True))

    def person(self, fields: Mapping[str, object]) -> str:
        """Take a person as they are now, or note that this cannot be said; gives their id."""
        id_, why = str(fields["id"]), doubt(fields)
        if fields.get("@odata.type") == f"{_TYPE}{AGENT}":
            self.agents.add(id_)
        if why:
            self.doubt(id_, why)
            return id_
        self.doubts.pop(id_, None)
        self.found[id_] = identity(self._source, fields)
        (self.guests.add if self.found[id_].guest else self.guests.discard)(id_)
        return id_

    def doubt(self, id_: str, why: str) -> None:
        """Note that it cannot be said how somebody is now, unless this read saw that elsewhere."""
        if id_ not in self.found:
            self.doubts[id_] = why

    def check(self, *, least: int = 1) -> None:
        """See that Graph shows who people are: without User.Read.All it gives ids and nulls, of everybody.

        Raises:
            SourceUnavailable: so many at least were met, and nobody of them is shown.
        """
        hidden = sum(1 for why in self.doubts.values() if why == HIDDEN)
        if hidden >= least and not self.found:
            raise SourceUnavailable(
                f"source {self._source}: Graph hides who people are (accountEnabled is null): the application lacks the"
                " permission User.Read.All; grant it (type application) and consent to it"
            )


def doubt(fields: Mapping[str, object]) -> str:
    """Say why a user of Graph cannot be taken as they are shown; empty: they can.

    Somebody who is neither enabled nor disabled is nobody to decide on. Of one among many Graph says so too.
    """
    login = fields.get("userPrincipalName")
    if not isinstance(fields.get("accountEnabled"), bool):
        return HIDDEN
    return "" if isinstance(login, str) and login else "userPrincipalName is null"


def identity(source: str, fields: Mapping[str, object]) -> Identity:
    """Say who a user of Graph is of whom there is no doubt."""
    login, enabled = str(fields["userPrincipalName"]), bool(fields["accountEnabled"])
    given, family = paired(_text(fields, "givenName")), paired(_text(fields, "surname"))
    if not given and not family:
        given = paired(_text(fields, "displayName"))
    email = _text(fields, "mail") or invited(login)
    return Identity(
        source,
        str(fields["id"]),
        login,
        email,
        given,
        family,
        active=enabled,
        employee_number=_text(fields, "employeeId"),
        department=paired(_text(fields, "department")),
        user_type=paired(_text(fields, "employeeType")),
        guest=fields.get("userType") == "Guest",
    )


def invited(login: str) -> str:
    """Give the address that a guest was invited with, which Entra writes into the login; other logins stay as they are.

    `anna_partner.com#EXT#@contoso.onmicrosoft.com` is anna@partner.com: the last `_` was the `@`.
    """
    address, external, _ = login.partition(_EXTERNAL)
    name, underscore, domain = address.rpartition("_")
    return f"{name}@{domain}" if external and underscore else login


def _text(fields: Mapping[str, object], name: str) -> str:
    value = fields.get(name)
    return value.strip() if isinstance(value, str) else ""
