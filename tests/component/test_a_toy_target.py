"""What a new kind of target takes: a package beside the others and its place in the table of kinds, in a copy of syncd.

The toy is `tests/sheet`; docs/adding-a-target.md shows it.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import sheet
from syncd_copy import blocks_of, copy_with, text_of, types

TOY = Path(sheet.__file__).parent
CONFIG = """
[sources.people]
type = "file"
directory = "people"
[defaults]
mode = "enforce"
[deployments.sheet]
type = "sheet"
file = "sheet.json"
leavers = "delete"
"""
MAPPING = """
roles:
  sales: { dags: [{ level: trigger, id: "sales_*" }], permissions: [change on stock] }
bindings:
  - { group: people:crew, roles: [sales, keeper], deployments: all, privileged: true }
"""
BEFORE = {
    "dags": [["sales_eu"], ["sales_us"], ["hr"]],
    "roles": [["keeper"], ["hr", "see on dag hr"]],
    "users": [["Otto", "otto@example.com", "Otto", "Other", "hr", "keeper"]],
}
SALES = [
    "change on stock",
    *(f"{action} on dag sales_{where}" for action in ("see", "start") for where in ("eu", "us")),
]


class Copy:
    """A copy of syncd that has the toy, with its files and a sheet that somebody else wrote on before."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        copy_with(TOY, "targets", folder)
        self.write("config.toml", CONFIG)
        self.write("mappings/access.yaml", MAPPING)
        self.write("sheet.json", json.dumps(BEFORE))
        self.members("anna", "bob")

    def write(self, name: str, text: str) -> None:
        (self.folder / name).parent.mkdir(exist_ok=True)
        (self.folder / name).write_text(text, encoding="utf-8")

    def members(self, *logins: str) -> None:
        people = [{"login": login, "email": f"{login}@example.com"} for login in ("anna", "bob")]
        groups = [{"name": "crew", "members": logins}]
        self.write("people/people.yaml", json.dumps({"people": people, "groups": groups}))

    def types(self, *words: str) -> tuple[int, str]:
        return types(self.folder, *words)

    def rows(self, of: str) -> dict[str, list[str]]:
        rows: dict[str, Any] = json.loads((self.folder / "sheet.json").read_text(encoding="utf-8"))
        return {name: sorted(rest) for name, *rest in rows[of]}

    def holds(self, login: str) -> set[str]:
        """Give the roles of an account; nothing where there is none."""
        return self.rows("roles").keys() & set(self.rows("users").get(login, ()))


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    return Copy(tmp_path)


def test_a_target_of_a_new_kind_is_planned_applied_and_converges(copy: Copy) -> None:
    assert 0 == copy.types("check")[0]
    code, said = copy.types("doctor")
    assert f"file://{copy.folder}/sheet.json" in said, said

    code, said = copy.types("plan", "--check")
    assert 2 == code, said
    assert BEFORE == json.loads((copy.folder / "sheet.json").read_text(encoding="utf-8")), "planning writes nothing"

    code, said = copy.types("apply")
    assert 0 == code, said
    assert ({"sales", "keeper"}, {"sales", "keeper"}) == (copy.holds("anna"), copy.holds("bob"))
    assert sorted(SALES) == copy.rows("roles")["sales"]
    assert {"hr", "keeper"} == copy.holds("Otto")

    code, said = copy.types("plan", "--check")
    assert 0 == code, said

    code, said = copy.types("status")
    assert "the sheet sheet.json" in said, said


def test_who_leaves_loses_what_was_given_nothing_that_is_not_ours_goes_and_too_much_is_held(copy: Copy) -> None:
    assert 0 == copy.types("apply")[0]

    copy.members("anna")
    code, said = copy.types("apply")
    assert 0 == code, said
    assert "bob" not in copy.rows("users")
    assert ({"sales", "keeper"}, {"hr", "keeper"}) == (copy.holds("anna"), copy.holds("Otto"))

    copy.write("mappings/access.yaml", "bindings: []\n")
    code, said = copy.types("apply")
    assert 4 == code, said
    held = re.search(r"approve \w+ (\w+)", said)
    assert held
    code, said = copy.types("apply", "--approve", held[1])
    assert 0 == code, said
    assert {"keeper", "hr"} == copy.rows("roles").keys()
    assert ["Otto"] == list(copy.rows("users"))
    assert 0 == copy.types("plan", "--check")[0]


def test_names_and_keys_are_those_of_the_kind(copy: Copy) -> None:
    copy.write("mappings/more.yaml", "roles: {keeper: {permissions: [can_read on stock]}}\n")
    code, said = copy.types("check")
    assert 3 == code
    assert 'mappings/more.yaml:1:9: "keeper" keeps the sheet; choose another name' in said
    assert 'unknown action "can_read"; there are see, start, change' in said

    copy.write("config.toml", CONFIG.replace("file =", "flie ="))
    code, said = copy.types("check")
    assert 3 == code
    assert 'config.toml:9:1: unknown key "flie" in deployments.sheet; did you mean "file"?' in said


def test_airflow_is_there_beside_it_and_what_one_of_them_cannot_take_is_a_mistake(copy: Copy) -> None:
    default = 'mode = "enforce"\nauth = { kind = "bearer", token = { env = "TOKEN" } }\n'
    airflow = '[deployments.prod]\nurl = "https://prod.example.com"\n'
    copy.write("config.toml", CONFIG.replace('mode = "enforce"\n', default) + airflow)
    code, said = copy.types("check")
    assert 3 == code
    assert 'unknown action "change"; there are can_create, can_delete, can_edit, can_read, menu_access' in said

    copy.write(
        "mappings/access.yaml",
        "bindings: [{group: 'people:crew', roles: [keeper], deployments: {name: sheet}, privileged: true}]\n",
    )
    assert 0 == copy.types("check")[0]
    code, said = copy.types("apply", "--deployment", "sheet")
    assert 0 == code, said
    assert {"keeper"} == copy.holds("anna")


def test_the_page_shows_the_toy_as_it_is() -> None:
    blocks, toy = blocks_of("adding-a-target.md"), text_of(TOY)

    assert 4 == len(blocks)
    for block in blocks:
        assert block in toy
