"""An Airflow of one release in a virtual environment of its own, with every package pinned by its hash."""

from __future__ import annotations

import contextlib
import fcntl
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from syncd.errors import SyncdError

_ROOT = Path(__file__).parents[3]
HOME = _ROOT / ".servers"
PYTHONS: Mapping[str, tuple[int, int]] = {"2.11.2": (3, 12), "3.3.2": (3, 14)}
"""The releases that can be booted, each with the newest Python it runs on."""


class ServerFailed(SyncdError):
    """A real Airflow could not be installed, prepared or started; carries the end of its log."""


def install(version: str, home: Path = HOME) -> Path:
    """Install a release into a virtual environment of its own, once; gives its directory.

    The stamp is written last, so an installation that was cut off is made anew. Several processes may ask at once.

    Raises:
        ServerFailed: no fitting Python, or the installer failed.
    """
    wanted = requirements_of(version).read_bytes()
    venv = home / f"airflow-{version}"
    with alone(home, venv.name):
        stamp = venv / "installed"
        if not stamp.exists() or stamp.read_bytes() != wanted:
            shutil.rmtree(venv, ignore_errors=True)
            _build(venv, python=_python(version), requirements=requirements_of(version))
            stamp.write_bytes(wanted)
    return venv


def requirements_of(version: str) -> Path:
    file = _ROOT / "requirements" / f"airflow-{version}.txt"
    if version not in PYTHONS or not file.exists():
        known = ", ".join(PYTHONS)
        raise ServerFailed(f"Airflow {version} cannot be booted here; known: {known}, each from {file.parent}")
    return file


def _python(version: str) -> str:
    """Find an interpreter that the release runs on: this one, else an older one of the search path."""
    newest = PYTHONS[version]
    if sys.version_info[:2] <= newest:
        return sys.executable
    names = [f"python3.{minor}" for minor in range(newest[1], 10, -1)]
    for found in filter(None, map(shutil.which, names)):
        if subprocess.run([found, "-c", ""], capture_output=True, check=False).returncode == 0:  # noqa: S603
            return found
    raise ServerFailed(f"Airflow {version} runs on Python 3.11 to {newest[0]}.{newest[1]}; install one of them")


def _build(venv: Path, *, python: str, requirements: Path) -> None:
    """Create the environment with the uv beside this interpreter, or with venv and pip where there is none."""
    uv, inside = Path(sys.executable).with_name("uv"), str(venv / "bin" / "python")
    if uv.exists():
        commands = [
            [str(uv), "venv", "-q", "--python", python, str(venv)],
            [str(uv), "pip", "install", "-q", "--python", inside, "--require-hashes", "-r", str(requirements)],
        ]
    else:
        pip = [inside, "-m", "pip", "install", "-q", "--disable-pip-version-check"]
        commands = [[python, "-m", "venv", str(venv)], [*pip, "--require-hashes", "-r", str(requirements)]]
    for command in commands:
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  our own words
        if done.returncode:
            raise ServerFailed(f"{' '.join(command)}\n{done.stderr[-4000:]}")


@contextlib.contextmanager
def alone(home: Path, name: str) -> Iterator[None]:
    """Keep other processes out; the kernel lets go of the lock however this one ends."""
    home.mkdir(parents=True, exist_ok=True)
    with (home / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
