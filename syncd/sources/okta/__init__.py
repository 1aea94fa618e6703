"""Okta as a source of people and groups."""

from syncd.sources.kind import SourceKind
from syncd.sources.okta.examine import examine
from syncd.sources.okta.settings import GroupFilter, OktaApiToken, OktaSettings, PrivateKey
from syncd.sources.okta.source import OktaSource
from syncd.sources.okta.table import OktaSourceTable

KIND = SourceKind(
    name="okta",
    table=OktaSourceTable,
    open=OktaSource,
    examine=examine,
    provider=lambda settings: settings.provider,
)

__all__ = ["KIND", "GroupFilter", "OktaApiToken", "OktaSettings", "OktaSource", "PrivateKey"]
