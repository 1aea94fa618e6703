"""Limits over several deployments, from the file to the areas that a pass asks."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_config_load import AUTH, SOURCE, loaded

from syncd.errors import ConfigInvalid
from syncd.plan.limits import AreaLimits, LimitArea, Limits


def site(name: str, env: str) -> str:
    return f'[deployments.{name}]\nurl = "https://{name}.example.com"\nlabels = {{env = "{env}"}}\n{AUTH}'


SITES = SOURCE + site("a", "prod") + site("b", "prod") + site("c", "dev")


def test_without_the_tables_there_are_none(tmp_path: Path) -> None:
    assert () == loaded(tmp_path, SITES).areas


def test_the_fleet_and_labels_have_limits_beside_those_of_each_deployment(tmp_path: Path) -> None:
    text = '[limits]\nremovals = 7\n[limits.fleet]\nremovals = 9\n[[limits.label]]\nmatch = {env = "prod"}\ngain_share = 0.5\n'
    found = loaded(tmp_path, text + SITES)
    fleet = LimitArea("the fleet", AreaLimits(removals=9), frozenset("abc"))
    assert (fleet, LimitArea("env=prod", AreaLimits(gain_share=0.5), frozenset("ab"))) == found.areas
    assert {Limits(removals=7)} == {each.limits for each in found.deployments}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[[limits.label]]\nmatch = {}\n", "config.toml:2:1: limits.label[1].match is empty: write at least one"),
        (
            "[limits.fleet]\nremoval = 9\n",
            'config.toml:2:1: unknown key "removal" in limits.fleet; did you mean "removals"?',
        ),
        ("[limits.fleet]\nshare = 2\n", "config.toml:2:9: limits.fleet.share"),
        ("[[limits.label]]\nshare = 0.5\n", "config.toml:1:10: limits.label[1] has no match"),
    ],
)
def test_a_mistake_is_told_with_its_place(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(ConfigInvalid) as found:
        loaded(tmp_path, text + SITES)
    assert problem in str(found.value)


def test_a_deployment_has_no_limits_of_the_fleet(tmp_path: Path) -> None:
    with pytest.raises(ConfigInvalid):
        loaded(tmp_path, SITES + "[deployments.c.limits.fleet]\nremovals = 9\n")
