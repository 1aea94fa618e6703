"""What does a command cost before it does anything: `--help`, and `check` of the files that `init` writes?

Processor time of whole processes, the shortest of some, each in turn with the two floors of the same run: an interpreter that
does nothing, and one that imports the libraries which every command line of this kind has (typer and pydantic, which typer
uses itself). Byte code is there, as in an installation.
Run: python benchmarks/start.py
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROUNDS = 9
COMMANDS = {
    "python -c pass": ("-c", "pass"),
    "import typer, pydantic": ("-c", "import typer._adapters, pydantic.main, typer.main"),
    "syncd --help": ("-m", "syncd", "--help"),
    "syncd check": ("-m", "syncd", "check"),
}


def processor_s(arguments: tuple[str, ...], folder: Path) -> float:
    """Run one process to its end and give the processor time that it took."""
    bytecode = {"PYTHONPYCACHEPREFIX": str(folder / "pyc"), "PYTHONDONTWRITEBYTECODE": ""}
    process = subprocess.Popen(
        [sys.executable, *arguments], cwd=folder, env={**os.environ, **bytecode}, stdout=subprocess.DEVNULL
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return used.ru_utime + used.ru_stime


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        processor_s(("-m", "syncd", "init"), folder)
        taken = [[processor_s(arguments, folder) for arguments in COMMANDS.values()] for _ in range(ROUNDS)]
    floor, *_ = best = [min(column) for column in zip(*taken, strict=True)]
    print("| | processor time, s | ratio to an interpreter that does nothing |\n|---|--:|--:|")
    for command, seconds in zip(COMMANDS, best, strict=True):
        print(f"| `{command}` | {seconds:.2f} | {seconds / floor:.1f} |")


if __name__ == "__main__":
    main()
