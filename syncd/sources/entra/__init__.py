"""Microsoft Entra ID as a source of people and groups."""

from syncd.sources.entra.settings import (
    CLOUDS,
    ClientSecret,
    Cloud,
    Credential,
    EntraSettings,
    GroupSelection,
    ManagedIdentity,
    PemCertificate,
    PfxCertificate,
    WorkloadIdentity,
)
from syncd.sources.entra.source import EntraSource

__all__ = [
    "CLOUDS",
    "ClientSecret",
    "Cloud",
    "Credential",
    "EntraSettings",
    "EntraSource",
    "GroupSelection",
    "ManagedIdentity",
    "PemCertificate",
    "PfxCertificate",
    "WorkloadIdentity",
]
