"""Makes moves at random, for as long as one likes: `make soak STEPS=100000`, `DATABASE=postgresql`, `SEED=7`.

Each run of some hundred steps is an installation of its own with a seed of its own (SEED, SEED + 1 ...), so that one can be
made again by itself: `make soak SEED=12 STEPS=400`. How far it is is on disk (`soaked.py`): whatever stops it, the same command
goes on with the installation that was not at its end.
"""

from __future__ import annotations

import argparse
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Final

from court import Broken
from installation import Installation
from moves import MOVES, Move, make, meanwhile, recovers
from operators import resume_all
from processes import by_hand
from soaked import ROOT, Asked, Soaked, begun, code_of, forget, keep, progress, summary

from syncd.store import migrate

EACH: Final = 400
"""Steps of one installation: long enough to go wrong in, short enough to be read."""
FOLDER: Final = ROOT / ".soak"
STOPPED: Final = 130


class Found(AssertionError):
    """A law was broken; says how to see it again."""


def run(home: Installation, seed: int, steps: int, *, moves: Sequence[Move] = MOVES) -> None:
    """Make so many moves, and end with everything well.

    Raises:
        Found: with the seed and what led to it.
    """
    chance = random.Random(seed)
    home.meanwhile_moves = meanwhile
    home.ends = lambda: resume_all(home)
    try:
        with by_hand(home):
            home.start("one")
            for _ in range(steps):
                make(home, chance.choice(moves), chance)
            make(home, recovers, chance)
            home.shut()
    except BaseException as error:
        lines = "\n".join(home.said)
        told = "\n".join(line for life in home.lives.values() for line in [life.name, *list(life.events)[-12:]])
        home.acting.clear()
        if isinstance(error, Broken | Exception):
            raise Found(f"{lines}\n{told}\n{error!r}\nseed {seed}, {steps} steps") from error
        raise


@contextmanager
def databases(kind: str) -> Iterator[Callable[[Path], str]]:
    """Give a maker of empty databases, each in the place of the one before."""
    if kind == "sqlite":
        yield lambda folder: f"sqlite:///{folder}/syncd.db"
        return
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from postgres_server import boot_postgres, new_database

    with boot_postgres() as server:
        yield lambda _folder: new_database(server)


Soak = Callable[[int, int], dict[str, Counter[str]]]
"""Makes one installation of a seed live through so many steps, and gives what happened, by its kind."""


@contextmanager
def installations(kind: str) -> Iterator[Soak]:
    """Give what makes installations on such a database, one at a time."""
    with databases(kind) as make_url, tempfile.TemporaryDirectory(prefix="syncd-soak-") as name:
        template = Path(name) / "template.db"
        migrate(f"sqlite:///{template}")

        def soak(seed: int, steps: int) -> dict[str, Counter[str]]:
            folder = Path(name) / str(seed)
            folder.mkdir()
            try:
                home = Installation(
                    folder, make_url(folder), seed=seed, template=template if kind == "sqlite" else None
                )
                run(home, seed, steps)
            finally:
                shutil.rmtree(folder)
            return {"moves": home.counts, "faults and other events": home.faults, "judged": home.court.judged()}

        yield soak


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--each", type=int, default=EACH)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--state", type=Path, default=FOLDER)
    wanted = parser.parse_args(arguments)
    asked = Asked(wanted.database, wanted.seed, wanted.steps, wanted.each, code_of())
    signal.signal(signal.SIGTERM, _stop)
    with installations(asked.database) as soak:
        return go_on(asked, wanted.state, soak)


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201


def go_on(asked: Asked, folder: Path, soak: Soak, *, say: Callable[[str], None] = _say) -> int:
    """Soak from where it was to the end, a broken law, or whatever stops it; gives an exit code."""
    soaked, where = begun(folder, asked)
    say(f"{asked.database}: {where}")
    try:
        _installations(soaked, folder, soak, say)
    except Found as found:
        say(f"{found}\n{summary(soaked)}\na law is broken with seed {soaked.seed}; the same command begins there again")
        return 1
    except KeyboardInterrupt:
        say(f"{summary(soaked)}\nstopped; the same command goes on with seed {soaked.seed}")
        return STOPPED
    forget(folder, asked)
    say(f"{summary(soaked)}\nno law broken")
    return 0


def _installations(soaked: Soaked, folder: Path, soak: Soak, say: Callable[[str], None]) -> None:
    while soaked.left > 0:
        began = time.monotonic()
        counts = soak(soaked.seed, soaked.next_steps)
        seconds = time.monotonic() - began
        soaked.add(counts, seconds=seconds)
        keep(folder, soaked)
        say(progress(soaked, seconds=seconds))


if __name__ == "__main__":
    raise SystemExit(main())
