"""Files that define DAGs which do nothing, for releases of both generations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

_DAG_FILE = '''\
"""Airflow DAGs that do nothing: made to be listed, granted and triggered."""

from datetime import datetime

try:
    from airflow.sdk import DAG, BaseOperator
except ImportError:
    from airflow import DAG
    from airflow.models import BaseOperator

for dag_id in {ids!r}:
    with DAG(
        dag_id, schedule=None, start_date=datetime(2024, 1, 1), tags={tags!r},
        default_args={{"owner": {owners!r}[0]}}, access_control={access_control!r},
    ) as dag:
        BaseOperator(task_id="only")
        for owner in {owners!r}[1:]:
            BaseOperator(task_id=f"of-{{owner}}", owner=owner)
    globals()[dag_id] = dag
'''


def write_dags(
    folder: Path,
    *ids: str,
    tags: Sequence[str] = (),
    owners: Sequence[str] = ("airflow",),
    access_control: Mapping[str, Sequence[str]] | None = None,
) -> Path:
    """Write one file, named for its first DAG, that defines DAGs of these ids; gives its path."""
    folder.mkdir(parents=True, exist_ok=True)
    access = None if access_control is None else {role: set(actions) for role, actions in access_control.items()}
    file = folder / f"{ids[0]}.py"
    file.write_text(_DAG_FILE.format(ids=list(ids), tags=list(tags), owners=list(owners), access_control=access))
    return file


def write_sample_dags(folder: Path, *, bulk: int = 0) -> None:
    """Write the DAGs of tests and demo: finance, platform, one with dots in its id, and `bulk` more (`bulk_000` ...)."""
    write_dags(folder, "fin_daily", tags=["finance", "daily"], owners=["fin-team"])
    write_dags(folder, "fin_monthly", tags=["finance"], owners=["fin-team"])
    write_dags(folder, "plat_cleanup", tags=["infra"], owners=["platform"])
    write_dags(folder, "plat.dotted-name_1", tags=["infra"], owners=["platform"])
    if bulk:
        write_dags(folder, *(f"bulk_{n:03}" for n in range(bulk)), tags=["bulk"], owners=["bulk"])
