"""Releases of Airflow that can be installed here, each with its packages: locked by hash, or as they were on a day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from syncd.errors import SyncdError

ROOT = Path(__file__).parents[3]


class ServerFailed(SyncdError):
    """A real Airflow could not be installed, prepared or started; carries the end of its log."""


@dataclass(frozen=True, slots=True)
class Release:
    """An Airflow and what is installed with it.

    name      of the folder that it is installed into
    version   of Airflow
    python    the newest Python that it runs on
    packages  wanted as a package index had them on the day `as_of`; without any, `requirements/airflow-<name>.txt` locks all
    """

    name: str
    version: str
    python: tuple[int, int]
    packages: tuple[str, ...] = ()
    as_of: str = ""

    @property
    def lock(self) -> Path:
        return ROOT / "requirements" / f"airflow-{self.name}.txt"

    @property
    def made_from(self) -> bytes:
        """What an installation of it depends on: where this changes, it is made anew.

        Raises:
            ServerFailed: this is no checkout, and only a checkout has the locks.
        """
        if self.packages:
            return "\n".join((*self.packages, self.as_of)).encode()
        if not self.lock.is_file():
            raise ServerFailed(
                f"what Airflow {self.version} is installed of is in {self.lock.name}, which only a checkout of syncd has"
            )
        return self.lock.read_bytes()


LOCKED: Mapping[str, Release] = {
    name: Release(name, name, python)
    for name, python in {"2.9.0": (3, 12), "2.11.2": (3, 12), "3.3.2": (3, 14)}.items()
}
"""The oldest release that is promised and the newest of both generations, every package pinned by its hash."""


def release_of(version: str | Release) -> Release:
    """Find a locked release by its version; one that is described is given back.

    Raises:
        ServerFailed: no such release is locked.
    """
    if isinstance(version, Release):
        return version
    if version not in LOCKED:
        raise ServerFailed(f"Airflow {version} cannot be booted here; known: {', '.join(LOCKED)}")
    return LOCKED[version]
