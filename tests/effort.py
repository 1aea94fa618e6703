"""How much work something is, in steps: the same on every machine and in every run, however busy the machine is.

A step is a line that is run or a call, of what is written in Python or in C. How long one call of C takes (a regular
expression, a sort) is not seen: a test of such a thing is marked with a timeout, a hundred times of what it takes, after
which it counts as hanging. Speed itself is measured in benchmarks/.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any


def steps_of(act: Callable[[], object]) -> int:
    """Do it, and count the steps that it took in this thread."""
    counted = 0

    def on_line(_frame: FrameType, _event: str, _arg: object) -> Any:
        nonlocal counted
        counted += 1
        return on_line

    def on_call(_frame: FrameType, event: str, _arg: object) -> None:
        nonlocal counted
        counted += event == "c_call"

    tracing, profiling = sys.gettrace(), sys.getprofile()
    sys.settrace(on_line)
    sys.setprofile(on_call)
    try:
        act()
    finally:
        sys.setprofile(profiling)
        sys.settrace(tracing)
    return counted
