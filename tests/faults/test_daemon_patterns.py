"""A pattern through a daemon: groups that Okta makes, renames and deletes while it runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from daemon_rig import Rig, rig

from syncd.sandbox.airflow import DagFile

PATTERN = """
roles:
  "{team}-{level}": {dags: [{level: "{level}", tag: "{team}"}]}
bindings:
  - group: "okta:af-{team}-{level}"
    roles: ["{team}-{level}"]
    deployments: all
"""
EACH = """
roles:
  "{tag}-viewer": {dags: [{level: view, tag: "{tag}"}]}
bindings:
  - {group: okta:team, each: tag, unless: [example*], roles: ["{tag}-viewer"], deployments: all}
"""
UNLESS = f"{PATTERN}    unless: [af-money-*, af-finance-*]\n"


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    with rig(tmp_path, monkeypatch, extra="[run]\nfull_read_every = '0s'") as made:
        made.limits = "floor = 5, share = 1.0"
        made.write_config()
        yield made


def add_group(lab: Rig, name: str, *logins: str) -> str:
    return lab.okta.org.add_group(name, [lab.ids[login] for login in logins])


def holds(lab: Rig, role: str, *logins: str) -> bool:
    """Say whether just these hold a role, on every server."""
    wanted = {f"{login}@okta.example" for login in logins}
    return all(wanted == server.holders(role) for server in lab.all)


def test_roles_come_and_go_with_the_groups_of_a_pattern(lab: Rig) -> None:
    lab.write("mappings/all.yaml", PATTERN)
    finance = add_group(lab, "af-finance-view", "anna", "bert")
    lab.start()
    lab.until("those in the group have its role", lambda: holds(lab, "finance-view", "anna", "bert"))

    add_group(lab, "af-risk-trigger", "cleo")
    lab.until("a group that is made brings a role", lambda: holds(lab, "risk-trigger", "cleo"))

    lab.okta.org.rename_group(finance, "af-money-view")
    lab.until("people go on under the new name", lambda: holds(lab, "money-view", "anna", "bert"))
    lab.until("the old role is gone", lambda: all("finance-view" not in server.state.roles for server in lab.all))

    lab.okta.org.delete_group(finance)
    lab.until("it is told", lambda: all(lab.alarmed("frozen", name) for name in lab.servers))
    lab.watch(1.5, "nobody loses it", lambda: holds(lab, "money-view", "anna", "bert"))

    lab.write("mappings/all.yaml", UNLESS)
    lab.until("a line takes it", lambda: holds(lab, "money-view"))
    lab.until("it is over", lambda: not lab.alarmed("frozen"))
    assert holds(lab, "risk-trigger", "cleo")


def test_a_group_whose_name_is_no_good_stops_nobody(lab: Rig) -> None:
    lab.write("mappings/all.yaml", PATTERN)
    add_group(lab, "af-risk-trigger", "cleo")
    lab.start()
    lab.until("those in the group have its role", lambda: holds(lab, "risk-trigger", "cleo"))
    add_group(lab, "af-risk-admin", "anna")
    add_group(lab, "af-[x]*-view", "anna")
    more = add_group(lab, "af-more-view", "bert")
    lab.until("others are served", lambda: holds(lab, "more-view", "bert"))
    lab.okta.org.leave(more, lab.ids["bert"])
    lab.until("others are served", lambda: holds(lab, "more-view"))
    assert all(
        {"Op"} >= s.state.users["anna@okta.example"].roles for s in lab.all if "anna@okta.example" in s.state.users
    )


def test_roles_come_with_the_tags_of_dags_and_people_have_all_of_them(lab: Rig) -> None:
    lab.write("mappings/all.yaml", EACH)
    for server in lab.all:
        server.state.parse(DagFile("first", tags=("first",)))
    lab.start()
    lab.until("there is a role for a tag", lambda: holds(lab, "first-viewer", "anna", "bert", "cleo"))

    for server in lab.all:
        server.state.parse(DagFile("more", tags=("more",)))
    lab.until("a tag that is new brings a role", lambda: holds(lab, "more-viewer", "anna", "bert", "cleo"))

    lab.join("dora")
    lab.leave("anna")
    now = ("bert", "cleo", "dora")
    lab.until("both follow the group", lambda: all(holds(lab, f"{tag}-viewer", *now) for tag in ("first", "more")))

    for server in lab.all:
        server.state.remove_dag("more")
    lab.leave("bert")
    lab.until("who leaves loses it", lambda: holds(lab, "more-viewer", "cleo", "dora"))
    lab.watch(1.5, "nobody else does", lambda: holds(lab, "more-viewer", "cleo", "dora"))
    lab.until("it is told", lambda: holds(lab, "first-viewer", "cleo", "dora"))
