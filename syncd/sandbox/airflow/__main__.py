"""Serves one stand-in until it is interrupted: `python -m syncd.sandbox.airflow --preset 3.3.2 --port 8080`."""

from __future__ import annotations

import argparse
import contextlib
import sys
import threading
from typing import get_args

from syncd.sandbox.airflow import PRESETS, StandIn, serve
from syncd.sandbox.airflow.collation import Names


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m syncd.sandbox.airflow", description=__doc__)
    parser.add_argument("--preset", choices=PRESETS, default="3.3.2")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--path", default="")
    parser.add_argument("--names", choices=get_args(Names), default="sqlite", help="the database that compares names")
    wanted = parser.parse_args()
    with (
        serve(StandIn(wanted.preset, path=wanted.path, names=wanted.names), port=wanted.port) as url,
        contextlib.suppress(KeyboardInterrupt),
    ):
        sys.stdout.write(f"{url} (admin/admin)\n")
        sys.stdout.flush()
        threading.Event().wait()


if __name__ == "__main__":
    main()
