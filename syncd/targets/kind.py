"""What a kind of target is: all that the rest of syncd asks of Airflow as such, and not of one deployment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from syncd.http.rests import Rest
from syncd.model import CheckResult, Dialect, InCode, Learned, Naming
from syncd.targets.table import DeploymentTable
from syncd.throttle import Throttle

if TYPE_CHECKING:
    from syncd.ports import LastingSession


@dataclass(frozen=True, slots=True)
class TargetSurroundings:
    """What a session with a deployment is given besides how to reach it.

    protected  accounts about which no call is ever made, nor about any that a database may take for one of them
    throttle   how fast the deployment may be asked; every session with it shares one
    rest       where it is kept that the deployment wants to be left alone
    """

    protected: frozenset[str] = frozenset()
    throttle: Throttle | None = None
    rest: Rest | None = None


def _nothing(_file: str, _content: bytes) -> tuple[InCode, ...]:
    return ()


@dataclass(frozen=True, slots=True)
class TargetKind:
    """One kind of target.

    name       the `type` of its table
    table      its table: the keys that every deployment has, and how one of this kind is reached
    open       makes a session with a deployment, of its name, the table's settings, what surrounds it, and what an earlier
               session found out; asks nobody anything
    examine    says whether syncd can work with a deployment, by reading only
    described  what was found out about a deployment, as labels with what they say; what says nothing is empty
    figures    the same for programs, under names that stay; None where it cannot be read any more
    dialect    how a deployment spells levels, by what was found out about it; None where that cannot be read any more
    slow_down  why a deployment is to be looked at less often; empty: it need not be
    in_code    what the code of DAGs in a file (name, content) gives by itself, read as text; a kind whose DAGs give nothing so
               leaves it out
    of_release how a release spells levels where no server was asked; "" is the newest that is known; None: nobody knows
    """

    name: str
    table: type[DeploymentTable]
    open: Callable[[str, Any, TargetSurroundings, Learned | None], LastingSession]
    examine: Callable[[str, Any, Callable[[], datetime]], tuple[CheckResult, ...]]
    described: Callable[[Learned], tuple[tuple[str, str], ...]]
    figures: Callable[[Learned], Mapping[str, object] | None]
    dialect: Callable[[Learned], Dialect | None]
    slow_down: Callable[[Learned], str]
    in_code: Callable[[str, bytes], tuple[InCode, ...]] = _nothing
    of_release: Callable[[str], Dialect | None] = lambda _release: None

    @property
    def naming(self) -> Naming:
        """Give the rules of its names."""
        return self.table.naming
