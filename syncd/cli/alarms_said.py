"""`syncd alarms ack`, `silence` and `unsilence`: what people say of alarms."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from syncd.alarm_kinds import KINDS, alarm_id
from syncd.callers import REASON_RULE, is_reason
from syncd.cli.invocation import invocation
from syncd.cli.options import LARGEST_NUMBER, Deployment
from syncd.cli.output import show_text
from syncd.errors import ConfigInvalid, Problem

if TYPE_CHECKING:
    from syncd.config import Settings
    from syncd.ports import AlarmKey, AlarmRow, KeptAlarms

LONGEST = timedelta(days=30)
"""What is to be quiet for longer is no alarm: `kinds` of a channel leaves it out."""
SHORTEST_ID = 4
_Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="For the journal: why.")]
_For = Annotated[str, typer.Option("--for", metavar="SPAN", help="How long: 30m, 4h or 7d; at most 30d.")]


def ack(
    context: typer.Context,
    alarm: Annotated[str, typer.Argument(metavar="ID", help="The alarm, by the beginning of its id.")],
    reason: _Reason,
) -> int:
    """Say that you see to an alarm. It is told no more while it lasts; that it is over is told."""
    from syncd.app import utc_now
    from syncd.errors import EXIT_DONE
    from syncd.ports import Acknowledged
    from syncd.store.processes import os_user

    why = _checked_reason(reason)
    with invocation(context).in_use() as (_, store):
        key, row = _found(alarm, store.presence)
        if not store.presence.acknowledge(key, row.since, Acknowledged(utc_now(), os_user(), why)):
            raise _refused(f"the alarm {key[0]} of {key[1]} is over by now: nothing was changed")
    show_text(f"{key[0]} of {key[1]} is acknowledged: it is told no more until it is over")
    return EXIT_DONE


def silence(
    context: typer.Context,
    what: Annotated[
        str,
        typer.Argument(metavar="KIND|ID", help="A kind of alarm, `all`, or the beginning of the id of one alarm."),
    ],
    for_: _For,
    reason: _Reason,
    deployment: Deployment = None,
    label: Annotated[
        str | None,
        typer.Option("--label", metavar="NAME=VALUE", help="Only alarms of deployments with this label."),
    ] = None,
) -> int:
    """Tell nobody of these alarms for a while. They are shown as before, and told afterwards if they still stand; the end of what
    was told before is told."""
    from syncd.app import utc_now
    from syncd.errors import EXIT_DONE
    from syncd.ports import Silence
    from syncd.store.processes import os_user

    now, why, pair = utc_now(), _checked_reason(reason), _label(label)
    until = now + _span(for_)
    with invocation(context).in_use() as (files, store):
        _check_place(what, deployment, pair, files.settings)
        kind = what if what in KINDS else ""
        alarm = "" if kind or what == "all" else alarm_id(*_named(what, store.presence))
        meant = Silence(until, os_user(), why, kind, alarm, deployment or "", pair)
        id_ = store.presence.silence(meant, now=now)
    show_text(
        f"silence {id_}: {meant.words}, until {until:%Y-%m-%d %H:%M} UTC; end it with: syncd alarms unsilence {id_}"
    )
    return EXIT_DONE


def unsilence(
    context: typer.Context,
    silence: Annotated[
        int,
        typer.Argument(metavar="N", max=LARGEST_NUMBER, help="The number of the silence, as `syncd alarms` shows it."),
    ],
) -> int:
    """End a silence now. What it kept back is told if it still stands."""
    from syncd.app import utc_now
    from syncd.errors import EXIT_DONE
    from syncd.store.processes import os_user

    with invocation(context).in_use() as (_, store):
        if not store.presence.unsilence(silence, by=os_user(), now=utc_now()):
            lasting = ", ".join(str(each.id) for each in store.presence.silences()) or "none"
            raise _refused(f"no silence {silence} lasts; there are: {lasting}")
    show_text(f"silence {silence} is over")
    return EXIT_DONE


def _found(typed: str, kept: KeptAlarms) -> tuple[AlarmKey, AlarmRow]:
    """Find the one alarm that stands whose id begins so."""
    standing = {key: row for key, row in kept.alarms().items() if row.cleared_at is None}
    ids = {alarm_id(*key, row.since): key for key, row in standing.items()}
    found = [key for id_, key in ids.items() if len(typed) >= SHORTEST_ID and id_.startswith(typed.lower())]
    if len(found) == 1:
        return found[0], standing[found[0]]
    if found:
        raise _refused(f'the ids of {len(found)} alarms begin with "{typed}"; type more of it')
    raise _refused(f'no alarm that stands has an id that begins with "{typed}"; see them with: syncd alarms')


def _named(typed: str, kept: KeptAlarms) -> tuple[str, str, datetime]:
    key, row = _found(typed, kept)
    return *key, row.since


def _check_place(what: str, deployment: str | None, label: tuple[str, str] | None, settings: Settings) -> None:
    """Refuse a silence of everything, and one of nothing."""
    names: Collection[str] = [each.deployment.name for each in settings.deployments]
    if what == "all" and not deployment and not label:
        raise _refused("all alarms of everything are not silenced: name a --deployment, a --label or a kind")
    if deployment and deployment not in names:
        raise _refused(f'there is no deployment "{deployment}" in the configuration')
    if label and not any(each.deployment.labels.get(label[0]) == label[1] for each in settings.deployments):
        raise _refused(f"no deployment has the label {label[0]}={label[1]}")


def _label(text: str | None) -> tuple[str, str] | None:
    if text is None:
        return None
    name, sign, value = text.partition("=")
    if not (name and sign and value):
        raise typer.BadParameter("a label is written NAME=VALUE, such as env=prod", param_hint="--label")
    return name, value


def _span(text: str) -> timedelta:
    from pydantic import TypeAdapter, ValidationError

    from syncd.fields import Span, span

    try:
        found = span(TypeAdapter(Span).validate_python(text))
    except ValidationError:
        found = timedelta()
    if not timedelta() < found <= LONGEST:
        raise typer.BadParameter("it is a span such as 30m, 4h or 7d, at most 30d", param_hint="--for")
    return found


def _checked_reason(text: str) -> str:
    if not is_reason(text):
        raise typer.BadParameter(f"it is {REASON_RULE}", param_hint="--reason")
    return text


def _refused(why: str) -> ConfigInvalid:
    return ConfigInvalid([Problem("alarms", 0, 0, why)])
