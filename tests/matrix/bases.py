"""What a release gives its built-in roles beside the table by which mapping roles extend them: that one never gives more."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from matrix.recording import Asked, Recording
from matrix.rows import Row
from syncd.targets.airflow.built_in import built_in
from syncd.targets.airflow.levels import release


def only_in_the_table(row: Row, recordings: Iterable[Recording]) -> Iterator[str]:
    """Give what a role that extends a built-in one would get, and the built-in one of this release has not."""
    theirs = _fresh(one for recording in recordings for one in recording.asked)
    table = built_in(row.generation, airflow=release(row.release.version), fab=release(row.fab or ""))
    for name, base in table.items():
        ours = {str(held) for held in base.permissions | base.all_dags}
        yield from (f"{name}: {held}" for held in sorted(ours - theirs[name]))


def _fresh(asked: Iterable[Asked]) -> Mapping[str, set[str]]:
    """Find each role as it was listed first, before anybody did anything to it."""
    found: dict[str, set[str]] = {}
    for one in asked:
        if (one.method, one.answer.status) == ("GET", 200) and one.target.partition("?")[0].endswith("/roles"):
            for role in one.answer.body["roles"]:
                found.setdefault(role["name"], {_said(action) for action in role["actions"]})
    return found


def _said(action: Mapping[str, Mapping[str, str]]) -> str:
    return f"{action['action']['name']} on {action['resource']['name']}"
