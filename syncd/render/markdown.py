"""A plan, and what came of it, as a comment for a pull request.

Names may hold anything: outside of code blocks every sign of Markdown and HTML is escaped, and a code block is fenced with
more back quotes than it has in it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from syncd.render.lines import Line, Style, counted, number, safe
from syncd.render.reports import DeploymentPass, PassReport
from syncd.render.text import MOST, Counts, deployment_lines, is_quiet, summary

LONGEST_COMMENT = 60_000
"""Characters; GitHub refuses comments above 65,536."""


def report_markdown(report: PassReport, *, verb: str, program: str = "syncd", most: int = MOST) -> str:
    """Write a comment for a pull request: what it comes to, a table, and the details of each deployment folded away."""
    text = f"### syncd {markdown_safe(summary(report, verb=verb))}\n"
    for name, why in sorted(report.sources_failed.items()):
        text += f"\n**Source {markdown_safe(name)} could not be read:** {markdown_safe(why)}\n"
    for note in report.notes:
        text += f"\n{markdown_safe(note.text)}\n"
    shown = [d for d in report.deployments if not is_quiet(d)]
    text += _markdown_table(shown)
    details = [_markdown_details(d, program=program, most=most) for d in shown]
    return text + _as_many(details, room=LONGEST_COMMENT - len(text))


def _as_many(details: Sequence[str], *, room: int) -> str:
    taken = ""
    for n, part in enumerate(details):
        if len(taken) + len(part) > room:
            rest = counted(len(details) - n, "deployment", "deployments")
            return f"{taken}\nThe details of {rest} are left out: see `-o json`.\n"
        taken += part
    return taken


def _markdown_table(shown: Sequence[DeploymentPass]) -> str:
    if not shown:
        return ""
    text = "\n| deployment | mode | gain | lose | roles | held |\n|---|---|--:|--:|--:|--:|\n"
    for this in shown[:MOST]:
        counts = Counts.of(this.plan.changes if this.plan else (), this.effects)
        held = len(this.held.changes) if this.held else 0
        row = [markdown_safe(this.deployment), "enforce" if this.enforce else "observe"]
        row += (
            [number(n) for n in (counts.gain, counts.lose, counts.roles, held)] if this.plan is not None else ["failed"]
        )
        text += f"| {' | '.join(row)} |\n"
    return text + (
        f"\nand {counted(len(shown) - MOST, 'deployment', 'deployments')} more\n" if len(shown) > MOST else ""
    )


def _markdown_details(this: DeploymentPass, *, program: str, most: int) -> str:
    title, *lines = deployment_lines(this, program=program, most=most)
    body = "\n".join(_diff_line(line) for line in lines)
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", body)), default=0))
    return f"\n<details><summary>{_html_safe(title.text)}</summary>\n\n{fence}diff\n{body}\n{fence}\n\n</details>\n"


_DIFF_MARKS = {Style.GAIN: "+", Style.LOSS: "-", Style.EDIT: "!", Style.WARN: "!", Style.FAIL: "-", Style.HEADING: "#"}


def _diff_line(line: Line) -> str:
    """Put the mark that colours a line of a diff in front of it."""
    return f"{_DIFF_MARKS.get(line.style, ' ')} {line.text.removeprefix('  ')}"


def markdown_safe(text: str) -> str:
    """Write a text so that Markdown and HTML show it as it is, and nobody is mentioned."""
    return _html_safe(re.sub(r"([\\`*_{}\[\]()#+!|~-])", r"\\\1", safe(text.replace("\n", " "))))


def _html_safe(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("@", "@&#8203;")
