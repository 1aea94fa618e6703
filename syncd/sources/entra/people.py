"""What Graph says of members, in our words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

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
)
_TYPE: Final = "#microsoft.graph."
_EXTERNAL: Final = "#EXT#"


@dataclass(frozen=True, slots=True)
class Member:
    """One entry of a group: its kind (user, group, device, servicePrincipal, orgContact) and id."""

    kind: str
    id: str

    @property
    def is_person(self) -> bool:
        return self.kind == "user"


class People:
    """Everybody whom a read met, each once, however many groups they are in; and who of them is a guest."""

    def __init__(self, source: str) -> None:
        self.found: dict[str, Identity] = {}
        self.guests: set[str] = set()
        self._source = source
        self._members: dict[str, Member] = {}

    def member(self, fields: Mapping[str, object]) -> Member:
        """Take an entry of a member list.

        Raises:
            SourceUnavailable: the entry shows that the permission to read people is missing.
            ValueError: the entry does not say what it is.
        """
        kind = str(fields.get("@odata.type", ""))
        if not kind.startswith(_TYPE):
            raise ValueError("an entry without a type")
        member = Member(kind.removeprefix(_TYPE), str(fields["id"]))
        if member.is_person:
            self.person(fields)
        return self._members.setdefault(member.id, member)

    def person(self, fields: Mapping[str, object]) -> Identity:
        """Take a person, and remember them as they are now.

        Raises:
            SourceUnavailable: the fields show that the permission to read people is missing.
        """
        person = identity(self._source, fields)
        self.found[person.id] = person
        (self.guests.add if fields.get("userType") == "Guest" else self.guests.discard)(person.id)
        return person


def identity(source: str, fields: Mapping[str, object]) -> Identity:
    """Say who a user of Graph is.

    Without User.Read.All Graph gives ids and nulls: somebody who is neither enabled nor disabled is nobody to decide on.

    Raises:
        SourceUnavailable: `accountEnabled` or `userPrincipalName` is null.
    """
    login, enabled = fields.get("userPrincipalName"), fields.get("accountEnabled")
    if not isinstance(enabled, bool) or not isinstance(login, str) or not login:
        raise SourceUnavailable(
            f"source {source}: Graph hides who people are (accountEnabled is null): the application lacks the permission"
            " User.Read.All; grant it (type application) and consent to it"
        )
    given, family = _text(fields, "givenName"), _text(fields, "surname")
    if not given and not family:
        given = _text(fields, "displayName")
    email = _text(fields, "mail") or invited(login)
    number = _text(fields, "employeeId")
    return Identity(source, str(fields["id"]), login, email, given, family, active=enabled, employee_number=number)


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
