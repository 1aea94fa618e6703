"""A folder with a configuration, people and mapping files, and the command line run on it as a person would."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from sites import Site, write

from syncd.cli import run


@dataclass
class Ran:
    """How a command ended, and what it said on both streams."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)


@dataclass
class Fleet:
    """One mapping for some sites. Every site has the label `env: test`."""

    folder: Path
    sites: Mapping[str, Site]
    monkeypatch: pytest.MonkeyPatch
    username: str = "okta_{id}"
    extra: str = ""
    """More lines for each deployment's table."""
    limits: str = "removals = 1000\nshare = 1.0"
    people: dict[str, dict[str, str]] = field(default_factory=dict)
    groups: dict[str, list[str]] = field(default_factory=dict)

    def write(self, *, mapping: str) -> None:
        """Write everything; called again, it is an edit."""
        write(self.folder, "config.toml", self._config())
        write(self.folder, "mappings/all.yaml", mapping)
        self.write_people()

    def write_people(self) -> None:
        people = [{"login": login, **more} for login, more in self.people.items()]
        groups = [{"name": name, "members": members} for name, members in self.groups.items()]
        write(self.folder, "people/all.json", json.dumps({"people": people, "groups": groups}))

    def _config(self) -> str:
        tables = [self._deployment(name, site) for name, site in self.sites.items()]
        source = '[sources.people]\ntype = "file"\ndirectory = "people"\n'
        return "\n".join([f"[limits]\n{self.limits}\n", source, *tables])

    def _deployment(self, name: str, site: Site) -> str:
        kinds = sorted({site.accepts(area) for area in ("roles", "users", "dags")})
        auth = ", ".join(
            f'{{kind = "{kind}", username = "admin", password = {{env = "SYNCD_TEST_PASSWORD"}}}}' for kind in kinds
        )
        return (
            f'[deployments.{name}]\nurl = "{site.url}"\nmode = "enforce"\nusername = "{self.username}"\n'
            f'labels = {{env = "test"}}\nauth = [{auth}]\n{self.extra}\n'
        )

    def run(self, *arguments: str) -> Ran:
        """Run `syncd` with these arguments."""
        self.monkeypatch.setenv("SYNCD_TEST_PASSWORD", "admin")
        config = str(self.folder / "config.toml")
        with redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()) as err:
            code = run(["--quiet", "--config", config, *arguments])
        return Ran(code, out.getvalue(), err.getvalue())

    def apply(self, *arguments: str, expect: int = 0) -> Ran:
        ran = self.run("apply", *arguments)
        assert expect == ran.code, ran.out + ran.err
        return ran

    def check(self, *, expect: int) -> Ran:
        ran = self.run("plan", "--check")
        assert expect == ran.code, ran.out + ran.err
        return ran

    def add_person(self, login: str, *groups: str) -> str:
        """Add somebody to the directory; gives the name of the account that they will have."""
        number = f"00u{login}"
        self.people[login] = {
            "id": number,
            "email": f"{login}@example.com",
            "given_name": login.title(),
            "family_name": "Müller-Ångström",
        }
        self.move(login, *groups)
        return self.username.format(id=number, login=login, email=f"{login}@example.com")

    def move(self, login: str, *groups: str) -> None:
        for name, members in self.groups.items():
            self.groups[name] = [m for m in members if m != login]
        for name in groups:
            self.groups.setdefault(name, []).append(login)

    def remove_person(self, login: str) -> None:
        self.move(login)
        del self.people[login]


def lines(*of: Iterable[str]) -> str:
    """Join blocks of lines to a file."""
    return "\n".join(line for block in of for line in block) + "\n"
