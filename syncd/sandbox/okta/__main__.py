"""Serves an Okta until it is interrupted, whose groups are in a file: who is taken out of it leaves the group.

`python -m syncd.sandbox.okta --groups groups.toml --token TOKEN --port 8090`, with lines such as
`analysts = ["anna@example.com", "bob@example.com"]` in the file. Who is in no group stays a person of Okta.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import time
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from syncd.sandbox.okta.org import Org
from syncd.sandbox.okta.standin import OktaStandIn

LOOK_EVERY_S: Final = 0.5


class GroupsFile:
    """A file of groups, and an org that is made to be as it says."""

    def __init__(self, path: Path, org: Org) -> None:
        self._path = path
        self._org = org
        if not org.everyone:
            org.add_everyone()  # every Okta has that group, whatever the file says
        self._ids: dict[str, str] = {}
        self._groups: dict[str, str] = {}

    def read(self) -> Mapping[str, list[str]]:
        """Read who is in which group.

        Raises:
            OSError, ValueError: the file is not there, or is no such file.
        """
        found = tomllib.loads(self._path.read_text(encoding="utf-8"))
        for group, logins in found.items():
            if not isinstance(logins, list) or not all(isinstance(login, str) for login in logins):
                raise ValueError(f'{self._path}: write {group} = ["anna@example.com"]')
        return found

    def apply(self, wanted: Mapping[str, list[str]]) -> None:
        """Let people come, join and leave; a group that is not in the file any more goes."""
        for group in self._groups.keys() - wanted.keys():
            self._org.delete_group(self._groups.pop(group))
        for group, logins in wanted.items():
            members = {self._person(login) for login in logins}
            if group not in self._groups:
                self._groups[group] = self._org.add_group(group)
            team = self._groups[group]
            here = self._org.teams[team].members
            if here - members:
                self._org.leave(team, *(here - members))
            if members - here:
                self._org.join(team, *(members - here))

    def _person(self, login: str) -> str:
        if login not in self._ids:
            self._ids[login] = self._org.add_user(login)
        return self._ids[login]


def follow(groups: GroupsFile) -> None:
    """Do what the file says whenever it says something else; one that is half written is read again."""
    before = None
    while True:
        try:
            wanted = groups.read()
        except (OSError, ValueError) as error:
            wanted = None
            sys.stderr.write(f"{error}\n")
        if wanted is not None and wanted != before:
            groups.apply(wanted)
            before = wanted
        time.sleep(LOOK_EVERY_S)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m syncd.sandbox.okta", description=__doc__)
    parser.add_argument("--groups", type=Path, required=True, help="a TOML file: each group and who is in it")
    parser.add_argument("--token", required=True, help="the API token that it takes")
    parser.add_argument("--port", type=int, default=0)
    given = parser.parse_args()
    okta = OktaStandIn()
    okta.ssws.add(given.token)
    groups = GroupsFile(given.groups, okta.org)
    groups.apply(groups.read())
    with okta.serve(port=given.port) as url, contextlib.suppress(KeyboardInterrupt):
        sys.stdout.write(f"{url}\n")
        sys.stdout.flush()
        follow(groups)


if __name__ == "__main__":
    main()
