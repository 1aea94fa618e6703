"""The DAGs of one deployment, indexed so that no selector has to look at each of them.

A selector is set algebra: of each kind that it names the union of what each word fits, of the kinds the intersection, and
what one of its `not` fits is taken away. Where a server does not say in which bundle or file a DAG is, that DAG may be in any:
a selector that asks for one does not fit it, and a `not` that asks for one does, so nothing is given on that doubt.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from syncd.mapping.patterns import Names
from syncd.model import Dag, DagSelector, nfc

Ids = frozenset[str]


class Inventory:
    """The DAGs of one deployment."""

    def __init__(self, dags: Iterable[Dag]) -> None:
        self.dags = {dag.id: dag for dag in dags}
        known = self.dags.values()
        self._all = frozenset(self.dags)
        self._ids = Names((id_, id_) for id_ in self.dags)
        self._paths = Names((dag.path, dag.id) for dag in known if dag.path is not None)
        self._tags = _index((tag, dag.id) for dag in known for tag in dag.tags)
        self._owners = _index((owner, dag.id) for dag in known for owner in dag.owners)
        self._bundles = _index((dag.bundle, dag.id) for dag in known if dag.bundle is not None)
        self._anywhere = {
            "path": frozenset(dag.id for dag in known if dag.path is None),
            "bundle": frozenset(dag.id for dag in known if dag.bundle is None),
        }

    def __contains__(self, dag_id: str) -> bool:
        return dag_id in self.dags

    def matching(self, selector: DagSelector) -> Ids:
        """Give the ids of the DAGs that a selector is for."""
        found = self._fitting(selector)
        for left_out in selector.but:
            found -= self._fitting(left_out, in_doubt=True)
        return found

    def doubtful(self, selector: DagSelector) -> Ids:
        """Give the DAGs that a selector may be for or not, because the server does not say where they are."""
        if not any(part.bundles or part.paths for part in (selector, *selector.but)):
            return Ids()
        possible = self._fitting(selector, in_doubt=True)
        for left_out in selector.but:
            possible -= self._fitting(left_out)
        return possible - self.matching(selector)

    def _fitting(self, selector: DagSelector, *, in_doubt: bool = False) -> Ids:
        kinds = sorted(self._of_kinds(selector, in_doubt=in_doubt), key=len)
        return kinds[0].intersection(*kinds[1:]) if kinds else self._all

    def _of_kinds(self, selector: DagSelector, *, in_doubt: bool) -> Iterator[Ids]:
        """Give, for each kind of word that a selector names, what fits it."""
        none = Ids()
        if selector.ids:
            yield none.union(*map(self._ids.matching, selector.ids))
        if selector.tags:
            yield none.union(*(self._tags.get(tag, none) for tag in selector.tags))
        if selector.owners:
            yield none.union(*(self._owners.get(owner, none) for owner in selector.owners))
        yield from (self._tags.get(tag, none) for tag in selector.all_tags)
        yield from (self._owners.get(owner, none) for owner in selector.all_owners)
        if selector.bundles:
            doubtful = self._anywhere["bundle"] if in_doubt else none
            yield doubtful.union(*(self._bundles.get(bundle, none) for bundle in selector.bundles))
        if selector.paths:
            yield (self._anywhere["path"] if in_doubt else none).union(*map(self._paths.matching, selector.paths))


def _index(words: Iterable[tuple[str, str]]) -> Mapping[str, Ids]:
    found: dict[str, set[str]] = defaultdict(set)
    for word, id_ in words:
        found[nfc(word)].add(id_)
    return {word: frozenset(ids) for word, ids in found.items()}
