"""Runs the rows that are wanted, one server at a time, and writes docs/compatibility.md: `make matrix ROWS='3.3.2*'`.

What passed is not run again; `.matrix/results` holds what came of each part, and removing it begins anew.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from matrix import databases
from matrix.chapters import WHOLE_STORY
from matrix.page import LONGEST, PAGE, render
from matrix.parts import RECORDED, Stage, compare, play, stage_of
from matrix.recording import Recording
from matrix.results import HOME, START, Result, Step, read, recording_of
from matrix.rows import ROWS, Row
from syncd.sandbox.servers import RealAirflow, write_sample_dags
from syncd.sandbox.servers.install import install

VERSIONS = """
import importlib.metadata as m, json, platform
names = {"Airflow": "apache-airflow", "FAB provider": "apache-airflow-providers-fab", "flask-appbuilder": "flask-appbuilder"}
there = {d.metadata["Name"].lower(): d.version for d in m.distributions()}
print(json.dumps({k: there[v] for k, v in names.items() if v in there} | {"Python": platform.python_version()}))
"""


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("rows", nargs="*", default=["*"], help="globs of names of rows")
    options.add_argument("--page", action="store_true", help="write the page from what is known, and run nothing")
    wanted = options.parse_args()
    failed = 0
    for row in ROWS if not wanted.page else ():
        if any(fnmatchcase(row.name, glob) for glob in wanted.rows):
            failed += run(row)
            write_page()
    write_page()
    sys.exit(1 if failed else 0)


def write_page() -> None:
    PAGE.write_text(render(before=PAGE.read_text() if PAGE.exists() else ""))


def run(row: Row) -> int:
    """Run what has not passed of a row, and compare what is new; gives how many parts failed."""
    parts = wanted_parts(row)
    failed = sum(bool(result.faults) for result in on_its_server(row, parts)) if parts else 0
    return failed + (bool(compared(row).faults) if "questions" in row.parts else 0)


def wanted_parts(row: Row, home: Path = HOME) -> list[str]:
    """Give the parts that have to be done; what is recorded together, as what the one leaves there the other sees."""
    wanted = {part for part in (START, *row.parts) if is_wanted(part, read(row.name, part, home))}
    wanted |= {*RECORDED} if wanted & {*RECORDED} else set()
    return [part for part in (START, *row.parts) if part in wanted]


def is_wanted(part: str, known: Result | None) -> bool:
    """Say whether a part has to be done: it never was, it failed, or the story has chapters that were not told then."""
    return known is None or bool(known.faults) or (part == "story" and len(known.steps) < len(WHOLE_STORY))


def on_its_server(row: Row, parts: list[str]) -> list[Result]:
    with ExitStack() as stack:
        began, load = time.monotonic(), os.getloadavg()[1]
        try:
            stage, versions = start(row, stack), look_up(row)
        except Exception as error:  # noqa: BLE001  a release that does not start is a result
            step = Step("start of the server", " ".join(str(error).splitlines()[-3:])[-LONGEST:])
            return [keep(Result(row.name, part, today(), {}, [step])) for part in parts]
        started(row, versions | {"load": f"{load:.0f}"}, time.monotonic() - began)
        return [on_stage(stage, part, versions) for part in parts if part != START]


def started(row: Row, versions: dict[str, str], seconds: float, home: Path = HOME) -> None:
    """Keep what a start took. What is installed already costs nothing again, so the longest one is the whole of it."""
    known = read(row.name, START, home)
    if known is None or known.faults or known.seconds < seconds:
        keep(Result(row.name, START, today(), versions, seconds=seconds), home)


def on_stage(stage: Stage, part: str, versions: dict[str, str]) -> Result:
    result = Result(stage.row.name, part, today(), versions)
    play(part, stage, result)
    stage.recording.write(recording_of(stage.row.name, part))
    return keep(result)


def compared(row: Row) -> Result:
    """Compare the stand-in of a row with all that was recorded of its server."""
    result, began = Result(row.name, "answers", today(), {}), time.monotonic()
    compare(row, [Recording.read(recording_of(row.name, part)) for part in row.parts if part in RECORDED], result)
    result.seconds = time.monotonic() - began
    return keep(result)


def start(row: Row, stack: ExitStack) -> Stage:
    """Install and boot a row's release, and put its stand-in beside it."""
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    server = stack.enter_context(boot(row, stack))
    return stack.enter_context(stage_of(row, server, stack.enter_context(pytest.MonkeyPatch.context()), folder))


def keep(result: Result, home: Path = HOME) -> Result:
    result.write(home)
    say(f"{result.row}: {result.part}: {'; '.join(result.faults)[:600] or 'passed'} ({result.seconds:.0f} s)")
    return result


def today() -> str:
    return datetime.now(UTC).date().isoformat()


def boot(row: Row, stack: ExitStack) -> RealAirflow:
    """Install the release of a row and describe its server, its database included."""
    dags = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    write_sample_dags(dags, bulk=100)
    database, settings = stack.enter_context(databases.boot(row.database, row.generation))
    around = replace(row.around, database=database)
    return RealAirflow(row.release, dags=dags, settings={**row.settings, **settings}, around=around, home=HOME)


def look_up(row: Row) -> dict[str, str]:
    python = install(row.release, HOME) / "bin" / "python"
    done = subprocess.run([python, "-c", VERSIONS], capture_output=True, text=True, check=True)
    versions: dict[str, str] = json.loads(done.stdout)
    return versions | {"cores": str(os.cpu_count())}


def say(text: str) -> None:
    print(datetime.now(UTC).strftime("%H:%M:%S"), text, flush=True)  # noqa: T201  it is a command


if __name__ == "__main__":
    main()
