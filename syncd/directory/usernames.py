"""What a person is called where they log in: a template of user names, filled in."""

from __future__ import annotations

from functools import lru_cache
from string import Formatter

from syncd.model import Identity

USERNAME_FIELDS = ("id", "login", "email")
"""What a template of user names may name: fields of a person."""


def username_of(identity: Identity, template: str) -> str:
    """Fill in a template; gives "" where the person lacks a field that it names."""
    for field in _fields(template):
        if not getattr(identity, field):
            return ""
    return template.format(id=identity.id, login=identity.login, email=identity.email)


@lru_cache(maxsize=64)
def _fields(template: str) -> tuple[str, ...]:
    return tuple(field for _, field, _, _ in Formatter().parse(template) if field is not None)
