"""Makes moves at random, for as long as one likes: `make soak STEPS=20000`, `DATABASE=postgresql`, `SEED=7`.

Each run of some hundred steps is an installation of its own with a seed of its own (SEED, SEED + 1 ...), so that one can be
made again by itself: `make soak SEED=12 STEPS=400`.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from court import Broken
from installation import Installation
from moves import MOVES, Move, make, meanwhile, recovers
from processes import by_hand

from syncd.store import migrate

EACH = 400
"""Steps of one installation: long enough to go wrong in, short enough to be read."""


class Found(AssertionError):
    """A law was broken; says how to see it again."""


def run(home: Installation, seed: int, steps: int, *, moves: Sequence[Move] = MOVES) -> None:
    """Make so many moves, and end with everything well.

    Raises:
        Found: with the seed and what led to it.
    """
    chance = random.Random(seed)
    home.meanwhile_moves = meanwhile
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
    """Give a maker of empty databases."""
    if kind == "sqlite":
        yield lambda folder: f"sqlite:///{folder}/syncd.db"
        return
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from postgres_server import boot_postgres, new_database

    with boot_postgres() as server:
        yield lambda _folder: new_database(server)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--each", type=int, default=EACH)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    wanted = parser.parse_args()
    counts: Counter[str] = Counter()
    sums: Counter[str] = Counter()
    began = time.monotonic()
    with databases(wanted.database) as make_url, tempfile.TemporaryDirectory() as name:
        template = Path(name) / "template.db"
        migrate(f"sqlite:///{template}")
        left, seed = wanted.steps, wanted.seed
        while left > 0:
            steps = min(left, wanted.each)
            folder = Path(name) / str(seed)
            folder.mkdir()
            url = make_url(folder)
            home = Installation(folder, url, seed=seed, template=template if wanted.database == "sqlite" else None)
            try:
                run(home, seed, steps)
            except Found as found:
                print(found)  # noqa: T201
                return 1
            counts += home.counts
            sums += Counter(calls=home.court.calls, grants=home.court.grants, revokes=home.court.revokes)
            sums += Counter(rejections=home.court.rejections)
            sums += Counter({f"known {name}": n for name, n in home.court.excused.items()})
            left, seed = left - steps, seed + 1
    print(_told(counts, sums, f"seeds {wanted.seed} to {seed - 1}", time.monotonic() - began))  # noqa: T201
    return 0


def _told(counts: Counter[str], sums: Counter[str], seeds: str, seconds: float) -> str:
    lines = [f"{number:8} {name}" for name, number in sorted(counts.items())]
    lines += [f"{number:8} {name}" for name, number in sorted(sums.items())]
    return "\n".join([*lines, f"no law broken; {seeds}; {seconds:.0f} s"])


if __name__ == "__main__":
    raise SystemExit(main())
