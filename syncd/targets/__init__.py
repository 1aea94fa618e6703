"""Where access is kept: one package for each kind of target, and the table of them."""

from collections.abc import Mapping
from typing import Final

from syncd.targets.airflow import KIND as AIRFLOW
from syncd.targets.kind import TargetKind

TARGETS: Final[Mapping[str, TargetKind]] = {kind.name: kind for kind in (AIRFLOW,)}
"""Every kind of target, by the name that it has in the configuration."""

USUAL: Final = AIRFLOW.name
"""What a deployment is whose table has no `type`."""


def unreachable(username: str) -> str:
    """Say why no target at all could have an account of this name; empty where one could."""
    problems = [kind.naming.username_problem(username) for kind in TARGETS.values()]
    return problems[0] if all(problems) else ""
