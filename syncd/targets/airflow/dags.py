"""Reading a DAG out of a listing, and what a release does not say of one.

generation | bundle        | file below its bundle or the DAGs folder
2          | has none      | `fileloc` is where it is on the server: what is below the folder that the configuration names
3          | `bundle_name` | `relative_fileloc`; both are null until the DAG was parsed from a bundle
"""

from __future__ import annotations

from collections.abc import Mapping

from syncd.errors import TargetUnavailable
from syncd.model import Dag
from syncd.targets.airflow.reading import Row, text, texts

_NO_BUNDLES = "Airflow 2 has no bundles: choose by `path`, `tag` or `id` there"
_NO_FOLDER = (
    "Airflow 2 only says where a file is on the server: write `dags_folder` for this deployment into the configuration"
)


def read_dag(row: Row, dags_folder: str) -> Dag:
    """Read a DAG. Airflow before 3.0.3 takes `alice, bob` apart at the comma and keeps the blank before bob.

    Raises:
        TargetUnavailable: the row leaves out by what DAGs are chosen: a DAG without tags would be one of none.
    """
    for field in ("tags", "owners"):
        if field not in row:
            raise TargetUnavailable(
                f"the server sent a listing of DAGs without {field!r} in it; is a proxy changing its answers?"
            )
    owners = frozenset(owner.strip() for owner in texts(row, "owners", "name"))
    bundle = row.get("bundle_name")
    return Dag(
        text(row, "dag_id"),
        frozenset(texts(row, "tags", "name")),
        owners,
        bundle if isinstance(bundle, str) else None,
        _path(row, dags_folder),
    )


def _path(row: Row, dags_folder: str) -> str | None:
    """Give the file below its bundle or the DAGs folder; None where the server does not say it, or it is elsewhere."""
    relative, whole, folder = row.get("relative_fileloc"), row.get("fileloc"), dags_folder.rstrip("/") + "/"
    if isinstance(relative, str):
        return relative
    if dags_folder and "relative_fileloc" not in row and isinstance(whole, str) and whole.startswith(folder):
        return whole.removeprefix(folder)
    return None


def untold(generation: int, *, dags_folder: str) -> Mapping[str, str]:
    """Say of what this generation does not tell of a DAG why that is, and what to do."""
    if generation >= 3:
        return {}
    return {"bundle": _NO_BUNDLES} | ({} if dags_folder else {"path": _NO_FOLDER})
