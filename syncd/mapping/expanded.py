"""What the rules say of one deployment, as if each line of a pattern was written by hand."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from syncd.directory.expand import Expanded, expand
from syncd.mapping.select import chooses
from syncd.model import Dag, Deployment, Directory, Rules


def expanded(rules: Rules, directory: Directory, deployment: Deployment, *, dags: Iterable[Dag] | None) -> Expanded:
    """Put in place of every line with a pattern or `each` those that it stands for there; `dags` as `expand` takes them.

    What other deployments' lines with `each` would say of the DAGs of this one is left out.
    """
    bindings = tuple(r for r in rules.bindings if r.each is None or r.pattern or chooses(r, deployment))
    return expand(rules if bindings == rules.bindings else replace(rules, bindings=bindings), directory, dags=dags)
