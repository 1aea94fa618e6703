"""A plan, and what came of it, as a comment for a pull request.

Names may hold anything: outside of code blocks every sign of Markdown and HTML is escaped, and a code block is fenced with
more back quotes than it has in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from syncd.render.extent import SHORT, Extent
from syncd.render.lines import Line, Style, counted, number, safe
from syncd.render.notes import note_texts
from syncd.render.reports import DeploymentPass, PassReport, mode_of
from syncd.render.text import Counts, deployment_lines, is_quiet, summary
from syncd.words import and_more

LONGEST_COMMENT = 60_000
"""Characters; GitHub refuses comments above 65,536."""
_LONGEST_HEAD = 20_000
_LONGEST_LINE = 2_000
_LEAST = 3_000
"""So much room has the least that is said of a deployment; where there is less, it is left out."""
_IN_JSON = "see `-o json`"


def report_markdown(report: PassReport, *, verb: str, program: str = "syncd", extent: Extent = SHORT) -> str:
    """Write a comment for a pull request: what it comes to, a table, and the details of each deployment folded away. What does
    not fit is left out, which is said."""
    shown = [d for d in report.deployments if not is_quiet(d)]
    text = f"### syncd {markdown_safe(summary(report, verb=verb))}\n"
    text += _told(list(_aside(report, extent))) + _markdown_table(shown)
    return text + _details(shown, room=LONGEST_COMMENT - len(text), program=program, extent=extent)


def _aside(report: PassReport, extent: Extent) -> Iterator[str]:
    for name, why in sorted(report.sources_failed.items()):
        yield f"\n**Source {markdown_safe(name)} could not be read:** {markdown_safe(why)}\n"
    for text in note_texts(report.notes, extent):
        yield f"\n{markdown_safe(text)}\n"


def _told(parts: Sequence[str]) -> str:
    """Put together what fits above the table."""
    taken = ""
    for n, part in enumerate(parts):
        if len(taken) + len(part) > _LONGEST_HEAD:
            return f"{taken}\n{counted(len(parts) - n, 'more note is', 'more notes are')} left out: {_IN_JSON}.\n"
        taken += part
    return taken


def _details(shown: Sequence[DeploymentPass], *, room: int, program: str, extent: Extent) -> str:
    """Give each deployment its share of the room; the first of them where it is too little for all."""
    taken = ""
    for n, this in enumerate(shown):
        left = room - len(taken)
        if left < _LEAST:
            rest = counted(len(shown) - n, "deployment", "deployments")
            return f"{taken}\nThe details of {rest} are left out: {_IN_JSON}.\n"
        lines = deployment_lines(this, program=program, extent=extent)
        taken += _markdown_details(list(lines), room=max(_LEAST, left // (len(shown) - n)))
    return taken


def _markdown_table(shown: Sequence[DeploymentPass]) -> str:
    if not shown:
        return ""
    text = "\n| deployment | mode | gain | lose | roles | held |\n|---|---|--:|--:|--:|--:|\n"
    for this in shown[: SHORT.lines]:
        counts = Counts.of(this.plan.changes if this.plan else (), this.effects)
        held = len(this.held.changes) if this.held else 0
        row = [markdown_safe(this.deployment), mode_of(enforce=this.enforce, add_only=this.add_only)]
        row += (
            [number(n) for n in (counts.gain, counts.lose, counts.roles, held)] if this.plan is not None else ["failed"]
        )
        text += f"| {' | '.join(row)} |\n"
    return text + (
        f"\nand {counted(len(shown) - SHORT.lines, 'deployment', 'deployments')} more\n"
        if len(shown) > SHORT.lines
        else ""
    )


def _markdown_details(lines: Sequence[Line], *, room: int) -> str:
    title, *details = (_short(line.text) if n == 0 else _short(_diff_line(line)) for n, line in enumerate(lines))
    body = "\n".join(_fitting(details, room=room - len(_html_safe(title)) - 200))
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", body)), default=0))
    return f"\n<details><summary>{_html_safe(title)}</summary>\n\n{fence}diff\n{body}\n{fence}\n\n</details>\n"


def _fitting(lines: Sequence[str], *, room: int) -> Iterator[str]:
    for n, line in enumerate(lines):
        room -= len(line) + 1
        if room < 0:
            yield f"  {and_more(len(lines) - n, 'lines')} (see -o json)"
            return
        yield line


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_LINE else f"{text[:_LONGEST_LINE]} ... (see -o json)"


_DIFF_MARKS = {Style.GAIN: "+", Style.LOSS: "-", Style.EDIT: "!", Style.WARN: "!", Style.FAIL: "-", Style.HEADING: "#"}


def _diff_line(line: Line) -> str:
    """Put the mark that colours a line of a diff in front of it."""
    return f"{_DIFF_MARKS.get(line.style, ' ')} {line.text.removeprefix('  ')}"


def markdown_safe(text: str) -> str:
    """Write a text so that Markdown and HTML show it as it is, nobody is mentioned, and no address in it becomes a link."""
    shown = _html_safe(re.sub(r"([\\`*_{}\[\]()#+!|~-])", r"\\\1", safe(text.replace("\n", " "))))
    return re.sub(r"(?i)(?<=:)(?=//)|(?<=\bwww)(?=\.)", "&#8203;", shown)


def _html_safe(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("@", "@&#8203;")
