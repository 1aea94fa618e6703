"""What does a pass that changes nothing cost over the bare requests for the same pages?

A real Airflow 3 with 2,000 users and 100 roles, all as the mapping says. The floor, in the same run and in turn: one
login, then the pages of roles, users and DAGs with `requests`, decoded and thrown away.
Run: python benchmarks/sweep.py
"""

from __future__ import annotations

import json
import os
import sqlite3
import statistics
import tempfile
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import requests

from syncd.app import build, open_store
from syncd.config import load
from syncd.mapping.compile import compile_desired
from syncd.model import DesiredState
from syncd.reconcile import World, plan, read_directory
from syncd.sandbox.servers import RealAirflow, write_sample_dags

PEOPLE, ROLES, BULK, RUNS = 2_000, 100, 100, 25

CONFIG = """
[mappings]
directory = "mappings"
[sources.people]
type = "file"
directory = "people"
[deployments.prod]
url = "{url}"
labels = {{env = "prod"}}
auth = {{kind = "token", username = "admin", password = {{env = "SWEEP_PASSWORD"}}}}
"""


def write_world(folder: Path, url: str) -> Path:
    """Write a configuration, 2,000 people in 100 groups, and a role for each group."""
    teams = [f"team{n:03}" for n in range(ROLES)]
    people = [f"p{n:04}" for n in range(PEOPLE)]
    members = [{"name": team, "members": people[n::ROLES]} for n, team in enumerate(teams)]
    logins = [{"login": p, "email": f"{p}@example.com", "given_name": "Ada", "family_name": "Poe"} for p in people]
    directory = json.dumps({"people": logins, "groups": members})
    mapping = ["roles:"]
    mapping += [f"  {t}: {{dags: [{{level: trigger, id: 'bulk_0{n % 10}*'}}]}}" for n, t in enumerate(teams)]
    mapping += ["bindings:"]
    mapping += [f"  - {{group: 'people:{t}', roles: [{t}], deployments: all}}" for t in teams]
    for name, text in (("people/all.json", directory), ("mappings/teams.yaml", "\n".join(mapping))):
        (folder / name).parent.mkdir()
        (folder / name).write_text(text)
    (folder / "config.toml").write_text(CONFIG.format(url=url))
    return folder / "config.toml"


def silence(_event: str, /, **_facts: object) -> None:
    """Take note of nothing."""


def wanted(world: World) -> DesiredState:
    """Compile what the mapping wants of the only deployment."""
    target = world.targets[0]
    session = target.open(None)
    session.look()
    return compile_desired(
        world.rules,
        read_directory(world),
        target.deployment,
        inventory=session.inventory(),
        dialect=session.dialect(),
        now=world.clock(),
    )


def fill(database: Path, desired: DesiredState) -> None:
    """Write roles and users straight into Airflow's database: 2,000 password hashes would take minutes."""
    with closing(sqlite3.connect(database, timeout=30)) as db, db:

        def row(table: str, **values: object) -> int:
            names, holes = ", ".join(values), ", ".join("?" * len(values))
            found = db.execute(
                f"select id from {table} where {' and '.join(f'{n} = ?' for n in values)}",  # noqa: S608  our words
                tuple(values.values()),
            ).fetchone()
            if found:
                return int(found[0])
            made = db.execute(f"insert into {table} ({names}) values ({holes})", tuple(values.values()))  # noqa: S608
            return int(made.lastrowid or 0)

        ids = {}
        for role in desired.roles.values():
            ids[role.name] = row("ab_role", name=role.name)
            for permission in role.permissions:
                action = row("ab_permission", name=permission.action)
                view = row("ab_view_menu", name=permission.resource)
                pair = row("ab_permission_view", permission_id=action, view_menu_id=view)
                row("ab_permission_view_role", permission_view_id=pair, role_id=ids[role.name])
        for user in desired.users.values():
            number = row(
                "ab_user",
                username=user.username,
                first_name=user.first_name,
                last_name=user.last_name,
                email=user.email,
                password="x",  # no hash has this form
                active=True,
            )
            for name in user.roles:
                row("ab_user_role", user_id=number, role_id=ids[name])


def bare(url: str) -> int:
    """Ask for the same pages with nothing around it; gives the number of rows."""
    rows = 0
    with requests.Session() as http:
        answer = http.post(f"{url}/auth/token", json={"username": "admin", "password": "admin"}, timeout=60)
        http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        for path, key in (("auth/fab/v1/roles", "roles"), ("auth/fab/v1/users", "users"), ("api/v2/dags", "dags")):
            offset, total = 0, 1
            while offset < total:
                page = http.get(f"{url}/{path}", params={"limit": 100, "offset": offset}, timeout=60).json()
                total = page["total_entries"]
                offset += len(page[key])
            rows += offset
    return rows


def main() -> None:
    os.environ["SWEEP_PASSWORD"] = "admin"  # of a server that nobody else can reach
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        write_sample_dags(folder / "dags", bulk=BULK)
        with RealAirflow("3.3.2", dags=folder / "dags") as server:
            settings = load(write_world(folder, server.url))
            store = open_store(settings)
            world = build(settings, store, emit=silence)
            fill(server.database, wanted(world))
            ours, floor, calls = [], [], 0
            for run in range(RUNS + 1):
                started, cpu = time.perf_counter(), time.process_time()
                report = plan(replace(world))
                middle, own_cpu = time.perf_counter(), time.process_time() - cpu
                rows = bare(server.url)
                ended, bare_cpu = time.perf_counter(), time.process_time() - cpu - own_cpu
                (done,) = report.deployments
                if done.error:
                    raise done.error
                assert done.plan is not None
                assert not done.plan.changes, done.plan.changes[:3]
                assert rows >= PEOPLE + ROLES
                calls, stages = done.calls, {stage: round(s, 2) for stage, s in done.seconds.items()}
                if run:
                    ours.append(middle - started)
                    floor.append(ended - middle)
            store.close()
    ratios = sorted(a / b for a, b in zip(ours, floor, strict=True))
    print(f"{PEOPLE:,} users, {ROLES} roles, {BULK + 4} DAGs on a real Airflow 3.3.2; {calls} calls in a pass")
    print(f"no-op plan {statistics.median(ours):.2f} s, bare requests {statistics.median(floor):.2f} s")
    print(
        f"processor time of the last pair: ours {own_cpu:.2f} s, bare {bare_cpu:.2f} s; the rest is waiting for the server"
    )
    print(f"seconds by stage in the last pass: {stages}; in all {report.seconds:.2f}")
    print(
        f"ratio, pair by pair: median {statistics.median(ratios):.3f}, {ratios[0]:.3f} to {ratios[-1]:.3f} (goal 1.05)"
    )


if __name__ == "__main__":
    main()
