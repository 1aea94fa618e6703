"""Okta as a source of people and groups."""

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from syncd.lazy import exports
from syncd.model import Attribute, CheckResult
from syncd.sources.kind import SourceKind, SourceSurroundings
from syncd.sources.okta.settings import GroupFilter, OktaApiToken, OktaSettings, PrivateKey
from syncd.sources.okta.table import OktaSourceTable

if TYPE_CHECKING:
    from syncd.sources.okta.source import OktaSource
else:
    __getattr__ = exports(__name__, {"OktaSource": "source"})


def _open(name: str, settings: OktaSettings, around: SourceSurroundings) -> "OktaSource":
    from syncd.sources.okta.source import OktaSource

    return OktaSource(name, settings, around)


def _examine(name: str, settings: OktaSettings, now: Callable[[], datetime]) -> tuple[CheckResult, ...]:
    from syncd.sources.okta.examine import examine

    return examine(name, settings, now)


KIND = SourceKind(
    name="okta",
    table=OktaSourceTable,
    open=_open,
    examine=_examine,
    attributes=frozenset({Attribute.DEPARTMENT, Attribute.USER_TYPE}),
    provider=lambda settings: settings.provider,
)

__all__ = ["KIND", "GroupFilter", "OktaApiToken", "OktaSettings", "OktaSource", "PrivateKey"]
