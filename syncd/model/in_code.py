"""What the code of a DAG gives roles by itself, beside what anybody gives them through the target's API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from syncd.model.rules import At, Permission


@dataclass(frozen=True, slots=True)
class InCode:
    """One place in code that gives roles something, and takes from all others what it does not give.

    `dag` is empty where it is not plain to see for which DAG that is, and `doubt` says why; so it does where it is not plain
    what is given.
    """

    at: At
    dag: str = ""
    gives: Mapping[str, frozenset[Permission]] = field(default_factory=dict)
    doubt: str = ""
