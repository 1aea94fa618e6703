"""How far a soak has come, on disk, so that one that was stopped goes on where it was; and what it says of itself.

A file for each database and first seed. It is written after each installation, and is stale when anything of the product or of
the laws is another one, or when other steps are asked for: then the soak begins anew, and says so. One that came to its
end leaves none.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[2]
_DONE: Final = ("steps", "seed", "seconds", "counts")


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked for: `each` steps are one installation with a seed of its own; `code` is what is judged, as a hash."""

    database: str
    seed: int
    steps: int
    each: int
    code: str


@dataclass(slots=True)
class Soaked:
    """What is done of it: steps, the next seed, the seconds that went into it, and how often what happened."""

    asked: Asked
    steps: int = 0
    seed: int = 0
    seconds: float = 0.0
    counts: dict[str, Counter[str]] = field(default_factory=dict)

    @property
    def left(self) -> int:
        return self.asked.steps - self.steps

    @property
    def next_steps(self) -> int:
        return min(self.left, self.asked.each)

    def add(self, counts: Mapping[str, Counter[str]], *, seconds: float) -> None:
        """Count an installation that ended with everything well."""
        for kind, found in counts.items():
            self.counts.setdefault(kind, Counter()).update(found)
        self.steps, self.seed, self.seconds = self.steps + self.next_steps, self.seed + 1, self.seconds + seconds


def code_of(root: Path = ROOT) -> str:
    """Give one hash of all that a soak judges, and judges by."""
    found = hashlib.sha256()
    for file in sorted((*(root / "syncd").rglob("*.py"), *(root / "tests" / "laws").glob("*.py"))):
        found.update(f"{file.relative_to(root)} {hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    return found.hexdigest()


# --- on disk ----------------------------------------------------------------------------------------------------------


def file_of(folder: Path, asked: Asked) -> Path:
    return folder / f"{asked.database}-{asked.seed}.json"


def begun(folder: Path, asked: Asked) -> tuple[Soaked, str]:
    """Give where to go on, and a sentence on that."""
    fresh = Soaked(asked, seed=asked.seed)
    try:
        kept: dict[str, Any] = json.loads(file_of(folder, asked).read_text("utf-8"))
        of = Asked(**kept["asked"])
        done = {name: kept[name] for name in _DONE}
    except FileNotFoundError:
        return fresh, f"begins with seed {asked.seed}"
    except (ValueError, KeyError, TypeError):
        return fresh, f"begins anew with seed {asked.seed}: what is on disk cannot be read"
    if of != asked:
        other = sorted(name for name, value in asdict(asked).items() if asdict(of)[name] != value)
        return fresh, f"begins anew with seed {asked.seed}: other {' and '.join(other)} than of the one on disk"
    found = Soaked(asked, **{**done, "counts": {kind: Counter(of) for kind, of in done["counts"].items()}})
    return found, f"goes on with seed {found.seed}: {found.steps} of {asked.steps} steps are done"


def keep(folder: Path, soaked: Soaked) -> None:
    """Write down how far it is; whoever is killed meanwhile leaves what was there."""
    folder.mkdir(parents=True, exist_ok=True)
    file = file_of(folder, soaked.asked)
    beside = file.with_suffix(f".{os.getpid()}")
    kept = {"asked": asdict(soaked.asked), **{name: getattr(soaked, name) for name in _DONE}}
    beside.write_text(json.dumps(kept, indent=1, sort_keys=True), "utf-8")
    beside.replace(file)


def forget(folder: Path, asked: Asked) -> None:
    file_of(folder, asked).unlink(missing_ok=True)


# --- what it says -----------------------------------------------------------------------------------------------------


def progress(soaked: Soaked, *, seconds: float) -> str:
    """Say in a line how far it is, after an installation that took so many seconds."""
    asked, sums = soaked.asked, soaked.counts.get("judged", Counter())
    left_min = soaked.seconds / soaked.steps * soaked.left / 60
    return (
        f"{asked.database}: seed {soaked.seed - 1} holds ({seconds:.0f} s); {soaked.steps} of {asked.steps} steps,"
        f" {sums['grants']} grants and {sums['revokes']} revokes judged, some {left_min:.0f} min left"
    )


def summary(soaked: Soaked) -> str:
    """Say what was done, kind by kind, most first."""
    lines = []
    for kind, found in sorted(soaked.counts.items()):
        lines.append(f"{kind}: {found.total()}")
        lines += [f"{number:8} {name}" for name, number in sorted(found.items(), key=lambda row: (-row[1], row[0]))]
    seeds = f"seeds {soaked.asked.seed} to {soaked.seed - 1}" if soaked.steps else "no seed"
    return "\n".join([*lines, f"{soaked.asked.database}: {soaked.steps} steps, {seeds}, {soaked.seconds:.0f} s"])
