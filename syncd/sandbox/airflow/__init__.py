"""A stand-in Airflow: answers as real servers of several releases were measured to, and can be told to lie."""

from syncd.sandbox.airflow.abilities import PRESETS, Abilities
from syncd.sandbox.airflow.app import Seen, StandIn
from syncd.sandbox.airflow.serve import serve, serve_all
from syncd.sandbox.airflow.state import SAMPLE_DAGS, AirflowAccount, DagFile, State

__all__ = [
    "PRESETS",
    "SAMPLE_DAGS",
    "Abilities",
    "AirflowAccount",
    "DagFile",
    "Seen",
    "StandIn",
    "State",
    "serve",
    "serve_all",
]
