"""What a deployment's API can do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

BUILT_IN_ROLES = frozenset({"Admin", "Op", "User", "Viewer", "Public"})
"""Roles that Airflow itself defines. They may be given and taken, never edited or deleted: the API does not protect them."""


class Patch(StrEnum):
    """What PATCH of a role does: measured to differ between releases of Airflow's FAB provider."""

    REPLACES = "replaces"
    ADDS = "adds"
    FORBIDDEN = "forbidden"
    UNKNOWN = "unknown"


class Delete(StrEnum):
    WORKS = "works"
    BROKEN = "broken"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What one deployment's API can do, each ability found by looking at answers, none assumed from a version alone.

    `patch_role` and `delete_role` stay `unknown` until a change needs them: looking does not write. `fab_version` is None
    where the account may not read it. `page_limit` is the most rows the server gives at once. `session` says whether a
    session cookie spares the password hash of every call. `service_user` is the account syncd runs as, where known.
    """

    generation: int
    version: str
    auth_manager: str
    fab_version: str | None = None
    roles_credential: str = ""
    users_credential: str = ""
    dags_credential: str = ""
    patch_role: Patch = Patch.UNKNOWN
    delete_role: Delete = Delete.UNKNOWN
    users_readable: bool = True
    dag_run_resources: bool = True
    page_limit: int | None = None
    session: bool = False
    service_user: str | None = None

    @property
    def fingerprint(self) -> str:
        """Tell servers apart whose learned abilities may differ."""
        return f"{self.version}+fab-{self.fab_version or '?'}"
