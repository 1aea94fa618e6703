"""The laws, for a minute: at random, by hypothesis, and with the product broken on purpose. `make soak` goes on for longer."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import pytest
from court import KNOWN, Broken
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from installation import Installation
from moves import MOVES, Move, make, meanwhile
from mutants import FAVOURITES, FIRST_SEEDS, MUTANTS, broken
from operators import resume_all
from processes import by_hand
from soak import Found, run

T = TypeVar("T")


@pytest.mark.parametrize("seed", [1, 2])
def test_no_law_is_broken(seed: int, tmp_path: Path, migrated_file: Path) -> None:
    home = Installation(tmp_path, f"sqlite:///{tmp_path}/syncd.db", seed=seed, template=migrated_file)
    run(home, seed, 80)
    assert home.court.calls > 0


class Drawn:
    """Chances as hypothesis draws them, which it can make smaller."""

    def __init__(self, data: st.DataObject) -> None:
        self._data = data

    def choice(self, several: Sequence[T], /) -> T:
        return self._data.draw(st.sampled_from(several))

    def randrange(self, start: int, stop: int, /) -> int:
        return self._data.draw(st.integers(start, stop - 1))


def test_no_law_is_broken_by_what_hypothesis_thinks_of(migrated_file: Path) -> None:
    class Laws(RuleBasedStateMachine):
        """The same moves; a failure is made as small as hypothesis can make it."""

        def __init__(self) -> None:
            super().__init__()
            self.folder = Path(tempfile.mkdtemp(prefix="syncd-laws-"))
            database = f"sqlite:///{self.folder}/syncd.db"
            self.home = Installation(self.folder, database, seed=0, template=migrated_file)
            self.home.meanwhile_moves = meanwhile
            self.home.ends = lambda: resume_all(self.home)

        @initialize()
        def begins(self) -> None:
            with by_hand(self.home):
                self.home.start("one")

        @rule(move=st.sampled_from(MOVES), data=st.data())
        def moves(self, move: Move, data: st.DataObject) -> None:
            try:
                with by_hand(self.home):
                    make(self.home, move, Drawn(data))
            except Broken as error:
                raise AssertionError(f"{error}\n" + "\n".join(self.home.said)) from None

        def teardown(self) -> None:
            with by_hand(self.home):
                self.home.shut()
            shutil.rmtree(self.folder, ignore_errors=True)

    run_state_machine_as_test(Laws, settings=settings(max_examples=4, stateful_step_count=20))


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_law_notices(mutant: str, tmp_path: Path, migrated_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("court.KNOWN", {n: words for n, words in KNOWN.items() if not words.startswith("law")})
    with broken(mutant) as laws:
        first = FIRST_SEEDS.get(mutant, 1)
        for seed in range(first, first + 12):
            folder = tmp_path / str(seed)
            folder.mkdir()
            home = Installation(folder, f"sqlite:///{folder}/syncd.db", seed=seed, template=migrated_file)
            try:
                run(home, seed, 30, moves=FAVOURITES.get(mutant, MOVES))
            except Found as found:
                if any(f"law {law}:" in str(found.__cause__) for law in laws):
                    return
            finally:
                home.journal.close()
    pytest.fail(f"nobody noticed: {mutant}")
