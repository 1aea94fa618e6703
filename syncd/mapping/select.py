"""Which deployments a rule is for, by their labels; for which DAGs a role is, says `inventory`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace

from syncd.mapping.diagnostics import some
from syncd.model import Deployment, LabelTest, Note, Rule, Rules
from syncd.model.labels import NAME
from syncd.model.patterns import variables
from syncd.text.strict import Strict

_Near = Callable[[str, Collection[str]], str]
"""Gives the known word that was meant, or nothing; looks at so many words in all."""


def chooses(rule: Rule, deployment: Deployment) -> bool:
    """Say whether a rule is for a deployment. The label `name` is the deployment's own name."""
    return is_chosen(deployment, rule.deployments)


def is_chosen(deployment: Deployment, tests: Iterable[LabelTest]) -> bool:
    """Say whether a deployment passes all of these tests of labels."""
    return _meets(tests, {**deployment.labels, NAME: deployment.name})


def chosen(bindings: Iterable[Rule], deployment: Deployment) -> list[Rule]:
    """Give those that are for a deployment."""
    labels = {**deployment.labels, NAME: deployment.name}
    return [rule for rule in bindings if _meets(rule.deployments, labels)]


def _meets(tests: Iterable[LabelTest], labels: Mapping[str, str]) -> bool:
    for test in tests:  # noqa: SIM110 - a thousand rules are asked for each deployment: a generator doubles it
        if not test.accepts(labels.get(test.label)):
            return False
    return True


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
        for rule in map(_written_out, rules.bindings)
        for code, text in _idle(rule, fleet, known, near=near)
    )


def _written_out(rule: Rule) -> Rule:
    """Leave out what a binding asks of labels by what its pattern captures."""
    if rule.pattern is None:
        return rule
    return replace(rule, deployments=tuple(t for t in rule.deployments if not any(map(variables, t.words))))


def _idle(
    rule: Rule, fleet: Iterable[Mapping[str, str]], known: Mapping[str, AbstractSet[str]], *, near: _Near
) -> Iterator[tuple[str, str]]:
    """Give what is wrong with the labels of one binding, and what to write."""
    wrong = [text for test in rule.deployments for text in _nowhere(test, known, near=near)]
    if not any(_meets(rule.deployments, labels) for labels in fleet):
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
