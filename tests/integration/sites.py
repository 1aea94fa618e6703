"""An Airflow that a story is told on: a real server or a stand-in, with a person's hands beside syncd's.

The hands work as an administrator does (in the UI where the API cannot), and act as any user, to see what that user is
really allowed to do.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

import requests

from syncd.model import Permission, key
from syncd.sandbox.airflow import Abilities, StandIn
from syncd.sandbox.airflow.state import DagFile
from syncd.sandbox.servers import RealAirflow, write_dags

PASSWORD = "a password that only this test knows"


class Site(Protocol):
    """What a story needs of a server besides its API."""

    @property
    def name(self) -> str: ...
    @property
    def url(self) -> str: ...
    @property
    def generation(self) -> int: ...
    def accepts(self, area: str) -> str:
        """Say which credential the area `roles`, `users` or `dags` wants: `basic` or `token`."""
        ...

    @property
    def dag_run_resources(self) -> bool:
        """Whether a parsed DAG x makes `DAG Run:x`."""
        ...

    @property
    def deletes_roles(self) -> bool:
        """Whether its API can delete a role."""
        ...

    def parse(self, *dags: DagFile) -> None:
        """Let the server parse DAG files."""
        ...

    def parse_again(self) -> None:
        """Let the server parse every DAG file again, unchanged."""
        ...

    def grant_by_hand(self, role: str, permission: Permission) -> None: ...

    def delete_role_by_hand(self, role: str) -> None: ...


class KeptSite(Site, Protocol):
    """A site whose DAG files can be taken away too."""

    def forget(self, dag: str) -> None:
        """Take a DAG's file away, and delete the DAG: what roles have on it stays."""
        ...


@dataclass
class RealSite:
    """A real server. What differs between releases is found by trying, and a person does by Airflow's own command line what
    the API of a release cannot.
    """

    server: RealAirflow
    found: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.server.version

    @property
    def url(self) -> str:
        return self.server.url

    @property
    def generation(self) -> int:
        return self.server.generation

    def accepts(self, area: str) -> str:
        if self.generation == 2:
            return "basic"
        if area not in self.found:
            self.found[area] = "token"  # what the hands try first
            look = Hands(self).call("GET", area, "dags" if area == "dags" else "")
            self.found[area] = "basic" if look.status_code in (401, 403) else "token"
        return self.found[area]

    @cached_property
    def dag_run_resources(self) -> bool:
        made = Hands(self).make_role("probe-run", ["can_read on DAG Run:fin_daily"])
        self.delete_role_by_hand("probe-run")
        return made.status_code == 200

    @cached_property
    def deletes_roles(self) -> bool:
        hands = Hands(self)
        hands.make_role("probe-delete", []).raise_for_status()
        gone = hands.call("DELETE", "roles", "probe-delete").status_code < 300
        self.delete_role_by_hand("probe-delete")
        return gone

    def parse(self, *dags: DagFile) -> None:
        for dag in dags:
            control = None if dag.access_control is None else {r: sorted(a) for r, a in dag.access_control.items()}
            write_dags(self.server.dags_folder, dag.id, tags=dag.tags, owners=dag.owners, access_control=control)
        self.server.reserialize()

    def parse_again(self) -> None:
        self.server.reserialize()

    def forget(self, dag: str) -> None:
        (self.server.dags_folder / f"{dag}.py").unlink()
        answer = Hands(self).call("DELETE", "dags", f"dags/{dag}")
        assert 204 == answer.status_code, answer.text

    def grant_by_hand(self, role: str, permission: Permission) -> None:
        hands = Hands(self)
        if hands.write_role(role, {*hands.role(role), str(permission)}).status_code == 403:
            self.server.run(["roles", "add-perms", role, "-a", permission.action, "-r", permission.resource])

    def delete_role_by_hand(self, role: str) -> None:
        if Hands(self).call("DELETE", "roles", role).status_code == 500:
            self.server.run(["roles", "delete", role])


@dataclass
class StandInSite:
    name: str
    server: StandIn
    url: str

    @property
    def abilities(self) -> Abilities:
        return self.server.abilities

    @property
    def generation(self) -> int:
        return self.abilities.generation

    @property
    def dag_run_resources(self) -> bool:
        return self.abilities.dag_run_resources

    @property
    def deletes_roles(self) -> bool:
        return self.abilities.delete != 500

    def accepts(self, area: str) -> str:
        by = {"users": self.abilities.users, "dags": self.abilities.dags}
        return "token" if "token" in by.get(area, self.abilities.roles) else "basic"

    def parse(self, *dags: DagFile) -> None:
        self.server.state.parse(*dags)

    def parse_again(self) -> None:
        self.server.state.parse()

    def forget(self, dag: str) -> None:
        del self.server.state.dags[dag]

    def grant_by_hand(self, role: str, permission: Permission) -> None:
        self.server.state.grant(role, permission)

    def delete_role_by_hand(self, role: str) -> None:
        self.server.state.delete_role(role)


@dataclass
class Hands:
    """A user of the API, the administrator unless somebody else is named."""

    site: Site
    username: str = "admin"
    password: str = "admin"
    http: requests.Session = field(default_factory=requests.Session)
    token: str = ""

    def call(self, method: str, area: str, path: str = "", **arguments: Any) -> requests.Response:
        """Call `roles/<path>`, `users/<path>`, or, in the area `dags`, the path as it is."""
        two = self.site.generation == 2
        base = "/api/v1" if two else "/api/v2" if area == "dags" else "/auth/fab/v1"
        tail = path if area == "dags" else f"{area}/{quote(path, safe='')}" if path else area
        if self.site.accepts(area) == "basic":
            arguments["auth"] = (self.username, self.password)
        else:
            arguments["headers"] = {"Authorization": f"Bearer {self.bearer()}"}
        return self.http.request(method, f"{self.site.url}{base}/{tail}", timeout=60, **arguments)

    def bearer(self) -> str:
        if not self.token:
            who = {"username": self.username, "password": self.password}
            answer = self.http.post(f"{self.site.url}/auth/token", json=who, timeout=60)
            assert 201 == answer.status_code, answer.text
            self.token = answer.json()["access_token"]
        return self.token

    # looking

    def user(self, username: str) -> dict[str, Any] | None:
        answer = self.call("GET", "users", username)
        return answer.json() if answer.status_code == 200 else None

    def roles_of(self, username: str) -> set[str]:
        user = self.user(username)
        assert user is not None, f"{username} has no account"
        return {role["name"] for role in user["roles"]}

    def role(self, name: str) -> set[str]:
        answer = self.call("GET", "roles", name)
        if answer.status_code == 404:
            return set()
        return {f"{a['action']['name']} on {a['resource']['name']}" for a in answer.json()["actions"]}

    def role_names(self) -> set[str]:
        return {role["name"] for role in self.call("GET", "roles", params={"limit": 100}).json()["roles"]}

    def access(self, username: str) -> set[str]:
        """Everything that all roles of a user add up to."""
        return {permission for role in self.roles_of(username) for permission in self.role(role)}

    def dag_access(self, username: str) -> set[str]:
        """The part of it that is about single DAGs."""
        return {p for p in self.access(username) if " on DAG:" in p or " on DAG Run:" in p}

    # writing

    def make_role(self, name: str, permissions: Iterable[str]) -> requests.Response:
        return self.call("POST", "roles", json=_role(name, permissions))

    def write_role(self, name: str, permissions: Iterable[str]) -> requests.Response:
        return self.call("PATCH", "roles", name, json=_role(name, permissions))

    def change_user(self, username: str, mask: str, **values: object) -> None:
        user = self.user(username)
        assert user is not None
        named = {n: user[n] for n in ("username", "email", "first_name", "last_name")}
        answer = self.call("PATCH", "users", username, params={"update_mask": mask}, json={**named, **values})
        assert 200 == answer.status_code, answer.text

    def set_roles(self, username: str, roles: Iterable[str]) -> None:
        self.change_user(username, "roles", roles=[{"name": name} for name in sorted(roles)])

    def act_as(self, username: str) -> Hands:
        """Give somebody a password that is known, and be them."""
        self.change_user(username, "password", password=PASSWORD)
        return Hands(self.site, username, PASSWORD)

    # what a person does with DAGs; each gives the status of the answer

    def listed(self) -> set[str] | int:
        answer = self.call("GET", "dags", "dags", params={"limit": 100})
        return {d["dag_id"] for d in answer.json()["dags"]} if answer.status_code == 200 else answer.status_code

    def see(self, dag: str) -> int:
        return self.call("GET", "dags", f"dags/{dag}").status_code

    def runs(self, dag: str) -> int:
        return self.call("GET", "dags", f"dags/{dag}/dagRuns").status_code

    def trigger(self, dag: str, run: str = "") -> int:
        body: dict[str, object] = {"dag_run_id": run} if run else {}
        if self.site.generation == 3:
            body["logical_date"] = None
        return self.call("POST", "dags", f"dags/{dag}/dagRuns", json=body).status_code

    def pause(self, dag: str) -> int:
        return self.call("PATCH", "dags", f"dags/{dag}", json={"is_paused": True}).status_code

    def clear(self, dag: str) -> int:
        body = {"dry_run": False, "only_failed": False, "reset_dag_runs": False}
        return self.call("POST", "dags", f"dags/{dag}/clearTaskInstances", json=body).status_code

    def mark(self, dag: str, run: str) -> int:
        return self.call("PATCH", "dags", f"dags/{dag}/dagRuns/{run}", json={"state": "success"}).status_code


def _role(name: str, permissions: Iterable[str]) -> dict[str, object]:
    actions = [p.split(" on ", 1) for p in permissions]
    return {"name": name, "actions": [{"action": {"name": a}, "resource": {"name": r}} for a, r in actions]}


def sample(
    dag_id: str,
    *,
    tags: Iterable[str] = (),
    owners: tuple[str, ...] = ("airflow",),
    access_control: Mapping[str, Iterable[str]] | None = None,
) -> DagFile:
    """Describe one DAG file."""
    control = None if access_control is None else {role: frozenset(a) for role, a in access_control.items()}
    return DagFile(dag_id, tuple(tags), owners, access_control=control)


def account(username: str) -> str:
    """Give the key of an account, as the stand-in keeps it."""
    return key(username)


def write(folder: Path, name: str, text: str) -> Path:
    """Write a file below a folder, making what is missing of the way."""
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file
