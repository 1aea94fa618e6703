"""Which releases lose memory with every call to their role and user API.

FAB providers 3.0.2 to 3.10.0 make a new Flask application for each request below `/auth/fab/v1` and keep every one of them
in a cache that never hits. Whoever calls it often, as syncd does, fills the API server until it is killed.

- apache/airflow issue #72937 (Airflow 3.3.0, 2026-09-11): over 50 GB and answers of 10 s after some 1000 calls in two hours
- apache/airflow pull request #73104: 400 reads cost 271 MiB before the repair and 6.6 MiB after it
- the packages themselves: roles are served so from 3.0.2 (its changelog, #57411), users from 3.2.0; 3.10.0 still does it,
  3.10.1 does not any more

Airflow 2, and Airflow 3 with an older provider, keep one application for all requests.
"""

from __future__ import annotations

from typing import Final

from syncd.model import Learned
from syncd.targets.airflow.abilities import Capabilities, Delete, Patch, read
from syncd.targets.airflow.levels import release

FIRST: Final = (3, 0, 2)
REPAIRED: Final = "3.10.1"


def slow_down(learned: Learned) -> str:
    """Say why a deployment is to be looked at less often; empty where it need not be."""
    can = read(learned)
    return (leaks(can) or "") if can is not None else ""


def leaks(capabilities: Capabilities) -> str | None:
    """Say why this release is known to lose memory with every call; None where it is not.

    Where the account may not see the provider's version, what the server cannot do tells: all that add only, forbid or fail
    are older than the repair, and only those with a role API of the new kind take a token for roles.
    """
    version = capabilities.fab_version
    if capabilities.generation < 3 or capabilities.roles_credential == "basic":
        return None
    if version is None and not _is_old(capabilities):
        return None
    if version is not None and not FIRST <= release(version) < release(REPAIRED):
        return None
    return (
        f"FAB provider {version or 'before 3.8.1'} keeps about 0.7 MB of the API server's memory for each call to its role "
        "and user API (apache/airflow issue #72937): it is swept less often; upgrade apache-airflow-providers-fab to "
        f"{REPAIRED} or later"
    )


def _is_old(capabilities: Capabilities) -> bool:
    return capabilities.patch_role in {Patch.ADDS, Patch.FORBIDDEN} or capabilities.delete_role is Delete.BROKEN
