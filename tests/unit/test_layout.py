"""Lines and tables on a terminal: nothing is cut, and what belongs together is seen together."""

from __future__ import annotations

import pytest

from syncd.render.layout import Grid, Row, cells, folded, laid_out
from syncd.render.lines import Line, Style, plain
from syncd.render.notes import note_line

COMMAND = "syncd apply --deployment prod --approve 2ffc324107b6"
FOLDED = {
    "a line that fits is itself": (Line("  one two"), 9, ["  one two"]),
    "a line goes on further in": (Line("  one two three"), 12, ["  one two", "      three"]),
    "or where it says": (Line("ok  source  it may be read by all who are asked", hang=12), 36, [
        "ok  source  it may be read by all",
        "            who are asked",
    ]),
    "unless there is no room": (Line("ok  source  it may be read", hang=12), 24, ["ok  source  it may be", "    read"]),
    "a name is never cut": (Line("of finance-analyst-of-emea"), 10, ["of", "    finance-analyst-of-emea"]),
    "a sign stays with its name": (Line("    + anna  + finance"), 14, ["    + anna", "        + finance"]),
    "a sign that begins a line does too": (Line("! notes"), 3, ["! notes"]),
    "a command is one word": (Line(f"  to let it pass: {COMMAND}", whole=COMMAND), 60, ["  to let it pass:", f"      {COMMAND}"]),
    "a wide letter takes two columns": (Line("名前 名前 x"), 6, ["名前", "    名前", "    x"]),
    "an accent over a letter none": (Line("zoe\u0308 b"), 5, ["zoe\u0308 b"]),
    "blanks alone": (Line("     "), 3, [""]),
}  # fmt: skip


@pytest.mark.finding("U-9")
@pytest.mark.parametrize("case", FOLDED)
def test_a_line_on_a_terminal(case: str) -> None:
    line, width, expected = FOLDED[case]

    assert expected == [part.text for part in folded(line, width)]


def test_every_part_of_a_line_has_its_style() -> None:
    assert {Style.LOSS} == {part.style for part in folded(Line("a b c d", Style.LOSS), 3)}


ROWS = Grid(
    (
        Row(("prod", "enforce", "Airflow 3.3.2", "5 min ago", "ok")),
        Row(("développement-名", "observe", "Airflow 2.11.2", "never", "3 held; the last run failed"), Style.WARN),
    ),
    head=("deployment", "mode", "server", "converged", "state"),
    drop=("server", "mode"),
)
TABLES: dict[int | None, str] = {
    None: """
deployment        mode     server          converged  state
prod              enforce  Airflow 3.3.2   5 min ago  ok
développement-名  observe  Airflow 2.11.2  never      3 held; the last run failed
""",
    88: """
deployment        mode     server          converged  state
prod              enforce  Airflow 3.3.2   5 min ago  ok
développement-名  observe  Airflow 2.11.2  never      3 held; the last run failed
""",
    80: """
deployment        mode     converged  state
prod              enforce  5 min ago  ok
développement-名  observe  never      3 held; the last run failed
not shown for want of room: server
""",
    40: """
deployment        converged  state
prod              5 min ago  ok
développement-名  never
    3 held; the last run failed
not shown for want of room: mode, server
""",
}


@pytest.mark.finding("U-9")
@pytest.mark.parametrize("width", TABLES)
def test_a_table_on_a_terminal(width: int | None) -> None:
    assert TABLES[width].lstrip("\n") == plain(laid_out([ROWS], width))


@pytest.mark.parametrize("width", range(1, 120))
def test_no_line_is_wider_than_its_longest_word_makes_it(width: int) -> None:
    words = [word for row in ROWS.rows for cell in row.cells for word in cell.split()]
    fits = max(
        width, 4 + max(map(cells, words)), cells("développement-名  never"), cells("deployment        converged")
    )

    found = list(laid_out([ROWS], width))

    assert [] == [line.text for line in found if cells(line.text) > fits and "not shown" not in line.text]
    assert not [word for word in words if not any(word in line.text for line in found) and word not in DROPPED]


DROPPED = {"enforce", "observe", "Airflow", "3.3.2", "2.11.2"}


def test_a_table_without_rows_is_nothing() -> None:
    assert [] == list(laid_out([Grid(())], 80))


@pytest.mark.finding("N-672")
@pytest.mark.parametrize(
    ("text", "last"),
    [
        (
            "it waits for wave env=dev; now: syncd rollout skip -d prod --reason TEXT",
            "syncd rollout skip -d prod --reason TEXT",
        ),
        ("it is in doubt: syncd says so (see docs)", "docs)"),
    ],
)
def test_the_command_that_a_note_ends_with_can_be_copied(text: str, last: str) -> None:
    lines = [part.text.strip() for part in folded(note_line(text, before="    ! "), 44)]
    assert lines[-1].endswith(last)
    assert text == " ".join(lines).removeprefix("! ")
