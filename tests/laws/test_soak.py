"""A soak that was stopped goes on where it was, and says what was done. What it does is made up here."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from soak import STOPPED, Found, go_on
from soaked import Asked, code_of, file_of

ASKED = Asked("sqlite", seed=7, steps=10, each=4, code="c")


class Script:
    """Stands for installations: hears which are asked for, and raises what it was told to at some of them."""

    def __init__(self, **raises: BaseException) -> None:
        self.raises = {int(seed.removeprefix("at_")): error for seed, error in raises.items()}
        self.lived: list[tuple[int, int]] = []
        self.said: list[str] = []

    def soak(self, seed: int, steps: int) -> dict[str, Counter[str]]:
        if seed in self.raises:
            raise self.raises[seed]
        self.lived.append((seed, steps))
        return {"moves": Counter(joins=steps), "judged": Counter(grants=1, revokes=2)}

    def run(self, folder: Path, asked: Asked = ASKED) -> int:
        return go_on(asked, folder, self.soak, say=self.said.append)

    @property
    def text(self) -> str:
        return "\n".join(self.said)


def test_it_tells_how_far_it_is_as_it_goes_and_at_the_end_what_was_done(tmp_path: Path) -> None:
    script = Script()
    assert 0 == script.run(tmp_path)
    assert [(7, 4), (8, 4), (9, 2)] == script.lived
    assert "sqlite: begins with seed 7" == script.said[0]
    assert "seed 8 holds" in script.said[2]
    assert "8 of 10 steps, 2 grants and 4 revokes judged" in script.said[2]
    assert "      10 joins" in script.said[-1]
    assert "sqlite: 10 steps, seeds 7 to 9" in script.said[-1]
    assert script.said[-1].endswith("no law broken")
    assert [] == list(tmp_path.iterdir()), "what came to its end is not gone on with"


@pytest.mark.parametrize(
    ("stop", "code"), [(KeyboardInterrupt(), STOPPED), (Found("law a: anna"), 1), (SystemError("killed"), None)]
)
def test_what_was_stopped_goes_on_with_the_installation_that_was_not_at_its_end(
    tmp_path: Path, stop: BaseException, code: int | None
) -> None:
    first, second = Script(at_8=stop), Script()
    if code is None:
        with pytest.raises(SystemError):
            first.run(tmp_path)
    else:
        assert code == first.run(tmp_path)
        assert "seed 8" in first.said[-1]
    assert 0 == second.run(tmp_path)
    assert [(8, 4), (9, 2)] == second.lived
    assert "sqlite: goes on with seed 8: 4 of 10 steps are done" == second.said[0]
    assert "      10 joins" in second.said[-1], "what was done before counts too"


@pytest.mark.parametrize("other", [{"code": "d"}, {"steps": 12}, {"each": 2}])
def test_it_begins_anew_where_it_would_be_something_else(tmp_path: Path, other: dict[str, object]) -> None:
    Script(at_8=KeyboardInterrupt()).run(tmp_path)
    again = Script()
    asked = replace(ASKED, **other)  # type: ignore[arg-type]
    assert 0 == again.run(tmp_path, asked)
    assert 7 == again.lived[0][0]
    assert f"begins anew with seed 7: other {next(iter(other))} than of the one on disk" in again.said[0]


def test_one_database_and_first_seed_knows_nothing_of_another(tmp_path: Path) -> None:
    Script(at_8=KeyboardInterrupt()).run(tmp_path)
    for asked in (replace(ASKED, database="postgresql"), replace(ASKED, seed=8)):
        other = Script()
        other.run(tmp_path, asked)
        assert "begins with seed" in other.said[0]
    assert "goes on with seed 8" in (last := Script(), last.run(tmp_path))[0].said[0]


@pytest.mark.parametrize("text", ['{"asked', "{}", "[]", '{"asked": {"seed": 7}}'])
def test_what_cannot_be_read_is_begun_anew(tmp_path: Path, text: str) -> None:
    file_of(tmp_path, ASKED).write_text(text)
    script = Script()
    assert 0 == script.run(tmp_path)
    assert "cannot be read" in script.said[0]
    assert 3 == len(script.lived)


def test_other_code_is_another_soak(tmp_path: Path) -> None:
    (tmp_path / "syncd").mkdir()
    (tmp_path / "syncd" / "a.py").write_text("x = 1\n")
    before = code_of(tmp_path)
    assert before == code_of(tmp_path)
    (tmp_path / "syncd" / "a.py").write_text("x = 2\n")
    assert before != code_of(tmp_path)
