"""Airflow 2 and 3 as a target: roles, users and DAGs by the REST API, on every release whose API can be used."""

from syncd.targets.airflow.describe import described, figures
from syncd.targets.airflow.examine import examine
from syncd.targets.airflow.leak import slow_down
from syncd.targets.airflow.settings import AirflowSettings, Credential
from syncd.targets.airflow.table import AirflowTable
from syncd.targets.airflow.target import AirflowTarget, Timing
from syncd.targets.kind import TargetKind

KIND = TargetKind(
    name="airflow",
    table=AirflowTable,
    open=lambda name, settings, around, known: AirflowTarget(name, settings, around, known=known),
    examine=lambda name, settings, now: examine(name, settings, now=now),
    described=described,
    figures=figures,
    slow_down=slow_down,
)

__all__ = ["KIND", "AirflowSettings", "AirflowTarget", "Credential", "Timing"]
