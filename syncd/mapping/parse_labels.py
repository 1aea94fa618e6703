"""The deployments of a binding: `all`, or what their labels have to be."""

from __future__ import annotations

from collections.abc import Iterator

from syncd.mapping.keys import LABEL_TEST
from syncd.mapping.reading import words
from syncd.model import LabelTest
from syncd.text.document import TEXT, Items, Node, Scalar, Table
from syncd.text.strict import Strict, listed_text


def read_deployments(strict: Strict, node: Node) -> tuple[LabelTest, ...] | None:
    """Read which deployments are meant; empty: all of them; None: that cannot be told."""
    if isinstance(node, Scalar) and node.text == "all":
        return ()
    if not isinstance(node, Table) or not node.entries:
        by_name = _by_name(node)
        strict.wrong(node.at, f"`deployments` must be `all`, or labels with values, as in {{env: prod}}{by_name}")
        return None
    return tuple(_tests(strict, node))


def _tests(strict: Strict, labels: Table) -> Iterator[LabelTest]:
    for label, node in labels.entries:
        strict.visible(label.at, label.text, "a label")
        what = f'the label "{label.text}"'
        if isinstance(node, Table):
            yield _test(strict, label.text, node, what=what)
        else:
            yield LabelTest(label.text, _values(strict, node, what))


def _test(strict: Strict, label: str, node: Table, *, what: str) -> LabelTest:
    found = strict.record(node, what, known=LABEL_TEST.known)
    if not node.entries:
        strict.wrong(node.at, f"{what} has an empty table; write a value, or one of `in`, `not` and `exists`")
    among = _values(strict, found["in"], f"`in` of {what}") if "in" in found else None
    but = _values(strict, found["not"], f"`not` of {what}") if "not" in found else frozenset[str]()
    test = LabelTest(label, among, but, strict.flag(found.get("exists"), f"`exists` of {what}"))
    if test.is_vain and test.among != frozenset():
        strict.wrong(node.at, f"no deployment can be meant by what stands at {what}: it contradicts itself; correct it")
    return test


def _values(strict: Strict, node: Node, what: str) -> frozenset[str]:
    return frozenset(words(strict.texts(node, what, alone=True)))


def _by_name(node: Node) -> str:
    """Say how to write deployments that stand there by their names."""
    if isinstance(node, Scalar) and node.kind == TEXT and node.text.casefold() != "all":
        return f"; deployments by their names are {{name: {listed_text(node.text)}}}"
    if isinstance(node, Items) and node.items and all(isinstance(n, Scalar) and n.kind == TEXT for n in node.items):
        names = ", ".join(listed_text(n.text)[1:-1] for n in node.items if isinstance(n, Scalar))
        return f"; deployments by their names are {{name: [{names}]}}"
    return ""
