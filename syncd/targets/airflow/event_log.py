"""Airflow's event log as a witness: who changed accounts and roles, and what an account did.

What it has of edits was measured (2.11.2 and 3.3.2, both with the FAB provider):

what was done                                    | the log has
-------------------------------------------------|----------------------------------------------------------------------
a role or an account edited in the web interface | nothing
the same by the REST API, so also by syncd        | nothing
the same by Airflow's command line                | `cli_...`, the user of the operating system, the host, the whole command
a sign-in, with a password or for a token         | nothing
a DAG triggered or paused, a variable written ... | the event, the account, the DAG

So it names those who used the command line, and what accounts did with DAGs; of the rest it knows nothing. `included_events` is
one word with commas on Airflow 2, and one parameter for each on Airflow 3, which takes commas for a part of the name. It wants
can_read on Audit Logs; without that it is 403.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Final

from syncd.errors import TargetUnavailable
from syncd.http.answer import Answer
from syncd.model import LoggedAct, LoggedEdit
from syncd.targets.airflow.reading import Row
from syncd.targets.airflow.wire import Area, Query, Wire

RIGHT: Final = "can_read on Audit Logs"
_EVENTS: Final = (
    "cli_users_manage_role",
    "cli_users_delete",
    "cli_roles_add_perms",
    "cli_roles_del_perms",
    "cli_roles_delete",
)
_ROWS: Final = 100
PAGES: Final = 2
"""So many of the newest rows are read at most: who ran more commands between two looks is not told one by one."""
ACTS: Final = 5
_LONGEST: Final = 200
"""Of a text of the log as it is told; the log may hold anything."""
_MOST_WORDS: Final = 500
"""A command with more words is not read."""


def readable(wire: Wire) -> Answer:
    """Ask for one row, to see whether the log may be read."""
    return _ask(wire, [("limit", "1")])


def edits(wire: Wire, since: datetime) -> tuple[LoggedEdit, ...] | None:
    """Give what the log says of edits since then, the newest first; None: it may not be read, or not so.

    Only what is plain from the command is in it: who, and which accounts, roles and permissions.
    """
    only = (
        [("included_events", ",".join(_EVENTS))] if wire.generation == 2 else [("included_events", e) for e in _EVENTS]
    )
    found: list[LoggedEdit] = []
    for number in range(PAGES):
        rows = _rows(_ask(wire, [*only, *_newest(since), ("limit", str(_ROWS)), ("offset", str(number * _ROWS))]))
        if rows is None:
            return None
        found += [edit for row in rows if (edit := _edit(row)) is not None and edit.at > since]
        if len(rows) < _ROWS:
            break
    return tuple(found)


def acts(wire: Wire, account: str, since: datetime) -> tuple[LoggedAct, ...] | None:
    """Give the newest things that an account did since then, the newest first; None: the log may not be read."""
    rows = _rows(_ask(wire, [("owner", account), *_newest(since), ("limit", str(ACTS))]))
    if rows is None:
        return None
    found = (_act(row) for row in rows if row.get("owner") == account)
    return tuple(act for act in found if act is not None and act.at > since)


def _newest(since: datetime) -> Query:
    return [("after", since.astimezone(UTC).isoformat()), ("order_by", "-event_log_id")]


def _ask(wire: Wire, query: Query) -> Answer:
    who = wire.chosen.get(Area.DAGS) or wire.chosen.get(Area.ROLES) or next(iter(wire.logins))
    return wire.ask(who, f"/api/v{1 if wire.generation == 2 else 2}/eventLogs", query)


def _rows(answer: Answer) -> Sequence[Row] | None:
    rows = answer.fields.get("event_logs") if answer.status == 200 else None
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else None


def _when(row: Row) -> datetime | None:
    try:
        at = datetime.fromisoformat(str(row.get("when")))
        return at.astimezone(UTC) if at.tzinfo else None
    except (ValueError, OverflowError):  # the latter: before the first year, or after the last
        return None


def _act(row: Row) -> LoggedAct | None:
    at, event, dag = _when(row), row.get("event"), row.get("dag_id")
    if at is None or not isinstance(event, str):
        return None
    return LoggedAct(at, (f"{event} on DAG {dag}" if isinstance(dag, str) and dag else event)[:_LONGEST])


def _edit(row: Row) -> LoggedEdit | None:
    at, owner, command = _when(row), row.get("owner"), _command(row)
    if at is None or not isinstance(owner, str) or command is None:
        return None
    host, words = command
    by, said = f"{owner} on {host}" if host else owner, f"airflow {' '.join(words)}"
    return _plain(words, partial(LoggedEdit, at, by[:_LONGEST], said[:_LONGEST]))


def _command(row: Row) -> tuple[str, list[str]] | None:
    """Read host and words of a command; it is a Python list, as text in a JSON object."""
    try:
        extra = json.loads(str(row.get("extra")))
        words = ast.literal_eval(str(extra["full_command"]))
    except (ValueError, SyntaxError, KeyError, TypeError, RecursionError, MemoryError):
        return None
    if not isinstance(words, list) or len(words) > _MOST_WORDS or not all(isinstance(word, str) for word in words):
        return None
    return str(extra.get("host_name") or ""), words[1:]


def _plain(words: Sequence[str], made: Callable[..., LoggedEdit]) -> LoggedEdit | None:
    """Say what a command did to whom; None where that is not plain from its words."""
    names, options = _parsed(words[2:])
    roles, account = frozenset(names), _one(options, "-u", "--username", "-e", "--email")
    match tuple(words[:2]):
        case ("users", "remove-role" | "add-role" as verb) if account and (role := _one(options, "-r", "--role")):
            return made(verb == "remove-role", account, frozenset({role}))
        case ("users", "delete") if account:
            return made(True, account)
        case ("roles", "del-perms" | "add-perms" as verb) if roles and (pairs := frozenset(_pairs(options))):
            return made(verb == "del-perms", "", roles, pairs)
        case ("roles", "delete") if roles:
            return made(True, "", roles)
        case _:
            return None


def _pairs(options: Mapping[str, list[str]]) -> Iterator[str]:
    for action in _all(options, "-a", "--action"):
        for resource in _all(options, "-r", "--resource"):
            yield f"{action} on {resource}"


def _parsed(words: Sequence[str]) -> tuple[list[str], dict[str, list[str]]]:
    """Part the words of a command into what stands before its options, and these with their values."""
    options: dict[str, list[str]] = {}
    current: list[str] = []
    names = current
    for word in words:
        if word.startswith("-"):
            option, _, value = word.partition("=")
            current = options.setdefault(option, [])
            current += [value] if value else []
        else:
            current.append(word)
    return names, options


def _all(options: Mapping[str, list[str]], *names: str) -> Iterator[str]:
    return (value for name in names for value in options.get(name, ()))


def _one(options: Mapping[str, list[str]], *names: str) -> str:
    """Give the one value that there is under these names; empty: there is none, or more than one."""
    found = list(_all(options, *names))
    return found[0] if len(found) == 1 else ""


def why_unread(wire: Wire) -> str:
    """Say why the log cannot be read; empty: it can."""
    try:
        answer = readable(wire)
    except TargetUnavailable as error:
        return str(error)
    return "" if _rows(answer) is not None else f"{answer.asked} gave {answer}"
