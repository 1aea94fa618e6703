"""What one Airflow release can do, as independent switches, and the releases that were measured.

The same version of Airflow behaves in up to four ways, depending on its FAB provider, so nothing here follows from a
version: each preset is what a real server answered (2026-11-22), and tests may combine the switches freely.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

BASIC = frozenset({"basic"})
BASIC_OR_SESSION = frozenset({"basic", "session"})
TOKEN = frozenset({"token"})


@dataclass(frozen=True, slots=True)
class Abilities:
    """How a stand-in behaves.

    `roles`, `users` and `dags` are the credentials that these three areas accept: any of `basic`, `session`, `token`;
    an area that takes no token speaks connexion's dialect (problem+json), the others speak FastAPI's.
    """

    version: str
    fab_version: str | None = None
    auth_manager: Literal["fab", "simple", "keycloak"] = "fab"
    roles: frozenset[str] = TOKEN
    users: frozenset[str] = TOKEN
    dags: frozenset[str] = TOKEN

    patch: Literal["replaces", "adds", "forbidden"] = "replaces"
    """What PATCH of a role does with its permissions; `forbidden` is a 403 for everybody."""
    patch_claims: bool = True
    """PATCH answers with the permissions that were asked for, whatever became of them."""
    delete: Literal[200, 204, 500] = 200
    """How DELETE of a role answers; with 500 the role stays."""
    users_broken: bool = False
    """Every call about users answers 500, reads too; what it was to write is written."""
    registration_role: str | None = None
    """What a user gets who is created without roles; None answers 500."""
    user_patch_needs_names: bool = False
    dag_run_resources: bool = True
    """Whether parsing a DAG x makes `DAG Run:x`."""
    password_tokens: bool = True
    """Whether Airflow 3 gives a token for user name and password; 401 where not, as FAB 3.11.0 with OAuth by its changelog."""
    provider_account: str | None = None
    """Whose token is given for a `provider_token`, by a `create_token` of the deployment's own; None where it has none."""
    public_role: str | None = None
    """The role of callers without, or with wrong, basic credentials; None answers 401. Airflow 2 defaults to Public."""
    page_limit: int = 100
    dag_fields: Literal["ignored", "known", "uncounted", "refused"] = "ignored"
    """What asking for `fields` of DAGs brings: all of them, just these, these without `total_entries`, or a 400."""
    owners_split: bool = False
    """Whether the owners of a DAG keep the blank after the comma that they were split at: `alice, bob` -> `alice`, ` bob`."""

    cache_ttl_s: float = 30.0
    """How long a token's user and permissions are remembered; only tokens are."""
    token_ttl_s: float = 86_400.0
    hash_s: float = 0.0
    """What checking a password costs; a real server takes 0.13 s."""
    seconds_per_permission: float = 0.0
    """What writing one permission of a role costs; a real server takes 0.017 s. Others see the role half written."""

    @property
    def generation(self) -> int:
        return int(self.version.partition(".")[0])


_TWO = Abilities(
    "2.11.2",
    "1.5.4",
    roles=BASIC_OR_SESSION,
    users=BASIC_OR_SESSION,
    dags=BASIC_OR_SESSION,
    patch="adds",
    patch_claims=False,
    delete=204,
    registration_role="Public",
    user_patch_needs_names=True,
    public_role="Public",
    dag_fields="known",
    owners_split=True,
)
_TWO_OLD = replace(_TWO, roles=BASIC, users=BASIC, dags=BASIC, registration_role=None)
_THREE = Abilities("3.3.2", "3.10.2")
_MIXED = replace(_THREE, version="3.1.8", users=BASIC, patch="forbidden", delete=500, user_patch_needs_names=True)
_ADDS = replace(_THREE, patch="adds")

PRESETS: Mapping[str, Abilities] = {
    "2.8.4": replace(
        _TWO_OLD,
        version="2.8.4",
        fab_version=None,
        registration_role="Public",
        dag_run_resources=False,
        dag_fields="refused",
    ),
    "2.9.0": replace(
        _TWO_OLD,
        version="2.9.0",
        fab_version="1.0.4",
        registration_role="Public",
        public_role=None,
        dag_run_resources=False,
        dag_fields="uncounted",
    ),
    "2.9.3": replace(
        _TWO_OLD,
        version="2.9.3",
        fab_version="1.2.2",
        registration_role="Public",
        dag_run_resources=False,
        dag_fields="uncounted",
    ),
    "2.10.0": replace(
        _TWO_OLD,
        version="2.10.0",
        fab_version="1.2.2",
        registration_role="Public",
        dag_run_resources=False,
        dag_fields="uncounted",
    ),
    "2.10.2": replace(_TWO_OLD, version="2.10.2", fab_version="1.4.0", public_role=None, dag_fields="uncounted"),
    "2.10.5": replace(_TWO_OLD, version="2.10.5", fab_version="1.5.3", public_role=None),
    "2.11.2": _TWO,
    "3.0.6": Abilities(
        "3.0.6",
        "2.4.4",
        roles=BASIC,
        users=BASIC,
        patch="adds",
        patch_claims=False,
        delete=204,
        user_patch_needs_names=True,
    ),
    "3.0.2": Abilities(
        "3.0.2",
        "2.2.0",
        roles=BASIC,
        users=BASIC,
        patch="adds",
        patch_claims=False,
        delete=204,
        user_patch_needs_names=True,
        owners_split=True,
    ),
    "3.1.8+3.0.3": replace(_MIXED, fab_version="3.0.3"),
    "3.1.8+3.1.1": replace(_MIXED, fab_version="3.1.1"),
    "3.1.8+3.2.0": replace(
        _THREE, version="3.1.8", fab_version="3.2.0", patch="forbidden", delete=500, users_broken=True
    ),
    "3.1.8+3.3.0": replace(
        _ADDS, version="3.1.8", fab_version="3.3.0", patch_claims=False, delete=500, users_broken=True
    ),
    "3.1.8+3.4.0": replace(_ADDS, version="3.1.8", fab_version="3.4.0", delete=500),
    "3.2.2+3.5.0": replace(_ADDS, version="3.2.2", fab_version="3.5.0", delete=500),
    "3.2.2+3.6.5": replace(_ADDS, version="3.2.2", fab_version="3.6.5"),
    "3.2.2+3.7.3": replace(_ADDS, version="3.2.2", fab_version="3.7.3"),
    "3.3.2": _THREE,
    "3.3.2-simple": Abilities("3.3.2", auth_manager="simple"),
    "3.3.2-keycloak": Abilities("3.3.2", auth_manager="keycloak"),
}
"""By Airflow version, and FAB provider version where one release of Airflow was measured with several.

2.9.0, 2.9.3, 2.10.0 and 2.10.2 have the FAB provider of their own day, as they were measured: before 1.3 it makes no
`DAG Run:` resources. 3.0.2 is its neighbour with what its packages say about DAGs.
"""
