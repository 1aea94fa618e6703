"""What the daemon works with: the configuration and mappings in use, and what is reached by them.

Files that cannot be used change nothing: the last good ones stay in use, and `error` says what is wrong with the new ones.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from threading import Event, Lock

from syncd import app
from syncd.config import Settings, load, read_config, read_mappings
from syncd.config.settings import DeploymentSettings
from syncd.daemon.runtime import Runtime
from syncd.daemon.sessions import Sessions
from syncd.errors import InvalidInput, StoreError
from syncd.mapping.granted import with_grants
from syncd.model import Deployment, Learned, Rules, TimedGrant
from syncd.ports import GoodFiles, LastingSession
from syncd.reconcile import Target, World
from syncd.store import Stores
from syncd.throttle import Call, Throttle


@dataclass(frozen=True, slots=True)
class LoadedFiles:
    """What was read of the files, checked, and what was wrong with those that stand there now (empty: it is those)."""

    settings: Settings
    mappings: Mapping[str, bytes]
    rules: Rules
    error: str = ""

    def still_stand(self) -> bool:
        """Say whether just this stands in the files now; it is only read, not checked."""
        try:
            return (self.settings.text, self.mappings) == (
                read_config(self.settings.path),
                read_mappings(self.settings.mappings),
            )
        except InvalidInput:
            return False


def read_files(path: Path) -> LoadedFiles:
    """Read configuration and mapping files.

    Raises:
        InvalidInput: they cannot be used.
    """
    return _files(load(path))


def _files(settings: Settings) -> LoadedFiles:
    mappings = read_mappings(settings.mappings)
    return LoadedFiles(settings, mappings, app.rules_of(settings, mappings))


def last_good_files(store: Stores, path: Path, error: str) -> LoadedFiles | None:
    """Give what a daemon with this configuration file used last; None where there is none, or it cannot be used any more."""
    try:
        kept = store.presence.last_files(str(path.absolute()))
        if kept is None:
            return None
        texts, _ = kept
        settings = load(path, texts.config)
        mappings = {name: text.encode() for name, text in texts.mappings.items()}
        return LoadedFiles(settings, mappings, app.rules_of(settings, mappings), error)
    except (
        InvalidInput,
        StoreError,
    ):  # what is wrong with the files is to be told, not what is with the record of earlier ones
        return None


@dataclass(frozen=True, slots=True)
class Loaded:
    """One reading of the files, whole and checked. `rules` are those of the files; those of the world have a line for each of the
    timed `grants` besides."""

    settings: Settings
    world: World
    at: datetime
    targets: Mapping[str, Target] = field(default_factory=dict)
    grants: tuple[TimedGrant, ...] = ()
    rules: Rules = field(default_factory=lambda: Rules({}, ()))
    _older: dict[str, Rules] = field(default_factory=dict, compare=False, repr=False)
    """By revision, what older mapping files say with the grants in force; other grants make another `Loaded`."""

    def rules_at(self, revision: str) -> Rules:
        """Give what counts where a deployment goes by this revision of the mapping files; empty: by those in use.

        Raises:
            SyncdError: its files are lost, or cannot be used with this configuration.
        """
        revisions = self.world.revisions
        if revisions is None or revision in ("", revisions.revision):
            return self.world.rules
        if revision not in self._older:
            self._older[revision] = with_grants(revisions.rules_of(revision), self.grants)
        return self._older[revision]

    def granting(self, grants: tuple[TimedGrant, ...]) -> Loaded:
        """Give the same files with other grants in force."""
        world = replace(self.world, rules=with_grants(self.rules, grants))
        return replace(self, grants=grants, world=world, _older={})

    @property
    def deployments(self) -> tuple[Deployment, ...]:
        return tuple(target.deployment for target in self.world.targets)

    def settings_of(self, name: str) -> DeploymentSettings | None:
        return next((d for d in self.settings.deployments if d.deployment.name == name), None)


class Fleet:
    """Holds the reading in use. Any thread may call.

    Raises:
        InvalidInput: by making it, where the files cannot be used.
    """

    def __init__(
        self,
        files: Settings | LoadedFiles,
        store: Stores,
        runtime: Runtime,
        *,
        called: Callable[[str, Call], None],
    ) -> None:
        self.sessions = Sessions()
        self.error = ""
        self._store = store
        self._runtime = runtime
        self._emit = runtime.emit
        self._clock = runtime.clock
        self._called = called
        self._lock = Lock()
        self._abandoned = Event()
        self._throttles: dict[str, Throttle] = {}
        first = files if isinstance(files, LoadedFiles) else _files(files)
        self._now = self._make(first)
        self.error = first.error
        self._note(first)
        self._keep(first)

    def labels_of(self, name: str) -> Mapping[str, str]:
        """Give the labels of a deployment; of what is none, none."""
        target = self.now.targets.get(name)
        return target.deployment.labels if target else {}

    @property
    def now(self) -> Loaded:
        return self._now

    def is_superseded(self, loaded: Loaded, name: str) -> bool:
        """Say whether a pass on a deployment that began with this reading is not what the files say any more."""
        now = self._now
        return now is not loaded and (loaded.rules != now.rules or loaded.settings_of(name) != now.settings_of(name))

    def throttle(self, name: str) -> Throttle | None:
        with self._lock:
            return self._throttles.get(name)

    def reload(self) -> str:
        """Read the files anew and use them; gives what is wrong with them, empty: they are in use."""
        try:
            files = read_files(self._now.settings.path)
            fresh = self._make(files)
        except InvalidInput as error:
            return self._rejected(str(error))
        except Exception as error:  # noqa: BLE001 - whatever the new files do to us, the last good ones stay in use
            return self._rejected(f"the files cannot be used: unexpected {type(error).__name__}", error)
        with self._lock:
            before = self._now
            self._now = fresh = fresh.granting(before.grants)
        self.error = ""
        self._end_what_is_other(fresh)
        app.close(before.world)
        self._keep(files)
        self._note(files)
        self._emit("config_reloaded", deployments=len(fresh.targets), bindings=len(fresh.rules.bindings))
        return ""

    def use_grants(self, grants: tuple[TimedGrant, ...]) -> Loaded:
        """Go by these grants from now on, beside the files that are in use; a pass that runs goes on, and looks for itself."""
        with self._lock:
            self._now = self._now.granting(grants)
            return self._now

    def _rejected(self, why: str, unexpected: Exception | None = None) -> str:
        self.error = why
        self._emit("config_rejected", error=why, **{"exc_info": unexpected} if unexpected else {})
        return why

    def halt(self) -> None:
        """Let no further call to any deployment out, nor wait for its turn."""
        self._abandoned.set()
        with self._lock:
            throttles = tuple(self._throttles.values())
        for throttle in throttles:
            throttle.halt()

    def close(self) -> None:
        self.sessions.close()
        app.close(self._now.world)

    def _note(self, files: LoadedFiles) -> None:
        for note in (*files.settings.notes, *(found.text for found in self._now.world.notes)):
            self._emit("config_noted", note=note)

    def _keep(self, files: LoadedFiles) -> None:
        """Keep the files in use for the next start; where the database cannot, the start after this one has older ones."""
        if files.error:
            return
        texts = GoodFiles(files.settings.text, {name: text.decode() for name, text in files.mappings.items()})
        try:
            self._store.presence.keep_files(str(files.settings.path), texts, now=self._clock())
        except StoreError as error:
            self._emit("database_failed", error=str(error))

    def _make(self, files: LoadedFiles) -> Loaded:
        settings = files.settings
        world = app.build(
            settings,
            self._store,
            emit=self._emit,
            clock=self._clock,
            target=self._target,
            stopping=self._runtime.stopping,
            rules=files.rules,
            files=files.mappings,
        )
        targets = {t.deployment.name: t for t in world.targets}
        return Loaded(settings, world, self._clock(), targets, rules=world.rules)

    def _target(self, settings: DeploymentSettings) -> Target:
        name = settings.deployment.name

        def open_(known: Learned | None) -> LastingSession:
            rest = app.rest_of(settings, self._store.readings, self._clock)
            return app.open_target(settings, known, throttle=self._throttle_of(settings), rest=rest)

        opened = self.sessions.opener(name, open_, way=_way(settings))
        return Target(settings.deployment, settings.enforce, settings.limits, opened, settings.address, settings.guard)

    def _throttle_of(self, settings: DeploymentSettings) -> Throttle:
        name = settings.deployment.name
        with self._lock:
            if name not in self._throttles or self._throttles[name].rate_limit != settings.rate_limit:
                self._throttles[name] = Throttle(
                    settings.rate_limit,
                    monotonic=self._runtime.monotonic,
                    pause=self._abandoned.wait,
                    observe=lambda call: self._called(name, call),
                )
            return self._throttles[name]

    def _end_what_is_other(self, after: Loaded) -> None:
        """End the sessions of deployments that are reached in another way now, or not at all."""
        ways = {d.deployment.name: _way(d) for d in after.settings.deployments}
        self.sessions.keep_only(ways)
        with self._lock:
            self._throttles = {name: throttle for name, throttle in self._throttles.items() if name in ways}


def _way(settings: DeploymentSettings) -> object:
    """Give what a session with a deployment depends on."""
    return settings.kind, settings.settings, settings.rate_limit, settings.deployment.protected
