"""What the tables of sources have in common."""

from __future__ import annotations

import re
from collections.abc import Set
from dataclasses import MISSING, fields
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from syncd.fields import SettingsTable, Text


def _domain(domain: str) -> str:
    if not re.fullmatch(r"[^\s@/*:]+\.[^\s@/*:.]+", domain):
        raise ValueError('write the part after the "@", as in "corp.example.com"')
    return domain.lower()


Domains = Annotated[
    tuple[Annotated[Text, AfterValidator(_domain)], ...],
    Field(
        strict=False,
        description="Domains of e-mail addresses that this source answers for: nobody in it can choose an address in them. "
        "Accounts of several sources that come to have such an address in common are one person without asking "
        "(`[join] new`).",
    ),
]
"""The key `email_domains`, which each source has."""


class SourceTimeouts(SettingsTable):
    """How long one request may take."""

    connect_s: float = Field(default=10.0, gt=0, le=600)
    """Seconds to wait for a connection."""
    read_s: float = Field(default=30.0, gt=0, le=3600)
    """Seconds without a byte of the answer."""


def usual(settings: type) -> dict[str, Any]:
    """Give the defaults of settings by name, so that a table has the same ones."""
    return {f.name: f.default for f in fields(settings) if f.default is not MISSING}


def takes(table: SettingsTable, kind: str, needed: Set[str], allowed: Set[str] = frozenset()) -> None:
    """Refuse a credential that lacks a key of its kind, or has one of another kind."""
    given = table.model_fields_set - {"kind"}
    if not needed <= given <= needed | allowed:
        wanted = " and ".join(sorted(needed)) or "no other key"
        also = f"; it may have {', '.join(sorted(allowed))}" if allowed else " and nothing else"
        raise ValueError(f'kind "{kind}" takes {wanted}{also}')
