"""Compares what a real server and its stand-in answer to the same request: status, media type, shape, and every word that is
not of the moment. What may differ stands in a list with its reason; all else is a fault of the stand-in.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from matrix.recording import Answer, Asked

OF_THE_MOMENT = re.compile(
    r"(^|\.)(access_token|changed_on|created_on|last_login|login_count|fail_login_count|git_version|file_token|fileloc|"
    r"[a-z_]*_(?:at|date|time|start|end|after|before)|last_[a-z_]+|id|type|input|ctx|url|version_number)$"
)
"""Fields whose value is of one server and one moment: they are there on both, or on neither."""
NAMES = ("name", "username", "dag_id", "dag_run_id", "task_id", "package_name")


class Difference(NamedTuple):
    """One place where the two differ: `GET /roles/{name}`, `actions[can_read DAGs]`, what they said there."""

    call: str
    place: str
    says: str

    def __str__(self) -> str:
        return f"{self.call}: {self.place}: {self.says}"


class Allowed(NamedTuple):
    """Places that may differ, by globs, and why."""

    call: str
    place: str
    because: str


LATER_FIELDS = (
    "allowed_run_types",
    "dag_display_name",
    "is_backfillable",
    "max_consecutive_failed_dag_runs",
    "last_parse_duration",
    "timetable_partitioned",
    "timetable_periodic",
    "next_cursor",
    "previous_cursor",
    "total_entries_limit",
    "duration",
    "partition_date",
    "partition_key",
    "scheduling_state",
    "team_name",
    "triggering_user_name",
)
OWN_ROLES = (
    "the stand-in's built-in roles hold what those of 2.11.2 and 3.3.2 do; syncd gives them and never changes them"
)
OTHER_PROVIDERS = "of the providers syncd asks for that of FAB alone, and there for its version"
OTHER_FIELDS = (
    "a field that came with a later release, or went; of a DAG syncd reads its id, tags, owners and whether it is there"
)
ALLOWED: Sequence[Allowed] = (
    *(Allowed("* */dags*", f"*{name}", OTHER_FIELDS) for name in LATER_FIELDS),
    Allowed("* */dags/*", "detail", "how a DAG that is not there is called; syncd reads the status"),
    *(Allowed("*", f"*roles[[]{name}[]].actions*", OWN_ROLES) for name in ("Admin", "Op", "User", "Viewer", "Public")),
    Allowed("GET */permissions*", "*", OWN_ROLES),
    Allowed("GET */providers*", "providers[[]apache-airflow-providers-[!f]*", OTHER_PROVIDERS),
    Allowed("GET */providers*", "providers[[]apache-airflow-providers-f[!a]*", OTHER_PROVIDERS),
    Allowed("GET */providers*", "providers[[]*.description", OTHER_PROVIDERS),
    Allowed("GET */providers*", "providers[[]*.documentation_url", OTHER_PROVIDERS),
    Allowed("GET */providers*", "total_entries", OTHER_PROVIDERS),
    Allowed("GET /auth/*openapi.json", "*", "of the description syncd reads its title and the paths' names alone"),
    Allowed(
        "GET */dags*", "dags[[]two_*[]].owners*", "Airflow 2 keeps several owners as a set, so their order is by chance"
    ),
    Allowed("*", "detail[[]*[]].ctx", "more words on a refusal, which syncd does not read"),
)


Pair = tuple[Asked, Answer]
"""A request with the real answer, and the stand-in's."""


def differences(pairs: Iterable[Pair]) -> Iterator[tuple[Difference, str]]:
    """Give each place that differs once, with the reason why it may; an empty one where nothing allows it."""
    for found in sorted({found for pair in pairs for found in _of(*pair)}):
        yield found, reason(found)


def reason(found: Difference) -> str:
    """Say why this may differ, or nothing."""
    fits = (a.because for a in ALLOWED if fnmatchcase(found.call, a.call) and fnmatchcase(found.place, a.place))
    return next(fits, "")


def _of(asked: Asked, other: Answer) -> Iterator[Difference]:
    real, where = asked.answer, urlsplit(asked.target)
    query = "&".join(dict.fromkeys(name for name, _ in parse_qsl(where.query, keep_blank_values=True)))
    call = f"{asked.method} {_named(where.path)}{'?' if query else ''}{query}"
    if real[:2] != other[:2]:
        said, says = (f"{a.status} {a.media} {_short(a.body)}" for a in (real, other))
        yield Difference(call, f"status {real.status}, {other.status}", f"real {said}, stand-in {says}")
    elif real.media != "text/html":
        for place, says in _unlike(real.body, other.body, ""):
            yield Difference(call, place, says)


def _named(path: str) -> str:
    """Put a word for each name in a path."""
    path = re.sub(r"/(roles|users|dags|dagRuns|dagSources)/[^/]+", r"/\1/{name}", path)
    return re.sub(r"^.*(?=/(?:api/v\d|auth|ui|login|home))", "", path)


def _unlike(real: Any, other: Any, place: str) -> Iterator[tuple[str, str]]:
    if OF_THE_MOMENT.search(place):
        return
    match real, other:
        case dict(), dict():
            yield from _in_both(real, other, place, lambda name: f"{place}.{name}".lstrip("."))
        case list(), list():
            yield from _in_both(_by_name(real), _by_name(other), place, lambda name: f"{place}[{name}]")
        case _ if _sorted(real) != _sorted(other):
            yield place, f"real {_short(real)}, stand-in {_short(other)}"


def _sorted(value: Any) -> Any:
    """Put the fields that a refusal complains of into one order: it is that of a set on some releases."""
    return sorted(value) if isinstance(value, str) and value.startswith("{'") else value


def _in_both(
    real: dict[str, Any], other: dict[str, Any], place: str, inside: Callable[[str], str]
) -> Iterator[tuple[str, str]]:
    for name in real.keys() - other.keys():
        yield inside(name), f"only the real server says {_short(real[name])}"
    for name in other.keys() - real.keys():
        yield inside(name), f"only the stand-in says {_short(other[name])}"
    for name in real.keys() & other.keys():
        yield from _unlike(real[name], other[name], inside(name))


def _by_name(items: list[Any]) -> dict[str, Any]:
    return {_name(item, number): item for number, item in enumerate(items)}


def _name(item: Any, number: int) -> str:
    match item:
        case {"action": {"name": action}, "resource": {"name": resource}}:
            return f"{action} {resource}"
        case dict():
            return next((str(item[name]) for name in NAMES if name in item), str(number))
        case _:
            return str(item)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 120 else f"{text[:117]}..."
