"""Whom a binding is for."""

from __future__ import annotations

from syncd.model import AllOf, AnyOf, At, Everyone, GroupRef, Rule, Without, givers, leaves

A, B, C = (GroupRef("okta", name=name) for name in "abc")
TREE = Without(AnyOf((A, AllOf((B, Everyone("entra"))))), (C,))


def test_it_reads_as_it_is_said() -> None:
    assert "(okta:a or (okta:b and everyone in entra)) but not okta:c" == str(TREE)


def test_what_takes_out_is_asked_of_sources_and_gives_nothing() -> None:
    assert [A, B, Everyone("entra"), C] == list(leaves(TREE))
    assert [A, B, Everyone("entra")] == list(givers(TREE))
    rule = Rule(TREE, ("Viewer",), (), At("m.yaml", 1))
    assert [A, B, Everyone("entra"), C] == list(rule.groups)
    assert {"okta", "entra"} == rule.sources
