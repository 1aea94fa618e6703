"""What a role lets a person do with its DAGs, tried by acting as that person.

Each row is an ability, and the letters are people: `v`, `t`, `e`, `o` hold the level view, trigger, edit or own on fin_daily and
nothing else, chosen in every way in which DAGs are chosen; `r` holds trigger and may delete runs, `d` holds view and may delete
the DAG; `u` has what Airflow's User has, on fin_daily only. Every row is tried on a DAG of which they have no role, too, and
must be refused there. docs/levels.md has the table, and this one, which is written by `make golden`.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import requests
from site_fleet import Fleet
from sites import Hands, Site

OWN, FOREIGN = "fin_daily", "plat_cleanup"
ROLES = {
    "view": "{dags: [{level: view, tag: {all: [finance, daily]}, path: '*daily.py'}]}",
    "trigger": "{dags: [{level: trigger, id: [fin_daily, plat_cleanup], not: {tag: infra}}]}",
    "edit": "{dags: [{level: edit, id: '/fin_dail[xyz]/'}]}",
    "runs": "{dags: [{level: trigger, tag: {any: [finance, nothing], all: [daily]}, also: delete_runs}]}",
    "delete": "{dags: [{level: view, owner: fin-team, not: [{id: '*_monthly'}, {tag: infra}], also: delete_dag}]}",
    "user": "{extends: User, without: all_dags, dags: [{level: edit, id: fin_daily}]}",
    "own": "{dags: [{level: own, tag: daily}]}",
}
"""What each person has."""
ONLY_3 = {
    "view": "{dags: [{level: view, id: 'fin_*', bundle: dags-folder, not: {path: '*monthly.py'}}]}",
    "edit": "{dags: [{level: edit, tag: [daily, nothing], not: {bundle: another}}]}",
}
"""What they have on Airflow 3 instead, which says in which bundle a DAG is."""
SEES_BESIDES = {"user": ("pools", "import errors")}
Ability = Callable[[Hands, str, str], int]


def get(path: str) -> Ability:
    return lambda who, dag, run: who.call("GET", "dags", path.format(dag=dag, run=run)).status_code


def patch(path: str, **body: Any) -> Ability:
    return lambda who, dag, run: who.call("PATCH", "dags", path.format(dag=dag, run=run), json=body).status_code


def post(path: str, **body: Any) -> Ability:
    return lambda who, dag, run: who.call("POST", "dags", path.format(dag=dag, run=run), json=body).status_code


TABLE: dict[str, tuple[Ability, str]] = {
    "see the DAG": (get("dags/{dag}"), "v t e r d u o"),
    "see its details": (get("dags/{dag}/details"), "v t e r d u o"),
    "see its tasks": (get("dags/{dag}/tasks"), "v t e r d u o"),
    "see its runs": (get("dags/{dag}/dagRuns"), "v t e r d u o"),
    "see its task instances": (get("dags/{dag}/dagRuns/{run}/taskInstances"), "v t e r d u o"),
    "see XComs": (get("dags/{dag}/dagRuns/{run}/taskInstances/only/xcomEntries"), "v t e r d u o"),
    "pause": (patch("dags/{dag}", is_paused=True), "t e r u o"),
    "run": (lambda who, dag, _run: who.trigger(dag), "t e r u o"),
    "clear a run": (post("dags/{dag}/dagRuns/{run}/clear", dry_run=True), "e u o"),
    "mark a run": (patch("dags/{dag}/dagRuns/{run}", state="success"), "e u o"),
    "clear tasks": (post("dags/{dag}/clearTaskInstances", dry_run=True), "e u o"),
    "write a note": (lambda who, dag, run: note(who, dag, run), "e u o"),
    "delete a run": (
        lambda who, dag, run: who.call("DELETE", "dags", f"dags/{dag}/dagRuns/{run}").status_code,
        "r u o",
    ),
    "delete the DAG": (lambda who, dag, _run: who.call("DELETE", "dags", f"dags/{dag}").status_code, "d o"),
}
NEVER = {
    "pools": "pools",
    "connections": "connections",
    "variables": "variables",
    "import errors": "importErrors",
    "audit log": "eventLogs",
}


def note(who: Hands, dag: str, run: str) -> int:
    if who.site.generation == 2:
        return patch("dags/{dag}/dagRuns/{run}/setNote", note="seen")(who, dag, run)
    return patch("dags/{dag}/dagRuns/{run}", note="seen")(who, dag, run)


def wrong_levels(site: Site, folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Give people a level each and act as them; gives what they can do and must not, and what they cannot and must."""
    people = act_as_people(site, folder, monkeypatch)
    admin = Hands(site)
    runs = {dag: a_run(admin, dag) for dag in (OWN, FOREIGN)}
    wrong = [said for level, who in people.items() for said in looks_wrong(level, who, admin)]
    try:
        return [*wrong, *(said for ability in TABLE for said in acts_wrong(ability, people, runs))]
    finally:
        site.parse_again()  # one of them deleted the DAG


def looks_wrong(level: str, who: Hands, admin: Hands) -> Iterator[str]:
    if {OWN} != (listed := who.listed()):
        yield f"{level} lists {listed}"
    for dag, shown in ((OWN, True), (FOREIGN, False)):
        if shown != source_is_shown(who, admin, dag):
            yield f"{level}: the code of {dag} is {'not ' if shown else ''}shown"
    # Airflow 2 lets five people log in within 40 s; `runs` is shown what `trigger` is, `delete` what `view` is.
    for page, status in pages(who).items() if level not in ("runs", "delete") else ():
        if status != 200:
            yield f"{level}: the page {page} gives {status}"
    for what, path in NEVER.items():
        if what not in SEES_BESIDES.get(level, ()) and 403 != (status := who.call("GET", "dags", path).status_code):
            yield f"{level} must not see {what}: {status}"


def acts_wrong(ability: str, people: Mapping[str, Hands], runs: Mapping[str, str]) -> Iterator[str]:
    act, allowed = TABLE[ability]
    for level, who in people.items():
        own, foreign = act(who, OWN, runs[OWN]), act(who, FOREIGN, runs[FOREIGN])
        may = level[0] in allowed.split()
        if (own == 403) == may or own >= 500 or foreign != 403:
            yield f"{level}: {ability}: {own} on its own DAG, {foreign} on another"


def act_as_people(site: Site, folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Hands]:
    """Give people a role each, by syncd, and be them."""
    tag = uuid.uuid4().hex[:6]
    roles = roles_on(site.generation)
    fleet = Fleet(folder, {"site": site}, monkeypatch, groups={who: [] for who in roles}, extra=where_dags_are(site))
    names = {who: fleet.add_person(f"{who}{tag}", who) for who in roles}
    defined = [f"  {who}-{tag}: {body}" for who, body in roles.items()]
    bindings = [f"  - {{group: 'people:{who}', roles: [{who}-{tag}], deployments: all}}" for who in roles]
    fleet.write(mapping="\n".join(["roles:", *defined, "bindings:", *bindings]) + "\n")
    fleet.apply()
    return {who: Hands(site).act_as(name) for who, name in names.items()}


def roles_on(generation: int) -> Mapping[str, str]:
    return ROLES if generation == 2 else ROLES | ONLY_3


def where_dags_are(site: Site) -> str:
    """Say what Airflow 2 does not: which folder it took for that of all DAGs when it read them; paths are seen from there."""
    if site.generation == 3:
        return ""
    return f'dags_folder = "{Path(Hands(site).call("GET", "dags", f"dags/{OWN}").json()["fileloc"]).parent}"'


def a_run(admin: Hands, dag: str) -> str:
    run = f"run-{uuid.uuid4().hex[:6]}"
    assert 200 == admin.trigger(dag, run)
    return run


def source_is_shown(who: Hands, admin: Hands, dag: str) -> bool:
    """Say whether the code of a DAG can be read; Airflow 2 finds it by a token that the DAG's details name."""
    if who.site.generation == 3:
        answer = who.call("GET", "dags", f"dagSources/{dag}")
    else:
        token = admin.call("GET", "dags", f"dags/{dag}").json()["file_token"]
        answer = who.call("GET", "dags", f"dagSources/{token}", headers={"Accept": "text/plain"})
    assert answer.status_code in {200, 403}
    return answer.status_code == 200


def pages(who: Hands) -> dict[str, int]:
    """Open the pages that a person opens first, as the browser does."""
    site = who.site
    if site.generation == 3:
        headers = {"Authorization": f"Bearer {who.bearer()}"}
        paths = {"home": "/ui/dags", "grid": f"/ui/grid/structure/{OWN}"}
        return {n: requests.get(site.url + p, headers=headers, timeout=60).status_code for n, p in paths.items()}
    with requests.Session() as browser:
        login = browser.get(f"{site.url}/login/", timeout=60).text
        token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', login)
        assert token is not None
        form = {"username": who.username, "password": who.password, "csrf_token": token[1]}
        browser.post(f"{site.url}/login/", data=form, timeout=60)
        paths = {"home": "/home", "grid": f"/dags/{OWN}/grid"}
        answers = {n: browser.get(site.url + p, timeout=60) for n, p in paths.items()}
        return {n: a.status_code if a.url.split("?")[0].endswith(paths[n]) else 302 for n, a in answers.items()}


# --- what the page says -----------------------------------------------------------------------------------------------

_LETTERS = {who[0]: who for who in ROLES}


def told() -> Iterator[str]:
    """Write the tables of what was tried: the roles, and what they let people do."""
    yield "| | Airflow 2 | Airflow 3, where it was another role |"
    yield "|---|---|---|"
    yield from (f"| {who} | `{body}` | {f'`{ONLY_3[who]}`' if who in ONLY_3 else ''} |" for who, body in ROLES.items())
    yield ""
    yield f"| on the DAG `{OWN}`, and never on `{FOREIGN}` | {' | '.join(ROLES)} |"
    yield f"|---|{'---|' * len(ROLES)}"
    for ability, (_, allowed) in TABLE.items():
        may = {_LETTERS[letter] for letter in allowed.split()}
        yield f"| {ability} | {' | '.join('yes' if who in may else 'no' for who in ROLES)} |"
