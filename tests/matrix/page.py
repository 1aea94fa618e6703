"""docs/compatibility.md, written from what was measured and from nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from matrix.answers import ALLOWED
from matrix.chapters import WHOLE_STORY, title
from matrix.questions import QUESTIONS
from matrix.results import HOME, START, Result, all_of, read
from matrix.rows import ROWS, Row
from syncd.sandbox.servers.release import ROOT

PAGE = ROOT / "docs" / "compatibility.md"
LONGEST = 300
"""Characters of a sentence that says what failed; `.matrix/results` has the whole of it."""
WITHOUT_START = " + start"
HEAD = """# What was measured on real servers

`make matrix` installs each release below in an environment of its own, boots it on this machine, works on it with syncd's
command line as a person would, and writes this page; nothing else does. `make matrix ROWS='3.3.2*'` runs some rows. What passed
is kept in `.matrix` and not run again. `make test` does a part of it on the oldest release and the two newest.

pass: every step came out as it must; `15 of 16`: a chapter is younger than that measurement, and `make matrix` tells the story
again. fail: a step did not; the sentences are below the tables. A row that says "not measured yet" promises nothing.

- **story**: the numbered story, told by syncd's commands and seen by the hands of an administrator and by acting as the people.
- **levels**: people who hold view, trigger or edit on one DAG do what [the levels](levels.md) say, and are refused the rest.
- **answers**: each request of the story, and {questions} odd ones, went to the real server and to its stand-in in the same state;
  whatever differed and does not stand in the list at the end is a fail, and so is [a built-in role as a
  base](levels.md#a-built-in-role-as-a-base) that would give more than the server's own role does.
- **told**: what syncd cannot manage: doctor, plan and apply say so in a sentence, and change nothing.
- **took**: minutes and seconds, from installing its packages to the last answer that was compared; `+ start` where what goes
  before the first part, half a minute mostly, was not timed.
"""


def render(home: Path = HOME, before: str = "") -> str:
    """Write the whole page; what another machine measured, and this one did not, is kept as the page said it before."""
    plain = [row for row in ROWS if not is_special(row)]
    special = [row for row in ROWS if is_special(row)]
    kept = before.splitlines()
    releases, surroundings = (list(_table(rows, home, kept)) for rows in (plain, special))
    blocks = (
        [HEAD.format(questions=len(QUESTIONS))],
        ["## Releases", "", *releases],
        ["", "## Surroundings", "", *surroundings],
        ["", _sum([*releases, *surroundings], home, kept)],
        ["", "## What failed", "", *_or_nothing(_failures(home, kept))],
        ["", "## Where a stand-in may differ", "", *_reasons()],
        ["", "## The numbered story", "", *(f"- {title(chapter)}" for chapter in WHOLE_STORY)],
    )
    return "\n".join(line for block in blocks for line in block) + "\n"


def is_special(row: Row) -> bool:
    """Say whether a row is about its surroundings rather than its release."""
    return "," in row.name


def _table(rows: Iterable[Row], home: Path, kept: Sequence[str]) -> Iterator[str]:
    yield "| | Airflow | FAB provider | story | levels | answers | told | measured | took |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for row in rows:
        known = list(all_of(row.name, row.parts, home))
        named = row.name + (f" ({row.note})" if row.note else "")
        old = [line for line in kept if line.startswith(f"| {named} |")]
        yield _line(row, named, known, home) if known or not old else old[0]


def _line(row: Row, named: str, known: Sequence[Result], home: Path) -> str:
    versions = next((result.versions for result in known if result.versions), {})
    day = max((result.day for result in known), default="")
    cells = [_story(row, home), _cell(row, "levels", home), _answers(row, home), _cell(row, "told", home)]
    return f"| {' | '.join([named, *_versions(row, versions), *cells, day, _took(row, home)])} |"


def _took(row: Row, home: Path) -> str:
    """Say how long a row took; nothing where a part of it was not measured."""
    parts = (*row.parts, *(("answers",) if "questions" in row.parts else ()))
    known, start = list(all_of(row.name, parts, home)), list(all_of(row.name, (START,), home))
    if len(known) < len(parts):
        return ""
    minutes, seconds = divmod(round(sum(result.seconds for result in [*start, *known])), 60)
    return f"{minutes}:{seconds:02}" + ("" if start else WITHOUT_START)


def _sum(lines: Sequence[str], home: Path, kept: Sequence[str]) -> str:
    """Add up what the rows took, wherever they were measured, and name the machine of those that were here."""
    found = [cell for line in lines if (cell := re.search(rf"\| (\d+):(\d\d)({re.escape(WITHOUT_START)})? \|$", line))]
    starts = [result.versions for row in ROWS for result in all_of(row.name, (START,), home)]
    if not starts:
        return next((line for line in kept if line.startswith("Of these rows ")), "Of these rows none was timed.")
    cores, load = (sorted({int(start[name]) for start in starts if name in start}) for name in ("cores", "load"))
    hours, minutes = divmod(round(sum(int(cell[1]) * 60 + int(cell[2]) for cell in found) / 60), 60)
    busy = f", whose load by other work was up to {load[-1]} when they began" if load else ""
    without = sum(cell[3] is not None for cell in found)
    partly = f" ({without} of them without the start)" if without else ""
    timed = (
        f"Of these rows {len(found)} of {len(ROWS)} were timed{partly}: {hours} h {minutes} min, one after the other"
    )
    return f"{timed}, on {cores[-1]} cores{busy}."


def _versions(row: Row, versions: dict[str, str]) -> tuple[str, str]:
    return versions.get("Airflow", row.release.version), versions.get("FAB provider", "")


def _cell(row: Row, part: str, home: Path) -> str:
    if part not in row.parts:
        return ""
    result = read(row.name, part, home)
    return "not measured yet" if result is None else "fail" if any(s.said for s in result.steps) else "pass"


def _story(row: Row, home: Path) -> str:
    """Say how far the story came."""
    said, result = _cell(row, "story", home), read(row.name, "story", home)
    passed = sum(not step.said for step in result.steps) if result else 0
    if result is None or "story" not in row.parts or passed == len(WHOLE_STORY):
        return said
    return f"{said}, {passed} of {len(WHOLE_STORY)}"


def _answers(row: Row, home: Path) -> str:
    if "questions" not in row.parts:
        return ""
    result = read(row.name, "answers", home)
    if result is None or not result.requests:
        return "not measured yet"
    wrong = len(result.faults)
    return f"{'fail' if wrong else 'pass'}, {result.requests} compared" + (f", {wrong} differ" if wrong else "")


def _failures(home: Path, kept: Sequence[str]) -> Iterator[str]:
    for row in ROWS:
        parts = (START, *row.parts, "answers")
        mine = tuple(f"- {row.name}, {part}: " for part in parts)
        known = list(all_of(row.name, parts, home))
        yield from () if known else (line for line in kept if line.startswith(mine))
        for result in known:
            yield from (f"- {row.name}, {result.part}: {_one_line(fault)}" for fault in _first_faults(result))


def _first_faults(result: Result) -> list[str]:
    return [fault for fault in result.faults if not fault.endswith(": not reached")]


def _or_nothing(lines: Iterable[str]) -> list[str]:
    return list(lines) or ["Nothing."]


def _one_line(text: str) -> str:
    text = re.sub(r"\s+", " ", re.sub(r"http://127\.0\.0\.1:\d+", "http://server", text)).replace("|", "\\|")
    return text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."


def _reasons() -> Iterator[str]:
    yield "| request | place | why |"
    yield "|---|---|---|"
    for because in dict.fromkeys(allowed.because for allowed in ALLOWED):
        where = [allowed for allowed in ALLOWED if allowed.because == because]
        calls, places = ("; ".join(dict.fromkeys(f"`{a[n]}`" for a in where)) for n in (0, 1))
        yield f"| {calls} | {places} | {because} |"
