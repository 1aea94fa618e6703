"""What a rule is for: deployments by label, DAGs by id, tag and owner."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from fnmatch import translate

from syncd.mapping.diagnostics import some
from syncd.model import Dag, DagSelector, Deployment, LabelTest, Note, Rule, Rules, nfc
from syncd.model.labels import NAME
from syncd.text.strict import Strict

LONGEST_GLOB = 1000

_Near = Callable[[str, Collection[str]], str]
"""Gives the known word that was meant, or nothing; looks at so many words in all."""


def chooses(rule: Rule, deployment: Deployment) -> bool:
    """Say whether a rule is for a deployment. The label `name` is the deployment's own name."""
    return _meets(rule, {**deployment.labels, NAME: deployment.name})


def _meets(rule: Rule, labels: Mapping[str, str]) -> bool:
    return all(test.accepts(labels.get(test.label)) for test in rule.deployments)


def idle_bindings(rules: Rules, deployments: Iterable[Deployment]) -> tuple[Note, ...]:
    """Find the bindings of which a label, or a value of it, is on none of these deployments: most often it is mistyped.

    A value that is refused counts too: `{env: {not: prd}}` is for production.
    """
    fleet = [{**deployment.labels, NAME: deployment.name} for deployment in deployments]
    near = Strict().near
    known: dict[str, set[str]] = {}
    for labels in fleet:
        for label, value in labels.items():
            known.setdefault(label, set()).add(value)
    return tuple(
        Note(code, f"{rule.at}: {text}")
        for rule in rules.bindings
        for code, text in _idle(rule, fleet, known, near=near)
    )


def _idle(
    rule: Rule, fleet: Iterable[Mapping[str, str]], known: Mapping[str, AbstractSet[str]], *, near: _Near
) -> Iterator[tuple[str, str]]:
    """Give what is wrong with the labels of one binding, and what to write."""
    wrong = [text for test in rule.deployments for text in _nowhere(test, known, near=near)]
    if not any(_meets(rule, labels) for labels in fleet):
        why = "; ".join(wrong) or "no deployment has all the labels of this binding; correct the labels"
        yield "binding_reaches_nothing", f"this binding gives nobody anything: {why}"
    elif wrong:
        yield "label_reaches_nothing", "; ".join(wrong)


def _nowhere(test: LabelTest, known: Mapping[str, AbstractSet[str]], *, near: _Near) -> Iterator[str]:
    label = test.label
    if label not in known:
        yield f'no deployment has the label "{label}"{near(label, known) or _there_are(known)}'
        return
    for value in sorted(test.words - known[label]):
        hint = near(value, known[label]) or _there_are(known[label])
        yield f'no deployment has the label {label} with "{value}"{hint}'


def _there_are(words: Iterable[str]) -> str:
    return f"; there are {some(words, most=5)}"


def glob_problem(glob: str) -> str:
    """Say what is wrong with a glob and what to write; empty: nothing."""
    if len(glob) > LONGEST_GLOB:
        return f"a glob has {LONGEST_GLOB:,} characters at most and this one has {len(glob):,}; write several"
    rest = glob
    while "[" in rest:
        inside = re.match(r"\[!?+(\]?+[^]]*)\]", rest[rest.index("[") :])
        if not inside:
            return (
                f'the "[" in "{glob}" is never closed; write "]" after the characters, or "[[]" for the bracket itself'
            )
        for low, high in re.findall(r"(.)-(.)", inside[1]):
            if low > high:
                return f'the range {low}-{high} in "{glob}" is empty; write it from the lower to the higher character'
        rest = rest[rest.index("[") + len(inside[0]) :]
    return ""


def is_literal(glob: str) -> bool:
    """Say whether a glob is the id of one DAG, with no wildcard in it."""
    return not re.search(r"[*?\[]", glob)


class Inventory:
    """The DAGs of one deployment, indexed so that no selector has to look at each of them."""

    def __init__(self, dags: Iterable[Dag]) -> None:
        self.dags = {dag.id: dag for dag in dags}
        self._ids = sorted((nfc(id_), id_) for id_ in self.dags)
        self._globs: dict[str, frozenset[str]] = {}

    def __contains__(self, dag_id: str) -> bool:
        return dag_id in self.dags

    def matching(self, selector: DagSelector) -> frozenset[str]:
        """Give the ids of the DAGs that a selector is for."""
        tags, owners = set(selector.tags), set(selector.owners)
        ids = frozenset[str]().union(*(self._glob(g) for g in selector.ids)) if selector.ids else self._glob("*")
        if not tags and not owners:
            return ids
        dags = (self.dags[i] for i in ids)
        return frozenset(d.id for d in dags if _has(d.tags, tags) and _has(d.owners, owners))

    def _glob(self, glob: str) -> frozenset[str]:
        if glob not in self._globs:
            is_match = re.compile(translate(glob)).match
            self._globs[glob] = frozenset(
                id_ for name, id_ in self._beginning(re.split(r"[*?\[]", glob, maxsplit=1)[0]) if is_match(name)
            )
        return self._globs[glob]

    def _beginning(self, start: str) -> Iterator[tuple[str, str]]:
        for n in range(bisect_left(self._ids, (start, "")), len(self._ids)):
            if not self._ids[n][0].startswith(start):
                return
            yield self._ids[n]


def _has(found: Iterable[str], wanted: AbstractSet[str]) -> bool:
    """Say whether one of the wanted words is there, in whichever form; any will do where none is wanted."""
    return not wanted or not wanted.isdisjoint(map(nfc, found))
