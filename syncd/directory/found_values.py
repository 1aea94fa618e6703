"""What the DAGs of a deployment have, by which lines with `each` go: owners, folders and tags."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from syncd.model import Dag, nfc

FoundValues = Mapping[str, frozenset[str]]
"""By kind."""


def found_values(dags: Iterable[Dag]) -> FoundValues:
    """Give the values of each kind. The folder is the first one of the file's path; a file beside the folders has none."""
    several = tuple(dags)
    return {
        "owner": frozenset(nfc(owner) for dag in several for owner in dag.owners),
        "folder": frozenset(nfc(folder) for dag in several if (folder := _folder(dag))),
        "tag": frozenset(nfc(tag) for dag in several for tag in dag.tags),
    }


def _folder(dag: Dag) -> str:
    folder, slash, _ = (dag.path or "").partition("/")
    return folder if slash else ""
