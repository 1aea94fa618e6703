"""A copy of syncd with a toy in it: a package beside the others of its kind, and its place in the table of kinds.

Whatever else would have to be touched for the toy to work would have to be touched for everything that comes.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import syncd

PACKAGE = Path(syncd.__file__).parent


def copy_with(toy: Path, room: str, folder: Path) -> None:
    """Put a copy of syncd into a folder, and the toy into `room`: `sources` or `targets`."""
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(PACKAGE, folder / "syncd", ignore=ignored)
    shutil.copytree(toy, folder / "syncd" / room / toy.name, ignore=ignored)
    table = folder / "syncd" / room / "__init__.py"
    table.write_text(_in_the_table(table.read_text(encoding="utf-8"), room, toy.name), encoding="utf-8")


def _in_the_table(text: str, room: str, name: str) -> str:
    """Import the toy after the last of its kind, and name it in the table."""
    last = list(re.finditer(r"^from syncd\.\w+\.\w+ import KIND as \w+\n", text, re.MULTILINE))[-1]
    text = f"{text[: last.end()]}from syncd.{room}.{name} import KIND as TOY\n{text[last.end() :]}"
    found, times = re.subn(r"(for kind in \([A-Z, ]*?),?\)", r"\1, TOY)", text)
    assert 1 == times
    return found


def types(folder: Path, *words: str, **environment: str) -> tuple[int, str]:
    """Run a command of the copy with `config.toml` in its folder; gives its exit code, and all that it says."""
    done = subprocess.run(
        [sys.executable, "-m", "syncd", "--config", str(folder / "config.toml"), *words],
        env={**os.environ, "PYTHONPATH": str(folder), **environment},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def blocks_of(page: str) -> list[str]:
    """Give the Python that a page of the documentation shows."""
    text = (PACKAGE.parent / "docs" / page).read_text(encoding="utf-8")
    return re.findall(r"```python\n(.*?)```", text, re.DOTALL)


def text_of(toy: Path) -> str:
    return "".join(path.read_text(encoding="utf-8") for path in sorted(toy.glob("*.py")))
