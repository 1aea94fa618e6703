"""When two names are one name, in the database below an Airflow: it says so, and not the server.

Airflow looks a user up by `lower(username) = lower(?)` and a role by `name = ?`; what these make equal is the database's to say:

database   | lower()                | =
-----------|------------------------|------------------------------------------------------------------------------
sqlite     | A to Z only            | to the letter
postgresql | every letter with case | to the letter
mysql      | every letter with case | as utf8mb4_general_ci: without case, accents and blanks at the end; ß is s

Seen on SQLite, PostgreSQL 15 (C.UTF-8) and MariaDB 10.11. Written from that alone: nothing here is taken from what is tested
against it.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import Literal

Names = Literal["sqlite", "postgresql", "mysql"]

_SMALL = {ord(great): great.lower() for great in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}


def small(text: str) -> str:
    """Give the small letters of a text as SQLite does: of A to Z, and of nothing else."""
    return text.translate(_SMALL)


def lowered(text: str, names: Names) -> str:
    """Give what `lower()` makes of a user name, as far as `=` can tell."""
    match names:
        case "sqlite":
            return small(text)
        case "postgresql":
            return "".join(c.lower() if len(c.lower()) == 1 else c for c in text)
        case "mysql":
            return _weights(text)


def compared(text: str, names: Names) -> str:
    """Give what `=` sees of a role name or an e-mail address."""
    return _weights(text) if names == "mysql" else text


def _weights(text: str) -> str:
    """Give the weights of utf8mb4_general_ci: one for each character, blanks at the end count for nothing."""
    return "".join(map(_weight, text)).rstrip(" ")


def _weight(character: str) -> str:
    if character == "ß":
        return "S"
    base = unicodedata.normalize("NFD", character)[:1]
    great = base.upper()
    return great if len(great) == 1 else base


def same(wanted: str, there: Iterable[str], names: Names) -> list[str]:
    """Find the roles, or e-mail addresses, that a database takes for the wanted one."""
    weight = compared(wanted, names)
    return [name for name in there if compared(name, names) == weight]
