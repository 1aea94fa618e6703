"""What one Airflow can do, told to people and to programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Final

from syncd.model import Learned
from syncd.targets.airflow.abilities import Capabilities, read
from syncd.targets.airflow.leak import leaks

NOT_READ: Final = "what is known of it was written by another syncd; the next pass looks anew"


def described(learned: Learned) -> tuple[tuple[str, str], ...]:
    """Say what a server can do, as labels with what they say."""
    can = read(learned)
    return (("server", NOT_READ),) if can is None else tuple(_facts(can))


def figures(learned: Learned) -> Mapping[str, object] | None:
    """Give the same for programs, under names that stay; None where it cannot be read."""
    can = read(learned)
    return None if can is None else asdict(can)


def _facts(can: Capabilities) -> Iterator[tuple[str, str]]:
    yield "server", f"Airflow {can.version} (generation {can.generation}), {can.auth_manager}"
    yield "provider", f"FAB provider {can.fab_version}" if can.fab_version else ""
    areas = {"roles": can.roles_credential, "users": can.users_credential, "DAGs": can.dags_credential}
    from syncd.targets.airflow.mirror import unreadable  # which is how a server is asked, and `check` asks none

    yield "credentials", ", ".join(f"{area} {credential or 'none found'}" for area, credential in areas.items())
    yield "account", can.service_user or ""
    yield "roles", f"PATCH {can.patch_role.value}, DELETE {can.delete_role.value}"
    yield "users", "can be read" if can.users_readable else unreadable(can)
    yield "DAG runs", "have permissions of their own" if can.dag_run_resources else "have no permissions of their own"
    yield "pages", f"{can.page_limit} rows at most" if can.page_limit else ""
    yield "session", "spares the password check of each call" if can.session else ""
    yield "memory", leaks(can) or ""
