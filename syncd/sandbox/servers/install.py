"""An Airflow of one release in a virtual environment of its own."""

from __future__ import annotations

import contextlib
import fcntl
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from syncd.sandbox.servers.release import ROOT, Release, ServerFailed, release_of

HOME = ROOT / ".servers"


def install(version: str | Release, home: Path = HOME) -> Path:
    """Install a release into a virtual environment of its own, once; gives its directory.

    The stamp is written last, so an installation that was cut off is made anew. Several processes may ask at once.

    Raises:
        ServerFailed: no fitting Python, or the installer failed.
    """
    release = release_of(version)
    wanted = release.made_from
    venv = home / f"airflow-{release.name}"
    with alone(home, venv.name):
        stamp = venv / "installed"
        if not stamp.exists() or stamp.read_bytes() != wanted:
            shutil.rmtree(venv, ignore_errors=True)
            _build(venv, release)
            stamp.write_bytes(wanted)
    return venv


def _python(release: Release) -> str:
    """Find an interpreter that the release runs on: this one, else an older one of the search path."""
    newest = release.python
    if sys.version_info[:2] <= newest:
        return sys.executable
    names = [f"python3.{minor}" for minor in range(newest[1], 10, -1)]
    for found in filter(None, map(shutil.which, names)):
        if subprocess.run([found, "-c", ""], capture_output=True, check=False).returncode == 0:  # noqa: S603
            return found
    raise ServerFailed(f"Airflow {release.version} runs on Python 3.11 to {newest[0]}.{newest[1]}; install one of them")


def _build(venv: Path, release: Release) -> None:
    """Create the environment with the uv beside this interpreter, or with venv and pip where there is none."""
    uv, inside = Path(sys.executable).with_name("uv"), str(venv / "bin" / "python")
    if uv.exists():
        make = [str(uv), "venv", "-q", "--python", _python(release), str(venv)]
        installer = [str(uv), "pip", "install", "-q", "--python", inside]
    elif release.packages:
        raise ServerFailed(f"only uv can install packages as they were on {release.as_of}; pip install uv")
    else:
        make = [_python(release), "-m", "venv", str(venv)]
        installer = [inside, "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    for command in (make, [*installer, *_what(release)]):
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  our own words
        if done.returncode:
            raise ServerFailed(f"{' '.join(command)}\n{done.stderr[-4000:]}")


def _what(release: Release) -> list[str]:
    if release.packages:
        return ["--exclude-newer", release.as_of, *release.packages]
    return ["--require-hashes", "-r", str(release.lock)]


@contextlib.contextmanager
def alone(home: Path, name: str) -> Iterator[None]:
    """Keep other processes out; the kernel lets go of the lock however this one ends."""
    home.mkdir(parents=True, exist_ok=True)
    with (home / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
