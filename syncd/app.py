"""The composition root: settings in, live objects out. The only place that knows every adapter."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from syncd.config import Settings, read_mappings
from syncd.config.settings import DatabaseSettings, DeploymentSettings, SourceSettings
from syncd.errors import StoreError, SyncdError
from syncd.http.rests import OwnRests, Rest, Rests
from syncd.mapping.files_of_tests import is_tests
from syncd.mapping.parse import parse
from syncd.mapping.select import idle_bindings
from syncd.model import Askable, Asking, Attribute, CheckResult, Learned, Rules
from syncd.sources import SOURCES
from syncd.sources.kind import SourceSurroundings
from syncd.targets import TARGETS
from syncd.targets.kind import TargetKind, TargetSurroundings
from syncd.throttle import Throttle

if TYPE_CHECKING:
    from syncd.model.mapping_tests import TestFile
    from syncd.ports import Emit, LastingSession, Source, TargetSession
    from syncd.reconcile import Target, World
    from syncd.reconcile.revisions import MappingRevisions
    from syncd.store import Stores

REST_LOOK_S: Final = 10.0
"""So often it is looked whether another process was told that a deployment wants to be left alone."""


def utc_now() -> datetime:
    """Tell the time, aware and in UTC."""
    return datetime.now(UTC)


def open_store(settings: Settings, *, clock: Callable[[], datetime] = utc_now) -> Stores:
    """Open the database, making or upgrading it first.

    Raises:
        StoreError: it cannot be reached or used.
    """
    return open_database(settings.database, clock=clock)


def peek_store(settings: Settings) -> Stores | None:
    """Open the database if it is there and needs no upgrade; nothing is made or changed.

    Raises:
        StoreError: it cannot be used.
    """
    from syncd.store import Stores

    file = settings.database.url.removeprefix("sqlite:///")
    if file != settings.database.url and not Path(file).exists():
        return None
    return Stores.peek(settings.database.connect_url())


def open_database(database: DatabaseSettings, *, clock: Callable[[], datetime] = utc_now) -> Stores:
    """Do as `open_store`, knowing of no more than the database."""
    from syncd.store import Stores

    return Stores.open(database.connect_url(), clock=clock, witness=database.witness)


def read_rules(settings: Settings) -> Rules:
    """Read and check every mapping file.

    Raises:
        MappingInvalid: with every problem in every file.
    """
    return rules_of(settings, read_mappings(settings.mappings))


def rules_of(settings: Settings, files: Mapping[str, bytes]) -> Rules:
    """Check what was read of the mapping files.

    Raises:
        MappingInvalid: with every problem in every file.
    """
    return parse(
        files,
        namings=tuple(dict.fromkeys(d.deployment.naming for d in settings.deployments)),
        sources=frozenset(s.name for s in settings.sources),
        people_until=settings.people_until,
        privileged=settings.privileged,
        asking=_asking(settings),
        most_expansions=settings.most_expansions,
    )


def _asking(settings: Settings) -> Asking:
    return {source.name: _askable(source, settings) for source in settings.sources}


def _askable(source: SourceSettings, settings: Settings) -> Askable:
    told = SOURCES[source.kind].attributes | {Attribute.EMAIL_DOMAIN}
    return Askable(told, settings.joining.domains.get(source.name, frozenset()))


def read_tests(settings: Settings, rules: Rules | None) -> tuple[TestFile, ...]:
    """Read the tests that stand beside the mapping files; `rules` are those of these files, None: they have mistakes.

    Raises:
        MappingInvalid: with every problem in every file of tests.
    """
    files = read_mappings(settings.mappings)
    if not any(map(is_tests, files)):
        return ()
    from syncd.mapping.parse_tests import parse_tests

    return parse_tests(
        files,
        namings=tuple(dict.fromkeys(d.deployment.naming for d in settings.deployments)),
        sources=frozenset(s.name for s in settings.sources),
        asking=_asking(settings),
        rules=rules,
    )


def build(
    settings: Settings,
    store: Stores,
    *,
    emit: Emit,
    clock: Callable[[], datetime] = utc_now,
    only: Collection[str] | None = None,
    full: bool = False,
    rules: Rules | None = None,
    files: Mapping[str, bytes] | None = None,
    target: Callable[[DeploymentSettings], Target] | None = None,
    stopping: Callable[[], bool] = bool,
) -> World:
    """Put a world together; `only` names the deployments to work on (None: all); `full` reads sources whole.

    `rules` are read from the mapping files where they are not given; `files` are what these rules were read from: without them
    nothing is said of waves. `target` makes a target of its settings (default: one
    that opens a new session for each pass). `stopping` says whether the process is about to end: then reads end, and no change
    is begun.

    Raises:
        MappingInvalid: a mapping file cannot be used.
    """
    from syncd.config.fingerprint import fingerprint
    from syncd.reconcile import World
    from syncd.text.revision import head_of

    chosen = [d for d in settings.deployments if only is None or d.deployment.name in only]
    around = SourceSurroundings(clock, emit, store.readings, stopping)
    if rules is None:
        files = read_mappings(settings.mappings)
    meant = rules if rules is not None else rules_of(settings, files or {})
    revisions = revisions_of(settings, store, meant, files)
    everyone = (revisions.every if revisions else meant).everyone(source.name for source in settings.sources)
    if settings.grants.allow or _may_be_granted(store):  # of who is not seen it has to be known that they left
        everyone = frozenset(source.name for source in settings.sources)
    return World(
        sources=tuple(
            open_source(source, replace(around, everyone=source.name in everyone)) for source in settings.sources
        ),
        rules=meant,
        targets=tuple((target or _passing(store.readings, clock))(deployment) for deployment in chosen),
        journal=store,
        clock=clock,
        emit=emit,
        workers=settings.workers,
        joining=settings.joining,
        full_read_every=settings.full_read_every,
        full=full,
        hold_expires=settings.daemon.hold_expires,
        revision=head_of(settings.mappings),
        areas=settings.areas,
        files=fingerprint(meant, settings.joining, settings.sources, settings.deployments),
        stopping=stopping,
        notes=idle_bindings(meant, (d.deployment for d in settings.deployments)),
        revisions=revisions,
    )


def _may_be_granted(store: Stores) -> bool:
    """Say whether somebody may hold a role for a time; where the database cannot say so, yes: more is read then."""
    try:
        return bool(store.grants.open())
    except StoreError:  # files are read while it is away too; who needs it next says that it is
        return True


def revisions_of(
    settings: Settings, store: Stores, rules: Rules, files: Mapping[str, bytes] | None, *, recall: bool = True
) -> MappingRevisions | None:
    """Give the mapping files of now and those that deployments go by, where changes come in waves; None: they do not. Without
    `recall` the latter are read when somebody asks for them.

    Raises:
        MappingInvalid: files that a deployment goes by cannot be used with this configuration.
    """
    if settings.rollout is None or files is None:
        return None
    from syncd.mapping.revisions import revision_of
    from syncd.reconcile.revisions import MappingRevisions

    revisions = MappingRevisions(
        settings.rollout,
        revision_of(files),
        files,
        rules,
        tuple(d.deployment for d in settings.deployments if d.enforce),
        store.rollouts.files,
        partial(rules_of, settings),
    )
    if recall:
        with suppress(StoreError):  # files are read while the database is away too; whoever needs these next reads them
            revisions.recall(store.rollouts.record())
    return revisions


def checkpointed(settings: Settings, store: Stores, emit: Emit, *, now: datetime, anyway: bool = True) -> str:
    """Sign where the journal stands and put that out, as the configuration says: whatever is new, or without `anyway` what is
    due. Gives why it failed, which is logged; empty: it did not."""
    if settings.checkpoints is None:
        return ""
    from syncd.notify.checkpoints import checkpoint

    try:
        made = checkpoint(settings.checkpoints, store.records, now=now, anyway=anyway)
    except StoreError:
        raise
    except SyncdError as error:
        emit("checkpoint_failed", error=str(error))
        return str(error)
    if made:
        emit("checkpoint_made", record=made.seq, key=made.key)
    return ""


def close(world: World) -> None:
    """Give back what the sources of a world hold."""
    for source in world.sources:
        source.close()


def examinations(
    settings: Settings, *, clock: Callable[[], datetime] = utc_now, rests: Rests | None = None
) -> tuple[Callable[[], tuple[CheckResult, ...]], ...]:
    """Give one examination for each source and deployment, in the order of the file; they can run side by side.

    `rests` says which providers want to be left alone: those are not asked.
    """
    sources = [partial(_examine_source, source, clock, rests or OwnRests()) for source in settings.sources]
    deployments = [partial(_examine_deployment, d, clock, rests or OwnRests()) for d in settings.deployments]
    return (*sources, *deployments)


def _examine_deployment(
    settings: DeploymentSettings, clock: Callable[[], datetime], rests: Rests
) -> tuple[CheckResult, ...]:
    name, rest = settings.deployment.name, rest_of(settings, rests, clock)
    told = _resting(f"deployment {name}", rest, who="the deployment")
    return told or kind_of(settings).examine(name, settings.settings, clock)


def _examine_source(settings: SourceSettings, clock: Callable[[], datetime], rests: Rests) -> tuple[CheckResult, ...]:
    kind, name = SOURCES[settings.kind], settings.name
    if kind.provider is not None:
        rest = Rest(kind.provider(settings.settings), rests, now=clock)
        if told := _resting(f"source {name}", rest):
            return told
    return kind.examine(name, settings.settings, clock)


def _resting(subject: str, rest: Rest, *, who: str = "the provider") -> tuple[CheckResult, ...]:
    try:
        is_left_alone = rest.left_s() > 0
    except StoreError:  # which is told of by itself
        return ()
    return (CheckResult(subject, "rate limits", None, rest.why(who)),) if is_left_alone else ()


def open_source(settings: SourceSettings, around: SourceSurroundings) -> Source:
    """Make a source; nobody is asked anything yet."""
    return SOURCES[settings.kind].open(settings.name, settings.settings, around)


def open_local(
    settings: SourceSettings, *, everyone: bool = False, clock: Callable[[], datetime] = utc_now
) -> Source | None:
    """Make a source that reads what is on this machine; None: it would ask somebody."""
    is_local = SOURCES[settings.kind].provider is None
    return open_source(settings, SourceSurroundings(clock, everyone=everyone)) if is_local else None


def _passing(rests: Rests, clock: Callable[[], datetime]) -> Callable[[DeploymentSettings], Target]:
    """Make targets whose sessions last for one pass."""
    from syncd.reconcile import Target

    def make(settings: DeploymentSettings) -> Target:
        def open_session(known: Learned | None) -> TargetSession:
            return open_target(settings, known, rest=rest_of(settings, rests, clock))

        return Target(
            settings.deployment, settings.enforce, settings.limits, open_session, settings.address, settings.guard
        )

    return make


def kind_of(settings: DeploymentSettings) -> TargetKind:
    """Give the kind of target that a deployment is."""
    return TARGETS[settings.kind]


def rest_of(settings: DeploymentSettings, rests: Rests, clock: Callable[[], datetime]) -> Rest:
    """Say where it is kept that a deployment wants to be left alone: by its address, for every process and command."""
    return Rest(f"{settings.kind} {settings.address}", rests, now=clock, look_every_s=REST_LOOK_S)


def open_target(
    settings: DeploymentSettings, known: Learned | None, *, throttle: Throttle | None = None, rest: Rest | None = None
) -> LastingSession:
    """Open a session with a deployment; nobody is asked anything yet."""
    deployment = settings.deployment
    around = TargetSurroundings(deployment.protected, throttle, rest)
    return kind_of(settings).open(deployment.name, settings.settings, around, known)
