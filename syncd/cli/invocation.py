"""What every command begins with: the configuration file, the log, and the world made of them.

Heavy modules are imported where they are used, so that `syncd --help` stays quick.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from syncd.config import Settings
    from syncd.daemon.loaded import LoadedFiles
    from syncd.model import Rules
    from syncd.ports import Emit
    from syncd.reconcile import World
    from syncd.store import Stores

DEFAULT_CONFIG = Path("config.toml")
WAIT_S = 30.0
"""How long a command waits for another writer of a deployment, such as a daemon."""


@dataclass(frozen=True, slots=True)
class Invocation:
    """The options that stand before the command."""

    config: Path = DEFAULT_CONFIG
    verbose: bool = False
    quiet: bool = False

    @property
    def program(self) -> str:
        """How to call syncd in the same way again, for commands that are shown to people."""
        return "syncd" if self.config == DEFAULT_CONFIG else shlex.join(["syncd", "--config", str(self.config)])

    def settings(self) -> Settings:
        """Read the configuration, and say what should be written otherwise in it."""
        from syncd.config import load

        settings = load(self.config)
        self._tell(settings.notes)
        return settings

    @contextmanager
    def in_use(self) -> Iterator[tuple[LoadedFiles, Stores]]:
        """Read configuration and mapping, or take what a daemon used last where they cannot be used now, which is said; with
        the database, open for as long as the context lasts."""
        from syncd.cli.output import show_error
        from syncd.daemon.startup import opened

        with opened(self.config) as (files, store):
            self._tell(files.settings.notes)
            if files.error:
                show_error(
                    f"{files.error}\nthe files cannot be used; what follows is by those that the daemon used last"
                )
            yield files, store

    def _tell(self, notes: Sequence[str]) -> None:
        from syncd.cli.output import show_error

        if not self.quiet:
            show_error("\n".join(f"note: {text}" for text in notes))

    def log(self) -> Emit:
        from syncd.log import set_up

        return set_up(verbose=self.verbose, quiet=self.quiet)

    @contextmanager
    def store(self, settings: Settings) -> Iterator[Stores]:
        """Open the database for as long as the context lasts."""
        from contextlib import closing

        from syncd import app

        with closing(app.open_store(settings)) as store:
            yield store

    @contextmanager
    def database(self) -> Iterator[tuple[Settings, Stores]]:
        """Give configuration and database where no mapping is needed; where the configuration cannot be used, that which a
        daemon used last, which is said."""
        from syncd.errors import InvalidInput

        try:
            settings = self.settings()
        except InvalidInput:
            with self.in_use() as (files, store):
                yield files.settings, store
            return
        with self.store(settings) as store:
            yield settings, store

    @contextmanager
    def world(
        self,
        settings: Settings,
        store: Stores,
        *,
        deployments: Sequence[str],
        full: bool = False,
        rules: Rules | None = None,
    ) -> Iterator[World]:
        """Build what a pass works with, and show its progress while the context lasts. `rules`: not those in the files."""
        from syncd import app
        from syncd.cli.progress import Progress, showing

        only = chosen(settings, deployments)
        enforced = {d.deployment.name: d.enforce for d in settings.deployments if d.deployment.name in only}
        progress = Progress(len(settings.sources), enforced)
        with showing(self.log(), progress, quiet=self.quiet) as emit:
            world = replace(app.build(settings, store, emit=emit, only=only, full=full, rules=rules), wait_s=WAIT_S)
            try:
                yield world
            finally:
                app.close(world)


def invocation(context: typer.Context) -> Invocation:
    """Give the options that stood before the command."""
    found = context.find_object(Invocation)
    assert found is not None  # the callback of the program puts it there
    return found


def chosen(settings: Settings, names: Sequence[str]) -> frozenset[str]:
    """Give the deployments that were asked for by name, or all.

    Raises:
        ConfigInvalid: there is none of such a name.
    """
    from syncd.errors import ConfigInvalid, Problem
    from syncd.text.strict import did_you_mean

    known = [d.deployment.name for d in settings.deployments]
    unknown = [name for name in names if name not in known]
    if unknown:
        hint = {name: did_you_mean(name, known) or f"; there are {', '.join(known[:10])}" for name in unknown}
        where = settings.path.name
        raise ConfigInvalid(
            Problem("--deployment", 0, 0, f'no deployment "{name}" in {where}{hint[name]}') for name in unknown
        )
    return frozenset(names or known)
