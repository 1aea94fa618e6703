"""The composition root: settings in, live objects out. The only place that knows every adapter."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import UTC, datetime

from syncd.config import FileSourceSettings, Settings, read_mappings
from syncd.config.settings import DeploymentSettings, SourceSettings
from syncd.mapping.parse import parse
from syncd.model import Capabilities, Rules
from syncd.ports import Source, TargetSession
from syncd.reconcile import Emit, Target, World
from syncd.sources.file import FileSource
from syncd.store import Store
from syncd.targets.airflow import AirflowTarget


def utc_now() -> datetime:
    """Tell the time, aware and in UTC."""
    return datetime.now(UTC)


def open_store(settings: Settings, *, clock: Callable[[], datetime] = utc_now) -> Store:
    """Open the database, making or upgrading it first.

    Raises:
        StoreError: it cannot be reached or used.
    """
    return Store(settings.database.connect_url(), clock=clock)


def read_rules(settings: Settings) -> Rules:
    """Read and check every mapping file.

    Raises:
        MappingInvalid: with every problem in every file.
    """
    return parse(read_mappings(settings.mappings), sources=frozenset(s.name for s in settings.sources))


def build(
    settings: Settings,
    store: Store,
    *,
    emit: Emit,
    clock: Callable[[], datetime] = utc_now,
    only: Collection[str] | None = None,
) -> World:
    """Put a world together; `only` names the deployments to work on (None: all).

    Raises:
        MappingInvalid: a mapping file cannot be used.
    """
    chosen = [d for d in settings.deployments if only is None or d.deployment.name in only]
    return World(
        sources=tuple(_source(source, clock) for source in settings.sources),
        rules=read_rules(settings),
        targets=tuple(_target(deployment) for deployment in chosen),
        journal=store,
        clock=clock,
        emit=emit,
        workers=settings.workers,
    )


def _source(settings: SourceSettings, clock: Callable[[], datetime]) -> Source:
    match settings:
        case FileSourceSettings():
            return FileSource(settings.name, settings.directory, now=clock)


def _target(settings: DeploymentSettings) -> Target:
    def open_session(known: Capabilities | None) -> TargetSession:
        return AirflowTarget(settings.deployment.name, settings.airflow, known=known)

    return Target(settings.deployment, settings.enforce, settings.limits, open_session)
