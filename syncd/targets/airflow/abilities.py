"""What the API of one Airflow can do: and how that is kept from one session to the next.

Nobody else reads it. The rest of syncd passes it around as text (`model.Learned`), and the database keeps that text.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Final

from syncd.model import Learned

VERSION: Final = 1


class Patch(StrEnum):
    """What PATCH of a role does: measured to differ between releases of Airflow's FAB provider."""

    REPLACES = "replaces"
    ADDS = "adds"
    FORBIDDEN = "forbidden"
    UNKNOWN = "unknown"


class Delete(StrEnum):
    """What DELETE of a role does."""

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


def written(can: Capabilities) -> Learned:
    """Write down what was found out; equal findings give equal text."""
    body = {"v": VERSION} | asdict(can)
    return Learned(json.dumps(body, sort_keys=True, separators=(",", ":")))


def read(learned: Learned) -> Capabilities | None:
    """Read what an earlier session wrote; None where another syncd wrote it in another way: then it is looked for anew."""
    try:
        body: dict[str, Any] = json.loads(learned)
        if body.pop("v") != VERSION:
            return None
        words = {"patch_role": Patch(body["patch_role"]), "delete_role": Delete(body["delete_role"])}
        body.pop("graves", None)  # as it was written when this was the place where they were remembered
        can = Capabilities(**body | words)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return can if _is_sound(can) else None


def _is_sound(can: Capabilities) -> bool:
    """Say whether everything is of its kind: a file that it stands in may come from anywhere."""
    texts = (can.version, can.auth_manager, can.roles_credential, can.users_credential, can.dags_credential)
    maybe = (text for text in (can.fab_version, can.service_user) if text is not None)
    numbers = (can.generation, can.page_limit or 0)
    are_of_their_kind = all(isinstance(text, str) for text in (*texts, *maybe)) and {type(n) for n in numbers} == {int}
    return are_of_their_kind and can.generation >= 2
