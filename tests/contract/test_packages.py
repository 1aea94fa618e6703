"""What a wheel and a source distribution hold, and what making and installing them leaves behind.

They are made from copies of the checkout in which everything lies about that ever lay about in one.
"""

from __future__ import annotations

import email
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import syncd

ROOT = Path(syncd.__file__).parents[1]
NOT_OURS = shutil.ignore_patterns("__pycache__", "*.db*")
PACKED = (
    "syncd",
    "tests",
    "benchmarks",
    "docs",
    "deploy",
    "requirements",
    "mappings",
    "people",
    "config.example.toml",
    "Makefile",
)
PACKED_TOO = (
    "pyproject.toml",
    "README.md",
    "LICENSE",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    ".gitignore",
    ".dockerignore",
)
LITTER = (
    "build/lib/syncd/wrong.py",
    "syncd.egg-info/SOURCES.txt",
    "dist/syncd-0.0.1-py3-none-any.whl",
    "syncd/model/__pycache__/wrong.cpython-311.pyc",
    "syncd/syncd.db",
    ".venv/lib/wrong.py",
    "mutants/syncd/wrong.py",
    "config.toml",
    "first/venv/pyvenv.cfg",
)


@dataclass(frozen=True, slots=True)
class Built:
    """What was made of a copy of the checkout."""

    checkout: Path
    wheel: Path
    sdist: Path


def copied(folder: Path, litter: Iterable[str] = ()) -> Path:
    folder.mkdir(parents=True)
    for original in (ROOT / name for name in (*PACKED, *PACKED_TOO)):
        if original.is_dir() and not original.is_symlink():
            shutil.copytree(original, folder / original.name, ignore=NOT_OURS)
        else:
            shutil.copy(original, folder, follow_symlinks=False)
    for name in litter:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("wrong = True\n")
    return folder


def run(*command: str | Path, cwd: Path, umask: int = -1, **environment: str) -> str:
    """Run a command that is to succeed, without what the tests have in their environment, and give what it says."""
    env = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", **pip_of_this_machine(), **environment}
    done = subprocess.run(
        command, cwd=cwd, env=env, umask=umask, capture_output=True, text=True, check=False, timeout=500
    )
    assert 0 == done.returncode, done.stdout + done.stderr
    return done.stdout


def pip_of_this_machine() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "SSL_", "XDG_CONFIG"))}


def build(checkout: Path, into: Path, **habits: Any) -> Built:
    run(sys.executable, "-m", "hatchling", "build", "-d", into, cwd=checkout, **habits)
    [wheel], [sdist] = into.glob("*.whl"), into.glob("*.tar.gz")
    return Built(checkout, wheel, sdist)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Made in a checkout in which much lies about."""
    folder = tmp_path_factory.mktemp("packages")
    return build(copied(folder / "littered", LITTER), folder / "dist")


def in_wheel(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


def in_sdist(sdist: Path) -> set[str]:
    with tarfile.open(sdist) as archive:
        return {member.name.partition("/")[2] for member in archive.getmembers() if member.isfile()}


def files(*roots: Path) -> set[str]:
    """Name the files of a checkout as it is without litter."""
    below = (path for root in roots for path in ([root] if root.is_file() else root.rglob("*")) if path.is_file())
    return {str(path.relative_to(roots[0].parent)) for path in below}


@pytest.mark.finding("U-B19")
def test_a_wheel_holds_the_package_and_nothing_that_lies_about(built: Built) -> None:
    assert files(built.checkout / "syncd") - set(LITTER) == in_wheel(built.wheel)


@pytest.mark.finding("U-B19")
def test_a_source_distribution_holds_all_that_is_kept_and_nothing_that_lies_about(built: Built) -> None:
    kept = files(*(built.checkout / name for name in (*PACKED, *PACKED_TOO)))

    assert kept - set(LITTER) | {"PKG-INFO"} == in_sdist(built.sdist)


@pytest.mark.finding("U-B19")
def test_the_same_files_make_the_same_packages_byte_for_byte_wherever_and_by_whomever(
    built: Built, tmp_path: Path
) -> None:
    elsewhere = copied(tmp_path / "elsewhere")
    for path in elsewhere.rglob("*.py"):
        os.utime(path, (1, 10**9))

    again = build(elsewhere, tmp_path / "dist", umask=0o077, TZ="Asia/Tokyo", LC_ALL="C")

    assert built.wheel.read_bytes() == again.wheel.read_bytes()
    assert built.sdist.read_bytes() == again.sdist.read_bytes()


def test_a_source_distribution_makes_the_wheel_that_the_checkout_makes(built: Built, tmp_path: Path) -> None:
    shutil.unpack_archive(built.sdist, tmp_path, filter="data")

    again = build(tmp_path / built.sdist.name.removesuffix(".tar.gz"), tmp_path / "dist")

    assert built.wheel.read_bytes() == again.wheel.read_bytes()


@pytest.mark.finding("U-B19")
@pytest.mark.parametrize("editable", [(), ("--editable",)], ids=["as a copy", "as it is edited"])
def test_installing_leaves_nothing_in_the_checkout(editable: tuple[str, ...], tmp_path: Path) -> None:
    checkout = copied(tmp_path / "checkout")
    before = {path: path.stat().st_mtime_ns for path in checkout.rglob("*")}

    pip = (
        sys.executable,
        "-m",
        "pip",
        "install",
        "-q",
        "--no-index",
        "--no-deps",
        "--no-build-isolation",
        "--ignore-installed",
    )
    run(*pip, "--prefix", tmp_path / "there", *editable, ".", cwd=checkout)

    assert before == {path: path.stat().st_mtime_ns for path in checkout.rglob("*")}
    assert [*(tmp_path / "there").rglob("bin/syncd")]


def metadata(wheel: Path) -> email.message.Message:
    with zipfile.ZipFile(wheel) as archive:
        [name] = [name for name in archive.namelist() if name.endswith("/METADATA")]
        return email.message_from_bytes(archive.read(name))


def test_what_an_index_is_told(built: Built) -> None:
    told = metadata(built.wheel)

    assert ("Apache-2.0", "LICENSE", ">=3.11") == (
        told["License-Expression"],
        told["License-File"],
        told["Requires-Python"],
    )
    assert "Development Status" in str(told.get_all("Classifier"))
    assert "text/markdown" == told["Description-Content-Type"]


@pytest.mark.finding("U-B19")
def test_the_readme_on_an_index_leads_nowhere_that_is_not_there(built: Built) -> None:
    readme = str(metadata(built.wheel).get_payload())

    assert readme.startswith("# syncd\n")
    assert [] == re.findall(r"\]\((?!https?:)[^)]*\)", readme)
    assert "How one sync runs (`docs/how-a-sync-runs.md`)" in readme


@pytest.mark.index
@pytest.mark.finding("U-B19")
def test_pip_alone_installs_a_syncd_that_does_the_main_job(built: Built, tmp_path: Path) -> None:
    """In an environment with nothing else in it, of the versions that are locked."""
    locked = re.findall(r"^([a-z0-9._-]+==[^ ]+)", (ROOT / "requirements" / "run.txt").read_text("utf-8"), re.M)
    (tmp_path / "locked.txt").write_text("\n".join(locked))
    run(sys.executable, "-m", "venv", tmp_path / "fresh", cwd=tmp_path)
    installed = tmp_path / "fresh" / "bin"

    run(installed / "pip", "install", "-q", "--no-compile", "-c", tmp_path / "locked.txt", built.wheel, cwd=tmp_path)

    assert f"syncd {metadata(built.wheel)['Version']}\n" == run(installed / "syncd", "--version", cwd=tmp_path)
    assert "nothing to do on 3 deployments" in run(installed / "syncd", "demo", cwd=tmp_path)
    run(installed / "syncd", "init", cwd=tmp_path)
    assert run(installed / "syncd", "check", cwd=tmp_path).startswith("ok: ")
    assert "No broken requirements found." in run(installed / "pip", "check", cwd=tmp_path)
