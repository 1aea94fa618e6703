"""Which names Airflow takes, and what it reads out of them."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from syncd.model import Naming, Permission

NAMING: Final = Naming(on_dags=(("DAG:", ""), ("DAG Run:", "runs")))


@lru_cache(maxsize=100_000)
def permission(action: str, resource: str) -> Permission:
    """Read a permission, with the DAG that it is on. Thousands of roles hold the same ones."""
    return NAMING.permission(action, resource)
