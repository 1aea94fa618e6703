"""What `where` asks of people: attributes that their source tells of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from syncd.model.names import nfc


class Attribute(StrEnum):
    """What may be asked of a person, by its key in a mapping file."""

    DEPARTMENT = "department"
    USER_TYPE = "user_type"
    GUEST = "guest"
    EMAIL_DOMAIN = "email_domain"


def folded(word: str) -> str:
    """Give the form in which two values are one, in any letter case, with blanks around it, however its accents are composed."""
    return nfc(word).strip().casefold()


@dataclass(frozen=True, slots=True)
class Condition:
    """An attribute is one of these values; of `guest` they are `true` and `false`. Letter case makes no difference."""

    attribute: Attribute
    values: frozenset[str]

    def __str__(self) -> str:
        if self.attribute is Attribute.GUEST:
            return "guest" if self.values == {"true"} else "no guest"
        return f"{self.attribute} {' or '.join(sorted(self.values))}"


@dataclass(frozen=True, slots=True)
class Askable:
    """What may be asked of the people of a source; of e-mail addresses, only whether they are in a domain that it answers for."""

    attributes: frozenset[Attribute] = frozenset(Attribute)
    domains: frozenset[str] = frozenset()


Asking = Mapping[str, Askable]
"""By source."""
