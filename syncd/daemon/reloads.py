"""Configuration and mapping files while the daemon runs: seeing that they changed, reading them anew, and saying how they are."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import Final

from syncd.daemon.alarms import Alarms
from syncd.daemon.loaded import Fleet, Loaded
from syncd.daemon.runtime import Runtime
from syncd.daemon.watch import Watch
from syncd.daemon.words import Say

FILES: Final = "files"
"""What alarms about configuration and mappings are about. The name of a replica dies with it, and so would nobody clear them."""
WATCH_EVERY_S: Final = 2.0


class Reloads:
    """One reload at a time; `used` does what is to be done once other files came into use."""

    def __init__(
        self, fleet: Fleet, watch: Watch, alarms: Alarms, runtime: Runtime, *, used: Callable[[Loaded], None]
    ) -> None:
        self._fleet = fleet
        self._watch = watch
        self._alarms = alarms
        self._runtime = runtime
        self._used = used
        self._reading = Lock()
        self._were_told = False
        self._looked_at = runtime.monotonic()

    @property
    def is_reading(self) -> bool:
        return self._reading.locked()

    def reload(self) -> str:
        """Read the files anew; gives what is wrong with them, empty: they are in use."""
        with self._reading:
            return self._reload()

    def _reload(self) -> str:
        before = self._fleet.now
        error = self._fleet.reload()
        if self._runtime.stopping():
            return error
        self._alarms.say(Say("config_invalid", FILES, error))
        if error:
            return error
        loaded = self._fleet.now
        if (loaded.settings, loaded.rules) != (before.settings, before.rules):
            self._used(loaded)
        return ""

    def changed(self) -> bool:
        """Look whether the files are other ones, every now and then."""
        if self._runtime.monotonic() - self._looked_at < WATCH_EVERY_S:
            return False
        self._looked_at = self._runtime.monotonic()
        return self._watch.changed()

    def say_how_files_are(self) -> None:
        """Raise the alarm of files that cannot be used for as long as that is so; at a start, end those of before it."""
        if self._fleet.error:
            self._alarms.raise_("config_invalid", FILES, self._fleet.error)
        elif not self._were_told and self._alarms.is_recalled:
            self._were_told = True
            for alarm in self._alarms.current():
                if alarm.kind == "config_invalid":
                    self._alarms.clear(alarm.kind, alarm.subject)
