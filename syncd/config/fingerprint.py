"""A fingerprint of what a world is made of, so that a plan of other files can be told from one of the files in force."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from syncd.http.secrets import Secret


def fingerprint(*values: object) -> str:
    """Hash frozen values: the same in every process. Where a secret is found does not matter."""
    return hashlib.sha256(json.dumps(_plain(values)).encode()).hexdigest()[:16]


def _plain(value: object) -> Any:
    match value:
        case Secret():
            return None
        case Mapping():
            return sorted([str(name), _plain(item)] for name, item in value.items())
        case frozenset():
            return sorted(json.dumps(_plain(item)) for item in value)
        case tuple():
            return [_plain(item) for item in value]
        case _ if is_dataclass(value):
            named = {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
            return [type(value).__name__, named]
        case _:
            return str(value)
