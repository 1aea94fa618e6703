"""How long do questions about a large fleet take, asked of the mapping files and what was seen last?

1,000 rules with as many roles, each for five of 200 deployments; 5,000 DAGs (all of them on one deployment, 25 of them on each of
the others); 50,000 people in 1,000 groups, so 1,250 accounts on each deployment.
Processor time of whole processes, each with its ratio to a floor that is measured right before: a process that imports the
libraries which every command has that reads the database (typer, pydantic, sqlalchemy), and parses the same YAML and JSON bare.
Run: python benchmarks/mapping.py
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from syncd.access.standing import compiled
from syncd.app import open_store, read_rules
from syncd.cli.known import answered_from, kept_in_store
from syncd.config import load
from syncd.directory.expand import expand
from syncd.mapping.parse import parse
from syncd.model import Dag, LastSeen, Learned, ObservedState, Owned, Rules, Sighting
from syncd.store import Stores
from syncd.targets.airflow.abilities import Capabilities, written
from syncd.targets.airflow.naming import NAMING

RULES, DEPLOYMENTS, DAGS, PEOPLE, KINDS, EACH = 1_000, 200, 5_000, 50_000, 40, 25
NOW = datetime.now(UTC)
GOALS = {"check": 2.0, "compile of one deployment": 0.2, "who --dag": 1.0, "diff": 5.0}
PATTERN = """
roles: {"{n}-pattern": {dags: [{level: trigger, id: "team{n}_*"}]}}
bindings: [{group: "people:g0{n}", unless: ["g0[5-9]*"], roles: ["{n}-pattern"], deployments: all}]
"""
"""Fits half of the groups: 500 roles, each given on every deployment."""


def write_world(folder: Path) -> Path:
    """Write configuration, mapping files and people."""
    config = ['[mappings]\ndirectory = "mappings"\n[sources.people]\ntype = "file"\ndirectory = "people"\n']
    for n in range(DEPLOYMENTS):
        auth = 'auth = {kind = "token", username = "a", password = {env = "NOWHERE"}}'
        config.append(
            f'[deployments.d{n:03}]\nurl = "https://d{n:03}.example.com"\nlabels = {{kind = "k{n % KINDS}"}}\n{auth}\n'
        )
    (folder / "config.toml").write_text("".join(config))
    write_mapping(folder / "mappings", more=False)
    write_mapping(folder / "changed", more=True)
    people = [{"login": f"p{n:05}", "email": f"p{n:05}@example.com"} for n in range(PEOPLE)]
    logins = [str(p["login"]) for p in people]
    groups = [{"name": f"g{n:04}", "members": logins[n::RULES]} for n in range(RULES)]
    (folder / "people").mkdir()
    (folder / "people/all.json").write_text(json.dumps({"people": people, "groups": groups}))
    return folder / "config.toml"


def write_mapping(folder: Path, *, more: bool) -> None:
    """Write a role and a binding for each group in ten files; `more`: one of them gives one role more everywhere."""
    folder.mkdir()
    for file in range(10):
        mine = range(file, RULES, 10)
        roles = [f"  r{n:04}: {{dags: [{{level: trigger, id: 'team{n % 100:02}_*'}}]}}" for n in mine]
        lines = [
            f"  - {{group: 'people:g{n:04}', roles: [r{n:04}], deployments: {{kind: k{n % KINDS}}}}}" for n in mine
        ]
        lines += ["  - {group: people:g0001, roles: [r0000], deployments: all}"] if more and file == 0 else []
        (folder / f"team{file}.yaml").write_text("\n".join(["roles:", *roles, "bindings:", *lines]))


def look_at_all(config: Path) -> None:
    """Keep of each deployment a look that found all as the mapping says."""
    settings, rules = load(config), read_rules(load(config))
    every = tuple(Dag(f"team{n % 100:02}_{n:04}", frozenset({f"t{n % 100}"})) for n in range(DAGS))
    learned = written(Capabilities(3, "3.3.2", "fab"))
    with closing(open_store(settings)) as store:
        for n, each in enumerate(settings.deployments):
            keep(store, each.deployment.name, every if n == 0 else every[n::DEPLOYMENTS][:EACH], learned)
        of = answered_from(
            settings,
            rules,
            kept_in_store(settings, store, only=[d.deployment.name for d in settings.deployments]),
            deployments=(),
        )
        for known in of.deployments:
            wanted = compiled(rules, of.view.directory, known, now=NOW)
            dags = known.seen.dags if known.seen else ()
            found = ObservedState(known.name, wanted.users, wanted.roles)
            store.looks.keep(known.name, Sighting(datetime.now(UTC), found, learned, "a", dags))
            grants = {name: user.roles for name, user in wanted.users.items()}
            store.holdings.adopt(known.name, Owned(roles=frozenset(wanted.roles), grants=grants))


def keep(store: Stores, name: str, dags: tuple[Dag, ...], learned: Learned) -> None:
    store.looks.keep(name, Sighting(NOW, ObservedState(name, {}, {}), learned, "a", dags))


BARE = """
import json, pathlib, sys
import pydantic.main, sqlalchemy, typer._adapters, typer.main
from yaml.cyaml import CBaseLoader
for file in sorted(pathlib.Path("mappings").glob("*.yaml")):
    CBaseLoader(file.read_text()).get_single_node()
json.loads(pathlib.Path("people/all.json").read_text())
"""


def timed(config: Path, *words: str) -> tuple[float, float]:
    """Give the seconds of a processor that a command takes, and the ratio to the floor."""
    floor = processor_s(["-c", BARE], config.parent)
    seconds = processor_s(["-m", "syncd", "-c", str(config), *words], config.parent)
    return seconds, seconds / floor


def processor_s(words: list[str], folder: Path) -> float:
    """Give the processor time of one process: on a machine that is busy with other things the clock says little."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    bytecode = {"PYTHONPYCACHEPREFIX": str(folder / "pyc"), "PYTHONDONTWRITEBYTECODE": ""}
    around = {**os.environ, **bytecode}
    done = subprocess.run([sys.executable, *words], check=False, capture_output=True, cwd=folder, env=around)
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def compile_one(config: Path, rules: Rules) -> float:
    """Give the seconds of compiling the deployment with all DAGs."""
    settings = load(config)
    with closing(open_store(settings)) as store:
        of = answered_from(settings, rules, kept_in_store(settings, store, only=["d000"]), deployments=["d000"])
    [known] = of.deployments
    assert isinstance(known.seen, LastSeen)
    started = time.process_time()
    compiled(rules, of.view.directory, known, now=NOW)
    return time.process_time() - started


def expand_one(config: Path, rules: Rules) -> float:
    """Give the seconds in which a pattern becomes a rule and a role for each group, the first time for these rules and groups."""
    settings = load(config)
    with closing(open_store(settings)) as store:
        of = answered_from(settings, rules, kept_in_store(settings, store, only=()), deployments=())
    started = time.process_time()
    made = expand(rules, of.view.directory).rules.bindings
    assert sum(bool(rule.captured) for rule in made) == 500
    return time.process_time() - started


def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        config = write_world(Path(directory))
        look_at_all(config)
        print_compiling(config)
        asked = {
            "check": ("check",),
            "who --dag": ("who", "--dag", "team07_0007", "-o", "json"),
            "who --dag of the one deployment": ("who", "-d", "d007", "--dag", "team07_0007", "-o", "json"),
            "explain": ("explain", "p00007", "-d", "d000"),
            "explain everywhere": ("explain", "p00007"),
            "diff": ("diff", f"{directory}/mappings", f"{directory}/changed", "-o", "json"),
        }
        timed(config, *asked["who --dag of the one deployment"])  # makes the byte code
        for name, words in asked.items():
            seconds, ratio = timed(config, *words)
            print(f"{name}: {seconds:.2f} s, {ratio:.1f} times the floor{_goal(name)}")


def print_compiling(config: Path) -> None:
    rules, pattern = read_rules(load(config)), parse({"p.yaml": PATTERN.encode()}, namings=[NAMING])
    both = replace(rules, bindings=rules.bindings + pattern.bindings, templates=pattern.templates, namings=(NAMING,))
    found = {
        "compile of one deployment": min(compile_one(config, rules) for _ in range(3)),
        "500 groups of a pattern": expand_one(config, pattern),
        "500 groups of a pattern again": expand_one(config, pattern),
        "compile with 500 roles by a pattern": min(compile_one(config, both) for _ in range(3)),
    }
    for name, seconds in found.items():
        print(f"{name}: {seconds:.2f} s{_goal(name)}")


def _goal(name: str) -> str:
    return f" (goal {GOALS[name]} s)" if name in GOALS else ""


if __name__ == "__main__":
    main()
