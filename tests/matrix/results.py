"""What came of a part of a row, kept as one file, so that a run that was ended goes on where it was."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from syncd.sandbox.servers.release import ROOT

HOME = ROOT / ".matrix"
"""Environments, templates and results: kept, and no part of the repository."""
START = "start"
"""What goes before the parts of a row: its release is installed, its database made, and its server answers."""


@dataclass
class Step:
    """One chapter of a story, or one question of another part; `said` is empty where it passed."""

    title: str
    said: str = ""
    seconds: float = 0.0


@dataclass
class Result:
    """One cell of the table."""

    row: str
    part: str
    day: str
    versions: dict[str, str]
    steps: list[Step] = field(default_factory=list)
    requests: int = 0
    differences: list[tuple[str, str]] = field(default_factory=list)
    """Where the stand-in answered otherwise, and the reason why it may; an empty one where nothing allows it."""
    seconds: float = 0.0

    @property
    def faults(self) -> list[str]:
        wrong = [f"{step.title}: {step.said}" for step in self.steps if step.said]
        return wrong + [f"the stand-in differs: {what}" for what, because in self.differences if not because]

    def write(self, home: Path = HOME) -> None:
        file = _file(home, self.row, self.part)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(asdict(self), indent=1, ensure_ascii=False))


def read(row: str, part: str, home: Path = HOME) -> Result | None:
    """Give what is known of a cell; None: it was never measured."""
    file = _file(home, row, part)
    if not file.exists():
        return None
    told = json.loads(file.read_text())
    differences = [(what, because) for what, because in told["differences"]]
    return Result(**told | {"steps": [Step(**step) for step in told["steps"]], "differences": differences})


def recording_of(row: str, part: str, home: Path = HOME) -> Path:
    """Name the file that holds what a part asked of the server."""
    return _file(home, row, part).with_suffix(".asked")


def _file(home: Path, row: str, part: str) -> Path:
    return home / "results" / f"{row.replace('/', '_')} {part}.json"


def all_of(row: str, parts: tuple[str, ...], home: Path = HOME) -> Iterator[Result]:
    """Give every cell of a row that was measured."""
    yield from filter(None, (read(row, part, home) for part in parts))
