"""Microsoft Entra ID as a source of people and groups."""

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from syncd.lazy import exports
from syncd.model import Attribute, CheckResult
from syncd.sources.entra.settings import (
    CLOUDS,
    ClientSecret,
    Cloud,
    EntraCredential,
    EntraSettings,
    GroupSelection,
    ManagedIdentity,
    PemCertificate,
    PfxCertificate,
    WorkloadIdentity,
)
from syncd.sources.entra.table import EntraSourceTable
from syncd.sources.kind import SourceKind, SourceSurroundings

if TYPE_CHECKING:
    from syncd.sources.entra.source import EntraSource
else:
    __getattr__ = exports(__name__, {"EntraSource": "source"})


def _open(name: str, settings: EntraSettings, around: SourceSurroundings) -> "EntraSource":
    from syncd.sources.entra.source import EntraSource

    return EntraSource(name, settings, around)


def _examine(name: str, settings: EntraSettings, now: Callable[[], datetime]) -> tuple[CheckResult, ...]:
    from syncd.sources.entra.examine import examine

    return examine(name, settings, now)


KIND = SourceKind(
    name="entra",
    table=EntraSourceTable,
    open=_open,
    examine=_examine,
    attributes=frozenset({Attribute.DEPARTMENT, Attribute.USER_TYPE, Attribute.GUEST}),
    provider=lambda settings: settings.provider,
)

__all__ = [
    "CLOUDS",
    "ClientSecret",
    "Cloud",
    "EntraCredential",
    "EntraSettings",
    "EntraSource",
    "GroupSelection",
    "ManagedIdentity",
    "PemCertificate",
    "PfxCertificate",
    "WorkloadIdentity",
]
