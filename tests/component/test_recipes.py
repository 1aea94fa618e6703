"""The page of recipes does what it says: every mapping on it is synced to two stand-ins, and gives just what stands below it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from syncd.cli import run
from syncd.model import key
from syncd.sandbox.airflow import DagFile, StandIn, serve

PAGE = (Path(__file__).parents[2] / "docs" / "recipes.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## ([^\n]+)\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))
INTRODUCTION = PAGE.partition("\n## ")[0]
RELEASES = {"dev": "3.3.2", "prod": "2.11.2"}


def yaml_of(section: str) -> str:
    (found,) = re.findall(r"```yaml\n(.*?)```", section, re.DOTALL)
    return str(found)


def rows_of(section: str) -> list[list[str]]:
    """Give the cells of a table without its head."""
    return [
        [c.strip() for c in line.strip("|").split("|")] for line in re.findall(r"^\|.*\|$", section, re.MULTILINE)[2:]
    ]


def words(cell: str) -> list[str]:
    return [word for word in cell.split(", ") if word]


DAGS = [DagFile(id_, tuple(words(tags)), (owner,)) for id_, tags, owner in rows_of(INTRODUCTION)]


@dataclass
class Site:
    """Two servers, the directory of the page, and a person who types commands."""

    folder: Path
    servers: dict[str, StandIn]

    def types(self, *arguments: str) -> int:
        return run(["--config", str(self.folder / "config.toml"), "--quiet", *arguments])


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("PASSWORD", "admin")
    servers = {name: StandIn(release, dags=DAGS) for name, release in RELEASES.items()}
    with serve(servers["dev"]) as dev, serve(servers["prod"]) as prod:
        text = '[sources.people]\ntype = "file"\ndirectory = "people"\n[defaults]\nmode = "enforce"\n'
        for name, url, kind in (("dev", dev, "token"), ("prod", prod, "basic")):
            auth = f'{{ kind = "{kind}", username = "admin", password = {{ env = "PASSWORD" }} }}'
            text += f'[deployments.{name}]\nurl = "{url}"\nlabels = {{ env = "{name}" }}\nauth = {auth}\n'
        for file, content in {"config.toml": text, "people/people.yaml": yaml_of(INTRODUCTION)}.items():
            (tmp_path / file).parent.mkdir(exist_ok=True)
            (tmp_path / file).write_text(content, encoding="utf-8")
        yield Site(tmp_path, servers)


def of_level(level: str, dag: str, release: str) -> set[str]:
    """Give what a level is on one DAG, as the documentation of levels has it."""
    return {
        f"can_read on DAG:{dag}",
        *((f"can_edit on DAG:{dag}", f"can_create on DAG Run:{dag}") if level != "view" else ()),
        *((f"can_edit on DAG Run:{dag}",) if level == "edit" and release == "2.11.2" else ()),
    }


def held(server: StandIn) -> dict[str, set[str]]:
    return {name: set(account.roles) for name, account in server.state.users.items() if name != "admin"}


def see_what_it_is(server: StandIn, role: str, said: str, written: set[str]) -> None:
    """Compare what a role holds on DAGs with the last cell of its row."""
    has = {str(permission) for permission in server.state.roles[role]}
    level, _, dags = said.partition(" on ")
    if said == "just these permissions":
        assert written == has
    elif said:
        assert {p for p in has if ":" in p} == set().union(
            *(of_level(level, dag, server.abilities.version) for dag in words(dags))
        )
        assert written <= has


def test_the_page_has_the_ten_recipes() -> None:
    assert 10 == len(SECTIONS)


@pytest.mark.parametrize("recipe", SECTIONS)
def test_a_recipe_gives_what_it_says(recipe: str, site: Site) -> None:
    section = SECTIONS[recipe]
    mapping = yaml_of(section)
    (site.folder / "mappings").mkdir()
    (site.folder / "mappings" / "access.yaml").write_text(mapping, encoding="utf-8")
    roles = YAML(typ="safe").load(mapping).get("roles", {})

    assert 0 == site.types("check", "--strict")
    assert 0 == site.types("apply", "--yes")
    assert 0 == site.types("plan", "--check")

    rows = [(words(where), words(who), words(roles), said) for where, who, roles, said in rows_of(section)]
    for name, server in site.servers.items():
        wanted = {key(person): set(given) for where, who, given, _ in rows if name in where for person in who}
        assert wanted == held(server)
        for where, _, given, said in rows:
            if name in where:
                for role in set(given) & roles.keys():
                    see_what_it_is(server, role, said, set(roles[role].get("permissions", ())))
