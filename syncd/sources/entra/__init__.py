"""Microsoft Entra ID as a source of people and groups."""

from syncd.sources.entra.examine import examine
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
from syncd.sources.entra.source import EntraSource
from syncd.sources.entra.table import EntraSourceTable
from syncd.sources.kind import SourceKind

KIND = SourceKind(
    name="entra",
    table=EntraSourceTable,
    open=EntraSource,
    examine=examine,
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
