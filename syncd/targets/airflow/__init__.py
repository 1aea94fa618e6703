"""Airflow 2 and 3 as a target: roles, users and DAGs by the REST API, on every release whose API can be used."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from syncd.lazy import exports
from syncd.model import CheckResult, Dialect, InCode, Learned
from syncd.targets.airflow.settings import AirflowSettings, Credential
from syncd.targets.airflow.table import AirflowTable
from syncd.targets.kind import TargetKind, TargetSurroundings

if TYPE_CHECKING:
    from syncd.targets.airflow.target import AirflowTarget, Timing
else:
    __getattr__ = exports(__name__, {"AirflowTarget": "target", "Timing": "target"})


def _open(name: str, settings: AirflowSettings, around: TargetSurroundings, known: Learned | None) -> "AirflowTarget":
    from syncd.targets.airflow.target import AirflowTarget

    return AirflowTarget(name, settings, around, known=known)


def _examine(name: str, settings: AirflowSettings, now: Callable[[], datetime]) -> tuple[CheckResult, ...]:
    from syncd.targets.airflow.examine import examine

    return examine(name, settings, now=now)


def _described(learned: Learned) -> tuple[tuple[str, str], ...]:
    from syncd.targets.airflow.describe import described

    return described(learned)


def _figures(learned: Learned) -> Mapping[str, object] | None:
    from syncd.targets.airflow.describe import figures

    return figures(learned)


def _slow_down(learned: Learned) -> str:
    from syncd.targets.airflow.leak import slow_down

    return slow_down(learned)


def _dialect(learned: Learned) -> Dialect | None:
    from syncd.targets.airflow.abilities import read
    from syncd.targets.airflow.levels import dialect

    can = read(learned)
    return None if can is None else dialect(can)


def _in_code(file: str, content: bytes) -> tuple[InCode, ...]:
    from syncd.targets.airflow.in_code import in_code

    return in_code(file, content)


def _of_release(release: str) -> Dialect:
    from syncd.targets.airflow.levels import dialect_of_release

    return dialect_of_release(release)


KIND = TargetKind(
    name="airflow",
    table=AirflowTable,
    open=_open,
    examine=_examine,
    described=_described,
    figures=_figures,
    dialect=_dialect,
    slow_down=_slow_down,
    in_code=_in_code,
    of_release=_of_release,
)

__all__ = ["KIND", "AirflowSettings", "AirflowTarget", "Credential", "Timing"]
