"""What came and went between two moments, as `syncd diff --between` shows it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import typer

from syncd.cli.audit import PAGE, moment
from syncd.cli.invocation import Invocation, chosen
from syncd.cli.output import PlanOutput, show, show_document, show_error, show_json
from syncd.cli.past import begins_text, first_change, told
from syncd.render.lines import Line, Style, counted, safe

if TYPE_CHECKING:
    from syncd.access.between import Passage
    from syncd.ports import AuditRow, Holding
    from syncd.store import Stores

SHOWN = 100
"""So many roles, and so many changes of roles, are shown to people; `--verbose` and `-o json` have all."""
NO_OTHERS = "of what other hands gave there is no history"


def diff_between(
    this: Invocation, between: tuple[str, str], *, deployments: Sequence[str], output: PlanOutput, check: bool
) -> int:
    """Show who gained and lost what by syncd from one moment to another, and why."""
    from syncd.access.between import between as passages
    from syncd.app import utc_now
    from syncd.errors import EXIT_CHANGES, EXIT_DONE, EXIT_INVALID

    now = utc_now()
    first, last = _moments(between, now=now)
    settings = this.settings()
    only = chosen(settings, deployments)
    with this.store(settings) as store:
        if first < (begins := first_change(store)):
            show_error(f"nothing is known of {told(first)}: {begins_text(begins)}")
            return EXIT_INVALID
        rows = _all(lambda **page: store.queries.history(moved=(first, last), **page))
        found = passages((row for row in rows if _is_of(row.deployment, only)), first, last)
        changed = [row for row in _role_changes(store, first, last) if row.deployment in only]
    match output:
        case PlanOutput.JSON:
            show_json(_json(found, changed, first, last))
        case PlanOutput.MARKDOWN:
            show_document(_markdown(found, changed, first, last, most=None if this.verbose else SHOWN))
        case PlanOutput.TEXT:
            show(_lines(found, changed, first, last, most=None if this.verbose else SHOWN))
    return EXIT_CHANGES if check and (found or changed) else EXIT_DONE


def _moments(between: tuple[str, str], *, now: datetime) -> tuple[datetime, datetime]:
    first, last = (moment(text, "--between", now=now) for text in between)
    assert first is not None
    assert last is not None
    if last > now:
        raise typer.BadParameter(f"{told(last)} is yet to come", param_hint="--between")
    if first >= last:
        raise typer.BadParameter("the first moment has to be before the second", param_hint="--between")
    return first, last


def _is_of(deployment: str, only: Collection[str]) -> bool:
    """Say whether it is asked about; what is known of a server under an address that it had before belongs to it."""
    return deployment in only or deployment.partition(" at ")[0] in only


def _all(read: Callable[..., Sequence[Any]]) -> Iterator[Any]:
    after = 0
    while True:
        page = read(after=after, limit=PAGE)
        yield from page
        if len(page) < PAGE:
            return
        after = page[-1].id


def _role_changes(store: Stores, first: datetime, last: datetime) -> Iterator[AuditRow]:
    """Give the changes that were made of roles themselves, which is a gain or a loss of whoever holds them."""
    made = _all(lambda **page: store.queries.audit(since=first, until=last, status="applied", **page))
    return (row for row in made if row.change.subject == "role")


# --- for people -------------------------------------------------------------------------------------------------------


def _lines(
    found: Sequence[Passage], changed: Sequence[AuditRow], first: datetime, last: datetime, *, most: int | None
) -> Iterator[Line]:
    yield Line(f"between {told(first)} and {told(last)}: {_summary(found, changed)}", Style.TITLE)
    for one in found[:most]:
        yield Line(f"  {_head(one)}", _styles()[one.came])
        yield from (Line(f"      {why}", Style.QUIET) for why in _whys(one))
    yield from _rest(len(found), most, "role of somebody", "roles of people")
    for row in changed[:most]:
        yield from _role_lines(row)
    yield from _rest(len(changed), most, "change of a role", "changes of roles")
    yield Line(NO_OTHERS, Style.QUIET)


def _rest(count: int, most: int | None, one: str, many: str) -> Iterator[Line]:
    if most is not None and count > most:
        yield Line(f"  and {counted(count - most, one, many)} more; --verbose and -o json have all", Style.QUIET)


def _summary(found: Sequence[Passage], changed: Sequence[AuditRow]) -> str:
    from syncd.access.between import Came

    parts = []
    for came, verb in _VERBS.items():
        mine = [one for one in found if one.came is Came(came)]
        if mine:
            people = counted(len({one.username for one in mine}), "person", "people")
            parts.append(f"{people} {verb.format(counted(len(mine), 'role', 'roles'))}")
    if changed:
        names = {(row.deployment, row.change.name) for row in changed}
        parts.append(f"{counted(len(names), 'role was', 'roles were')} changed")
    return ", ".join(parts) or "nothing that syncd gave or took"


_VERBS = {
    "gained": "gained {}",
    "lost": "lost {}",
    "for_a_while": "had {} for a while",
    "with_a_gap": "lost {} and got it back",
}


def _styles() -> Mapping[str, Style]:
    from syncd.access.between import Came

    return {
        Came.GAINED: Style.GAIN,
        Came.LOST: Style.LOSS,
        Came.FOR_A_WHILE: Style.PLAIN,
        Came.WITH_A_GAP: Style.PLAIN,
    }


def _head(one: Passage) -> str:
    from syncd.access.between import Came

    who = f"{safe(one.deployment)}  {safe(one.username)}"
    what = safe(one.role)
    match one.came:
        case Came.GAINED if one.is_adopted:
            return f"{who}  {what}  is syncd's since {_at(one.at)}: it was there before, and a mapping line gave it too"
        case Came.GAINED:
            return f"{who}  gained {what}  {_at(one.at)}"
        case Came.LOST:
            return f"{who}  lost {what}  {_at(one.at)}"
        case Came.FOR_A_WHILE:
            return f"{who}  had {what}  from {_at(one.began.since if one.began else None)} to {_at(one.at)}"
        case Came.WITH_A_GAP:
            lost = _at(one.ended.until if one.ended else None)
            return f"{who}  lost {what}  {lost}, has it again since {_at(one.at)}"


def _whys(one: Passage) -> Iterator[str]:
    from syncd.access.between import Came

    if one.came is not Came.LOST and one.began is not None and one.began.change is not None:
        because = "; ".join(map(safe, one.began.because))
        run = f"run {one.began.run} by {safe(one.began.by or '?')}"
        yield f"given because {because}; {run}{_approved(one.began)}" if because else f"given by {run}"
    if one.came is not Came.GAINED and one.ended is not None:
        yield _why_ended(one.ended)


def _why_ended(row: Holding) -> str:
    if row.ended_by is None:
        return "taken by another hand, or it is not syncd's any more"
    because = "; ".join(map(safe, row.ended_because))
    return f"taken because {because} (change {row.ended_by})" if because else f"taken by change {row.ended_by}"


def _approved(row: Holding) -> str:
    return f", approved by {safe(row.approved_by)}" if row.approved_by else ""


def _role_lines(row: AuditRow) -> Iterator[Line]:
    from syncd.render.change import change_text, reasons_text
    from syncd.render.view import ChangeView

    view = ChangeView.of(row.change)
    yield Line(f"  {safe(row.deployment)}  {change_text(view)}  {_at(row.at)}", Style.EDIT)
    why = f"because {reasons_text(view)}; " if view.why else ""
    yield Line(f"      {why}run {row.run} ({safe(row.command)} by {safe(row.by)})", Style.QUIET)


def _at(when: datetime | None) -> str:
    return f"{when.astimezone(UTC):%Y-%m-%d %H:%M:%SZ}" if when else "?"


# --- for pull requests and for programs -------------------------------------------------------------------------------


def _markdown(
    found: Sequence[Passage], changed: Sequence[AuditRow], first: datetime, last: datetime, *, most: int | None
) -> str:
    from syncd.render.markdown import markdown_safe

    title = f"### syncd between {told(first)} and {told(last)}: {markdown_safe(_summary(found, changed))}"
    parts = [title, ""]
    for one in found[:most]:
        parts.append(f"- {markdown_safe(_head(one))}")
        parts += [f"  - {markdown_safe(why)}" for why in _whys(one)]
    for row in changed[:most]:
        head, why = (line.text.strip() for line in _role_lines(row))
        parts += [f"- {markdown_safe(head)}", f"  - {markdown_safe(why)}"]
    left = [*_rest(len(found), most, "role", "roles"), *_rest(len(changed), most, "change", "changes")]
    parts += [f"- {markdown_safe(line.text.strip())}" for line in left]
    return "\n".join([*parts, "", f"{NO_OTHERS}."])


def _json(found: Sequence[Passage], changed: Sequence[AuditRow], first: datetime, last: datetime) -> dict[str, object]:
    from syncd.render.json import journal_json, plain

    rows = [{**_plain(one), "began": plain(one.began), "ended": plain(one.ended)} for one in found]
    return {
        "from": first.astimezone(UTC).isoformat(),
        "to": last.astimezone(UTC).isoformat(),
        "people": rows,
        "roles": [journal_json(row) for row in changed],
    }


def _plain(one: Passage) -> dict[str, object]:
    return {
        "deployment": one.deployment,
        "username": one.username,
        "role": one.role,
        "came": str(one.came),
        "adopted": one.is_adopted,
        "at": one.at.astimezone(UTC).isoformat(),
    }
