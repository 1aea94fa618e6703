"""Okta as a source of people and groups."""

from syncd.sources.okta.settings import ApiToken, GroupSelection, OktaSettings, PrivateKey
from syncd.sources.okta.source import OktaSource

__all__ = ["ApiToken", "GroupSelection", "OktaSettings", "OktaSource", "PrivateKey"]
