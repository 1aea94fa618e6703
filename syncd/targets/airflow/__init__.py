"""Airflow 2 and 3 as a target: roles, users and DAGs by the REST API, on every release whose API can be used."""

from syncd.targets.airflow.leak import leaks
from syncd.targets.airflow.names import unreachable
from syncd.targets.airflow.settings import AirflowSettings, Credential
from syncd.targets.airflow.target import AirflowTarget

__all__ = ["AirflowSettings", "AirflowTarget", "Credential", "leaks", "unreachable"]
